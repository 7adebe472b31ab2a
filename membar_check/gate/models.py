"""The parts of a model by name, each with a digest, so that a change of the model can be named.

A part's own digest is that of its text without spaces and comments; that of an axiom is followed by the digest of its
compiled form, which changes with every definition that matters to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from membar_check.diagnostics import MembarError, Span
from membar_check.gate.digests import NodeDigests, digest, macro_digests, macros_digest, tree_digest
from membar_check.gate.record import position_of
from membar_check.gate.report_data import ModelChange, Position
from membar_check.records import dataclass, field

if TYPE_CHECKING:
    from membar_check.cat.syntax import Stmt
    from membar_check.engine.models import Model
    from membar_check.program.macros import Macros

Part = tuple[str, str]  # what it is, its name

_ORDER = ("axiom", "flag", "choice", "definition", "library", "macro", "macros", "model")


@dataclass(slots=True)
class Parts:
    """``digests`` and ``places`` by part; ``file``: that of the model."""

    file: str
    digests: dict[Part, str] = field(default_factory=dict)
    places: dict[Part, Position] = field(default_factory=dict)

    def add(self, part: Part, value: str, span: Span | None) -> None:
        """Adds a part, or a further definition of the same name."""
        known = self.digests.get(part)
        self.digests[part] = value if known is None else _short(known, value)
        place = position_of(span)
        if place is not None:
            self.places[part] = place


def _short(*texts: str) -> str:
    return digest(*texts)[:16]


def parts_of(model: Model, each_macro: bool = False) -> Parts:
    """The parts of a model; with ``each_macro`` every macro by its name, else their files as a whole.

    Raises InputError where its text cannot be read any more.
    """
    from membar_check.engine.models import get_macros

    loaded, bell = model.load()
    parts = Parts(str(model.path))
    for statements in (bell.resolved(model.request.variants) if bell else (), _body(model)):
        for part, tree, span in _named(statements):
            parts.add(part, _short(tree_digest(tree)), span)
    parts.add(("library", "stdlib.cat"), _short(tree_digest(loaded.prelude)), None)
    _add_meanings(parts, model)
    if model.macros is not None:
        _add_macros(parts, get_macros(model.macros), each_macro)
    return parts


def _body(model: Model) -> tuple[Stmt, ...]:
    from membar_check.cat.loader import resolve

    return tuple(resolve(model.load()[0].body, model.request.variants))


def _named(statements: tuple[Stmt, ...]) -> Iterator[tuple[Part, object, Span]]:
    """What the statements define, check and choose: the part, its syntax tree, where it stands."""
    from membar_check.cat.syntax import Call, Check, Enum, Let, Procedure, With

    unnamed: dict[str, int] = {}
    for statement in statements:
        if isinstance(statement, Let):
            for binding in statement.bindings:
                name = binding.name or ", ".join(binding.pattern)
                yield ("definition", name), (statement.recursive, binding), binding.span
            if statement.when is not None:
                yield _check_part(statement.when, unnamed), statement.when, statement.when.span
        elif isinstance(statement, Check):
            yield _check_part(statement, unnamed), statement, statement.span
        elif isinstance(statement, With):
            yield ("choice", statement.variable), statement, statement.span
        elif isinstance(statement, (Procedure, Enum)):
            yield ("definition", statement.name), statement, statement.span
        elif isinstance(statement, Call) and statement.label:
            yield ("axiom", statement.label), statement, statement.span


def _check_part(check: object, unnamed: dict[str, int]) -> Part:
    """The part that a check is; those without a name are numbered."""
    what = "flag" if getattr(check, "prefix", "") == "flag" else "axiom"
    name, test = str(getattr(check, "name", "")), str(getattr(check, "test", ""))
    if name:
        return what, name
    unnamed[test] = unnamed.get(test, 0) + 1
    return what, f"{test}#{unnamed[test]}"


def _add_meanings(parts: Parts, model: Model) -> None:
    """Puts the digests of what the checks are compiled to behind those of their texts."""
    if model.compiled is None:
        return
    nodes = NodeDigests(model.compiled)
    unnamed: dict[str, int] = {}
    meanings: dict[Part, list[str]] = {}
    for check in model.compiled.checks:
        part = _check_part(check, unnamed)
        meanings.setdefault(part, []).append(_short(check.prefix, str(check.negated), check.test, nodes.of(check.node)))
        place = position_of(check.span)
        if place is not None:
            parts.places.setdefault(part, place)
    for part, found in meanings.items():
        parts.digests[part] = f"{parts.digests.get(part, '-')}/{_short(*found)}"


def _add_macros(parts: Parts, macros: Macros, each: bool) -> None:
    if not each:
        parts.digests["macros", os.path.basename(macros.source.name)] = _short(macros_digest(macros))
        return
    if macros.base is not None:
        _add_macros(parts, macros.base, each)
    for name, value in macro_digests(macros).items():
        plain = name.removesuffix(" {}")
        parts.digests["macro", plain] = _short(parts.digests.get(("macro", plain), ""), value)
        kept = macros.expressions.get(plain) or macros.statements.get(plain)
        if kept is not None:
            place = position_of(kept.span)
            assert place is not None
            parts.places["macro", plain] = place


def changes(name: str, old: dict[Part, str], new: Parts) -> tuple[ModelChange, ...]:
    """What differs between the parts of a model as they were and as they are; for a model whose digest has changed."""
    found: list[ModelChange] = []
    for part in sorted(old.keys() | new.digests.keys(), key=lambda part: (_ORDER.index(part[0]), part[1])):
        before, after = old.get(part), new.digests.get(part)
        if before == after:
            continue
        place = new.places.get(part, Position(new.file, 1))
        if before is None or after is None:
            how = "removed" if after is None else "added"
        else:
            how = "affected" if "/" in before and before.split("/")[0] == after.split("/")[0] != "-" else "changed"
        found.append(ModelChange(name, part[0], part[1], how, place))
    if all(change.how == "affected" for change in found):
        found.insert(0, ModelChange(name, "model", "", "changed", Position(new.file, 1)))
    return tuple(found)


def safe_parts(model: Model) -> dict[Part, str]:
    """The digests of the parts for a baseline; none for a model that cannot be read."""
    try:
        return parts_of(model).digests
    except MembarError:
        return {}
