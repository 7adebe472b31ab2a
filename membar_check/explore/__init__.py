"""An interactive session on one test under one model: ``membar-check explore``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from membar_check.engine.api import CheckOptions


def main(path: str, options: CheckOptions, outcome: str | None, inp: TextIO, out: TextIO, err: TextIO) -> int:
    """A session on the test ``path``: in the terminal where ``inp`` and ``out`` are one, else the lines of ``inp`` are
    the commands.  ``outcome`` as for ``explain``: the number of a state, a class, a flag or a condition.

    Returns the exit status: 0; of a script 2 if a command was wrong, 3 if one had no answer.  Raises InputError,
    Unsupported and Inconclusive where the test cannot be opened.
    """
    from membar_check.engine.api import parse_file
    from membar_check.explore.session import Session

    session = Session(parse_file(path, options.include_dirs), options, outcome)
    if inp.isatty() and out.isatty():
        from membar_check.explore.terminal import run_terminal

        return run_terminal(session)
    from membar_check.explore.script import run_script

    return run_script(session, inp, out, err)
