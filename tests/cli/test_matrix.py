"""``membar-check matrix``: which tests under which models, the table, the exit status."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from membar_check.cli import main
from membar_check.expectations import Expectation, judge
from membar_check.report import Settings, make_reporter
from membar_check.verdict import Observation
from support.results import failure, verdict

C = """C SB
{}
P0(int *x, int *y) { int r0; WRITE_ONCE(*x, 1); smp_wmb(); r0 = READ_ONCE(*y); }
P1(int *x, int *y) { int r0; WRITE_ONCE(*y, 1); smp_mb(); r0 = READ_ONCE(*x); }
exists (0:r0=0 /\\ 1:r0=0)
"""
X86 = """X86 MP
{ x=0; y=0; }
 P0         | P1          ;
 MOV [x],$1 | MOV EAX,[y] ;
 MOV [y],$1 | MOV EBX,[x] ;
exists (1:EAX=1 /\\ 1:EBX=0)
"""


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    (tmp_path / "SB.litmus").write_text(C, encoding="utf-8")
    (tmp_path / "MP.litmus").write_text(X86, encoding="utf-8")
    return tmp_path


def test_every_test_under_the_models_that_there_are_for_it(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(tests)]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["test", "x86-tso", "sc", "lkmm", "aarch64"]
    assert lines[1] == [str(tests / "MP.litmus"), "Never", "Never"]
    assert lines[2] == [str(tests / "SB.litmus"), "Sometimes", "Never", "Sometimes", "Sometimes"]


def test_the_models_that_are_asked_for(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(tests / "SB.litmus"), "--models", "aarch64,x86-tso"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["test", "aarch64", "x86-tso"]


def test_the_models_that_are_expected(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tests / "expected.txt").write_text("SB.litmus x86-tso Sometimes\nSB.litmus sc Sometimes\n", encoding="utf-8")
    assert main(["matrix", str(tests / "SB.litmus")]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["test", "x86-tso", "sc"]
    assert out.splitlines()[1].split()[1:] == ["Sometimes", "Never!"]
    assert "! differs from the expected verdict" in out


def test_json(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(tests / "SB.litmus"), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["models"] == ["lkmm", "aarch64", "x86-tso", "sc"]
    (test,) = document["tests"]
    found = {model: result["observation"] for model, result in test["results"].items()}
    assert found == {"lkmm": "Sometimes", "aarch64": "Sometimes", "x86-tso": "Sometimes", "sc": "Never"}


@pytest.mark.usefixtures("fake_engine")
@pytest.mark.parametrize(("text", "status"), [("Never", 1), ("Sometimes", 0), ("wrong", 2), ("open", 3)])
def test_exit_status_of_run(text: str, status: int, folder: Callable[..., Path]) -> None:
    assert main(["matrix", str(folder(a="Sometimes", b=text)), "--models", "m"]) == status


@pytest.mark.parametrize(
    "arguments",
    [["matrix"], ["matrix", "x", "--models", "a,,b"], ["matrix", "x", "--format", "herd"], ["matrix", "x", "--reach"]],
)
def test_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("membar-check")


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(tmp_path / "none.litmus")]) == 2
    assert "none.litmus" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    reporter = make_reporter("matrix", out, Settings())
    reporter.add(judge(verdict(positive=0, model="a"), Expectation("here", Observation.SOMETIMES)))
    reporter.add(judge(verdict(model="b"), None))
    reporter.add(judge(failure(), None))
    reporter.finish()
    text = out.getvalue()
    assert "\x1b[" in text and "Never!" in text and "error" in text and "3 checks" in text
