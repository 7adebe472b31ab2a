"""Compiled models: a hash-consed graph of set and relation operations.

A model is compiled once per dialect (``cat/compile.py``) to nodes; every engine evaluates the same graph.  Equal
subterms are one node.  The constructors of :class:`Graph` normalise: products become filters, ``x?`` and ``x*`` in
sequences are unfolded, the empty relation vanishes.
"""

from __future__ import annotations

from membar_check.diagnostics import MembarError, Span
from membar_check.records import dataclass, field


class CannotCompile(MembarError):
    """The model is legal but inspects test-dependent sets; the reference interpreter must run it."""


class Node:
    """One operation.  ``kind`` is "S" (event set) or "R" (relation); ``static``: depends on no choice of rf or co.

    ops for sets: ``prim name``, ``all``, ``or``, ``and``, ``minus``, ``domain``, ``range``, ``elem`` (bound variable)
    ops for relations: ``prim name``, ``id`` (of a set), ``prod``, ``or``, ``and``, ``minus``, ``seq``, ``plus``,
    ``inv``, ``restrict`` (set or None, relation, set or None), ``choice k``, ``differ`` (pairs with different values)
    both: ``empty``, ``var`` (in a recursive group), ``fix`` (member of a group)
    """

    __slots__ = ("args", "id", "kind", "name", "op", "static", "variables")

    def __init__(self, ident: int, op: str, kind: str, name: str, args: tuple[Node | None, ...], static: bool) -> None:
        self.id = ident
        self.op = op
        self.kind = kind
        self.name = name
        self.args = args
        self.static = static
        self.variables: frozenset[str] = frozenset(v for a in args if a for v in a.variables)

    def __repr__(self) -> str:
        inner = ", ".join(repr(a) for a in self.args)
        return f"{self.op}{':' + self.name if self.name else ''}{'(' + inner + ')' if inner else ''}"


# Relations that are kept as predicates and never built pair by pair while something else can be filtered by them.
FILTER_PRIMS = frozenset({"int", "ext", "loc", "id", "same-instance"})

# Primitive relations that depend on the choice of rf or co.
CHOICE_PRIMS = frozenset({"rf", "rf-reg-mem", "FW"})


@dataclass(slots=True)
class FixGroup:
    """``let rec x1 = e1 and x2 = e2``: least fixpoint by iteration from the empty relations."""

    variables: tuple[Node, ...]
    bodies: tuple[Node, ...]
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class CheckNode:
    """A check: ``test`` acyclic | irreflexive | empty; ``prefix`` "" | flag | undefined_unless | assert."""

    prefix: str
    negated: bool
    test: str
    node: Node
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class OrderChoice:
    """``with co from`` all orders: for each location a linear order of ``members`` that extends ``base``."""

    result: Node
    members: Node
    base: Node


@dataclass(frozen=True, slots=True)
class PickChoice:
    """For each event of ``targets`` one of the pairs of ``pairs`` that lead to it."""

    result: Node
    targets: Node
    pairs: Node


@dataclass(frozen=True, slots=True)
class OrderBase:
    """The partial order that coherence must extend: ``static`` is known before rf and co are chosen, ``dynamic`` must
    be checked after.  ``plain``: only ordinary writes are ordered, and only the initial write is given."""

    static: tuple[Node, ...] = ()
    dynamic: tuple[Node, ...] = ()
    plain: bool = True


@dataclass(slots=True)
class CompiledModel:
    """``checks`` and ``choices`` in the order of the model; ``coherent``: the model implies SC per location for its
    coherence order (so incoherent rf/co combinations need not be enumerated); ``atomic``: no write of another thread
    comes between the halves of a read-modify-write; ``named``: the top-level relations and sets by name (last
    definition), for drawing and explanation; ``registers``: needs register events; ``warnings``: what
    its author should look at."""

    name: str
    title: str
    graph: Graph
    checks: tuple[CheckNode, ...]
    choices: tuple[OrderChoice | PickChoice, ...]
    named: dict[str, Node]
    coherent: bool
    atomic: bool
    registers: bool
    shows: tuple[tuple[str, Node], ...] = field(default=())
    base: OrderBase = field(default=OrderBase())
    specialised: dict[frozenset[str], CompiledModel] = field(default_factory=dict)
    warnings: tuple[str, ...] = field(default=())

    @property
    def order(self) -> OrderChoice | None:
        """The choice of coherence, if the model makes one."""
        for choice in self.choices:
            if isinstance(choice, OrderChoice):
                return choice
        return None


class Graph:
    """Builds and holds nodes; ``groups`` are the recursive definitions by name."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[object, ...], Node] = {}
        self.groups: dict[str, FixGroup] = {}
        self._member: dict[int, str] = {}
        self.empty = self._make("empty", "R", "", ())
        self.empty_set = self._make("empty", "S", "", ())
        self.all = self._make("all", "S", "", ())
        self.id = self._make("id", "R", "", (self.all,))

    def __len__(self) -> int:
        return len(self._nodes)

    def _make(
        self, op: str, kind: str, name: str, args: tuple[Node | None, ...], static: bool | None = None
    ) -> Node:
        key = (op, kind, name, tuple(a.id if a else -1 for a in args))
        node = self._nodes.get(key)
        if node is None:
            if static is None:
                static = all(a.static for a in args if a)
            node = Node(len(self._nodes), op, kind, name, args, static)
            self._nodes[key] = node
        return node

    def find(self, op: str, name: str) -> Node | None:
        """The leaf with this operation and name, if the graph has it."""
        for kind in ("S", "R"):
            node = self._nodes.get((op, kind, name, ()))
            if node is not None:
                return node
        return None

    # --- leaves ---
    def prim(self, name: str, kind: str) -> Node:
        return self._make("prim", kind, name, (), static=name not in CHOICE_PRIMS)

    def choice(self, number: int) -> Node:
        return self._make("choice", "R", str(number), (), static=False)

    def element(self, name: str) -> Node:
        node = self._make("elem", "S", name, ())
        node.variables = frozenset({name})
        return node

    def variable(self, name: str, kind: str) -> Node:
        node = self._make("var", kind, name, (), static=True)
        node.variables = frozenset({name})
        return node

    # --- sets and relations alike ---
    def union(self, parts: list[Node]) -> Node:
        flat: dict[int, Node] = {}
        for part in parts:
            for p in part.args if part.op == "or" else (part,):
                if p is not None and p.op != "empty":
                    flat[p.id] = p
        if not flat:
            return self._nothing(*parts)
        kinds = {p.kind for p in flat.values()}
        items = tuple(flat[i] for i in sorted(flat))
        if len(items) == 1:
            return items[0]
        if kinds == {"S"}:
            if any(p.op == "all" for p in items):
                return self.all
            return self._make("or", "S", "", items)
        return self._make("or", "R", "", items)

    def _nothing(self, *like: Node) -> Node:
        """The empty set or relation: a set if any of ``like`` is one."""
        return self.empty_set if any(n.kind == "S" for n in like) else self.empty

    def intersect(self, a: Node, b: Node) -> Node:
        if a.op == "empty" or b.op == "empty":
            return self._nothing(a, b)
        if a is b:
            return a
        if a.kind == "S":
            if a.op == "all":
                return b
            if b.op == "all":
                return a
            flat = {n.id: n for x in (a, b) for n in (x.args if x.op == "and" else (x,)) if n}
            return self._make("and", "S", "", tuple(flat[i] for i in sorted(flat)))
        for whole, other in ((a, b), (b, a)):
            if whole.op == "or" and any(p is not None and p.op == "prod" for p in whole.args):
                return self.union([self.intersect(other, p) for p in whole.args if p is not None])
        if b.op == "prod":
            return self.restrict(b.args[0], a, b.args[1])
        if a.op == "prod":
            return self.restrict(a.args[0], b, a.args[1])
        if b.op == "minus" and b.args[0] is not None and self._is_universal(b.args[0]):
            return self.minus(a, b.args[1])
        if a.op == "minus" and a.args[0] is not None and self._is_universal(a.args[0]):
            return self.minus(b, a.args[1])
        flat = {n.id: n for x in (a, b) for n in (x.args if x.op == "and" else (x,)) if n}
        return self._make("and", "R", "", tuple(flat[i] for i in sorted(flat)))

    @staticmethod
    def _is_universal(n: Node) -> bool:
        return n.op == "prod" and all(a is not None and a.op == "all" for a in n.args)

    def minus(self, a: Node, b: Node | None) -> Node:
        assert b is not None
        if a.op == "empty" or b.op == "empty":
            return a
        if a is b or b.op == "all":
            return self._nothing(a)
        if b.op == "or":
            out = a
            for part in b.args:
                out = self.minus(out, part)
            return out
        return self._make("minus", a.kind, "", (a, b))

    def complement(self, a: Node) -> Node:
        if a.kind == "S":
            return self.minus(self.all, a)
        return self.minus(self.universal, a)

    @property
    def universal(self) -> Node:
        return self._make("prod", "R", "", (self.all, self.all))

    # --- relations ---
    def identity(self, s: Node) -> Node:
        return self.empty if s.op == "empty" else self._make("id", "R", "", (s,))

    def product(self, a: Node, b: Node) -> Node:
        if a.op == "empty" or b.op == "empty":
            return self.empty
        return self._make("prod", "R", "", (a, b))

    def _both(self, a: Node | None, b: Node | None) -> Node | None:
        if a is None:
            return b
        return a if b is None else self.intersect(a, b)

    def restrict(self, a: Node | None, r: Node, b: Node | None) -> Node:
        """``[a];r;[b]``."""
        a = None if a is not None and a.op == "all" else a
        b = None if b is not None and b.op == "all" else b
        if r.op == "empty" or (a and a.op == "empty") or (b and b.op == "empty"):
            return self.empty
        if a is None and b is None:
            return r
        if r.op == "prod":
            first, second = self._both(a, r.args[0]), self._both(b, r.args[1])
            assert first and second
            return self.product(first, second)
        if r.op == "id":
            inner = self._both(self._both(a, b), r.args[0])
            assert inner
            return self.identity(inner)
        if r.op == "restrict":
            inner_r = r.args[1]
            assert inner_r
            return self.restrict(self._both(a, r.args[0]), inner_r, self._both(r.args[2], b))
        return self._make("restrict", "R", "", (a, r, b))

    def seq(self, a: Node, b: Node) -> Node:
        """``a;b``; identities become filters, a leading or trailing ``?`` is unfolded."""
        if a.op == "empty" or b.op == "empty":
            return self.empty
        if a.op == "id":
            return self.restrict(a.args[0], b, None)
        if b.op == "id":
            return self.restrict(None, a, b.args[0])
        core = self._without_id(b)
        if core is not None:
            return self.union([a, self.seq(a, core)])
        core = self._without_id(a)
        if core is not None:
            return self.union([b, self.seq(core, b)])
        if b.op == "restrict" and b.args[0] is None:
            assert b.args[1] is not None
            return self.restrict(None, self.seq(a, b.args[1]), b.args[2])
        return self._make("seq", "R", "", (a, b))

    def _without_id(self, r: Node) -> Node | None:
        """If ``r`` is ``id | x`` (all events): ``x``; else None."""
        if r.op == "or" and self.id in r.args:
            return self.union([p for p in r.args if p is not None and p is not self.id])
        return None

    def plus(self, r: Node) -> Node:
        if r.op in ("empty", "plus", "id"):
            return r
        core = self._without_id(r)
        if core is not None:
            return self.union([self.id, self.plus(core)])
        return self._make("plus", "R", "", (r,))

    def optional(self, r: Node) -> Node:
        return self.union([self.id, r])

    def star(self, r: Node) -> Node:
        core = self._without_id(r)
        return self.optional(self.plus(r if core is None else core))

    def inverse(self, r: Node) -> Node:
        if r.op in ("empty", "id"):
            return r
        if r.op == "prim" and r.name in FILTER_PRIMS:
            return r
        if r.op == "inv":
            assert r.args[0]
            return r.args[0]
        if r.op == "prod":
            return self._make("prod", "R", "", (r.args[1], r.args[0]))
        core = self._without_id(r)
        if core is not None:
            return self.union([self.id, self.inverse(core)])
        return self._make("inv", "R", "", (r,))

    def domain(self, r: Node) -> Node:
        if r.op == "empty":
            return self.empty_set
        if r.op == "id":
            assert r.args[0]
            return r.args[0]
        return self._make("domain", "S", "", (r,))

    def codomain(self, r: Node) -> Node:
        if r.op == "empty":
            return self.empty_set
        if r.op == "id":
            assert r.args[0]
            return r.args[0]
        return self._make("range", "S", "", (r,))

    def differ(self, r: Node) -> Node:
        return self.empty if r.op == "empty" else self._make("differ", "R", "", (r,), static=False)

    # --- recursion ---
    def fix(self, name: str, variables: list[Node], bodies: list[Node], span: Span | None = None) -> list[Node]:
        """The members of the least fixpoint of ``variables[i] = bodies[i]``."""
        closed = self._closure_pattern(variables, bodies)
        if closed is not None:
            return [closed]
        free = frozenset(v for b in bodies for v in b.variables) - {v.name for v in variables}
        static = all(self._static_body(b) for b in bodies)
        self.groups[name] = FixGroup(tuple(variables), tuple(bodies), span)
        out = []
        for i, v in enumerate(variables):
            node = self._make("fix", bodies[i].kind if bodies[i].op != "empty" else v.kind, f"{name}/{i}", (), static)
            node.variables = free
            out.append(node)
        return out

    @staticmethod
    def _static_body(b: Node) -> bool:
        return b.static

    def _closure_pattern(self, variables: list[Node], bodies: list[Node]) -> Node | None:
        """``x = b | x;x`` (or ``x;b``, ``b;x``) with x not in b is ``b+``."""
        if len(variables) != 1 or bodies[0].op != "or":
            return None
        x = variables[0]
        base = [p for p in bodies[0].args if p and x.name not in p.variables]
        steps = [p for p in bodies[0].args if p and x.name in p.variables]
        b = self.union(list(base))
        for p in steps:
            if p.op != "seq" or p.args not in ((x, x), (x, b), (b, x)):
                return None
        return self.plus(b) if steps else None
