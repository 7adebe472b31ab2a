"""An outcome that the model allows: which execution to show, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.explain.case import Case, Part
from membar_check.explain.explanation import AxiomView, ExecutionView, Gap, Pair, Row
from membar_check.explain.gaps import gaps, surprises
from membar_check.explain.groups import distinct
from membar_check.explain.objections import axioms
from membar_check.explain.order import linear
from membar_check.explain.scene import Scene
from membar_check.explain.story import story, timeline
from membar_check.records import dataclass
from membar_check.relation import bits
from membar_check.verdict import State

LOOKED_AT = 48  # executions among which the one with the fewest surprises is chosen
LOOKED_AT_KERNEL = 16


@dataclass(frozen=True, slots=True)
class Telling:
    """An execution told; ``ordered``: what the model orders in it, by the view's numbers."""

    scene: Scene
    view: ExecutionView
    timeline: tuple[Row, ...]
    story: tuple[str, ...]
    gaps: tuple[Gap, ...]
    axioms: tuple[AxiomView, ...]
    ordered: frozenset[Pair]


def choose(case: Case, parts: Sequence[Part]) -> Scene:
    """Of the executions in ``parts`` the one with the fewest surprises."""
    limit = LOOKED_AT if case.program.kernel is None else LOOKED_AT_KERNEL
    best: tuple[tuple[int, ...], Scene] | None = None
    for part, number in distinct(parts, limit):
        scene = Scene(case, part, number)
        view = scene.plain(True)
        key = surprises(view, scene.ordered())
        if best is None or key < best[0]:
            best = (key, scene)
    assert best is not None, "there is no execution to choose from"
    return best[1]


def tell(scene: Scene, outcome: str) -> Telling:
    """The execution, one that the model allows, with its story; ``outcome`` in the test's words."""
    view = scene.full(True)
    ordered = scene.ordered()
    found = gaps(view, ordered)
    order = linear(view, found, ordered)
    rows, sentences = timeline(view, order, found), story(view, order, found, ordered, outcome)
    return Telling(scene, view, rows, sentences, found, axioms(view, scene.checks(), ordered), ordered)


def one_a_state(case: Case, limit: int, known: State | None = None) -> list[ExecutionView]:
    """An execution of each final state but ``known``, of the first ``limit`` found, with base relations."""
    seen: set[object] = set()
    out: list[ExecutionView] = []
    for part in case.consistent(limit * 64):
        for raw, mask in case.states_of(part).items():
            if raw not in seen and len(out) < limit and (known is None or case.observed.state(raw) != known):
                seen.add(raw)
                out.append(Scene(case, part, next(bits(mask))).plain(True))
        if len(out) >= limit:
            break
    return sorted(out, key=lambda view: view.state)
