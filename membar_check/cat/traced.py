"""The graph of a model as its author wrote it, for explanations.

The compiled graph normalises: it flattens unions, unfolds ``?`` and turns products into filters, and the names of the
model are lost.  A :class:`TracedGraph` keeps the structure and wraps what a ``let`` binds, or a function returns, in a
node ``alias`` with its name.  Each of its nodes has a counterpart in an ordinary graph, so that whatever a compilation
decides on the form of a node is decided alike for both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from membar_check.cat import syntax as s
from membar_check.cat.compile import Compiler
from membar_check.cat.dag import FILTER_PRIMS, CompiledModel, FixGroup, Graph, Node
from membar_check.cat.symbolic import Closure, Env, Mapped, Value
from membar_check.diagnostics import Span
from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class TracedModel:
    """``model``: the traced graph in the form that evaluators take (nothing of coherence is decided for it; checks and
    choices in the order and with the numbers of the ordinary compilation); ``definitions``: name -> ``file:line`` of
    its last definition."""

    model: CompiledModel
    graph: TracedGraph
    definitions: dict[str, str]


def place(span: Span | None) -> str:
    """``file:line``, without folders."""
    return f"{os.path.basename(span.source.name)}:{span.line}" if span is not None else ""


class TracedGraph(Graph):
    """Keeps unions, sequences, ``?``, ``*`` and restrictions as they are written; only what is empty goes.

    A union called ``?`` or ``*`` is ``id | r`` or ``id | r+``, written as ``r?`` or ``r*``.  ``alias``: its argument,
    under a name of the model; ``defined`` says where.
    """

    def __init__(self) -> None:
        self.plain = Graph()
        self._plain: dict[int, Node] = {}
        self._defined: dict[int, str] = {}
        super().__init__()
        for mine, other in (
            (self.empty, self.plain.empty), (self.empty_set, self.plain.empty_set), (self.all, self.plain.all),
            (self.id, self.plain.id),
        ):  # fmt: skip
            self._plain[mine.id] = other

    def counterpart(self, n: Node) -> Node:
        """The node that the ordinary graph has for ``n``."""
        return self._plain[n.id]

    def defined(self, n: Node) -> str:
        """Where an alias, or a name inside its recursive group, is defined, as ``file:line``."""
        return self._defined.get(n.id, "")

    def define(self, variable: str, defined: str) -> None:
        """Says where a name of a recursive group is defined."""
        for kind in ("S", "R"):
            self._defined[self.variable(variable, kind).id] = defined

    def _keep(self, op: str, kind: str, name: str, args: tuple[Node | None, ...], plain: Node) -> Node:
        if plain.op == "empty":
            return self.empty_set if plain.kind == "S" else self.empty
        node = self._make(op, kind, name, args)
        self._plain[node.id] = plain
        return node

    def alias(self, name: str, n: Node, defined: str) -> Node:
        """``n`` under the name that the model gives it; nothing new if that is its name already."""
        if n.op == "empty" or (n.op in ("prim", "alias") and n.name == name):
            return n
        node = self._keep("alias", n.kind, name, (n,), self._plain[n.id])
        self._defined.setdefault(node.id, defined)
        return node

    # --- leaves ---
    def prim(self, name: str, kind: str) -> Node:
        node = super().prim(name, kind)
        self._plain[node.id] = self.plain.prim(name, kind)
        return node

    def choice(self, number: int) -> Node:
        node = super().choice(number)
        self._plain[node.id] = self.plain.choice(number)
        return node

    def element(self, name: str) -> Node:
        node = super().element(name)
        self._plain[node.id] = self.plain.element(name)
        return node

    def variable(self, name: str, kind: str) -> Node:
        node = super().variable(name, kind)
        self._plain[node.id] = self.plain.variable(name, kind)
        return node

    # --- sets and relations alike ---
    def _as_plain(self, nodes: list[Node]) -> list[Node]:
        return [self._plain[n.id] for n in nodes]

    def union(self, parts: list[Node], name: str = "") -> Node:
        plain = self.plain.union(self._as_plain(parts))
        flat: dict[int, Node] = {}
        for part in parts:
            for p in part.args if part.op == "or" and not part.name and not name else (part,):
                if p is not None and p.op != "empty":
                    flat[p.id] = p
        items = tuple(flat.values())
        return items[0] if len(items) == 1 else self._keep("or", plain.kind, name, items, plain)

    def intersect(self, a: Node, b: Node) -> Node:
        plain = self.plain.intersect(self._plain[a.id], self._plain[b.id])
        if a is b or b.op == "all":
            return a
        if a.op == "all":
            return b
        flat = {n.id: n for x in (a, b) for n in (x.args if x.op == "and" else (x,)) if n}
        return self._keep("and", plain.kind, "", tuple(flat.values()), plain)

    def minus(self, a: Node, b: Node | None) -> Node:
        assert b is not None
        plain = self.plain.minus(self._plain[a.id], self._plain[b.id])
        return a if b.op == "empty" else self._keep("minus", a.kind, "", (a, b), plain)

    @property
    def universal(self) -> Node:
        return self.product(self.all, self.all)

    # --- relations ---
    def identity(self, inside: Node) -> Node:
        return self._keep("id", "R", "", (inside,), self.plain.identity(self._plain[inside.id]))

    def product(self, a: Node, b: Node) -> Node:
        return self._keep("prod", "R", "", (a, b), self.plain.product(self._plain[a.id], self._plain[b.id]))

    def restrict(self, a: Node | None, r: Node, b: Node | None) -> Node:
        sides = [None if n is None else self._plain[n.id] for n in (a, b)]
        plain = self.plain.restrict(sides[0], self._plain[r.id], sides[1])
        if r.op == "restrict" and (a is None or r.args[0] is None) and (b is None or r.args[2] is None):
            a, r, b = a or r.args[0], r.args[1] or r, b or r.args[2]
        return self._keep("restrict", "R", "", (a, r, b), plain)

    def seq(self, a: Node, b: Node) -> Node:
        plain = self.plain.seq(self._plain[a.id], self._plain[b.id])
        if a is self.id or b is self.id:
            return b if a is self.id else a
        if a.op == "id":
            return self.restrict(a.args[0], b, None)
        if b.op == "id":
            return self.restrict(None, a, b.args[0])
        return self._keep("seq", "R", "", (a, b), plain)

    def plus(self, r: Node) -> Node:
        if r.op in ("empty", "plus", "id"):
            return r
        return self._keep("plus", "R", "", (r,), self.plain.plus(self._plain[r.id]))

    def optional(self, r: Node) -> Node:
        return self.union([self.id, r], "?")

    def star(self, r: Node) -> Node:
        return self.union([self.id, self.plus(r)], "*")

    def inverse(self, r: Node) -> Node:
        if r.op in ("empty", "id") or (r.op == "prim" and r.name in FILTER_PRIMS):
            return r
        return self._keep("inv", "R", "", (r,), self.plain.inverse(self._plain[r.id]))

    def domain(self, r: Node) -> Node:
        return self._keep("domain", "S", "", (r,), self.plain.domain(self._plain[r.id]))

    def codomain(self, r: Node) -> Node:
        return self._keep("range", "S", "", (r,), self.plain.codomain(self._plain[r.id]))

    def differ(self, r: Node) -> Node:
        plain = self.plain.differ(self._plain[r.id])
        if plain.op == "empty":
            return self.empty
        node = self._make("differ", "R", "", (r,), static=False)
        self._plain[node.id] = plain
        return node

    # --- recursion ---
    def fix(self, name: str, variables: list[Node], bodies: list[Node], span: Span | None = None) -> list[Node]:
        plain = self.plain.fix(name, self._as_plain(variables), self._as_plain(bodies), span)
        free = frozenset(v for b in bodies for v in b.variables) - {v.name for v in variables}
        static = all(b.static for b in bodies)
        self.groups[name] = FixGroup(tuple(variables), tuple(bodies), span)
        out = []
        for i, (v, body) in enumerate(zip(variables, bodies, strict=True)):
            kind = body.kind if body.op != "empty" else v.kind
            node = self._make("fix", kind, f"{name}/{i}", (), static)
            node.variables = free
            self._plain[node.id] = plain[i]
            out.append(node)
        return out


class TracedCompiler(Compiler):
    """Compiles to a traced graph."""

    graph: TracedGraph

    def __init__(self, dialect: str, variants: frozenset[str], tags: frozenset[str]) -> None:
        super().__init__(dialect, variants, tags, TracedGraph())

    def bound(self, name: str, value: Value, span: Span) -> Value:
        return self.graph.alias(name, value, place(span)) if isinstance(value, Node) else value

    def predefined(self, name: str, env: Env) -> Value | None:
        value = super().predefined(name, env)
        return self.graph.alias(name, value, "") if name == "M" and isinstance(value, Node) else value

    def applied(self, f: Closure, env: Env, value: Value) -> Value:
        """The result of a function under the text of its application, if relations and sets were all it was given."""
        if not isinstance(value, Node) or not f.binding.name:
            return value
        given = [env.get(n) for names, _ in f.binding.params for n in names]
        nodes = [n for n in given if isinstance(n, Node)]
        if len(nodes) < len(given):
            return value
        text = f"{f.binding.name}({', '.join(text_of(n) for n in nodes)})"
        return self.graph.alias(text, value, place(f.binding.span))

    def fixpoint(self, bindings: Sequence[s.Binding], env: Env) -> dict[str, Value]:
        group = f"rec{self._fresh + 1}"
        out = super().fixpoint(bindings, env)
        for b in bindings:
            self.graph.define(f"{group}.{b.name}", place(b.span))
        return out

    def for_all(self, over: Mapped, relation: Node) -> Node:
        return relation  # the candidates are made from the ordinary model

    def same(self, a: Node, b: Node) -> bool:
        return self.graph.counterpart(a) is self.graph.counterpart(b)


_OR, _SEQ, _MINUS, _AND, _PRODUCT, _TIGHT = range(1, 7)


def text_of(n: Node) -> str:
    """A node of a traced graph as an expression of cat, in the names of the model."""
    return _text(n)[0]


def _at(n: Node, level: int) -> str:
    text, own = _text(n)
    return text if own >= level else f"({text})"


def _text(n: Node) -> tuple[str, int]:
    """The text, and how tightly its outermost operator binds."""
    args = [a for a in n.args if a is not None]
    if n.op in ("alias", "prim"):
        return n.name, _TIGHT
    if n.op in ("empty", "all", "elem", "choice", "fix"):
        return {"empty": "0", "all": "_", "choice": "chosen"}.get(n.op, n.name), _TIGHT
    if n.op == "var":
        return n.name.rpartition(".")[2], _TIGHT
    if n.op == "or" and n.name:
        inner = args[1].args[0] if n.name == "*" and args[1].op == "plus" else args[1]
        assert inner is not None
        return _at(inner, _TIGHT) + n.name, _TIGHT
    if n.op in ("or", "and", "prod"):
        sign, level = {"or": (" | ", _OR), "and": (" & ", _AND), "prod": (" * ", _PRODUCT)}[n.op]
        return sign.join(_at(a, level + 1) for a in args), level
    if n.op == "minus":
        if args[0].op == "all" or (args[0].op == "prod" and all(a and a.op == "all" for a in args[0].args)):
            return f"~{_at(args[1], _TIGHT)}", _TIGHT
        return f"{_at(args[0], _MINUS)} \\ {_at(args[1], _MINUS + 1)}", _MINUS
    if n.op in ("seq", "restrict"):
        return "; ".join(f"[{text_of(x)}]" if x.kind == "S" else _at(x, _SEQ + 1) for x in sequence(n)), _SEQ
    if n.op == "id":
        return ("id" if args[0].op == "all" else f"[{text_of(args[0])}]"), _TIGHT
    if n.op in ("plus", "inv"):
        return _at(args[0], _TIGHT) + ("+" if n.op == "plus" else "^-1"), _TIGHT
    name = {"differ": "different-values"}.get(n.op, n.op)
    return f"{name}({', '.join(text_of(a) for a in args)})", _TIGHT


def sequence(n: Node) -> tuple[Node, ...]:
    """The steps of a sequence in order: relations, and sets for the filters between them."""
    if n.op == "restrict":
        left, inner, right = n.args
        assert inner is not None
        return (*(() if left is None else (left,)), *sequence(inner), *(() if right is None else (right,)))
    if n.op == "seq":
        return tuple(x for a in n.args if a is not None for x in sequence(a))
    if n.op == "id" and n.args[0] is not None and n.args[0].op != "all":
        return (n.args[0],)
    return (n,)
