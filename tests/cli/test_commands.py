"""The command line itself: usage errors, help, the catalogue of models, real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from membar_check import __version__
from membar_check.catalogue import heading, model_text
from membar_check.cli import main
from membar_check.diagnostics import InputError
from membar_check.resources import model_names

SMALL = """X86 SB
{ x=0; y=0; }
 P0          | P1          ;
 MOV [x],$1  | MOV [y],$1  ;
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["run"],
        ["run", "x.litmus", "--frobnicate"],
        ["run", "x.litmus", "--unroll", "0"],
        ["run", "x.litmus", "--unroll", "many"],
        ["run", "x.litmus", "-j", "-1"],
        ["run", "x.litmus", "--timeout", "0"],
        ["run", "x.litmus", "--timeout", "nan"],
        ["run", "x.litmus", "--memory", "1.5"],
        ["run", "x.litmus", "--engine", "magic"],
        ["run", "x.litmus", "--format", "xml"],
        ["run", "x.litmus", "--model", "sc", "--all-models"],
        ["run", "x.litmus", "--reach", "--format", "herd"],
        ["show-model"],
        ["show-model", "no-such-model"],
    ],
)
def test_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("membar-check") and "Traceback" not in captured.err


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["show-model", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "usage: membar-check" in out
    if "show-model" not in arguments:
        assert "exit status" in out and "examples" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"membar-check {__version__}\n"


# --- models ---
def test_models_lists_every_model_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    for name in model_names():
        assert f"{name}: " in out
        assert len(out.split(f"{name}: ")[1].split("\n\n")[0]) > 60, f"{name} names no source"


def test_the_readme_has_every_model(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert [name for name in model_names() if f"\n| `{name}` |" not in readme] == []


def test_heading() -> None:
    assert heading('"Title"\n\n(* About\n * it, with (* a nest *) inside *)\n(* other *)\nlet x = 0') == (
        "Title",
        "About\nit, with (* a nest *) inside",
    )
    assert heading("let x = 0") == ("", "")
    assert heading("") == ("", "")


@pytest.mark.parametrize("name", model_names())
def test_show_model(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show-model", name]) == 0
    plain = capsys.readouterr().out
    assert main(["show-model", name, "--flat"]) == 0
    flat = capsys.readouterr().out
    assert len(flat) >= len(plain)
    assert not [line for line in flat.splitlines() if line.startswith("include")]


def test_flat_text(tmp_path: Path) -> None:
    (tmp_path / "top.cat").write_text('(* include "no.cat" *)\ninclude "a.cat"\ninclude "a.cat"\nshow "include"\n')
    (tmp_path / "a.cat").write_text("let a = 0\n")
    assert model_text(str(tmp_path / "top.cat"), flat=True) == (
        '(* include "no.cat" *)\n(* begin a.cat *)\nlet a = 0\n(* end a.cat *)\n(* a.cat: above *)\nshow "include"\n'
    )


def test_flat_text_of_what_cannot_be_flattened(tmp_path: Path) -> None:
    (tmp_path / "a.cat").write_text('include "b.cat"')
    (tmp_path / "b.cat").write_text('include "a.cat"')
    (tmp_path / "c.cat").write_text('include "none.cat"')
    (tmp_path / "d.cat").write_bytes(b"\xff\xfe")
    for name, message in (("a", "includes itself"), ("c", "'none.cat' was not found"), ("d", "is not text")):
        with pytest.raises(InputError, match=message):
            model_text(str(tmp_path / f"{name}.cat"), flat=True)


# --- real processes ---
def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "membar_check", *map(str, arguments)]


def finish(
    arguments: list[str], environment: dict[str, str], out: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, check=False)


@pytest.fixture
def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root)}


def test_as_a_module(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "SB.litmus").write_text(SMALL)
    done = finish(command("run", tmp_path / "SB.litmus", "--format", "herd"), environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Test SB Allowed\nStates 4\n0:EAX=0; 1:EAX=0;\n")
    assert "\nObservation SB Sometimes 1 3\n" in done.stdout and done.stdout.endswith("\n\n")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x00\x01\xff\xfe" * 100, b"\x7fELF\x02\x01", "☃ snow\n{}\n".encode()], ids=repr
)
def test_junk_is_one_message_and_status_2(tmp_path: Path, environment: dict[str, str], content: bytes) -> None:
    (tmp_path / "junk.litmus").write_bytes(content)
    (tmp_path / "SB.litmus").write_text(SMALL)
    done = finish(command("run", tmp_path, "--format", "herd"), environment)
    assert done.returncode == 2
    assert done.stdout.count("Observation") == 1
    assert "junk.litmus" in done.stderr and "Traceback" not in done.stderr


def test_a_broken_pipe_is_no_error_message(tmp_path: Path, environment: dict[str, str]) -> None:
    for number in range(40):
        (tmp_path / f"{number}.litmus").write_text(SMALL)
    read, write = os.pipe()
    os.close(read)
    done = finish(command("run", tmp_path, "--format", "herd"), environment, write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_interrupted_workers_leave_nothing_behind(tmp_path: Path, environment: dict[str, str]) -> None:
    fake = "import sys, time; from membar_check import cli, runner; "
    fake += "runner.load_check = lambda: lambda *_: time.sleep(60)"
    for name in "ab":
        (tmp_path / f"{name}.litmus").write_text(SMALL)
    program = f"{fake}; sys.exit(cli.main(['run', '-j', '2', {str(tmp_path)!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(100):
        time.sleep(0.05)
        workers = children.read_text().split() if children.exists() else []
        if len(workers) == 2:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == "interrupted: 0 of 2 checks done\n"
    for _ in range(100):  # a worker that had no task yet ends when its pipe closes
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            return
        time.sleep(0.05)
    raise AssertionError("a worker is left")


def test_small_commands_import_little(environment: dict[str, str]) -> None:
    program = (
        "import sys; from membar_check.cli import main; main(['--version']); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "('lark', 'z3', 'rich', 'networkx')))"
    )
    done = finish([sys.executable, "-c", program], environment)
    assert done.stdout.splitlines()[-1] == "[]"


def test_variants_are_those_of_herd7(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test, model = tmp_path / "t.litmus", tmp_path / "m.cat"
    test.write_text("X86 t\n{ }\n P0 ;\n MOV [x],$1 ;\nexists (x=1)\n")
    model.write_text('let r = if "no-such" then po else rf\nacyclic r as r\n')
    assert main(["run", str(test), "--variant", "memtagg"]) == 2
    assert "there is no variant 'memtagg'\n    hint: did you mean 'memtag'" in capsys.readouterr().err
    assert main(["run", str(test), str(test), "--model", str(model), "--variant", "memtag"]) == 0
    assert capsys.readouterr().err == f"warning: {model}:1:12: there is no variant 'no-such', it is taken to be off\n"
    config = tmp_path / "c.cfg"
    config.write_text("model m.cat\nvariant no-such\n")
    assert main(["run", str(test), "--conf", str(config)]) == 2
    assert f"{config}:2:1: there is no variant 'no-such'" in capsys.readouterr().err


def test_names_are_looked_at_before_the_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing is reported once, whatever the number of tests."""
    tests = [str(tmp_path / f"t{i}.litmus") for i in range(3)]
    for name in tests:
        Path(name).write_text(SMALL)
    config = tmp_path / "c.cfg"
    config.write_text("macros none.def\n")
    for arguments, message in [
        (["--model", "none"], "there is no model 'none'"),
        (["--model", str(tmp_path)], f"'{tmp_path}' is a folder, expected a cat file"),
        (["--bell", "none"], "there is no bell file 'none'"),
        (["--macros", "sc.cat"], "'sc.cat' is a model, expected a macro file"),
        (["--conf", str(config)], f"{config}:1:1: there is no macro file 'none.def'"),
    ]:
        assert main(["run", *tests, *arguments]) == 2
        assert capsys.readouterr().err.count(message) == 1


def test_a_model_for_another_architecture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = tmp_path / "t.litmus"
    test.write_text(SMALL)
    assert main(["run", str(test), "--model", "lkmm"]) == 2
    assert "the model lkmm is for C, but the test is X86" in capsys.readouterr().err
    assert main(["run", str(test), "--model", "sc", "-q"]) == 1


def test_only_regular_files_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe.litmus"
    os.mkfifo(pipe)
    for path in (str(pipe), os.devnull):
        assert main(["run", path]) == 2
        assert f"{path}: is no regular file" in capsys.readouterr().err
