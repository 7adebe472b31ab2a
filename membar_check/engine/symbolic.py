"""The engine that lets Z3 search for executions, one skeleton (one path for each thread) at a time.

Executions are enumerated as long as they are few: that gives states, flags and counts.  Where they are many, each final
state is asked for once, each flag once, and nothing is counted.  Every execution found is judged again by the evaluator
of the masks engine before it counts for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from membar_check.cat.dag import CompiledModel
from membar_check.diagnostics import Inconclusive
from membar_check.engine.bounds import NotMonotone
from membar_check.engine.choices import Impossible
from membar_check.engine.cnf import FALSE, Solver
from membar_check.engine.masks import MasksEngine
from membar_check.engine.outcome import RawState
from membar_check.engine.skeleton import SkeletonEncoding, is_true
from membar_check.engine.tally import Goal, Tally
from membar_check.events.executions import Execution, chunk_of
from membar_check.events.structure import Path, Structure
from membar_check.litmus.syntax import Quantifier

OVERHEAD = 300  # what finding an execution costs beside the reading of variables, in the same unit
BATCH = 512  # executions that are judged together
MAX_SKELETONS = 200_000


class EngineFault(RuntimeError):
    """The solver and the evaluator disagree on an execution: the encoding is wrong."""


class SymbolicEngine:
    """``effort`` bounds the work that is spent on counting executions, in variables read from the solver.  With
    ``only_counting`` the search ends where it does not suffice, with a tally that is worth nothing."""

    def __init__(
        self, model: CompiledModel, structure: Structure, effort: int, only_counting: bool = False
    ) -> None:
        self.model = model
        self.structure = structure
        self.program = structure.program
        self._effort = effort
        self._only_counting = only_counting
        self._masks = MasksEngine(model, structure, 0)
        self.observed = self._masks.observed

    def run(self, goal: Goal) -> Tally:
        """Searches all skeletons, or until the goal is met.

        Raises Inconclusive where there are too many paths or values, or where a recursive definition is not monotone.
        """
        tally = Tally()
        quantifier = self.program.test.condition.quantifier
        for paths in self._skeletons():
            try:
                self._search(paths, goal, tally)
            except Impossible:
                continue
            except NotMonotone as reason:
                message = "a recursive definition of the model takes away what it defines"
                raise Inconclusive("engine", message, hint="try --engine masks") from reason
            if goal.met(tally, quantifier) or (self._only_counting and not tally.counted):
                break
        return tally

    def _skeletons(self) -> Iterator[tuple[Path, ...]]:
        count = 1
        for thread in self.structure.paths:
            count *= len(thread)
        if count > MAX_SKELETONS and self.program.kernel is None:
            raise Inconclusive("engine", f"{count} combinations of paths are too many")
        return self.structure.combinations()

    # --- one skeleton ---
    def _search(self, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> None:
        cut = any(p.cut for p in paths)
        if cut and tally.loop:
            return
        encoding = SkeletonEncoding(self.model, self.structure, paths, self._masks.ordering(paths), self.observed)
        if cut:
            self._find_loop(encoding, paths, goal, tally)
            return
        if not self._demand_checks(encoding, paths, goal, tally):
            return
        if goal.reach:
            self._find_goal(encoding, paths, goal, tally)
            return
        search = _Search(encoding)
        exhausted = False
        if tally.counted:
            exhausted = self._enumerate(search, paths, goal, tally)
            tally.counted = exhausted
        if not exhausted and self.program.kernel is not None:
            raise Inconclusive("engine", "too many executions to list, and kernel C needs them all")
        if not exhausted and not self._only_counting:
            self._enumerate_states(search, paths, goal, tally)
            self._find_flags(encoding, paths, goal, tally)

    def _demand_checks(self, encoding: SkeletonEncoding, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> bool:
        """Adds what makes an execution consistent; False if nothing can be."""
        if self.program.filter is not None:
            encoding.demand_filter(self.program.filter)
        encoding.demand_base(self._masks.base.dynamic)
        for check in self.model.checks:
            if encoding.cnf.impossible:
                return False
            if check.prefix == "":
                encoding.demand_check(check)
            elif check.prefix == "assert":
                broken = encoding.situation(check, False)
                found = _Search(encoding).find((broken,)) if broken != FALSE else None
                if found is not None:
                    self._judge(paths, [found], goal, tally)
                    raise EngineFault(f"assertion {check.name or check.test}: the evaluator finds that it holds")
        return not encoding.cnf.impossible

    def _find_loop(self, encoding: SkeletonEncoding, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> None:
        """Whether values fit the paths that were cut."""
        found = _Search(encoding).find()
        if found is not None:
            self._judge(paths, [found], goal, tally, False)
            if not tally.loop:
                raise EngineFault("the evaluator finds no values for a path that was cut")

    def _find_goal(self, encoding: SkeletonEncoding, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> None:
        wanted = encoding.proposition(self.program.condition)
        if self.program.test.condition.quantifier is Quantifier.FORALL:
            wanted = -wanted
        found = _Search(encoding).find((wanted,)) if wanted != FALSE else None
        if found is not None:
            self._judge(paths, [found], goal, tally)
            if not goal.met(tally, self.program.test.condition.quantifier):
                raise EngineFault("the evaluator finds that an execution does not satisfy the condition")

    def _enumerate(self, search: _Search, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> bool:
        """All executions; False if that takes more effort than is left."""
        cost = search.encoding.cnf.top + OVERHEAD
        for batch in _batches(search.executions()):
            self._judge(paths, batch, goal, tally)
            self._effort -= cost * len(batch)
            if self._effort < 0:
                return False
        return True

    def _enumerate_states(self, search: _Search, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> None:
        search.forbid_states(tally.states)
        for batch in _batches(search.states()):
            self._judge(paths, batch, goal, tally)

    def _find_flags(self, encoding: SkeletonEncoding, paths: tuple[Path, ...], goal: Goal, tally: Tally) -> None:
        """Raises the flags that some execution raises, and the mark of undefined behaviour."""
        wanted: list[tuple[int, str]] = []
        for check in self.model.checks:
            if check.prefix == "flag" and check.name not in tally.flags:
                wanted.append((encoding.situation(check, True), check.name))
            elif check.prefix == "undefined_unless" and not tally.undefined:
                wanted.append((encoding.situation(check, False), ""))
        wanted = [(x, name) for x, name in wanted if x != FALSE]
        if not wanted:
            return
        search = _Search(encoding)
        for x, name in wanted:
            if name in tally.flags or (not name and tally.undefined):
                continue
            found = search.find((x,))
            if found is not None:
                self._judge(paths, [found], goal, tally)
                if not (name in tally.flags or (not name and tally.undefined)):
                    raise EngineFault(f"the evaluator does not raise {name or 'undefined_unless'}")

    # --- judging ---
    def _judge(
        self, paths: tuple[Path, ...], found: list[Execution], goal: Goal, tally: Tally, consistent: bool = True
    ) -> None:
        """Adds executions to the tally, as the evaluator of the masks engine sees them."""
        if not found:
            return
        before = tally.executions
        chunk, choices = chunk_of(self.structure, paths, found)
        for choice in self.model.choices:
            choices.setdefault(choice.result.name, {})
        if self.model.order is not None:
            choices[self.model.order.result.name] = chunk.co
        self._masks.judge(self._masks.ready(chunk, choices, chunk.full), tally, goal)
        tally.candidates += len(found)
        if consistent and tally.executions - before != len(found):
            raise EngineFault(f"the evaluator rejects an execution: {self._masks.blame(chunk, choices)}")


class _Search:
    """A solver with the clauses of an encoding."""

    def __init__(self, encoding: SkeletonEncoding) -> None:
        self.encoding = encoding
        self._variables = encoding.variables()
        self._cells = list(encoding.state_literals())
        self._solver = Solver(encoding.cnf)

    def _read(self) -> dict[int, bool]:
        return dict(zip(self._variables, self._solver.values(self._variables), strict=True))

    def find(self, assumed: tuple[int, ...] = ()) -> Execution | None:
        """An execution in which the literals hold, if there is one."""
        return self.encoding.execution(self._read()) if self._solver.satisfiable(assumed) else None

    def executions(self) -> Iterator[Execution]:
        """All executions that were not found before."""
        while self._solver.satisfiable():
            values = self._read()
            yield self.encoding.execution(values)
            self._solver.forbid([self.encoding.identity(values)])

    def forbid_states(self, states: Iterable[RawState]) -> None:
        """Leaves out what ends in one of these states."""
        found = (self.encoding.state_identity(state) for state in states)
        self._solver.forbid([literals for literals in found if literals is not None])

    def states(self) -> Iterator[Execution]:
        """For each final state that was not left out, an execution that ends in it."""
        while self._solver.satisfiable():
            values = self._read()
            yield self.encoding.execution(values)
            self._solver.forbid([[x for cell in self._cells for x in cell if is_true(x, values)]])


def _batches(executions: Iterator[Execution]) -> Iterator[list[Execution]]:
    batch: list[Execution] = []
    for execution in executions:
        batch.append(execution)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
