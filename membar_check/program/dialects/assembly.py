"""What all assembly dialects share: threads of instructions, labels, initial state, and access sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from membar_check.diagnostics import InputError, Span, Unsupported
from membar_check.litmus.instructions import operand_range
from membar_check.litmus.syntax import AsmInstruction, AsmLabel, AsmOperand, CBody, LitmusTest
from membar_check.litmus.text import describe
from membar_check.program.ctypes import width
from membar_check.program.initial import DEFAULT_TYPE, Initial, initial_state, resolve_final
from membar_check.program.ir import (
    Assume,
    Branch,
    Choose,
    Const,
    Expr,
    Goto,
    Instr,
    Let,
    Load,
    Mark,
    Micro,
    Op,
    Program,
    Reg,
    Select,
    Store,
    Thread,
)
from membar_check.records import dataclass
from membar_check.values import Address, Value


class BadOperands(Exception):
    """An instruction whose operands do not fit its mnemonic; ``unsupported`` where the checker lacks it.

    ``operand`` is the operand that is wrong, if it is one.
    """

    def __init__(
        self, message: str, hint: str = "", unsupported: bool = False, operand: AsmOperand | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.hint, self.unsupported, self.operand = message, hint, unsupported, operand


class Mode(NamedTuple):
    """What the instructions of a thread need to know of it and of the test.

    ``wide``: registers may hold values that their narrower forms cannot.  ``unit``: bytes of an
    array's cell, as the names of sums in bytes have it (:mod:`membar_check.program.arithmetic`).
    """

    wide: bool
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """An assembly dialect (compared and hashed by identity).

    ``registers`` in the order in which the log shows them.  ``register_name`` gives the canonical name of a register.
    ``instruction(mnemonic, operands, mode)`` lowers one instruction or raises BadOperands; it must depend on its
    arguments only.  ``is_wide(operands)``: the instruction may leave a value in a register that its narrower forms
    cannot hold; all instructions of such a thread are lowered in wide mode.  ``canonical(value, bits)`` is an integer
    as a register or location of that width holds it.  ``finish`` may rewrite a thread's code (None: leave it).
    """

    arch: str
    registers: tuple[str, ...]
    register_name: Callable[[str], str | None]
    instruction: Callable[[str, tuple[AsmOperand, ...], Mode], tuple[Micro, ...]]
    is_wide: Callable[[tuple[AsmOperand, ...]], bool]
    canonical: Callable[[int, int], int]
    register_bits: int
    finish: Callable[[list[Instr], dict[str, int]], list[Instr]] | None = None


class Lowered(NamedTuple):
    """One instruction: its operations, the globals that it names, the labels it jumps to, the sizes of its accesses."""

    ops: tuple[Micro, ...]
    globals: tuple[str, ...]
    targets: tuple[str, ...]
    sizes: frozenset[int]
    wide: bool


@lru_cache(maxsize=65536)
def _lower_instruction(dialect: Dialect, mnemonic: str, operands: tuple[AsmOperand, ...], mode: Mode) -> Lowered:
    ops = dialect.instruction(mnemonic, operands, mode)
    names: dict[str, None] = {}
    targets: dict[str, None] = {}
    sizes = set()
    for op in _all_ops(ops):
        for expr in _expressions(op):
            for value in _constants(expr):
                if isinstance(value, Address):
                    names[value.name] = None
        if isinstance(op, Branch | Goto):
            targets[op.target] = None
        elif isinstance(op, Load | Store):
            sizes.add(op.bits)
    return Lowered(ops, tuple(names), tuple(targets), frozenset(sizes), dialect.is_wide(operands))


def _all_ops(ops: tuple[Micro, ...]) -> Iterator[Micro]:
    for op in ops:
        if isinstance(op, Choose):
            for alternative in op.alternatives:
                yield from _all_ops(alternative)
        else:
            yield op


def _expressions(op: Micro) -> tuple[Expr, ...]:
    if isinstance(op, Let):
        return (op.value,)
    if isinstance(op, Load):
        return (op.addr,)
    if isinstance(op, Store):
        return (op.addr, op.value)
    if isinstance(op, Branch | Assume):
        return (op.cond,)
    if isinstance(op, Mark):
        return (op.addr,) if op.addr else ()
    return ()


def _constants(expr: Expr) -> Iterator[Value]:
    if isinstance(expr, Const):
        yield expr.value
    elif isinstance(expr, Op):
        for arg in expr.args:
            yield from _constants(arg)
    elif isinstance(expr, Select):
        for arg in (expr.cond, expr.then, expr.other):
            yield from _constants(arg)


class _Body(NamedTuple):
    code: list[Instr]
    labels: dict[str, int]
    globals: dict[str, None]
    sizes: set[int]


def lower_assembly(test: LitmusTest, dialect: Dialect) -> Program:
    """The program of an assembly test.

    Raises InputError for operands that do not fit, labels that do not exist or exist twice, and what
    ``program.initial`` complains about; Unsupported for instructions that the dialect lacks and for accesses of
    several sizes to one location.
    """
    unit = _cell_bytes(test)
    bodies = [_lower_body(test, dialect, number, unit) for number in range(len(test.bodies))]

    def register_name(thread: int, name: str) -> str | None:
        return dialect.register_name(name)

    mentioned = [name for body in bodies for name in body.globals]
    state = initial_state(test, register_name, mentioned)
    sizes = set().union(*[body.sizes for body in bodies])
    _canonical_values(dialect, state, 64 if sizes == {64} else 32)
    locations, filtered, condition = resolve_final(test, state, register_name)
    threads = tuple(
        [Thread(number, tuple(body.code), body.labels, dialect.registers) for number, body in enumerate(bodies)]
    )
    if len(sizes) > 1:
        check_access_sizes(threads, state)
    return Program(
        test=test,
        threads=threads,
        memory=state.memory,
        arrays=state.arrays,
        registers=state.registers,
        types=state.types,
        locations=locations,
        filter=filtered,
        condition=condition,
    )


def _cell_bytes(test: LitmusTest) -> str:
    """Bytes of a cell of the test's arrays (4 if there are none), array by array where they differ."""
    found = {
        item.place.name: width(item.type)[0] // 8 for item in test.init if item.array_size is not None and item.type
    }
    sizes = set(found.values())
    if len(sizes) < 2:
        return str(next(iter(sizes), 4))
    return "4@" + ",".join(f"{name}={size}" for name, size in found.items())


def _lower_body(test: LitmusTest, dialect: Dialect, number: int, unit: str) -> _Body:
    """One thread; lowered again as wide where some instruction or initial value asks for it."""
    body = test.bodies[number]
    assert not isinstance(body, CBody)
    mode = Mode(_wide_start(test, number), unit)
    lowered = [_lower_cell(dialect, item, mode) if isinstance(item, AsmInstruction) else None for item in body]
    if not mode.wide and any(one is not None and one.wide for one in lowered):
        mode = Mode(True, unit)
        lowered = [_lower_cell(dialect, item, mode) if isinstance(item, AsmInstruction) else None for item in body]
    result = _Body([], {}, {}, set())
    for item, one in zip(body, lowered, strict=True):
        if isinstance(item, AsmLabel):
            if item.name in result.labels:
                raise InputError(f"label {describe(item.name)} stands twice in thread {number}", item.span)
            result.labels[item.name] = len(result.code)
        elif one is not None:
            result.code.append(Instr(one.ops, item.span))
            result.globals.update(dict.fromkeys(one.globals))
            result.sizes.update(one.sizes)
    for item, one in zip(body, lowered, strict=True):
        if one is not None and one.targets:
            _check_targets(one.targets, result.labels, number, item.span)
    if dialect.finish is not None:
        result.code[:] = dialect.finish(result.code, result.labels)
    return result


def _check_targets(targets: tuple[str, ...], labels: dict[str, int], number: int, span: Span) -> None:
    for target in targets:
        if target not in labels:
            known = ", ".join(labels)
            hint = f"labels of this thread: {known}" if known else f"a label is written {target}: in a cell of its own"
            raise InputError(f"thread {number} has no label {describe(target)}", span, hint)


def _wide_start(test: LitmusTest, number: int) -> bool:
    """Whether an initial value of the thread needs more than 32 bits unsigned."""
    for item in test.init:
        value = getattr(item.value, "value", 0)
        if getattr(item.place, "thread", -1) == number and not 0 <= value < 1 << 32:
            return True
    return False


def _lower_cell(dialect: Dialect, item: AsmInstruction, mode: Mode) -> Lowered:
    try:
        return _lower_instruction(dialect, item.mnemonic, item.operands, mode)
    except BadOperands as bad:
        kind = Unsupported if bad.unsupported else InputError
        span = item.span
        for number, operand in enumerate(item.operands):
            if operand is bad.operand:
                start, end = operand_range(span.text, number)
                span = Span(span.source, span.start + start, span.start + end)
                break
        raise kind(bad.message, span, bad.hint) from None


def _canonical_values(dialect: Dialect, state: Initial, bits: int) -> None:
    """Bring initial integers to the form in which registers and locations of the machine hold them."""
    for key, value in state.registers.items():
        if isinstance(value, int) and value:
            state.registers[key] = dialect.canonical(value, dialect.register_bits)
    for address, value in state.memory.items():
        if isinstance(value, int) and value:
            ctype = state.types.get(f"[{address.name}]") or state.types.get(address.name)
            state.memory[address] = dialect.canonical(value, width(ctype)[0] if ctype else bits)


def check_access_sizes(threads: tuple[Thread, ...], state: Initial) -> None:
    """Raise Unsupported where two accesses of different sizes certainly touch one location.

    Certain is an address that is a constant or the initial value of a register that its thread never writes.
    """
    seen: dict[Address, tuple[int, Span]] = {}
    for thread in threads:
        written = {op.dst for i in thread.code for op in _all_ops(i.ops) if isinstance(op, Let | Load)}
        for instr in thread.code:
            for op in _all_ops(instr.ops):
                if not isinstance(op, Load | Store):
                    continue
                place = _static_address(op.addr, thread.number, written, state)
                if place is None:
                    continue
                bits, span = seen.setdefault(place, (op.bits, instr.span))
                if bits != op.bits:
                    ctype = state.types.get(f"[{place.name}]", DEFAULT_TYPE)
                    raise Unsupported(
                        f"{describe(str(place))} ({ctype}) is accessed with {op.bits} bits here, but with {bits} bits "
                        f"in line {span.line}: accesses of several sizes to one location are not supported",
                        instr.span,
                    )


def _static_address(addr: Expr, thread: int, written: set[str | None], state: Initial) -> Address | None:
    value: Value | None = None
    if isinstance(addr, Const):
        value = addr.value
    elif isinstance(addr, Reg) and addr.name not in written:
        value = state.registers.get((thread, addr.name))
    return value if isinstance(value, Address) else None
