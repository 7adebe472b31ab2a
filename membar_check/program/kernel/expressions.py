"""Expressions: from the parser's tree to the typed one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from membar_check.diagnostics import Span
from membar_check.litmus.text import counted
from membar_check.program.kernel.constants import literal, value_of
from membar_check.program.kernel.declare import Node
from membar_check.program.kernel.operators import Operators
from membar_check.program.kernel.tree import (
    Assign,
    Cell,
    CpuRegister,
    Expr,
    FunctionBody,
    Local,
    LocalAddress,
    Number,
    Sequence,
    Ternary,
    Variable,
)
from membar_check.program.kernel.types import (
    INT,
    UNSIGNED_LONG,
    VOID,
    Array,
    FunctionType,
    Pointer,
    Struct,
    Type,
    is_scalar,
)
from membar_check.records import replace
from membar_check.values import Address, CodeLabel

if TYPE_CHECKING:
    from membar_check.program.macros import Macros

TASK = "task_struct"


class Expressions(Operators):
    """Elaborates the expressions of one function after the other; ``function`` is the one at work, None outside.

    Calls are in :class:`membar_check.program.kernel.calls.Calls`.
    """

    def __init__(self, locate: Callable[[Any], Span], start: Span, macros: Macros) -> None:
        super().__init__(locate, start)
        self.macros = macros
        self.scopes: list[dict[str, Variable | Number | Cell]] = []
        self.function: FunctionBody | None = None
        self.taken: dict[str, Span] = {}  # functions whose address is taken outside functions
        self.used: dict[str, None] = {}  # the static objects that something names
        self.serial = 0

    def constant(self, node: Node) -> int:
        value = value_of(self.rvalue(node))
        if not isinstance(value, int):
            self.fail(node, f"`{self.show(node)}` is no integer constant")
        return value

    # --- the three ways to look at an expression
    def rvalue(self, node: Node) -> Expr:
        """An expression for its value: arrays and functions are pointers, structs an error."""
        expr = self.decay(self.expr(node), node)
        if isinstance(expr.type, Struct):
            self.lacks(
                node,
                f"`{self.show(node)}` is a whole `{expr.type}`; values and assignments of structs are not supported",
                "copy it field by field, or use its address",
            )
        return expr

    def scalar(self, node: Node) -> Expr:
        """As :meth:`rvalue`, and not ``void``."""
        expr = self.rvalue(node)
        if expr.type == VOID:
            self.fail(node, f"`{self.show(node)}` has no value")
        return expr

    def lvalue(self, node: Node, what: str) -> Local | CpuRegister | Cell:
        """An expression for the object that it denotes."""
        expr = self.expr(node)
        if not isinstance(expr, Local | CpuRegister | Cell):
            self.fail(node, f"{what} wants an object, found the value `{self.show(node)}`")
        return expr

    def decay(self, expr: Expr, node: Node) -> Expr:
        if isinstance(expr, Cell):
            if isinstance(expr.type, Array):
                self._unshared(expr, node)
                return replace(expr.pointer, type=Pointer(expr.type.of))
            if isinstance(expr.type, FunctionType):
                return replace(expr.pointer, type=Pointer(expr.type))
            self._unshared(expr, node)
        elif isinstance(expr, Number) and isinstance(expr.type, FunctionType):
            assert isinstance(expr.value, CodeLabel)
            (self.function.taken if self.function else self.taken).setdefault(expr.value.name, expr.span)
            return replace(expr, type=Pointer(expr.type))
        return expr

    def _unshared(self, expr: Cell, node: Node) -> None:
        if expr.per_cpu:
            self.fail(
                node,
                f"`{self.show(node)}` is per-CPU: each CPU has one of its own",
                "use `this_cpu_read(...)`, `this_cpu_ptr(&...)` or `per_cpu(..., cpu)`",
            )

    # --- expressions by kind
    def expr(self, node: Node) -> Expr:
        """The typed form of an expression as it stands (arrays are not pointers yet)."""
        outer, span = self.here, self.at(node)
        self.here = span
        try:
            kind = type(node).__name__
            method = _EXPRESSIONS.get(kind)
            if method is None:
                self.lacks(node, f"{_NAMES.get(kind, f'{kind} as an expression')} is not supported")
            found: Expr = getattr(self, method)(node)
            return found
        finally:
            self.here = outer

    def _constant(self, node: Node) -> Expr:
        found = literal(node.type, node.value)
        if found is not None:
            return Number(*found, self.here)
        if "float" in node.type or "double" in node.type:
            self.lacks(node, f"`{node.value}`: floating point is not supported")
        if node.type == "string":
            self.lacks(node, "a string can only be the message of `__flag` or `__stop`")
        self.lacks(node, f"the constant `{node.value}` is not supported")

    def _identifier(self, node: Node) -> Expr:
        name, span = node.name, self.here
        for scope in reversed(self.scopes):
            local = scope.get(name)
            if isinstance(local, Variable):
                return self.local(local, span)
            if local is not None:
                return replace(local, span=span)
        if name in self.enumerators:
            return Number(self.enumerators[name], INT, span)
        if name in self.objects:
            return self.static(name, node)
        if name in self.prototypes:
            return Number(CodeLabel(-1, name), self.prototypes[name][0], span)
        register = self.cpu_register(name)
        if register is not None:
            return register
        self._unknown_name(node)

    def local(self, variable: Variable, span: Span) -> Expr:
        if isinstance(variable.type, Struct | Array):
            return Cell(LocalAddress(variable, Pointer(variable.type), span), variable.type, span)
        return Local(variable, variable.type, span)

    def static(self, name: str, node: Node) -> Cell:
        """The static object of that name in memory."""
        found = self.objects[name]
        self.used.setdefault(found.name)
        per_cpu = self.size(found.type, node) if found.per_cpu else 0
        pointer = Number(Address(name), Pointer(found.type), self.here)
        return Cell(pointer, found.type, self.here, per_cpu)

    def cpu_register(self, name: str) -> CpuRegister | None:
        """The CPU register of that name in C."""
        found = self.cpu_registers.get(name)
        if name in ("__cpu", "current", "__cpu_current"):
            default: Type = INT if name == "__cpu" else Pointer(self.structs.setdefault(TASK, Struct(TASK)))
            return CpuRegister(BUILT_IN[name], found.type if found else default, self.here)
        return None if found is None else CpuRegister(f"${name}", found.type, self.here)

    def _unknown_name(self, node: Node) -> NoReturn:
        from difflib import get_close_matches

        known = [*(n for s in self.scopes for n in s), *self.objects, *self.functions, *self.enumerators]
        close = get_close_matches(node.name, known, 3)
        hint = "did you mean " + ", ".join(f"`{n}`" for n in close) + "?" if close else ""
        self.fail(node, f"`{node.name}` is not declared", hint or "declare it at file scope or in this function")

    def _member(self, node: Node) -> Expr:
        if node.type == "->":
            pointer = self.decay(self.expr(node.name), node.name)
            if not isinstance(pointer.type, Pointer):
                hint = f"write `.{node.field.name}`" if isinstance(pointer.type, Struct) else ""
                self.fail(node, f"`{self.show(node.name)}` is a `{pointer.type}` and no pointer, found `->`", hint)
            offset, of = self.field(pointer.type.to, node.field.name, node.field)
            return Cell(self.moved(pointer, offset, of), of, self.here)
        base = self.expr(node.name)
        if isinstance(base.type, Pointer):
            self.fail(node, f"`{self.show(node.name)}` is a pointer, found `.`", f"write `->{node.field.name}`")
        offset, of = self.field(base.type, node.field.name, node.field)
        assert isinstance(base, Cell)
        return Cell(self.moved(base.pointer, offset, of), of, self.here, base.per_cpu)

    def _element(self, node: Node) -> Expr:
        array = self.expr(node.name)
        per_cpu = array.per_cpu if isinstance(array, Cell) and isinstance(array.type, Array) else 0
        if per_cpu:
            assert isinstance(array, Cell)
            array = replace(array, per_cpu=0)
        pointer, index = self.decay(array, node.name), self.scalar(node.subscript)
        if not isinstance(pointer.type, Pointer):
            self.fail(node, f"`{self.show(node.name)}` is a `{pointer.type}`, found an index")
        if isinstance(index.type, Pointer):
            self.fail(node.subscript, f"an index is an integer, found `{self.show(node.subscript)}`")
        if isinstance(array.type, Array) and isinstance(index, Number) and array.type.length is not None:
            assert isinstance(index.value, int)
            if not 0 <= index.value < array.type.length:
                size = counted(array.type.length, "element")
                self.fail(node.subscript, f"`{self.show(node.name)}` has {size}, there is no number {index.value}")
        at = self.advanced(pointer, index, "add", node)
        return Cell(at, pointer.type.to, self.here, per_cpu)

    def _cast(self, node: Node) -> Expr:
        to = self.type(node.to_type)
        if to == VOID:
            return replace(self.rvalue(node.expr), type=VOID)
        if not is_scalar(to):
            self.lacks(node, f"a cast to `{to}` is not supported")
        return self.convert(self.scalar(node.expr), to, node, explicit=True)

    def _unary(self, node: Node) -> Expr:
        op = node.op
        if op == "&":
            return self._address(node)
        if op == "sizeof":
            of = self.type(node.expr) if type(node.expr).__name__ == "Typename" else self.expr(node.expr).type
            return Number(self.size(of, node), UNSIGNED_LONG, self.here)
        if op in ("++", "--", "p++", "p--"):
            one = Number(1, INT, self.here)
            return self.compound(node.expr, op[-1], one, node, op[0] == "p")
        if op == "*":
            return self._dereference(node)
        return self.prefix(op, self.scalar(node.expr), node)

    def _dereference(self, node: Node) -> Expr:
        inner = node.expr
        if type(inner).__name__ == "UnaryOp" and inner.op == "&":
            return self.expr(inner.expr)
        pointer = self.rvalue(inner)
        if not isinstance(pointer.type, Pointer):
            self.fail(node, f"`{self.show(inner)}` is a `{pointer.type}` and no pointer, found `*`")
        if isinstance(pointer.type.to, FunctionType):
            return replace(pointer, type=pointer.type)
        return Cell(pointer, pointer.type.to, self.here)

    def _address(self, node: Node) -> Expr:
        expr = self.expr(node.expr)
        if isinstance(expr.type, FunctionType):
            return self.decay(expr, node)
        if isinstance(expr, Cell):
            self._unshared(expr, node.expr)
            return replace(expr.pointer, type=Pointer(expr.type))
        if isinstance(expr, Local):
            expr.variable.in_memory = True
            return LocalAddress(expr.variable, Pointer(expr.type), self.here)
        if isinstance(expr, CpuRegister):
            self.fail(node, f"`{self.show(node.expr)}` is a CPU register and has no address")
        self.fail(node, f"`&` wants an object, found the value `{self.show(node.expr)}`")

    def _binary(self, node: Node) -> Expr:
        if node.op in ("&&", "||"):
            return self.logical(node.op == "&&", self.condition(node.left), self.condition(node.right))
        return self.binary(node.op, self.scalar(node.left), self.scalar(node.right), node)

    def condition(self, node: Node) -> Expr:
        """An expression that is asked whether it is 0."""
        found = self.scalar(node)
        if self.function is not None:
            self.function.asked[id(found)] = found, partial(self.short, node)
        return found

    def _ternary(self, node: Node) -> Expr:
        cond = self.condition(node.cond)
        then, other = self.rvalue(node.iftrue), self.rvalue(node.iffalse)
        of = self.balanced(then, other, node)
        if of != VOID:
            then, other = self.convert(then, of, node.iftrue), self.convert(other, of, node.iffalse)
        if isinstance(cond, Number):
            return then if cond.value != 0 else other
        return Ternary(cond, then, other, of, self.here)

    def _assignment(self, node: Node) -> Expr:
        if node.op != "=":
            return self.compound(node.lvalue, node.op[:-1], self.scalar(node.rvalue), node, False)
        target = self.target(node.lvalue)
        value = self.convert(self.scalar(node.rvalue), target.type, node.rvalue)
        return Assign(target, value, target.type, self.here)

    def target(self, node: Node) -> Local | CpuRegister | Cell:
        """What an assignment writes."""
        target = self.lvalue(node, "an assignment")
        if isinstance(target.type, Struct | Array):
            what = "structs" if isinstance(target.type, Struct) else "arrays"
            self.lacks(node, f"assignments of whole {what} are not supported", "assign field by field")
        if not is_scalar(target.type):
            self.fail(node, f"`{self.show(node)}` has type `{target.type}` and cannot be assigned to")
        if isinstance(target, Cell):
            self._unshared(target, node)
        return target

    def compound(self, node: Node, op: str, operand: Expr, whole: Node, postfix: bool) -> Expr:
        """``node op= operand``, ``++``, ``--``: the target is evaluated once."""
        target = self.target(node)
        if self.function is None:
            self.fail(whole, "an assignment stands where a constant is expected")
        self.serial += 1
        old = Variable("", target.type, f"%old{self.serial}", 0, self.here)
        now = Local(old, target.type, self.here)
        value = self.convert(self.binary(op, now, operand, whole), target.type, whole)
        return Assign(target, value, target.type, self.here, old, postfix)

    def _comma(self, node: Node) -> Expr:
        *before, last = [self.rvalue(part) for part in node.exprs]
        for part in reversed(before):
            last = Sequence(part, last, last.type, self.here)
        return last


BUILT_IN = {"__cpu": "$cpu", "current": "$current", "__cpu_current": "$current"}

_NAMES = {"CompoundLiteral": "a compound literal", "InitList": "`{...}` here", "Typename": "a type here"}
_EXPRESSIONS = {
    "Constant": "_constant",
    "ID": "_identifier",
    "StructRef": "_member",
    "ArrayRef": "_element",
    "Cast": "_cast",
    "UnaryOp": "_unary",
    "BinaryOp": "_binary",
    "TernaryOp": "_ternary",
    "Assignment": "_assignment",
    "ExprList": "_comma",
    "FuncCall": "_call",
}
