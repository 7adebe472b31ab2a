"""Edges in diy's notation: ``Rfe PodRR Fre DMB.SYdWW``.

An edge leads from one access to the next: communication (``Rfe``, ``Fre``, ``Coe`` between threads, ``Rfi`` ... within
one; ``Ws`` is the old name of ``Co``), program order (``PodRW``: d another location, s the same, then the two
directions, ``*`` for whatever fits), fences (``DMB.SYdWR``, ``LwSyncdRW``; ``FencedWR``: the strong one),
dependencies (``DpAddrdR``, ``DpDatadW``, ``DpCtrlIsbdR``; ``DpdR``, ``CtrldW`` for short), read-modify-writes
(``Rmw``, ``Amo.Swp``).  Two annotations may follow, of its two ends: ``PodWWPL``; an annotation alone is one of the
access where it stands: ``Rfe A PodRR``.  Brackets around composite edges say nothing here.

For kernel C there are three more: ``RcudRR``: both ends in one read-side critical section; and fences, ``Sync-rcudWW``.
Source: the diy7 documentation, "A tutorial introduction to diy", and the output of its ``-show edges``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from membar_check.diagnostics import InputError, Source, Span
from membar_check.records import dataclass, replace
from membar_check.synth.edge_names import Annotation, Names, canonical, names_of

_COMMUNICATION = re.compile(r"(Rf|Fr|Co|Ws)([ei])")
_ENDS = {"rf": ("W", "R"), "fr": ("R", "W"), "co": ("W", "W")}
_PO = re.compile(r"Po([sd])([RW*])([RW*])")
_LOCATIONS = re.compile(r"([sd])([RW*])([RW*])")
_TARGET = re.compile(r"([sd])([RW*])")
_TOKEN = re.compile(r"[^\s,\[\]]+")
_PLACE = re.compile(r"[^\s\[\]]+")
_DEFAULTS = {"R": "addr", "W": "data"}
_UNUSED = frozenset({"Store", "Hat", "Read", "Write", "R", "W"})


@dataclass(frozen=True, slots=True)
class Edge:
    """``kind``: rf, fr, co, po, fence, rcu, dp, rmw.  ``external``: it leads to another thread; ``same``: to the same
    location.  ``source``, ``target``: R, W, or * where the neighbours decide.  ``name``: diy's name of the fence, the
    dependency or the read-modify-write.  ``before``, ``after``: annotations of the two ends, None where none is said.
    """

    kind: str
    external: bool
    same: bool
    source: str
    target: str
    name: str = ""
    before: Annotation | None = None
    after: Annotation | None = None

    def core(self) -> str:
        """The name without annotations."""
        if self.kind in _ENDS:
            return f"{self.kind.capitalize()}{'e' if self.external else 'i'}"
        if self.kind == "rmw":
            return self.name
        where = "s" if self.same else "d"
        if self.kind == "dp":
            return f"Dp{self.name}{where}{self.target}"
        head = {"po": "Po", "rcu": "Rcu"}.get(self.kind, self.name)
        return f"{head}{where}{self.source}{self.target}"


def parse_edges(text: str, arch: str) -> tuple[tuple[Edge, Span], ...]:
    """The edges of a cycle, with their places in the text.

    Annotations that stand alone have gone to their neighbours.  Raises InputError for names that are no edges.
    """
    names = names_of(arch)
    source = Source("<edges>", text)
    found: list[tuple[Edge, Span]] = []
    first: tuple[Annotation, Span] | None = None
    for match in _TOKEN.finditer(text):
        span = Span(source, *match.span())
        edge = parse_edge(match.group(), names, span)
        if isinstance(edge, Edge):
            found.append((edge, span))
        elif found:
            found[-1] = (_annotated(found[-1][0], edge, span), found[-1][1])
        elif first is None:
            first = edge, span
        else:
            raise InputError(f"found `{edge.name}` beside another annotation, expected an edge", span)
    if not found:
        raise InputError("no edges, expected a cycle such as `Rfe PodRR Fre PodWW`")
    if first is not None:
        found[-1] = (_annotated(found[-1][0], *first), found[-1][1])
    return tuple(found)


def split_edges(text: str) -> tuple[tuple[str, ...], ...]:
    """The names at each place of a cycle: ``Rfe PodRR,DpAddrdR Fre`` has two at the second place."""
    return tuple([tuple([n for n in m.group().split(",") if n]) for m in _PLACE.finditer(text) if m.group().strip(",")])


def _annotated(edge: Edge, annotation: Annotation, span: Span) -> Edge:
    """The edge with an annotation of the access that it leads to."""
    if edge.after not in (None, annotation):
        raise InputError(f"found `{annotation.name}` beside another annotation, expected one for each access", span)
    return replace(edge, after=annotation)


def parse_edge(text: str, names: Names, span: Span | None = None) -> Edge | Annotation:
    """One name.  Raises InputError for what is no edge of the dialect."""
    for edge, rest in _readings(text, names):
        if not rest:
            return edge
        pairs = _pairs(names).get(_fold(rest, names))
        if pairs is not None:
            return replace(edge, before=pairs[0], after=pairs[1])
    alone = [a for a in names.annotations if _fold(a.name, names) == _fold(text, names)]
    if alone and text not in _UNUSED:
        return canonical(alone[0], names)
    raise InputError(*_complaint(text, names, span))


def _complaint(text: str, names: Names, span: Span | None) -> tuple[str, Span | None, str]:
    hint = ""
    if text in _UNUSED:
        hint = "isolated accesses and diy's pseudo edges are not supported"
    elif text in names.fences:
        hint = f"a fence needs its ends: `{text}dWR`"
    elif any(True for _ in _readings(text, names)):
        known = " ".join(a.name for a in names.annotations)
        hint = f"two annotations may follow the edge, one for each end: {known}"
    examples = ["Rfe", "PodRR", f"{names.strong}dWW", *[f"Dp{name}dW" for name in list(names.dependencies)[:2]]]
    return f"found `{text}`, expected an edge of {names.arch} such as {', '.join(examples)}", span, hint


def _fold(text: str, names: Names) -> str:
    return text.lower() if names.folded else text


@lru_cache(maxsize=8)
def _pair_table(arch: str) -> dict[str, tuple[Annotation, Annotation]]:
    names = names_of(arch)
    return {
        _fold(first.name + second.name, names): (canonical(first, names), canonical(second, names))
        for first in reversed(names.annotations)
        for second in reversed(names.annotations)
    }


def _pairs(names: Names) -> dict[str, tuple[Annotation, Annotation]]:
    return _pair_table(names.arch)


def _readings(text: str, names: Names) -> list[tuple[Edge, str]]:
    """The ways in which an edge stands at the beginning of the text, each with what is left of the text."""
    found: list[tuple[Edge, str]] = []
    if match := _COMMUNICATION.match(text):
        kind = {"Rf": "rf", "Fr": "fr"}.get(match[1], "co")
        found.append((Edge(kind, match[2] == "e", True, *_ENDS[kind]), text[match.end() :]))
    if match := _PO.match(text):
        found.append((Edge("po", False, match[1] == "s", match[2], match[3]), text[match.end() :]))
    found += _fences(text, names)
    found += _dependencies(text, names)
    for name in sorted(names.rmws, key=len, reverse=True):
        if text.startswith(name):
            first = next(other for other in names.rmws if names.rmws[other] == names.rmws[name])
            found.append((Edge("rmw", False, True, "R", "W", first), text[len(name) :]))
    return found


def _fences(text: str, names: Names) -> list[tuple[Edge, str]]:
    found = []
    heads = [(name, "fence", name) for name in sorted(names.fences, key=len, reverse=True)]
    heads.append(("Fence", "fence", names.strong))
    if names.arch == "C":
        heads.append(("Rcu", "rcu", ""))
    for head, kind, name in heads:
        if _fold(text, names).startswith(_fold(head, names)) and (match := _LOCATIONS.match(text, len(head))):
            first = next((other for other in names.fences if name and names.fences[other] == names.fences[name]), "")
            found.append((Edge(kind, False, match[1] == "s", match[2], match[3], first), text[match.end() :]))
    return found


def _dependencies(text: str, names: Names) -> list[tuple[Edge, str]]:
    found = []
    kinds = {kind: name for name, kind in names.dependencies.items()}
    heads = [(f"Dp{name}", name) for name in sorted(names.dependencies, key=len, reverse=True)]
    heads += [("Dp", ""), *([("Ctrl", kinds["ctrl"])] if "ctrl" in kinds else [])]
    for head, name in heads if kinds else ():
        if text.startswith(head) and (match := _TARGET.match(text, len(head))) and not (match[2] == "*" and not name):
            edge = Edge("dp", False, match[1] == "s", "R", match[2], name or kinds[_DEFAULTS[match[2]]])
            if names.dependencies[edge.name] == "data" and edge.target == "R":
                continue
            found.append((edge, text[match.end() :]))
    return found
