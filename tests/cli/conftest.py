"""A folder of tests with a fake engine: the text of a file says what its check does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from membar_check import runner
from membar_check.cli import main
from membar_check.diagnostics import Inconclusive, InputError, Source, Span
from membar_check.engine.api import CheckOptions
from membar_check.verdict import Verdict
from support.results import store_buffering, verdict

Run = Callable[..., tuple[int, str, str]]


def fake_check(path: str, options: CheckOptions) -> Verdict:
    """Never, Sometimes or Always for an ``exists``; or a failure; as the first line of the file says."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    verb, _, rest = text.partition("\n")[0].partition(" ")
    name = Path(path).stem
    model = options.model or "sc"
    witness = store_buffering() if options.witness else None
    if verb == "sleep":
        time.sleep(float(rest))
    elif verb == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "fault":
        raise ZeroDivisionError(rest)
    elif verb == "deep":
        raise RecursionError
    elif verb == "memory":
        raise MemoryError
    elif verb == "interrupt":
        raise KeyboardInterrupt
    elif verb == "wrong":
        raise InputError("found `wrong`", Span(Source(path, text), 0, 5), "write it right")
    elif verb == "open":
        raise Inconclusive("engine", "no answer")
    elif verb == "loop":
        return verdict(name, file=path, model=model, positive=0, loop=True)
    elif verb == "Never":
        return verdict(name, file=path, model=model, positive=0)
    elif verb == "Always":
        return verdict(name, file=path, model=model, negative=0, witness=witness)
    return verdict(name, file=path, model=model, witness=witness)


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the fake engine in the place of the real one."""
    monkeypatch.setattr(runner, "load_check", lambda: fake_check)
    monkeypatch.setattr(runner, "require_names", lambda _: None)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs ``membar-check run`` with the fake engine; gives exit status, output and errors."""
    monkeypatch.setattr(runner, "load_check", lambda: fake_check)
    monkeypatch.setattr(runner, "require_names", lambda _: None)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        status = main(["run", *map(str, arguments)])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    yield call


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of tests: ``folder(a="Never", b="wrong")``."""

    def make(**texts: str) -> Path:
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/")
            path = path if path.suffix else path.with_suffix(".litmus")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        return tmp_path

    return make
