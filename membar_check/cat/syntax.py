"""The syntax tree of cat and bell files.

The language is the one of "Herding cats" (Alglave, Maranget, Tautschnig, TOPLAS 2014) and of "Syntax and semantics of
the weak consistency model specification language cat" (Alglave, Cousot, Maranget 2016), as herd7 reads it.
Every node carries the span of its text.
"""

from __future__ import annotations

from membar_check.diagnostics import Span
from membar_check.records import dataclass, field


# --- expressions -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Name:
    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Zero:
    """``0``: the empty relation (or set)."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Universe:
    """``_``: all events."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Tag:
    """``'once``: a tag of an enum; ``name`` without the quote."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``op`` one of ``*`` (reflexive-transitive closure), ``+``, ``?``, ``^-1``, ``~``."""

    op: str
    operand: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """``op`` one of ``|``, ``++``, ``;``, ``\\``, ``&``, ``*`` (Cartesian product)."""

    op: str
    left: Expr
    right: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """``[S]``."""

    operand: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """``{}``, ``{a, b}``."""

    items: tuple[Expr, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class TupleExpr:
    """``(a, b)``; two or more items, or none."""

    items: tuple[Expr, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Apply:
    """``f x``, ``f(x)``, ``f(x,y)`` (argument a TupleExpr)."""

    function: Expr
    argument: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Fun:
    """``fun pattern -> body``; ``params`` the names of one (possibly tupled) parameter."""

    params: tuple[str, ...]
    tupled: bool
    body: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class LetIn:
    """``let [rec] bindings in body``."""

    recursive: bool
    bindings: tuple[Binding, ...]
    body: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Try:
    """``try e with fallback``: the fallback where ``e`` has an unknown name or fails."""

    body: Expr
    fallback: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class If:
    """``if condition then e1 else e2``."""

    cond: Cond
    then: Expr
    other: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class MatchTag:
    """``match e with || 'a -> e1 || 'b -> e2 || _ -> e3 end``; the default has tag None."""

    scrutinee: Expr
    cases: tuple[tuple[str | None, Expr], ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class MatchSet:
    """``match e with || {} -> empty || x ++ xs -> body end`` (an element and the rest), or
    ``|| {} -> .. || xs1 | x ++ xs2 -> ..`` (smaller members, an element, larger ones) where ``before`` is not None.
    Names may be ``_``."""

    scrutinee: Expr
    empty: Expr
    element: str
    rest: str
    before: str | None
    body: Expr
    span: Span = field(compare=False)


Expr = (
    Name | Zero | Universe | Tag | Unary | Binary | Identity | SetLiteral | TupleExpr | Apply | Fun | LetIn | Try | If
    | MatchTag | MatchSet
)


# --- conditions of ``if`` --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class VariantCond:
    """``"variant"``: the named variant (or architecture feature) is on."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CompareCond:
    """``op`` one of ``=`` (equality of sets/relations/tags), ``subset`` (inclusion) and ``in`` (membership)."""

    op: str
    left: Expr
    right: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class NotCond:
    operand: Cond
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class AndCond:
    left: Cond
    right: Cond
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class OrCond:
    left: Cond
    right: Cond
    span: Span = field(compare=False)


Cond = VariantCond | CompareCond | NotCond | AndCond | OrCond


# --- statements ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Binding:
    """``name = e`` or ``f(x,y) = e`` / ``f x y = e``: ``params`` one entry a curried parameter, each a tuple of names
    (with whether it was written in parentheses); ``pattern`` names for ``let (a,b) = e`` (name is then "")."""

    name: str
    params: tuple[tuple[tuple[str, ...], bool], ...]
    pattern: tuple[str, ...]
    value: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Let:
    """``let [rec] b1 and b2 ... [when test]``; ``when`` is the optional check of a ``let rec``."""

    recursive: bool
    bindings: tuple[Binding, ...]
    when: Check | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Check:
    """``[prefix] [~]test e [as name]``: prefix "" | "flag" | "undefined_unless" | "assert"; test one of acyclic,
    irreflexive, empty; name "" where none is given."""

    prefix: str
    negated: bool
    test: str
    expr: Expr
    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Include:
    path: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Show:
    """``show e [as n], ...`` or ``unshow n, ...`` (hide True): drawing only."""

    hide: bool
    items: tuple[tuple[Expr, str], ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Procedure:
    name: str
    params: tuple[str, ...]
    recursive: bool
    body: tuple[Stmt, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """``call p(args) [as name]``; ``prefix`` "flag" for ``flag call``."""

    name: str
    argument: Expr
    label: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Forall:
    """``forall x in S do ... end``."""

    variable: str
    domain: Expr
    body: tuple[Stmt, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class With:
    """``with x from S``: the rest of the model is run for each member of S."""

    variable: str
    domain: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class IfStmt:
    cond: Cond
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class MatchStmt:
    """``match e with || 'a -> statements || _ -> statements end``; the default has tag None."""

    scrutinee: Expr
    cases: tuple[tuple[str | None, tuple[Stmt, ...]], ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Debug:
    """``debug e``: no effect on verdicts."""

    expr: Expr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Enum:
    """``enum Accesses = 'once || 'release``; tags without quotes."""

    name: str
    tags: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Instructions:
    """``instructions R[{'once,'acquire}]``: class of instruction and what each position may hold (expressions)."""

    kind: str
    args: tuple[Expr, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Events:
    """``default R[...]``: ``keyword`` is ``default``, the first of ``args`` the Name of the class, then the tags."""

    keyword: str
    args: tuple[Expr, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CatDep:
    """``catdep``: the model computes the dependencies itself from register events."""

    span: Span = field(compare=False)


Stmt = (
    Let | Check | Include | Show | Procedure | Call | Forall | With | IfStmt | MatchStmt | Debug | Enum | Instructions
    | Events | CatDep
)


@dataclass(frozen=True, slots=True)
class CatFile:
    """A parsed file: its title (the leading name or string, may be "") and its statements."""

    title: str
    statements: tuple[Stmt, ...]
    span: Span = field(compare=False)
