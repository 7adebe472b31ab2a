"""The certificate for what an explanation explains."""

from __future__ import annotations

from typing import Any

from membar_check.diagnostics import Unsupported
from membar_check.engine.api import CheckOptions
from membar_check.explain.case import Case
from membar_check.explain.certificate import certify
from membar_check.explain.outcome import Outcome, state_prop
from membar_check.litmus.syntax import LitmusTest, Prop


def certificate_for(test: LitmusTest, options: CheckOptions, asked: str | None, seconds: float) -> dict[str, Any]:
    """The certificate for the outcome that ``asked`` names, as for :class:`explain.api.ExplainOptions`.

    Raises Unsupported for outcomes that are no proposition of the final state, and what :func:`certify` raises.
    """
    case = Case(test, options, asked)
    outcome = case.outcome()
    return certify(test.source.name, test, options, _proposition(case, outcome), outcome.text, seconds)


def _proposition(case: Case, outcome: Outcome) -> Prop:
    if outcome.prop is not None:
        return outcome.prop
    if outcome.kind != "state":
        raise Unsupported(f"certificates speak of final states, and {outcome.name} is found on the way to one")
    return state_prop(case.observed, outcome.raw)
