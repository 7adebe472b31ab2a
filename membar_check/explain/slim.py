"""Which fences and annotations of a test can go or be weakened, all together, without allowing anything new.

This is a repair in reverse: everything is taken away, and the cheapest set of what has to come back is looked for.
Every answer is checked anew as a whole, and for whatever stays it is told what appears without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from membar_check.diagnostics import MembarError
from membar_check.engine.api import CheckOptions
from membar_check.explain.edits.apply import apply_edits, conflict, unified_diff
from membar_check.explain.edits.edit import Edit
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import Table
from membar_check.explain.explanation import EditView, Effect, Place
from membar_check.explain.hitting import Choice, Option, Search
from membar_check.explain.scope import visited_lines
from membar_check.explain.trial import SCALE, Clock, Trials, above, base_verdicts, describe_failure, in_order
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass
from membar_check.verdict import Verdict, in_words

KINDS = ("drop", "weaken")


@dataclass(frozen=True, slots=True)
class Stay:
    """What stays at a place: ``level`` of what was ``was``.  ``because``: what ``model`` allows if it is made
    a step weaker, or goes; without a model why there is no answer then."""

    place: Place
    was: str
    level: str
    because: str
    model: str


@dataclass(frozen=True, slots=True)
class Slimming:
    """A way to slim that cannot be taken further.  ``edits`` in the order of the source, ``saved``: what they save by
    the table of costs; ``effects``: by model, from a fresh check; ``diff`` of all edits together."""

    edits: tuple[EditView, ...]
    saved: float
    stays: tuple[Stay, ...]
    effects: tuple[Effect, ...]
    diff: str


@dataclass(frozen=True, slots=True)
class Slimmed:
    """What was found.  ``slimmings``: those that save most first; one without edits says that everything is needed.
    ``proven``: nothing saves more than the first; ``complete``: there are no others.  ``considered``: how many places;
    ``checks``: how many fresh checks.  ``limits``: what was left open, one sentence each."""

    test: str
    file: str
    models: tuple[str, ...]
    slimmings: tuple[Slimming, ...]
    proven: bool
    complete: bool
    considered: int
    checks: int
    limits: tuple[str, ...] = ()


def slim(
    test: LitmusTest,
    options: CheckOptions,
    models: Sequence[str],
    *,
    table: Table,
    limit: int = 1,
    seconds: float | None = None,
) -> Slimmed:
    """Up to ``limit`` ways to slim that allow nothing new under any of ``models`` (none named: that of ``options``, or
    the test's own): no state, class of outcome or flag.

    Raises InputError, Unsupported and Inconclusive where the test itself cannot be checked.
    """
    return _Slimmer(test, options, models, table, Clock(seconds)).run(limit)


class _Level:
    """What a place can be: ``edit`` makes it so, None for what stands there."""

    __slots__ = ("cost", "edit", "name")

    def __init__(self, name: str, cost: float, edit: int | None) -> None:
        self.name = name
        self.cost = cost
        self.edit = edit


class _Slimmer:
    """Choices of the search are levels that come back; what is not in a choice is at its lowest."""

    def __init__(
        self, test: LitmusTest, options: CheckOptions, models: Sequence[str], table: Table, clock: Clock
    ) -> None:
        self.test = test
        self.table = table
        plain = Trials(test, (), options, Clock(None))
        self.base = base_verdicts(plain, models)
        self.limits: list[str] = []
        lines = visited_lines(test, options, self.base)
        edits = in_order(all_edits(test, table, KINDS))
        if lines is not None:
            edits = tuple(e for e in edits if (e.place.file, e.place.line) in lines)
        self.edits = self._apart(edits)
        self.trials = Trials(test, self.edits, options, clock)
        self.trials.checks = plain.checks
        self.lowest: list[_Level] = []  # by site
        self.levels: list[_Level] = []  # of the options, by number
        self.options: list[Option] = []
        self._order = list(self.base)
        self._build()

    def _apart(self, edits: Sequence[Edit]) -> tuple[Edit, ...]:
        """The edits without those of sites that cannot be edited together with an earlier one."""
        out: list[Edit] = []
        left: set[str] = set()
        for edit in edits:
            if edit.site in left or any(e.site != edit.site and conflict(e, edit) for e in out):
                left.add(edit.site)
            else:
                out.append(edit)
        if left:
            self.limits.append(f"{len(left)} accesses inside others were left as they are")
        return tuple(edit for edit in out if edit.site not in left)

    def _build(self) -> None:
        sites: dict[str, list[int]] = {}
        for number, edit in enumerate(self.edits):
            sites.setdefault(edit.site, []).append(number)
        for site, numbers in enumerate(sites.values()):
            was = self.edits[numbers[0]].was
            levels = [_Level(self.edits[n].level, self.table.cost(self.edits[n].level), n) for n in numbers]
            names = [level.name for level in levels]
            levels.sort(key=lambda level: (level.cost, sum(above(self.table, name, level.name) for name in names)))
            lowest, *others = [*levels, _Level(was, self.table.cost(was), None)]
            self.lowest.append(lowest)
            first = len(self.options)
            for index, level in enumerate(others):
                below = [
                    first + i for i, other in enumerate(others)
                    if i == index or level.edit is None or above(self.table, other.name, level.name)
                ]  # fmt: skip
                changed = level.edit is not None  # of what costs the same, what stands there already
                cost = max(1, round((level.cost - lowest.cost) * SCALE)) + changed
                self.options.append(Option(site, cost, frozenset(below)))
                self.levels.append(level)

    # --- the oracle ---
    def shows(self, choice: Choice) -> bool:
        """Whether something new is possible; yes where that cannot be told."""
        return not self.trials.tried(self._taken(choice), lambda: self._new(choice) is None)

    def spoils(self, choice: Choice) -> bool:
        return False

    def _new(self, choice: Choice) -> tuple[str, str] | None:
        """Something new, and a model that allows it."""
        for model in self._order:
            found = news(self.trials.verdict(self._taken(choice), model), self.base[model])
            if found:
                self._order.remove(model)
                self._order.insert(0, model)
                return found, model
        return None

    def _taken(self, choice: Choice) -> Choice:
        """The edits that make the levels of a choice."""
        here = {self.options[n].site: self.levels[n] for n in choice}
        levels = [here.get(site, lowest) for site, lowest in enumerate(self.lowest)]
        return frozenset(level.edit for level in levels if level.edit is not None)

    # --- answers ---
    def run(self, limit: int) -> Slimmed:
        found = Search(self.options, self, self.trials.clock.remaining).run(limit)
        self.trials.clock = Clock(None)  # what was found is checked to the end
        ways = [way for choice in found.answers if (way := self._slimming(choice)) is not None]
        sure = found.proven and len(ways) == len(found.answers) and not self.trials.unknown
        if not found.proven:
            self.limits.append("the time was over before it was proven that nothing saves more" if ways
                               else "the time was over before anything was found")  # fmt: skip
        reasons = sorted({describe_failure(error) for error in self.trials.unknown.values()})
        self.limits += [f"some versions were taken for wrong, {reason}" for reason in reasons]
        return Slimmed(
            self.test.name, self.test.source.name, tuple(self.base), tuple(ways), sure, found.complete and sure,
            len(self.lowest), self.trials.checks, tuple(self.limits),
        )  # fmt: skip

    def _slimming(self, choice: Choice) -> Slimming | None:
        """The answer with its proofs, taken further down where that is possible; None if a fresh check refutes it."""
        try:
            if self._new(choice) is not None:
                return None
            stays: list[Stay] = []
            for number in sorted(choice):
                choice, number = self._lowered(choice, number)
                if number >= 0:
                    stays.append(self._stay(choice, number))
        except MembarError:
            return None
        taken = self._taken(choice)
        edits = self.trials.taken(taken)
        effects = tuple(Effect(m, "forbids", in_words(self.trials.verdict(taken, m))) for m in self.base)
        saved = sum(self.table.cost(edit.was) - self.table.cost(edit.level) for edit in edits)
        views = tuple(
            EditView(e.command, e.text, self.table.cost(e.level) - self.table.cost(e.was), e.place, self._diff((e,)))
            for e in edits
        )
        return Slimming(views, saved, tuple(stays), effects, self._diff(edits))

    def _below(self, choice: Choice, number: int) -> Iterator[tuple[Choice, int]]:
        """The choices with something weaker at one place that costs no more, a step at most below what is there; with
        its number, -1 where nothing comes back."""
        cost = self.options[number].cost
        weaker = {n for n in self.options[number].includes - {number} if self.options[n].cost <= cost}
        steps = [n for n in weaker if not any(n in self.options[m].includes for m in weaker - {n})]
        for other in sorted(steps, key=lambda n: (self.options[n].cost, n), reverse=True):
            yield choice - {number} | {other}, other
        if not steps:
            yield choice - {number}, -1

    def _lowered(self, choice: Choice, number: int) -> tuple[Choice, int]:
        """The choice with as little at one place as allows nothing new, and what comes back there then."""
        found = choice, number
        while found[1] >= 0:
            lower = next((below for below in self._below(*found) if not self.shows(below[0])), None)
            if lower is None:
                break
            found = lower
        return found

    def _stay(self, choice: Choice, number: int) -> Stay:
        """What appears when one place alone is made a step weaker."""
        lowest = self.lowest[self.options[number].site]
        assert lowest.edit is not None
        edit = self.edits[lowest.edit]
        because, model = "", ""
        for weaker, _ in self._below(choice, number):
            try:
                because, model = self._new(weaker) or (because, model)
            except MembarError as error:
                because = because or describe_failure(error)
            if model:
                break
        return Stay(edit.place, edit.was, self.levels[number].name, because, model)

    def _diff(self, edits: Sequence[Edit]) -> str:
        return unified_diff(self.test, apply_edits(self.test, edits))


def news(verdict: Verdict, base: Verdict) -> str:
    """What a verdict allows and another does not, in words; "" if there is nothing."""
    classes = sorted({*verdict.classes, *verdict.flags} - {*base.classes, *base.flags})
    if classes:
        return classes[0]
    known = set(base.states or ())
    for state in verdict.states or ():
        if state not in known:
            return " ".join(f"{place}={value};" for place, value in state)
    if verdict.undefined and not base.undefined:
        return "undefined behaviour"
    return "a loop that goes on" if verdict.loop and not base.loop else ""
