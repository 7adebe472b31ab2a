"""Tasks of the kind ``check``: one test under one model."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from membar_check.diagnostics import Inconclusive, InputError, MembarError, Source
from membar_check.gate.bundle import Files, Place, pack_request, unpack_request
from membar_check.gate.digests import model_digest
from membar_check.gate.executor import Answer, Executor, Limits, Plain, Task, in_order
from membar_check.gate.keys import find_headers
from membar_check.gate.record import from_plain, plain, record_of
from membar_check.gate.report_data import Record
from membar_check.options import RunOptions
from membar_check.runner import Job, TestFile, check_options
from membar_check.runner import _check as check_guarded
from membar_check.runner import _failed as failed

if TYPE_CHECKING:
    from membar_check.engine.api import CheckOptions
    from membar_check.engine.models import Model, ModelRequest
    from membar_check.litmus.syntax import LitmusTest
    from membar_check.verdict import Verdict


# --- the side that asks ----------------------------------------------------------------------------------------------
Records = Generator[tuple[int, Record, float | None], None, None]

AT_ONCE = 256  # tests that are taken from a stream before the first is answered


def check_jobs(jobs: Sequence[Job], run: RunOptions, executor: Executor) -> Records:
    """The number of each job, its record and the seconds of the check, in the order in which they get there.

    What cannot be sent, because the test or its model cannot even be read, is checked here, which says what is wrong.
    Raises InputError where the executor cannot go on.
    """
    from membar_check.engine.api import check_file

    files = Files()
    tasks: list[Task] = []
    sent: list[int] = []
    for number, job in enumerate(jobs):
        task = pack(job, run, files)
        if task is None:
            record = record_of(check_guarded(check_file, job, run, False))
            yield number, record, None
        else:
            tasks.append(task)
            sent.append(number)
    if tasks:
        with closing(executor.answers(tasks, Limits(run.timeout, run.memory))) as answers:
            for index, answer in answers:
                number = sent[index]
                yield number, *unpack(answer, jobs[number])


def check_texts(texts: Iterable[tuple[str, str]], run: RunOptions, executor: Executor) -> Generator[Record, None, None]:
    """The records of tests that are no files, in order: pairs of a file's name and its text, each under the one model
    of ``run``, or under the default of its dialect.  Raises InputError where the executor cannot go on."""
    model = run.models[0] if run.models else None
    files = Files()
    coming = iter(texts)
    while some := list(islice(coming, AT_ONCE)):
        jobs = [Job(TestFile(name, name), model) for name, _ in some]
        tasks = [
            _task(job, run, files, text, {os.path.abspath(job.file.path): text})
            for job, (_, text) in zip(jobs, some, strict=True)
        ]
        with closing(executor.answers(tasks, Limits(run.timeout, run.memory))) as answers:
            for number, answer in enumerate(in_order(answers)):
                record, _ = unpack(answer, jobs[number])
                yield record


def pack(job: Job, run: RunOptions, files: Files) -> Task | None:
    """The task for a job; None where its files are not known without checking it."""
    from membar_check.engine.api import parse_file, read_text

    path = job.file.path
    try:
        text = read_text(path)
        names = [path]
        headers = find_headers(Source(path, text), run.include_dirs)
        if headers is not None:
            names += [header[0] for header in headers.values() if header is not None]
        else:
            unit = parse_file(path, run.include_dirs).kernel
            names += [name for name, _ in unit.headers] if unit is not None else []
        return _task(job, run, files, text, files.read(names))
    except (MembarError, RecursionError):
        return None


def _task(job: Job, run: RunOptions, files: Files, text: str, own: dict[str, str]) -> Task:
    """The task for a test with this text and these files.  Raises MembarError where the model cannot be loaded."""
    from membar_check.engine.api import request_for
    from membar_check.litmus.parser import parse_header

    arch, _ = parse_header(Source(job.file.path, text))
    request = request_for(arch, check_options(run, job.model))
    model, digest = _loaded(request)
    data = {
        "path": job.file.path,
        "model": job.model,
        "include_dirs": list(run.include_dirs),
        "request": pack_request(request),
        "digest": digest,
        "unroll": run.unroll,
        "engine": run.engine,
        "reach": run.reach,
    }
    return Task("check", data, {**own, **files.of_model(model)})


def unpack(answer: Answer, job: Job) -> tuple[Record, float | None]:
    """The record of an answer, and the seconds that the check took (None without a verdict).

    What is no record of a check counts as no answer.
    """
    if isinstance(answer, Inconclusive):
        return record_of(failed(job, answer)), None
    try:
        return from_plain(answer["record"]), answer["seconds"]
    except (KeyError, ValueError) as error:
        what = f"no answer: what came back is no record of a check ({error})"
        return record_of(failed(job, Inconclusive("engine", what))), None


# --- the side that answers -------------------------------------------------------------------------------------------
def run(data: Plain, place: Place) -> Plain:
    """Checks the test."""
    path = place.path(data["path"])
    job = Job(TestFile(path, path), data["model"])
    result = check_guarded(lambda path, options: _verdict(path, data, place), job, RunOptions((path,)), False)
    seconds: Any = getattr(result, "cpu_seconds", None)
    return {"record": plain(record_of(result)), "seconds": seconds}


def _verdict(path: str, data: Plain, place: Place) -> Verdict:
    from membar_check.engine.api import check_test, parse_file

    include_dirs = tuple(place.path(name) for name in data["include_dirs"])
    test = parse_file(path, include_dirs)
    _require_own(test, place)
    model, digest = _loaded(_request(data, place))
    if digest != data["digest"]:
        raise Inconclusive("engine", f"no answer: the model {model.name} is not what it was when the run began")
    return check_test(test, _options(data, place))


def _require_own(test: LitmusTest, place: Place) -> None:
    for name, _ in test.kernel.headers if test.kernel is not None else ():
        if not place.owns(name):
            raise InputError(f"the header {name} is there on the worker only", hint="give its folder with -I")


def _request(data: Plain, place: Place) -> ModelRequest:
    return unpack_request(data["request"], place)


def _options(data: Plain, place: Place) -> CheckOptions:
    """The options by which the engine loads the same model: what a configuration named is in the request."""
    from membar_check.engine.api import CheckOptions

    request = _request(data, place)
    return CheckOptions(
        model=request.model, include_dirs=request.include_dirs, bell=request.bell, macros=request.macros,
        variants=tuple(sorted(request.variants)), unroll=data["unroll"], engine=data["engine"], reach=data["reach"],
    )  # fmt: skip


@lru_cache(maxsize=64)
def _loaded(request: ModelRequest) -> tuple[Model, str]:
    """The model and its digest."""
    from membar_check.engine.models import get_model

    model = get_model(request)
    return model, model_digest(model)
