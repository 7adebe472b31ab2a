"""Initialisers ``{...}`` of structs and arrays: which cell gets which value."""

from __future__ import annotations

from membar_check.litmus.text import counted
from membar_check.program.kernel.calls import Calls
from membar_check.program.kernel.declare import Node
from membar_check.program.kernel.tree import Expr, Number
from membar_check.program.kernel.types import Array, Struct, Type, cells, scalars


class Initialisers(Calls):
    """Initialisers of objects of all kinds."""

    def cells_of(self, of: Type, node: Node) -> dict[int, Expr]:
        """The value of every cell of a struct or array that ``node`` initialises; those not named are 0."""
        found: dict[int, Expr] = {}
        for offset, (_, cell) in enumerate(scalars(of)):
            found[offset] = Number(0, cell, self.at(node))
        self._fill(of, node, 0, found)
        return found

    def unbraced(self, node: Node) -> Node:
        """The initialiser of a scalar, which may stand in braces."""
        while type(node).__name__ == "InitList":
            if len(node.exprs) != 1 or type(node.exprs[0]).__name__ == "NamedInitializer":
                self.fail(node, f"a scalar has one value, found {counted(len(node.exprs), 'value')} in braces")
            node = node.exprs[0]
        return node

    def _fill(self, of: Type, node: Node, base: int, found: dict[int, Expr]) -> None:
        if not isinstance(of, Struct | Array):
            inner = self.unbraced(node)
            found[base] = self.convert(self.scalar(inner), of, inner)
            return
        if type(node).__name__ != "InitList":
            zero = type(node).__name__ == "Constant" and node.value == "0"
            if not zero:
                self.fail(node, f"a `{of}` is initialised with `{{...}}`, found `{self.show(node)}`")
            return
        at = 0
        names = list(of.fields or {}) if isinstance(of, Struct) else []
        count = len(names) if isinstance(of, Struct) else of.length or 0
        for item in node.exprs:
            value = item
            path: list[Node] = []
            if type(item).__name__ == "NamedInitializer":
                value, path = item.expr, list(item.name)
                at = self._designated(of, path[0], names)
            if at >= count:
                what = "field" if isinstance(of, Struct) else "element"
                self.fail(value, f"a `{of}` has {counted(count, what)}, this is one too many")
            inner, offset = self._part(of, at)
            for more in path[1:]:
                named = list(inner.fields or {}) if isinstance(inner, Struct) else []
                inner, further = self._part(inner, self._designated(inner, more, named))
                offset += further
            self._fill(inner, value, base + offset, found)
            at += 1

    def _part(self, of: Type, at: int) -> tuple[Type, int]:
        """The type and the place of a field or element, by number."""
        if isinstance(of, Struct):
            assert of.fields is not None
            name = list(of.fields)[at]
            return of.fields[name], of.offsets[name]
        assert isinstance(of, Array)
        return of.of, at * cells(of.of)

    def _designated(self, of: Type, node: Node, names: list[str]) -> int:
        """The number of the part that a designator names."""
        if type(node).__name__ == "ArrayDesignator":
            if not isinstance(of, Array):
                self.fail(node, f"a `{of}` is no array, found `[...]`")
            at = self.constant(node.expr)
            if not 0 <= at < (of.length or 0):
                self.fail(node, f"`{of}` has no element {at}")
            return at
        if not isinstance(of, Struct):
            self.fail(node, f"a `{of}` has no fields, found `.{node.name}`")
        self.field(of, node.name, node)
        return names.index(node.name)
