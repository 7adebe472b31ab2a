"""The C type of what a macro of the definition file returns, given the types of its arguments.

The definition file is written without types; what a macro returns is as wide as the object that it accesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from membar_check.litmus.syntax import (
    CBinary,
    CCall,
    CCast,
    CConditional,
    CExpr,
    CIndex,
    CName,
    CUnary,
)
from membar_check.program.dialects.c_locks import LOCK_VALUES
from membar_check.program.dialects.c_primitives import STATEMENTS, VALUES
from membar_check.program.kernel.types import INT, VOID, Array, Int, Pointer, Struct, Type, common, scalars
from membar_check.program.macros import key_of

if TYPE_CHECKING:
    from membar_check.program.macros import Macros

_OBJECT = frozenset(("__load",))  # whose first argument is an object; others take its address
_COMPARING = frozenset(("==", "!=", "<", "<=", ">", ">=", "&&", "||"))


def macro_type(name: str, arguments: tuple[Type, ...], macros: Macros) -> Type | None:
    """The type of ``name(arguments)``: ``void`` for a macro that only is a statement, None if there is no such macro
    or primitive.  A wrong number of arguments is for who expands the macro to report."""
    macro = macros.expression(name)
    if macro is not None:
        assert not isinstance(macro.body, tuple)
        return _value(macro.body, dict(zip(macro.parameters, arguments, strict=False)), macros)
    if macros.statement(name) is not None:
        return VOID
    if name in VALUES:
        return INT if not arguments else scalar_at(arguments[0])
    return VOID if name in STATEMENTS else None


def scalar_at(pointer: Type) -> Type:
    """The type of the single value behind a pointer (``atomic_t`` is a struct of one)."""
    return only_scalar(pointer.to) if isinstance(pointer, Pointer) else INT


def only_scalar(of: Type) -> Type:
    if isinstance(of, Struct | Array):
        inside = scalars(of)
        if len(inside) == 1:
            return inside[0][1]
    return of


def _value(expr: CExpr, env: Mapping[str, Type], macros: Macros) -> Type:
    """The type of a value; of an access, that of the object, even where that is too large for one."""
    of = only_scalar(_object(expr, env, macros))
    return Pointer(of.of) if isinstance(of, Array) and not isinstance(expr, CCall) else of


def _object(expr: CExpr, env: Mapping[str, Type], macros: Macros) -> Type:
    if isinstance(expr, CName):
        return env.get(expr.name, INT)
    if isinstance(expr, CUnary):
        inner = _object(expr.operand, env, macros)
        if expr.op == "*":
            return inner.to if isinstance(inner, Pointer) else INT
        if expr.op == "&":
            return Pointer(inner)
        return INT if expr.op == "!" else only_scalar(inner)
    if isinstance(expr, CBinary):
        return _binary(expr, env, macros)
    if isinstance(expr, CIndex):
        array = _object(expr.array, env, macros)
        return array.of if isinstance(array, Array) else array.to if isinstance(array, Pointer) else INT
    if isinstance(expr, CConditional):
        return _value(expr.then, env, macros)
    if isinstance(expr, CCall):
        return _call(expr, env, macros)
    if isinstance(expr, CCast):
        inner = _value(expr.operand, env, macros)
        return inner if "*" in expr.type else INT
    return INT


def _binary(expr: CBinary, env: Mapping[str, Type], macros: Macros) -> Type:
    if expr.op in _COMPARING:
        return INT
    left, right = _value(expr.left, env, macros), _value(expr.right, env, macros)
    if isinstance(left, Int) and isinstance(right, Int):
        return common(left, right)
    return left if isinstance(left, Pointer) else right


def _call(expr: CCall, env: Mapping[str, Type], macros: Macros) -> Type:
    if macros.expression(key_of(expr)) is not None:
        return macro_type(key_of(expr), tuple(_object(a, env, macros) for a in expr.args), macros) or INT
    if expr.name in ("__before", "__after") and len(expr.args) == 2:
        return _value(expr.args[expr.name == "__before"], env, macros)
    if not expr.args or expr.name in ("__srcu", "__atomic_add_unless", *LOCK_VALUES):
        return INT
    first = _object(expr.args[0], env, macros)
    return only_scalar(first) if expr.name in _OBJECT else scalar_at(first)
