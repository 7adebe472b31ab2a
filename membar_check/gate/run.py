"""Runs a gate: what is known comes from the cache or the journal, the rest is checked, all of it is judged."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from membar_check.diagnostics import InputError
from membar_check.expectations import ExpectedFile, Judged
from membar_check.gate.baseline import Baseline
from membar_check.gate.changed import Against, recorded_changes, recorded_now, smallest_items
from membar_check.gate.compare import FIELDS, summary
from membar_check.gate.journal import Journal
from membar_check.gate.judging import Check, Judge, Reference
from membar_check.gate.keys import Keyed, Keys, run_digest
from membar_check.gate.logs import Log, is_log, parse_log, read_text_file, unfinished
from membar_check.gate.record import record_of
from membar_check.gate.recording import covers, open_baseline, update
from membar_check.gate.report_data import Distinguished, GateItem, GateReport, Kind, ModelChange, Position, Record
from membar_check.gate.store import Store
from membar_check.gate.targets import require_apart
from membar_check.options import RunOptions
from membar_check.records import dataclass, field, replace
from membar_check.runner import Expectations, Job, Plan, make_plan, require_names, run_plan
from membar_check.verdict import Failure, Status

CHANGED = "no answer: the test was changed while it was checked"
Tick = Callable[[str], None]
Begin = Callable[[int], None]


def _nothing(about: object) -> None:
    """For callers that do not want to know how far a run is."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """``run``: what to check and how; ``expected``: a file of expected verdicts or a log; ``baseline``: what to compare
    with, written if ``update``; ``compare``: what of it; ``against``: a revision or folder with the models as they
    were; ``cache``: the folder for answers and journals, None: none; ``keeps`` False: answers are neither read nor kept
    there; ``resume``: go on where an interrupted run stopped; ``seconds`` for the search that ``against`` asks for;
    ``dask``: the address of the cluster that makes the checks, None: this machine does; ``outputs``: the files that are
    written, each with the option that names it, which must not be files that are read."""

    run: RunOptions
    expected: str | None = None
    baseline: str | None = None
    update: bool = False
    against: str | None = None
    compare: tuple[str, ...] = FIELDS
    cache: Path | None = None
    keeps: bool = True
    resume: bool = False
    seconds: float = 60.0
    dask: str | None = None
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Gate:
    """The state of one run."""

    options: GateOptions
    plan: Plan
    keys: Keys
    baseline: Baseline | None
    log: Log | None
    notes: list[str] = field(default_factory=list)


def run_gate(options: GateOptions, tick: Tick = _nothing, begin: Begin = _nothing) -> GateReport:
    """Checks everything that the options name and says what became of it.

    ``begin`` is called with the number of checks, ``tick`` after each with its file.  Raises InputError for options
    that cannot be followed, for a baseline or log that is not to be believed; KeyboardInterrupt leaves a journal.
    """
    started = time.monotonic()
    _forget_models()
    gate = _prepare(options)
    keyed = _unique(gate)
    with ExitStack() as stack:
        against = None
        if options.against is not None:  # before all checks: what cannot be done is said at once
            accepted = frozenset() if gate.baseline is None else recorded_now(gate.baseline, keyed, gate.keys)
            against = stack.enter_context(Against(options.against, keyed, gate.keys, accepted))
        begin(len(keyed))
        checks = _checks(gate, keyed, tick)
        items = [*_arguments(gate.plan), *_judged(gate, checks)]
        items += _missing(gate, keyed, items)
        model_changes, distinguished = _told(gate, keyed, checks, items, against)
    if options.update and options.baseline is not None:
        items = update(options.baseline, gate.options.run, keyed, gate.keys, items)
    items.sort(key=lambda item: (item.file.split(os.sep), item.model, item.kind.value))
    return GateReport(
        items=tuple(items),
        compare=options.compare,
        model_changes=model_changes,
        distinguished=distinguished,
        notes=tuple(gate.notes),
        baseline=options.baseline or "",
        updated=options.update,
        seconds=time.monotonic() - started,
        against=options.against is not None,
    )


def _told(
    gate: _Gate, keyed: list[Keyed], checks: list[Check], items: list[GateItem], against: Against | None
) -> tuple[tuple[ModelChange, ...], tuple[Distinguished, ...]]:
    """How models have changed, and the tests that tell."""
    options = gate.options
    if against is not None:
        store = Store(options.cache if options.keeps else None)
        try:
            tests = against.tests(keyed, checks, options.run, store, options.seconds)
        finally:
            store.close()
            gate.notes += [note for note in store.notes if note not in gate.notes]
        return against.changes, tests
    if gate.baseline is None:
        return (), ()
    model_changes = recorded_changes(gate.baseline, keyed, gate.keys, gate.notes)
    return model_changes, smallest_items(model_changes, items)


def _forget_models() -> None:
    """Models that this process has read before may have changed since."""
    from membar_check.engine.models import get_macros, get_model

    get_model.cache_clear()
    get_macros.cache_clear()


# --- what to check ---------------------------------------------------------------------------------------------------
def _prepare(options: GateOptions) -> _Gate:
    """Reads expectations and baseline, finds the tests.  Raises InputError."""
    run = options.run
    require_names(run)
    notes: list[str] = []
    log: Log | None = None
    if options.expected is not None:
        source = read_text_file(options.expected, "expected verdicts")
        if is_log(source.text):
            if len(run.models) > 1:
                raise InputError("a log does not say which model it is of", hint="give one --model with a log")
            log = Log(options.expected, parse_log(source), unfinished(source))
            if log.unfinished:
                notes.append(f"{log.path}: the log is incomplete: {log.unfinished}")
        else:
            run = replace(run, expected=options.expected)
    run = replace(run, all_models=not run.models and log is None)
    baseline = open_baseline(options.baseline, run, options.update, notes) if options.baseline else None
    plan = make_plan(run)
    require_apart(options.outputs, _inputs(options, plan))
    _require_entries(plan.expectations, notes)
    if baseline is not None and not run.models:
        plan = replace(plan, jobs=tuple(_with_recorded(plan, baseline, run)))
    return _Gate(replace(options, run=run), plan, Keys(run), baseline, log, notes)


def _inputs(options: GateOptions, plan: Plan) -> Iterator[tuple[str, str]]:
    """The files that a run compares with or checks, each with what it is."""
    if options.baseline is not None:
        yield "the baseline", options.baseline
    if options.expected is not None:
        yield "what --expected names", options.expected
    for expected in plan.expectations.read.values():
        if isinstance(expected, ExpectedFile):
            yield "a file of expected verdicts", expected.path
    for job in plan.jobs:
        yield "a test", job.file.path


def _require_entries(expectations: Expectations, notes: list[str]) -> None:
    """Says which files of expectations expect nothing.  Raises InputError where it is the one that was asked for."""
    single = expectations.single
    if single is not None and not single.entries:
        raise InputError(
            f"{single.path}: found no entry, expected verdicts or a log of herd7",
            hint="without --expected, the expected.txt beside a test, its Result: comment or its condition decides",
        )
    for found in expectations.read.values():
        if found is not None and not isinstance(found, InputError) and not found.entries:
            notes.append(f"{found.path}: found no entry, so it expects nothing of the tests beside it")


def _with_recorded(plan: Plan, baseline: Baseline, run: RunOptions) -> Iterator[Job]:
    """The jobs of the plan, and each file under the other models that the baseline has for it."""
    from membar_check.engine.models import find_model

    recorded: dict[str, list[str]] = {}
    for file, model in baseline.records:
        recorded.setdefault(file, []).append(model)
    loadable: dict[str, bool] = {}

    def exists(model: str) -> bool:
        if model not in loadable:
            try:
                find_model(model, run.include_dirs)
                loadable[model] = True
            except InputError:
                loadable[model] = False
        return loadable[model]

    jobs = list(plan.jobs)
    for index, job in enumerate(jobs):
        yield job
        if index + 1 < len(jobs) and jobs[index + 1].file == job.file:
            continue
        for model in recorded.get(baseline.name_of(job.file.path), ()):
            if exists(model):
                yield Job(job.file, model)


def _unique(gate: _Gate) -> list[Keyed]:
    """The checks, each once, whatever the ways in which it was asked for.  Raises InputError."""
    found: dict[tuple[str, str], Keyed] = {}
    for job in gate.plan.jobs:
        keyed = gate.keys.keyed(job)
        name = (os.path.normpath(job.file.path), keyed.model if keyed.arch else "")  # unreadable: one complaint
        other = found.setdefault(name, keyed)
        same = other.key == keyed.key and gate.keys.model_digest(other) == gate.keys.model_digest(keyed)
        if other is not keyed and not same:
            raise InputError(f"two models have the name {keyed.model}", hint="the report could not tell them apart")
    return list(found.values())


# --- checking --------------------------------------------------------------------------------------------------------
def _checks(gate: _Gate, keyed: list[Keyed], tick: Tick) -> list[Check]:
    """Makes all checks; those that are known first."""
    options = gate.options
    run = options.run
    store = Store(options.cache if options.keeps else None)
    journal = Journal(
        None if options.cache is None else options.cache / "runs", run_digest(run), f"{run.timeout} {run.memory}",
        options.resume,
    )  # fmt: skip
    finished = False
    try:
        known = store.find(k.key for k in keyed if k.key is not None)
        known |= {key: record for key, record in journal.resumed.items() if key not in known}
        done: dict[int, Check] = {}
        todo: list[int] = []
        for index, one in enumerate(keyed):
            record = known.get(one.key) if one.key is not None else None
            if record is None:
                todo.append(index)
            else:
                done[index] = Check(one.job, one.model, record, None, True)
                tick(one.job.file.path)
        with closing(_made(tuple(keyed[index].job for index in todo), options)) as made:
            for number, record, seconds in made:
                index = todo[number]
                one = keyed[index]
                if not gate.keys.unchanged(one):
                    record = Record(record.test, failure="engine", message=CHANGED)
                elif one.key is not None:
                    journal.add(one.key, record)
                    if record.conclusive:
                        store.put(one.key, record)
                done[index] = Check(one.job, one.model, record, seconds, False)
                tick(one.job.file.path)
        finished = True
    finally:
        store.close()
        journal.close(finished)
        gate.notes += [*store.notes, *journal.notes]
    return [done[index] for index in range(len(keyed))]


Made = Generator[tuple[int, Record, float | None], None, None]


def _made(jobs: tuple[Job, ...], options: GateOptions) -> Made:
    """The number of each job, its record, and what it took, in the order in which they get there."""
    if jobs:
        yield from _made_here(jobs, options.run) if options.dask is None else _made_there(jobs, options)


def _made_here(jobs: tuple[Job, ...], run: RunOptions) -> Made:
    with closing(run_plan(Plan(jobs, (), (), Expectations()), run)) as results:
        for number, (_, judged) in enumerate(results):
            result = judged.result
            yield number, record_of(result), None if isinstance(result, Failure) else result.cpu_seconds


def _made_there(jobs: tuple[Job, ...], options: GateOptions) -> Made:
    from membar_check.gate.checking import check_jobs
    from membar_check.gate.cluster import Cluster

    with Cluster(options.dask or "") as cluster:
        yield from check_jobs(jobs, options.run, cluster)


# --- judging ---------------------------------------------------------------------------------------------------------
def _judged(gate: _Gate, checks: list[Check]) -> Iterator[GateItem]:
    judge = Judge(gate.options.run, gate.plan.expectations, gate.options.compare)
    for check in checks:
        yield judge.item(check, _reference(gate, check))


def _reference(gate: _Gate, check: Check) -> Reference | None:
    baseline, log = gate.baseline, gate.log
    if baseline is not None:
        name = baseline.name_of(check.job.file.path), check.model
        record = baseline.records.get(name)
        if record is not None or log is None:
            place = Position(baseline.path, baseline.lines[name]) if name in baseline.lines else None
            return Reference("baseline", record, place)
    if log is not None:
        record = log.records.get(check.record.test)
        return Reference("log", record, record.place if record else None)
    return None


def _arguments(plan: Plan) -> Iterator[GateItem]:
    """What the arguments and the files of expectations have wrong by themselves."""
    for failure in plan.problems:
        record = record_of(failure)
        yield GateItem(failure.file, "", Kind.ERROR, Status.ERROR, record.message, new=record, place=record.place)
    for stray in plan.strays:
        yield _stray(stray)


def _stray(stray: Judged) -> GateItem:
    failure = stray.result
    assert isinstance(failure, Failure)
    place = record_of(failure).place
    return GateItem(
        failure.file, failure.model, Kind.MISSING, Status.DIFFERS, stray.reason, source="expected",
        expected=stray.expected, place=place,
    )  # fmt: skip


def _missing(gate: _Gate, keyed: list[Keyed], items: list[GateItem]) -> Iterator[GateItem]:
    """What the baseline or the log has, and this run, which should, has not."""
    if gate.baseline is not None:
        seen = {(gate.baseline.name_of(item.file), item.model) for item in items}
        unreadable = {gate.baseline.name_of(k.job.file.path) for k in keyed if not k.arch}
        for name, record in gate.baseline.records.items():
            path = os.path.relpath(gate.baseline.path_of(name[0]))
            if name in seen or name[0] in unreadable or not covers(gate.options.run, path, name[1]):
                continue
            reason = f"the model {name[1]} is not there any more" if os.path.isfile(path) else "there is no such test"
            yield GateItem(
                path, name[1], Kind.MISSING, Status.DIFFERS, f"{reason}, but the baseline has it", source="baseline",
                expected=summary(record), old=record, place=Position(gate.baseline.path, gate.baseline.lines[name]),
            )  # fmt: skip
    if gate.log is not None:
        tests = {item.new.test for item in items if item.new is not None}
        for test, record in gate.log.records.items():
            if test not in tests:
                yield GateItem(
                    test, "", Kind.MISSING, Status.DIFFERS, "there is no such test, but the log has it", source="log",
                    expected=summary(record), old=record, place=record.place,
                )  # fmt: skip
