"""The values of the interpreter on bounds: sets and relations between two bounds, and what is known exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from membar_check.cat import syntax as s
from membar_check.explain.verify_world import RelationBounds, SetBounds
from membar_check.records import dataclass

if TYPE_CHECKING:
    from membar_check.diagnostics import Span
    from membar_check.explain.verify_cat import Interpreter


class Undecided(Exception):
    """The bounds do not tell; the text says what of."""


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
class Tag:
    enum: str
    name: str


@dataclass(frozen=True, slots=True)
class Tuple:
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """A set of values that are neither events nor pairs: tags, sets, relations.  ``cross``: one member of each of
    these sets is chosen, and their union taken."""

    items: tuple[Term, ...]
    cross: bool = False


@dataclass(frozen=True, slots=True)
class Partition:
    """A set of events, by location."""

    members: SetBounds


@dataclass(frozen=True, slots=True)
class Orders:
    """For each location the total orders of its ``members`` that extend ``known``; ``united``: of all locations."""

    members: SetBounds
    known: RelationBounds
    united: bool = False


@dataclass(slots=True, eq=False)
class Closure:
    """A function of the model."""

    params: tuple[str, ...]
    body: s.Expr
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Native:
    """A function that models find already defined."""

    function: Callable[[Interpreter, Term, Span], Term]


@dataclass(slots=True, eq=False)
class Procedure:
    params: tuple[str, ...]
    body: tuple[s.Stmt, ...]
    scope: Scope


Term = (
    SetBounds | RelationBounds | Empty | Universe | Event | Pair | Tag | Tuple | Members | Partition | Orders | Closure
    | Native | Procedure
)  # fmt: skip

EMPTY: Final = Empty()
UNIVERSE: Final = Universe()


class Thunk:
    """A value computed when it is first wanted.

    ``moving``: it depends on more than the paths.  ``keep``: where it goes, with its key, if it does not.
    """

    __slots__ = ("_compute", "_interpreter", "keep", "moving", "value")

    def __init__(
        self, interpreter: Interpreter | None, compute: Callable[[], Term] | None, value: Term | None = None
    ) -> None:
        self._interpreter = interpreter
        self._compute = compute
        self.value = value
        self.moving = False
        self.keep: tuple[dict[object, SetBounds | RelationBounds], object] | None = None

    @classmethod
    def of(cls, value: Term) -> Thunk:
        """A value that is known already; whoever computed it has noted what it depends on."""
        return cls(None, None, value)

    @classmethod
    def expression(cls, interpreter: Interpreter, expr: s.Expr, scope: Scope) -> Thunk:
        return cls(interpreter, lambda: interpreter.eval(expr, scope))

    def force(self, reader: Interpreter) -> Term:
        """The value, wanted by ``reader``."""
        if self.value is None:
            assert self._compute is not None and self._interpreter is not None
            owner = self._interpreter
            before, owner.moving = owner.moving, False
            try:
                self.value = self._compute()
            finally:
                self.moving = owner.moving
                owner.moving = before or self.moving
            if self.keep is not None and not self.moving and isinstance(self.value, SetBounds | RelationBounds):
                self.keep[0][self.keep[1]] = self.value
        elif self.moving:
            reader.moving = True
        return self.value


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean at one point of a model."""

    values: dict[str, Thunk]
    tags: Mapping[str, str]

    def bind(self, names: Mapping[str, Thunk]) -> Scope:
        """This scope with names added; ``_`` binds nothing."""
        return Scope({**self.values, **{name: value for name, value in names.items() if name != "_"}}, self.tags)

    def declare(self, enum: str, tags: tuple[str, ...]) -> Scope:
        """This scope with an enum and the set of its tags added."""
        members = Members(tuple(Tag(enum, tag) for tag in tags))
        return Scope({**self.values, enum: Thunk.of(members)}, {**self.tags, **dict.fromkeys(tags, enum)})


def same(left: Term, right: Term) -> bool:
    """Whether two values are equal (of bounds: whether the bounds are); raises Undecided for what has no equality."""
    empty = (Empty, SetBounds, RelationBounds, Members)
    if isinstance(left, empty) and isinstance(right, empty):
        if _nothing(left) and _nothing(right):
            return True
        if isinstance(left, Members) and isinstance(right, Members):
            mine, others = left.items, right.items
            return len(mine) == len(others) and all(any(same(a, b) for b in others) for a in mine)
    if isinstance(left, Closure | Native | Procedure) or isinstance(right, Closure | Native | Procedure):
        raise Undecided("a comparison of functions")
    return left == right


def _nothing(value: Term) -> bool:
    match value:
        case Empty():
            return True
        case Members(items):
            return not items
        case SetBounds(_, high) | RelationBounds(_, high):
            return not high
    return False
