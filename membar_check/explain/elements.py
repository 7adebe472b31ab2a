"""What can be taken away from a program or a model without changing any value: axioms, fences, annotations,
dependencies.  Each is named by the user's lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from membar_check.cat.coherence import implies_atomicity, implies_coherence
from membar_check.diagnostics import Span
from membar_check.events.executions import Variation
from membar_check.events.structure import Event, Path
from membar_check.explain.case import Case, Part, check_name
from membar_check.explain.explanation import Place
from membar_check.explain.view import place_of
from membar_check.litmus.kernel_c import in_runtime
from membar_check.records import dataclass, field

ANNOTATIONS: dict[str, str] = {
    "ACQUIRE": "ONCE", "RELEASE": "ONCE", "MB": "ONCE", "Acquire": "Once", "Release": "Once", "Mb": "Once",
    "A": "", "Q": "", "L": "", "Acq": "", "Rel": "", "AcqRel": "", "Sc": "",
}  # fmt: skip
"""The sets of accesses that order them, and what is left when the order is taken away (herd's names, by dialect)."""

_SECTION = {"Rcu-lock": 1, "Rcu-unlock": -1}
_NO_FENCE = frozenset({"Barrier", "Rcu-lock", "Rcu-unlock", "Srcu-lock", "Srcu-unlock", "Sync-srcu"})
_DEPENDENCIES = {"addr": "address", "data": "data", "ctrl": "control"}


@dataclass(frozen=True, slots=True)
class Element:
    """``kind``: axiom (``name``), fence, annotation or dependency (``variation`` takes it away); ``text`` in words.
    ``lines``: the user's places that one would edit."""

    kind: str
    text: str
    place: Place | None
    name: str = ""
    variation: Variation = field(default=Variation())
    lines: tuple[Place, ...] = ()


def elements(case: Case, parts: Iterable[Part], whole: bool) -> tuple[Element, ...]:
    """All elements of the model and of the paths in ``parts``.  Not ``whole``: candidates that break SC per location,
    or the atomicity of read-modify-writes, are not among them, so the axioms for these are left alone."""
    paths = _paths(parts)
    found = [*_axioms(case, whole), *_fences(case, paths), *_sections(case, paths), *_annotations(case, paths)]
    return (*found, *_dependencies(case, paths))


def combined(chosen: Iterable[Element]) -> tuple[Variation, frozenset[str]]:
    """One variation that takes away all of them, and the names of the axioms to leave out."""
    dropped: set[int] = set()
    retagged: dict[int, frozenset[str]] = {}
    without: dict[str, set[tuple[int, int]]] = {}
    axioms: set[str] = set()
    for element in chosen:
        if element.kind == "axiom":
            axioms.add(element.name)
        dropped |= element.variation.dropped
        retagged.update(element.variation.retagged)
        for name, pairs in element.variation.without.items():
            without.setdefault(name, set()).update(pairs)
    left = {name: frozenset(pairs) for name, pairs in sorted(without.items())}
    return Variation(frozenset(dropped), retagged, left), frozenset(axioms)


def _paths(parts: Iterable[Part]) -> list[Path]:
    found = {id(p): p for part in parts for p, m in part.chunk.paths if m & part.mask}
    return list(found.values())


def _axioms(case: Case, whole: bool) -> Iterator[Element]:
    names: dict[str, Place] = {}
    for check in case.compiled.checks:
        if check.prefix == "" and (whole or not _enumerated(case, check)):
            names.setdefault(check_name(check), place_of(check.span))
    for name, place in names.items():
        yield Element("axiom", f"the axiom {name}", place, name)


def _enumerated(case: Case, check: object) -> bool:
    """Whether what the check forbids is not even enumerated."""
    named = [k for k in case.named.checks if k.span == check.span]  # type: ignore[attr-defined]
    graph, order = case.named.graph, case.named.order
    return implies_coherence(graph, named, order) or implies_atomicity(graph, named, order)


def _site(path: Path, event: Event) -> Span | None:
    """Where the user's own text says so; None for what the runtime does on its own."""
    span = event.span if path.activity is None else path.activity.sites.get(event.number, event.span)
    return None if span is None or in_runtime(span) else span


def _written(event: Event) -> bool:
    """Whether the event is of the user's own text."""
    return event.span is not None and not in_runtime(event.span)


Spot = tuple[Place, int]
"""A place and the thread whose column of the program it is in; -1 where a line belongs to all threads that run it."""


def _spot(case: Case, span: Span, event: Event) -> Spot:
    return place_of(span), -1 if case.test.arch == "C" else event.thread


def _grouped(case: Case, paths: list[Path], wanted: Callable[[Event], bool]) -> dict[Spot, set[int]]:
    """The events that ``wanted`` takes, by the user's place."""
    found: dict[Spot, set[int]] = {}
    for path in paths:
        for e in path.events:
            event = case.structure.events[e]
            if wanted(event):
                span = _site(path, event)
                if span is not None:
                    found.setdefault(_spot(case, span, event), set()).add(e)
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0].file, item[0][0].line, item[0][0].text)))


def _fences(case: Case, paths: list[Path]) -> Iterator[Element]:
    groups = _grouped(case, paths, lambda e: "F" in e.sets and not e.sets & _NO_FENCE)
    for (place, thread), events in groups.items():
        text = f"{_owner(thread)}{place.text.rstrip(';')} in {_where(case, place)}"
        yield Element("fence", text, place, "", Variation(frozenset(events)), (place,))


def _sections(case: Case, paths: list[Path]) -> Iterator[Element]:
    """RCU read-side critical sections: lock and unlock go together."""
    found: dict[tuple[Place, Place], set[int]] = {}
    for path in paths:
        opened: list[tuple[int, Span | None]] = []
        for e in path.events:
            event = case.structure.events[e]
            step = next((n for tag, n in _SECTION.items() if tag in event.sets), 0)
            if step > 0:
                opened.append((e, _site(path, event)))
            elif step < 0 and opened:
                begin, span = opened.pop()
                end = _site(path, event)
                if span is not None and end is not None:
                    found.setdefault((place_of(span), place_of(end)), set()).update((begin, e))
    for (begin_at, end_at), events in sorted(found.items(), key=lambda item: str(item[0])):
        text = f"the RCU read-side section from {_where(case, begin_at)} to {_where(case, end_at)}"
        yield Element("fence", text, begin_at, "", Variation(frozenset(events)), (begin_at, end_at))


def _annotations(case: Case, paths: list[Path]) -> Iterator[Element]:
    known = {**ANNOTATIONS, **({"X": ""} if case.test.arch.startswith("X86") else {})}

    def own(event: Event) -> bool:
        return "F" not in event.sets and not event.sets.isdisjoint(known) and _written(event)

    groups = _grouped(case, paths, own)
    for (place, thread), events in groups.items():
        retagged: dict[int, frozenset[str]] = {}
        words: set[str] = set()
        for e in sorted(events):
            sets = case.structure.events[e].sets
            mine = sets & known.keys()
            words |= mine
            retagged[e] = (sets - mine) | {known[t] for t in mine if known[t]}
        text = f"{_said(words)} of {_owner(thread)}{place.text.rstrip(';')} in {_where(case, place)}"
        yield Element("annotation", text, place, "", Variation(retagged=retagged), (place,))


def _said(words: set[str]) -> str:
    names = {
        "A": "acquire", "Q": "acquire (RCpc)", "L": "release", "ACQUIRE": "acquire", "RELEASE": "release",
        "MB": "full ordering", "Acq": "acquire", "Rel": "release", "AcqRel": "acquire and release",
        "Mb": "full ordering", "Acquire": "acquire", "Release": "release", "Sc": "full ordering",
        "X": "locked execution",
    }  # fmt: skip
    return "the " + " and ".join(sorted({names[w] for w in words}))


def _dependencies(case: Case, paths: list[Path]) -> Iterator[Element]:
    found: dict[tuple[str, Spot, Place | None], dict[str, set[tuple[int, int]]]] = {}
    for path in paths:
        for name, pairs in path.relations.items():
            kind = name.removeprefix("pick-")
            if kind not in _DEPENDENCIES:
                continue
            for a, b in pairs:
                ends = case.structure.events[a], case.structure.events[b]
                first, second = ends[0].span, ends[1].span
                if first is not None and second is not None and all(map(_written, ends)):
                    key = (kind, _spot(case, first, ends[0]), None if kind == "ctrl" else place_of(second))
                    found.setdefault(key, {}).setdefault(name, set()).add((a, b))
    for (kind, (start, thread), end), without in sorted(found.items(), key=lambda item: str(item[0])):
        left = {name: frozenset(p) for name, p in sorted(without.items())}
        to = f" to {_where(case, end)}" if end is not None else ""
        text = f"{_owner(thread) or 'the '}{_DEPENDENCIES[kind]} dependency from {_where(case, start)}{to}"
        yield Element("dependency", text, start, "", Variation(without=left))


def _owner(thread: int) -> str:
    return f"P{thread}'s " if thread >= 0 else ""


def _where(case: Case, place: Place) -> str:
    if place.file == case.test.source.name:
        return f"line {place.line}"
    return f"line {place.line} of {place.file.rsplit('/', 1)[-1]}"
