"""Calls: of functions, through pointers, of macros of the definition file, and of what only the runtime header uses."""

from __future__ import annotations

from typing import NoReturn

from membar_check.litmus.text import counted
from membar_check.program.kernel.declare import Node
from membar_check.program.kernel.expressions import Expressions
from membar_check.program.kernel.intrinsics import INTRINSICS, SETTLE
from membar_check.program.kernel.macro_types import macro_type
from membar_check.program.kernel.tree import CallFunction, CallMacro, Cell, Expr, Number
from membar_check.program.kernel.types import INT, UNSIGNED_LONG, Array, FunctionType, Pointer, Struct, Type
from membar_check.values import CodeLabel


class Calls(Expressions):
    """Elaborates calls."""

    def _call(self, node: Node) -> Expr:
        args = [] if node.args is None else list(node.args.exprs)
        if type(node.name).__name__ == "ID" and not any(node.name.name in scope for scope in self.scopes):
            name = node.name.name
            if name in self.functions:
                return self._direct(node, name, args)
            if name == "offsetof" and len(args) == 2:
                return Number(self._offset(self.type(args[0]), args[1])[0], UNSIGNED_LONG, self.here)
            if name == "__per_cpu_ptr":
                return self._per_cpu_pointer(node, args)
            if name in INTRINSICS:
                return self._intrinsic(node, name, args)
            if name not in self.objects:
                return self._macro(node, name, args)
        function = self.rvalue(node.name)
        if not isinstance(function.type, Pointer) or not isinstance(function.type.to, FunctionType):
            self.fail(node, f"`{self.show(node.name)}` is a `{function.type}` and no function")
        of = function.type.to
        return CallFunction(function, self._arguments(node, of, args), of.result, self.here)

    def _direct(self, node: Node, name: str, args: list[Node]) -> Expr:
        of, _ = self.prototypes[name]
        if self.function is None:
            self.fail(node, f"`{name}` is called where a constant is expected")
        self.function.calls.setdefault(name, self.here)
        function = Number(CodeLabel(-1, name), Pointer(of), self.here)
        return CallFunction(function, self._arguments(node, of, args), of.result, self.here)

    def _arguments(self, node: Node, of: FunctionType, args: list[Node]) -> tuple[Expr, ...]:
        name = self.show(node.name)
        wanted = () if of.parameters is None else of.parameters
        if len(wanted) != len(args):
            expected = of.text(name)
            self.fail(node, f"`{name}` is called with {counted(len(args), 'argument')}, expected `{expected}`")
        return tuple(self.convert(self.scalar(a), to, a) for a, to in zip(args, wanted, strict=True))

    def _offset(self, of: Type, path: Node) -> tuple[int, Type]:
        """``offsetof``: in cells, and the type of the field."""
        kind = type(path).__name__
        if kind == "StructRef" and path.type == ".":
            base, inner = self._offset(of, path.name)
            offset, found = self.field(inner, path.field.name, path)
            return base + offset, found
        if kind != "ID":
            self.lacks(path, "`offsetof` of anything but a field is not supported")
        return self.field(of, path.name, path)

    def _per_cpu_pointer(self, node: Node, args: list[Node]) -> Expr:
        """``__per_cpu_ptr(&object, cpu)``: the address in the instance of a CPU."""
        if len(args) != 2:
            self.fail(node, f"`__per_cpu_ptr` has {counted(len(args), 'argument')}, expected `__per_cpu_ptr(&x, cpu)`")
        inner = args[0]
        if type(inner).__name__ == "UnaryOp" and inner.op == "&":
            inner = inner.expr
        base = self.expr(inner)
        if not isinstance(base, Cell) or not base.per_cpu:
            self.fail(
                inner, f"`{self.show(inner)}` is not per-CPU", "declare it with `DEFINE_PER_CPU(type, name)`"
            )
        whole = inner is args[0] and isinstance(base.type, Array)
        of = Pointer(base.type.of if whole and isinstance(base.type, Array) else base.type)
        cpu = self.scalar(args[1])
        shift = self.calculate("mul", (cpu, Number(base.per_cpu, INT, self.here)), INT)
        return self.calculate("add", (base.pointer, shift), of)

    def _intrinsic(self, node: Node, name: str, args: list[Node]) -> Expr:
        intrinsic = INTRINSICS[name]
        if len(args) != len(intrinsic.parameters):
            wanted = f"{name}({', '.join(intrinsic.parameters)})"
            self.fail(node, f"`{name}` has {counted(len(args), 'argument')}, expected `{wanted}`")
        values, texts = [], []
        for argument, parameter in zip(args, intrinsic.parameters, strict=True):
            if parameter.startswith('"'):
                texts.append(self.text(argument, name))
            else:
                values.append(self.scalar(argument))
        of = values[0].type if name == SETTLE else intrinsic.result
        return CallMacro(name, tuple(values), of, self.here, tuple(texts), True)

    def _macro(self, node: Node, name: str, args: list[Node]) -> Expr:
        found = tuple(self.expr(a) for a in args)
        of = macro_type(name, tuple(a.type for a in found), self.macros)
        if of is None:
            if name in self.prototypes:
                _, span = self.prototypes[name]
                self.fail(node, f"function `{name}` is declared ({span.where()}) but not defined")
            self._unknown_function(node, name)
        if isinstance(of, Struct | Array):
            self.fail(node, f"a whole `{of}` cannot be accessed at once, only its parts")
        for argument, tree in zip(args, found, strict=True):
            if isinstance(tree, Cell):
                self._unshared(tree, argument)
        settled = tuple(
            self.decay(tree, argument) if isinstance(tree.type, FunctionType) else tree
            for argument, tree in zip(args, found, strict=True)
        )
        return CallMacro(name, settled, of, self.here)

    def _unknown_function(self, node: Node, name: str) -> NoReturn:
        from difflib import get_close_matches

        close = get_close_matches(name, [*self.functions, *self.macros.names()], 3)
        hint = "did you mean " + ", ".join(f"`{n}`" for n in close) + "?" if close else "define it, or include a header"
        self.fail(node, f"there is no function `{name}`, nor is it a macro of {self.macros.source.name}", hint)
