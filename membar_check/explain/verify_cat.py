"""Interprets a cat model on bounds: what of it is certain in every candidate that a fact speaks of.

The meaning of each construct is that of the reference interpreter (:mod:`membar_check.engine.concrete_expressions`):
definitions are evaluated when they are used, ``let rec`` iterates from the empty set.  Every value is a pair of bounds
(:mod:`membar_check.explain.verify_world`); the lower bound of a difference takes the upper bound of what is taken
away.  So a check that fails on the lower bounds fails in every candidate, whether the model is monotone or not.

What cannot be decided on bounds raises :class:`Undecided`; a fact that needs it is not proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from membar_check.cat import known
from membar_check.cat import syntax as s
from membar_check.cat.conditions import variant_holds
from membar_check.cat.names import free_names
from membar_check.diagnostics import InputError, Span
from membar_check.engine.concrete_relations import cartesian, closure
from membar_check.explain.verify_algebra import Algebra, both, identity, inverse
from membar_check.explain.verify_primitives import LIBRARY, MOVING, Primitives
from membar_check.explain.verify_terms import (
    EMPTY,
    UNIVERSE,
    Closure,
    Members,
    Native,
    Orders,
    Procedure,
    Scope,
    Tag,
    Term,
    Thunk,
    Tuple,
    Undecided,
    Universe,
    same,
)
from membar_check.explain.verify_world import NO_PAIRS, RelationBounds, World
from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the interpreter takes it: its statements, the library and the bell file in front; ``tags``: those that
    its enums declare."""

    statements: tuple[s.Stmt, ...]
    dialect: str
    variants: frozenset[str]
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """A check of the model met on the way; ``name`` as certificates have it; ``value`` what it tests, on demand."""

    name: str
    check: s.Check
    value: Thunk


class Interpreter(Algebra):
    """Runs a model in one world."""

    def __init__(self, model: Model, world: World) -> None:
        super().__init__(world.scene)
        self.model = model
        self.world = world
        self.primitives = Primitives(world, model.dialect, model.tags)
        self.moving = False  # whether what is being evaluated depends on more than the paths
        self.orders: Orders | None = None
        self.order_name = ""
        self.order_domain: s.Expr | None = None
        self.broken_order = False
        self._known: dict[str, Term | None] = {}

    def touch(self) -> None:
        """Notes that a value depends on reads-from, coherence or values."""
        self.moving = True

    # --- statements --------------------------------------------------------------------------------------------------
    def checks(self) -> Iterator[Checked]:
        """The checks that make an execution inconsistent, in the model's order."""
        yield from self._block(self.model.statements, [Scope({}, {})], "", True)

    def _block(
        self, statements: Sequence[s.Stmt], scopes: list[Scope], label: str, once: bool
    ) -> Iterator[Checked]:
        """Runs statements from the last of ``scopes``, to which the new ones are added.  ``once``: they are not run
        again with other arguments."""
        for statement in statements:
            scope = scopes[-1]
            match statement:
                case s.Let(_, _, when):
                    scopes.append(self._define(statement, scope, once))
                    if when is not None:
                        raise Undecided("a definition with a condition on each round")
                case s.Check("", _, _, _, name):
                    tested = Thunk.expression(self, statement.expr, scope)
                    yield Checked(label or name or statement.span.where().rsplit("/", 1)[-1], statement, tested)
                case s.Enum(name, tags):
                    scopes.append(scope.declare(name, tags))
                case s.With(variable, domain):
                    scopes.append(scope.bind({variable: self._choice(variable, domain, scope)}))
                case s.IfStmt(cond, then, other):
                    chosen = then if variant_holds(cond, self.model.variants) else other
                    yield from self._block(chosen, scopes, label, once)
                case s.MatchStmt(scrutinee, cases):
                    yield from self._block(self._case(scrutinee, cases, scope), scopes, label, once)
                case s.Procedure(name, params, recursive, body):
                    procedure = Procedure(params, body, scope)
                    inner = scope.bind({name: Thunk.of(procedure)})
                    procedure.scope = inner if recursive else scope
                    scopes.append(inner)
                case s.Call(name, argument, own):
                    called = self.name(name, statement.span, scope)
                    if not isinstance(called, Procedure):
                        raise InputError("a procedure was expected here", statement.span)
                    inner = bind(called.params, self.eval(argument, scope), called.scope, statement.span)
                    yield from self._block(called.body, [inner], own or label, False)
                case s.Forall(variable, domain, body):
                    for value in self.elements(self.eval(domain, scope), domain.span):
                        yield from self._block(body, [scope.bind({variable: Thunk.of(value)})], label, False)
                case s.Include():
                    raise InputError(f"the included file `{statement.path}` was not found", statement.span)

    def _define(self, statement: s.Let, scope: Scope, once: bool) -> Scope:
        """The scope with a definition added; what of it depends on the paths only is kept for the next world."""
        new = self.let_rec(statement.bindings, scope) if statement.recursive else self.let(statement.bindings, scope)
        names = [name for b in statement.bindings for name in (b.pattern or (b.name,))]
        for name in names if once else ():
            if name != "_":
                kept = self.scene.kept.get((id(statement), name))
                if kept is not None:
                    new = new.bind({name: Thunk.of(kept)})
                else:
                    new.values[name].keep = (self.scene.kept, (id(statement), name))
        return new

    def _choice(self, variable: str, domain: s.Expr, scope: Scope) -> Thunk:
        """What a ``with`` may choose: coherence is that of the world, of any other relation the members are a bound."""
        try:
            value = self.eval(domain, scope)
        except Undecided:
            return Thunk(self, self._any_relation)
        settled = self.scene.settled
        here = self.orders is None and (settled is None or settled is domain)
        if here and isinstance(value, Orders) and value.united:
            self.orders, self.order_name, self.order_domain = value, variable, domain
            return Thunk(self, self._any_relation if settled is None else self._coherence)
        if isinstance(value, Members) and value.cross:
            return Thunk(self, lambda: self._pick(value, domain.span))
        if isinstance(value, Members) and len(value.items) == 1:
            return Thunk.of(value.items[0])
        return Thunk(self, self._any_relation)

    def _any_relation(self) -> Term:
        self.touch()
        return RelationBounds(frozenset(), self.all_pairs().high)

    def _pick(self, family: Members, span: Span) -> Term:
        self.touch()
        options = [one for choice in family.items for one in self.elements(choice, span)]
        return RelationBounds(frozenset(), frozenset().union(*(self.pairs(one, span).high for one in options)))

    def _coherence(self) -> Term:
        """Coherence, with what the model demands of it put in."""
        self.touch()
        orders = self.orders
        assert orders is not None
        members, before = orders.members, orders.known
        demanded = frozenset(
            (a, b)
            for a, b in closure(before.low)
            if (a, b) in self.scene.loc.low and a in members.low and b in members.low
        )
        self.broken_order = any(a == b for a, b in demanded)
        if not demanded <= self.world.co.low:
            self.world.order(demanded)
        return self.world.co

    def no_order(self) -> bool:
        """Whether no order of the writes is as the model demands and as the world says.  After :meth:`checks`."""
        if self.orders is not None and self.scene.settled is not None:
            self._coherence()
        return self.broken_order or self.world.contradiction

    def _case(
        self, scrutinee: s.Expr, cases: Sequence[tuple[str | None, tuple[s.Stmt, ...]]], scope: Scope
    ) -> Sequence[s.Stmt]:
        tag = self.tag(scrutinee, scope)
        for name, body in cases:
            if name is None or name == tag:
                return body
        raise InputError(f"no case of this match is for the tag '{tag}", scrutinee.span)

    # --- expressions -------------------------------------------------------------------------------------------------
    def eval(self, expr: s.Expr, scope: Scope) -> Term:
        """The bounds of an expression, or another value that is known exactly."""
        match expr:
            case s.Name(name, span):
                return self.name(name, span, scope)
            case s.Zero():
                return NO_PAIRS
            case s.Universe():
                return UNIVERSE
            case s.Tag(name, span):
                if name not in scope.tags:
                    raise InputError(f"no enum declares the tag '{name}", span)
                return Tag(scope.tags[name], name)
            case s.Unary():
                return self._unary(expr, scope)
            case s.Binary():
                return self._binary(expr, scope)
            case s.Identity(operand):
                members = self.events(self.eval(operand, scope), operand.span)
                return RelationBounds(identity(members.low), identity(members.high))
            case s.SetLiteral(items):
                return self.literal([self.eval(item, scope) for item in items], expr.span)
            case s.TupleExpr(items):
                return Tuple(tuple([self.eval(item, scope) for item in items]))
            case s.Apply(function, argument, span):
                return self.apply(self.eval(function, scope), self.eval(argument, scope), span)
            case s.Fun(params, _, body):
                self._require_names(expr, scope)
                return Closure(params, body, scope)
            case s.LetIn(recursive, bindings, body):
                return self.eval(body, self.let_rec(bindings, scope) if recursive else self.let(bindings, scope))
            case s.Try(body, fallback):
                try:
                    return self.eval(body, scope)
                except InputError:
                    return self.eval(fallback, scope)
            case s.If(cond, then, other):
                return self.eval(then if self._holds(cond, scope) else other, scope)
            case s.MatchTag(scrutinee, cases):
                tag = self.tag(scrutinee, scope)
                for case, body in cases:
                    if case is None or case == tag:
                        return self.eval(body, scope)
                raise InputError(f"no case of this match is for the tag '{tag}", expr.span)
            case s.MatchSet():
                return self._match_set(expr, scope)

    def _require_names(self, function: s.Fun, scope: Scope) -> None:
        """The free names of a function must be known when it is made."""
        for name, span in free_names(function).items():
            if name not in scope.values:
                with suppress(Undecided):
                    if self.primitives.lookup(name) is None:
                        raise InputError(f"unknown name `{name}`", span)

    def name(self, name: str, span: Span, scope: Scope) -> Term:
        thunk = scope.values.get(name)
        if thunk is not None:
            return thunk.force(self)
        if name in MOVING:
            self.touch()
        if name in self._known:
            value = self._known[name]
        else:
            value = self._known[name] = self.primitives.lookup(name)
        if value is None:
            raise InputError(f"unknown name `{name}`", span)
        if name == "pco" and "co0" in scope.values:
            return self.union([(value, span), (scope.values["co0"].force(self), span)])
        return value

    def tag(self, scrutinee: s.Expr, scope: Scope) -> str:
        """The tag that a match branches on."""
        value = self.eval(scrutinee, scope)
        if not isinstance(value, Tag):
            raise InputError("a tag was expected here", scrutinee.span)
        return value.name

    def _unary(self, expr: s.Unary, scope: Scope) -> Term:
        value, span = self.eval(expr.operand, scope), expr.operand.span
        if expr.op == "~":
            return self.complement(value, span)
        if isinstance(value, Universe):
            return value
        r = self.pairs(value, span)
        if expr.op == "^-1":
            return both(r, inverse)
        if expr.op != "?":
            r = both(r, closure)
        if expr.op == "+":
            return r
        low, high = identity(self.universe.low), identity(self.universe.high)
        return RelationBounds(r.low | low, r.high | high)

    def _binary(self, expr: s.Binary, scope: Scope) -> Term:
        op = expr.op
        if op in ("|", ";"):
            parts = [(self.eval(part, scope), part.span) for part in _flatten(expr, op)]
            return self.union(parts) if op == "|" else self.sequence(parts)
        left, right = self.eval(expr.left, scope), self.eval(expr.right, scope)
        if op == "*":
            a, b = self.events(left, expr.left.span), self.events(right, expr.right.span)
            return RelationBounds(cartesian(a.low, b.low), cartesian(a.high, b.high))
        if op == "++":
            return self.add(left, right, expr.span)
        if op == "\\":
            return self.difference(left, right, expr.span)
        return self.intersection(left, right, expr.span)

    def _match_set(self, expr: s.MatchSet, scope: Scope) -> Term:
        """A member and the rest: the first, or one from the middle where those before it have a name, too."""
        inside = self.elements(self.eval(expr.scrutinee, scope), expr.scrutinee.span)
        if not inside:
            return self.eval(expr.empty, scope)
        middle = len(inside) // 2 if expr.before is not None else 0
        parts = {expr.element: inside[middle], expr.rest: self.collect(inside[middle + 1 :])}
        if expr.before is not None:
            parts[expr.before] = self.collect(inside[:middle])
        return self.eval(expr.body, scope.bind({name: Thunk.of(value) for name, value in parts.items()}))

    # --- conditions --------------------------------------------------------------------------------------------------
    def _holds(self, cond: s.Cond, scope: Scope) -> bool:
        match cond:
            case s.VariantCond():
                return variant_holds(cond, self.model.variants)
            case s.NotCond(operand):
                return not self._holds(operand, scope)
            case s.AndCond(left, right):
                return self._holds(left, scope) and self._holds(right, scope)
            case s.OrCond(left, right):
                return self._holds(left, scope) or self._holds(right, scope)
            case s.CompareCond(op, first, second):
                a, b = self.eval(first, scope), self.eval(second, scope)
                if op == "=" and isinstance(a, Tag) and isinstance(b, Tag):
                    return a == b
                if op == "in":
                    return any(same(a, item) for item in self.elements(b, second.span))
                mine, others = self.elements(a, first.span), self.elements(b, second.span)
                inside = all(any(same(x, y) for y in others) for x in mine)
                return inside and (op == "subset" or all(any(same(x, y) for y in mine) for x in others))

    # --- functions and definitions -----------------------------------------------------------------------------------
    def apply(self, function: Term, argument: Term, span: Span) -> Term:
        if isinstance(function, Closure):
            return self.eval(function.body, bind(function.params, argument, function.scope, span))
        if isinstance(function, Native):
            return function.function(self, argument, span)
        raise InputError("a function was expected here", span)

    def let(self, bindings: Sequence[s.Binding], scope: Scope) -> Scope:
        """The scope with definitions added that do not see each other."""
        new: dict[str, Thunk] = {}
        for binding in bindings:
            role = self._role(binding, scope) if binding.name in LIBRARY else ""
            if role:
                new[binding.name] = Thunk.of(LIBRARY[role])
                continue
            whole = Thunk.expression(self, right_side(binding), scope)
            if binding.pattern:
                for i, name in enumerate(binding.pattern):
                    new[name] = Thunk(self, self._part(whole, i, binding))
            else:
                new[binding.name] = whole
        return scope.bind(new)

    def _role(self, binding: s.Binding, scope: Scope) -> str:
        """Which function of the library a definition is, by its shape and by the names that it uses; "" if none."""
        role = known.KNOWN.get(known.shape(binding), "")
        used = set(free_names(right_side(binding)))
        own = {"linearisations"} if role == "co_locs" else set()
        return role if role in LIBRARY and used == own and not own & scope.values.keys() else ""

    def let_rec(self, bindings: Sequence[s.Binding], scope: Scope) -> Scope:
        """The scope with recursive definitions: functions that see themselves, and sets by iteration from nothing."""
        functions = [b for b in bindings if isinstance(right_side(b), s.Fun)]
        values = [b for b in bindings if not isinstance(right_side(b), s.Fun)]
        if any(b.pattern for b in values):
            raise Undecided("a recursive definition of a tuple")
        if functions and values:
            raise Undecided("a recursive definition of both functions and sets")
        inner = scope.bind({})
        for b in functions:
            body = right_side(b)
            assert isinstance(body, s.Fun)
            inner.values[b.name] = Thunk.of(Closure(body.params, body.body, inner))
        if not values:
            return inner
        group = Thunk(self, lambda: self._iterate(values, scope))
        return inner.bind({b.name: Thunk(self, self._part(group, i, b)) for i, b in enumerate(values)})

    def _iterate(self, bindings: list[s.Binding], scope: Scope) -> Term:
        """Bounds of each round, until they stay: from then on they are bounds of every later round, and of the end."""
        inner = scope.bind({b.name: Thunk.of(EMPTY) for b in bindings})
        old: list[Term] = [EMPTY for _ in bindings]
        for _ in range(1000 + len(bindings) * (len(self.universe.high) + 1) ** 2):
            new: list[Term] = []
            for b in bindings:
                value = self.eval(b.value, inner)
                new.append(value)
                inner = inner.bind({b.name: Thunk.of(value)})
            if all(same(a, b) for a, b in zip(old, new, strict=True)):
                return Tuple(tuple(new))
            old = new
        raise Undecided("a recursion without an end")

    def _part(self, whole: Thunk, index: int, binding: s.Binding) -> Callable[[], Term]:
        def part() -> Term:
            value = whole.force(self)
            if not isinstance(value, Tuple) or index >= len(value.items):
                raise InputError("a tuple of another size was expected here", binding.span)
            return value.items[index]

        return part


def right_side(binding: s.Binding) -> s.Expr:
    """What a definition defines, its parameters as functions."""
    body = binding.value
    for names, tupled in reversed(binding.params):
        body = s.Fun(names, tupled, body, binding.span)
    return body


def bind(params: Sequence[str], argument: Term, scope: Scope, span: Span) -> Scope:
    """The scope of a function's or procedure's body."""
    if len(params) == 1:
        arguments: tuple[Term, ...] = (argument,)
    else:
        arguments = argument.items if isinstance(argument, Tuple) else (argument,)
    if len(params) != len(arguments):
        raise InputError(f"{len(arguments)} arguments where {len(params)} are wanted", span)
    return scope.bind({name: Thunk.of(value) for name, value in zip(params, arguments, strict=True)})


def _flatten(expr: s.Expr, op: str) -> list[s.Expr]:
    if isinstance(expr, s.Binary) and expr.op == op:
        return _flatten(expr.left, op) + _flatten(expr.right, op)
    return [expr]
