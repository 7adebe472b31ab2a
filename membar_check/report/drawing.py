"""What the pictures of an execution show, whatever their format: columns of events, edges worth drawing, styles."""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.records import dataclass, replace
from membar_check.verdict import Edge, Witness

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """``colour`` is from a palette that colour-blind people can tell apart (Okabe and Ito, "Color Universal Design",
    2008); ``dash`` is a pattern in SVG's notation, "" for a solid line, so that no meaning hangs on colour alone."""

    colour: str
    dash: str
    width: float
    meaning: str


PO = Style("#9a9a9a", "", 1.2, "program order")
FENCE = Style("#555555", "2 3", 1.6, "ordered by a fence or by the model")
STYLES = {
    "rf": Style("#009e73", "", 2.0, "reads from"),
    "co": Style("#0072b2", "9 3", 1.8, "coherence: is overwritten by"),
    "fr": Style("#d55e00", "5 3", 1.8, "reads before the write"),
    "addr": Style("#a0458f", "", 1.5, "address dependency"),
    "data": Style("#a0458f", "7 2 2 2", 1.5, "data dependency"),
    "ctrl": Style("#a0458f", "2 2", 1.5, "control dependency"),
    "rmw": Style("#b07900", "", 2.6, "atomic read-modify-write"),
}
CYCLE = Style("#000000", "12 3 3 3", 3.6, "the cycle that the model rules out")
GAP = Style("#333333", "2 5", 2.2, "not kept in order")
_SUFFIXED = {f"{base}{suffix}": base for base in ("rf", "co", "fr") for suffix in ("i", "e")}


def base_relation(name: str) -> str:
    """The relation whose style ``name`` has: ``rfe`` is drawn as ``rf``."""
    return _SUFFIXED.get(name, name)


def style_of(name: str) -> Style:
    return STYLES.get(base_relation(name), FENCE)


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """An edge to draw: the relations that hold between its ends; the first gives it its style.

    ``mark``: the style of an edge that stands out, whose label is ``caption``; it may be without drawn relations.
    """

    relations: tuple[str, ...]
    source: int
    target: int
    mark: Style | None = None
    caption: str = ""

    @property
    def label(self) -> str:
        return self.caption or ", ".join(self.relations)

    @property
    def style(self) -> Style:
        return self.mark or style_of(self.relations[0])


@dataclass(frozen=True, slots=True)
class Drawing:
    """Indices into the witness's events: ``columns`` one a thread (thread numbers in ``threads``), ``initial`` the
    initial writes that some drawn edge touches."""

    threads: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]
    initial: tuple[int, ...]
    edges: tuple[DrawnEdge, ...]

    def relations(self) -> tuple[str, ...]:
        """The relations that are drawn, by base name, for the legend: known ones first, in a fixed order."""
        used = {base_relation(name) for edge in self.edges for name in edge.relations}
        known = [name for name in STYLES if name in used]
        return (*known, *sorted(used - set(known)))

    def marks(self) -> tuple[Style, ...]:
        """The styles of edges that stand out, each once."""
        return tuple({edge.mark.meaning: edge.mark for edge in self.edges if edge.mark is not None}.values())


def drawing_of(witness: Witness, marked: Iterable[DrawnEdge] = ()) -> Drawing:
    """The parts of a witness that a picture shows, and the ``marked`` edges, which have a caption and a mark.

    Left out are edges that others imply: program order but for its chain, coherence but for its steps, coherence from
    initial writes, from-reads but for the first write after the one that was read.
    """
    events = witness.events
    edges = [edge for edge in witness.edges if edge.relation != "po" and edge.source != edge.target]
    coherence = {(edge.source, edge.target) for edge in edges if base_relation(edge.relation) == "co"}
    kept = [edge for edge in edges if not _implied(edge, edges, coherence)]
    kept = [edge for edge in kept if not (base_relation(edge.relation) == "co" and events[edge.source].thread < 0)]
    merged = tuple(_marked(_merged(kept), marked))
    touched = {end for edge in merged for end in (edge.source, edge.target)}
    threads = sorted({event.thread for event in events if event.thread >= 0})
    columns = tuple(tuple(i for i, event in enumerate(events) if event.thread == thread) for thread in threads)
    initial = tuple(i for i, event in enumerate(events) if event.thread < 0 and i in touched)
    return Drawing(tuple(threads), columns, initial, merged)


def _implied(edge: Edge, edges: Iterable[Edge], coherence: set[Pair]) -> bool:
    base = base_relation(edge.relation)
    if base not in ("co", "fr"):
        return False
    return any(
        base_relation(other.relation) == base
        and other.source == edge.source
        and other.target != edge.target
        and (other.target, edge.target) in coherence
        for other in edges
    )


def _merged(edges: Iterable[Edge]) -> Iterable[DrawnEdge]:
    """One edge for all relations between the same two events, in a fixed order."""
    order = {name: rank for rank, name in enumerate(STYLES)}
    names: dict[Pair, set[str]] = {}
    for edge in edges:
        names.setdefault((edge.source, edge.target), set()).add(edge.relation)
    for (source, target), relations in sorted(names.items()):
        listed = sorted(relations, key=lambda name: (order.get(base_relation(name), len(order)), name))
        yield DrawnEdge(tuple(listed), source, target)


def _marked(drawn: Iterable[DrawnEdge], marked: Iterable[DrawnEdge]) -> Iterable[DrawnEdge]:
    """The edges in order; a marked one takes over the relations of one between the same events."""
    by_ends = {(edge.source, edge.target): edge for edge in drawn}
    for edge in marked:
        ends = (edge.source, edge.target)
        before = by_ends.get(ends)
        if before is not None and before.mark is not None:
            edge = replace(before, caption=f"{before.caption}, {edge.caption}")
        elif before is not None:
            edge = replace(edge, relations=before.relations)
        by_ends[ends] = edge
    return by_ends.values()
