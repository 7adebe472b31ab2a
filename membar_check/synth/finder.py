"""Searches for the smallest test that two models disagree about.

For each way to spread a number of accesses over threads, all tests and all their executions are one formula, and Z3 is
asked for an execution that one model accepts and the other rejects (Wickerson, Batty, Sorensen, Constantinides,
"Automatically Comparing Memory Consistency Models", POPL 2017).  What it finds is written as a test and checked under
both models by the ordinary engine before it counts for anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from membar_check.cat.specialise import specialise
from membar_check.engine.cnf import FALSE, TRUE, Solver
from membar_check.engine.models import Model
from membar_check.records import dataclass, field
from membar_check.synth.encode_forms import Template, distinct_forms, known_forms
from membar_check.synth.encode_model import Matrices
from membar_check.synth.encode_parting import Parting, tests_tell
from membar_check.synth.encode_space import Space
from membar_check.synth.encode_world import world_of
from membar_check.synth.shape import Access, Dependency, Fence, Item, Line, Shape
from membar_check.synth.vocabulary import Form, Vocabulary, load_vocabulary

MOST_COSTS = 16  # fences, dependencies and annotations of one test
MOST_LOCKED = 2  # accesses of a thread that takes a lock
MOST_REFUSED = 40  # executions of one distribution of accesses that the engine does not confirm, before it is left


@dataclass(frozen=True, slots=True)
class Bound:
    """What is searched: tests of up to so many accesses, threads and locations; critical sections take part in tests
    of more than one thread and of up to ``sections`` accesses, of any number where nothing else tells the models
    apart."""

    accesses: int = 6
    threads: int = 4
    locations: int = 3
    sections: int = 4


@dataclass(frozen=True, slots=True)
class Goal:
    """An execution that the model number ``side`` accepts and the other rejects; with ``flag``, one for which it raises
    that flag and the other does not."""

    side: int
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A test that reaches a goal.  ``cost``: its fences, dependencies and annotations; ``axioms``: the checks of the
    rejecting model that fail, empty for a flag."""

    goal: Goal
    shape: Shape
    cost: int
    axioms: tuple[str, ...]


@dataclass(slots=True)
class Progress:
    """How far a search came.  ``left``: distributions of accesses over threads that were given up because the engine
    kept disagreeing; ``refused``: executions that it did not confirm; ``passed``: the kinds of critical sections that
    were left out once something was found; ``late``: what took longer than the finder's patience."""

    left: list[tuple[int, ...]] = field(default_factory=list)
    refused: int = 0
    passed: set[str] = field(default_factory=set)
    late: list[Portion] = field(default_factory=list)


Confirm = Callable[[Shape, Goal], bool]
Portion = tuple[tuple[int, ...], str]  # accesses of each thread, the kind of critical sections ("" for none)


def _perhaps(portion: Portion, goal: Goal) -> bool:
    """Nothing is known of any portion."""
    return False


class OutOfTime(Exception):
    """The time for the search is over."""


class Finder:
    """Two models over the tests of one dialect.

    ``confirm`` says whether a test reaches a goal when it is checked in the ordinary way; ``deadline`` as
    :func:`time.monotonic` has it; ``empty``: whether it is known that no test of a portion reaches a goal.  Raises
    Unsupported for models that cannot be searched.
    """

    def __init__(
        self, models: tuple[Model, Model], arch: str, bound: Bound, confirm: Confirm, deadline: float = float("inf")
    ) -> None:
        self.models = models
        self.bound = bound
        self.confirm = confirm
        self.deadline = deadline
        self.vocabulary: Vocabulary = load_vocabulary(arch)
        known, self.missing = known_forms(self.vocabulary, models)
        self.forms, self._judged = (distinct_forms(known, models, flags) for flags in (True, False))
        self.kinds = tuple(k for k in self.vocabulary.dependencies if self._mentioned(k))
        self.progress = Progress()
        self._telling: dict[bool, tuple[str, ...]] = {}
        self.patience = float("inf")  # seconds for one question about critical sections
        self.empty: Callable[[Portion, Goal], bool] = _perhaps

    def _mentioned(self, name: str) -> bool:
        return any(m.compiled is not None and m.compiled.graph.find("prim", name) is not None for m in self.models)

    def brackets(self, flags: bool = False) -> tuple[str, ...]:
        """The kinds of critical sections that take part.  Those of C do not for models of hardware, which know neither
        grace periods nor locks: the engine and the macros supply these."""
        if self.vocabulary.arch == "C" and any(model.request.dialect != "C" for model in self.models):
            return ()
        roles = {(form.brackets, form.role) for form in self.forms_for(flags)}
        return tuple(name for name in self.vocabulary.brackets if {(name, "begin"), (name, "end")} <= roles)

    def forms_for(self, flags: bool) -> dict[Form, tuple[Template, ...]]:
        """Those of ``forms`` that matter to what is allowed (``flags``: and to flags)."""
        return self.forms if flags else self._judged

    def telling(self, flags: bool = False) -> tuple[str, ...]:
        """The kinds of critical sections of the tests that may tell the models apart (``flags``: by flags, too), ""
        for those without any."""
        if flags not in self._telling:
            compiled = [model.compiled for model in self.models]
            assert compiled[0] is not None and compiled[1] is not None
            found = []
            for kind in ("", *self.brackets(flags)):
                templates = [t for form, t in self.forms_for(flags).items() if form.brackets in ("", kind)]
                if tests_tell((compiled[0], compiled[1]), templates, self.kinds, flags):
                    found.append(kind)
            self._telling[flags] = tuple(found)
        return self._telling[flags]

    def most_with_sections(self, flags: bool = False) -> int:
        """The number of accesses up to which tests have critical sections: any where only they can tell the models
        apart, else none where it is for flags."""
        if "" not in self.telling(flags):
            return self.bound.accesses
        return 0 if flags else self.bound.sections

    def search(self, goals: Sequence[Goal], onwards: bool = False) -> Iterator[Found | int]:
        """The smallest tests for the goals, and after each size all of whose tests have been searched that number of
        accesses.

        The goals are all of them about outcomes, or all about flags.  Ends with the size at which something was found
        (``onwards``: with the last goal), or at the bound.  Raises OutOfTime.
        """
        open_goals = list(goals)
        for accesses in range(1, self.bound.accesses + 1):
            best: dict[Goal, Found] = {}
            in_time = self._find_at(accesses, open_goals, best, onwards)
            yield from (best[goal] for goal in open_goals if goal in best)
            if not in_time:
                raise OutOfTime
            yield accesses
            open_goals = [goal for goal in open_goals if goal not in best]
            if not open_goals or (best and not onwards):
                return

    def find_at(self, accesses: int, goals: Sequence[Goal]) -> tuple[Found, ...]:
        """The smallest tests with one number of accesses: fewest threads, then fewest costs.  Raises OutOfTime."""
        best: dict[Goal, Found] = {}
        if not self._find_at(accesses, goals, best, True):
            raise OutOfTime
        return tuple(best[goal] for goal in goals if goal in best)

    def _find_at(self, accesses: int, goals: Sequence[Goal], best: dict[Goal, Found], onwards: bool) -> bool:
        """Fills ``best``; False if the time was over before all was asked."""
        try:
            self._ask_at(accesses, goals, best, onwards)
        except OutOfTime:
            return False
        return True

    def _ask_at(self, accesses: int, goals: Sequence[Goal], best: dict[Goal, Found], onwards: bool) -> None:
        for brackets, threads in self._rounds(accesses, goals):
            asked = [goal for goal in goals if goal not in best]
            if brackets and best and asked and not onwards:  # the models differ, and this is what takes long
                self.progress.passed.add(brackets)
                continue
            for sizes in self._sizes(accesses, threads, brackets) if asked else ():
                left = [goal for goal in asked if not self.empty((sizes, brackets), goal)]
                if left:
                    self._ask(Question(self, sizes, brackets, asked), left, best)

    def _ask(self, question: Question, goals: Sequence[Goal], best: dict[Goal, Found]) -> None:
        """Fills ``best`` where there is something, and something smaller."""
        for goal in goals:
            least = best[goal].cost - 1 if goal in best else MOST_COSTS
            try:
                found = question.smallest(goal, least)
            except OutOfTime:
                self.check_time()
                self.progress.late.append((question.sizes, question.space.brackets))
                continue
            if found is not None:
                best[goal] = found

    def portions(self, goals: Sequence[Goal]) -> Iterator[Portion]:
        """What a search up to the bound asks for, in its order."""
        for accesses in range(1, self.bound.accesses + 1):
            for brackets, threads in self._rounds(accesses, goals):
                yield from ((sizes, brackets) for sizes in self._sizes(accesses, threads, brackets))

    def _rounds(self, accesses: int, goals: Sequence[Goal]) -> Iterator[tuple[str, int]]:
        """Kinds of critical sections and numbers of threads: what is small comes first."""
        flags = any(goal.flag for goal in goals)
        most = self.most_with_sections(flags)
        for kind in self.telling(flags):
            for threads in range(1, min(accesses, self.bound.threads) + 1):
                if not kind or (accesses <= most and threads > 1):
                    yield kind, threads

    def _sizes(self, accesses: int, threads: int, brackets: str) -> Iterator[tuple[int, ...]]:
        """The distributions of accesses; with locks, which take long, not more than a few a thread."""
        for sizes in partitions(accesses, threads):
            if not brackets or self.vocabulary.brackets[brackets].only is None or max(sizes) <= MOST_LOCKED:
                yield sizes

    def check_time(self) -> None:
        """Raises OutOfTime once the deadline has passed."""
        if time.monotonic() > self.deadline:
            raise OutOfTime


def partitions(total: int, parts: int, most: int = 0) -> Iterator[tuple[int, ...]]:
    """The ways to write ``total`` as a sum of ``parts`` positive numbers, each not larger than the one before; the most
    even first."""
    most = most or total
    if parts == 1:
        if total <= most:
            yield (total,)
        return
    for first in range(1, min(most, total - parts + 1) + 1):
        for rest in partitions(total - first, parts - 1, first):
            yield (first, *rest)


class _TimedSolver(Solver):
    """Gives up when the time is over."""

    deadline = float("inf")

    def _explain_unknown(self) -> None:
        super()._explain_unknown()
        if time.monotonic() > self.deadline:
            raise OutOfTime


class Question:
    """All tests with accesses spread over threads in one way."""

    def __init__(self, finder: Finder, sizes: tuple[int, ...], brackets: str, goals: Sequence[Goal]) -> None:
        self.finder = finder
        self.sizes = sizes
        finder.check_time()
        bound = finder.bound
        locations = min(bound.locations, max(1, (sum(sizes) + 1) // 2))
        flags = any(goal.flag for goal in goals)
        forms = finder.forms_for(flags)
        self.space = Space(finder.vocabulary, forms, sizes, locations, finder.kinds, brackets, flags)
        self.checks: list[tuple[tuple[str, int], ...]] = []
        self.wanted = self._encode(goals)
        g = self.space.gates
        self._costs = self.space.costs()
        self._counts = g.at_least(self._costs, min(MOST_COSTS, len(self._costs)) + 1)
        self._choices = self.space.choices()
        self._calm = self.space.calm()
        kinds = ("R", "W", "RMW", "F")
        uses = list(self.space.uses().items())
        uses.reverse()
        uses.sort(key=lambda use: kinds.index(use[0].kind))
        self._unused = [-x for form, x in uses if not form.plain and x != FALSE]
        self._solver: _TimedSolver | None = None

    def _encode(self, goals: Sequence[Goal]) -> dict[Goal, int]:
        """What is asked for each goal; :class:`Parting` makes the question small without changing it."""
        views = self._views()
        parting = Parting(views)
        out: dict[Goal, int] = {}
        for goal in goals:
            apart = parting.possible(goal.side, goal.flag) if parting.comparable else TRUE
            out[goal] = self.space.gates.conj(self._plainly(views, goal), apart)
        return out

    def _views(self) -> tuple[Matrices, Matrices]:
        """Both models over the space; fills ``checks``."""
        views: list[Matrices] = []
        for number, model in enumerate(self.finder.models):
            assert model.compiled is not None
            world = world_of(self.space, number)
            small = specialise(model.compiled, frozenset({*world.sets, *world.relations}))
            views.append(Matrices(self.space.gates, small, world))
            self.checks.append(views[-1].checks())
            self.finder.check_time()
        return views[0], views[1]

    def _plainly(self, views: tuple[Matrices, Matrices], goal: Goal) -> int:
        """The literal of an execution's being what a goal asks for."""
        g = self.space.gates
        shown = [g.all(x for _, x in checks) for checks in self.checks]
        if goal.flag:
            shown = [g.conj(x, view.flag(goal.flag)) for x, view in zip(shown, views, strict=True)]
        return g.conj(shown[goal.side], -shown[1 - goal.side])

    def smallest(self, goal: Goal, least: int) -> Found | None:
        """A test with as few costs as can be, and with at most ``least``.

        First any test is looked for, then one with ever more costs allowed, from none: these questions are small.
        """
        if self.wanted[goal] == FALSE:
            return None
        found = self._find(goal, least)
        if found is None:
            return None
        try:
            for fewer in range(found.cost):
                better = self._find(goal, fewer)
                if better is not None:
                    found = better
                    break
            return self._plainest(goal, found)
        except OutOfTime:  # better this one than none
            return found

    def _plainest(self, goal: Goal, found: Found) -> Found:
        """Of the tests of the same size one that writes each location once, and then one without what stands last in
        the dialect's table, annotations first."""
        kept: list[int] = []
        for x in (self._calm, *self._unused):
            better = self._find(goal, found.cost, *kept, x)
            if better is not None:
                found = better
                kept.append(x)
        return found

    def is_empty(self, goal: Goal) -> bool:
        """Whether no test reaches the goal, and no execution was given up."""
        if self.wanted[goal] == FALSE:
            return True
        return self._find(goal, MOST_COSTS) is None and self.sizes not in self.finder.progress.left

    def _find(self, goal: Goal, most: int, *further: int) -> Found | None:
        finder, space = self.finder, self.space
        solver = self._ready()
        if solver is None or most < 0:
            return None
        limit = -self._counts[most] if most < len(self._counts) else TRUE
        assumed = [x for x in (self.wanted[goal], limit, *further) if x != TRUE]
        for _ in range(MOST_REFUSED):
            finder.check_time()
            if not solver.satisfiable(assumed):
                return None
            known = dict(zip(self._choices, solver.values(self._choices), strict=True))
            shape = shape_of(space, known)
            if finder.confirm(shape, goal):
                return Found(goal, shape, sum(_true(x, known) for x in self._costs), self._objecting(goal, known))
            finder.progress.refused += 1
            solver.forbid([[self.wanted[goal], *(x if known[x] else -x for x in self._choices)]])
        if not further and self.sizes not in finder.progress.left:
            finder.progress.left.append(self.sizes)
        return None

    def _ready(self) -> _TimedSolver | None:
        """The solver with the clauses; None where they cannot hold."""
        if self._solver is None:
            asked = [*(x for x in self.wanted.values() if x != FALSE), *(-x for x in self._counts), self._calm]
            asked += self._unused
            cnf = self.space.gates.cnf(asked)
            if cnf.impossible:
                return None
            self._solver = _TimedSolver(cnf)
            flags = any(goal.flag for goal in self.wanted)
            optional = self.space.brackets and "" in self.finder.telling(flags)
            patience = self.finder.patience if optional else float("inf")
            self._solver.deadline = min(self.finder.deadline, time.monotonic() + patience)
        return self._solver

    def _objecting(self, goal: Goal, known: dict[int, bool]) -> tuple[str, ...]:
        if goal.flag:
            return ()
        values = dict(known)
        checks = self.checks[1 - goal.side]
        return tuple(name for name, x in checks if not self.space.gates.holds(x, values))


def _true(x: int, known: dict[int, bool]) -> bool:
    if x in (TRUE, FALSE):
        return x == TRUE
    return known[x] if x > 0 else not known[-x]


# --- from a solution to a shape --------------------------------------------------------------------------------------
def shape_of(space: Space, known: dict[int, bool]) -> Shape:
    """The test and its execution that a solution describes."""
    value = _values(space, known)
    threads = []
    for t, (start, size) in enumerate(zip(space.starts, space.sizes, strict=True)):
        threads.append(_line(space, known, t, range(start, start + size), value))
    return Shape(space.vocabulary.arch, tuple(threads))


def _values(space: Space, known: dict[int, bool]) -> list[int]:
    """A write's number in coherence order, a read's source's number."""
    out = [0] * space.count
    for w in range(space.count):
        before = [a for a in range(space.count) if a != w and _true(space.co[a].get(w, FALSE), known)]
        if _true(space.write(w), known) if space.write(w) in (TRUE, FALSE) else _is(space, known, w, "W"):
            out[w] = len(before) + 1
    for w in range(space.count):
        for r, x in space.rf.get(w, {}).items():
            if _true(x, known):
                out[r] = out[w]
    return out


def _is(space: Space, known: dict[int, bool], i: int, kind: str) -> bool:
    return any(f.kind == kind and _true(x, known) for f, x in space.fillings[i].items())


def _line(space: Space, known: dict[int, bool], thread: int, accesses: range, value: Sequence[int]) -> Line:
    behind = space.vocabulary.after_branch
    items: list[Item] = []
    index: dict[int, int] = {}
    rmw: list[tuple[int, int]] = []
    after: set[int] = set()  # accesses whose fence stands behind their branch
    slots = {slot.before: here for slot, here in space.slots.items() if slot.thread == thread}
    for i in range(accesses.start, accesses.stop + 1):
        fence = next((f for f, x in slots.get(i, {}).items() if _true(x, known)), None)
        branched = i < accesses.stop and any(_true(x, known) for x in space.branched(i))
        if fence is not None and behind is not None and fence.fences == behind[:1] and branched:
            after.add(i)
        elif fence is not None:
            items += map(Fence, fence.fences)
        if i == accesses.stop:
            break
        filling = next(f for f, x in space.fillings[i].items() if _true(x, known))
        place = next(at for at, x in enumerate(space.at[i]) if _true(x, known))
        tags = filling.form.written if filling.half else filling.form.tags
        index[i] = len(items)
        if filling.half:
            rmw.append((index[i - 1], index[i]))
        items.append(Access(filling.kind, place, value[i], tags))
    dependencies = []
    for kind, rows in space.dependencies.items():
        for source, row in rows.items():
            for target, x in row.items():
                if source in index and _true(x, known):
                    name = kind.replace("ctrl", behind[1]) if target in after and behind else kind
                    dependencies.append(Dependency(name, index[source], index[target]))
    dependencies.sort(key=lambda d: (d.target, d.source, d.kind))
    return Line(tuple(items), tuple(dependencies), tuple(rmw))
