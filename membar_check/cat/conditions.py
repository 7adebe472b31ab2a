"""Variants: their names, and conditions on them."""

from __future__ import annotations

import re

from membar_check.cat.syntax import AndCond, CompareCond, Cond, NotCond, OrCond, VariantCond
from membar_check.diagnostics import InputError, Span

KNOWN_VARIANTS = frozenset([
    "success", "instr", "specialx0", "amox0", "x0", "normw", "acqrelasfence", "backcompat", "back", "fullscdepend",
    "scdepend", "splittedrmw", "switchdepscwrite", "switchdepscresult", "lrscdiffok", "mixed", "unaligned",
    "dontcheckmixed", "notweakpredicated", "notweakpred", "weakpredicated", "lkmmv1", "lkmmv2", "tagmem", "memtag",
    "mte", "synchronous", "sync", "asynchronous", "async", "asymmetric", "asym", "handled", "fatal", "faulttonext",
    "cutoff", "morello", "neon", "sve", "sme", "deps", "instances", "instance", "kvm", "vmsa", "ets", "ets2",
    "ets3", "exs", "eis", "eos", "noptebranch", "nobranch", "pte2", "pte-squared", "phantomonload", "optrfrmw",
    "constrainedunpredictable", "cu", "exp", "ifetch", "self", "dic", "idc", "cos-opt", "test", "asl",
    "asl_aarch64", "aslaarch64", "asl+aarch64", "aslv0", "asl0", "asl_0", "aslv1", "asl1", "asl_1", "asltype+warn",
    "asltype+silence", "asltype+check", "asl+aarch64+udf", "s128", "strict", "warn", "telechat", "nv2", "oldsolver",
    "oota", "pac", "const-pac-field", "fpac",
])  # fmt: skip
"""The variants of herd7 (state of 2025), in lower case; most turn on what this checker does not have."""
_WITH_NUMBER = re.compile(r"t[0-9][0-9]|s[mv]e:[0-9]+")


def is_variant(name: str) -> bool:
    """Whether herd7 knows a variant of this name, in whatever case."""
    return name.lower() in KNOWN_VARIANTS or _WITH_NUMBER.fullmatch(name.lower()) is not None


def require_variant(name: str, span: Span | None = None) -> None:
    """Raises InputError for a name that is no variant."""
    if not is_variant(name):
        import difflib

        close = difflib.get_close_matches(name.lower(), sorted(KNOWN_VARIANTS), n=3)
        hint = "did you mean " + ", ".join(f"'{c}'" for c in close) + "?" if close else ""
        raise InputError(f"there is no variant '{name}'", span, hint)


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
