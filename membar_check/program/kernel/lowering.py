"""Functions of kernel C -> instructions.

The macros of the definition file are expanded by the lowering of the plain C dialect; expressions of kernel C are
operands of theirs.  Every event has an instruction of its own, in the order of the source from left to right, so that
an interrupt may come between any two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from membar_check.diagnostics import Span
from membar_check.litmus.syntax import CCall, CCast, CExpr, CExprStmt, CUnary
from membar_check.program.control import Call
from membar_check.program.dialects.c_primitives import VALUES
from membar_check.program.dialects.c_values import Env, depending, negation, truth
from membar_check.program.dialects.linux_c import ThreadLowering
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
from membar_check.program.kernel import tree as t
from membar_check.program.kernel.intrinsics import INTRINSICS
from membar_check.program.kernel.macro_types import only_scalar, scalar_at
from membar_check.program.kernel.operands import Embedded, continues, narrowed, pure
from membar_check.program.kernel.types import VOID, Pointer, Type, cells, is_scalar
from membar_check.program.kernel.watching import Watching, decides_nothing, is_zero
from membar_check.program.macros import Macros
from membar_check.values import Address

SLOT = "&slot"


def _storing(primitive: Callable[..., Expr]) -> Callable[..., Expr]:
    """A primitive whose further operands are stored to where the first one points, or compared with it."""

    def lowered(b: ExpressionLowering, call: CCall, env: Env | None) -> Expr:
        b.storing = True
        return primitive(b, call, env)

    return lowered


class ExpressionLowering(ThreadLowering):
    """Lowering of the expressions of one function."""

    value_primitives: ClassVar[dict[str, Callable[..., Expr]]] = {
        **VALUES,
        **{name: _storing(VALUES[name]) for name in ("__xchg", "__cmpxchg")},
    }

    def __init__(self, function: t.FunctionBody, number: int, many: bool, macros: Macros, lkmmv2: bool) -> None:
        super().__init__(number, frozenset(), frozenset(), macros, lkmmv2, True)
        self.function = function
        self.watching = Watching(function)
        self.many = many  # each activation has its own copy of the locals in memory
        self.alias: dict[str, Expr] = {}
        self.storing = False
        self.span = function.span

    # --- names
    def temporary(self) -> str:
        """A new name; :mod:`membar_check.program.kernel.temporaries` renames it if other instructions use it."""
        self.fresh += 1
        return f"%{self.fresh}"

    def new_label(self) -> str:
        self.fresh += 1
        return f"{self.function.name}.{self.fresh}"

    def flush(self) -> None:
        """End the instruction; what makes several events becomes several, but for read-modify-writes and locks.

        ``ops`` stays the same list: it may be emptied while the arguments of an ``ops.append(...)`` are computed.
        """
        ops = list(self.ops)
        self.ops.clear()
        begin = 0
        eventful = False
        for at, op in enumerate(ops):
            if isinstance(op, Load | Store | Mark | Choose):
                if eventful and not continues(op):
                    self._end(ops[begin:at])
                    begin = at
                eventful = True
        self._end(ops[begin:])

    def _end(self, ops: list[Micro]) -> None:
        if ops:
            assert self.span is not None
            self.code.append(Instr(tuple(ops), self.span))

    def here(self, span: Span) -> None:
        """What follows stands there, if that is not in the line of the statement."""
        if self.span is None or span.source is not self.span.source or span.line != self.span.line:
            self.flush()
            self.span = span

    def hold(self, value: Expr) -> Expr:
        """A value that is needed more than once, or after something else has run."""
        if isinstance(value, Const) or (isinstance(value, Reg) and value.name[0] == "%"):
            return value
        kept = self.temporary()
        self.ops.append(Let(kept, value))
        return Reg(kept)

    # --- operands of macros
    def value(self, expr: CExpr, env: Env | None) -> Expr:
        if isinstance(expr, Embedded):
            return self.tree(expr.tree)
        return super().value(expr, env)

    def pointee(self, expr: CExpr, env: Env | None, what: str) -> Expr:
        expr, env = self.resolve(expr, env)
        while isinstance(expr, CCast):
            expr, env = self.resolve(expr.operand, env)
        if not isinstance(expr, Embedded):
            return super().pointee(expr, env, what)
        tree = expr.tree
        if isinstance(tree, t.Local):
            name = tree.variable.name
            self.error(f"`{name}` is a local variable, not an object in memory", expr.span, f"use `{name}` itself")
        if not isinstance(tree, t.Cell):
            self.error("this is a value, expected an object in memory", expr.span, "write `*p` for what `p` points to")
        self.check_scalar(only_scalar(tree.type), expr.span)
        return self.tree(tree.pointer)

    def check_scalar(self, of: Type, span: Span) -> None:
        if not is_scalar(of):
            self.error(f"a whole `{of}` cannot be accessed at once, only its parts", span)

    def operands(self, exprs: Sequence[CExpr], env: Env | None, place: str = "") -> tuple[list[Expr], Lane]:
        """The values of operands, in order."""
        storing, self.storing = self.storing, False
        to: Type = VOID
        if place or storing:
            first = self.type_of(exprs[0], env)
            to = only_scalar(first) if place else scalar_at(first)
        values = [self.pointee(exprs[0], env, place) if place else self.value(exprs[0], env)]
        for expr in exprs[1:]:
            values.append(narrowed(self.value(expr, env), self.type_of(expr, env), to))
        return values, ()

    def type_of(self, expr: CExpr, env: Env | None) -> Type:
        """The type of an operand of a primitive, ``void`` where it is not simply an argument or what that points to."""
        expr, env = self.resolve(expr, env)
        if isinstance(expr, Embedded):
            return expr.tree.type
        if isinstance(expr, CUnary) and expr.op == "*":
            pointer = self.type_of(expr.operand, env)
            return pointer.to if isinstance(pointer, Pointer) else VOID
        return VOID

    # --- expressions
    def tree(self, expr: t.Expr) -> Expr:
        """The value of an expression; what it does is added to the code."""
        found: Expr = _TREES[type(expr)](self, expr)
        return found

    def discard(self, expr: t.Expr) -> None:
        """Evaluate an expression for what it does."""
        if isinstance(expr, t.Assign):
            self.assignment(expr, False)
        elif isinstance(expr, t.CallMacro) and not expr.intrinsic:
            self.here(expr.span)
            self._expression(CExprStmt(self._macro_call(expr), expr.span), None)
        elif isinstance(expr, t.CallFunction):
            self.call(expr, None)
        elif isinstance(expr, t.Sequence):
            self.discard(expr.first)
            self.discard(expr.last)
        elif isinstance(expr, t.Ternary):
            self._choose(expr, None)
        elif not pure(expr):
            self.tree(expr)

    def _number(self, expr: t.Number) -> Expr:
        return Const(expr.value)

    def _local(self, expr: t.Local) -> Expr:
        variable = expr.variable
        if variable.in_memory:
            return self.load(self._address(t.LocalAddress(variable, Pointer(expr.type), expr.span)))
        return self.alias.get(variable.register, Reg(variable.register))

    def _address(self, expr: t.LocalAddress) -> Expr:
        base = Const(Address(self.object_name(expr.variable)))
        if not self.many:
            return base
        size = cells(expr.variable.type)
        return Op("add", (base, Reg(SLOT) if size == 1 else Op("mul", (Reg(SLOT), Const(size)))))

    def object_name(self, variable: t.Variable) -> str:
        """The name in memory of a local."""
        return f"{variable.register}@{self.function.name}"

    def _cpu_register(self, expr: t.CpuRegister) -> Expr:
        return Reg(expr.name)

    def _cell(self, expr: t.Cell) -> Expr:
        self.check_scalar(expr.type, expr.span)
        addr = self.tree(expr.pointer)
        self.here(expr.span)
        return self.load(addr)

    def _operation(self, expr: t.Operation) -> Expr:
        values = []
        for part in expr.args:
            values.append(self.tree(part))
        return Op(expr.name, tuple(values))

    def _both(self, expr: t.Logical) -> Expr:
        if pure(expr.right):
            left = self._asked(expr.left)
            return Op("land" if expr.both else "lor", (left, self._given(left, expr.both, self._asked, expr.right)))
        done, result = self.new_label(), self.temporary()
        self.ops.append(Let(result, self._asked(expr.left)))
        self.ops.append(Branch(negation(Reg(result)) if expr.both else Reg(result), done))
        self.flush()
        value = self._asked(expr.right)
        self.ops.append(Let(result, value))
        self.place(done)
        return Reg(result)

    def _asked(self, expr: t.Expr) -> Expr:
        """Whether an expression is true."""
        value = truth(self.tree(expr))
        if not decides_nothing(expr):
            self.ops += self.watching.condition(expr, value)
        return value

    def _given(self, cond: Expr, true: bool, lower: Callable[[t.Expr], Expr], expr: t.Expr) -> Expr:
        """The value of an expression that is evaluated only if ``cond`` is ``true``."""
        self.watching.guards.append((cond, true))
        value = lower(expr)
        self.watching.guards.pop()
        return value

    def _ternary(self, expr: t.Ternary) -> Expr:
        if pure(expr):
            cond = self._asked(expr.cond)
            then = self._given(cond, True, self.tree, expr.then)
            return Select(cond, then, self._given(cond, False, self.tree, expr.other))
        result = self.temporary()
        self._choose(expr, result)
        return Reg(result)

    def _choose(self, expr: t.Ternary, result: str | None) -> None:
        """``?:`` by branches; the value of the arm taken goes to ``result``."""
        otherwise, done = self.new_label(), self.new_label()
        self.jump(expr.cond, False, otherwise)
        self._arm(expr.then, result)
        self.ops.append(Goto(done))
        self.place(otherwise)
        self._arm(expr.other, result)
        self.place(done)

    def _arm(self, arm: t.Expr, result: str | None) -> None:
        if result is None or arm.type == VOID:
            self.discard(arm)
        else:
            value = self.tree(arm)
            self.ops.append(Let(result, value))
        self.flush()

    def _sequence(self, expr: t.Sequence) -> Expr:
        self.discard(expr.first)
        self.flush()
        return self.tree(expr.last)

    # --- assignments
    def _assigned(self, expr: t.Assign) -> Expr:
        value = self.assignment(expr, True)
        assert value is not None
        return value

    def assignment(self, expr: t.Assign, used: bool) -> Expr | None:
        """The assignment, and if it is used its value."""
        target = expr.target
        if isinstance(target, t.Local) and target.variable.in_memory:
            target = t.Cell(t.LocalAddress(target.variable, Pointer(target.type), expr.span), target.type, expr.span)
        if isinstance(target, t.Cell):
            return self._assign_memory(expr, target, used)
        assert isinstance(target, t.Local | t.CpuRegister)
        name = target.name if isinstance(target, t.CpuRegister) else target.variable.register
        old: Expr = Reg(name)
        if expr.old is not None:
            if expr.postfix and used:
                kept = self.temporary()
                self.ops.append(Let(kept, old))
                old = Reg(kept)
            self.alias[expr.old.register] = old
        if isinstance(expr.value, t.CallFunction):
            self.call(expr.value, name)
        else:
            self._set(name, self.tree(expr.value))
        return old if expr.postfix else Reg(name)

    def _assign_memory(self, expr: t.Assign, target: t.Cell, used: bool) -> Expr | None:
        addr = self.tree(target.pointer)
        old: Expr | None = None
        if expr.old is not None:
            old = self.alias[expr.old.register] = self.load(addr)
        value = self.tree(expr.value)
        if used:
            value = self.hold(value)
        self.ops.append(Store(addr, self.settled(value)))
        self.flush()
        return old if expr.postfix else value

    def settled(self, value: Expr) -> Expr:
        """A value that leaves the expression: it depends on the lock events that it comes from."""
        return depending(value, self.answers) if self.answers else value

    # --- calls
    def _called(self, expr: t.CallFunction) -> Expr:
        dst = self.temporary()
        self.call(expr, dst)
        return Reg(dst)

    def call(self, expr: t.CallFunction, dst: str | None) -> None:
        """Call a function; ``dst`` receives what it returns."""
        function = self.tree(expr.function)
        args = []
        for argument in expr.args:
            args.append(self.settled(self.tree(argument)))
        self.here(expr.span)
        self.ops.append(Call(function, tuple(args), dst))
        self.flush()

    def _macro_call(self, expr: t.CallMacro) -> CCall:
        return CCall(expr.name, (), tuple(Embedded(a) for a in expr.args), expr.span)

    def _macro(self, expr: t.CallMacro) -> Expr:
        if expr.intrinsic:
            return self._intrinsic(expr)
        self.here(expr.span)
        return self._call(self._macro_call(expr), None)

    def _intrinsic(self, expr: t.CallMacro) -> Expr:
        args = []
        for argument in expr.args:
            args.append(self.settled(self.tree(argument)))
        found = INTRINSICS[expr.name].emit(self, args, expr.text)
        return Const(0) if found is None else found

    # --- conditions
    def jump(
        self, cond: t.Expr, when: bool, target: str, loop: str | None = None, whole: tuple[t.Expr, bool] | None = None
    ) -> None:
        """Go to ``target`` if ``cond`` is true (false) for ``when`` True (False), else on.  ``whole``: the condition as
        it is written, of which this is what is compared with 0, and what ``when`` is for it."""
        if isinstance(cond, t.Number):
            if (cond.value != 0) == when:
                self.ops.append(Goto(target))
                self.flush()
        elif isinstance(cond, t.Operation) and cond.name == "eq" and is_zero(cond.args[1]):
            self.jump(cond.args[0], not when, target, loop, whole or (cond, when))
        elif isinstance(cond, t.Operation) and cond.name == "ne" and is_zero(cond.args[1]):
            self.jump(cond.args[0], when, target, loop, whole or (cond, when))
        elif isinstance(cond, t.Logical):
            if cond.both != when:  # either operand alone decides to jump
                self.jump(cond.left, when, target, loop)
                self.jump(cond.right, when, target, loop)
            else:
                on = self.new_label()
                self.jump(cond.left, not when, on, loop)
                self.jump(cond.right, when, target, loop)
                self.place(on)
        elif isinstance(cond, t.Sequence):
            self.discard(cond.first)
            self.flush()
            self.jump(cond.last, when, target, loop, whole or (cond, when))
        else:
            value = truth(self.tree(cond))
            written, direction = whole or (cond, when)
            value = value if when else negation(value)
            self.ops += self.watching.condition(written, value, direction)
            self.ops.append(Branch(value, target, None, loop))
            self.flush()


_TREES: dict[type, Callable[..., Any]] = {
    t.Number: ExpressionLowering._number,
    t.Local: ExpressionLowering._local,
    t.LocalAddress: ExpressionLowering._address,
    t.CpuRegister: ExpressionLowering._cpu_register,
    t.Cell: ExpressionLowering._cell,
    t.Operation: ExpressionLowering._operation,
    t.Logical: ExpressionLowering._both,
    t.Ternary: ExpressionLowering._ternary,
    t.Assign: ExpressionLowering._assigned,
    t.CallFunction: ExpressionLowering._called,
    t.CallMacro: ExpressionLowering._macro,
    t.Sequence: ExpressionLowering._sequence,
}
