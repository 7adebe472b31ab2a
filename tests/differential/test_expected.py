"""The bundled tests give what is expected of them, under every model; kernel C by both engines."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from membar_check.diagnostics import Inconclusive
from membar_check.engine.api import CheckOptions, check_file
from membar_check.options import RunOptions
from membar_check.runner import Plan, make_plan, run_plan
from membar_check.verdict import Status

LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"
SHARDS = 16
FEW = 60  # candidates up to which both engines are run on a test in kernel C


@lru_cache(maxsize=1)
def plan() -> Plan:
    return make_plan(OPTIONS)


OPTIONS = RunOptions((str(LITMUS),), all_models=True)


def test_every_test_has_expectations_and_every_expectation_a_test() -> None:
    assert not plan().problems
    assert not [stray.reason for stray in plan().strays]
    assert not [job.file.path for job in plan().jobs if job.model is None]


@pytest.mark.parametrize("number", range(SHARDS))
def test_all_is_as_expected(number: int) -> None:
    whole = plan()
    jobs = whole.jobs[number::SHARDS]
    judged = [found for _, found in run_plan(Plan(jobs, (), (), whole.expectations), OPTIONS)]
    wrong = [(j.result.file, j.result.model, j.reason) for j in judged if j.status is not Status.AS_EXPECTED]
    assert len(judged) == len(jobs) and not wrong


@pytest.mark.parametrize("number", range(SHARDS))
def test_both_engines_agree_on_kernel_c(number: int) -> None:
    """Where they differ, "both" raises Inconclusive."""
    compared = 0
    for path in sorted(LITMUS.glob("membarrier/*.litmus"))[number::SHARDS]:
        masks = check_file(str(path), CheckOptions(engine="masks", hash=False))
        if masks.candidates <= FEW:
            try:
                both = check_file(str(path), CheckOptions(engine="both", hash=False))
            except Inconclusive as reason:
                raise AssertionError(f"{path.name}: {reason}") from reason
            assert (both.classes, both.negative) == (masks.classes, masks.negative), path.name
            compared += 1
    assert compared
