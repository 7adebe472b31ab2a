"""Locks and RCU: the primitives whose meaning differs most between the kernel's model and an architecture.

The kernel's model has lock events of its own (lock.cat).  On an architecture a spin lock is a word that is 0 while the
lock is free: taking it is a read-modify-write of an acquire kind that reads 0 and writes 1, releasing it a store.
Whoever waits for the lock does nothing that others see, so only executions are looked at in which the word is 0.  Of
RCU an architecture knows nothing: its law is imposed by the program (:mod:`membar_check.program.control`).
"""

from __future__ import annotations

from collections.abc import Callable

from membar_check.litmus.syntax import CCall
from membar_check.program.control import Grace, Section
from membar_check.program.dialects.c_tags import check_arguments, check_tags, halves, sets_of, success_fence, tagged
from membar_check.program.dialects.c_values import ONE, ZERO, Env, ValueLowering
from membar_check.program.ir import Assume, Choose, Expr, Let, Load, Mark, Micro, Op, Reg, Store
from membar_check.records import replace


# --- lock events -----------------------------------------------------------------------------------------------------
def _take(addr: Expr) -> tuple[Micro, ...]:
    return Mark(frozenset(("LK", "LKR")), addr), Mark(frozenset(("LK", "LKW")), addr)


def _lock(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X", False)
    b.ops += _take(b.value(call.args[0], env))


def _unlock(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X", False)
    b.ops.append(Mark(frozenset(("UL",)), b.value(call.args[0], env)))


def _trylock(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    check_arguments(b, call, "X", False)
    addr = b.value(call.args[0], env)
    plain, dependent = b.answer()
    taken = (*_take(addr), Let(plain, ONE), Let(dependent, ONE))
    b.ops.append(Choose((taken, (Mark(frozenset(("LF",)), addr, dependent, ZERO), Let(plain, ZERO)))))
    return Reg(plain)


def _islocked(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    check_arguments(b, call, "X", False)
    addr = b.value(call.args[0], env)
    plain, dependent = b.answer()
    locked = Mark(frozenset(("RL",)), addr, dependent, ONE), Let(plain, ONE)
    free = Mark(frozenset(("RU",)), addr, dependent, ZERO), Let(plain, ZERO)
    b.ops.append(Choose((locked, free)))
    return Reg(plain)


# --- lock words ------------------------------------------------------------------------------------------------------
def _acquire(b: ValueLowering, call: CCall, addr: Expr) -> tuple[Load, Assume, Store]:
    """Reads 0, writes 1; the register that the load writes holds what it read."""
    read, write, kind = halves(b, call)
    word = b.temporary()
    return Load(word, addr, read, kind), Assume(Op("eq", (Reg(word), ZERO)), False), Store(addr, ONE, write, kind)


def _spin_lock(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X")
    b.ops += _acquire(b, call, b.value(call.args[0], env))


def _spin_unlock(b: ValueLowering, call: CCall, env: Env | None) -> None:
    check_arguments(b, call, "X")
    b.ops.append(Store(b.value(call.args[0], env), ZERO, tagged(b, call)))


def _spin_trylock(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """1 if it took the lock; where a plain read finds it taken it is not tried.  A fence as second argument follows
    where it took it."""
    after = success_fence(b, call, "X")
    load, free, store = _acquire(b, call, b.value(call.args[0], env))
    assert load.dst is not None
    word, result = Reg(load.dst), b.temporary()
    answer = Let(result, Op("eq", (word, ZERO)))
    look = replace(load, tags=sets_of(("ONCE",)), atomic="")
    b.ops.append(Choose(((load, free, store, *after, answer), (look, Assume(Op("ne", (word, ZERO)), False), answer))))
    return Reg(result)


def _spin_islocked(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    check_arguments(b, call, "X")
    return Op("ne", (b.load(b.value(call.args[0], env), tagged(b, call)), ZERO))


# --- RCU by its law --------------------------------------------------------------------------------------------------
def _section(b: ValueLowering, call: CCall, env: Env | None) -> None:
    """``__section{begin,FENCE}``, ``__section{end,FENCE}``: FENCE names the architecture's full barrier."""
    check_arguments(b, call, "")
    which, *barrier = call.tags
    if which not in ("begin", "end"):
        b.error(f"found `{which}`, expected `begin` or `end`", call.span)
    b.ops.append(Section(which == "begin", _barrier(b, call, tuple(barrier))))


def _grace(b: ValueLowering, call: CCall, env: Env | None) -> None:
    """``__grace{FENCE}``: a whole grace period."""
    check_arguments(b, call, "")
    barrier = _barrier(b, call, call.tags)
    b.ops += [Grace(True, barrier), Grace(False, barrier)]


def _barrier(b: ValueLowering, call: CCall, tags: tuple[str, ...]) -> frozenset[str]:
    check_tags(b, replace(call, tags=tags))
    return sets_of(tags)


LOCK_VALUES: dict[str, Callable[[ValueLowering, CCall, Env | None], Expr]] = {
    "__trylock": _trylock,
    "__islocked": _islocked,
    "__spin_trylock": _spin_trylock,
    "__spin_islocked": _spin_islocked,
}

LOCK_STATEMENTS: dict[str, Callable[[ValueLowering, CCall, Env | None], None]] = {
    "__lock": _lock,
    "__unlock": _unlock,
    "__spin_lock": _spin_lock,
    "__spin_unlock": _spin_unlock,
    "__section": _section,
    "__grace": _grace,
}
