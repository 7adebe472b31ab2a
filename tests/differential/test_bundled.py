"""The bundled tests, judged in two ways: with the model folded to the features of the test and without, and by the
reference interpreter, which shares with the compiled evaluation only the primitive relations."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from pathlib import Path

import pytest

from membar_check.cat.specialise import specialise
from membar_check.diagnostics import Source
from membar_check.engine.models import Model
from membar_check.engine.tally import Tally
from membar_check.events.space import Space
from membar_check.events.structure import Structure
from membar_check.expectations import read_expected
from membar_check.litmus.parser import parse_litmus
from support.inline import interpret, judge_compiled, prepare, summary

ROOT = Path(__file__).resolve().parent.parent.parent / "litmus"
FAMILIES = ("aarch64", "c", "membarrier-basics", "smp-memb", "x86", "x86_64")
FEW = 150  # candidates up to which a test is interpreted one by one
SHARDS = 8


def pairs() -> list[tuple[Path, str]]:
    """All bundled tests with the models that they have expectations for."""
    return [
        (ROOT / family / file, model)
        for family in FAMILIES
        for file, model in read_expected(str(ROOT / family / "expected.txt")).entries
    ]


def prepared(path: Path, name: str) -> tuple[Structure, Model]:
    return prepare(parse_litmus(Source(str(path), path.read_text(encoding="utf-8"))), name)


def specialised(structure: Structure, model: Model) -> Tally:
    assert model.compiled is not None
    return judge_compiled(specialise(model.compiled, structure.features()), structure)


@lru_cache(maxsize=8)
def shard(number: int) -> list[tuple[Path, str]]:
    return pairs()[number::SHARDS]


@pytest.mark.parametrize("number", range(SHARDS))
def test_folding_changes_nothing(number: int) -> None:
    for path, name in shard(number):
        structure, model = prepared(path, name)
        assert model.compiled is not None
        whole = judge_compiled(model.compiled, structure)
        assert summary(specialised(structure, model)) == summary(whole), f"{path.name} under {name}"


def candidates(structure: Structure) -> int:
    """How many candidates the interpreter goes through, times the orders that it lists for each."""
    total = 0
    for skeleton in Space(structure, False).skeletons():
        total += prod((1, *(sum(prod(d.radix for d in v) for v in choices) for choices in skeleton.locations)))
    return total


@pytest.mark.parametrize("number", range(SHARDS))
def test_the_reference_interpreter_agrees(number: int) -> None:
    compared = 0
    for path, name in shard(number):
        structure, model = prepared(path, name)
        if candidates(structure) > FEW:
            continue
        compared += 1
        loaded, bell = model.load()
        interpreted = interpret(loaded, structure, bell, model.request.dialect)
        assert summary(specialised(structure, model)) == summary(interpreted), f"{path.name} under {name}"
    assert compared >= 10
