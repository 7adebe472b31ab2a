"""What an expression of cat may be while a model is compiled, beside a node of the graph.

Sets of sets never become nodes: they exist only between the library functions that build them and the ``with`` that
chooses from them.
"""

from __future__ import annotations

from collections.abc import Callable

from membar_check.cat import syntax as s
from membar_check.cat.dag import Node
from membar_check.diagnostics import Span
from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class TagValue:
    name: str


@dataclass(frozen=True, slots=True)
class TupleValue:
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class LiteralSet:
    """A set with known members (relations, sets, tags ...)."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """A member of an event set, bound by ``map``; used as a set it is the singleton."""

    node: Node


@dataclass(frozen=True, slots=True)
class PairOf:
    """A member of a relation, bound by ``map``."""

    relation: Node


@dataclass(frozen=True, slots=True)
class EachPair:
    """The set of the single-edge relations of ``relation``."""

    relation: Node


@dataclass(frozen=True, slots=True)
class Mapped:
    """``map f S`` over an event set: ``body`` with ``element`` bound to each member of ``members``."""

    members: Node
    element: Node
    body: Value


@dataclass(frozen=True, slots=True)
class Classes:
    """``classes-loc S``: the events of S by location."""

    members: Node


@dataclass(frozen=True, slots=True)
class OrdersByLocation:
    members: Node
    base: Node


@dataclass(frozen=True, slots=True)
class Orders:
    """All ways to order ``members`` linearly at each location, extending ``base``."""

    members: Node
    base: Node


@dataclass(frozen=True, slots=True)
class Picks:
    """All ways to take, for each event of ``targets``, one pair of ``pairs`` that leads to it."""

    targets: Node
    pairs: Node


@dataclass(frozen=True, slots=True)
class Closure:
    binding: s.Binding
    params: tuple[tuple[tuple[str, ...], bool], ...]
    body: s.Expr
    env: Env


@dataclass(frozen=True, slots=True)
class Native:
    name: str
    apply: Callable[[Value, Span], Value]


@dataclass(frozen=True, slots=True)
class ProcedureValue:
    procedure: s.Procedure
    env: Env


Value = (
    Node | TagValue | TupleValue | LiteralSet | Element | PairOf | EachPair | Mapped | Classes | OrdersByLocation
    | Orders | Picks | Closure | Native | ProcedureValue
)


class Env:
    """Immutable scopes, newest first."""

    __slots__ = ("names", "parent")

    def __init__(self, names: dict[str, Value], parent: Env | None) -> None:
        self.names = names
        self.parent = parent

    def get(self, name: str) -> Value | None:
        env: Env | None = self
        while env is not None:
            if name in env.names:
                return env.names[name]
            env = env.parent
        return None

    def all_names(self) -> set[str]:
        out: set[str] = set()
        env: Env | None = self
        while env is not None:
            out |= env.names.keys()
            env = env.parent
        return out


def describe(value: Value) -> str:
    """The kind of a value, for messages."""
    if isinstance(value, Node):
        return "an event set" if value.kind == "S" else "a relation"
    names = {
        TagValue: "a tag", TupleValue: "a tuple", LiteralSet: "a set", Closure: "a function", Native: "a function",
        ProcedureValue: "a procedure", Element: "an event", PairOf: "a pair of events",
    }  # fmt: skip
    return names.get(type(value), "a set of sets")
