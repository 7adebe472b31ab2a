"""Why an outcome is forbidden: a minimal set of axioms, fences, annotations and dependencies that together forbid it.

By deletion: an element stays in the core if the outcome appears once it is taken away with all that was found to be
redundant before.  Taking away changes no value and no path, so only the candidates that would show the outcome are
judged again, and each that appears is the proof of the need.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from membar_check.explain.case import Case, Part
from membar_check.explain.elements import Element, combined, elements
from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """``alone``: it is enough to take this away from the test as it is; ``part``: candidates that appear then."""

    element: Element
    alone: bool
    part: Part


@dataclass(frozen=True, slots=True)
class Needs:
    """``redundant`` are all elements that are not needed, taken away together; ``untried`` for want of time."""

    core: tuple[Need, ...]
    redundant: tuple[Element, ...]
    untried: tuple[Element, ...]


def minimal_core(case: Case, parts: Sequence[Part], whole: bool, deadline: float) -> Needs:
    """The core for the candidates ``parts``, which the model rules out.  ``deadline`` in seconds of
    ``time.process_time``."""
    search = _Search(case, parts, deadline)
    every = elements(case, parts, whole)
    for kind in _KINDS:
        search.drop([e for e in every if e.kind == kind and not e.assumed])
    search.kept += [e for e in every if e.assumed and search.survivors([*search.dropped, e]) is not None]
    needs = []
    for element in search.kept:
        part = search.survivors([*search.dropped, element])
        if part is None:  # only with something that was tried later
            search.dropped.append(element)
            continue
        single = part if not search.dropped else search.survivors([element])
        needs.append(Need(element, single is not None, single or part))
    return Needs(tuple(needs), tuple(search.dropped), tuple(search.untried))


class _Search:
    """Drops elements in groups, halved while the outcome appears."""

    def __init__(self, case: Case, parts: Sequence[Part], deadline: float) -> None:
        self.case = case
        self.parts = parts
        self.deadline = deadline
        self.dropped: list[Element] = []
        self.kept: list[Element] = []
        self.untried: list[Element] = []

    def survivors(self, chosen: list[Element]) -> Part | None:
        variation, axioms = combined(self.case, chosen)
        return self.case.survivors(self.parts, variation, axioms)

    def drop(self, group: list[Element]) -> None:
        if not group:
            return
        if time.process_time() > self.deadline:
            self.untried += group
        elif self.survivors([*self.dropped, *group]) is None:
            self.dropped += group
        elif len(group) == 1:
            self.kept += group
        else:
            self.drop(group[: len(group) // 2])
            self.drop(group[len(group) // 2 :])


_KINDS = ("dependency", "annotation", "fence", "axiom")
"""What is tried first is what the core does without, if there is a choice: fences explain more than dependencies that
happen to order as well."""
