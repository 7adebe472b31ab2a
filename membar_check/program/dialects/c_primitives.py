"""The primitives that C macros expand to: the events that each makes.

Names, arguments and events are those of herd7's C semantics; what carries which tag follows the kernel model's two
ages.  ``lkmmv1``: a full-barrier read-modify-write stands between two fence events, acquire tags only its read,
release only its write, all else is ``once``.  ``lkmmv2``: both halves carry the tag as written, no fence is added, and
the model decides what the tag means on which half.  For the model of an architecture see
:mod:`membar_check.program.dialects.c_tags`.
"""

from __future__ import annotations

from collections.abc import Callable

from membar_check.litmus.syntax import CCall, CName
from membar_check.program.dialects.c_locks import LOCK_STATEMENTS, LOCK_VALUES
from membar_check.program.dialects.c_tags import (
    ONCE,
    RMW,
    check_arguments,
    fence,
    fence_argument,
    fence_of,
    fenced,
    for_hardware,
    halves,
    sets_of,
    success_fence,
    tagged,
)
from membar_check.program.dialects.c_values import ZERO, Env, ValueLowering, negation, operation
from membar_check.program.ir import Assume, Choose, Const, Expr, Let, Load, Mark, Micro, Op, Reg, Select, Store

_ATOMIC_OPERATORS = {"+": "add", "-": "sub", "&": "and", "|": "or", "^": "xor", "&~": "andnot"}


def _operator(b: ValueLowering, call: CCall, env: Env | None) -> str:
    """The second argument of an ``__atomic_...op`` primitive."""
    name, _ = b.resolve(call.args[1], env)
    if isinstance(name, CName) and name.name in _ATOMIC_OPERATORS:
        return _ATOMIC_OPERATORS[name.name]
    b.error(f"found `{name.span.text}`, expected one of the operators + - & | ^ &~", name.span)


# --- primitives with a value
def _load(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    check_arguments(b, call, "X")
    addr = b.pointee(call.args[0], env, f"`{call.name}`")
    if call.tags in (("deref",), ("lderef",)):
        value = b.load(addr, sets_of(ONCE))
        b.ops.append(fence_of(("rb_dep",)))
        return value
    return b.load(addr, tagged(b, call))


def _xchg(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    check_arguments(b, call, "X,V")
    between = fenced(b, call.tags)
    if between:
        b.ops.append(fence_of(call.tags))
    (addr, value), lane = b.operands(call.args, env)
    read, write, kind = halves(b, call)
    old = b.temporary()
    b.ops.append(Load(old, addr, read, kind, 32, lane))
    b.ops.append(Store(addr, value, write, kind))
    if between:
        b.ops.append(fence_of(call.tags))
    return Reg(old)


def _conditional(
    b: ValueLowering, load: Load, condition: Expr, store: Store, failed: frozenset[str], after: tuple[Mark, ...]
) -> None:
    """A read-modify-write that happens if ``condition`` on the old value holds, else only a read in the sets
    ``failed``; ``after``: fences after success, and under ``lkmmv1`` before it too."""
    success: tuple[Micro, ...] = (load, Assume(condition, False), store, *after)
    if not for_hardware(b):
        success = (*after, *success)
    failure = Load(load.dst, load.addr, failed, "", 32, load.lane), Assume(negation(condition), False)
    b.ops.append(Choose((success, failure)))


def _cmpxchg(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    if for_hardware(b):
        return _hardware_cmpxchg(b, call, env)
    check_arguments(b, call, "X,OLD,NEW")
    (addr, expected, new), lane = b.operands(call.args, env)
    read, write, kind = halves(b, call)
    failed = read if b.lkmmv2 else sets_of(ONCE, RMW)
    old = b.temporary()
    load, store = Load(old, addr, read, kind, 32, lane), Store(addr, new, write, kind)
    after = (fence_of(("mb",)),) if fenced(b, call.tags) else ()
    _conditional(b, load, Op("eq", (Reg(old), expected)), store, failed, after)
    return Reg(old)


def _hardware_cmpxchg(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """A fence as fourth argument follows where it succeeds.

    A single instruction (no ``EX``) only selects by its comparison: what it writes, and what it returns on success, may
    come from its operands before the comparison is done (Arm ARM, CAS).  It returns either, which matters only if the
    operand depends on reads.
    """
    after = success_fence(b, call, "X,OLD,NEW")
    (addr, expected, new), lane = b.operands(call.args[:3], env)
    read, write, kind = halves(b, call)
    old = b.temporary()
    equal = Op("eq", (Reg(old), expected))
    load, same = Load(old, addr, read, kind, 32, lane), Assume(equal, False)
    failed = Load(old, addr, read, "", 32, lane), Assume(negation(equal), False)
    if kind == "ex":
        b.ops.append(Choose(((load, same, Store(addr, new, write, kind), *after), failed)))
        return Reg(old)
    result = b.temporary()
    store = Store(addr, Select(equal, new, Reg(old)), write, kind)
    ways: list[tuple[Micro, ...]] = [(load, same, store, *after, Let(result, Select(equal, expected, Reg(old))))]
    if not isinstance(expected, Const):
        ways.append((load, same, store, *after, Let(result, Reg(old))))
    b.ops.append(Choose((*ways, (*failed, Let(result, Reg(old))))))
    return Reg(result)


def _before(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """``__before(FENCE,V)``: a fence, then the events of V, whose value it is."""
    check_arguments(b, call, "FENCE,V", False)
    b.ops.append(fence_argument(b, call.args[0]))
    return b.value(call.args[1], env)


def _after(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """``__after(V,FENCE)``: the events of V, whose value it is, then a fence."""
    check_arguments(b, call, "V,FENCE", False)
    value = b.value(call.args[0], env)
    b.ops.append(fence_argument(b, call.args[1]))
    return value


def _atomic(
    b: ValueLowering, call: CCall, env: Env | None, read: frozenset[str], write: frozenset[str], kind: str = "amo"
) -> tuple[Expr, Expr, Expr]:
    """``*X = *X op V`` in one step; returns the old value, the new one, and V."""
    name = _operator(b, call, env)
    (addr, operand), lane = b.operands((call.args[0], call.args[2]), env)
    old = b.temporary()
    new = operation(name, Reg(old), operand)
    b.ops.append(Load(old, addr, read, kind, 32, lane))
    b.ops.append(Store(addr, new, write, kind))
    return Reg(old), new, operand


def _atomic_value(b: ValueLowering, call: CCall, env: Env | None) -> tuple[Expr, Expr, Expr]:
    check_arguments(b, call, "X,OP,V")
    read, write, kind = halves(b, call)
    if not fenced(b, call.tags):
        return _atomic(b, call, env, read, write, kind)
    b.ops.append(fence_of(call.tags))
    result = _atomic(b, call, env, read, write)
    b.ops.append(fence_of(call.tags))
    return result


def _atomic_op_return(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    return _atomic_value(b, call, env)[1]


def _atomic_fetch_op(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    old, _, operand = _atomic_value(b, call, env)
    return old if isinstance(operand, Const) else Op("first", (old, operand))


def _atomic_add_unless(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """On hardware a plain read finds out whether to try at all."""
    tags = call.tags if b.lkmmv2 else ONCE
    if for_hardware(b):
        after = success_fence(b, call, "X,A,U")
        read, write, kind = halves(b, call)
        failed = sets_of(("ONCE",))
    else:
        check_arguments(b, call, "X,A,U", bool(call.tags))
        read = write = failed = sets_of(tags, RMW)
        kind, after = "amo", () if b.lkmmv2 else (fence_of(("mb",)),)
    (addr, added, limit), lane = b.operands(call.args[:3], env)
    old = b.temporary()
    load = Load(old, addr, read, kind, 32, lane)
    store = Store(addr, operation("add", Reg(old), added), write, kind)
    differs = Op("ne", (Reg(old), limit))
    _conditional(b, load, differs, store, failed, after)
    return differs


def _srcu_value(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """``__srcu{srcu-lock}(X)``: an event whose value, the cookie, differs from that of every other section."""
    check_arguments(b, call, "X")
    addr, sets = b.value(call.args[0], env), tagged(b, call)
    if call.tags != ("srcu-lock",):
        b.ops.append(Mark(sets, addr))
        return ZERO
    cookie = Const((b.number + 1) * 307 + (len(b.code) + 1) * 599)
    b.ops.append(Mark(sets, addr, None, cookie))
    return cookie


# --- primitives that are statements
def _store(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X,V")
    (addr, value), _ = b.operands(call.args, env, f"`{call.name}`")
    b.ops.append(Store(addr, value, tagged(b, call)))


def _fence_statement(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "")
    b.ops.append(fence(b, call))


def _atomic_op(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X,OP,V", bool(call.tags))
    if b.lkmmv2 or for_hardware(b):
        _atomic(b, call, env, *halves(b, call))
    else:
        _atomic(b, call, env, sets_of(("noreturn",), RMW), sets_of(ONCE, RMW))


def _srcu_statement(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X" if len(call.args) < 2 else "X,V")
    sets = tagged(b, call)
    addr = b.value(call.args[0], env)
    cookie = b.value(call.args[1], env) if len(call.args) == 2 else None
    b.ops.append(Mark(sets, addr, None, cookie))


VALUES: dict[str, Callable[[ValueLowering, CCall, Env | None], Expr]] = {
    "__load": _load,
    "__xchg": _xchg,
    "__cmpxchg": _cmpxchg,
    "__atomic_op_return": _atomic_op_return,
    "__atomic_fetch_op": _atomic_fetch_op,
    "__atomic_add_unless": _atomic_add_unless,
    "atomic_add_unless": _atomic_add_unless,
    "__srcu": _srcu_value,
    "__before": _before,
    "__after": _after,
    **LOCK_VALUES,
}
"""Primitives by name; ``atomic_add_unless`` is one for macro files that do not define it."""

STATEMENTS: dict[str, Callable[[ValueLowering, CCall, Env | None], None]] = {
    "__store": _store,
    "__fence": _fence_statement,
    "__atomic_op": _atomic_op,
    "__srcu": _srcu_statement,
    **LOCK_STATEMENTS,
}
