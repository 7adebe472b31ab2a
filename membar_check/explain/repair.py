"""The cheapest edits after which an outcome is impossible under every model, while what is to be kept stays possible.

An edit only takes executions away, so an edit that no execution with the outcome comes by is part of no minimal answer;
that, and the order of fences and forms in the table of edits, is all that the search takes for granted.  Every answer
is checked anew as a whole, and again without each of its edits.
"""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.diagnostics import InputError, MembarError
from membar_check.engine.api import CheckOptions
from membar_check.explain.edits.apply import apply_edits, unified_diff
from membar_check.explain.edits.edit import Edit
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import Table
from membar_check.explain.explanation import EditView, Effect
from membar_check.explain.hitting import Choice, Found, Search
from membar_check.explain.outcome import asking, parse_outcome_prop
from membar_check.explain.scope import executed_lines, threads_of
from membar_check.explain.target import Target, find_target
from membar_check.explain.trial import Clock, Trials, base_verdicts, describe_failure, in_order, options_of
from membar_check.litmus.syntax import LitmusTest, Prop
from membar_check.records import dataclass, replace
from membar_check.verdict import Verdict, in_words

KINDS = ("add", "strengthen")
GRAIN = 3  # edits of kernel C that are not told apart
THREADS_LEFT = "only what the threads call was edited: the threads themselves say what is asked of it"


@dataclass(frozen=True, slots=True)
class Need:
    """``model`` shows the outcome again when the answer goes without ``edit``."""

    edit: str
    model: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A minimal answer.  ``edits`` in the order of the source; ``effects``: by model, from a fresh check of the edited
    text; ``needs``: why none of the edits can be missed; ``diff`` of all of them together."""

    edits: tuple[EditView, ...]
    cost: float
    effects: tuple[Effect, ...]
    needs: tuple[Need, ...]
    diff: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What was found.  ``outcome``: what is to become impossible; ``shown``: the models under which it is possible now
    (none: nothing to do); ``kept``: the conditions that stay possible.  ``fixes``: the cheapest first.  ``proven``: no
    set of edits of the table is cheaper than the first; ``complete``: there are no other minimal ones.  ``considered``:
    how many edits; ``checks``: how many fresh checks were made.  ``limits``: what was left open, one sentence each."""

    test: str
    file: str
    models: tuple[str, ...]
    outcome: str
    shown: tuple[str, ...]
    kept: tuple[str, ...]
    fixes: tuple[Fix, ...]
    proven: bool
    complete: bool
    considered: int
    checks: int
    limits: tuple[str, ...] = ()


def repair(
    test: LitmusTest,
    options: CheckOptions,
    models: Sequence[str],
    *,
    table: Table,
    outcome: str | None = None,
    keep: Sequence[str] = (),
    limit: int = 5,
    seconds: float | None = None,
) -> Repair:
    """Up to ``limit`` minimal answers under all of ``models`` (none named: that of ``options``, or the test's own).

    ``outcome``: a class, a flag or a condition (None: :func:`find_target`); ``keep``: conditions.  Raises InputError
    for what they name and the test has not, and for a kept condition that is impossible already; Unsupported and
    Inconclusive where the test itself cannot be checked.
    """
    return _Repairer(test, options, models, table, Clock(seconds)).run(outcome, keep, limit)


class _Repairer:
    def __init__(
        self, test: LitmusTest, options: CheckOptions, models: Sequence[str], table: Table, clock: Clock
    ) -> None:
        self.test = test
        self.options = options
        self.table = table
        self.clock = clock
        self.plain = Trials(test, (), options, Clock(None))
        self.base = base_verdicts(self.plain, models)

    def run(self, outcome: str | None, keep: Sequence[str], limit: int) -> Repair:
        target = find_target(self.test, self.options, self.base, outcome)
        shown = tuple(model for model in self.base if self._shown(target, model))
        kept = self._kept(keep)
        out = Repair(
            self.test.name, self.test.source.name, tuple(self.base), target.text, shown, tuple(keep), (), True, True, 0,
            self.plain.checks, self._cut(),
        )  # fmt: skip
        if not shown:
            return out
        edits = self._edits(target, shown)
        inner = self._not_of_threads(edits)
        if inner:
            found = self._searched(out, target, kept, limit, inner)
            if found.fixes or not found.proven:
                return replace(found, limits=(*found.limits, THREADS_LEFT)) if len(inner) < len(edits) else found
        return self._searched(out, target, kept, limit, edits)

    def _shown(self, target: Target, model: str) -> bool:
        if target.prop is None:
            return target.shows(self.base[model])
        return target.shows(self.plain.check(target.asked(self.test), model, target.reach))

    def _asked_base(self, target: Target) -> dict[str, Verdict]:
        """The verdicts on the unedited test with the condition that is asked of the edited ones."""
        if target.prop is None:
            return self.base
        asked = target.asked(self.test)
        return {model: self.plain.check(asked, model) for model in self.base}

    def _kept(self, keep: Sequence[str]) -> dict[str, list[Prop]]:
        """By model, the conditions that are possible now."""
        out: dict[str, list[Prop]] = {model: [] for model in self.base}
        for text in keep:
            prop = parse_outcome_prop(self.test, text, "--keep")
            possible = [m for m in self.base if self.plain.check(asking(self.test, prop), m, True).reached]
            if not possible:
                hint = "`--keep` names what is possible and has to stay so"
                raise InputError(f"{self.test.source.name}: `{text}` is impossible already", hint=hint)
            for model in possible:
                out[model].append(prop)
        return out

    def _cut(self) -> tuple[str, ...]:
        cut = [model for model, verdict in self.base.items() if verdict.loop]
        if not cut:
            return ()
        return (f"loops were cut at the unrolling bound of {self.options.unroll} ({', '.join(cut)}): what takes longer "
                "was not looked at",)  # fmt: skip

    def _searched(
        self, out: Repair, target: Target, kept: dict[str, list[Prop]], limit: int, edits: tuple[Edit, ...]
    ) -> Repair:
        every, options = options_of(edits, self.table)
        trials = Trials(self.test, every, self.options, self.clock, target.asked)
        oracle = _Oracle(trials, target, self._asked_base(target), kept)
        slow = self.test.kernel is not None  # checks of kernel C take long, and its places are many
        most_risky = 1 if slow else None
        found = Search(options, oracle, self.clock.remaining, GRAIN if slow else 1, most_risky).run(limit)
        trials.clock = Clock(None)  # what was found is checked to the end
        fixes, wrong = [], 0
        for choice in found.answers:
            fix = self._fix(choice, trials, oracle)
            if fix is None:
                wrong += 1
            else:
                fixes.append(fix)
        unknown = sorted({describe_failure(error) for error in trials.unknown.values()})
        sure = found.proven and not trials.unknown and not wrong
        left = _limits(found, wrong, slow and any(option.risky for option in options))
        left += [f"some versions were left out, {reason}" for reason in unknown]
        return replace(
            out, fixes=tuple(fixes), proven=sure, complete=found.complete and sure, considered=len(edits),
            checks=self.plain.checks + trials.checks, limits=(*out.limits, *left),
        )  # fmt: skip

    def _edits(self, target: Target, shown: Sequence[str]) -> tuple[Edit, ...]:
        """The edits that can matter."""
        lines = executed_lines(self.test, self.options, target, shown)
        return in_order(all_edits(self.test, self.table, KINDS, lines))

    def _not_of_threads(self, edits: Sequence[Edit]) -> tuple[Edit, ...]:
        """Of kernel C, the edits of what the threads call."""
        if self.test.kernel is None:
            return ()
        threads = threads_of(self.test, self.table)
        return tuple(edit for edit in edits if threads.get(edit.site, -1) < 0)

    # --- answers ---
    def _fix(self, choice: Choice, trials: Trials, oracle: _Oracle) -> Fix | None:
        """The answer with its proofs; None if a fresh check of the whole, or of a part, refutes it."""
        effects = []
        for model, base in self.base.items():
            own = trials.check(trials.version(choice), model)
            if oracle.target.shows(trials.verdict(choice, model)) or news(own, base):
                return None
            effects.append(Effect(model, "forbids", in_words(own)))
        needs = []
        for number in sorted(choice):
            try:
                shows = oracle.shown_by(choice - {number})
            except MembarError:
                return None
            if shows is None:
                return None
            needs.append(Need(trials.edits[number].command, shows))
        taken = trials.taken(choice)
        return Fix(
            tuple(self._view(edit) for edit in taken), sum(edit.cost for edit in taken), tuple(effects), tuple(needs),
            unified_diff(self.test, apply_edits(self.test, taken)),
        )  # fmt: skip

    def _view(self, edit: Edit) -> EditView:
        diff = unified_diff(self.test, apply_edits(self.test, (edit,)))
        return EditView(edit.command, edit.text, edit.cost, edit.place, diff)


def _limits(found: Found, wrong: int, one_grace_period: bool) -> list[str]:
    out = []
    if found.short:
        out.append("all fences and all stronger accesses together do not make the outcome impossible")
    if one_grace_period and not found.answers:
        out.append("sets with more than one grace period were not looked at")
    if not found.proven:
        out.append("the time was over before the cheapest answer was proven to be the cheapest" if found.answers
                   else "the time was over before an answer was found")  # fmt: skip
    if found.spoiled:
        sets = f"{len(found.spoiled)} set{'s' * (len(found.spoiled) > 1)} of edits"
        out.append(f"left out: {sets} by which what is to be kept is lost, or something else goes wrong")
    if wrong:
        out.append(f"left out: {wrong} that did not stand up to a check of the whole")
    return out


class _Oracle:
    """Asks the checker; the model that showed the outcome last is asked first."""

    def __init__(
        self, trials: Trials, target: Target, base: dict[str, Verdict], kept: dict[str, list[Prop]]
    ) -> None:
        self.trials = trials
        self.target = target
        self.base = base
        self.kept = kept
        self._order = list(base)

    def shows(self, choice: Choice) -> bool:
        return self.trials.tried(choice, lambda: self.shown_by(choice) is not None)

    def shown_by(self, choice: Choice) -> str | None:
        """A model under which the choice shows the outcome.  Raises OutOfTime and as :func:`check_test`."""
        for model in self._order:
            if self.target.shows(self.trials.verdict(choice, model, self.target.reach)):
                self._order.remove(model)
                self._order.insert(0, model)
                return model
        return None

    def spoils(self, choice: Choice) -> bool:
        def ask() -> bool:
            return not any(self._spoils(choice, model) for model in self.base)

        return not self.trials.tried(choice, ask)

    def _spoils(self, choice: Choice, model: str) -> bool:
        if news(self.trials.verdict(choice, model), self.base[model]):
            return True
        version = self.trials.version(choice)
        return any(not self.trials.check(asking(version, prop), model, True).reached for prop in self.kept[model])


def news(verdict: Verdict, base: Verdict) -> bool:
    """Whether something is wrong that was not before, or nothing is possible any more."""
    new = {*verdict.classes, *verdict.flags} - {*base.classes, *base.flags}
    worse = (verdict.loop and not base.loop) or (verdict.undefined and not base.undefined)
    return bool(new) or worse or bool(base.states and not verdict.states)
