"""The certificate for what an explanation explains."""

from __future__ import annotations

from typing import Any

from membar_check.diagnostics import Inconclusive, Unsupported
from membar_check.explain.case import Case
from membar_check.explain.certificate import certify
from membar_check.explain.outcome import Outcome, state_prop
from membar_check.litmus.syntax import Prop


def certificate_for(case: Case, seconds: float) -> dict[str, Any]:
    """The certificate for the outcome that the case was opened for.

    Raises Unsupported for outcomes that are no proposition of the final state, and what :func:`certify` raises.
    """
    test, outcome = case.original, case.outcome()
    return certify(test.source.name, test, case.options, _proposition(case, outcome), outcome.text, seconds)


def require_claim(certificate: dict[str, Any], allowed: bool) -> None:
    """Raises Inconclusive where a certificate proves the opposite of what the engines say of the outcome."""
    said = "allowed" if allowed else "forbidden"
    if certificate["claim"] != said:
        name = certificate["outcome"]["name"]
        message = f"the outcome {name} is {said} by the engines, but its certificate says {certificate['claim']}"
        raise Inconclusive("engine", message, hint="this is a fault in the checker")


def _proposition(case: Case, outcome: Outcome) -> Prop:
    if outcome.prop is not None:
        return outcome.prop
    if outcome.kind != "state":
        raise Unsupported(f"certificates speak of final states, and {outcome.name} is found on the way to one")
    return state_prop(case.observed, outcome.raw)
