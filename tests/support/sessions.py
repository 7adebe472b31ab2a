"""Sessions of ``explore`` on bundled tests, and what they print."""

from __future__ import annotations

import io

from membar_check.engine.api import CheckOptions, parse_file
from membar_check.explore.commands import run
from membar_check.explore.page import Page
from membar_check.explore.script import run_script
from membar_check.explore.session import Session


def opened(path: str, model: str | None = None, outcome: str | None = None) -> Session:
    """A session on a bundled test."""
    return Session(parse_file(f"litmus/{path}.litmus", ()), CheckOptions(model=model), outcome)


def said(session: Session, *lines: str) -> str:
    """What commands print; errors are raised."""
    text = ""
    for line in lines:
        page = Page(100, False)
        run(session, line, page)
        text += page.text()
    return text


def scripted(session: Session, text: str) -> tuple[int, str]:
    """The exit status and the output of a script, errors where they come."""
    out = io.StringIO()
    return run_script(session, io.StringIO(text), out, out), out.getvalue()
