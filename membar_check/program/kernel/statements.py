"""Statements and functions: from the parser's tree to the typed one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from membar_check.diagnostics import Span
from membar_check.program.kernel.declare import Node, Object
from membar_check.program.kernel.initialisers import Initialisers
from membar_check.program.kernel.operators import compatible
from membar_check.program.kernel.tree import (
    Assign,
    Block,
    Break,
    Case,
    Cell,
    Continue,
    Evaluate,
    Expr,
    FunctionBody,
    Goto,
    If,
    Label,
    Local,
    Loop,
    Number,
    Return,
    Stmt,
    Switch,
    Variable,
)
from membar_check.program.kernel.types import VOID, Array, FunctionType, Int, Pointer, Struct, Type
from membar_check.values import Address

if TYPE_CHECKING:
    from membar_check.program.macros import Macros


class Elaborator(Initialisers):
    """The whole unit: :meth:`elaborate` gives the typed form of one function.

    ``locate`` gives the place of a node, ``extent`` that of a whole statement.
    """

    def __init__(
        self, locate: Callable[[Any], Span], start: Span, macros: Macros, extent: Callable[[Any], Span] | None = None
    ) -> None:
        super().__init__(locate, start, macros)
        self._extent = extent or locate

    def elaborate(self, name: str, thread: bool = False) -> FunctionBody:
        """The function of that name.  ``thread``: it is the body of a CPU, which returns nothing and whose parameters
        are the addresses of the globals that they name.  Raises InputError for everything that is wrong in it."""
        node = self.functions[name]
        of, span = self.prototypes[name]
        body = FunctionBody(name, VOID if thread else of.result, span)
        self.function, self.scopes = body, [{}]
        self._names: dict[str, int] = {}
        self._thread = thread
        self._labels: dict[str, Span] = {}
        self._switches: list[list[Case]] = []
        self._inside: list[str] = []
        try:
            self._parameters(node.decl, of, thread)
            body.parameters = tuple(body.locals)
            body.body = self._block(node.body, new_scope=False)
        except RecursionError:
            self.fail(node.decl, f"`{name}` is nested too deeply")
        finally:
            self.function, self.scopes = None, []
        for variable in body.locals:
            if variable.in_memory:
                variable.offset = body.memory
                body.memory += self.size(variable.type, node.decl)
        return body

    def _parameters(self, decl: Node, of: FunctionType, thread: bool) -> None:
        args = decl.type.args
        nodes = [] if args is None else args.params
        if len(nodes) == 1 and self.type(nodes[0].type) == VOID:
            nodes = []
        for part in nodes:
            if getattr(part, "name", None) is None:
                self.fail(part, f"a parameter of `{decl.name}` has no name")
            if part.name in self.scopes[-1]:
                self.fail(part, f"`{decl.name}` has two parameters `{part.name}`")
            of_part = self.parameter(part)
            if thread:
                if not isinstance(of_part, Pointer):
                    message = f"parameter `{part.name}` of {decl.name} must be the address of a global"
                    self.fail(part, message, f"write `int *{part.name}`")
                if part.name not in self.objects:
                    self.size(of_part.to, part)
                    self.objects[part.name] = Object(part.name, of_part.to, None, self.at(part))
                known = self.objects[part.name].type
                if not compatible(known, of_part.to):
                    self.fail(part, f"`{part.name}` is a `{known}`, but this parameter is a `{of_part}`")
                self.used.setdefault(part.name)
                self.scopes[-1][part.name] = Number(Address(part.name), of_part, self.at(part))
            else:
                self.declare_local(part.name, of_part, part)

    # --- variables
    def declare_local(self, name: str, of: Type, node: Node) -> Variable:
        """A new local variable in the innermost scope."""
        assert self.function is not None
        if name in self.scopes[-1]:
            self.fail(node, f"`{name}` is declared twice in this block")
        number = self._names[name] = self._names.get(name, 0) + 1
        register = name if number == 1 else f"{name}'{number}"
        variable = Variable(name, of, register, len(self.scopes), self.at(node))
        variable.in_memory = isinstance(of, Struct | Array)
        self.function.locals.append(variable)
        self.scopes[-1][name] = variable
        return variable

    def _declaration(self, node: Node) -> Stmt:
        span = self.here
        of = self.type(node.type)
        if node.name is None:
            return Block((), span)
        if isinstance(of, FunctionType):
            self._prototype(node)
            return Block((), span)
        assert self.function is not None
        if "extern" in node.storage:
            self.lacks(node, "`extern` inside a function is not supported", "declare it at file scope")
        if "static" in node.storage:
            made = self.object(node, of, f"{node.name}@{self.function.name}")
            self.objects[made.name] = made
            self.scopes[-1][node.name] = self.static(made.name, node)
            return Block((), span)
        if isinstance(of, Array) and of.length is None and type(node.init).__name__ == "InitList":
            of = Array(of.of, self.listed(node.init))
        self.size(of, node)
        if of == VOID:
            self.fail(node, f"`{node.name}` cannot be `void`")
        variable = self.declare_local(node.name, of, node)
        if node.init is None:
            return Block((), span)
        stores: list[Stmt] = []
        if isinstance(of, Struct | Array):
            whole = self.local(variable, span)
            assert isinstance(whole, Cell)
            for offset, value in sorted(self.cells_of(of, node.init).items()):
                target = Cell(self.moved(whole.pointer, offset, value.type), value.type, span)
                stores.append(Evaluate(Assign(target, value, value.type, span), span))
        else:
            value = self.convert(self.scalar(self.unbraced(node.init)), of, node.init)
            stores.append(Evaluate(Assign(Local(variable, of, span), value, of, span), span))
        return Block(tuple(stores), span)

    # --- statements
    def statement(self, node: Node) -> Stmt:
        """The typed form of a statement."""
        outer, coord = self.here, getattr(node, "coord", None)
        span = self.here = outer if coord is None else self._extent(coord)
        try:
            kind = type(node).__name__
            method = _STATEMENTS.get(kind)
            if method is not None:
                found: Stmt = method(self, node)
                return found
            if kind in ("Asm", "StaticAssert", "Pragma", "Typedef"):
                self.lacks(node, f"`{kind.lower()}` is not supported inside functions")
            return Evaluate(self._discarded(node), span)
        finally:
            self.here = outer

    def _discarded(self, node: Node) -> Expr:
        return self.rvalue(node)

    def _block(self, node: Node, new_scope: bool = True) -> Block:
        span = self.at(node)
        if new_scope:
            self.scopes.append({})
        parts = tuple(self.statement(part) for part in node.block_items or ())
        if new_scope:
            self.scopes.pop()
        return Block(parts, span)

    def _empty(self, node: Node) -> Stmt:
        return Block((), self.here)

    def _if(self, node: Node) -> Stmt:
        cond = self.condition(node.cond)
        then = self._body(node.iftrue)
        other = None if node.iffalse is None else self._body(node.iffalse)
        return If(cond, then, other, self.here, f"if ({self.short(node.cond)})")

    def _body(self, node: Node, kind: str = "") -> Stmt:
        """A statement that is a scope of its own, and the body of a loop or switch."""
        if node is None:
            return Block((), self.here)
        self.scopes.append({})
        if kind:
            self._inside.append(kind)
        try:
            return self.statement(node)
        finally:
            self.scopes.pop()
            if kind:
                self._inside.pop()

    def _while(self, node: Node) -> Stmt:
        cond = self.condition(node.cond)
        text = f"while ({self.short(node.cond)})"
        return Loop(cond, self._body(node.stmt, "loop"), None, False, self.here, text)

    def _do(self, node: Node) -> Stmt:
        body = self._body(node.stmt, "loop")
        text = f"do while ({self.short(node.cond)})"
        return Loop(self.condition(node.cond), body, None, True, self.here, text)

    def _for(self, node: Node) -> Stmt:
        self.scopes.append({})
        first: list[Stmt] = []
        if node.init is not None:
            parts = node.init.decls if type(node.init).__name__ == "DeclList" else [node.init]
            first = [self.statement(part) for part in parts]
        cond = None if node.cond is None else self.condition(node.cond)
        next_ = None if node.next is None else self._discarded(node.next)
        body = self._body(node.stmt, "loop")
        self.scopes.pop()
        text = f"for (...; {self.short(node.cond) if node.cond is not None else ''}; ...)"
        return Block((*first, Loop(cond, body, next_, False, self.here, text)), self.here)

    def _switch(self, node: Node) -> Stmt:
        value = self.scalar(node.cond)
        if not isinstance(value.type, Int):
            self.fail(node.cond, f"`switch` wants an integer, found `{self.show(node.cond)}`")
        self._switches.append([])
        body = self._body(node.stmt, "switch")
        cases = self._switches.pop()
        return Switch(value, body, tuple(cases), self.here, f"switch ({self.short(node.cond)})")

    def _case(self, node: Node) -> Stmt:
        if not self._switches:
            self.fail(node, "`case` outside a `switch`")
        value = None if type(node).__name__ == "Default" else self.constant(node.expr)
        for other in self._switches[-1]:
            if other.value == value:
                what = "`default`" if value is None else f"`case {value}`"
                self.fail(node, f"this `switch` has two {what}")
        self.serial += 1
        made = Case(value, self.here, self.serial)
        self._switches[-1].append(made)
        return Block((made, *(self.statement(part) for part in node.stmts or ())), self.here)

    def _break(self, node: Node) -> Stmt:
        if not self._inside:
            self.fail(node, "`break` outside a loop or `switch`")
        return Break(self.here)

    def _continue(self, node: Node) -> Stmt:
        if "loop" not in self._inside:
            self.fail(node, "`continue` outside a loop")
        return Continue(self.here)

    def _return(self, node: Node) -> Stmt:
        assert self.function is not None
        of = self.function.result
        if node.expr is None:
            if of != VOID:
                self.fail(node, f"`{self.function.name}` returns `{of}`, but nothing is returned here")
            return Return(None, self.here)
        if of == VOID:
            value = self.rvalue(node.expr)
            if not self._thread and value.type != VOID:
                self.fail(node, f"`{self.function.name}` returns nothing, found the value `{self.show(node.expr)}`")
            return Block((Evaluate(value, self.here), Return(None, self.here)), self.here)
        return Return(self.convert(self.scalar(node.expr), of, node.expr), self.here)

    def _goto(self, node: Node) -> Stmt:
        if node.name in self._labels:
            self.lacks(
                node,
                f"`goto {node.name}` jumps back; only labels further down are supported",
                "write a loop instead",
            )
        return Goto(node.name, self.here)

    def _label(self, node: Node) -> Stmt:
        if node.name in self._labels:
            self.fail(node, f"label `{node.name}` is defined twice")
        self._labels[node.name] = self.here
        return Block((Label(node.name, self.here), self.statement(node.stmt)), self.here)

    def _list(self, node: Node) -> Stmt:
        return Block(tuple(self.statement(part) for part in node.decls), self.here)


_STATEMENTS: dict[str, Callable[..., Stmt]] = {
    "Compound": Elaborator._block,
    "Decl": Elaborator._declaration,
    "DeclList": Elaborator._list,
    "EmptyStatement": Elaborator._empty,
    "If": Elaborator._if,
    "While": Elaborator._while,
    "DoWhile": Elaborator._do,
    "For": Elaborator._for,
    "Switch": Elaborator._switch,
    "Case": Elaborator._case,
    "Default": Elaborator._case,
    "Break": Elaborator._break,
    "Continue": Elaborator._continue,
    "Return": Elaborator._return,
    "Goto": Elaborator._goto,
    "Label": Elaborator._label,
}
