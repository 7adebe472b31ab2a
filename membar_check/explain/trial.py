"""Edited versions of one test, each checked anew: what ``repair`` and ``slim`` ask their questions of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from membar_check.diagnostics import Inconclusive, MembarError
from membar_check.engine.api import CheckOptions, check_test
from membar_check.explain.edits.apply import apply_edits, conflict, parse_edited
from membar_check.explain.edits.edit import Edit
from membar_check.explain.edits.table import Table
from membar_check.explain.hitting import NOTHING, Choice, Option, OutOfTime
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import replace
from membar_check.verdict import Verdict

KEPT_TESTS = 64  # parsed versions that are kept; verdicts are all kept
SCALE = 1000  # costs are compared as whole numbers
MOST_JOINED = 3  # fences at one place that are tried together


class Clock:
    """``seconds`` from now on, None for ever."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """The seconds that are left.  Raises OutOfTime if there are none."""
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left


class Trials:
    """The versions of ``test`` that take some of ``edits``, by their numbers.  ``asking`` gives the test that is
    checked: the edited one, or with another condition."""

    def __init__(
        self, test: LitmusTest, edits: Sequence[Edit], options: CheckOptions, clock: Clock,
        asking: Callable[[LitmusTest], LitmusTest] = lambda test: test,
    ) -> None:  # fmt: skip
        self.test = test
        self.edits = tuple(edits)
        self.options = options
        self.clock = clock
        self.checks = 0
        self.unknown: dict[Choice, MembarError] = {}  # choices without an answer, and why
        self._asking = asking
        self._tests: dict[Choice, LitmusTest] = {}
        self._verdicts: dict[tuple[Choice, str, bool], Verdict] = {}

    def taken(self, choice: Choice) -> tuple[Edit, ...]:
        """The edits of a choice, in the order of the source."""
        return tuple(self.edits[n] for n in sorted(choice))

    def version(self, choice: Choice) -> LitmusTest:
        """The edited test, as it stands in the file."""
        if choice not in self._tests:
            if len(self._tests) >= KEPT_TESTS:
                self._tests.clear()
            self._tests[choice] = self._edited(choice)
        return self._tests[choice]

    def _edited(self, choice: Choice) -> LitmusTest:
        if not choice:
            return self.test
        return parse_edited(self.test, apply_edits(self.test, self.taken(choice)), self.options.include_dirs)

    def verdict(self, choice: Choice, model: str | None, reach: bool = False) -> Verdict:
        """What the checker says.  ``reach``: it may stop at the first execution that shows the condition asked about.

        Raises OutOfTime between two checks; InputError, Unsupported and Inconclusive as :func:`check_test`.
        """
        key = (choice, model or "", reach)
        if key not in self._verdicts:
            self._verdicts[key] = self.check(self._asking(self.version(choice)), model, reach)
        return self._verdicts[key]

    def check(self, test: LitmusTest, model: str | None, reach: bool = False) -> Verdict:
        """A check that is not kept; errors as :meth:`verdict`."""
        self.clock.remaining()
        self.checks += 1
        options = replace(self.options, model=model, reach=reach, witness=False, hash=False)
        return check_test(test, options)

    def tried(self, choice: Choice, ask: Callable[[], bool]) -> bool:
        """What ``ask`` says of a choice; False, and a note in ``unknown``, where there is no answer: the edited file is
        no test, or the checker gives up."""
        try:
            return ask()
        except MembarError as error:
            if choice == NOTHING:
                raise
            self.unknown[choice] = error
            return False


def base_verdicts(trials: Trials, models: Sequence[str]) -> dict[str, Verdict]:
    """What the checker says of the unedited test, by model; without ``models`` under that of the options, or the test's
    own.  Raises InputError, Unsupported and Inconclusive."""
    asked: list[str | None] = [*dict.fromkeys(models)]
    out: dict[str, Verdict] = {}
    for model in asked or [trials.options.model]:
        verdict = trials.verdict(NOTHING, model)
        out[model or verdict.model] = verdict
    return out


def in_order(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits in the order of the source: what stands close together is often needed together, or not at all."""
    files = {file: number for number, file in enumerate(dict.fromkeys(edit.place.file for edit in edits))}
    return tuple(sorted(edits, key=lambda e: (files[e.place.file], e.changes[0].start, e.cost, e.command)))


def options_of(edits: Sequence[Edit], table: Table) -> tuple[tuple[Edit, ...], list[Option]]:
    """The edits, with some more that are several in one, and the same as options of a search.

    The edits of a site are ordered by the ladders of the table; sites that cannot be edited together are one site.
    """
    sites = _joined(edits)
    at: dict[str, list[int]] = {}
    for number, edit in enumerate(edits):
        at.setdefault(edit.site, []).append(number)
    parts = [_below(edits, number, at[edit.site], table) for number, edit in enumerate(edits)]
    every = list(edits)
    for numbers in at.values():
        for chosen in _unordered([n for n in numbers if not _risky(edits[n])], parts):
            joined = _in_one([edits[n] for n in chosen])
            if joined is not None:
                every.append(joined)
                parts.append(frozenset().union(*(parts[n] for n in chosen)))
    options = []
    together: dict[str, list[int]] = {}
    for number, edit in enumerate(every):
        together.setdefault(edit.site, []).append(number)
    for number, edit in enumerate(every):
        below = frozenset(n for n in together[edit.site] if parts[n] <= parts[number])
        cost = max(1, round(edit.cost * SCALE))
        options.append(Option(sites[edit.site], cost, below, _risky(edit), number >= len(edits), edit.level))
    return tuple(every), options


def _risky(edit: Edit) -> bool:
    """A grace period may sleep and may wait for its own reader: most places cannot bear one."""
    return edit.level.startswith("synchronize_")


def _below(edits: Sequence[Edit], number: int, numbers: Sequence[int], table: Table) -> frozenset[int]:
    """The edits of the site that do no more than this one."""
    return frozenset(n for n in numbers if n == number or above(table, edits[n].level, edits[number].level))


def _unordered(numbers: Sequence[int], parts: Sequence[frozenset[int]]) -> Iterator[tuple[int, ...]]:
    """Sets of options of a site of which none includes another."""
    for size in range(2, min(len(numbers), MOST_JOINED) + 1):
        for chosen in combinations(numbers, size):
            if not any(a in parts[b] for a in chosen for b in chosen if a != b):
                yield chosen


def _in_one(edits: Sequence[Edit]) -> Edit | None:
    """Several fences inserted at the same place of a C text; None for edits that are not of this kind."""
    first = edits[0]
    if any(edit.kind != "add" or len(edit.changes) != 1 for edit in edits):
        return None
    (change,) = first.changes
    fence = f"{first.level}();"
    if fence not in change.text:
        return None
    text = change.text.replace(fence, " ".join(f"{edit.level}();" for edit in edits))
    return replace(
        first, command=" and ".join(edit.command for edit in edits), cost=sum(edit.cost for edit in edits),
        changes=(change._replace(text=text),), level=" and ".join(edit.level for edit in edits),
    )  # fmt: skip


def _joined(edits: Sequence[Edit]) -> dict[str, int]:
    """A number for each site, the same where edits change the same text."""
    number: dict[str, int] = {}
    for edit in edits:
        number.setdefault(edit.site, len(number))
    changes = sorted(
        ((c.file, c.start, c.end, n) for n, e in enumerate(edits) for c in e.changes), key=lambda c: (c[0], c[1], -c[2])
    )
    for index, (file, _, end, n) in enumerate(changes):
        for other_file, start, _, m in changes[index + 1 :]:
            if other_file != file or start > end:
                break
            one, other = edits[n], edits[m]
            if number[one.site] != number[other.site] and conflict(one, other):
                old, new = number[other.site], number[one.site]
                number = {site: new if group == old else group for site, group in number.items()}
    return number


def above(table: Table, lower: str, upper: str) -> bool:
    """Whether some ladder of the table has ``lower`` below ``upper``; taking the fence or form away is below all."""
    if not lower:
        return bool(upper)
    return any(
        lower in ladder.forms and upper in ladder.forms and ladder.forms.index(lower) < ladder.forms.index(upper)
        for ladder in table.ladders
    )


def describe_failure(error: MembarError) -> str:
    """Why a version has no verdict, in one line."""
    kind = "no answer" if isinstance(error, Inconclusive) else "breaks the test"
    return f"{kind}: {error.message}"
