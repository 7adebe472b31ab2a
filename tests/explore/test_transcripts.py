"""Whole sessions over a pipe, against golden transcripts."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions
from membar_check.explore import main
from membar_check.explore.session import Session
from support.sessions import opened, scripted

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.mark.parametrize(
    ("path", "outcome", "status"),
    [
        ("c/SB+mbs", None, 2),
        ("c/MP+plain", "data-race", 0),
        ("aarch64/MP+dmb.st+dmb.ld", None, 2),
        ("membarrier/no-grace-period-quoted", None, 0),
    ],
)
def test_golden(path: str, outcome: str | None, status: int, golden: Callable[[str, str], None]) -> None:
    name = path.rpartition("/")[2]
    found, text = scripted(opened(path, outcome=outcome), (SCRIPTS / f"{name}.txt").read_text("utf-8"))
    golden(f"explore/{name}.txt", text)
    assert found == status


def test_main_runs_a_script(root: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    status = main("litmus/c/SB.litmus", CheckOptions(), None, io.StringIO("states\n"), out, err)
    assert (status, err.getvalue()) == (0, "")
    assert out.getvalue().startswith("SB under lkmm: Sometimes   exists (0:r0=0 /\\ 1:r0=0)\n")
    assert "> states\n4 states; * shows the outcome 0:r0=0 /\\ 1:r0=0\n* 1  0:r0=0; 1:r0=0   1 " in out.getvalue()


def test_errors_name_their_line_and_the_script_goes_on() -> None:
    out, err = io.StringIO(), io.StringIO()
    lines = "# a comment\n\nfrob\nstate 9\nexecution\n"
    assert main("litmus/c/SB.litmus", CheckOptions(), None, io.StringIO(lines), out, err) == 2
    assert err.getvalue().startswith("line 3: there is no command 'frob'\n")
    assert "\nline 4: there is no state 9\n    hint: the test ends in states 1 to 4\n" in err.getvalue()
    assert "> execution\nexecution 1 of 1: allowed" in out.getvalue()


def test_unknown_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_many(self: Session) -> None:
        raise Inconclusive("engine", "too many")

    session = opened("c/SB")
    monkeypatch.setattr(Session, "states", too_many)
    assert scripted(session, "states\n") == (3, scripted(opened("c/SB"), "")[1] + "> states\nline 1: too many\n")
    assert scripted(session, "states\nfrob\n")[0] == 2
    assert scripted(session, "frob\nstates\n")[0] == 2


def test_a_fault_ends_a_command_and_not_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Session) -> None:
        raise KeyError("who knows")

    session = opened("c/SB")
    monkeypatch.setattr(Session, "states", broken)
    status, text = scripted(session, "states\noutcome\n")
    assert status == 3
    assert "line 1: this command failed, by a fault of the checker: KeyError: 'who knows'" in text
    assert text.endswith("> outcome\noutcome 0:r0=0 /\\ 1:r0=0: allowed (1 execution)\n")


def test_a_test_that_cannot_be_opened() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        main("litmus/c/nothing.litmus", CheckOptions(), None, io.StringIO(""), io.StringIO(), io.StringIO())
    with pytest.raises(InputError, match="no class of outcome"):
        main("litmus/c/SB.litmus", CheckOptions(), "frob", io.StringIO(""), io.StringIO(), io.StringIO())
