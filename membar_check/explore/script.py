"""A session over a pipe: the lines of a script in, plain text out."""

from __future__ import annotations

from typing import TextIO

from membar_check.diagnostics import Inconclusive, MembarError
from membar_check.explore.commands import run
from membar_check.explore.look import write_head
from membar_check.explore.page import Page, fault
from membar_check.explore.session import Session

WIDTH = 100
WRONG, UNANSWERED = 2, 3


def run_script(session: Session, inp: TextIO, out: TextIO, err: TextIO) -> int:
    """Runs each line of ``inp``; the command is repeated before its answer.  A command that fails says so on ``err``,
    with its line, and the next one goes on.

    Returns 0, 2 if some command was wrong, else 3 if one had no answer.
    """
    head = Page(WIDTH, False)
    write_head(session, head)
    out.write(head.text())
    status = 0
    for number, line in enumerate(inp, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        out.write(f"> {line}\n")
        said, failed = _answer(session, line, out)
        if said:
            out.flush()
            err.write(f"line {number}: {said}\n")
            err.flush()
        status = WRONG if WRONG in (status, failed) else max(status, failed)
        if session.leaving:
            break
    return status


def _answer(session: Session, line: str, out: TextIO) -> tuple[str, int]:
    """Runs a line; returns what is wrong, and the exit status for that."""
    page = Page(WIDTH, False)
    try:
        run(session, line, page)
    except MembarError as error:
        return error.render(), UNANSWERED if isinstance(error, Inconclusive) else WRONG
    except Exception as error:  # a fault of ours: the other commands go on
        return fault(error), UNANSWERED
    out.write(page.text())
    return "", 0
