"""From paths on the command line to judged results: finds the tests, checks them, compares with what is expected."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from membar_check.diagnostics import Inconclusive, InputError, MembarError, Source
from membar_check.expectations import (
    FILE_NAME,
    GRAVITY,
    Expectation,
    ExpectedFile,
    Judged,
    judge,
    read_expected,
    result_comment,
)
from membar_check.options import RunOptions
from membar_check.records import dataclass, field
from membar_check.verdict import Failure, Result, Status, Verdict
from membar_check.workers import Work, run_tasks

if TYPE_CHECKING:
    from membar_check.engine.api import CheckOptions

Check = Callable[[str, "CheckOptions"], Verdict]


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file to check: ``path`` as it is opened and shown, ``inside`` its path below the argument that named it."""

    path: str
    inside: str


@dataclass(frozen=True, slots=True)
class Job:
    """One test under one model (None: the default of its dialect)."""

    file: TestFile
    model: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run will do: ``problems`` are arguments that cannot be run at all, ``strays`` expectations without a
    test; both come before the jobs in the results."""

    jobs: tuple[Job, ...]
    problems: tuple[Failure, ...]
    strays: tuple[Judged, ...]
    expectations: Expectations


@dataclass(slots=True)
class Expectations:
    """The files of expected verdicts that matter to a run, each read once.

    ``reported``: folders whose malformed file has its own line among the results.
    """

    single: ExpectedFile | None = None
    read: dict[str, ExpectedFile | InputError | None] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)

    def beside(self, path: str) -> ExpectedFile | None:
        """The file for the test at ``path``: the one given for the run, else the one in the test's folder.

        Raises InputError where it cannot be read or is malformed.
        """
        if self.single is not None:
            return self.single
        return self.in_folder(os.path.dirname(path))

    def in_folder(self, folder: str) -> ExpectedFile | None:
        """The file in ``folder``, None without one.  Raises InputError."""
        if folder not in self.read:
            self.read[folder] = _read_folder(folder)
        found = self.read[folder]
        if isinstance(found, InputError):
            raise found
        return found

    def key(self, expected: ExpectedFile, path: str) -> str:
        """How entries of ``expected`` name the test at ``path``."""
        name = os.path.relpath(path, os.path.dirname(expected.path) or ".")
        return name.replace(os.sep, "/")


def _read_folder(folder: str) -> ExpectedFile | InputError | None:
    path = os.path.join(folder, FILE_NAME)
    if not os.path.isfile(path):
        return None
    try:
        expected = read_expected(path)
        for (name, _), expectation in expected.entries.items():
            if "/" in name:
                hint = f"put the entry into the {FILE_NAME} of that folder"
                raise InputError(f"{name!r} lies in another folder", expectation.span, hint)
        return expected
    except InputError as error:
        return error


# --- finding the tests -----------------------------------------------------------------------------------------------
def make_plan(options: RunOptions) -> Plan:
    """Finds the files and the models for each.  Raises InputError where ``--expected`` names no good file."""
    expectations = Expectations(read_expected(options.expected) if options.expected else None)
    files: list[TestFile] = []
    problems: list[Failure] = []
    folders: list[str] = []
    for path in options.paths:
        if os.path.isdir(path):
            try:
                found, below = _search(path)
            except InputError as error:
                problems.append(Failure(path, path, "", error))
                continue
            files += found
            folders += below
        else:
            files.append(TestFile(path, os.path.basename(path)))
    strays = list(_strays(expectations, folders, problems))
    jobs: list[Job] = []
    for file in files:
        jobs += [Job(file, model) for model in _models_for(file, options, expectations)]
    return Plan(tuple(jobs), tuple(problems), tuple(strays), expectations)


def _search(top: str) -> tuple[list[TestFile], list[str]]:
    """The ``*.litmus`` files below a folder, sorted, and all folders that were looked into.  Raises InputError."""
    files: list[TestFile] = []
    folders: list[str] = []
    for folder, entries in _folders(top):
        folders.append(folder)
        for name in entries:
            if name.endswith(".litmus"):
                path = os.path.join(folder, name)
                files.append(TestFile(path, os.path.relpath(path, top)))
    if not files:
        raise InputError(f"{top}: no *.litmus file in this folder or below")
    files.sort(key=lambda file: file.path.split(os.sep))
    return files, folders


def _folders(top: str) -> Iterator[tuple[str, list[str]]]:
    """The folders below ``top``, each with the names of what is in it and no folder.

    Symbolic links are followed, but each folder comes once: under its own name where it lies below ``top`` itself, else
    under that of the first link to it.  Raises InputError for a folder that cannot be read.
    """

    def stop(error: OSError) -> NoReturn:
        raise InputError(f"{error.filename}: cannot read the folder: {error.strerror}") from error

    seen: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        links: list[str] = []
        for start in waiting:
            for folder, names, entries in os.walk(start, onerror=stop):
                try:
                    about = os.stat(folder)
                except OSError as error:
                    stop(error)
                if (about.st_dev, about.st_ino) in seen:
                    names.clear()
                    continue
                seen.add((about.st_dev, about.st_ino))
                names.sort()
                links += [path for name in names if os.path.islink(path := os.path.join(folder, name))]
                yield folder, entries
        waiting = links


def _strays(expectations: Expectations, folders: Sequence[str], problems: list[Failure]) -> Iterator[Judged]:
    """Expectations without a test, in the files that the run covers as a whole; malformed files become problems."""
    covered: list[ExpectedFile] = [expectations.single] if expectations.single else []
    if not covered:
        for folder in dict.fromkeys(folders):
            try:
                expected = expectations.in_folder(folder)
            except InputError as error:
                path = os.path.join(folder, FILE_NAME)
                problems.append(Failure(path, path, "", error))
                expectations.reported.add(folder)
                continue
            if expected is not None:
                covered.append(expected)
    for expected in covered:
        for (name, model), expectation in expected.entries.items():
            path = os.path.join(os.path.dirname(expected.path), name)
            if not os.path.isfile(path):
                reason = f"{os.path.basename(expected.path)} has an entry, but there is no such test"
                failure = Failure(name, path, model, InputError(reason, expectation.span))
                word = expectation.observation.value if expectation.observation else ""
                yield Judged(failure, Status.DIFFERS, word, reason)


def _models_for(file: TestFile, options: RunOptions, expectations: Expectations) -> tuple[str | None, ...]:
    if options.models:
        return options.models
    models: tuple[str | None, ...] = ()
    if options.all_models or options.matrix:
        try:
            expected = expectations.beside(file.path)
        except InputError:
            expected = None  # it is reported with the result of the test
        if expected is not None:
            models = expected.models_of(expectations.key(expected, file.path))
        if options.matrix and not models:
            models = matrix_models(file.path)
    return models or (None,)


# A test in C runs on hardware too, by the kernel's own mappings.
MODELS_OF_C = ("lkmm", "aarch64", "x86-tso", "sc")
_DIALECT = re.compile(r"\s*(?:\(\*.*?\*\)\s*)*(\w+)", re.DOTALL)


def matrix_models(path: str) -> tuple[str | None, ...]:
    """The models under which a matrix shows the test at ``path``; its default where it cannot be read."""
    from membar_check.engine.models import DEFAULT_MODELS

    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            found = _DIALECT.match(handle.read())
    except OSError:
        return (None,)
    dialect = found[1] if found else ""
    if dialect == "C":
        return MODELS_OF_C
    return (DEFAULT_MODELS[dialect], "sc") if dialect in DEFAULT_MODELS else (None,)


# --- checking --------------------------------------------------------------------------------------------------------
def load_check() -> Check:
    """The function that checks one file, loaded late: start-up of the other commands must not pay for it."""
    from membar_check.engine.api import check_file

    return check_file


def check_options(options: RunOptions, model: str | None) -> CheckOptions:
    """The part of the options that the engine sees."""
    from membar_check.engine.api import CheckOptions

    return CheckOptions(
        model=model,
        include_dirs=options.include_dirs,
        bell=options.bell,
        macros=options.macros,
        conf=options.conf,
        variants=options.variants,
        unroll=options.unroll,
        engine=options.engine,
        reach=options.reach,
        witness=options.draws,
    )


def require_names(options: RunOptions) -> None:
    """Raises InputError where the options name a model, or a file that belongs to one, that does not exist."""
    from membar_check.engine.api import check_names

    for model in options.models or (None,):
        check_names(check_options(options, model))


def run_plan(plan: Plan, options: RunOptions) -> Generator[tuple[Job | None, Judged], None, None]:
    """The judged results with their jobs (None for what is no test), in the order of the plan, as they get there."""
    for failure in plan.problems:
        yield None, judge(failure, None)
    for stray in plan.strays:
        yield None, stray
    check = load_check()
    debug = options.verbosity > 1

    def run(job: Job) -> Result:
        return _check(check, job, options, debug)

    work: Work[Job, Result] = Work(run, _failed, options.timeout, options.memory)
    for job, result in zip(plan.jobs, run_tasks(plan.jobs, work, options.jobs), strict=True):
        yield job, judge_result(job, result, options, plan.expectations)


def _check(check: Check, job: Job, options: RunOptions, debug: bool) -> Result:
    """Checks one file; whatever goes wrong becomes a Failure, but for MemoryError and interrupts."""
    try:
        return check(job.file.path, check_options(options, job.model))
    except MembarError as error:
        return _failed(job, error)
    except MemoryError:
        raise
    except RecursionError:
        return _failed(job, Inconclusive("engine", "no answer: the test or the model is nested too deeply"))
    except Exception as error:  # native code out of memory, or a fault of ours: the other tests go on
        if "out of memory" in str(error).lower() or "MemoryError" in str(error):
            raise MemoryError from error
        if debug:
            import traceback

            traceback.print_exc()
        what = f"no answer: a fault in the checker ({type(error).__name__}: {error})"
        return _failed(job, Inconclusive("engine", what, hint="please report it, with the test; -vv shows where it is"))


def _failed(job: Job, error: MembarError) -> Failure:
    if error.span is None and job.file.path not in error.message:
        error.message = f"{job.file.path}: {error.message}"
    return Failure(os.path.splitext(os.path.basename(job.file.path))[0], job.file.path, job.model or "", error)


# --- comparing -------------------------------------------------------------------------------------------------------
def judge_result(job: Job, result: Result, options: RunOptions, expectations: Expectations) -> Judged:
    """The result of a job with its judgement, by the first expectation that speaks of it."""
    if isinstance(result, Failure):
        return judge(result, None)
    try:
        expected = expectations.beside(job.file.path)
    except InputError as error:
        if os.path.dirname(job.file.path) in expectations.reported:
            return judge(result, None)
        return judge(_failed(job, error), None)
    expectation: Expectation | None = None
    if expected is not None:
        name = expectations.key(expected, job.file.path)
        expectation = _entry(expected, name, result.model)
        if expectation is None and result.model in expected.models:
            reason = f"{os.path.basename(expected.path)} has no entry for {name} under {result.model}"
            return Judged(result, Status.DIFFERS, "?", reason)
    if expectation is None and _heeds_comment(options):
        try:
            expectation = _comment(job.file.path)
        except InputError as error:
            return judge(_failed(job, error), None)
    return judge(result, expectation)


def _entry(expected: ExpectedFile, name: str, model: str) -> Expectation | None:
    """The entry for the model, by its name or, where it was loaded from a file of the user, by that file's stem."""
    found = expected.entries.get((name, model))
    if found is None:
        found = expected.entries.get((name, os.path.splitext(os.path.basename(model))[0]))
    return found


def _heeds_comment(options: RunOptions) -> bool:
    """Whether a ``Result:`` comment speaks of this run: such comments state what the kernel's model gives, so a bundled
    model other than that, asked for by name, is not bound by them."""
    from membar_check.resources import model_names

    return all(model == "lkmm" or model not in model_names() for model in options.models)


def _comment(path: str) -> Expectation | None:
    """What the comment in the test says.  Raises InputError where that is not understood."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            text = handle.read()
    except OSError:
        return None
    return result_comment(Source(path, text))


def exit_status(statuses: set[Status]) -> int:
    """The exit status of a run whose results have these statuses: that of the gravest."""
    for status in GRAVITY:
        if status in statuses:
            return status.value
    return 0
