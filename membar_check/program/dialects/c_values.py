"""Lowering of C expressions: a value (IR expression) and the events that computing it makes.

Macros are expanded by name: an *environment* maps a macro's parameters to the argument expressions and the environment
in which those were written, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import ClassVar, NoReturn

from membar_check.diagnostics import InputError, Span
from membar_check.litmus.syntax import (
    CBinary,
    CCall,
    CCast,
    CConditional,
    CExpr,
    CIndex,
    CInt,
    CName,
    CUnary,
)
from membar_check.program.arithmetic import signed
from membar_check.program.ctypes import width
from membar_check.program.ir import (
    Branch,
    Choose,
    Const,
    Expr,
    Goto,
    Instr,
    Lane,
    Let,
    Load,
    Mark,
    Micro,
    Op,
    Reg,
    Select,
    Store,
)
from membar_check.program.macros import Macro, Macros, key_of
from membar_check.records import replace
from membar_check.values import Address

Env = dict[str, tuple[CExpr, "Env | None"]]

ZERO = Const(0)
ONE = Const(1)
OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "%": "rem",
    "&": "and",
    "|": "or",
    "^": "xor",
    "<<": "shl",
    ">>": "sar",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
}
MORE_MODELS = {"smp_memb": "judge this test under lkmm-membarrier"}  # names that only one model gives a meaning
_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_OVERFLOWING = frozenset(("add", "sub", "mul", "shl", "neg"))


class Restart(Exception):
    """Lower the thread anew: ``assigned`` parameters are registers after all, or temporaries outlive instructions."""

    def __init__(self, assigned: str = "", persistent: bool = False) -> None:
        super().__init__(assigned)
        self.assigned = assigned
        self.persistent = persistent


@cache
def parameter_value(name: str) -> Const:
    """The value of a thread's parameter: the address of the global of that name."""
    return Const(Address(name))


def operation(name: str, *args: Expr) -> Expr:
    """The operation in C's ``int``: sums, products and left shifts wrap at 32 bits."""
    result = Op(name, args)
    return Op("sext32", (result,)) if name in _OVERFLOWING else result


def in_lane(op: Micro, place: tuple[int, int]) -> Micro:
    """The micro-operation with its events moved into an operand of an enclosing expression."""
    if isinstance(op, Load | Store | Mark):
        return replace(op, lane=(place, *op.lane))
    if isinstance(op, Choose):
        return Choose(tuple(tuple(in_lane(inner, place) for inner in ops) for ops in op.alternatives))
    return op


def depending(value: Expr, answers: Mapping[str, str]) -> Expr:
    """``value`` with every answer of a lock primitive replaced by the one that depends on its event."""
    if isinstance(value, Reg):
        return Reg(answers.get(value.name, value.name))
    if isinstance(value, Op):
        return Op(value.name, tuple(depending(argument, answers) for argument in value.args))
    if isinstance(value, Select):
        parts = (depending(part, answers) for part in (value.cond, value.then, value.other))
        return Select(*parts)
    return value


def truth(value: Expr) -> Expr:
    """1 if ``value`` is not 0, else 0; comparisons are that already."""
    if isinstance(value, Op) and value.name in _OPPOSITE:
        return value
    return Op("ne", (value, ZERO))


def negation(value: Expr) -> Expr:
    """C's ``!value``."""
    if isinstance(value, Op):
        opposite = _OPPOSITE.get(value.name)
        if opposite is not None:
            return Op(opposite, value.args)
    return Op("eq", (value, ZERO))


class ValueLowering:
    """What lowering one thread has made so far, and the lowering of expressions.

    ``ops`` are the micro-operations of the instruction under construction; :meth:`flush` ends it.  A subclass names
    the primitives.
    """

    value_primitives: ClassVar[Mapping[str, Callable[..., Expr]]] = {}
    statement_primitives: ClassVar[Mapping[str, Callable[..., None]]] = {}

    def __init__(
        self,
        number: int,
        parameters: frozenset[str],
        assigned: frozenset[str],
        macros: Macros,
        lkmmv2: bool,
        persistent: bool,
    ) -> None:
        self.number = number
        self.parameters = parameters
        self.macros = macros
        self.lkmmv2 = lkmmv2
        self.persistent = persistent
        self.registers: set[str] = set(assigned)
        self.code: list[Instr] = []
        self.labels: dict[str, int] = {}
        self.ops: list[Micro] = []
        self.span: Span | None = None  # of the user's statement that is being lowered
        self.fresh = 0
        self.answers: dict[str, str] = {}  # see answer()

    # --- instructions
    def flush(self) -> None:
        """End the current instruction, if it does anything."""
        if self.ops:
            assert self.span is not None
            self.code.append(Instr(tuple(self.ops), self.span))
            self.ops = []

    def temporary(self) -> str:
        """A new name for a value that no C local holds."""
        self.fresh += 1
        return f"&{self.fresh}" if self.persistent else f"%{self.fresh}"

    def new_label(self) -> str:
        self.fresh += 1
        return f".{self.fresh}"

    def place(self, label: str) -> None:
        """Put a label before the next instruction."""
        self.flush()
        self.labels[label] = len(self.code)

    def error(self, message: str, span: Span, hint: str = "") -> NoReturn:
        """Raise InputError; a fault inside a macro's text is shown at the statement that uses the macro."""
        if self.span is not None and span.source is not self.span.source:
            hint = f"{hint + '; ' if hint else ''}in the expansion of {span.where()}: {span.text}"
            span = self.span
        raise InputError(message, span, hint)

    # --- expressions
    def value(self, expr: CExpr, env: Env | None) -> Expr:
        """The value of ``expr``; its events are added to ``ops``."""
        return _VALUES[type(expr)](self, expr, env)

    def effect(self, expr: CExpr, env: Env | None) -> None:
        """Evaluate ``expr`` for its events only."""
        self.value(expr, env)

    def resolve(self, expr: CExpr, env: Env | None) -> tuple[CExpr, Env | None]:
        """``expr`` with macro parameters replaced at its root, as often as needed."""
        while env is not None and isinstance(expr, CName) and expr.name in env:
            expr, env = env[expr.name]
        return expr, env

    def pointee(self, expr: CExpr, env: Env | None, what: str) -> Expr:
        """The address of an lvalue in memory (``*p``, ``p[i]``); ``what`` names the primitive that wants it."""
        expr, env = self.resolve(expr, env)
        while isinstance(expr, CCast):
            expr, env = self.resolve(expr.operand, env)
        if isinstance(expr, CUnary) and expr.op == "*":
            return self.value(expr.operand, env)
        if isinstance(expr, CIndex):
            return self.element(expr, env)
        hint = f"write `*{expr.span.text}`" if isinstance(expr, CName) else ""
        self.error(f"{what} wants an object in memory, such as `*x`; found `{expr.span.text}`", expr.span, hint)

    def element(self, expr: CIndex, env: Env | None) -> Expr:
        """The address of ``array[index]``."""
        (base, index), _ = self.operands((expr.array, expr.index), env)
        return Op("add", (base, index))

    def operands(self, exprs: Sequence[CExpr], env: Env | None, place: str = "") -> tuple[list[Expr], Lane]:
        """The values of operands that C leaves unordered, and the lane for an event that needs only the first.

        ``place``: the first operand is an object in memory, of which the address is wanted by this primitive.
        """
        lines = len(self.code)
        bounds = [len(self.ops)]
        values = []
        for expr in exprs:
            values.append(self.pointee(expr, env, place) if place else self.value(expr, env))
            bounds.append(len(self.ops))
            place = ""
        if (
            bounds[1] == bounds[-1] or len(self.code) != lines
        ):  # only the first makes events, or control flow orders them
            return values, ()
        self.fresh += 1
        group = self.fresh
        for number in range(len(exprs)):
            for at in range(bounds[number], bounds[number + 1]):
                self.ops[at] = in_lane(self.ops[at], (group, number))
        return values, ((group, 0),)

    def answer(self) -> tuple[str, str]:
        """Two temporaries for what a lock primitive returns: one to be used in place, and one that depends on the lock
        event, for values that go through a local.  (herd7 sees that dependency only there.)"""
        plain, dependent = self.temporary(), self.temporary()
        self.answers[plain] = dependent
        return plain, dependent

    def load(self, addr: Expr, tags: frozenset[str] = frozenset(), lane: Lane = ()) -> Expr:
        """A read event and the value read."""
        dst = self.temporary()
        self.ops.append(Load(dst, addr, tags, "", 32, lane))
        return Reg(dst)

    def _integer(self, expr: CInt, env: Env | None) -> Expr:
        """Constants are ints; ``0xffffffff`` is -1, as herd7 has it."""
        if -(1 << 31) <= expr.value < 1 << 31:
            return Const(expr.value)
        if not 0 <= expr.value < 1 << 32 or not expr.span.text.lower().startswith("0x"):
            self.error(f"`{expr.span.text}` does not fit: values in C tests are ints of 32 bits", expr.span)
        return Const(signed(expr.value, 32))

    def _name(self, expr: CName, env: Env | None) -> Expr:
        if env is not None and expr.name in env:
            actual, outer = env[expr.name]
            return self.value(actual, outer)
        return self.variable(expr)

    def variable(self, expr: CName) -> Expr:
        name = expr.name
        if name in self.registers:
            return Reg(name)
        if name in self.parameters:
            return parameter_value(name)
        self.error(
            f"`{name}` is neither a parameter nor a local of P{self.number}",
            expr.span,
            f"a global has to be passed: `P{self.number}(..., int *{name})`" if name.isidentifier() else "",
        )

    def _unary(self, expr: CUnary, env: Env | None) -> Expr:
        op = expr.op
        if op == "*":
            return self.load(self.value(expr.operand, env))
        if op == "&":
            return self.pointee(expr.operand, env, "`&`")
        operand = self.value(expr.operand, env)
        if op == "!":
            return negation(operand)
        if op == "-":
            return operation("neg", operand)
        return Op("not", (operand,)) if op == "~" else operand

    def _binary(self, expr: CBinary, env: Env | None) -> Expr:
        op = expr.op
        if op in ("&&", "||"):
            return self._logical(expr, env)
        (left, right), _ = self.operands((expr.left, expr.right), env)
        return operation(OPERATORS[op], left, right)

    def _index(self, expr: CIndex, env: Env | None) -> Expr:
        return self.load(self.element(expr, env))

    def _cast(self, expr: CCast, env: Env | None) -> Expr:
        value = self.value(expr.operand, env)
        bits, signed = width(expr.type)
        return Op(f"{'s' if signed else 'z'}ext{bits}", (value,)) if bits < 32 and expr.type != "void" else value

    # --- expressions that choose
    def _logical(self, expr: CBinary, env: Env | None) -> Expr:
        """``a && b``, ``a || b``: without branches where ``b`` makes no events."""
        left = truth(self.value(expr.left, env))
        mark = self._mark()
        right = truth(self.value(expr.right, env))
        if self._mark() == mark:
            return Op("land" if expr.op == "&&" else "lor", (left, right))
        self._rewind(mark)
        done, result = self.new_label(), self.temporary()
        self.ops.append(Let(result, left))
        self.ops.append(Branch(negation(Reg(result)) if expr.op == "&&" else Reg(result), done, done))
        self._split()
        self.ops.append(Let(result, truth(self.value(expr.right, env))))
        self.place(done)
        return Reg(result)

    def _conditional(self, expr: CConditional, env: Env | None) -> Expr:
        """``c ? a : b``: a selection where neither arm makes events, else branches."""
        cond = truth(self.value(expr.cond, env))
        mark = self._mark()
        then, other = self.value(expr.then, env), self.value(expr.other, env)
        if self._mark() == mark:
            return Select(cond, then, other)
        self._rewind(mark)
        done, otherwise, result = self.new_label(), self.new_label(), self.temporary()
        self.ops.append(Branch(negation(cond), otherwise, done))
        self._split()
        self.ops.append(Let(result, self.value(expr.then, env)))
        self.ops.append(Goto(done))
        self.place(otherwise)
        self.ops.append(Let(result, self.value(expr.other, env)))
        self.place(done)
        return Reg(result)

    def _mark(self) -> tuple[int, int]:
        return len(self.code), len(self.ops)

    def _rewind(self, mark: tuple[int, int]) -> None:
        """Forget the events made since ``mark``, a point in the current instruction."""
        if len(self.code) != mark[0]:
            raise AssertionError("an expression split its instruction without asking for persistent temporaries")
        del self.ops[mark[1] :]

    def _split(self) -> None:
        """End the instruction in the middle of an expression: temporaries have to outlive it."""
        if not self.persistent:
            raise Restart(persistent=True)
        self.flush()

    # --- calls
    def _call(self, call: CCall, env: Env | None) -> Expr:
        macro = self.macros.expression(key_of(call))
        if macro is not None:
            assert not isinstance(macro.body, tuple)
            return self.value(macro.body, self.bind(macro, call, env))
        primitive = self.value_primitives.get(call.name)
        if primitive is not None:
            return primitive(self, call, env)
        self.unknown_call(call)

    def bind(self, macro: Macro, call: CCall, env: Env | None) -> Env:
        """The environment of a macro's body."""
        if len(call.args) != len(macro.parameters):
            wanted = f"{macro.name}({', '.join(macro.parameters)})"
            self.error(f"`{call.name}` has {len(call.args)} arguments, expected `{wanted}`", call.span)
        return {name: (argument, env) for name, argument in zip(macro.parameters, call.args, strict=True)}

    def unknown_call(self, call: CCall) -> NoReturn:
        from difflib import get_close_matches

        if self.macros.statement(call.name) is not None or call.name in self.statement_primitives:
            self.error(f"`{call.name}` is a statement and has no value", call.span)
        close = get_close_matches(call.name, self.macros.names(), 3)
        hint = "did you mean " + ", ".join(f"`{name}`" for name in close) + "?" if close else ""
        hint = MORE_MODELS.get(call.name, hint)
        self.error(f"`{call.name}` is neither a macro of {self.macros.source.name} nor a primitive", call.span, hint)


_VALUES: dict[type, Callable[..., Expr]] = {
    CInt: ValueLowering._integer,
    CName: ValueLowering._name,
    CUnary: ValueLowering._unary,
    CBinary: ValueLowering._binary,
    CIndex: ValueLowering._index,
    CCast: ValueLowering._cast,
    CConditional: ValueLowering._conditional,
    CCall: ValueLowering._call,
}
