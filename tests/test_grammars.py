"""The cache of compiled grammars."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check import grammars

GRAMMAR = """
start: WORD+
WORD: /[a-z]+/
%ignore " "
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of one grammar, and a cache of its own."""
    (tmp_path / "words.lark").write_text(GRAMMAR)
    monkeypatch.setattr(grammars, "__file__", str(tmp_path / "grammars.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    grammars.load_grammar.cache_clear()
    return tmp_path


def words() -> list[str]:
    grammars.load_grammar.cache_clear()
    tree = grammars.load_grammar("words.lark", "start").parse("ab cd")
    return [str(child) for child in tree.children]


def cached(package: Path) -> list[Path]:
    return sorted((package / "cache" / "membar-check").glob("*"))


def test_written_once_and_read_back(package: Path) -> None:
    assert words() == ["ab", "cd"]
    (file,) = cached(package)
    before = file.stat().st_mtime_ns
    assert words() == ["ab", "cd"]
    assert cached(package) == [file]
    assert file.stat().st_mtime_ns == before


def test_a_changed_grammar_has_another_entry(package: Path) -> None:
    words()
    (package / "words.lark").write_text(GRAMMAR + 'OTHER: "!"\n%ignore OTHER\n')
    words()
    assert len(cached(package)) == 2


def test_a_broken_entry_is_built_anew(package: Path) -> None:
    words()
    (file,) = cached(package)
    file.write_bytes(b"junk")
    assert words() == ["ab", "cd"]
    assert len(file.read_bytes()) > 4


def test_a_directory_that_cannot_be_written_does_no_harm(package: Path) -> None:
    (package / "cache").write_text("a file, not a directory")
    assert words() == ["ab", "cd"]


def test_no_home_does_no_harm(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(grammars.Path, "home", staticmethod(lambda: (_ for _ in ()).throw(RuntimeError())))
    assert grammars.cache_directory() is None
    assert words() == ["ab", "cd"]
