"""The generated tests mean what they should: small ones of each kind give the known answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.growth import iriw_ring, long_threads, sb_ring, writers
from membar_check.engine.api import CheckOptions, check_file
from membar_check.verdict import Observation


@pytest.mark.parametrize(
    ("text", "observation", "states"),
    [
        (sb_ring(3, fence=False), Observation.SOMETIMES, 8),
        (sb_ring(3, fence=True), Observation.NEVER, 7),
        (iriw_ring(4), Observation.NEVER, 15),
        (long_threads(1), Observation.NEVER, 3),
        (long_threads(2), Observation.NEVER, None),
        (writers(3, 2, 2), Observation.NEVER, None),
    ],
)
def test_small_ones(tmp_path: Path, text: str, observation: Observation, states: int | None) -> None:
    path = tmp_path / "growth.litmus"
    path.write_text(text, encoding="utf-8")
    verdict = check_file(str(path), CheckOptions(model="lkmm"))
    assert verdict.observation is observation
    if states is not None:
        assert verdict.states is not None and len(verdict.states) == states
