"""C types, and how values lie in memory: every scalar is one cell, structs and arrays are their cells in order."""

from __future__ import annotations

from membar_check.program.arithmetic import signed, unsigned
from membar_check.records import dataclass
from membar_check.values import Value


@dataclass(frozen=True, slots=True)
class Int:
    """An integer type; ``_Bool`` has one bit."""

    bits: int
    signed: bool

    def __str__(self) -> str:
        return _INT_NAMES[self.bits, self.signed]


_INT_NAMES = {
    (1, False): "_Bool",
    (8, True): "char",
    (8, False): "unsigned char",
    (16, True): "short",
    (16, False): "unsigned short",
    (32, True): "int",
    (32, False): "unsigned int",
    (64, True): "long",
    (64, False): "unsigned long",
}


@dataclass(frozen=True, slots=True)
class Void:
    def __str__(self) -> str:
        return "void"


@dataclass(frozen=True, slots=True)
class Pointer:
    to: Type

    def __str__(self) -> str:
        if isinstance(self.to, FunctionType):
            return self.to.text("(*)")
        return f"{self.to}*" if isinstance(self.to, Pointer) else f"{self.to} *"


@dataclass(frozen=True, slots=True)
class Array:
    """``length`` None: not known (``int a[]`` without an initialiser)."""

    of: Type
    length: int | None

    def __str__(self) -> str:
        inner: Type = self
        lengths = ""
        while isinstance(inner, Array):
            lengths += f"[{'' if inner.length is None else inner.length}]"
            inner = inner.of
        return f"{inner}{lengths}"


class Struct:
    """A struct type: the same object for all its mentions.  ``fields`` None: declared, not defined."""

    __slots__ = ("fields", "name", "offsets", "size")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: dict[str, Type] | None = None
        self.offsets: dict[str, int] = {}
        self.size = 0

    def define(self, fields: dict[str, Type]) -> None:
        """Give the struct its fields, whose types have sizes."""
        for name, of in fields.items():
            self.offsets[name] = self.size
            self.size += cells(of)
        self.fields = fields

    def __str__(self) -> str:
        return f"struct {self.name}" if self.name else "struct"


@dataclass(frozen=True, slots=True)
class FunctionType:
    """``parameters`` None: not declared (``f()``)."""

    result: Type
    parameters: tuple[Type, ...] | None

    def text(self, name: str) -> str:
        shown = "" if self.parameters is None else ", ".join(map(str, self.parameters)) or "void"
        return f"{self.result} {name}({shown})"

    def __str__(self) -> str:
        return self.text("")


Type = Int | Void | Pointer | Array | Struct | FunctionType

INT = Int(32, True)
LONG = Int(64, True)
UNSIGNED_LONG = Int(64, False)
BOOL = Int(1, False)
CHAR = Int(8, True)
VOID = Void()


class Incomplete(Exception):
    """The size of this type is not known."""

    def __init__(self, of: Type) -> None:
        super().__init__(str(of))
        self.of = of


def cells(of: Type) -> int:
    """The number of cells of an object of the type; raises Incomplete."""
    if isinstance(of, Array):
        if of.length is None:
            raise Incomplete(of)
        return of.length * cells(of.of)
    if isinstance(of, Struct):
        if of.fields is None:
            raise Incomplete(of)
        return of.size
    if isinstance(of, FunctionType):
        raise Incomplete(of)
    return 1


def step(of: Type) -> int:
    """How many cells a pointer to the type moves when it is incremented; raises Incomplete."""
    return 1 if isinstance(of, Void | FunctionType) else cells(of)


def is_scalar(of: Type) -> bool:
    return isinstance(of, Int | Pointer)


def promoted(of: Int) -> Int:
    """The integer promotion."""
    return INT if of.bits < 32 else of


def common(a: Int, b: Int) -> Int:
    """The usual arithmetic conversions."""
    a, b = promoted(a), promoted(b)
    if a.bits != b.bits:
        return a if a.bits > b.bits else b
    return a if not a.signed else b


def fits(inner: Int, outer: Int) -> bool:
    """Whether all values of ``inner`` are values of ``outer``."""
    if inner.signed:
        return outer.signed and inner.bits <= outer.bits
    return inner.bits < outer.bits if outer.signed else inner.bits <= outer.bits


def wrap(value: Value, to: Type) -> Value:
    """The value as an object of the type holds it."""
    if not isinstance(to, Int) or not isinstance(value, int):
        return 1 if to == BOOL else value
    if to.bits == 1:
        return int(value != 0)
    return signed(value, to.bits) if to.signed else unsigned(value, to.bits)


def scalars(of: Type, path: str = "") -> list[tuple[str, Type]]:
    """Every cell of an object of the type: how it is named after the object, such as ``.a[1]``, and its type."""
    if isinstance(of, Array):
        inner = scalars(of.of)
        return [(f"{path}[{i}]{name}", cell) for i in range(of.length or 0) for name, cell in inner]
    if isinstance(of, Struct):
        return [pair for name, field in (of.fields or {}).items() for pair in scalars(field, f"{path}.{name}")]
    return [(path, of)]
