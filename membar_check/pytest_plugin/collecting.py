"""The collectors: a litmus file gives one test a model; a file of expected verdicts those entries without a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from membar_check.diagnostics import InputError
from membar_check.expectations import ExpectedFile
from membar_check.pytest_plugin.items import LitmusItem, StrayItem
from membar_check.pytest_plugin.settings import Settings, settings_of


def shown(path: Path) -> str:
    """The path as messages have it: relative where it is below the working folder."""
    relative = os.path.relpath(path)
    return os.fspath(path) if relative.startswith(os.pardir) else relative


class LitmusFile(pytest.File):
    """One file: a test a model."""

    def collect(self) -> Iterator[pytest.Item]:
        settings = settings_of(self.config)
        models = _models(shown(self.path), settings)
        for model, label in zip(models, _labels(models, self.path), strict=True):
            yield LitmusItem.from_parent(self, name=f"{self.path.name}[{label}]", model=model)


def _models(path: str, settings: Settings) -> tuple[str | None, ...]:
    """The models of a test, as ``run`` chooses them; None: that of its dialect."""
    options = settings.options
    if options.models:
        return options.models
    if options.all_models:
        try:
            expected = settings.expectations.beside(path)
        except InputError:
            expected = None  # the test itself reports it
        if expected is not None:
            return expected.models_of(settings.expectations.key(expected, path)) or (None,)
    return (None,)


def _labels(models: tuple[str | None, ...], path: Path) -> list[str]:
    """A name for each: model files go by their stem, unless that is not clear."""
    from membar_check.runner import matrix_models

    names = [model if model is not None else matrix_models(os.fspath(path))[0] or "default" for model in models]
    stems = [os.path.splitext(os.path.basename(name))[0] if name.endswith(".cat") else name for name in names]
    return [stem if stems.count(stem) == 1 else name for name, stem in zip(names, stems, strict=True)]


class Folder(pytest.File):
    """A file of expected verdicts beside litmus tests: a test for each entry whose file is not there.

    A malformed one cannot be collected.
    """

    def collect(self) -> Iterator[pytest.Item]:
        settings = settings_of(self.config)
        if settings.options.expected is not None:
            return
        expected = settings.expectations.in_folder(os.path.dirname(shown(self.path)))
        for name, model in expected.entries if expected is not None else ():
            if not (self.path.parent / name).is_file() and _asked(model, settings):
                yield StrayItem.from_parent(self, name=f"{name}[{model}]", span=_span(expected, name, model))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, InputError):
            return excinfo.value.render()
        return super().repr_failure(excinfo)


def _asked(model: str, settings: Settings) -> bool:
    """Whether the run looks at what is expected under a model."""
    return not settings.options.models or model in settings.options.models


def _span(expected: ExpectedFile | None, name: str, model: str) -> Any:
    return expected.entries[name, model].span if expected is not None else None
