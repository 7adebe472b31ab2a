"""The primitives that C macros expand to: the events that each makes.

Names, arguments and events are those of herd7's C semantics; what carries which tag follows the kernel model's two
ages.  ``lkmmv1``: a full-barrier read-modify-write stands between two fence events, acquire tags only its read,
release only its write, all else is ``once``.  ``lkmmv2``: both halves carry the tag as written, no fence is added, and
the model decides what the tag means on which half.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from membar_check.litmus.syntax import CCall, CName
from membar_check.program.dialects.c_values import ONE, ZERO, Env, ValueLowering, negation, operation
from membar_check.program.ir import Assume, Choose, Const, Expr, Let, Load, Mark, Micro, Op, Reg, Store

_ATOMIC_OPERATORS = {"+": "add", "-": "sub", "&": "and", "|": "or", "^": "xor", "&~": "andnot"}
_RMW = frozenset(("RMW", "X"))
_NO_TAGS: frozenset[str] = frozenset()
_ONCE = ("once",)


@cache
def sets_of(tags: tuple[str, ...], more: frozenset[str] = _NO_TAGS) -> frozenset[str]:
    """The event sets for tags: ``once`` is the set ``Once``, ``rcu-lock`` the set ``Rcu-lock``."""
    return more.union(tag[0].upper() + tag[1:] for tag in tags)


@cache
def _fence(tags: tuple[str, ...]) -> Mark:
    return Mark(sets_of(tags, frozenset("F")))


def _halves(b: ValueLowering, tags: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The sets of the read and of the write of a read-modify-write."""
    if b.lkmmv2:
        both = sets_of(tags, _RMW)
        return both, both
    read = tags if tags == ("acquire",) else _ONCE
    write = tags if tags == ("release",) else _ONCE
    return sets_of(read, _RMW), sets_of(write, _RMW)


def _fenced(b: ValueLowering, tags: tuple[str, ...]) -> bool:
    """Whether a read-modify-write stands between two full fences."""
    return not b.lkmmv2 and tags == ("mb",)


def _arguments(b: ValueLowering, call: CCall, wanted: str, tagged: bool = True) -> None:
    """Check the number of arguments against ``wanted`` (``X,V``), and that tags stand where they belong."""
    count = wanted.count(",") + 1 if wanted else 0
    shown = call.name + ("{tag}" if tagged else "") + (f"({wanted})" if wanted else "")
    if len(call.args) != count:
        b.error(f"`{call.name}` has {len(call.args)} arguments, expected `{shown}`", call.span)
    if tagged and not call.tags:
        b.error(f"`{call.name}` has no tag, expected `{shown}`", call.span)
    if call.tags and not tagged:
        b.error(f"`{call.name}` takes no tags, expected `{shown}`", call.span)


def _operator(b: ValueLowering, call: CCall, env: Env | None) -> str:
    """The second argument of an ``__atomic_...op`` primitive."""
    name, _ = b.resolve(call.args[1], env)
    if isinstance(name, CName) and name.name in _ATOMIC_OPERATORS:
        return _ATOMIC_OPERATORS[name.name]
    b.error(f"found `{name.span.text}`, expected one of the operators + - & | ^ &~", name.span)


# --- primitives with a value
def _load(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    _arguments(b, call, "X")
    addr = b.pointee(call.args[0], env, f"`{call.name}`")
    if call.tags in (("deref",), ("lderef",)):
        value = b.load(addr, sets_of(_ONCE))
        b.ops.append(_fence(("rb_dep",)))
        return value
    return b.load(addr, sets_of(call.tags))


def _xchg(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    _arguments(b, call, "X,V")
    fenced = _fenced(b, call.tags)
    if fenced:
        b.ops.append(_fence(call.tags))
    (addr, value), lane = b.operands(call.args, env)
    read, write = _halves(b, call.tags)
    old = b.temporary()
    b.ops.append(Load(old, addr, read, "amo", 32, lane))
    b.ops.append(Store(addr, value, write, "amo"))
    if fenced:
        b.ops.append(_fence(call.tags))
    return Reg(old)


def _conditional(
    b: ValueLowering, load: Load, condition: Expr, store: Store, failed: frozenset[str], fenced: bool
) -> None:
    """A read-modify-write that happens if ``condition`` on the old value holds, else only a read in the sets
    ``failed``."""
    success: tuple[Micro, ...] = (load, Assume(condition, False), store)
    if fenced:
        fence = _fence(("mb",))
        success = (fence, *success, fence)
    failure = Load(load.dst, load.addr, failed, "", 32, load.lane), Assume(negation(condition), False)
    b.ops.append(Choose((success, failure)))


def _cmpxchg(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    _arguments(b, call, "X,OLD,NEW")
    (addr, expected, new), lane = b.operands(call.args, env)
    read, write = _halves(b, call.tags)
    failed = read if b.lkmmv2 else sets_of(_ONCE, _RMW)
    old = b.temporary()
    load, store = Load(old, addr, read, "amo", 32, lane), Store(addr, new, write, "amo")
    _conditional(b, load, Op("eq", (Reg(old), expected)), store, failed, _fenced(b, call.tags))
    return Reg(old)


def _atomic(
    b: ValueLowering, call: CCall, env: Env | None, read: frozenset[str], write: frozenset[str]
) -> tuple[Expr, Expr, Expr]:
    """``*X = *X op V`` in one step; returns the old value, the new one, and V."""
    name = _operator(b, call, env)
    (addr, operand), lane = b.operands((call.args[0], call.args[2]), env)
    old = b.temporary()
    new = operation(name, Reg(old), operand)
    b.ops.append(Load(old, addr, read, "amo", 32, lane))
    b.ops.append(Store(addr, new, write, "amo"))
    return Reg(old), new, operand


def _atomic_value(b: ValueLowering, call: CCall, env: Env | None) -> tuple[Expr, Expr, Expr]:
    _arguments(b, call, "X,OP,V")
    read, write = _halves(b, call.tags)
    if not _fenced(b, call.tags):
        return _atomic(b, call, env, read, write)
    b.ops.append(_fence(call.tags))
    result = _atomic(b, call, env, read, write)
    b.ops.append(_fence(call.tags))
    return result


def _atomic_op_return(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    return _atomic_value(b, call, env)[1]


def _atomic_fetch_op(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    old, _, operand = _atomic_value(b, call, env)
    return old if isinstance(operand, Const) else Op("first", (old, operand))


def _atomic_add_unless(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    _arguments(b, call, "X,A,U", bool(call.tags))
    tags = call.tags if b.lkmmv2 else _ONCE
    (addr, added, limit), lane = b.operands(call.args, env)
    sets = sets_of(tags, _RMW)
    old = b.temporary()
    load = Load(old, addr, sets, "amo", 32, lane)
    store = Store(addr, operation("add", Reg(old), added), sets, "amo")
    differs = Op("ne", (Reg(old), limit))
    _conditional(b, load, differs, store, sets, not b.lkmmv2)
    return differs


def _take(addr: Expr) -> tuple[Micro, ...]:
    return Mark(frozenset(("LK", "LKR")), addr), Mark(frozenset(("LK", "LKW")), addr)


def _trylock(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    _arguments(b, call, "X", False)
    addr = b.value(call.args[0], env)
    plain, dependent = b.answer()
    taken = (*_take(addr), Let(plain, ONE), Let(dependent, ONE))
    b.ops.append(Choose((taken, (Mark(frozenset(("LF",)), addr, dependent, ZERO), Let(plain, ZERO)))))
    return Reg(plain)


def _islocked(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    _arguments(b, call, "X", False)
    addr = b.value(call.args[0], env)
    plain, dependent = b.answer()
    locked = Mark(frozenset(("RL",)), addr, dependent, ONE), Let(plain, ONE)
    free = Mark(frozenset(("RU",)), addr, dependent, ZERO), Let(plain, ZERO)
    b.ops.append(Choose((locked, free)))
    return Reg(plain)


def _srcu_value(b: ValueLowering, call: CCall, env: Env | None) -> Expr:
    """``__srcu{srcu-lock}(X)``: an event whose value, the cookie, differs from that of every other section."""
    _arguments(b, call, "X")
    addr = b.value(call.args[0], env)
    if call.tags != ("srcu-lock",):
        b.ops.append(Mark(sets_of(call.tags), addr))
        return ZERO
    cookie = Const((b.number + 1) * 307 + (len(b.code) + 1) * 599)
    b.ops.append(Mark(sets_of(call.tags), addr, None, cookie))
    return cookie


# --- primitives that are statements
def _store(b: ValueLowering, call: CCall, env: Env | None) -> None:
    _arguments(b, call, "X,V")
    (addr, value), _ = b.operands(call.args, env, f"`{call.name}`")
    b.ops.append(Store(addr, value, sets_of(call.tags)))


def _fence_statement(b: ValueLowering, call: CCall, env: Env | None) -> None:
    _arguments(b, call, "")
    b.ops.append(_fence(call.tags))


def _atomic_op(b: ValueLowering, call: CCall, env: Env | None) -> None:
    _arguments(b, call, "X,OP,V", bool(call.tags))
    if b.lkmmv2:
        sets = sets_of(call.tags, _RMW)
        _atomic(b, call, env, sets, sets)
    else:
        _atomic(b, call, env, sets_of(("noreturn",), _RMW), sets_of(_ONCE, _RMW))


def _lock(b: ValueLowering, call: CCall, env: Env | None) -> None:
    _arguments(b, call, "X", False)
    b.ops += _take(b.value(call.args[0], env))


def _unlock(b: ValueLowering, call: CCall, env: Env | None) -> None:
    _arguments(b, call, "X", False)
    b.ops.append(Mark(frozenset(("UL",)), b.value(call.args[0], env)))


def _srcu_statement(b: ValueLowering, call: CCall, env: Env | None) -> None:
    _arguments(b, call, "X" if len(call.args) < 2 else "X,V")
    addr = b.value(call.args[0], env)
    cookie = b.value(call.args[1], env) if len(call.args) == 2 else None
    b.ops.append(Mark(sets_of(call.tags), addr, None, cookie))


VALUES: dict[str, Callable[[ValueLowering, CCall, Env | None], Expr]] = {
    "__load": _load,
    "__xchg": _xchg,
    "__cmpxchg": _cmpxchg,
    "__atomic_op_return": _atomic_op_return,
    "__atomic_fetch_op": _atomic_fetch_op,
    "__atomic_add_unless": _atomic_add_unless,
    "atomic_add_unless": _atomic_add_unless,
    "__trylock": _trylock,
    "__islocked": _islocked,
    "__srcu": _srcu_value,
}
"""Primitives by name; ``atomic_add_unless`` is one for macro files that do not define it."""

STATEMENTS: dict[str, Callable[[ValueLowering, CCall, Env | None], None]] = {
    "__store": _store,
    "__fence": _fence_statement,
    "__atomic_op": _atomic_op,
    "__lock": _lock,
    "__unlock": _unlock,
    "__srcu": _srcu_statement,
}
