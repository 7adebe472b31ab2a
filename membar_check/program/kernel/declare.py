"""Declarations at file scope, and types as the parser's tree writes them.

The parser's nodes are told apart by the names of their classes, so that nothing here imports the parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from membar_check.diagnostics import InputError, Span, Unsupported
from membar_check.litmus.text import counted
from membar_check.program.kernel.types import (
    BOOL,
    INT,
    LONG,
    UNSIGNED_LONG,
    VOID,
    Array,
    FunctionType,
    Incomplete,
    Int,
    Pointer,
    Struct,
    Type,
    cells,
    is_scalar,
)

Node = Any  # of the parser's tree
PER_CPU = "_Thread_local"  # the storage class that marks objects of which each CPU has one

_BASES: dict[tuple[str, ...], Type] = {
    ("void",): VOID,
    ("_Bool",): BOOL,
    ("char",): Int(8, True),
    ("char", "signed"): Int(8, True),
    ("char", "unsigned"): Int(8, False),
    ("short",): Int(16, True),
    ("short", "unsigned"): Int(16, False),
    ("int",): INT,
    ("signed",): INT,
    ("unsigned",): Int(32, False),
    ("int", "unsigned"): Int(32, False),
    ("long",): LONG,
    ("long", "unsigned"): UNSIGNED_LONG,
}


class Object(NamedTuple):
    """A static object; ``per_cpu``: each CPU has one of that type."""

    name: str
    type: Type
    init: Node
    span: Span
    per_cpu: bool = False


class Declarations:
    """The names of a unit at file scope.

    Raises InputError (Unsupported for unions, floats and such) at
    declarations that make no sense.
    """

    def __init__(self, locate: Callable[[Any], Span], start: Span) -> None:
        self._locate = locate
        self.here = start  # of the innermost node that has a place
        self.typedefs: dict[str, Type] = {}
        self.structs: dict[str, Struct] = {}
        self.enumerators: dict[str, int] = {}
        self.objects: dict[str, Object] = {}
        self.cpu_registers: dict[str, Object] = {}
        self.functions: dict[str, Node] = {}
        self.prototypes: dict[str, tuple[FunctionType, Span]] = {}

    # --- places and errors
    def at(self, node: Node) -> Span:
        """Where a node stands; the node that it belongs to where the parser does not say."""
        coord = getattr(node, "coord", None)
        return self.here if coord is None else self._locate(coord)

    def fail(self, node: Node, message: str, hint: str = "") -> NoReturn:
        raise InputError(message, self.at(node), hint)

    def lacks(self, node: Node, message: str, hint: str = "") -> NoReturn:
        raise Unsupported(message, self.at(node), hint)

    def show(self, node: Node) -> str:
        """The text of a piece of the tree, for messages; on one line."""
        from pycparser.c_generator import CGenerator

        return " ".join(str(CGenerator().visit(node)).split())

    def short(self, node: Node) -> str:
        """The beginning of that text, to name a condition in a line."""
        text = self.show(node)
        return text if len(text) <= 60 else text[:57] + "..."

    def size(self, of: Type, node: Node) -> int:
        """The cells of an object of the type; InputError where they are not known."""
        try:
            return cells(of)
        except Incomplete as problem:
            what = f"`{problem.of}`"
            hint = f"define {what} before it is used" if isinstance(problem.of, Struct) else ""
            self.fail(node, f"the size of {what} is not known here", hint)

    def constant(self, node: Node) -> int:
        """The value of an integer constant expression."""
        raise NotImplementedError

    # --- file scope
    def declare(self, unit: Node) -> None:
        """Enter everything that stands at file scope."""
        for node in unit.ext:
            kind = type(node).__name__
            if kind == "Typedef":
                self.typedefs[node.name] = self.type(node.type)
            elif kind == "FuncDef":
                self._function(node)
            elif kind == "Decl":
                self._global(node)
            elif kind not in ("Pragma", "EmptyStatement"):
                self.lacks(node, f"{_CONSTRUCTS.get(kind, kind)} is not supported at file scope")

    def _function(self, node: Node) -> None:
        name = node.decl.name
        if node.param_decls:
            self.lacks(node, "parameters that are declared behind the parentheses are not supported")
        if name in self.functions:
            first = self.at(self.functions[name].decl)
            self.fail(node.decl, f"function `{name}` is defined twice; first in {first.where()}")
        self.functions[name] = node
        self._prototype(node.decl)

    def _prototype(self, node: Node) -> None:
        of = self.type(node.type)
        assert isinstance(of, FunctionType)
        known = self.prototypes.get(node.name)
        if known is not None and known[0].parameters is not None and of.parameters is not None and known[0] != of:
            hint = f"first in {known[1].where()}"
            self.fail(node, f"`{node.name}` is declared as `{of}` and as `{known[0]}`", hint)
        if known is None or of.parameters is not None:
            self.prototypes[node.name] = of, self.at(node)

    def _global(self, node: Node) -> None:
        if type(node.type).__name__ == "FuncDecl":
            self._prototype(node)
            return
        of = self.type(node.type)
        if node.name is None:
            return
        if "register" in node.storage:
            if not is_scalar(of):
                self.fail(node, f"a CPU register holds a scalar; `{node.name}` is a `{of}`")
            self._new(node, self.cpu_registers, Object(node.name, of, node.init, self.at(node)))
            return
        self._new(node, self.objects, self.object(node, of, node.name))

    def object(self, node: Node, of: Type, name: str) -> Object:
        """The static object that a declaration makes, under its name in memory."""
        if isinstance(of, Array) and of.length is None and type(node.init).__name__ == "InitList":
            of = Array(of.of, self.listed(node.init))
        if "extern" not in node.storage or node.init is not None:
            self.size(of, node)
            if of == VOID:
                self.fail(node, f"`{node.name}` cannot be `void`")
        return Object(name, of, node.init, self.at(node), PER_CPU in node.storage)

    def listed(self, node: Node) -> int:
        """How many elements an initialiser gives an array of unknown length."""
        length = at = 0
        for item in node.exprs:
            if type(item).__name__ == "NamedInitializer" and type(item.name[0]).__name__ == "ArrayDesignator":
                at = self.constant(item.name[0].expr)
            at += 1
            length = max(length, at)
        return length

    def _new(self, node: Node, table: dict[str, Object], made: Object) -> None:
        old = self.objects.get(node.name) or self.cpu_registers.get(node.name)
        if old is not None:
            if old.type != made.type or (old.init is not None and made.init is not None):
                self.fail(node, f"`{node.name}` is declared twice; first in {old.span.where()}")
            if made.init is None:
                return
        if node.name in self.functions or node.name in self.enumerators:
            self.fail(node, f"`{node.name}` is declared twice, once as something else")
        table[node.name] = made

    # --- types
    def type(self, node: Node) -> Type:
        """The type that a part of a declaration denotes."""
        kind = type(node).__name__
        outer, span = self.here, self.at(node)
        self.here = span
        try:
            return self._type(node, kind)
        finally:
            self.here = outer

    def _type(self, node: Node, kind: str) -> Type:
        if kind in ("TypeDecl", "Typename"):
            return self.type(node.type)
        if kind == "IdentifierType":
            return self._named(node)
        if kind == "PtrDecl":
            return Pointer(self.type(node.type))
        if kind == "ArrayDecl":
            of = self.type(node.type)
            length = None if node.dim is None else self.constant(node.dim)
            if length is not None and length < 0:
                self.fail(node.dim, f"an array cannot have {length} elements")
            return Array(of, length)
        if kind == "FuncDecl":
            return self._function_type(node)
        if kind == "Struct":
            return self._struct(node)
        if kind == "Enum":
            self._enum(node)
            return INT
        self.lacks(node, f"{_CONSTRUCTS.get(kind, kind)} is not supported")

    def _named(self, node: Node) -> Type:
        names = list(node.names)
        if len(names) == 1 and names[0] in self.typedefs:
            return self.typedefs[names[0]]
        if {"float", "double", "_Complex"} & set(names):
            self.lacks(node, f"`{' '.join(names)}`: floating point is not supported")
        key = tuple(sorted(set(names)))
        of = _BASES.get(key) or _BASES.get(tuple(n for n in key if n != "signed"))
        if of is None and {"long", "short"} & set(names):
            of = _BASES.get(tuple(n for n in key if n not in ("signed", "int")))
        if of is None:
            self.fail(node, f"unknown type `{' '.join(names)}`")
        return of

    def _function_type(self, node: Node) -> FunctionType:
        result = self.type(node.type)
        if node.args is None:
            return FunctionType(result, None)
        parameters: list[Type] = []
        for part in node.args.params:
            if type(part).__name__ == "EllipsisParam":
                self.lacks(node, "functions with a variable number of arguments are not supported")
            if type(part).__name__ == "ID":
                self.fail(part, f"parameter `{part.name}` has no type")
            parameters.append(self.parameter(part))
        if parameters == [VOID]:
            parameters = []
        if VOID in parameters:
            self.fail(node, "a parameter cannot be `void`")
        return FunctionType(result, tuple(parameters))

    def parameter(self, node: Node) -> Type:
        """The type of a parameter: arrays and functions are passed as pointers."""
        of = self.type(node.type)
        if isinstance(of, Array):
            return Pointer(of.of)
        if isinstance(of, Struct):
            self.lacks(node, f"`{of}` is passed by value, which is not supported", "pass a pointer to it")
        return Pointer(of) if isinstance(of, FunctionType) else of

    def _struct(self, node: Node) -> Struct:
        name = node.name or ""
        made = self.structs.get(name) if name else None
        if made is None:
            made = Struct(name)
            if name:
                self.structs[name] = made
        if node.decls is None:
            return made
        if made.fields is not None:
            self.fail(node, f"`struct {name}` is defined twice")
        fields: dict[str, Type] = {}
        for decl in node.decls:
            self._field(decl, fields, str(made))
        made.define(fields)
        return made

    def _field(self, decl: Node, fields: dict[str, Type], owner: str) -> None:
        of = self.type(decl.type)
        if getattr(decl, "bitsize", None) is not None:
            self.lacks(decl, "bit fields are not supported", "write a plain integer")
        members = {decl.name: of}
        if decl.name is None:
            if not isinstance(of, Struct):
                return
            members = dict(of.fields or {})  # of an anonymous struct: as if they stood here
        for name, member in members.items():
            if name in fields:
                self.fail(decl, f"`{owner}` has two fields `{name}`")
            self.size(member, decl)
            fields[name] = member

    def _enum(self, node: Node) -> None:
        if node.values is None:
            return
        value = 0
        for item in node.values.enumerators:
            if item.value is not None:
                value = self.constant(item.value)
            if item.name in self.enumerators or item.name in self.objects:
                self.fail(item, f"`{item.name}` is declared twice")
            self.enumerators[item.name] = value
            value += 1

    # --- members
    def field(self, of: Type, name: str, node: Node) -> tuple[int, Type]:
        """Where a field lies in a struct, and its type; InputError for types and names that have none."""
        if not isinstance(of, Struct):
            self.fail(node, f"a `{of}` has no fields, found `.{name}`")
        if of.fields is None:
            self.fail(node, f"`{of}` is declared but not defined, its fields are not known")
        if name not in of.fields:
            from difflib import get_close_matches

            close = get_close_matches(name, of.fields, 2) or list(of.fields)[:6]
            known = ", ".join(f"`{field}`" for field in close)
            count = counted(len(of.fields), "field")
            self.fail(node, f"`{of}` has no field `{name}`", f"it has {count}, such as {known}" if close else "")
        return of.offsets[name], of.fields[name]


_CONSTRUCTS = {
    "Union": "`union`",
    "StaticAssert": "`_Static_assert`",
    "Asm": "`asm`",
    "CompoundLiteral": "a compound literal",
    "Alignas": "`_Alignas`",
}
