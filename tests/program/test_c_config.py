"""Configuration files: the keys that are read, left aside and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError, Unsupported
from membar_check.program.config import HerdConfig, read_config


def config(folder: Path, text: str, name: str = "a.cfg") -> HerdConfig:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_all_keys(tmp_path: Path) -> None:
    text = """# a comment
macros linux-kernel.def
bell = linux-kernel.bell
model   linux-kernel.cat
variant lkmmv2,other
variant third
include some/where
unroll 3

graph columns
edgeattr hb,color,indigo
"""
    found = config(tmp_path, text)
    assert (found.model, found.bell, found.macros) == ("linux-kernel.cat", "linux-kernel.bell", "linux-kernel.def")
    assert found.variants == ("lkmmv2", "other", "third")
    assert found.includes == ("some/where",)
    assert found.unroll == 3
    assert found.directory == tmp_path
    assert found.where["bell"].line == 3


def test_empty(tmp_path: Path) -> None:
    found = config(tmp_path, "")
    assert (found.model, found.bell, found.macros, found.variants, found.unroll) == ("", "", "", (), None)


def test_later_settings_win_and_others_are_read_in_place(tmp_path: Path) -> None:
    (tmp_path / "base.cfg").write_text("model one.cat\nbell one.bell\n", encoding="utf-8")
    found = config(tmp_path, "model none.cat\nlocal-conf base.cfg\nbell two.bell\n")
    assert (found.model, found.bell) == ("one.cat", "two.bell")
    assert config(tmp_path, "conf base.cfg\n", "b.cfg").model == "one.cat"


@pytest.mark.parametrize(
    ("text", "kind", "message", "place"),
    [
        ("model a.cat\nmodle b.cat\n", InputError, "unknown key `modle`", (2, 1)),
        ("model\n", InputError, "expected a key and its value", (1, 1)),
        ("= b\n", InputError, "expected a key and its value", (1, 1)),
        ("unroll many\n", InputError, "found `many`, expected how often loops are unrolled", (1, 1)),
        ("  kinds k.txt\n", Unsupported, "key `kinds` of a configuration is not known here", (1, 3)),
        ("local-conf gone.cfg\n", InputError, "gone.cfg`: No such file", (1, 1)),
        ("local-conf a.cfg\n", InputError, "includes itself", (1, 1)),
    ],
)
def test_mistakes(tmp_path: Path, text: str, kind: type[InputError], message: str, place: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        config(tmp_path, text)
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert caught.value.span is not None
    assert (caught.value.span.line, caught.value.span.column) == place


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_config(tmp_path / "gone.cfg")
    (tmp_path / "junk.cfg").write_bytes(b"\xff\xfe\x00model")
    with pytest.raises(InputError, match="it is not text"):
        read_config(tmp_path / "junk.cfg")
