"""A session in the terminal: editing, history, completion and a line that says where one is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from membar_check.diagnostics import MembarError
from membar_check.explore.commands import complete, run
from membar_check.explore.look import write_head
from membar_check.explore.page import Page, fault
from membar_check.explore.session import Session

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History

NARROWEST, WIDEST = 60, 140


def run_terminal(session: Session, inp: Any = None, output: Any = None) -> int:
    """Reads commands until the user leaves, by ``quit`` or the end of the input (Ctrl-D); Ctrl-C ends the command that
    runs, or clears the line.  ``inp``, ``output``: of prompt_toolkit, for tests.  Returns 0."""
    prompt = _prompt(session, inp, output)
    _show(session, "", prompt)
    while not session.leaving:
        try:
            line = prompt.prompt("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        _show(session, line, prompt)
    return 0


def _show(session: Session, line: str, prompt: PromptSession[str]) -> None:
    """Runs a line and prints its answer, or what is wrong with it; the empty line at the beginning: the head."""
    output = prompt.app.output
    columns = output.get_size().columns
    page = Page(max(NARROWEST, min(WIDEST, columns - 1)), "NO_COLOR" not in os.environ)
    said = ""
    try:
        if line.strip():
            run(session, line, page)
        elif session.fresh:
            write_head(session, page)
            page.item("`help` lists the commands, Tab completes, Ctrl-D ends")
    except MembarError as error:
        said = error.render()
    except KeyboardInterrupt:
        said = "interrupted; the session is as it was"
    except Exception as error:  # a fault of ours: the session goes on
        said = fault(error)
    _print(page.text(), said, output)


def _print(text: str, said: str, output: Any) -> None:
    from prompt_toolkit import print_formatted_text
    from prompt_toolkit.formatted_text import ANSI, FormattedText

    if text:
        print_formatted_text(ANSI(text), end="", output=output)
    if said:
        print_formatted_text(FormattedText([("ansired", said)]), output=output)


def _prompt(session: Session, inp: Any, output: Any) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.shortcuts import CompleteStyle

    return PromptSession(
        history=_history(),
        completer=_completer(session),
        complete_style=CompleteStyle.COLUMN,
        complete_while_typing=False,
        bottom_toolbar=lambda: toolbar(session),
        input=inp,
        output=output,
    )


def toolbar(session: Session) -> str:
    """The test, the model, and the execution that is looked at."""
    edited = " (edited)" if session.edited else ""
    place = session.place()
    return f" {session.test.name}{edited} | {session.model} | {place}"


def state_folder() -> Path:
    """The user's folder for what is kept between sessions, after the XDG base directory specification."""
    base = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~")) / ".local" / "state"
    return folder / "membar-check"


def _history() -> History:
    """In the state folder; only in memory where nothing can be written there."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = state_folder() / "explore-history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _completer(session: Session) -> Completer:
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document

    class Commands(Completer):
        """Asks the commands; what goes wrong while a line is unfinished is no matter."""

        def get_completions(self, document: Document, event: object) -> Iterable[Completion]:
            try:
                size, found = complete(session, document.text_before_cursor)
            except Exception:  # a menu is no place for messages; the command will say what is wrong
                return
            for offer in found:
                yield Completion(offer.text, -size, display_meta=offer.meaning)

    return Commands()
