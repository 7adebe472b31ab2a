"""An outcome in a form that can be asked of every edited version of a test, and under every model."""

from __future__ import annotations

from collections.abc import Mapping

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, lower_for, model_request
from membar_check.engine.models import get_model
from membar_check.explain.case import Case
from membar_check.explain.outcome import (
    Outcome,
    asking,
    is_condition,
    own_outcome,
    parse_outcome_prop,
    state_prop,
    unknown_outcome,
)
from membar_check.litmus.kernel_file import FOUND_UNASKED
from membar_check.litmus.syntax import LitmusTest, Not, Or, Prop, Quantifier
from membar_check.program.ir import Program
from membar_check.records import dataclass, replace
from membar_check.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class Target:
    """A final state that meets ``prop``, the final state ``state`` as printed, or one of the classes and flags
    ``names``.  ``text`` in the user's words."""

    text: str
    prop: Prop | None = None
    names: frozenset[str] = frozenset()
    state: State | None = None

    def asked(self, test: LitmusTest) -> LitmusTest:
        """The test, or a version of it, with the condition that the verdict has to answer."""
        return test if self.prop is None else asking(test, self.prop)

    @property
    def reach(self) -> bool:
        """Whether a check may stop at the first execution that meets ``prop``."""
        return self.prop is not None

    def shows(self, verdict: Verdict) -> bool:
        """Whether the verdict, of what :meth:`asked` gave, says that it is possible."""
        if self.prop is not None and verdict.reached:
            return True
        if self.state is not None and self.state in (verdict.states or ()):
            return True
        return not self.names.isdisjoint((*verdict.classes, *verdict.flags))


def target_of(case: Case, outcome: Outcome) -> Target:
    """An outcome of a case."""
    if outcome.kind in ("class", "flag"):
        return Target(outcome.text, names=frozenset({outcome.name}))
    if outcome.kind == "state":
        return Target(outcome.text, state=case.observed.state(outcome.raw))
    return Target(outcome.text, _asked_prop(case.test))


def _asked_prop(test: LitmusTest) -> Prop:
    """What the condition of a test asks, as the test writes it: its proposition, for ``forall`` that it does not
    hold."""
    prop = test.condition.prop
    return Not(prop) if test.condition.quantifier is Quantifier.FORALL else prop


def find_target(
    test: LitmusTest, options: CheckOptions, verdicts: Mapping[str, Verdict], outcome: str | None
) -> Target:
    """What to make impossible: by default the condition (for ``forall`` its negation), of kernel C all classes that the
    ``verdicts`` (by model) found, of a test without a condition all flags.

    Raises InputError for an outcome that is neither a condition nor the name of a class or flag, and where nothing is
    flagged.
    """
    if outcome is not None and outcome.isdecimal():
        case = Case(test, options, outcome)
        wanted = case.outcome()
        return Target(wanted.text, state_prop(case.observed, wanted.raw))
    if outcome is not None and is_condition(outcome):
        return Target(outcome, parse_outcome_prop(test, outcome))
    if outcome is not None:
        _require_known(test, options, verdicts, outcome)
        return _named(test, {outcome})
    if test.kernel is not None:
        found = {name for verdict in verdicts.values() for name in verdict.classes}
        if found or test.condition.span is None:
            return _named(test, found)
    if test.condition.span is not None:
        program = _program(test, options, next(iter(verdicts)))
        return Target(own_outcome(test, program).text, _asked_prop(test))
    flags = {flag for verdict in verdicts.values() for flag in verdict.flags}
    if not flags:
        hint = "say what should be impossible: --outcome 'CONDITION'"
        raise InputError(f"{test.source.name}: the test has no condition, and no flag is raised", hint=hint)
    return _named(test, flags)


def _named(test: LitmusTest, names: set[str]) -> Target:
    """Classes that the test declares are asked for as conditions, others are looked for in the findings."""
    declared = test.kernel.conditions if test.kernel is not None else ()
    props = tuple(prop for name, prop, _ in declared if name in names)
    prop = props[0] if len(props) == 1 else Or(props) if props else None
    return Target(", ".join(sorted(names)), prop, frozenset(names))


def _require_known(
    test: LitmusTest, options: CheckOptions, verdicts: Mapping[str, Verdict], name: str
) -> None:
    flags: set[str] = set()
    for model in verdicts:
        compiled = get_model(model_request(test, replace(options, model=model))).compiled
        if compiled is not None:
            flags.update(check.name for check in compiled.checks if check.prefix == "flag")
    known = set(flags)
    if test.kernel is not None:
        known |= {*FOUND_UNASKED, *(declared for declared, _, _ in test.kernel.conditions)}
    if name not in known:
        raise unknown_outcome(_program(test, options, next(iter(verdicts))), frozenset(flags), name)


def _program(test: LitmusTest, options: CheckOptions, model: str) -> Program:
    chosen = replace(options, model=model)
    return lower_for(test, get_model(model_request(test, chosen)), chosen)
