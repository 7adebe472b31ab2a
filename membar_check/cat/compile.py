"""Compiles a model to a graph of operations (:mod:`membar_check.cat.dag`) by running it on symbolic sets.

Functions, includes, ``if`` on variants, ``try`` and ``match`` on what is known are resolved here, once per model and
dialect; what is left are operations on sets and relations.  A model that inspects the members of a set which depends
on the test (other than through the library's ``map`` and ``cross``) raises :class:`CannotCompile`; the reference
interpreter runs such models.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from itertools import product

from membar_check.cat import known
from membar_check.cat import syntax as s
from membar_check.cat.conditions import is_variant, variant_holds
from membar_check.cat.dag import CannotCompile, CheckNode, Graph, Node, OrderChoice, PickChoice
from membar_check.cat.primitives import (
    EMPTY_FUNCTIONS,
    EMPTY_RELATIONS,
    EMPTY_SETS,
    IDENTITY_RELATIONS,
    MEMBERWISE,
    NOWHERE,
    RELATIONS,
    known_sets,
    tag_set_name,
)
from membar_check.cat.substitution import Substitution
from membar_check.cat.symbolic import (
    Classes,
    Closure,
    EachPair,
    Element,
    Env,
    LiteralSet,
    Mapped,
    Native,
    Orders,
    OrdersByLocation,
    PairOf,
    Picks,
    TagValue,
    TupleValue,
    Value,
    describe,
)
from membar_check.diagnostics import InputError, Span

MOST_GUESSED = 8  # names in a recursive group up to which all kinds are tried


class UnknownName(InputError):
    """A name that is neither defined in the model nor predefined for the dialect."""


class Compiler:
    """One compilation: ``statements`` of the bell file and the model in order, for a dialect and a set of variants."""

    def __init__(
        self, dialect: str, variants: frozenset[str], tags: frozenset[str], graph: Graph | None = None
    ) -> None:
        self.dialect = dialect
        self.variants = variants
        self.graph = graph or Graph()
        self.sets = known_sets(dialect, tags)
        self.declared = frozenset(tag_set_name(tag) for tag in tags)
        self.warnings: dict[str, None] = {}
        self.checks: list[CheckNode] = []
        self.choices: list[OrderChoice | PickChoice] = []
        self.shows: list[tuple[str, Node]] = []
        self.enums: dict[str, tuple[str, ...]] = {}
        self.catdep = False
        self._fresh = 0
        self._pco: Node | None = None

    # --- names ---
    def lookup(self, name: str, env: Env, span: Span) -> Value:
        value = env.get(name)
        if value is None:
            value = self.predefined(name, env)
        if value is None:
            close = difflib.get_close_matches(name, sorted(env.all_names() | self.sets | RELATIONS), n=1)
            hint = f"did you mean '{close[0]}'?" if close else "names must be defined before they are used"
            raise UnknownName(f"unknown name '{name}'", span, hint)
        return value

    def names(self) -> frozenset[str]:
        """All names that are predefined, for suggestions."""
        return self.sets | RELATIONS | {"M", "Exp"}

    def predefined(self, name: str, env: Env) -> Value | None:
        g = self.graph
        if name in ("M", "Exp"):
            return g.union([g.prim("R", "S"), g.prim("W", "S")])
        if name == "X" and self.dialect == "C":
            return g.prim("RMW", "S")
        if name == "id":
            return g.id
        if name in RELATIONS:
            return g.prim(name, "R")
        if name in IDENTITY_RELATIONS:
            return g.id
        if name == "pco":
            return self.coherence_prefix(env)
        if name in self.sets:
            return g.prim(name, "S")
        if name in NOWHERE or name in EMPTY_SETS.get(self.dialect, ()):
            return g.empty_set
        if name in EMPTY_RELATIONS and name not in EMPTY_FUNCTIONS:
            return g.empty
        return self.native(name)

    def coherence_prefix(self, env: Env) -> Node:
        """``pco``: what program order and rf say of coherence (Alglave et al. 2014, section on SC per location), with
        initial writes first and final ones last."""
        g = self.graph
        po_loc = g.intersect(g.prim("po", "R"), g.prim("loc", "R"))
        r, w, rf = g.prim("R", "S"), g.prim("W", "S"), g.prim("rf", "R")
        iw, fw, loc = g.prim("IW", "S"), g.prim("FW", "S"), g.prim("loc", "R")
        back = g.inverse(rf)
        co0 = env.get("co0")
        return g.union(
            [
                g.restrict(iw, loc, g.minus(w, iw)),
                g.restrict(g.minus(w, fw), loc, fw),
                g.restrict(w, po_loc, w),
                g.seq(rf, g.restrict(r, po_loc, w)),
                g.minus(g.seq(g.restrict(w, po_loc, r), back), g.id),
                g.minus(g.seq(g.seq(rf, g.restrict(r, po_loc, r)), back), g.id),
                *([co0] if isinstance(co0, Node) else []),
            ]
        )

    def native(self, name: str) -> Value | None:
        g = self.graph
        one: dict[str, Callable[[Value, Span], Value]] = {
            "domain": lambda v, p: g.domain(self.argument(name, v, "R", p)),
            "range": lambda v, p: g.codomain(self.argument(name, v, "R", p)),
            "classes-loc": lambda v, p: Classes(self.argument(name, v, "S", p)),
            "different-values": lambda v, p: g.differ(self.argument(name, v, "R", p)),
            "fail": self._fail,
            "tag2events": self._tag2events,
            "fromto": self._fromto,
        }
        if name in one:
            return Native(name, one[name])
        if name in EMPTY_FUNCTIONS:
            return Native(name, lambda v, p: g.empty)
        if name in MEMBERWISE:
            return Native(name, lambda v, p: self._cannot(f"'{name}' on a set that depends on the test", p))
        return None

    def _cannot(self, what: str, span: Span) -> Value:
        raise CannotCompile(what, span)

    def _fail(self, v: Value, span: Span) -> Value:
        raise UnknownName("the model calls 'fail'", span)

    def _tag2events(self, v: Value, span: Span) -> Value:
        if not isinstance(v, TagValue):
            raise InputError("tag2events wants a tag", span)
        name = tag_set_name(v.name)
        if name in self.sets:
            return self.graph.prim(name, "S")
        if name in NOWHERE or name in EMPTY_SETS.get(self.dialect, ()) or name in self.declared:
            return self.graph.empty_set
        hint = "tags are declared with enum, in a bell file or in the model"
        raise UnknownName(f"there is no tag '{v.name}'", span, hint)

    def _fromto(self, v: Value, span: Span) -> Value:
        """``fromto S``: pairs with an event of the fence set S in between, as ``po;[S];po``."""
        g, po = self.graph, self.graph.prim("po", "R")
        return g.seq(g.restrict(None, po, self.argument("fromto", v, "S", span)), po)

    def argument(self, function: str, v: Value, kind: str, span: Span) -> Node:
        """The argument of a predefined function that wants an event set ("S") or a relation ("R")."""
        n = self.node(v, span)
        if n.op != "empty" and n.kind != kind:
            want = "an event set" if kind == "S" else "a relation"
            raise InputError(f"'{function}' wants {want}, found {describe(n)}", span)
        return n

    # --- conversions ---
    def node(self, value: Value, span: Span) -> Node:
        if isinstance(value, Node):
            return value
        if isinstance(value, Element):
            return value.node
        if isinstance(value, EachPair):
            return value.relation
        if isinstance(value, LiteralSet):
            if not value.items:
                return self.graph.empty
            if all(isinstance(i, Element) for i in value.items):
                return self.graph.union([i.node for i in value.items if isinstance(i, Element)])
        if isinstance(value, LiteralSet | Picks | Orders | Mapped | Classes | OrdersByLocation | PairOf):
            raise CannotCompile("a set of sets used where its members matter", span)
        raise InputError(f"expected a set or a relation, found {describe(value)}", span)

    # --- expressions ---
    def eval(self, e: s.Expr, env: Env) -> Value:
        method = getattr(self, "_" + type(e).__name__.lower())
        value: Value = method(e, env)
        return value

    def rel(self, e: s.Expr, env: Env) -> Node:
        return self.node(self.eval(e, env), e.span)

    def _name(self, e: s.Name, env: Env) -> Value:
        return self.lookup(e.name, env, e.span)

    def _zero(self, e: s.Zero, env: Env) -> Value:
        return self.graph.empty

    def _universe(self, e: s.Universe, env: Env) -> Value:
        return self.graph.all

    def _tag(self, e: s.Tag, env: Env) -> Value:
        return TagValue(e.name)

    def _unary(self, e: s.Unary, env: Env) -> Value:
        g, value = self.graph, self.eval(e.operand, env)
        if isinstance(value, PairOf) and e.op == "^-1":
            raise CannotCompile("the inverse of a single pair", e.span)
        n = self.node(value, e.span)
        if e.op == "~":
            return g.complement(n)
        if n.kind == "S" and n.op != "empty":
            raise InputError(f"'{e.op}' wants a relation, found an event set", e.span)
        table: dict[str, Callable[[Node], Node]] = {
            "*": g.star, "+": g.plus, "?": g.optional, "^-1": g.inverse,
        }  # fmt: skip
        return table[e.op](n)

    def _binary(self, e: s.Binary, env: Env) -> Value:
        left, right = self.eval(e.left, env), self.eval(e.right, env)
        if e.op == "++":
            return self._add(left, right, e.span)
        if isinstance(left, LiteralSet) and isinstance(right, LiteralSet) and e.op == "|":
            return LiteralSet(left.items + tuple(i for i in right.items if i not in left.items))
        g, a, b = self.graph, self.node(left, e.left.span), self.node(right, e.right.span)
        if e.op in ("|", "&", "\\"):
            if a.op != "empty" and b.op != "empty" and a.kind != b.kind:
                raise InputError(f"'{e.op}' wants two sets or two relations, found one of each", e.span)
            return g.union([a, b]) if e.op == "|" else g.intersect(a, b) if e.op == "&" else g.minus(a, b)
        want = "S" if e.op == "*" else "R"
        for n, part in ((a, e.left), (b, e.right)):
            if n.op != "empty" and n.kind != want:
                need = "event sets" if want == "S" else "relations"
                raise InputError(f"'{e.op}' wants two {need}, found {describe(n)}", part.span)
        return g.product(a, b) if e.op == "*" else g.seq(a, b)

    def _add(self, left: Value, right: Value, span: Span) -> Value:
        """``x ++ S``."""
        if isinstance(left, PairOf) and isinstance(right, Node) and right.op == "empty":
            return EachPair(left.relation)
        if isinstance(right, Node) and right.op == "empty":
            right = LiteralSet(())
        if isinstance(left, Element) and isinstance(right, Node | LiteralSet):
            return self.graph.union([left.node, self.node(right, span)])
        if isinstance(right, LiteralSet):
            return LiteralSet((left, *(i for i in right.items if i != left)))
        raise CannotCompile("'++' on a set that depends on the test", span)

    def _identity(self, e: s.Identity, env: Env) -> Value:
        n = self.rel(e.operand, env)
        if n.op != "empty" and n.kind != "S":
            raise InputError("'[...]' wants an event set, found a relation", e.span)
        return self.graph.identity(n)

    def _setliteral(self, e: s.SetLiteral, env: Env) -> Value:
        items = tuple(self.eval(i, env) for i in e.items)
        if items and all(isinstance(i, Element) for i in items):
            return self.graph.union([self.node(i, e.span) for i in items])
        return LiteralSet(items) if items else self.graph.empty

    def _tupleexpr(self, e: s.TupleExpr, env: Env) -> Value:
        return TupleValue(tuple(self.eval(i, env) for i in e.items))

    def _fun(self, e: s.Fun, env: Env) -> Value:
        binding = s.Binding("", ((e.params, e.tupled),), (), e.body, e.span)
        return Closure(binding, binding.params, e.body, env)

    def _letin(self, e: s.LetIn, env: Env) -> Value:
        return self.eval(e.body, self.bind(e.bindings, e.recursive, env))

    def _try(self, e: s.Try, env: Env) -> Value:
        try:
            return self.eval(e.body, env)
        except UnknownName:
            return self.eval(e.fallback, env)

    def _if(self, e: s.If, env: Env) -> Value:
        return self.eval(e.then if self.test(e.cond, env) else e.other, env)

    def _matchtag(self, e: s.MatchTag, env: Env) -> Value:
        value = self.eval(e.scrutinee, env)
        if not isinstance(value, TagValue):
            raise InputError(f"'match' on tags wants a tag, found {describe(value)}", e.scrutinee.span)
        for tag, body in e.cases:
            if tag is None or tag == value.name:
                return self.eval(body, env)
        raise InputError(f"no case for the tag '{value.name}", e.span)

    def _matchset(self, e: s.MatchSet, env: Env) -> Value:
        value = self.eval(e.scrutinee, env)
        if isinstance(value, Node) and value.op == "empty":
            return self.eval(e.empty, env)
        if isinstance(value, LiteralSet):
            if not value.items:
                return self.eval(e.empty, env)
            if e.before is None:
                rest: Value = LiteralSet(value.items[1:])
                return self.eval(e.body, Env({e.element: value.items[0], e.rest: rest}, env))
        raise CannotCompile("'match' on a set that depends on the test", e.span)

    # --- functions ---
    def _apply(self, e: s.Apply, env: Env) -> Value:
        return self.apply(self.eval(e.function, env), self.eval(e.argument, env), e.span)

    def apply(self, f: Value, argument: Value, span: Span) -> Value:
        if isinstance(f, Native):
            return f.apply(argument, span)
        if not isinstance(f, Closure):
            raise InputError(f"expected a function, found {describe(f)}", span)
        (names, tupled), rest = f.params[0], f.params[1:]
        if len(names) == 1 and not (tupled and isinstance(argument, TupleValue) and len(argument.items) == 1):
            bound: dict[str, Value] = {names[0]: argument}
        else:
            items = argument.items if isinstance(argument, TupleValue) else (argument,)
            if len(items) != len(names):
                raise InputError(f"the function takes {len(names)} arguments, found {len(items)}", span)
            bound = dict(zip(names, items, strict=True))
        env = Env(bound, f.env)
        return Closure(f.binding, rest, f.body, env) if rest else self.applied(f, env, self.eval(f.body, env))

    def applied(self, f: Closure, env: Env, value: Value) -> Value:
        """What a function has returned; ``env`` binds its parameters."""
        return value

    def library(self, role: str) -> Native:
        """The symbolic form of a recognised library function."""
        table: dict[str, Callable[[Value, Span], Value]] = {
            "map": lambda f, p: Native("map", lambda v, q: self._map(f, v, q)),
            "cross": self._cross,
            "co_locs": self._co_locs,
        }
        return Native(role, table[role])

    def _map(self, f: Value, over: Value, span: Span) -> Value:
        if isinstance(over, LiteralSet):
            return LiteralSet(tuple(self.apply(f, i, span) for i in over.items))
        n = self.node(over, span)
        if n.op == "empty":
            return LiteralSet(())
        if n.kind == "R":
            body = self.apply(f, PairOf(n), span)
            return body if isinstance(body, EachPair) else self._cannot("'map' over the pairs of a relation", span)
        self._fresh += 1
        element = self.graph.element(f"e{self._fresh}")
        return Mapped(n, element, self.apply(f, Element(element), span))

    def _cross(self, v: Value, span: Span) -> Value:
        if isinstance(v, OrdersByLocation):
            return Orders(v.members, v.base)
        if isinstance(v, Mapped) and isinstance(v.body, EachPair):
            return Picks(v.members, self.for_all(v, v.body.relation))
        if (isinstance(v, LiteralSet) and not v.items) or (isinstance(v, Node) and v.op == "empty"):
            return LiteralSet((self.graph.empty,))
        if isinstance(v, Mapped) and isinstance(v.body, LiteralSet | Node) and not self._may_have(v.body):
            return Picks(v.members, self.graph.empty)
        raise CannotCompile("'cross' on a set that depends on the test", span)

    def for_all(self, over: Mapped, relation: Node) -> Node:
        """``relation``, which speaks of the bound event, for all the events it stands for."""
        return Substitution(self.graph, over.element, over.members).of(relation)

    @staticmethod
    def _may_have(body: Value) -> bool:
        return bool(body.items) if isinstance(body, LiteralSet) else not (isinstance(body, Node) and body.op == "empty")

    def _co_locs(self, v: Value, span: Span) -> Value:
        if isinstance(v, TupleValue) and len(v.items) == 2 and isinstance(v.items[1], Classes):
            return OrdersByLocation(v.items[1].members, self.node(v.items[0], span))
        raise CannotCompile("'co_locs' on a set that depends on the test", span)

    # --- bindings ---
    def bind(self, bindings: Sequence[s.Binding], recursive: bool, env: Env) -> Env:
        if not recursive:
            names: dict[str, Value] = {}
            for b in bindings:
                names.update(self.binding_value(b, env))
            return Env(names, env)
        if any(b.params or isinstance(b.value, s.Fun) for b in bindings):
            out = Env({}, env)
            for b in bindings:
                out.names.update(self.binding_value(b, out))
            return out
        return Env(self.fixpoint(bindings, env), env)

    def binding_value(self, b: s.Binding, env: Env) -> dict[str, Value]:
        role = known.KNOWN.get(known.shape(b)) if b.name in ("map", "cross", "co_locs") else None
        if role is not None:
            return {b.name: self.library(role)}
        if b.params:
            return {b.name: Closure(b, b.params, b.value, env)}
        value = self.eval(b.value, env)
        if not b.pattern:
            return {b.name: self.bound(b.name, value, b.span)}
        if not isinstance(value, TupleValue) or len(value.items) != len(b.pattern):
            raise InputError(f"the pattern has {len(b.pattern)} names, the value is {describe(value)}", b.span)
        return {n: self.bound(n, item, b.span) for n, item in zip(b.pattern, value.items, strict=True)}

    def bound(self, name: str, value: Value, span: Span) -> Value:
        """The value of a name that the model defines."""
        return value

    def fixpoint(self, bindings: Sequence[s.Binding], env: Env) -> dict[str, Value]:
        """``let rec``: each name is a set or a relation; which one follows from the bodies."""
        self._fresh += 1
        group = f"rec{self._fresh}"
        kinds = self._kinds(bindings, env, group)
        variables = self._group_variables(kinds, group)
        bodies = [self.rel(b.value, Env(dict(variables), env)) for b in bindings]
        members = self.graph.fix(group, [variables[b.name] for b in bindings], bodies, bindings[0].span)
        return {b.name: self.bound(b.name, m, b.span) for b, m in zip(bindings, members, strict=True)}

    def _group_variables(self, kinds: dict[str, str], group: str) -> dict[str, Node]:
        return {name: self.graph.variable(f"{group}.{name}", kind) for name, kind in kinds.items()}

    def _kinds(self, bindings: Sequence[s.Binding], env: Env, group: str) -> dict[str, str]:
        """Kinds of the names of a recursive group under which the bodies have just these kinds.

        Guesses from the bodies that make sense so far; where that leads nowhere, tries them all.
        """
        names = [b.name for b in bindings]
        kinds = dict.fromkeys(names, "R")
        for _ in range(len(bindings) + 1):
            found, error = self._kinds_of_bodies(bindings, kinds, env, group)
            if error is None and found == kinds:
                return kinds
            kinds = found
        for letters in product("RS", repeat=len(names)) if len(names) <= MOST_GUESSED else ():
            kinds = dict(zip(names, letters, strict=True))
            found, wrong = self._kinds_of_bodies(bindings, kinds, env, group)
            if wrong is None and found == kinds:
                return kinds
        what = "a recursive definition is a set in one place and a relation in another"
        raise error or InputError(what, bindings[0].span)

    def _kinds_of_bodies(
        self, bindings: Sequence[s.Binding], kinds: dict[str, str], env: Env, group: str
    ) -> tuple[dict[str, str], InputError | None]:
        """The kinds that the bodies have if the names are of ``kinds``; the other kind for those that make no sense
        then, and why the first of them does not."""
        inner = Env(dict(self._group_variables(kinds, group)), env)
        found, error = dict(kinds), None
        for b in bindings:
            try:
                node = self.rel(b.value, inner)
            except UnknownName:
                raise
            except InputError as wrong:
                found[b.name] = "S" if kinds[b.name] == "R" else "R"
                error = error or wrong
            else:
                if node.op != "empty":
                    found[b.name] = node.kind
        return found, error

    # --- conditions ---
    def test(self, c: s.Cond, env: Env) -> bool:
        if isinstance(c, s.VariantCond):
            if not is_variant(c.name):
                self.warnings[f"{c.span.where()}: there is no variant '{c.name}', it is taken to be off"] = None
            return variant_holds(c, self.variants)
        if isinstance(c, s.NotCond):
            return not self.test(c.operand, env)
        if isinstance(c, s.AndCond):
            return self.test(c.left, env) and self.test(c.right, env)
        if isinstance(c, s.OrCond):
            return self.test(c.left, env) or self.test(c.right, env)
        left, right = self.eval(c.left, env), self.eval(c.right, env)
        if isinstance(left, TagValue) and isinstance(right, TagValue):
            return left == right
        if (
            isinstance(left, Node)
            and isinstance(right, Node)
            and (self.same(left, right) or (left.op == "empty" and (c.op == "subset" or right.op == "empty")))
        ):
            return True
        raise CannotCompile("'if' on sets that depend on the test", c.span)

    def same(self, a: Node, b: Node) -> bool:
        """Whether two sets or relations are equal on every test, as far as their form shows."""
        return a is b
