"""What can be taken away from a program or a model without changing any value: axioms, fences, annotations,
dependencies.  Each is named by the user's lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from membar_check.cat.coherence import implies_atomicity, implies_coherence
from membar_check.cat.dag import CheckNode
from membar_check.diagnostics import Span
from membar_check.events.executions import Variation
from membar_check.events.structure import Event, Path
from membar_check.explain.case import Case, Part, check_name
from membar_check.explain.explanation import Place
from membar_check.explain.phrases import say
from membar_check.explain.view import place_of
from membar_check.litmus.kernel_c import in_runtime
from membar_check.records import dataclass, field
from membar_check.values import Address

ACQUIRE, RELEASE, FULL, LOCKED = "acquire", "release", "full ordering", "locked execution"
ANNOTATIONS: dict[str, dict[str, str]] = {
    "ACQUIRE": {ACQUIRE: "ONCE"}, "RELEASE": {RELEASE: "ONCE"}, "MB": {FULL: "ONCE"},
    "Acquire": {ACQUIRE: "Once"}, "Release": {RELEASE: "Once"}, "Mb": {FULL: "Once"},
    "A": {ACQUIRE: ""}, "Q": {ACQUIRE: ""}, "L": {RELEASE: ""},
    "Acq": {ACQUIRE: ""}, "Rel": {RELEASE: ""}, "AcqRel": {ACQUIRE: "Rel", RELEASE: "Acq"}, "Sc": {FULL: ""},
}  # fmt: skip
"""The sets of accesses that order them: what each says in words, and the set that is left without it (herd's names)."""

_SECTION = {"Rcu-lock": 1, "Rcu-unlock": -1}
_NO_FENCE = frozenset({"Barrier", "Rcu-lock", "Rcu-unlock", "Srcu-lock", "Srcu-unlock"})
_TRIED_LOCK = frozenset({"LF", "RL", "RU"})
_DEPENDENCIES = {"addr": "address", "data": "data", "ctrl": "control"}


@dataclass(frozen=True, slots=True)
class Element:
    """``kind``: axiom (``name``), fence, annotation or dependency (``variation`` takes it away); ``text`` in words.
    ``lines``: the user's places that one would edit; ``thread``: whose column of the program they are in, -1 where a
    line belongs to all.  ``said``: of an annotation the words taken away, by event.  ``assumed``: an axiom that
    forbids candidates which are not enumerated, so that nothing proves it redundant."""

    kind: str
    text: str
    place: Place | None
    name: str = ""
    variation: Variation = field(default=Variation())
    lines: tuple[Place, ...] = ()
    thread: int = -1
    said: tuple[tuple[int, str], ...] = ()
    assumed: bool = False


def elements(case: Case, parts: Iterable[Part], whole: bool) -> tuple[Element, ...]:
    """All elements of the model and of the paths in ``parts``.  Not ``whole``: candidates that break SC per location,
    or the atomicity of read-modify-writes, are not among them, so the axioms for these are left alone."""
    paths = _paths(parts)
    found = [*_axioms(case, whole), *_fences(case, paths), *_sections(case, paths), *_sleepable(case, paths)]
    return (*found, *_locks(case, paths), *_annotations(case, paths), *_dependencies(case, paths))


def combined(case: Case, chosen: Iterable[Element]) -> tuple[Variation, frozenset[str]]:
    """One variation that takes away all of them, and the names of the axioms to leave out."""
    dropped: set[int] = set()
    words: dict[int, set[str]] = {}
    without: dict[str, set[tuple[int, int]]] = {}
    axioms: set[str] = set()
    for element in chosen:
        if element.kind == "axiom":
            axioms.add(element.name)
        dropped |= element.variation.dropped
        for e, word in element.said:
            words.setdefault(e, set()).add(word)
        for name, pairs in element.variation.without.items():
            without.setdefault(name, set()).update(pairs)
    left = {name: frozenset(pairs) for name, pairs in sorted(without.items())}
    retagged = {e: _without(case.structure.events[e].sets, said) for e, said in words.items()}
    return Variation(frozenset(dropped), retagged, left), frozenset(axioms)


def _without(sets: frozenset[str], words: set[str]) -> frozenset[str]:
    """The sets of an event without what the words say."""
    out = set(sets)
    for tag in sorted(sets & _all_tags().keys()):
        for word, rest in _all_tags()[tag].items():
            if word in words and tag in out:
                out.discard(tag)
                if rest and not (rest in _all_tags() and words & _all_tags()[rest].keys()):
                    out.add(rest)
    return frozenset(out)


def _all_tags() -> dict[str, dict[str, str]]:
    return {**ANNOTATIONS, "X": {LOCKED: ""}, **{tag: {"section": ""} for tag in ("Srcu-lock", "Srcu-unlock")}}


def _paths(parts: Iterable[Part]) -> list[Path]:
    found = {id(p): p for part in parts for p, m in part.chunk.paths if m & part.mask}
    return list(found.values())


def _axioms(case: Case, whole: bool) -> Iterator[Element]:
    found: dict[str, tuple[Place, bool]] = {}
    for check in case.compiled.checks:
        if check.prefix == "":
            assumed = not whole and _enumerated(case, check)
            found.setdefault(check_name(check), (place_of(check.span), assumed))
    for name, (place, assumed) in found.items():
        yield Element("axiom", f"the axiom {name}", place, name, assumed=assumed)


def _enumerated(case: Case, check: CheckNode) -> bool:
    """Whether what the check forbids is not even enumerated."""
    named = [k for k in case.named.checks if k.span == check.span]
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
    groups = _grouped(case, paths, lambda e: not e.sets.isdisjoint({"F", "Sync-srcu"}) and not e.sets & _NO_FENCE)
    for (place, thread), events in groups.items():
        text = f"{_owner(thread)}{place.text.rstrip(';')} in {_where(case, place)}"
        yield Element("fence", text, place, "", Variation(frozenset(events)), (place,), thread)


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


def _sleepable(case: Case, paths: list[Path]) -> Iterator[Element]:
    """SRCU read-side critical sections: a lock with the unlocks that its value goes to."""
    found: dict[tuple[Place, Place], set[int]] = {}
    for path in paths:
        inside = {e for e in path.events if "Srcu-unlock" in case.structure.events[e].sets}
        for a, b in path.relations.get("data", ()):
            if "Srcu-lock" in case.structure.events[a].sets and b in inside:
                spans = _site(path, case.structure.events[a]), _site(path, case.structure.events[b])
                if spans[0] is not None and spans[1] is not None:
                    found.setdefault((place_of(spans[0]), place_of(spans[1])), set()).update((a, b))
    for (begin, end), events in sorted(found.items(), key=lambda item: str(item[0])):
        text = f"the SRCU read-side section from {_where(case, begin)} to {_where(case, end)}"
        said = tuple((e, "section") for e in sorted(events))
        yield Element("fence", text, begin, lines=(begin, end), said=said)


def _locks(case: Case, paths: list[Path]) -> Iterator[Element]:
    """Critical sections of locks that nobody tries or asks about: what they enclose is the same without them."""
    events = case.structure.events
    asked = {p.address.get(e) for p in paths for e in p.events if events[e].sets & _TRIED_LOCK}
    found: dict[tuple[Place, Place], set[int]] = {}
    for path in paths:
        taken: dict[Address, list[int]] = {}
        for e in path.events:
            lock = path.address.get(e)
            if lock is None or lock in asked or not events[e].sets & {"LKR", "LKW", "UL"}:
                continue
            taken.setdefault(lock, []).append(e)
            if "UL" in events[e].sets:
                begin, end = _site(path, events[taken[lock][0]]), _site(path, events[e])
                if begin is not None and end is not None and "LKR" in events[taken[lock][0]].sets:
                    found.setdefault((place_of(begin), place_of(end)), set()).update(taken[lock])
                del taken[lock]
    for (begin_at, end_at), inside in sorted(found.items(), key=lambda item: str(item[0])):
        text = f"the lock from {_where(case, begin_at)} ({begin_at.text.rstrip(';')}) to {_where(case, end_at)}"
        yield Element("fence", text, begin_at, "", Variation(frozenset(inside)), (begin_at, end_at))


def _annotations(case: Case, paths: list[Path]) -> Iterator[Element]:
    known = {**ANNOTATIONS, **({"X": {LOCKED: ""}} if case.test.arch.startswith("X86") else {})}

    def own(event: Event) -> bool:
        return "F" not in event.sets and not event.sets.isdisjoint(known) and _written(event)

    for (place, thread), events in _grouped(case, paths, own).items():
        said: dict[str, list[int]] = {}
        for e in sorted(events):
            for tag in sorted(case.structure.events[e].sets & known.keys()):
                for word in known[tag]:
                    said.setdefault(word, []).append(e)
        for word, inside in sorted(said.items()):
            text = f"the {word} of {_owner(thread)}{place.text.rstrip(';')} in {_where(case, place)}"
            left = _halves(paths, set(inside)) if word == LOCKED else {}
            pairs = tuple((e, word) for e in inside)
            yield Element("annotation", text, place, "", Variation(without=left), (place,), thread, pairs)


def _halves(paths: list[Path], events: set[int]) -> dict[str, frozenset[tuple[int, int]]]:
    """The pairs by which the accesses are read-modify-writes."""
    found = {
        name: frozenset(p for path in paths for p in path.relations.get(name, ()) if events.intersection(p))
        for name in ("rmw", "amo")
    }
    return {name: pairs for name, pairs in found.items() if pairs}


def _dependencies(case: Case, paths: list[Path]) -> Iterator[Element]:
    found: dict[tuple[str, Spot, Place | None], dict[str, set[tuple[int, int]]]] = {}
    for path in paths:
        for name, pairs in path.relations.items():
            kind = name.removeprefix("pick-")
            if kind not in _DEPENDENCIES:
                continue
            for a, b in pairs:
                ends = case.structure.events[a], case.structure.events[b]
                if "Srcu-lock" in ends[0].sets:
                    continue  # what an unlock gets from its lock is no order but their pairing
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
    return say(place, case.test.source.name)
