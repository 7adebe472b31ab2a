"""What tests exercise: of a model the axioms and clauses, of kernel C the lines and branches.

A clause is exercised by a test whose verdict is another one where the clause is taken away.  A line of kernel C is, if
some consistent execution of some test takes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from membar_check.diagnostics import Inconclusive, InputError, MembarError
from membar_check.engine.api import CheckOptions, lower_for, parse_file, request_for
from membar_check.engine.choose import run_engine
from membar_check.engine.models import Model, find_file, find_model
from membar_check.engine.tally import Goal, Tally
from membar_check.events.build import build
from membar_check.events.structure import Structure
from membar_check.gate.coverage_kernel import KernelCoverage
from membar_check.gate.coverage_models import Mutated
from membar_check.litmus.syntax import LitmusTest
from membar_check.program.ir import Program
from membar_check.records import dataclass, field
from membar_check.report.coverage_data import Clause, ClauseCoverage, Coverage
from membar_check.synth.mutate import KINDS, Mutation, mutations

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """``kinds``: which clauses are taken away, of :data:`membar_check.synth.mutate.KINDS`; ``seconds`` for all."""

    check: CheckOptions
    kinds: tuple[str, ...] = KINDS
    seconds: float | None = None


def cover(paths: Sequence[str], options: CoverageOptions, tick: Progress | None = None) -> Coverage:
    """What the tests at ``paths`` exercise of the model that ``options.check`` names.

    ``tick`` is told the file of each test that is done.  Raises InputError for a model that does not exist or loads
    for none of the tests' dialects, Unsupported for one that only the reference interpreter can run.
    """
    return _Covering(options).run(paths, tick)


@dataclass(slots=True)
class _Waiting:
    size: tuple[bool, int, str]
    path: str
    arch: str


@dataclass(slots=True)
class _Found:
    tests: int = 0
    cut: int = 0
    unanswered: list[tuple[str, str]] = field(default_factory=list)
    inconclusive: bool = False
    wrong: bool = False
    by: dict[int, tuple[str, str]] = field(default_factory=dict)

    def failed(self, path: str, error: MembarError) -> None:
        self.unanswered.append((path, error.message))
        self.inconclusive = self.inconclusive or isinstance(error, Inconclusive)
        self.wrong = self.wrong or isinstance(error, InputError)


class _Covering:
    def __init__(self, options: CoverageOptions) -> None:
        self.options = options
        self.start = time.monotonic()
        self.mutations = model_mutations(options)
        self.mutated: dict[str, Mutated | MembarError] = {}
        self.kernel = KernelCoverage()
        self.found = _Found()

    def run(self, paths: Sequence[str], tick: Progress | None) -> Coverage:
        waiting = sorted((w for path in paths if (w := self._waiting(path)) is not None), key=lambda w: w.size)
        loaded = {arch: m for arch, m in self.mutated.items() if isinstance(m, Mutated)}
        problems = {arch: m for arch, m in self.mutated.items() if isinstance(m, MembarError)}
        if problems and not loaded:
            raise next(iter(problems.values()))
        for number, test in enumerate(waiting):
            if self._late():
                self._out_of_time([w.path for w in waiting[number:]])
                break
            try:
                cut = self._ask(test, loaded[test.arch])
                self.found.tests += 1
                self.found.cut += cut
            except MembarError as error:
                self.found.failed(test.path, error)
            if tick is not None:
                tick(test.path)
        left = tuple(f"tests of {arch}: {problem.message}" for arch, problem in sorted(problems.items()))
        return self._result(loaded, left)

    def _result(self, loaded: dict[str, Mutated], left: tuple[str, ...]) -> Coverage:
        texts = {m.file: Path(m.file).read_text("utf-8", errors="replace") for m in self.mutations}
        clauses = []
        for number, mutation in enumerate(self.mutations):
            test, change = self.found.by.get(number, ("", ""))
            reasons = [m.refused.get(number, "") for m in loaded.values()]
            reason = reasons[0] if reasons and all(reasons) else ""
            clauses.append(ClauseCoverage(clause_of(mutation, texts[mutation.file]), test, change, reason))
        name = next((m.model.name for m in loaded.values()), self.options.check.model or "")
        return Coverage(
            name, tuple(sorted(loaded)), self.found.tests, tuple(clauses), texts, self.kernel.files(),
            tuple(self.found.unanswered), self.found.inconclusive, self.found.wrong, left,
            time.monotonic() - self.start, self.found.cut,
        )  # fmt: skip

    def _late(self) -> bool:
        return self.options.seconds is not None and time.monotonic() - self.start > self.options.seconds

    def _out_of_time(self, paths: Sequence[str]) -> None:
        self.found.unanswered += [(path, f"the {self.options.seconds:g} s were over") for path in paths]
        self.found.inconclusive = True

    # --- one test
    def _waiting(self, path: str) -> _Waiting | None:
        """A test with its size, small ones first; None for one without an answer."""
        check = self.options.check
        try:
            test = parse_file(path, check.include_dirs)
            model = self._model_for(test.arch)
            if isinstance(model, MembarError):
                return None
            if test.kernel is not None:
                return _Waiting((True, len(test.source.text), path), path, test.arch)
            program = lower_for(test, model.model, check)
            return _Waiting((False, _size(program), path), path, test.arch)
        except MembarError as error:
            self.found.failed(path, error)
            return None

    def _model_for(self, arch: str) -> Mutated | MembarError:
        if arch not in self.mutated:
            try:
                self.mutated[arch] = Mutated(request_for(arch, self.options.check), self.mutations)
            except InputError as problem:
                self.mutated[arch] = problem
        return self.mutated[arch]

    def _ask(self, waiting: _Waiting, mutated: Mutated) -> bool:
        """Notes what a test exercises; whether executions of it were cut, as far as anything was asked."""
        check = self.options.check
        test = parse_file(waiting.path, check.include_dirs)
        structure = build(lower_for(test, mutated.model, check, watch=True), check.unroll, mutated.model.registers)
        open_ones = [n for n in range(len(self.mutations)) if n not in self.found.by]
        groups = mutated.telling(open_ones, structure.features())
        if not groups and test.kernel is None:
            return False
        base = _tally(mutated.model, structure, check)
        if test.kernel is not None:
            self.kernel.add(structure.program, base)
        for numbers in groups.values():
            if self._late():
                raise Inconclusive("time-out", f"the {self.options.seconds:g} s were over")
            try:
                change = difference(base, _tally(mutated.mutant(numbers[0]), structure, check), test)
            except InputError as problem:  # an assertion of the model
                change = problem.message
            if change:
                self.found.by |= dict.fromkeys(numbers, (waiting.path, change))
        return base.loop


def model_mutations(options: CoverageOptions) -> tuple[Mutation, ...]:
    """The clauses of the model, its bell file's last.  Raises InputError."""
    check = options.check
    if check.model is None:
        raise InputError("no model is named", hint="give a bundled model or a cat file")
    folders = tuple(Path(folder) for folder in check.include_dirs)
    path = find_model(check.model, check.include_dirs)
    found = mutations(path, folders, options.kinds, bell=check.bell is None)
    if check.bell is not None:
        bell = find_file(check.bell, check.include_dirs, "bell")
        found += mutations(bell, folders, options.kinds, bell=False)
    return found


def clause_of(mutation: Mutation, text: str) -> Clause:
    """A mutation as reports show it; ``text`` is that of its file."""
    before = mutation.text_before
    kept = before.lstrip("|&\\ \t\n") or before
    at = mutation.start + len(before) - len(kept)
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return Clause(mutation.kind, mutation.name, mutation.file, line, column, kept.rstrip("|& \t\n") or kept)


def _size(program: Program) -> int:
    return sum(len(thread.code) for thread in program.threads) + len(program.threads)


def _tally(model: Model, structure: Structure, check: CheckOptions) -> Tally:
    return run_engine(check.engine, model, structure, Goal(states=structure.program.kernel is None)).tally


def difference(old: Tally, new: Tally, test: LitmusTest) -> str:
    """How the verdicts of a test differ, in words; "" if they do not.

    Compared are the final states, the flags, the numbers of executions where both are counted; for kernel C the classes
    of outcome and the flags.
    """
    for what, a, b in (("flag", old.flags, new.flags), ("class", _classes(old), _classes(new))):
        if a != b:
            return _gained_and_lost(what, a, b)
    if (old.undefined, old.loop) != (new.undefined, new.loop):
        return "undefined behaviour or a cut loop" if old.undefined != new.undefined else "a loop is cut, or no more"
    words = [_observation(tally) for tally in (old, new)]
    if words[0] != words[1]:
        return f"{words[0]} becomes {words[1]}"
    if test.kernel is not None:
        return ""
    if old.states != new.states:
        return f"{len(old.states)} final states become {len(new.states)}"
    if old.counted and new.counted and (old.positive, old.negative) != (new.positive, new.negative):
        return f"{old.positive} + {old.negative} executions become {new.positive} + {new.negative}"
    return ""


def _classes(tally: Tally) -> set[str]:
    return {kind for kind, _, _ in tally.findings}


def _observation(tally: Tally) -> str:
    if not tally.positive:
        return "Never" if tally.executions else "no execution"
    return "Sometimes" if tally.negative else "Always"


def _gained_and_lost(what: str, old: set[str], new: set[str]) -> str:
    parts = [f"{what} {name} appears" for name in sorted(new - old)]
    return ", ".join(parts + [f"{what} {name} disappears" for name in sorted(old - new)])
