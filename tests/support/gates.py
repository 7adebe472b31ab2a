"""What the tests of the gate share: trees of tests, runs of the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from membar_check.cli import main
from membar_check.resources import models_dir

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("x86/SB", "x86/MP", "x86/SB+mfences", "x86/xchg-mutex", "x86/MP+wait-loop")
"""A small tree."""


def tree(folder: Path, *names: str) -> Path:
    """A copy of bundled tests, given as ``x86/SB``, in a folder, without expectations."""
    for name in names:
        target = folder / f"{name}.litmus"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "litmus" / f"{name}.litmus", target)
    return folder


def models(folder: Path) -> Path:
    """A copy of the bundled models."""
    folder.mkdir(parents=True)
    for path in models_dir().iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replaces a part of a file that stands in it once."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{path}: {old!r} stands in it {text.count(old)} times"
    path.write_text(text.replace(old, new), "utf-8")


class Gate:
    """Runs ``gate`` in this process, with a cache of its own; ``out`` and ``err`` are what it printed last."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.cache = folder / "cache"
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        cache = [] if "--no-cache" in arguments else ["--cache", str(self.cache)]
        status = main(["gate", *map(str, arguments), *cache])
        self.out, self.err = self._capsys.readouterr()
        return status


def kinds(gate: Gate) -> list[tuple[str, ...]]:
    """Kind and test of each line of the last report."""
    lines = (line.split() for line in gate.out.splitlines())
    return [(words[0], words[1]) for words in lines if len(words) > 1 and words[1].endswith(".litmus")]


def command(*arguments: object) -> list[str]:
    """The command line for a process of its own."""
    return [sys.executable, "-m", "membar_check", *map(str, arguments)]


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """Starts the command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command(*arguments), cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
