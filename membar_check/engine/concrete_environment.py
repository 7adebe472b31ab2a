"""What the reference interpreter asks of a candidate execution, and how its parts tell each other of failures."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Protocol

from membar_check.diagnostics import InputError, Span
from membar_check.engine.concrete_values import CatValue, Events, Lazy


class Environment(Protocol):
    """What one candidate execution offers to a model."""

    @property
    def universe(self) -> Events:
        """All events."""

    @property
    def variants(self) -> frozenset[str]:
        """The variants that are on, for ``if "name"``."""

    def lookup(self, name: str) -> CatValue | None:
        """A primitive set or relation; None for a name that is not predefined."""

    def names(self) -> Iterable[str]:
        """The names that ``lookup`` knows, for suggestions."""

    def location_of(self, event: int) -> Hashable | None:
        """The location that an event accesses; None where it accesses none."""

    def value_of(self, event: int) -> Hashable | None:
        """The value that an event reads or writes; None where it has none."""


class UnboundName(InputError):
    """A name that neither the model nor the execution defines; ``known`` is what could have been meant."""

    def __init__(self, name: str, span: Span, known: Mapping[str, Lazy]) -> None:
        super().__init__(f"unknown name `{name}`", span)
        self.name = name
        self.known = known


class Rejected(Exception):
    """The check of a ``let rec ... when`` failed: the execution is not consistent."""


class PrimitiveError(Exception):
    """A primitive function cannot work on its argument; the text says why."""
