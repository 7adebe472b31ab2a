"""A derivation as lines of text: chains of single reasons run together, the rest is an indented tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from membar_check.explain.explanation import Derivation
from membar_check.records import dataclass, field
from membar_check.report.explain.words import Names

# Filters that say no more than the events do, and parts of an intersection that need no line of their own.
_PLAIN_SETS = frozenset(("[M]", "[R]", "[W]", "[F]", "[_]", "id"))
_SIDE = frozenset(("int", "ext", "loc", "id", "po", "po-loc"))
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_RULES = {"is one of": "because", "both": "because of both", "base": "with"}


@dataclass(frozen=True, slots=True)
class TreeLine:
    """``edge`` the two places, "" where they have just been named; ``reason`` what holds between them."""

    depth: int
    edge: str
    reason: str


def unfold(step: Derivation, names: Names) -> Iterator[TreeLine]:
    """The reasons for an edge that has been named with its relation; nothing for a base relation without a note."""
    chain = _chain(step, names)
    reasons = [f"because {phrase}" for phrase in chain.phrases[1:]]
    if not reasons and (step.note or chain.through):
        reasons = [step.note] if step.note else []
    reason = ", ".join(reasons) + _rest(chain, names, bool(reasons))
    if reason:
        yield TreeLine(0, "", reason)
    for part in chain.parts:
        yield from _tree(part, names, 1)


def path_of(step: Derivation) -> tuple[Derivation, ...]:
    """The edges that an edge consists of, in order: those of its sequences and chains, of which each leads on from the
    one before; the edge itself where it is none, or is program order on the way past a fence."""
    inner = step
    while len(inner.because) == 1 and (inner.because[0].source, inner.because[0].target) == (step.source, step.target):
        inner = inner.because[0]
    parts, _ = _split(inner)
    if inner.rule == "both":
        parts, _ = _sides(parts)
        path = path_of(parts[0]) if len(parts) == 1 else ()
        return path if len(path) > 1 else (step,)
    if len(parts) < 2 or all(part.relation == "po" for part in parts):
        return (step,)
    ends = [(step.source, step.source), *((part.source, part.target) for part in parts), (step.target, step.target)]
    if any(before != after for (_, before), (after, _) in pairwise(ends)):
        return (step,)
    return tuple(edge for part in parts for edge in path_of(part) if edge.source != edge.target)


def one_line(derivation: Derivation, names: Names) -> str:
    """``hb, because ppo, because fence``: the chain of single reasons only."""
    chain = _chain(derivation, names)
    return ", because ".join(chain.phrases) + _through(chain, names)


def _tree(derivation: Derivation, names: Names, depth: int) -> Iterator[TreeLine]:
    chain = _chain(derivation, names)
    yield TreeLine(depth, _edge(derivation, names), ", because ".join(chain.phrases) + _rest(chain, names, True))
    for part in chain.parts:
        yield from _tree(part, names, depth + 1)


def _edge(derivation: Derivation, names: Names) -> str:
    if derivation.source == derivation.target:
        return names.where(derivation.source)
    return f"{names.where(derivation.source)} → {names.where(derivation.target)}"


@dataclass(slots=True)
class _Chain:
    """Reasons that run together; ``through``: events that program order leads through; ``filters``: parts that say in
    which set an event is; ``parts``: what remains to be told, joined by ``rule``."""

    phrases: list[str]
    through: list[int] = field(default_factory=list)
    filters: list[Derivation] = field(default_factory=list)
    parts: tuple[Derivation, ...] = ()
    rule: str = ""


def _chain(derivation: Derivation, names: Names) -> _Chain:
    chain = _Chain([_phrase(derivation)])
    named = True  # whether the last reason is to stay when a further one follows
    while derivation.because:
        parts, filters = _split(derivation)
        chain.filters += filters
        same = all((part.source, part.target) == (derivation.source, derivation.target) for part in parts)
        if len(parts) > 1 and all(part.relation == "po" and not part.because for part in parts):
            chain.through = [part.target for part in parts[:-1]]
            break
        parts, beside = _sides(parts) if same else (parts, "")
        if len(parts) > 1 or not same:
            chain.parts, chain.rule = parts, _RULES.get(derivation.rule, derivation.rule) or "because"
            break
        phrase = _phrase(parts[0]) + beside
        if not named:
            chain.phrases.pop()
        if phrase != chain.phrases[-1]:
            chain.phrases.append(phrase)
        derivation = parts[0]
        named = bool(_NAME.fullmatch(derivation.relation) or derivation.note)
    if len(chain.phrases) > 1 and chain.phrases[-1] == "po" and chain.phrases[-2].endswith(")"):
        chain.phrases.pop()  # the note says what stands between
    chain.filters = [part for part in chain.filters if part.source not in chain.through]
    return chain


def _split(derivation: Derivation) -> tuple[tuple[Derivation, ...], list[Derivation]]:
    """The parts between events, and those that say in which set an event is where the event does not show it."""
    if derivation.source == derivation.target:
        return derivation.because, []
    telling = tuple(part for part in derivation.because if part.source != part.target or part.because)
    if not telling:
        return derivation.because, []
    filters = [part for part in derivation.because if part.source == part.target and not part.because]
    return telling, [part for part in filters if part.relation not in _PLAIN_SETS]


def _sides(parts: tuple[Derivation, ...]) -> tuple[tuple[Derivation, ...], str]:
    """Of an intersection the parts that need a line, and the others in words: `` and ext``."""
    side = [part for part in parts if part.relation in _SIDE and not part.because and not part.note]
    if not side or len(parts) - len(side) != 1:
        return parts, ""
    beside = "".join(f" and {part.relation}" for part in side)
    return tuple(part for part in parts if not any(part is other for other in side)), beside


def _phrase(derivation: Derivation) -> str:
    return f"{derivation.relation} ({derivation.note})" if derivation.note else derivation.relation


def _rest(chain: _Chain, names: Names, follows: bool) -> str:
    """What comes after the reasons: events on the way, sets, and how the parts below belong together."""
    text = _through(chain, names)
    if chain.filters:
        sets = [f"{names.where(part.source)} is in {part.relation}" for part in chain.filters]
        text += f" (where {' and '.join(sets)})"
    if chain.parts:
        text += f", {chain.rule}:"
    return text if follows else text.removeprefix(", ").removeprefix(" ")


def _through(chain: _Chain, names: Names) -> str:
    return f", through {', '.join(map(names.full, chain.through))}" if chain.through else ""
