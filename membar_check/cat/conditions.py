"""Conditions on variants."""

from __future__ import annotations

from membar_check.cat.syntax import AndCond, CompareCond, Cond, NotCond, OrCond, VariantCond
from membar_check.diagnostics import InputError


def variant_holds(cond: Cond, variants: frozenset[str]) -> bool:
    """Whether ``cond`` holds when exactly ``variants`` are on (compared without regard to case, as herd7 does).

    Raises InputError for a comparison of values, which only an expression can make.
    """
    match cond:
        case VariantCond(name):
            return any(name.lower() == variant.lower() for variant in variants)
        case NotCond(operand):
            return not variant_holds(operand, variants)
        case AndCond(left, right):
            return variant_holds(left, variants) and variant_holds(right, variants)
        case OrCond(left, right):
            return variant_holds(left, variants) or variant_holds(right, variants)
        case CompareCond():
            raise InputError("a test on variants was expected here, not a comparison", cond.span)
