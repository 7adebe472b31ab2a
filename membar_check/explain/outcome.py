"""What an explanation is about: a proposition of the final state, a state, a class of outcome, a flag of the model."""

from __future__ import annotations

import difflib
import re

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.engine.findings import showing
from membar_check.engine.outcome import Observed, RawState, Where, split_states
from membar_check.events.space import Chunk
from membar_check.litmus.condition import parse_prop
from membar_check.litmus.kernel_file import FOUND_UNASKED
from membar_check.litmus.syntax import (
    And,
    Atom,
    Condition,
    Literal,
    LitmusTest,
    Not,
    Operand,
    Prop,
    Quantifier,
    Symbol,
    Tuple_,
)
from membar_check.litmus.tokens import Cursor, tokenize, tokenize_kernel
from membar_check.program.ir import Program
from membar_check.records import dataclass, replace
from membar_check.values import Address, CodeLabel, Value

_NAME = re.compile(r"[A-Za-z][\w\-]*\Z")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind``: ``condition`` (``prop`` holds at the end), ``state`` (the test ends in ``raw``), ``class`` (of kernel
    C: ``name``), ``flag`` (the model raises ``name``).  ``text`` in the user's words."""

    kind: str
    text: str
    prop: Prop | None = None
    name: str = ""
    raw: RawState = ()


def is_condition(asked: str) -> bool:
    """Whether what is asked about is a condition, not the number of a state nor the name of a class or flag."""
    return not asked.isdecimal() and _NAME.match(asked) is None


def parse_outcome_prop(test: LitmusTest, text: str, option: str = "--outcome") -> Prop:
    """A proposition in the notation of the test's own condition; ``option``: where it was given.  Raises InputError
    with the place in ``text``."""
    source = Source(option, text)
    cut = tokenize if test.kernel is None else tokenize_kernel
    cursor = Cursor(source, cut(source, text, 0, len(text)), "the outcome")
    prop = parse_prop(cursor)
    if cursor.token.kind != "end":
        cursor.fail("`/\\`, `\\/`, `=>` or the end of the outcome")
    return prop


def asking(test: LitmusTest, prop: Prop) -> LitmusTest:
    """The test with another condition, so that its places are resolved and observed as those of its own."""
    return replace(test, condition=Condition(Quantifier.EXISTS, prop, test.condition.span))


def own_outcome(test: LitmusTest, program: Program) -> Outcome:
    """What the test's condition asks: its proposition, for ``forall`` that it does not hold."""
    from membar_check.litmus.printer import show_prop

    prop = program.condition
    text = show_prop(test.arch, prop)
    if test.condition.quantifier is Quantifier.FORALL:
        return Outcome("condition", f"not ({text})", Not(prop))
    return Outcome("condition", text, prop)


def class_outcome(program: Program, name: str) -> Outcome | None:
    """The class of outcome of that name that the test declares or that kernel C is always checked for; None where there
    is none."""
    if program.kernel is None:
        return None
    for condition in program.kernel.conditions:
        if condition.name == name:
            return Outcome("class", name, condition.prop, name)
    return Outcome("class", name, None, name) if name in FOUND_UNASKED else None


def unknown_outcome(program: Program, flags: frozenset[str], text: str) -> InputError:
    """The error for a name that is none of a class or a flag."""
    known = sorted(flags)
    if program.kernel is not None:
        known = sorted({*flags, *FOUND_UNASKED, *(c.name for c in program.kernel.conditions)})
    close = difflib.get_close_matches(text, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"one of: {', '.join(known)}" if known else ""
    return InputError(f"'{text}' is no class of outcome of this test and no flag of its model", hint=hint)


class Shower:
    """Where outcomes show, in the candidates of a chunk whose values are consistent."""

    def __init__(self, outcome: Outcome, observed: Observed) -> None:
        self.outcome = outcome
        self.observed = observed

    def mask(self, chunk: Chunk, where: Where, valid: int) -> int:
        """The candidates of ``valid`` that show the outcome, whatever the model says of them.

        A flag depends on the model: all candidates may show it.
        """
        outcome = self.outcome
        kernel = chunk.structure.program.kernel
        if outcome.kind == "flag":
            return valid
        if outcome.kind == "state":
            return split_states(self.observed, where.finals, valid & ~chunk.broken_off).get(outcome.raw, 0)
        if outcome.kind == "class" and outcome.prop is None:
            return showing(outcome.name, chunk, valid)
        assert outcome.prop is not None
        mask = where.holds(outcome.prop) & valid
        return mask if kernel is None else mask & ~chunk.broken_off


def state_prop(observed: Observed, raw: RawState) -> Prop:
    """That a test ends in a state.  Raises Unsupported for states with labels of code."""
    places = zip(observed.places, raw, strict=True)
    return And(tuple(Atom(place, True, _operand(value)) for place, value in places))


def _operand(value: Value | tuple[Value, ...]) -> Operand:
    if isinstance(value, Address):
        return Symbol(value.name, value.index)
    if isinstance(value, int):
        return Literal(value, str(value))
    if isinstance(value, CodeLabel):
        raise Unsupported("a state with labels of code in it cannot be asked for")
    return Tuple_(tuple(_cell(v) for v in value))


def _cell(value: Value) -> Literal | Symbol:
    operand = _operand(value)
    assert not isinstance(operand, Tuple_)
    return operand
