"""The names of variants."""

from __future__ import annotations

import pytest

from membar_check.cat.conditions import is_variant
from support.inline import compiled


@pytest.mark.parametrize("name", ["mixed", "CutOff", "cos-opt", "T42", "sve:128", "sme:256"])
def test_variants_of_herd7(name: str) -> None:
    assert is_variant(name)


@pytest.mark.parametrize("name", ["", "mixedd", "t4", "sve:", "no-such"])
def test_what_is_no_variant(name: str) -> None:
    assert not is_variant(name)


def test_a_variant_that_does_not_exist_is_warned_of() -> None:
    model = compiled('let r = if "no-such" then po else if "memtag" then co else rf\nacyclic r')
    assert model.warnings == ("model.cat:1:12: there is no variant 'no-such', it is taken to be off",)
