"""What the options and the ini file of pytest say about checking litmus tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from membar_check.diagnostics import InputError
from membar_check.options import RunOptions, positive_int, seconds
from membar_check.records import dataclass
from membar_check.runner import Expectations, require_names

T = TypeVar("T")
ALL = "all"
EXPLAINED = 20  # failures that a process explains; the others name the command that does


@dataclass(slots=True)
class Settings:
    """Of one run of pytest.  ``options``: without paths; ``expectations``: read once each; ``explain``: seconds for the
    explanation of a failure, 0: none; ``explanations``: how many more may be made."""

    options: RunOptions
    expectations: Expectations
    explain: float
    explanations: int = EXPLAINED


_KEY = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config) -> Settings:
    """The settings, made at the first call.  Raises UsageError for values and names that are wrong."""
    if _KEY not in config.stash:
        config.stash[_KEY] = _make(config)
    return config.stash[_KEY]


def _make(config: pytest.Config) -> Settings:
    from membar_check.expectations import read_expected

    options = _options(config)
    try:
        require_names(options)
        return Settings(
            options,
            Expectations(read_expected(options.expected) if options.expected else None),
            _number(config, "--membar-explain", config.getoption("membar_explain"), _seconds_or_none) or 0.0,
        )
    except InputError as error:
        raise pytest.UsageError(error.render()) from error


def _options(config: pytest.Config) -> RunOptions:
    """The options as ``run`` has them; the command line goes before the ini file."""
    models = tuple(dict.fromkeys(config.getoption("membar_models")))
    every = bool(config.getoption("membar_all_models"))
    if models and every:
        raise pytest.UsageError("--model and --membar-all-models exclude each other")
    if not models and not every:
        named = config.getini("membar_models")
        every = ALL in named
        if every and len(named) > 1:
            raise pytest.UsageError(f"membar_models = {' '.join(named)}: `{ALL}` stands alone")
        models = () if every else tuple(named)
    unroll = config.getoption("membar_unroll") or config.getini("membar_unroll")
    timeout = config.getoption("membar_timeout") or config.getini("membar_timeout")
    return RunOptions(
        paths=(),
        models=models,
        all_models=every,
        include_dirs=(*config.getoption("membar_include"), *map(os.fspath, config.getini("membar_include"))),
        unroll=_number(config, "membar_unroll", unroll, positive_int) or 2,
        timeout=_number(config, "membar_timeout", timeout, seconds),
        expected=config.getoption("membar_expected"),
    )


def _number(config: pytest.Config, name: str, text: str | None, convert: Callable[[str], T]) -> T | None:
    if not text:
        return None
    try:
        return convert(text)
    except ValueError as error:
        raise pytest.UsageError(f"{name}: {error}") from None


def _seconds_or_none(text: str) -> float:
    return 0.0 if text == "0" else seconds(text)
