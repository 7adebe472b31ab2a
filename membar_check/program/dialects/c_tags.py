"""What the tags of a C primitive make of its events.

Under the kernel's own model a tag is a set of that name, and what it orders is the model's affair; how the halves of a
read-modify-write carry it follows the kernel model's two ages (:mod:`membar_check.program.dialects.c_primitives`).

Under the model of an architecture (the macro file names a ``dialect``) tags are the sets of that architecture:
``{A/L}`` on an atomic puts its read in A and its write in L, ``{A/}`` only the read, ``{X}`` both.  ``ONCE`` says only
that the access is a single one.  ``EX`` stands for a load-exclusive and a store-exclusive in a loop, where nothing does
for a single instruction.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from membar_check.cat.primitives import known_sets
from membar_check.diagnostics import Unsupported
from membar_check.litmus.syntax import CCall, CExpr
from membar_check.program.dialects.c_values import ValueLowering
from membar_check.program.ir import Mark

Tags = tuple[str, ...]

RMW = frozenset(("RMW", "X"))
NO_TAGS: frozenset[str] = frozenset()
ONCE = ("once",)
_EXCLUSIVE = frozenset(("RMW", "EX"))


def check_arguments(b: ValueLowering, call: CCall, wanted: str, with_tags: bool = True) -> None:
    """Check the number of arguments against ``wanted`` (``X,V``), and that tags stand where they belong."""
    count = wanted.count(",") + 1 if wanted else 0
    shown = call.name + ("{tag}" if with_tags else "") + (f"({wanted})" if wanted else "")
    if len(call.args) != count:
        b.error(f"`{call.name}` has {len(call.args)} arguments, expected `{shown}`", call.span)
    if with_tags and not call.tags:
        b.error(f"`{call.name}` has no tag, expected `{shown}`", call.span)
    if call.tags and not with_tags:
        b.error(f"`{call.name}` takes no tags, expected `{shown}`", call.span)


@cache
def sets_of(tags: Tags, more: frozenset[str] = NO_TAGS) -> frozenset[str]:
    """The event sets for tags: ``once`` is the set ``Once``, ``rcu-lock`` the set ``Rcu-lock``."""
    return more.union(tag[0].upper() + tag[1:] for tag in tags)


@cache
def fence_of(tags: Tags) -> Mark:
    """The fence event of these tags."""
    return Mark(sets_of(tags, frozenset("F")))


def for_hardware(b: ValueLowering) -> bool:
    """Whether the primitives make events of an architecture."""
    return bool(b.macros.dialect)


@cache
def _half(tags: Tags, write: bool) -> Tags:
    """The tags of the read or of the write of an atomic."""
    parts = (tag.split("/") for tag in tags)
    return tuple(part for part in (words[-1 if write else 0] for words in parts) if part)


@cache
def _unknown(dialect: str, tags: Tags) -> str:
    """A tag that the architecture lacks, "" if it has them all."""
    known = known_sets(dialect, frozenset()) | {"ONCE"}
    return next((part for tag in tags for part in tag.split("/") if part and part not in known), "")


def check_tags(b: ValueLowering, call: CCall) -> None:
    """Raise Unsupported where the tags of ``call`` are none of the architecture."""
    if not for_hardware(b):
        return
    tag = _unknown(b.macros.dialect, call.tags)
    if not tag:
        return
    span = call.span if b.span is None else b.span
    lacking = f"{Path(b.macros.source.name).name} has no rule for `{call.name}{{{tag}}}`"
    what = f"`{span.text}` has no meaning under a model of {b.macros.dialect}: {lacking}"
    raise Unsupported(what, span, "judge this test under lkmm")


def tagged(b: ValueLowering, call: CCall) -> frozenset[str]:
    """The sets of a single access."""
    check_tags(b, call)
    return sets_of(call.tags)


def fence(b: ValueLowering, call: CCall) -> Mark:
    check_tags(b, call)
    return fence_of(call.tags)


def fence_argument(b: ValueLowering, argument: CExpr) -> Mark:
    """A fence that is the argument of a primitive, ``__fence{MB}``."""
    if isinstance(argument, CCall) and argument.name == "__fence" and argument.tags and not argument.args:
        return fence(b, argument)
    b.error(f"found `{argument.span.text}`, expected a fence such as `__fence{{MB}}`", argument.span)


def success_fence(b: ValueLowering, call: CCall, wanted: str) -> tuple[Mark, ...]:
    """The fence that follows only where the operation succeeds: a last argument, after those ``wanted``, which may be
    left out."""
    if len(call.args) != wanted.count(",") + 2:
        check_arguments(b, call, wanted)
        return ()
    check_arguments(b, call, f"{wanted},FENCE")
    return (fence_argument(b, call.args[-1]),)


def halves(b: ValueLowering, call: CCall) -> tuple[frozenset[str], frozenset[str], str]:
    """The sets of the read and of the write of a read-modify-write, and how they are paired (``ir.Load.atomic``)."""
    tags = call.tags
    if for_hardware(b):
        check_tags(b, call)
        read, write = _half(tags, False), _half(tags, True)
        more, kind = (_EXCLUSIVE, "ex") if "EX" in read else (RMW, "amo")
        return sets_of(read, more), sets_of(write, more), kind
    if b.lkmmv2:
        both = sets_of(tags, RMW)
        return both, both, "amo"
    acquire, release = tags if tags == ("acquire",) else ONCE, tags if tags == ("release",) else ONCE
    return sets_of(acquire, RMW), sets_of(release, RMW), "amo"


def fenced(b: ValueLowering, tags: Tags) -> bool:
    """Whether a read-modify-write stands between two full fences."""
    return not b.lkmmv2 and not for_hardware(b) and tags == ("mb",)
