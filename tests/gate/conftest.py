"""What tests of the gate run on: a small tree, and what was recorded of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gates import TESTS, Gate, tree


@pytest.fixture
def gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Gate:
    return Gate(tmp_path, capsys)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``TESTS``, where the command runs."""
    tree(tmp_path, *TESTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recorded(place: Path, gate: Gate) -> Path:
    """The folder, with all of it recorded in ``base``."""
    assert gate("x86", "--model", "x86-tso", "--baseline", "base", "--update") == 0
    return place
