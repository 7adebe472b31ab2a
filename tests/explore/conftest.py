"""Sessions name their tests as a user at the top of the checkout does."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def at_the_top(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of tests are printed as they are given."""
    monkeypatch.chdir(root)
