"""The cache of the compiled grammar: used when it is sound, never needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from membar_check.cat.parser import parse_cat
from membar_check.diagnostics import Source
from membar_check.grammars import load_grammar


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    load_grammar.cache_clear()
    yield
    load_grammar.cache_clear()


def parses() -> bool:
    load_grammar.cache_clear()
    return len(parse_cat(Source("m", "let a = b empty a")).statements) == 2


def test_the_grammar_is_kept_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert parses()
    (kept,) = (tmp_path / "membar-check").glob("cat-cat-*")
    before = kept.stat().st_mtime_ns
    assert parses()
    assert kept.stat().st_mtime_ns == before


def test_damaged_files_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert parses()
    (kept,) = (tmp_path / "membar-check").glob("cat-cat-*")
    sound = kept.read_bytes()
    for damaged in (b"", b"junk", sound[: len(sound) // 2]):
        kept.write_bytes(damaged)
        assert parses()
        assert kept.read_bytes() != damaged


def test_a_place_that_cannot_be_written_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert parses()
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    assert parses()


def test_syntax_errors_are_the_same_with_a_grammar_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    messages = []
    for _ in range(2):
        load_grammar.cache_clear()
        with pytest.raises(Exception, match="an expression") as caught:
            parse_cat(Source("m", "let a = |"))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
