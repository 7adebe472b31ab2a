"""Which names an expression uses without binding them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from membar_check.cat import syntax as s
from membar_check.diagnostics import Span

Names = Mapping[str, Span]


def free_names(expr: s.Expr) -> dict[str, Span]:
    """The free names of an expression, each with the span of one use."""
    match expr:
        case s.Name(name, span):
            return {name: span}
        case s.Zero() | s.Universe() | s.Tag():
            return {}
        case s.Unary(_, operand) | s.Identity(operand):
            return free_names(operand)
        case s.Binary(_, left, right) | s.Apply(left, right) | s.Try(left, right):
            return free_names(left) | free_names(right)
        case s.SetLiteral(items) | s.TupleExpr(items):
            return _all(items)
        case s.Fun(params, _, body):
            return _without(free_names(body), params)
        case s.LetIn(recursive, bindings, body):
            bound = [name for binding in bindings for name in bound_names(binding)]
            values: dict[str, Span] = {}
            for binding in bindings:
                values |= _without(free_names(binding.value), [n for names, _ in binding.params for n in names])
            inner = _without(free_names(body), bound)
            return _without(values, bound if recursive else ()) | inner
        case s.If(cond, then, other):
            return free_in_condition(cond) | free_names(then) | free_names(other)
        case s.MatchTag(scrutinee, cases):
            return free_names(scrutinee) | _all([body for _, body in cases])
        case s.MatchSet(scrutinee, empty, element, rest, before, body):
            inner = _without(free_names(body), (element, rest, before or "_"))
            return free_names(scrutinee) | free_names(empty) | inner


def free_in_condition(cond: s.Cond) -> dict[str, Span]:
    """The free names of a condition of ``if``."""
    if isinstance(cond, s.CompareCond):
        return free_names(cond.left) | free_names(cond.right)
    return {}


def bound_names(binding: s.Binding) -> tuple[str, ...]:
    """The names that a binding defines."""
    return tuple(name for name in (binding.pattern if not binding.name else (binding.name,)) if name != "_")


def _all(items: Iterable[s.Expr]) -> dict[str, Span]:
    result: dict[str, Span] = {}
    for item in items:
        result |= free_names(item)
    return result


def _without(names: dict[str, Span], bound: Iterable[str]) -> dict[str, Span]:
    gone = set(bound)
    return {name: span for name, span in names.items() if name not in gone}
