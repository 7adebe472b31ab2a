"""A folder with the page of a gate, and beside it the page of an explanation for what broke or changed."""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path

from membar_check.diagnostics import InputError, MembarError
from membar_check.gate.report_data import GateItem, GateReport, Kind
from membar_check.options import RunOptions
from membar_check.records import dataclass, replace
from membar_check.report.gate.words import ORDER, passes
from membar_check.runner import check_options
from membar_check.workers import Work, run_tasks

INDEX = "index.html"
EXPLANATIONS = "explain"
LIMIT = 24  # explanations a page links to
SECONDS = 120.0  # for all of them
_EACH = 20.0  # at most, for one
_BEYOND = 3.0  # of these, for what is tried beyond the verdict
_OURS = re.compile(r"[\w+.-]+-[0-9a-f]{8}\.html", re.ASCII)
_KINDS = (Kind.BROKEN, Kind.CHANGED, Kind.FIXED, Kind.NEW)


@dataclass(frozen=True, slots=True)
class _Task:
    """An explanation to write: of ``item`` under the model as the command line named it."""

    item: GateItem
    model: str
    path: Path


def write_pages(
    report: GateReport, folder: str, run: RunOptions, limit: int = LIMIT, seconds: float = SECONDS
) -> tuple[str, ...]:
    """Writes ``index.html`` and explanations into the folder, which is made if it is not there.

    At most ``limit`` explanations are made, in about ``seconds``, the gravest differences first, on as many processes
    as the run has; explanations of an earlier report in the same folder are taken away.  Returns why some could not be
    made, a sentence each.  Raises InputError where the folder cannot be written.
    """
    top = Path(folder)
    wanted = [item for item in report.items if _explainable(item)]
    wanted.sort(key=lambda item: ORDER.index(item.kind))
    try:
        (top / EXPLANATIONS).mkdir(parents=True, exist_ok=True)
        for old in (top / EXPLANATIONS).iterdir():
            if _OURS.fullmatch(old.name):
                old.unlink()
        tasks = [_task(item, run, top) for item in wanted[:limit]]
        failures, links = _explain_all(tasks, run, seconds)
        unexplained = _unexplained(len(wanted), len(links), len(failures))
        from membar_check.report.gate.html import render

        page = render(report, links, unexplained)
        (top / INDEX).write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return tuple(failures)


def _explainable(item: GateItem) -> bool:
    """Whether there is a difference, and a verdict to explain."""
    if item.new is None or not item.new.conclusive or item.kind not in _KINDS:
        return False
    return item.kind is not Kind.NEW or not passes(item)


def _task(item: GateItem, run: RunOptions, top: Path) -> _Task:
    """The name of the file is that of the test and the model, with a digest where these have what no address has."""
    named = [m for m in run.models if os.path.splitext(os.path.basename(m))[0] == item.model]
    stem = os.path.splitext(os.path.basename(item.file))[0]
    plain = re.sub(r"[^\w+.-]", "_", f"{stem}-{item.model}", flags=re.ASCII)[:100]
    mark = hashlib.sha256(f"{item.file}\0{item.model}".encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return _Task(item, named[0] if named else item.model, top / EXPLANATIONS / f"{plain}-{mark}.html")


def _explain_all(
    tasks: list[_Task], run: RunOptions, seconds: float
) -> tuple[list[str], dict[tuple[str, str], str]]:
    """What went wrong, and the addresses of the pages that were written, by file and model."""
    end = time.monotonic() + seconds
    each = min(_EACH, seconds)

    def one(task: _Task) -> str:
        if time.monotonic() > end:
            return f"{_name(task)}: not explained: the time for explanations was over"
        return _write_explanation(task, run)

    def failed(task: _Task, error: MembarError) -> str:
        return f"{_name(task)}: not explained: {error.message}"

    failures: list[str] = []
    links: dict[tuple[str, str], str] = {}
    work: Work[_Task, str] = Work(one, failed, each, run.memory)
    for task, failure in zip(tasks, run_tasks(tasks, work, run.jobs), strict=True):
        if failure:
            task.path.unlink(missing_ok=True)
            failures.append(failure)
        else:
            links[task.item.file, task.item.model] = f"{EXPLANATIONS}/{task.path.name}".replace("+", "%2B")
    return failures, links


def _write_explanation(task: _Task, run: RunOptions) -> str:
    """"" or why there is none."""
    from membar_check.engine.api import parse_file
    from membar_check.explain.api import ExplainOptions, explain
    from membar_check.report.page import render_page

    check = replace(check_options(run, task.model), witness=False)
    try:
        test = parse_file(task.item.file, check.include_dirs)
        explanation = explain(test, ExplainOptions(check, _outcome(task.item), seconds=_BEYOND))
        task.path.write_text(render_page(explanation), encoding="utf-8", errors="replace")
    except MembarError as error:
        return f"{_name(task)}: not explained: {error.message}"
    except MemoryError:
        raise
    except Exception as error:  # the report is written all the same
        return f"{_name(task)}: not explained: a fault ({type(error).__name__}: {error})"
    return ""


def _outcome(item: GateItem) -> str | None:
    """What the explanation is of: a class or a flag that came, else None, the test's own condition."""
    new, old = item.new, item.old
    if new is None:
        return None
    if new.classes is not None:
        before = old.classes or () if old is not None else item.expected.split(",")
        came = [name for name in new.classes if name not in before]
        return came[0] if came else None
    same = old is not None and (old.word, old.observation, old.states) == (new.word, new.observation, new.states)
    flags = [flag for flag in new.flags if old is not None and flag not in old.flags and not flag.startswith("*")]
    return flags[0] if same and flags else None


def _name(task: _Task) -> str:
    return f"{task.item.file} under {task.item.model}"


def _unexplained(wanted: int, made: int, failed: int) -> str:
    if made == wanted:
        return ""
    parts = f"{made} of {wanted} differences are explained"
    return f"{parts}; {failed} could not be" if failed else f"{parts}, the gravest first"
