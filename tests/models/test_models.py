"""The bundled models: they compile for their dialects, imply coherence, and say what they are; and the bundled tests
give, under every model they have an expectation for, what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.cat.dag import OrderChoice, PickChoice
from membar_check.cat.loader import load_model
from membar_check.engine.api import CheckOptions, check_file
from membar_check.engine.models import DEFAULT_MODELS, DEFAULT_VARIANTS, Model, ModelRequest, get_model
from membar_check.expectations import Expectation, ExpectedFile, judge, read_expected
from membar_check.resources import model_names, models_dir
from membar_check.verdict import Observation, Status

ROOT = Path(__file__).resolve().parent.parent.parent
FAMILIES = ("aarch64", "c", "membarrier-basics", "power", "riscv", "smp-memb", "x86", "x86_64")
ONE_MODEL = ("smp-memb",)  # what only one model has
PAIRS = [*DEFAULT_MODELS.items(), *((dialect, "sc") for dialect in DEFAULT_MODELS), ("C", "lkmm-membarrier")]


def model_of(dialect: str, name: str) -> Model:
    return get_model(ModelRequest(name, None, None, (), DEFAULT_VARIANTS, dialect))


@pytest.mark.parametrize(("dialect", "name"), PAIRS)
def test_compiles_and_implies_coherence(dialect: str, name: str) -> None:
    compiled = model_of(dialect, name).compiled
    assert compiled is not None, model_of(dialect, name).why
    assert compiled.coherent
    assert isinstance(compiled.order, OrderChoice)


def test_lock_choices_are_there_in_c_only() -> None:
    for dialect, name in PAIRS:
        compiled = model_of(dialect, name).compiled
        assert compiled is not None
        picks = [c for c in compiled.choices if isinstance(c, PickChoice)]
        assert len(picks) == (2 if dialect == "C" else 0)


@pytest.mark.parametrize(
    ("dialect", "name", "axioms"),
    [
        ("C", "lkmm", {"coherence", "atomic", "happens-before", "propagation", "rcu", "plain-coherence"}),
        ("X86", "x86-tso", {"sc-per-location", "atomicity", "tso"}),
        ("AArch64", "aarch64", {"internal", "external", "atomic"}),
        ("RISCV", "riscv", {"load-value", "atomicity", "global-memory-order"}),
        ("PPC", "power", {"sc-per-location", "atomicity", "no-thin-air", "observation", "propagation"}),
        ("X86", "sc", {"sc", "atomic", "rcu"}),
    ],
)
def test_axioms_bear_the_names_of_the_field(dialect: str, name: str, axioms: set[str]) -> None:
    compiled = model_of(dialect, name).compiled
    assert compiled is not None
    assert axioms <= {check.name for check in compiled.checks if not check.prefix}


def test_flags_of_the_kernel_model() -> None:
    compiled = model_of("C", "lkmm").compiled
    assert compiled is not None
    assert {check.name for check in compiled.checks if check.prefix == "flag"} == {
        "data-race", "mixed-accesses", "mixed-lock-accesses", "lock-final", "unpaired-LKR", "unpaired-LKW",
        "unmatched-unlock", "unmatched-rcu-lock", "unmatched-rcu-unlock", "unmatched-srcu-lock",
        "unmatched-srcu-unlock", "multiple-srcu-matches", "srcu-bad-value-match", "invalid-sleep",
    }  # fmt: skip


@pytest.mark.parametrize("name", model_names())
def test_names_its_source(name: str) -> None:
    path = models_dir() / f"{name}.cat"
    assert load_model(path).title
    head = path.read_text(encoding="utf-8").split("*)")[0]
    assert any(word in head for word in ("1979", "2010", "2011", "2014", "2018", "Manual")), "cites nothing"


def expectations(family: str) -> ExpectedFile:
    return read_expected(str(ROOT / "litmus" / family / "expected.txt"))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_test_has_expectations(family: str) -> None:
    files = {path.name for path in (ROOT / "litmus" / family).glob("*.litmus")}
    expected = expectations(family)
    assert {file for file, _ in expected.entries} == files
    for file in files:
        assert len(expected.models_of(file)) >= (1 if family in ONE_MODEL else 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_bundled_tests(family: str) -> None:
    for (file, model), expectation in expectations(family).entries.items():
        verdict = check_file(str(ROOT / "litmus" / family / file), CheckOptions(model=model))
        judged = judge(verdict, expectation)
        assert judged.status is Status.AS_EXPECTED, f"{family}/{file} under {model}: {judged.reason}"


def test_a_wrong_expectation_is_a_difference() -> None:
    wrong = Expectation("here", Observation.SOMETIMES, states=4, positive=2, negative=3, flags=())
    verdict = check_file(str(ROOT / "litmus" / "x86" / "SB.litmus"), CheckOptions(model="x86-tso"))
    assert judge(verdict, wrong).status is Status.DIFFERS
