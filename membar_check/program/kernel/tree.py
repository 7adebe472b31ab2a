"""The typed form of a kernel C program, between the parser's tree and instructions.

Names are resolved, implicit conversions are written out, members and array elements are computed addresses, and
everything has been checked that can be checked without running.
"""

from __future__ import annotations

from collections.abc import Callable

from membar_check.diagnostics import Span
from membar_check.program.kernel.types import Type
from membar_check.records import dataclass, field
from membar_check.values import Value


class Variable:
    """A local variable or parameter.  ``register`` is its name in the activation; ``in_memory``: it is an object in
    memory, at offset ``offset`` of the function's memory objects, not a register."""

    __slots__ = ("depth", "in_memory", "name", "offset", "register", "span", "type")

    def __init__(self, name: str, of: Type, register: str, depth: int, span: Span) -> None:
        self.name = name
        self.type = of
        self.register = register
        self.depth = depth
        self.span = span
        self.in_memory = False
        self.offset = 0


# --- expressions -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Number:
    """A constant: an integer, the address of a static object, a function."""

    value: Value
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Local:
    """A local, as a value or as what is assigned to."""

    variable: Variable
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """The address of a local that is in memory."""

    variable: Variable
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CpuRegister:
    """``name`` with its ``$``."""

    name: str
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """The object at an address (C's ``*pointer``).  ``per_cpu``: the copy of CPU 0 of something per-CPU, which only
    stands for the one that the access chooses."""

    pointer: Expr
    type: Type
    span: Span = field(compare=False)
    per_cpu: int = 0  # cells from one CPU's copy to the next; 0: not per CPU


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of :mod:`membar_check.program.arithmetic` whose result has the type already."""

    name: str
    args: tuple[Expr, ...]
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Logical:
    """``&&`` (``both``) or ``||``."""

    both: bool
    left: Expr
    right: Expr
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Ternary:
    """``cond ? then : other``."""

    cond: Expr
    then: Expr
    other: Expr
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Assign:
    """``target = value``; the value is that of the target then.  ``old`` not None: a compound assignment or increment;
    the variable stands in ``value`` for what the target held before, which is the expression's own value if
    ``postfix``."""

    target: Expr
    value: Expr
    type: Type
    span: Span = field(compare=False)
    old: Variable | None = None
    postfix: bool = False


@dataclass(frozen=True, slots=True)
class CallFunction:
    function: Expr
    args: tuple[Expr, ...]
    type: Type
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CallMacro:
    """A macro of the definition file, or an intrinsic (``text``: its string arguments)."""

    name: str
    args: tuple[Expr, ...]
    type: Type
    span: Span = field(compare=False)
    text: tuple[str, ...] = ()
    intrinsic: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """``first, last``."""

    first: Expr
    last: Expr
    type: Type
    span: Span = field(compare=False)


Expr = (
    Number | Local | LocalAddress | CpuRegister | Cell | Operation | Logical | Ternary | Assign | CallFunction
    | CallMacro | Sequence
)  # fmt: skip


# --- statements ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Evaluate:
    expr: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class If:
    cond: Expr
    then: Stmt
    other: Stmt | None
    span: Span = field(compare=False)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """``for (; cond; next) body``, or with ``do_first`` ``do body while (cond)``."""

    cond: Expr | None
    body: Stmt
    next: Expr | None
    do_first: bool
    span: Span = field(compare=False)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    value: Expr
    body: Stmt
    cases: tuple[Case, ...]
    span: Span = field(compare=False)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """``case value:``; ``default:`` where ``value`` is None.  Compared by identity: it is a place in the code."""

    value: int | None
    span: Span = field(compare=False)
    key: int = 0


@dataclass(frozen=True, slots=True)
class Break:
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Continue:
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Goto:
    label: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    body: tuple[Stmt, ...]
    span: Span = field(compare=False)


Stmt = Evaluate | If | Loop | Switch | Case | Break | Continue | Return | Goto | Label | Block


class FunctionBody:
    """A function: ``locals`` are all its variables, parameters first; ``calls`` where it calls which function directly;
    ``taken`` the functions whose address it takes; ``memory`` the cells of its locals in memory;
    ``asked``: by identity, the expressions that are asked whether they are 0, and how to show them."""

    __slots__ = ("asked", "body", "calls", "locals", "memory", "name", "parameters", "result", "span", "taken")

    def __init__(self, name: str, result: Type, span: Span) -> None:
        self.name = name
        self.result = result
        self.span = span
        self.parameters: tuple[Variable, ...] = ()
        self.locals: list[Variable] = []
        self.calls: dict[str, Span] = {}
        self.taken: dict[str, Span] = {}
        self.body: Stmt = Block((), span)
        self.memory = 0
        self.asked: dict[int, tuple[Expr, Callable[[], str]]] = {}

    def text_of(self, expr: Expr) -> str:
        """A condition as it is written."""
        found = self.asked.get(id(expr))
        return expr.span.text if found is None else found[1]()
