"""The session in a terminal, with the keys of a user in a pipe."""

from __future__ import annotations

import io
import signal
import threading
from pathlib import Path

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.plain_text import PlainTextOutput

from membar_check.explore.session import Session
from membar_check.explore.terminal import run_terminal, state_folder, toolbar
from support.sessions import opened


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "membar-check"


def typed(session: Session, keys: str, later: str = "") -> str:
    """What the session prints for some keys, and others that come half a second later."""
    out = io.StringIO()
    with create_pipe_input() as pipe:
        pipe.send_text(keys)
        timer = threading.Timer(0.5, pipe.send_text, (later,))
        if later:
            timer.start()
        assert run_terminal(session, pipe, PlainTextOutput(out)) == 0
    return out.getvalue()


def test_commands_are_answered_until_the_user_leaves() -> None:
    text = typed(opened("c/SB"), "states\rquit\r")
    assert "SB under lkmm: Sometimes" in text
    assert "4 states; * shows the outcome" in text


def test_the_end_of_the_input_ends_the_session() -> None:
    session = opened("c/SB")
    typed(session, "\x04")
    assert not session.leaving


def test_errors_are_shown_and_the_session_goes_on() -> None:
    text = typed(opened("c/SB"), "frob\routcome\rquit\r")
    assert "there is no command 'frob'" in text
    assert "outcome 0:r0=0 /\\ 1:r0=0: allowed (1 execution)" in text


def test_tab_completes() -> None:
    text = typed(opened("c/SB+mbs"), "what if drop axiom prop\t", "\rquit\r")
    assert "forbidden -> allowed" in text


def test_ctrl_c_clears_the_line() -> None:
    text = typed(opened("c/SB"), "frob\x03outcome\rquit\r")
    assert "there is no command" not in text
    assert "allowed (1 execution)" in text


def test_ctrl_c_ends_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: Session) -> None:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not interrupted")

    monkeypatch.setattr(Session, "states", endless)
    session = opened("c/SB")
    text = typed(session, "states\routcome\rquit\r")
    assert "interrupted; the session is as it was" in text
    assert "allowed (1 execution)" in text


def test_faults_are_shown_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Session) -> None:
        raise KeyError("who knows")

    monkeypatch.setattr(Session, "states", broken)
    text = typed(opened("c/SB"), "states\rquit\r")
    assert "a fault of the checker: KeyError: 'who knows'" in text
    assert "Traceback" not in text


def test_history_is_kept_between_sessions(state: Path) -> None:
    typed(opened("c/SB"), "outcome\rquit\r")
    assert "+outcome\n" in (state / "explore-history").read_text("utf-8")
    text = typed(opened("c/SB"), "\x1b[A\x1b[A\rquit\r")  # twice up: past quit
    assert "outcome 0:r0=0 /\\ 1:r0=0: allowed" in text.partition("help")[2]


def test_no_history_where_nothing_can_be_written(state: Path) -> None:
    state.write_text("a file where the folder should be", "utf-8")
    assert "4 states" in typed(opened("c/SB"), "states\rquit\r")


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_the_state_folder(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", value)
    assert state_folder() == tmp_path / ".local" / "state" / "membar-check"


def test_the_toolbar_says_where_one_is() -> None:
    session = opened("c/SB")
    assert toolbar(session) == " SB | lkmm | 0:r0=0 /\\ 1:r0=0"
    assert session.look.allowed
    assert toolbar(session) == " SB | lkmm | execution 1 of 1, allowed"


def test_the_answer_is_as_wide_as_the_terminal() -> None:
    class Narrow(DummyOutput):
        def __init__(self) -> None:
            self.shown = ""

        def get_size(self) -> Size:
            return Size(40, 70)

        def write(self, data: str) -> None:
            self.shown += data

        write_raw = write

    output = Narrow()
    with create_pipe_input() as pipe:
        pipe.send_text("help\rquit\r")
        run_terminal(opened("c/SB"), pipe, output)
    assert "what an execution does" in output.shown
    assert all(len(line) < 70 for line in output.shown.splitlines())
