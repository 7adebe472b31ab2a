"""Certificates of bundled and other tests, made once, and why they are refused."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from membar_check.engine.api import CheckOptions, lower_for, model_request, parse_file
from membar_check.engine.models import get_model
from membar_check.explain.certificate import certify
from membar_check.explain.verify import verify_certificate
from membar_check.explain.verify_subject import Asked, Subject, read_subject
from membar_check.litmus.printer import show_prop

ROOT = Path(__file__).resolve().parent.parent.parent
FORBIDDEN = ("c/MP+wmb+rmb", "lkmm")
ALLOWED = ("x86/SB", "x86-tso")
Data = dict[str, Any]


@lru_cache(maxsize=16)
def made(name: str, model: str | None, seconds: float = 60.0) -> str:
    """The certificate for the condition of a bundled test, as JSON."""
    path = str(ROOT / "litmus" / f"{name}.litmus")
    options = CheckOptions(model=model)
    test = parse_file(path, ())
    prop = lower_for(test, get_model(model_request(test, options)), options).condition
    return json.dumps(certify(path, test, options, prop, show_prop(test.arch, prop), seconds))


def certificate(name: str, model: str | None) -> Data:
    found: Data = json.loads(made(name, model))
    return found


def problems(data: Data) -> str:
    """Why a certificate is refused, as one text."""
    result = verify_certificate(data)
    assert result.ok == (not result.problems)
    return "\n".join(result.problems)


def subject_of(name: str, model: str | None = None) -> Subject:
    path = ROOT / "litmus" / f"{name}.litmus"
    return read_subject(Asked(str(path), path.read_text("utf-8"), model, None, None, (), (), 2))


def certify_file(path: Path, outcome: str = "", options: CheckOptions | None = None, seconds: float = 60.0) -> Data:
    """The certificate for a named condition of a test (else for its own condition), after a round through JSON."""
    options = options or CheckOptions()
    test = parse_file(str(path), options.include_dirs)
    program = lower_for(test, get_model(model_request(test, options)), options)
    named = {c.name: c.prop for c in program.kernel.conditions} if program.kernel is not None else {}
    prop = named.get(outcome, program.condition)
    found: Data = json.loads(json.dumps(certify(str(path), test, options, prop, outcome or "condition", seconds)))
    return found


def own_model(folder: Path, *lines: str) -> CheckOptions:
    path = folder / "own.cat"
    path.write_text("\n".join(('"own"', *lines, "")), encoding="utf-8")
    return CheckOptions(model=str(path))
