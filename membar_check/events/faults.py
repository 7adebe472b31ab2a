"""Accesses through values that are no addresses, and operations that have no value.

No location is ever made up for a number.  As in herd7, an execution whose *load* goes through a number that was read
from memory is no execution.  Everything else is a fault of the test and an error: a number that the thread has from
the start, a load that never finds a location, and any write or lock that may go through a number (herd7: "Non-symbolic
memory access", "Non symbolic location with no initial write").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from membar_check.diagnostics import InputError, Span
from membar_check.events.possible import Possible, satisfiable_together
from membar_check.events.structure import Applied, Constraint, Path, ReadOf, Symbolic
from membar_check.values import Address, Value


class Place(NamedTuple):
    """Where in a program an event is made: the instruction and the number of its events before it."""

    thread: int
    pc: int
    before: int


class Fault(NamedTuple):
    """A path comes to an access through ``value``, which is no address, or to an operation without a value.

    ``access`` says what it does (``read``, ``write``, ``division``, ...); ``known``: ``value`` was not read.
    ``constraints``, ``address`` and ``stored`` are those of the path so far.
    """

    place: Place
    span: Span
    access: str
    value: Value
    known: bool
    constraints: tuple[Constraint, ...]
    address: dict[int, Address]
    stored: dict[int, Symbolic]


def problems(name: str, operands: tuple[Symbolic, ...]) -> Iterator[tuple[str, Constraint]]:
    """What an operation is called in which something may go wrong, and when it does."""
    if name in ("div", "rem") and (operands[1] == 0 or isinstance(operands[1], ReadOf | Applied)):
        yield "division", Constraint(operands[1], False)
    elif name in ("shl", "shr", "sar") and isinstance(operands[1], ReadOf | Applied):
        yield "shift", Constraint(Applied("ugt", (operands[1], 255)), True)


def refuse_faults(
    faults: Iterable[Fault],
    paths: Iterable[Path],
    places: Callable[[Iterable[int]], frozenset[Place]],
    possible: Possible,
    memory: dict[Address, Value],
) -> None:
    """Raises InputError for a fault that is more than an execution less.

    ``paths`` are those without faults, and ``places`` tells where their events are made.
    """
    real = [f for f in faults if satisfiable_together(f.constraints, f.address, possible, memory)]
    for fault in real:
        if fault.known or fault.access != "read":
            raise _error(fault)
    good = [p for p in paths if satisfiable_together(p.constraints, p.address, possible, memory)] if real else []
    reached = places(e for p in good for e in p.events)
    for fault in real:
        if fault.place not in reached:
            raise _error(fault)


def _error(fault: Fault) -> InputError:
    if fault.access == "division":
        return InputError("this may divide by zero", fault.span, "only do it where the divisor is not 0")
    if fault.access == "shift":
        return InputError("this may shift by a negative number, or by very many bits", fault.span)
    if fault.known:
        message = f"this {fault.access} goes to address {fault.value}, but that is no location"
        hint = "the init block gives a register the address of a location, as in `0:X1=x`"
        if fault.span.source.text.split(None, 1)[:1] == ["C"]:
            hint = "a pointer has to point to a global, given as a parameter or by the init block"
        return InputError(message, fault.span, hint)
    if fault.access == "read":
        return InputError(f"this read never has a location's address, only numbers such as {fault.value}", fault.span)
    message = f"this {fault.access} may go to address {fault.value}, but that is no location"
    return InputError(message, fault.span, "only do it where the address that was read is one of a location")
