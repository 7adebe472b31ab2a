"""Prints syntax trees as cat text; parsing the text gives an equal tree."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.cat import syntax as s

_LEVELS = {"|": 1, "++": 2, ";": 3, "\\": 4, "&": 5}
_TIGHT = 6
_INDENT = "  "

# Kinds of expressions from level _TIGHT on, and where each may stand without parentheses.
_SIMPLE, _APPLIED, _INVERTED, _POSTFIX, _COMPLEMENT, _PRODUCT = range(_TIGHT + 6, _TIGHT, -1)
_AS_FACTOR = frozenset({_SIMPLE, _APPLIED, _INVERTED, _POSTFIX})  # left of a product, below a postfix operator
_AS_OPERAND = frozenset({_SIMPLE, _APPLIED, _INVERTED, _COMPLEMENT})  # right of a product, below `~`
_AS_FUNCTION = frozenset({_SIMPLE, _APPLIED})
_AS_ARGUMENT = frozenset({_SIMPLE})


def print_cat(file: s.CatFile) -> str:
    """The text of a whole file, with its title as a string."""
    head = f'"{file.title}"\n\n' if file.title else ""
    return head + print_statements(file.statements)


def print_statements(statements: Sequence[s.Stmt], indent: str = "") -> str:
    """The statements, each on lines of its own, ending in a newline (empty for none)."""
    return "".join(f"{indent}{print_statement(statement, indent)}\n" for statement in statements)


def print_statement(statement: s.Stmt, indent: str = "") -> str:
    """One statement; lines after the first are indented by ``indent``."""
    match statement:
        case s.Let(recursive, bindings, when):
            text = ("let rec " if recursive else "let ") + _bindings(bindings)
            return f"{text} when {print_statement(when)}" if when else text
        case s.Check(prefix, negated, test, expr, name):
            return f"{prefix and prefix + ' '}{'~' if negated else ''}{test} {print_expr(expr)}{_as(name)}"
        case s.Include(path):
            return f'include "{path}"'
        case s.Show(hide, items):
            shown = ", ".join(_at(expr, 1) + _as(name) for expr, name in items)
            return f"unshow {shown}" if hide else f"show {shown}"
        case s.Procedure(name, params, recursive, body):
            head = f"procedure {'rec ' if recursive else ''}{name}({', '.join(params)}) ="
            return _block(head, body, indent) + indent + "end"
        case s.Call(name, argument, label):
            return f"call {name} {_within(argument, _AS_ARGUMENT)}{_as(label)}"
        case s.Forall(variable, domain, body):
            return _block(f"forall {variable} in {_at(domain, 1)} do", body, indent) + indent + "end"
        case s.With(variable, domain):
            return f"with {variable} from {print_expr(domain)}"
        case s.IfStmt(cond, then, other):
            text = _block(f"if {print_cond(cond)}", then, indent)
            return text + (_block(indent + "else", other, indent) if other else "") + indent + "end"
        case s.MatchStmt(scrutinee, cases):
            text = f"match {print_expr(scrutinee)} with\n"
            for tag, body in cases:
                text += _block(f"{indent}|| {_tag(tag)} ->", body, indent)
            return text + indent + "end"
        case s.Debug(expr):
            return f"debug {print_expr(expr)}"
        case s.Enum(name, tags):
            return f"enum {name} = {' || '.join(map(_tag, tags))}"
        case s.Instructions(kind, args):
            return f"instructions {kind}[{_items(args)}]"
        case s.Events(keyword, args):
            return f"{keyword} {print_expr(args[0])}[{_items(args[1:])}]"
        case s.CatDep():
            return "catdep"


def print_expr(expr: s.Expr) -> str:
    """One expression, with as few parentheses as the grammar allows."""
    match expr:
        case s.Name(name):
            return name
        case s.Zero():
            return "0"
        case s.Universe():
            return "_"
        case s.Tag(name):
            return _tag(name)
        case s.Unary("~", operand):
            return "~" + _within(operand, _AS_OPERAND)
        case s.Unary(op, operand):
            text = _within(operand, _AS_FACTOR)
            return f"{text} {op}" if op == "+" and text.endswith("+") else text + op  # `++` is another operator
        case s.Binary("*", left, right):
            return f"{_within(left, _AS_FACTOR)} * {_within(right, _AS_OPERAND)}"
        case s.Binary(op, left, right):
            level = _LEVELS[op]
            if op == "\\":
                return f"{_at(left, level)} \\ {_at(right, level + 1)}"
            return f"{_at(left, level + 1)} {op} {_at(right, level)}"
        case s.Identity(operand):
            return f"[{print_expr(operand)}]"
        case s.SetLiteral(items):
            return "{" + _items(items) + "}"
        case s.TupleExpr(items):
            return f"({_items(items)})"
        case s.Apply(function, argument):
            return f"{_within(function, _AS_FUNCTION)} {_within(argument, _AS_ARGUMENT)}"
        case _:
            return _print_open(expr)


def _print_open(expr: s.Expr) -> str:
    """Expressions that begin with a keyword and extend as far as they can."""
    match expr:
        case s.Fun(params, tupled, body):
            return f"fun {_formal(params, tupled)} -> {print_expr(body)}"
        case s.LetIn(recursive, bindings, body):
            return f"let {'rec ' if recursive else ''}{_bindings(bindings)} in {print_expr(body)}"
        case s.Try(body, fallback):
            return f"try {_at(body, 1)} with {print_expr(fallback)}"
        case s.If(cond, then, other):
            return f"if {print_cond(cond)} then {print_expr(then)} else {print_expr(other)}"
        case s.MatchTag(scrutinee, cases):
            clauses = " || ".join(f"{_tag(tag)} -> {print_expr(body)}" for tag, body in cases)
            return f"match {print_expr(scrutinee)} with {clauses} end"
        case s.MatchSet(scrutinee, empty, element, rest, before, body):
            pattern = f"{element} ++ {rest}" if before is None else f"{before} | {element} ++ {rest}"
            clauses = f"|| {{}} -> {print_expr(empty)} || {pattern} -> {print_expr(body)}"
            return f"match {print_expr(scrutinee)} with {clauses} end"
        case _:
            raise AssertionError(f"not an expression: {expr!r}")


def print_cond(cond: s.Cond) -> str:
    """A condition of ``if``."""
    match cond:
        case s.VariantCond(name):
            return f'"{name}"'
        case s.CompareCond(op, left, right):
            return f"{_at(left, 1)} {op} {_at(right, 1)}"
        case s.NotCond(operand):
            return f"not {_cond_at(operand, 3)}"
        case s.AndCond(left, right):
            return f"{_cond_at(left, 2)} && {_cond_at(right, 3)}"
        case s.OrCond(left, right):
            return f"{_cond_at(left, 1)} || {_cond_at(right, 2)}"


def _cond_at(cond: s.Cond, level: int) -> str:
    own = 1 if isinstance(cond, s.OrCond) else 2 if isinstance(cond, s.AndCond) else 3
    return print_cond(cond) if own >= level else f"({print_cond(cond)})"


# --- parentheses -----------------------------------------------------------------------------------------------------
def _kind(expr: s.Expr) -> int:
    """The level of an expression: 0 where it begins with a keyword, then by operator, then the tight kinds."""
    match expr:
        case s.Fun() | s.LetIn() | s.Try() | s.If() | s.MatchTag() | s.MatchSet():
            return 0
        case s.Binary(op):
            return _PRODUCT if op == "*" else _LEVELS[op]
        case s.Unary("~"):
            return _COMPLEMENT
        case s.Unary("^-1", operand):
            return _POSTFIX if _kind(operand) == _POSTFIX else _INVERTED
        case s.Unary():
            return _POSTFIX
        case s.Apply():
            return _APPLIED
        case _:
            return _SIMPLE


def _at(expr: s.Expr, level: int) -> str:
    """The expression as an operand of an operator that takes ``level`` and tighter."""
    return print_expr(expr) if _kind(expr) >= level else f"({print_expr(expr)})"


def _within(expr: s.Expr, kinds: frozenset[int]) -> str:
    if _kind(expr) not in kinds:
        return f"({print_expr(expr)})"
    return print_expr(expr)


# --- small parts -----------------------------------------------------------------------------------------------------
def _block(head: str, body: Sequence[s.Stmt], indent: str) -> str:
    return f"{head}\n{print_statements(body, indent + _INDENT)}"


def _items(items: Sequence[s.Expr]) -> str:
    return ", ".join(_at(item, 1) for item in items)


def _as(name: str) -> str:
    return f" as {name}" if name else ""


def _tag(name: str | None) -> str:
    return "_" if name is None else f"'{name}"


def _formal(params: tuple[str, ...], parenthesised: bool) -> str:
    return f"({', '.join(params)})" if parenthesised else params[0]


def _bindings(bindings: Sequence[s.Binding]) -> str:
    return " and ".join(f"{_target(binding)} = {print_expr(binding.value)}" for binding in bindings)


def _target(binding: s.Binding) -> str:
    if not binding.name:
        return _formal(binding.pattern, True)
    text = binding.name
    for params, parenthesised in binding.params:
        text += _formal(params, True) if parenthesised else " " + params[0]
    return text
