"""Models that are compared with each other, and changed copies of bundled ones."""

from __future__ import annotations

from pathlib import Path

from membar_check.engine.api import CheckOptions
from membar_check.engine.models import DEFAULT_VARIANTS, Model, ModelRequest, get_model
from membar_check.resources import models_dir
from membar_check.synth.diff import Comparison, DiffOptions, diff
from membar_check.synth.finder import Bound

CHECK = CheckOptions(hash=False)


def model(name: str, arch: str) -> Model:
    return get_model(ModelRequest(name, None, None, (), DEFAULT_VARIANTS, arch))


def compare(old: str, new: str, accesses: int = 4, dialect: str | None = None, **options: object) -> Comparison:
    return diff(old, new, dialect, (), DiffOptions(Bound(accesses), 300.0, **options))  # type: ignore[arg-type]


def changed(folder: Path, name: str, old: str, new: str, file: str | None = None) -> str:
    """A copy of a bundled model in which one text stands for another."""
    for path in models_dir().iterdir():
        if path.suffix in (".cat", ".bell", ".def"):
            (folder / path.name).write_text(path.read_text("utf-8"), "utf-8")
    target = folder / (file or f"{name}.cat")
    text = target.read_text("utf-8")
    assert old in text
    target.write_text(text.replace(old, new, 1), "utf-8")
    return str(folder / f"{name}.cat")
