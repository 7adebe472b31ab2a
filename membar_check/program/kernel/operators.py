"""Operators, conversions and address arithmetic on typed expressions; constants are folded."""

from __future__ import annotations

from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.program.kernel.constants import string
from membar_check.program.kernel.declare import Declarations, Node
from membar_check.program.kernel.tree import (
    Expr,
    Logical,
    Number,
    Operation,
)
from membar_check.program.kernel.types import (
    BOOL,
    INT,
    LONG,
    VOID,
    FunctionType,
    Incomplete,
    Int,
    Pointer,
    Type,
    common,
    fits,
    promoted,
    step,
)
from membar_check.records import replace

_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "rem", "&": "and", "|": "or", "^": "xor"}
_SHIFTS = {"<<": "shl", ">>": "sar"}
_COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_OVERFLOWING = frozenset(("add", "sub", "mul", "shl", "neg", "not"))
_TRUTHS = frozenset((*_COMPARISONS.values(), "land", "lor", "lnot"))


class Operators(Declarations):
    """What expressions are made of, below the level of the parser's tree."""

    def calculate(self, name: str, args: tuple[Expr, ...], of: Type) -> Expr:
        """The operation on operands that have been converted, folded if they are constants."""
        made: Expr = Operation(name, args, of, self.here)
        values = [a.value for a in args if isinstance(a, Number)]
        if len(values) == len(args):
            try:
                made = Number(evaluate(name, tuple(values)), of, self.here)
            except Undetermined:
                pass
        if name in _OVERFLOWING and isinstance(of, Int):
            made = self.wrapped(made, of)
        return made

    def wrapped(self, expr: Expr, to: Int) -> Expr:
        """The value brought into the range of an integer type."""
        if to == BOOL:
            return self.calculate("ne", (expr, Number(0, INT, self.here)), to)
        return self.calculate(f"{'s' if to.signed else 'z'}ext{to.bits}", (expr,), to)

    def convert(self, expr: Expr, to: Type, node: Node, explicit: bool = False) -> Expr:
        """The value converted as by assignment, or by a cast; InputError where C does not allow it."""
        of = expr.type
        if of == to:
            return expr
        if isinstance(to, Int) and isinstance(of, Int):
            if fits(of, to) or (to == BOOL and isinstance(expr, Operation) and expr.name in _TRUTHS):
                return replace(expr, type=to)
            return self.wrapped(expr, to)
        if isinstance(to, Int) and isinstance(of, Pointer):
            if to == BOOL:
                return self.wrapped(expr, to)
            if not explicit:
                self.fail(node, f"`{self.show(node)}` is a pointer (`{of}`), expected `{to}`")
            return replace(expr, type=to) if to.bits == 64 else self.wrapped(expr, to)
        if isinstance(to, Pointer) and isinstance(of, Int):
            if not explicit and not (isinstance(expr, Number) and expr.value == 0):
                self.fail(node, f"`{self.show(node)}` is an integer (`{of}`), expected `{to}`")
            return replace(expr, type=to)
        if isinstance(to, Pointer) and isinstance(of, Pointer):
            if not explicit and not compatible(of.to, to.to):
                self.fail(node, f"`{self.show(node)}` is a `{of}`, expected `{to}`", "a cast says that it is meant")
            return replace(expr, type=to)
        self.fail(node, f"`{self.show(node)}` is a `{of}`, expected `{to}`")

    def prefix(self, op: str, operand: Expr, node: Node) -> Expr:
        """``!``, ``-``, ``~``, ``+``."""
        if op == "!":
            return self.calculate("eq", (operand, Number(0, INT, self.here)), INT)
        if not isinstance(operand.type, Int):
            self.fail(node, f"`{op}` wants an integer, found `{self.show(node.expr)}` of type `{operand.type}`")
        of = promoted(operand.type)
        if op in ("-", "~"):
            return self.calculate("neg" if op == "-" else "not", (operand,), of)
        if op == "+":
            return replace(operand, type=of)
        self.lacks(node, f"the operator `{op}` is not supported")

    def binary(self, op: str, left: Expr, right: Expr, node: Node) -> Expr:
        """Every binary operator but the logical ones."""
        a, b = left.type, right.type
        if op in _COMPARISONS:
            return self._comparison(op, left, right, node)
        if isinstance(a, Pointer) or isinstance(b, Pointer):
            return self._pointers(op, left, right, node)
        assert isinstance(a, Int) and isinstance(b, Int)
        if op in _SHIFTS:
            of = promoted(a)
            if isinstance(right, Number) and isinstance(right.value, int) and not 0 <= right.value < of.bits:
                self.fail(node, f"a shift of `{of}` by {right.value} bits has no meaning")
            return self.calculate(_SHIFTS[op], (left, right), of)
        of = common(a, b)
        left, right = self.convert(left, of, node), self.convert(right, of, node)
        if op in ("/", "%") and isinstance(right, Number) and right.value == 0:
            self.fail(node, "division by zero")
        return self.calculate(_ARITHMETIC[op], (left, right), of)

    def logical(self, both: bool, left: Expr, right: Expr) -> Expr:
        """``&&`` (``both``) or ``||``; a constant on the left decides, or leaves the decision to the right."""
        if not isinstance(left, Number):
            return Logical(both, left, right, INT, self.here)
        if (left.value != 0) != both:
            return Number(int(not both), INT, self.here)
        return self.calculate("ne", (right, Number(0, INT, self.here)), INT)

    def _comparison(self, op: str, left: Expr, right: Expr, node: Node) -> Expr:
        a, b = left.type, right.type
        if isinstance(a, Int) and isinstance(b, Int):
            of = common(a, b)
            left, right = self.convert(left, of, node), self.convert(right, of, node)
        elif isinstance(a, Pointer) and isinstance(b, Pointer):
            if not compatible(a.to, b.to):
                self.fail(node, f"a `{a}` is compared with a `{b}`", "a cast says that it is meant")
        else:
            number = left if isinstance(a, Int) else right
            if not (isinstance(number, Number) and number.value == 0):
                self.fail(node, f"a `{a}` is compared with a `{b}`", "a cast says that it is meant")
        return self.calculate(_COMPARISONS[op], (left, right), INT)

    def _pointers(self, op: str, left: Expr, right: Expr, node: Node) -> Expr:
        a, b = left.type, right.type
        if op in ("+", "-") and isinstance(a, Pointer) and isinstance(b, Int):
            return self.advanced(left, right, _ARITHMETIC[op], node)
        if op == "+" and isinstance(b, Pointer) and isinstance(a, Int):
            return self.advanced(right, left, "add", node)
        if op == "-" and isinstance(a, Pointer) and a == b:
            distance = self.calculate("sub", (left, right), LONG)
            unit = self._step(a, node)
            return self.calculate("div", (distance, Number(unit, LONG, self.here)), LONG) if unit > 1 else distance
        self.fail(node, f"`{op}` of a `{a}` and a `{b}` has no meaning")

    def _step(self, of: Pointer, node: Node) -> int:
        try:
            return step(of.to)
        except Incomplete:
            self.fail(node, f"the size of `{of.to}` is not known here", f"define `{of.to}` before it is used")

    def advanced(self, pointer: Expr, index: Expr, name: str, node: Node) -> Expr:
        """The pointer moved by a number of elements."""
        assert isinstance(pointer.type, Pointer)
        unit = self._step(pointer.type, node)
        if isinstance(index, Number) and index.value == 0:
            return pointer
        if unit != 1:
            index = self.calculate("mul", (index, Number(unit, INT, self.here)), LONG)
        return self.calculate(name, (pointer, index), pointer.type)

    def moved(self, pointer: Expr, offset: int, to: Type) -> Expr:
        """The pointer moved by a number of cells, to an object of another type."""
        of = Pointer(to)
        if offset == 0:
            return replace(pointer, type=of)
        if isinstance(pointer, Operation) and pointer.name == "add" and isinstance(pointer.args[1], Number):
            already = pointer.args[1].value
            assert isinstance(already, int)
            return self.calculate("add", (pointer.args[0], Number(already + offset, INT, self.here)), of)
        return self.calculate("add", (pointer, Number(offset, INT, self.here)), of)

    def balanced(self, a: Expr, b: Expr, node: Node) -> Type:
        """The type of a conditional expression with these arms."""
        if VOID in (a.type, b.type):
            return VOID
        if isinstance(a.type, Int) and isinstance(b.type, Int):
            return common(a.type, b.type)
        if isinstance(a.type, Pointer) and isinstance(b.type, Pointer):
            if not compatible(a.type.to, b.type.to):
                self.fail(node, f"the arms of `?:` are a `{a.type}` and a `{b.type}`", "a cast says that it is meant")
            return b.type if a.type.to == VOID else a.type
        return a.type if isinstance(a.type, Pointer) else b.type

    def text(self, node: Node, name: str) -> str:
        """A string that a call has as argument."""
        if type(node).__name__ != "Constant" or node.type != "string":
            self.fail(node, f'`{name}` wants a string here, such as "deadlock"; found `{self.show(node)}`')
        return string(node.value)


def compatible(a: Type, b: Type) -> bool:
    """Whether C converts a pointer to the one into a pointer to the other without a cast."""
    if a == b or VOID in (a, b):
        return True
    if isinstance(a, FunctionType) and isinstance(b, FunctionType):
        return a.parameters is None or b.parameters is None
    return isinstance(a, Int) and isinstance(b, Int) and a.bits == b.bits

