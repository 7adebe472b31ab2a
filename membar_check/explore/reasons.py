"""Commands that give reasons: why an edge is there, why one is not, what breaks or what is not kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from membar_check.cat.traced import place
from membar_check.explain.critical import critical_cycle
from membar_check.explain.explanation import Derivation, Pair
from membar_check.explain.lacking import GIVEN
from membar_check.explain.missing import Missing
from membar_check.explain.ways import graph_of, shortest_way
from membar_check.explore.naming import names_of, parse_event, told
from membar_check.explore.page import Page
from membar_check.explore.registry import require
from membar_check.explore.relations import defined
from membar_check.explore.session import Look, Session
from membar_check.records import dataclass
from membar_check.report.explain.derivations import unfold
from membar_check.report.explain.sheet import QUIET, RELATION, Part
from membar_check.report.explain.text_forbidden import write_cycle

_SIDE = frozenset({"loc", "int", "ext", "id"})
_NAME = re.compile(r"[A-Za-z][\w\-]*\Z")
_SILENT = _SIDE | {"po", "po-loc"}

WAYS = 16  # ways listed of what is missing
FLAGGED = 4  # pairs that raise a flag shown
HOPELESS = 2  # of those that no edit and no other execution opens

WHY = ("why A B [in NAME]", "why NAME A B")
WHY_NOT = ("why not A B [in NAME]", "why not NAME A B")


# --- why --------------------------------------------------------------------------------------------------------------
def why(session: Session, text: str, page: Page) -> None:
    look = session.look
    name, a, b = _asked(look, text, WHY)
    names = names_of(look)
    first, second = look.numbers[a], look.numbers[b]
    edge: list[Part] = [names.full(a), " -> ", names.full(b)]
    if name:
        found = look.scene.deriver.why(name, first, second)
        if found is None:
            hint = f"; `why not {name} {_letters(look, a, b)}` says what is missing"
            page.item([*edge, ": not in ", (name, RELATION), hint])
            return
        _derivation(look, found, page)
        return
    held = _held(look, (first, second))
    page.item([*edge, ": ", (", ".join(held), RELATION) if held else "in no relation that the model names"])
    best = _telling(look, held, (first, second))
    if best is not None:
        _derivation(look, best, page)
        return
    if "po" in held:
        page.item("but for program order nothing orders them", indent=2)
    _else(look, a, b, page)


def _letters(look: Look, a: int, b: int) -> str:
    return f"{look.view.events[a].name} {look.view.events[b].name}"


def _asked(look: Look, text: str, forms: tuple[str, ...]) -> tuple[str, int, int]:
    """``A B``, ``A B in NAME``, ``NAME A B``: the name, "" for none, and the events."""
    words = text.split()
    if len(words) == 4 and words[2] == "in":
        words = [words[3], *words[:2]]
    require(len(words) in (2, 3), f"'{text}' is not two events" if text else "which events?", *forms)
    name = words[0] if len(words) == 3 else ""
    if name:
        look.scene.deriver.node(name)
    a, b = (parse_event(look, word) for word in words[-2:])
    return name, a, b


def _held(look: Look, pair: Pair) -> list[str]:
    """The names of the relations that hold between two events, in the order of the model."""
    deriver = look.scene.deriver
    return [n for n in deriver.names() if not deriver.is_set(n) and pair in deriver.pairs(n)]


def _telling(look: Look, held: list[str], pair: Pair) -> Derivation | None:
    """The derivation of the relation that is nearest to a check of the model, of several the one with least to say;
    None where all follow from program order, or from threads and locations, alone."""
    deriver = look.scene.deriver
    depth = _depths(look)
    nodes = {name: deriver.node(name) for name in held}

    def rank(name: str) -> tuple[int, int, int]:
        return (depth.get(name, 99), deriver.cost(nodes[name], *pair), held.index(name))

    for name in sorted(held, key=rank):
        found = deriver.why(name, *pair)
        if found is not None and _tells(found):
            return found
    return None


def _tells(d: Derivation) -> bool:
    """Whether there is more behind it than program order, threads and locations."""
    if d.because:
        return bool(d.note) or any(map(_tells, d.because))
    return d.relation not in _SILENT or (d.relation == "po" and bool(d.note))


def _depths(look: Look) -> dict[str, int]:
    """Of each name how many names lie between it and a check that forbids something."""
    traced = look.scene.case.model.traced()
    found: dict[str, int] = {}
    front = [k.node for k in traced.model.checks if k.prefix == "" and not k.negated]
    seen: set[int] = set()
    depth = 0
    while front:
        later = []
        while front:
            n = front.pop()
            if n.id in seen:
                continue
            seen.add(n.id)
            args = [x for x in n.args if x is not None]
            if n.op == "fix":
                args += traced.graph.groups[n.name.split("/")[0]].bodies
            if n.op == "alias":
                found.setdefault(n.name, depth)
                later += args
            else:
                front += args
        front, depth = later, depth + 1
    return found


def _derivation(look: Look, found: Derivation, page: Page) -> None:
    step, names = told(look, found)
    where = f" ({step.defined})" if step.defined else ""
    edge: list[Part] = [names.full(step.source), (f" --{step.relation}--> ", RELATION), names.full(step.target)]
    page.item([*edge, (where, QUIET)], indent=2, hang=4)
    for line in unfold(step, names):
        parts: list[Part] = [f"{line.edge}: "] if line.edge else []
        page.item([*parts, line.reason], indent=6 + 2 * line.depth, hang=2)
    if not step.because and not step.note:
        page.item("a base relation of this execution", indent=6)


def _else(look: Look, a: int, b: int, page: Page) -> None:
    """What there is instead of an edge: a way by the relation of a check, or the other direction."""
    names = names_of(look)
    back = _held(look, (look.numbers[b], look.numbers[a]))
    for name, test, where, pairs in look.scene.checks():
        path = shortest_way(graph_of(pairs), a, b) if test == "acyclic" else ()
        if len(path) > 2:
            page.item(f"but what {name} ({where}) tests leads there by {' -> '.join(map(names.where, path))}", indent=2)
    if any(name not in _SIDE for name in back):
        page.item(["the other way round: ", (", ".join(back), RELATION)], indent=2)
    page.item(f"`why not {_letters(look, a, b)}` says what is missing", indent=2)


def why_not(session: Session, text: str, page: Page) -> None:
    look = session.look
    name, a, b = _asked(look, text, WHY_NOT)
    names = names_of(look)
    edge: list[Part] = [names.full(a), " -> ", names.full(b)]
    if name:
        page.item(edge)
        _missing(look, name, a, b, page)
        return
    held = _held(look, (look.numbers[a], look.numbers[b]))
    but: list[Part] = [": but it is in ", (", ".join(held), RELATION)] if held else []
    page.item([*edge, *but])
    tested = {n: missing_ways(look, n, a, b) for n in _tested(look) if n not in held}
    near = {n: ways for n, ways in tested.items() if ways[0].near} or tested
    for checked, ways in near.items():
        _lacking(look, checked, ways, page)


def _tested(look: Look) -> list[str]:
    """The names of the relations that the model demands to have no cycle; where it names none, those they are made
    of."""
    depth = _depths(look)
    deriver = look.scene.deriver
    cyclic = [k.node for k in look.scene.case.model.traced().model.checks if k.prefix == "" and k.test != "empty"]
    named = [n.name for n in cyclic if n.op == "alias"]
    known = set(deriver.names())
    if named:
        return list(dict.fromkeys(named))
    return [n for n in sorted(depth, key=lambda n: depth[n]) if n in known and not deriver.is_set(n)][:3]


def _missing(look: Look, name: str, a: int, b: int, page: Page) -> None:
    ways = missing_ways(look, name, a, b)
    if ways:
        _lacking(look, name, ways, page)
    else:
        page.item(["it is in ", (name, RELATION), f": `why {name} {_letters(look, a, b)}` says why"], indent=2)


@dataclass(frozen=True, slots=True)
class Way:
    """``chain``: the names that would follow, outermost first; ``text``: what is missing; ``score`` as of
    :class:`~membar_check.explain.missing.Missing`."""

    chain: tuple[str, ...]
    text: str
    score: float

    @property
    def near(self) -> bool:
        """Whether an edit or another execution could supply it alone."""
        return self.score > GIVEN


def missing_ways(look: Look, name: str, a: int, b: int) -> list[Way]:
    """What the pair lacks, nearest first; empty if it is in the relation."""
    deriver = look.scene.deriver
    if deriver.is_set(name) and a != b:
        return [Way((), f"{name} is a set of events, and these are two", 0.0)]
    asked = look.numbers[a], look.numbers[b]
    found = deriver.why_not(name, *asked)
    if found is None:
        return []
    at = {e: i for i, e in enumerate(look.numbers)}
    names = names_of(look)

    def step(m: Missing) -> str:
        """Between which events, where it is not those asked about."""
        if (m.source, m.target) == asked or m.source == m.target or m.source not in at or m.target not in at:
            return ""
        return f" ({names.where(at[m.source])} -> {names.where(at[m.target])})"

    ways: dict[str, Way] = {}
    for chain, leaf in _leaves(found, ()):
        text = leaf.reason + step(leaf)
        if text not in ways or leaf.score > ways[text].score:
            ways[text] = Way(chain, text, leaf.score)
    return sorted(ways.values(), key=lambda way: -way.score)


def _leaves(m: Missing, chain: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Missing]]:
    if _NAME.match(m.relation) and chain[-1:] != (m.relation,):
        chain = (*chain, m.relation)
    if not m.parts:
        yield chain, m
    for part in m.parts:
        yield from _leaves(part, chain)


def _lacking(look: Look, name: str, ways: list[Way], page: Page) -> None:
    near = [w for w in ways if w.near][:WAYS]
    said = "; what is missing, nearest first:" if near else "; nothing near would put it there:"
    page.item(["not in ", (name, RELATION), (defined(look, name), QUIET), said], indent=2)
    for way in near or ways[:HOPELESS]:
        chain = way.chain[1:] if way.chain[:1] == (name,) else way.chain
        head: list[Part] = [(", ".join(chain), RELATION), ": "] if chain else []
        page.item([*head, way.text], bullet="- ", indent=4)


# --- cycles -----------------------------------------------------------------------------------------------------------
def cycle(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "cycle")
    look = session.look
    names = names_of(look)
    if not look.allowed:
        for broken in look.view.broken:
            page.item([(broken.axiom, RELATION), (f" ({broken.defined}, {broken.test})", QUIET), " rules it out:"])
            write_cycle(broken, names, page)
        return
    if session.focus.outcome.kind == "flag":
        _flag(look, session.focus.outcome.name, page)
        return
    found = critical_cycle(look.view, look.told.ordered)
    if not found:
        page.item("there is none: program order and communication of this execution are an interleaving")
        return
    page.item("the model allows this cycle of program order and communication, which no interleaving has:")
    for step in found:
        lost = step.relation == "po" and (step.source, step.target) not in look.told.ordered
        edge: list[Part] = [names.full(step.source), (f" --{step.relation}--> ", RELATION), names.full(step.target)]
        page.item([*edge, ("   (not kept in order)" if lost else "", QUIET)], indent=4)
    for gap in look.told.gaps:
        page.item(gap.text, bullet="- ", indent=2)


def _flag(look: Look, name: str, page: Page) -> None:
    """The events and pairs that raise a flag of the model, each with its derivation."""
    deriver = look.scene.deriver
    for check in look.scene.case.model.traced().model.checks:
        if check.prefix != "flag" or check.name != name:
            continue
        page.item([(name, RELATION), f" ({place(check.span)}) is raised by"])
        if check.node.kind == "S":
            pairs = [(e, e) for e in sorted(deriver.evaluator.set_of(check.node))]
        else:
            pairs = sorted(deriver.pairs_of(check.node))
        for pair in pairs[:FLAGGED]:
            found = deriver.why(check.node, *pair)
            if found is not None:
                _derivation(look, found, page)
        if len(pairs) > FLAGGED:
            page.item(f"and {len(pairs) - FLAGGED} more", indent=2)
