"""Litmus tests and models given as text, and their steps one by one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from membar_check.cat import syntax as s
from membar_check.cat.dag import CompiledModel
from membar_check.cat.loader import LoadedModel, load_model
from membar_check.cat.model import compile_model
from membar_check.cat.parser import parse_cat
from membar_check.diagnostics import Source
from membar_check.engine.api import CheckOptions, check_test, lower_for, make_verdict, model_request
from membar_check.engine.choose import Answer
from membar_check.engine.masks import MasksEngine
from membar_check.engine.models import DEFAULT_VARIANTS, Model, get_model
from membar_check.engine.reference import ReferenceEngine
from membar_check.engine.tally import Goal, Tally
from membar_check.events.build import build
from membar_check.events.structure import Structure
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import LitmusTest
from membar_check.resources import models_dir
from membar_check.verdict import Verdict

LIMIT = 1 << 22


def parse(text: str) -> LitmusTest:
    return parse_litmus(Source("test.litmus", text))


def assembly(arch: str, init: str, threads: Iterable[str], condition: str) -> str:
    """A test in assembly; each thread is its instructions, one a line or separated by ``;``."""
    columns = [[cell.strip() for cell in t.replace("\n", ";").split(";") if cell.strip()] for t in threads]
    height = max(len(c) for c in columns)
    rows = [[c[i] if i < len(c) else "" for c in columns] for i in range(height)]
    head = " | ".join(f"P{i}" for i in range(len(columns)))
    body = "\n".join(" " + " | ".join(row) + " ;" for row in rows)
    return f"{arch} test\n{{ {init} }}\n {head} ;\n{body}\n{condition}\n"


def kernel(init: str, threads: Iterable[str], condition: str) -> str:
    """A test in C; every thread gets the globals x, y, z as ``int *``, unless it begins with its own ``(...)``."""
    parts = []
    for number, body in enumerate(threads):
        body = body.strip()
        params = "int *x, int *y, int *z"
        if body.startswith("("):
            params, body = body[1:].split(")", 1)
        parts.append(f"P{number}({params})\n{{\n{body}\n}}\n")
    return f"C test\n{{ {init} }}\n" + "\n".join(parts) + f"\n{condition}\n"


def check(text: str, model: str | None = None, **options: object) -> Verdict:
    """The verdict on a test by the masks engine (or the one that ``engine`` names)."""
    settings: dict[str, object] = {"engine": "masks", "hash": False, "model": model, **options}
    return check_test(parse(text), CheckOptions(**settings))  # type: ignore[arg-type]


def states(verdict: Verdict) -> set[str]:
    """The final states as the log prints them, without the last semicolon."""
    assert verdict.states is not None
    return {" ".join(f"{place}={value};" for place, value in state)[:-1] for state in verdict.states}


def counts(verdict: Verdict) -> tuple[int, int, int]:
    """Number of states, positive and negative executions."""
    assert verdict.states is not None and verdict.positive is not None and verdict.negative is not None
    return len(verdict.states), verdict.positive, verdict.negative


# --- the steps -------------------------------------------------------------------------------------------------------
def structure_of(text: str, model: str | None = None, unroll: int = 2) -> Structure:
    """The event structure of a test, for the model that it is checked with."""
    structure, _ = prepared(text, model, unroll)
    return structure


def prepared(text: str, model: str | None = None, unroll: int = 2) -> tuple[Structure, Model]:
    return prepare(parse(text), model, unroll)


def prepare(test: LitmusTest, model: str | None = None, unroll: int = 2) -> tuple[Structure, Model]:
    options = CheckOptions(model=model)
    found = get_model(model_request(test, options))
    registers = found.compiled is not None and found.compiled.registers
    return build(lower_for(test, found, options), unroll, registers), found


@lru_cache(maxsize=1)
def library() -> LoadedModel:
    return load_model(models_dir() / "sc.cat")


@lru_cache(maxsize=4)
def included(name: str) -> tuple[s.Stmt, ...]:
    """The statements of a bundled model with all that it includes; none for the name ``""``."""
    return load_model(models_dir() / name).body if name else ()


def statements(text: str) -> tuple[s.Stmt, ...]:
    return parse_cat(Source("model.cat", text)).statements


def compiled(text: str, dialect: str = "X86", first: str = "cos.cat", bell: str = "") -> CompiledModel:
    """A compiled model from its statements; ``first``: the bundled file in front of them."""
    body = (*included(first), *statements(text))
    return compile_model(
        "model", "", library().prelude, statements(bell) if bell else (), body, dialect, DEFAULT_VARIANTS
    )


def loaded(text: str, first: str = "cos.cat") -> LoadedModel:
    """The same for the reference interpreter."""
    body = (*included(first), *statements(text))
    return LoadedModel(Path("model.cat"), "", library().prelude, body, False, "", ())


def judge_compiled(model: CompiledModel, structure: Structure, goal: Goal | None = None) -> Tally:
    return MasksEngine(model, structure, LIMIT).run(goal or Goal())


def interpret(
    model: LoadedModel, structure: Structure, bell: LoadedModel | None = None, dialect: str | None = None
) -> Tally:
    """``dialect``: the one that the model is compiled for, where that is not the test's."""
    engine = ReferenceEngine(model, bell, structure, dialect or structure.program.test.arch, DEFAULT_VARIANTS)
    return engine.run(Goal())


def summary(tally: Tally) -> tuple[object, ...]:
    """All that two engines must agree on."""
    return (tally.states, tally.positive, tally.negative, tally.flags, tally.undefined, tally.loop)


def verdict_of(structure: Structure, model: Model, tally: Tally) -> Verdict:
    """What would be reported for a tally."""
    engine = MasksEngine(model.compiled, structure, LIMIT) if model.compiled else None
    assert engine is not None
    return make_verdict(structure.program, model, Answer(tally, "masks", engine.observed), CheckOptions(hash=False))
