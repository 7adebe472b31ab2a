"""Every operation that a dialect builds is one that the arithmetic knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from membar_check.program import dialects
from membar_check.program.arithmetic import names

MODULES = sorted(p.stem for p in Path(dialects.__path__[0]).glob("*.py") if p.stem != "__init__")
BUILDERS = {"Op", "op", "operation"}


def constructions(tree: ast.AST) -> Iterator[ast.expr]:
    """The first arguments of all calls that build an operation."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILDERS and node.args:
            yield node.args[0]


def patterns(expr: ast.expr, module: object) -> Iterator[str]:
    """Regular expressions for the names that an expression may give; nothing for what a function is called with."""
    if isinstance(expr, ast.Constant):
        yield re.escape(str(expr.value))
    elif isinstance(expr, ast.JoinedStr):
        yield "".join(re.escape(str(v.value)) if isinstance(v, ast.Constant) else r"\w+" for v in expr.values)
    elif isinstance(expr, ast.IfExp):
        yield from patterns(expr.body, module)
        yield from patterns(expr.orelse, module)
    elif isinstance(expr, ast.Subscript):
        table = expr.value
        if isinstance(table, ast.Dict):
            for value in table.values:
                yield from patterns(value, module)
        elif isinstance(table, ast.Name):
            for name in getattr(module, table.id).values():
                yield re.escape(name)


@pytest.mark.parametrize("name", MODULES)
def test_names(name: str) -> None:
    module = import_module(f"membar_check.program.dialects.{name}")
    assert module.__file__ is not None
    for expr in constructions(ast.parse(Path(module.__file__).read_text())):
        for pattern in patterns(expr, module):
            assert any(re.fullmatch(pattern, known) for known in names()), f"{ast.unparse(expr)} in line {expr.lineno}"


def test_names_in_tables() -> None:
    """Operators that reach the arithmetic through a variable."""
    from membar_check.program.dialects import c_primitives, c_values

    assert set(c_values.OPERATORS.values()) | set(c_primitives._ATOMIC_OPERATORS.values()) <= names()
