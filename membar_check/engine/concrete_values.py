"""The values of the reference interpreter: what cat expressions denote on one execution.

Types and conversions are those of herd7: ``{}`` and ``_`` are polymorphic, an event stands for its singleton where a
set is wanted, a pair for its relation, a tag for the set of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final

from membar_check.cat import syntax as s
from membar_check.records import dataclass, field

Pairs = frozenset[tuple[int, int]]
Events = frozenset[int]
ClassPairs = frozenset[tuple[Events, Events]]


@dataclass(frozen=True, slots=True)
class Empty:
    """``{}``: the empty set of whatever is wanted."""


@dataclass(frozen=True, slots=True)
class Universe:
    """``_``: all events, or all pairs of events."""


@dataclass(frozen=True, slots=True)
class Event:
    event: int


@dataclass(frozen=True, slots=True)
class Pair:
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class EventSet:
    members: Events


@dataclass(frozen=True, slots=True)
class Relation:
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class ClassRelation:
    """A relation between sets of events (``lift``)."""

    pairs: ClassPairs


@dataclass(frozen=True, slots=True)
class TagValue:
    enum: str
    name: str


@dataclass(frozen=True, slots=True)
class TupleValue:
    items: tuple[CatValue, ...]


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A set of values of one type; ``members`` by their :func:`key`."""

    element: Type
    members: Mapping[Hashable, CatValue]


@dataclass(slots=True, eq=False)
class Closure:
    """A function of the model; ``scope`` is set once more when functions are recursive."""

    params: tuple[str, ...]
    body: s.Expr
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    name: str
    function: Callable[[CatValue], CatValue]


@dataclass(slots=True, eq=False)
class ProcedureValue:
    params: tuple[str, ...]
    body: tuple[s.Stmt, ...]
    scope: Scope


CatValue = (
    Empty | Universe | Event | Pair | EventSet | Relation | ClassRelation | TagValue | TupleValue | ValueSet | Closure
    | Primitive | ProcedureValue
)  # fmt: skip

EMPTY: Final = Empty()
UNIVERSE: Final = Universe()


class Lazy:
    """``compute(first, second)``, done when it is first wanted; an error is raised anew each time.

    The arguments are kept apart rather than in a closure or a partial: nested evaluation then needs no stack beyond
    Python's own frames, whose number is limited safely.
    """

    __slots__ = ("_compute", "_first", "_second", "_value")

    def __init__(self, compute: Callable[[Any, Any], CatValue], first: object, second: object) -> None:
        self._compute = compute
        self._first = first
        self._second = second
        self._value: CatValue | None = None

    def force(self) -> CatValue:
        if self._value is None:
            self._value = self._compute(self._first, self._second)
        return self._value


def ready(value: CatValue) -> Lazy:
    """A value that needs no computing, where a lazy one is wanted."""
    return Lazy(_same, value, None)


def _same(value: CatValue, _: object) -> CatValue:
    return value


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean at one point of a model; never changed, only extended."""

    values: Mapping[str, Lazy] = field(default_factory=dict)
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def bind(self, names: Mapping[str, Lazy]) -> Scope:
        """This scope with ``names`` added; ``_`` binds nothing."""
        if "_" in names:
            names = {name: lazy for name, lazy in names.items() if name != "_"}
        return Scope({**self.values, **names}, self.enums, self.tags)

    def declare(self, enum: str, tags: tuple[str, ...]) -> Scope:
        """This scope with an enum and the set of its tags added."""
        members = value_set(("tag", enum), [TagValue(enum, tag) for tag in tags])
        values = {**self.values, enum: ready(members)}
        return Scope(values, {**self.enums, enum: tags}, {**self.tags, **dict.fromkeys(tags, enum)})


# --- types -----------------------------------------------------------------------------------------------------------
Type = str | tuple[str, "Type"] | tuple[str, "tuple[Type, ...]"]
"""A plain word, ``("tag", enum)``, ``("set", type)`` or ``("tuple", types)``."""

_POLYMORPHIC = frozenset({"set of events", "relation", "relation between sets"})


def type_of(value: CatValue) -> Type:
    match value:
        case Empty():
            return "empty set"
        case Universe():
            return "universe"
        case Event():
            return "event"
        case Pair():
            return "pair of events"
        case EventSet():
            return "set of events"
        case Relation():
            return "relation"
        case ClassRelation():
            return "relation between sets"
        case TagValue(enum, _):
            return ("tag", enum)
        case TupleValue(items):
            return ("tuple", tuple(type_of(item) for item in items))
        case ValueSet(element, _):
            return ("set", element)
        case ProcedureValue():
            return "procedure"
        case Closure() | Primitive():
            return "function"


def common_type(first: Type, second: Type) -> Type | None:
    """The type that covers both, None if there is none; ``empty set`` goes with every set."""
    if first == second:
        return first
    for one, other in ((first, second), (second, first)):
        if one == "empty set" and (other in _POLYMORPHIC or (isinstance(other, tuple) and other[0] == "set")):
            return other
    if isinstance(first, tuple) and isinstance(second, tuple) and first[0] == second[0]:
        if first[0] == "set":
            element = common_type(first[1], second[1])  # type: ignore[arg-type]
            return None if element is None else ("set", element)
        if first[0] == "tuple" and len(first[1]) == len(second[1]):
            parts = [common_type(a, b) for a, b in zip(first[1], second[1], strict=True)]  # type: ignore[arg-type]
            if all(part is not None for part in parts):
                return ("tuple", tuple(part for part in parts if part is not None))
    return None


def show_type(kind: Type) -> str:
    """A type in words, for messages."""
    if isinstance(kind, str):
        return kind
    if kind[0] == "tag":
        return f"tag of {kind[1]}"
    if kind[0] == "set":
        return f"set of ({show_type(kind[1])})"  # type: ignore[arg-type]
    return "tuple (" + ", ".join(show_type(part) for part in kind[1]) + ")"  # type: ignore[arg-type]


def describe(value: CatValue) -> str:
    """The type of a value in words, for messages."""
    return show_type(type_of(value))


# --- equality and sets of values -------------------------------------------------------------------------------------
def key(value: CatValue) -> Hashable:
    """Equal for equal values; all empty sets are equal.  Raises ValueError for what has no equality."""
    match value:
        case Empty():
            return "empty"
        case Event(event):
            return ("event", event)
        case Pair(first, second):
            return ("pair", first, second)
        case EventSet(members):
            return ("events", members) if members else "empty"
        case Relation(pairs):
            return ("relation", pairs) if pairs else "empty"
        case ClassRelation(class_pairs):
            return ("classes", class_pairs) if class_pairs else "empty"
        case TagValue(_, name):
            return ("tag", name)
        case TupleValue(items):
            return ("tuple", tuple(key(item) for item in items))
        case ValueSet(_, members):
            return ("set", frozenset(members)) if members else "empty"
        case Closure() | Primitive():
            return ("function", id(value))
        case Universe() | ProcedureValue():
            raise ValueError(f"a {describe(value)} cannot be compared or put into a set")


def value_set(element: Type, values: Iterable[CatValue]) -> ValueSet:
    """The set of ``values``, all of type ``element``, in the order given."""
    members: dict[Hashable, CatValue] = {}
    for value in values:
        members.setdefault(key(value), value)
    return ValueSet(element, members)


def lift_tag(value: CatValue) -> CatValue:
    """A tag as the set of it; other values as they are."""
    return value_set(("tag", value.enum), [value]) if isinstance(value, TagValue) else value


def components(value: CatValue) -> tuple[CatValue, ...]:
    """The parts of a tuple or pair; of any other value, itself."""
    if isinstance(value, TupleValue):
        return value.items
    if isinstance(value, Pair):
        return (Event(value.first), Event(value.second))
    return (value,)
