"""Compiled models on disk: never believed when damaged, nor when another file would be included now."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.engine import models
from membar_check.engine.model_cache import Slot
from membar_check.engine.models import DEFAULT_VARIANTS, Model, ModelRequest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr("membar_check.engine.model_cache.cache_directory", lambda: folder)
    return folder


def fresh(model: Path) -> Model:
    models.get_model.cache_clear()
    return models.get_model(ModelRequest(str(model), None, None, (), DEFAULT_VARIANTS, "X86"))


def shape(model: Model) -> list[str]:
    assert model.compiled is not None
    return [repr(k.node) for k in model.compiled.checks]


def test_what_was_written_is_read(cache: Path) -> None:
    Slot("a").write([1, 2], [])
    assert Slot("a").read() == [1, 2]
    assert Slot("b").read() is None


def test_files_must_be_as_they_were(cache: Path, tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.write_text("x")
    Slot("a").write("kept", [str(there), str(absent)])
    assert Slot("a").read() == "kept"
    absent.write_text("")
    assert Slot("a").read() is None
    absent.unlink()
    there.write_text("y")
    assert Slot("a").read() is None


def test_every_flipped_bit_is_noticed(cache: Path) -> None:
    slot = Slot("a")
    slot.write({"the": "answer"}, [])
    assert slot.path is not None
    good = slot.path.read_bytes()
    for at in range(len(good)):
        slot.path.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        again = Slot("a")
        assert again.read() is None and again.damaged
    slot.path.write_bytes(good[:-3])
    assert Slot("a").read() is None


def test_a_file_that_shadows_an_include_is_seen(cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "w.cat"
    model.write_text('"w"\ninclude "cos.cat"\nacyclic po | rf | co | fr as sc\n')
    before = shape(fresh(model))
    assert shape(fresh(model)) == before
    own = (models.models_dir() / "cos.cat").read_text("utf-8")
    (tmp_path / "cos.cat").write_text(own + "\nlet fr = 0\n", "utf-8")
    assert shape(fresh(model)) != before


def test_a_damaged_file_is_reported(cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "w.cat"
    model.write_text('"w"\ninclude "cos.cat"\nacyclic po | rf | co | fr as sc\n')
    before = shape(fresh(model))
    (path,) = cache.glob("model-*.compiled")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    again = fresh(model)
    assert shape(again) == before
    assert again.compiled is not None
    assert any("was damaged; the model was compiled again" in warning for warning in again.compiled.warnings)
    assert not any("damaged" in warning for warning in fresh(model).compiled.warnings)  # type: ignore[union-attr]
