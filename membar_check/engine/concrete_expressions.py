"""The reference interpreter's expressions: what each form of cat expression denotes on one execution.

The meaning of every construct is that of "Syntax and semantics of the weak consistency model specification language
cat" (Alglave, Cousot, Maranget 2016), in the cases it leaves open that of herd7: definitions are evaluated when they
are used; ``let rec`` iterates from the empty set, each binding seeing the new values of those before it, and stops when
no value grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from membar_check.cat import syntax as s
from membar_check.cat.conditions import variant_holds
from membar_check.cat.names import free_names
from membar_check.diagnostics import InputError, Span
from membar_check.engine.concrete_environment import Environment, PrimitiveError, Rejected, UnboundName
from membar_check.engine.concrete_relations import cartesian, closure, compose
from membar_check.engine.concrete_sets import (
    add_member,
    difference,
    hashable,
    intersection,
    literal,
    members,
    take,
    union,
    wrong,
)
from membar_check.engine.concrete_values import (
    EMPTY,
    UNIVERSE,
    CatValue,
    ClassRelation,
    Closure,
    Empty,
    Event,
    Events,
    EventSet,
    Lazy,
    Pair,
    Pairs,
    Primitive,
    Relation,
    Scope,
    TagValue,
    TupleValue,
    Universe,
    ValueSet,
    common_type,
    components,
    describe,
    key,
    ready,
    type_of,
    value_set,
)


class Evaluator:
    """Evaluates expressions on one execution."""

    def __init__(self, env: Environment, predefined: Callable[[str], CatValue | None]) -> None:
        self.env = env
        self.events = env.universe
        self.predefined = predefined
        self._functions: dict[int, s.Fun] = {}
        self._free: dict[int, dict[str, Span]] = {}
        self._keep: list[object] = []  # what the two tables name by id must stay alive

    # --- conversions -------------------------------------------------------------------------------------------------
    def all_pairs(self) -> Pairs:
        return cartesian(self.events, self.events)

    def identity(self) -> Pairs:
        return frozenset((event, event) for event in self.events)

    def as_pairs(self, value: CatValue, span: Span) -> Pairs:
        """The pairs of what must be a relation; a pair of events is its own relation."""
        match value:
            case Relation(pairs):
                return pairs
            case Pair(first, second):
                return frozenset({(first, second)})
            case Empty():
                return frozenset()
            case Universe():
                return self.all_pairs()
        return wrong("a relation", value, span)

    def as_events(self, value: CatValue, span: Span) -> Events:
        """The members of what must be a set of events; an event is its own set."""
        match value:
            case EventSet(events):
                return events
            case Event(event):
                return frozenset({event})
            case Empty():
                return frozenset()
            case Universe():
                return self.events
        return wrong("a set of events", value, span)

    def pairs(self, expr: s.Expr, scope: Scope) -> Pairs:
        return self.as_pairs(self.eval(expr, scope), expr.span)

    def event_set(self, expr: s.Expr, scope: Scope) -> Events:
        return self.as_events(self.eval(expr, scope), expr.span)

    # --- expressions -------------------------------------------------------------------------------------------------
    def eval(self, expr: s.Expr, scope: Scope) -> CatValue:
        """The value of ``expr``; raises InputError where it has none."""
        match expr:
            case s.Name(name, span):
                return self.name(name, span, scope)
            case s.Zero():
                return Relation(frozenset())
            case s.Universe():
                return UNIVERSE
            case s.Tag(name, span):
                if name not in scope.tags:
                    raise InputError(f"no enum declares the tag '{name}", span)
                return TagValue(scope.tags[name], name)
            case s.Unary():
                return self.unary(expr, scope)
            case s.Binary():
                return self.binary(expr, scope)
            case s.Identity(operand):
                return self.identity_on(self.eval(operand, scope), operand.span)
            case s.SetLiteral(items):
                return literal([(self.eval(item, scope), item.span) for item in items])
            case s.TupleExpr(items):
                return TupleValue(tuple([self.eval(item, scope) for item in items]))
            case s.Apply(function, argument, span):
                return self.apply(self.eval(function, scope), self.eval(argument, scope), span)
            case s.Fun():
                return self.function(expr, scope)
            case s.LetIn(recursive, bindings, body, span):
                inner = self.let_rec(bindings, scope, span) if recursive else self.let(bindings, scope)
                return self.eval(body, inner)
            case s.Try(body, fallback):
                try:
                    return self.eval(body, scope)
                except InputError:
                    return self.eval(fallback, scope)
            case s.If(cond, then, other):
                return self.eval(then if self.holds(cond, scope) else other, scope)
            case s.MatchTag():
                return self.match_tag(expr, scope)
            case s.MatchSet():
                return self.match_set(expr, scope)

    def name(self, name: str, span: Span, scope: Scope) -> CatValue:
        lazy = scope.values.get(name)
        if lazy is not None:
            return lazy.force()
        value = self.predefined(name)
        if value is None:
            raise UnboundName(name, span, scope.values)
        return value

    def unary(self, expr: s.Unary, scope: Scope) -> CatValue:
        value, span = self.eval(expr.operand, scope), expr.operand.span
        if expr.op == "~":
            return self.complement(value, span, scope)
        if isinstance(value, Universe):
            return value
        if expr.op == "^-1":
            match value:
                case Pair(first, second):
                    return Pair(second, first)
                case ClassRelation(class_pairs):
                    return ClassRelation(frozenset((b, a) for a, b in class_pairs))
            return Relation(frozenset((second, first) for first, second in self.as_pairs(value, span)))
        if isinstance(value, Pair):
            wrong("a relation", value, span)
        pairs = self.as_pairs(value, span)
        if expr.op != "?":
            pairs = closure(pairs)
        return Relation(pairs if expr.op == "+" else pairs | self.identity())

    def complement(self, value: CatValue, span: Span, scope: Scope) -> CatValue:
        match value:
            case Empty():
                return UNIVERSE
            case Universe():
                return EMPTY
            case EventSet() | Relation():
                return difference(UNIVERSE, value, span, self.full(value, scope))
            case ValueSet(("tag", _), _):
                return difference(UNIVERSE, value, span, self.full(value, scope))
        return wrong("a set or relation", value, span)

    def full(self, value: CatValue, scope: Scope) -> CatValue | None:
        """The set of everything that ``value``, a set, could hold; None where there is no such set."""
        match value:
            case EventSet():
                return EventSet(self.events)
            case Relation():
                return Relation(self.all_pairs())
            case ValueSet(("tag", enum) as kind, _):
                return value_set(kind, [TagValue(str(enum), tag) for tag in scope.enums[str(enum)]])
        return None

    def identity_on(self, value: CatValue, span: Span) -> CatValue:
        if isinstance(value, Event):
            wrong("a set of events", value, span)
        return Relation(frozenset((event, event) for event in self.as_events(value, span)))

    def binary(self, expr: s.Binary, scope: Scope) -> CatValue:
        op, left, right = expr.op, expr.left, expr.right
        if op == ";":
            return self.sequence(expr, scope)
        if op == "*":
            return Relation(cartesian(self.event_set(left, scope), self.event_set(right, scope)))
        if op == "|":
            parts = flatten(expr, "|")
            return union([(self.eval(part, scope), part.span) for part in parts])
        first, second = self.eval(left, scope), self.eval(right, scope)
        if op == "++":
            return add_member(first, second, left.span, right.span)
        if op == "\\":
            return difference(first, second, expr.span, self.full(second, scope))
        for one, factor in ((first, right), (second, left)):
            if isinstance(one, Pair) and isinstance(factor, s.Binary) and factor.op == "*":
                return Relation(frozenset({(one.first, one.second)}) & self.pairs(factor, scope))
        return intersection(first, second, expr.span)

    def sequence(self, expr: s.Binary, scope: Scope) -> CatValue:
        steps = [(self.eval(part, scope), part.span) for part in flatten(expr, ";")]
        if all(isinstance(value, ClassRelation) for value, _ in steps):
            return ClassRelation(reduce(compose, [v.pairs for v, _ in steps if isinstance(v, ClassRelation)]))
        return Relation(reduce(compose, [self.as_pairs(value, span) for value, span in steps]))

    # --- functions and definitions -----------------------------------------------------------------------------------
    def apply(self, function: CatValue, argument: CatValue, span: Span) -> CatValue:
        if isinstance(function, Closure):
            return self.eval(function.body, bind_arguments(function.params, argument, function.scope, span))
        if isinstance(function, Primitive):
            try:
                return function.function(argument)
            except PrimitiveError as problem:
                raise InputError(f"{function.name}: {problem}", span) from None
        return wrong("a function", function, span)

    def function(self, expr: s.Fun, scope: Scope) -> Closure:
        """A closure; its free names must be known by now."""
        free = self._free.get(id(expr))
        if free is None:
            free = self._free[id(expr)] = free_names(expr)
            self._keep.append(expr)
        for name, span in free.items():
            if name not in scope.values and self.predefined(name) is None:
                raise UnboundName(name, span, scope.values)
        return Closure(expr.params, expr.body, scope)

    def right_side(self, binding: s.Binding) -> s.Expr:
        """The right-hand side of a binding, with its parameters turned into functions."""
        if not binding.params:
            return binding.value
        function = self._functions.get(id(binding))
        if function is None:
            body = binding.value
            for names, tupled in reversed(binding.params):
                body = function = s.Fun(names, tupled, body, binding.span)
            assert function is not None
            self._functions[id(binding)] = function
            self._keep.append(binding)
        return function

    def let(self, bindings: Sequence[s.Binding], scope: Scope) -> Scope:
        """The scope with the bindings added; none of them sees the others."""
        new: dict[str, Lazy] = {}
        for binding in bindings:
            expr = self.right_side(binding)
            new |= spread(binding, Lazy(self.eval, expr, scope))
        return scope.bind(new)

    def let_rec(
        self,
        bindings: Sequence[s.Binding],
        scope: Scope,
        span: Span,
        accept: Callable[[Scope], bool] | None = None,
    ) -> Scope:
        """The scope with recursive bindings added.

        ``accept`` judges each round of the iteration; raises :class:`Rejected` when it says no.
        """
        functions = [b for b in bindings if isinstance(self.right_side(b), s.Fun)]
        values = [b for b in bindings if not isinstance(self.right_side(b), s.Fun)]
        if not values:
            return self.with_functions(functions, scope)
        current = scope.bind({name: ready(EMPTY) for b in values for name in (b.pattern or (b.name,))})
        current = self.with_functions(functions, current)
        old: list[CatValue] = [EMPTY for _ in values]
        bound = 1000 + len(values) * (len(self.events) + 1) ** 2
        for _ in range(bound):
            new: list[CatValue] = []
            for binding in values:
                value = self.eval(binding.value, current)
                new.append(value)
                current = current.bind(spread(binding, ready(value)))
            current = self.with_functions(functions, current)
            if accept is not None and not accept(current):
                raise Rejected
            if all(self.stable(before, after, b) for before, after, b in zip(old, new, values, strict=True)):
                return current
            old = new
        raise InputError(f"this recursion has no end: it still grows after {bound} rounds", span)

    def with_functions(self, functions: Sequence[s.Binding], scope: Scope) -> Scope:
        """``scope`` with mutually recursive functions, which see it and each other."""
        if not functions:
            return scope
        closures: dict[str, Closure] = {}
        for binding in functions:
            value = self.right_side(binding)
            assert isinstance(value, s.Fun)
            if not binding.name:
                raise InputError("a function cannot be bound to a tuple of names", binding.span)
            closures[binding.name] = Closure(value.params, value.body, scope)
        inner = scope.bind({name: ready(function) for name, function in closures.items()})
        for function in closures.values():
            function.scope = inner
        return inner

    def stable(self, old: CatValue, new: CatValue, binding: s.Binding) -> bool:
        """Whether a recursive value did not grow."""
        match old, new:
            case (_, Empty()) | (Universe(), _):
                return True
            case (Empty(), EventSet() | Relation() | ClassRelation() | ValueSet()):
                return key(new) == "empty"
            case (Empty(), Universe()):
                return False
            case (EventSet(), Universe()):
                return old.members >= self.events
            case (Relation(), Universe()):
                return old.pairs >= self.all_pairs()
            case (EventSet(), EventSet()):
                return new.members <= old.members
            case (Relation(), Relation()):
                return new.pairs <= old.pairs
            case (ClassRelation(), ClassRelation()):
                return new.pairs <= old.pairs
            case (ValueSet(), ValueSet()):
                return new.members.keys() <= old.members.keys()
        raise InputError(f"a {describe(new)} cannot be defined by recursion", binding.span)

    # --- choices -----------------------------------------------------------------------------------------------------
    def holds(self, cond: s.Cond, scope: Scope) -> bool:
        """Whether a condition of ``if`` holds."""
        if not isinstance(cond, s.CompareCond):
            return variant_holds(cond, self.env.variants)
        left, right = self.eval(cond.left, scope), self.eval(cond.right, scope)
        if cond.op == "in":
            return self.member(left, right, cond)
        if common_type(type_of(left), type_of(right)) is None:
            raise InputError(f"a {describe(left)} cannot be compared with a {describe(right)}", cond.span)
        if cond.op == "=":
            return hashable(left, cond.left.span) == hashable(right, cond.right.span)
        return members(left, cond.left.span) <= members(right, cond.right.span)

    def member(self, left: CatValue, right: CatValue, cond: s.CompareCond) -> bool:
        span = cond.right.span
        match left:
            case Event(event):
                return event in self.as_events(right, span)
            case Pair(first, second) | TupleValue((Event(first), Event(second))):
                return (first, second) in self.as_pairs(right, span)
        if isinstance(right, Empty):
            return False
        if not isinstance(right, ValueSet):
            wrong("a set", right, span)
        if common_type(type_of(left), right.element) is None:
            raise InputError(f"a {describe(left)} cannot be in a {describe(right)}", cond.span)
        return hashable(left, cond.left.span) in right.members

    def tag(self, scrutinee: s.Expr, scope: Scope) -> str:
        """The tag that ``match`` branches on."""
        value = self.eval(scrutinee, scope)
        return value.name if isinstance(value, TagValue) else wrong("a tag", value, scrutinee.span)

    def match_tag(self, expr: s.MatchTag, scope: Scope) -> CatValue:
        tag = self.tag(expr.scrutinee, scope)
        for case, body in expr.cases:
            if case is None or case == tag:
                return self.eval(body, scope)
        raise InputError(f"no case of this match is for the tag '{tag}", expr.span)

    def match_set(self, expr: s.MatchSet, scope: Scope) -> CatValue:
        """One member and the rest; which member comes first must not matter to the model."""
        taken = take(self.eval(expr.scrutinee, scope), expr.before is not None, expr.scrutinee.span)
        if taken is None:
            return self.eval(expr.empty, scope)
        before, element, rest = taken
        names = {expr.element: ready(element), expr.rest: ready(rest)}
        if expr.before is not None:
            names = {expr.before: ready(before)} | names
        return self.eval(expr.body, scope.bind(names))


def flatten(expr: s.Expr, op: str) -> list[s.Expr]:
    """The operands of a chain of one associative operator."""
    if isinstance(expr, s.Binary) and expr.op == op:
        return flatten(expr.left, op) + flatten(expr.right, op)
    return [expr]


def spread(binding: s.Binding, value: Lazy) -> dict[str, Lazy]:
    """What a binding defines, given its value: one name, or the parts of a tuple."""
    if binding.name:
        return {binding.name: value}
    return {name: Lazy(_part, (value, binding), index) for index, name in enumerate(binding.pattern)}


def _part(source: tuple[Lazy, s.Binding], index: int) -> CatValue:
    value, binding = source
    parts = components(value.force())
    if len(parts) != len(binding.pattern):
        raise InputError(f"{len(binding.pattern)} names for {len(parts)} values", binding.span)
    return parts[index]


def bind_arguments(params: Sequence[str], argument: CatValue, scope: Scope, span: Span) -> Scope:
    """The scope of a function's or procedure's body; raises InputError where the number of arguments differs."""
    arguments = (argument,) if len(params) == 1 else components(argument)
    if len(params) != len(arguments):
        raise InputError(f"{len(arguments)} arguments where {len(params)} are wanted", span)
    return scope.bind({name: ready(value) for name, value in zip(params, arguments, strict=True)})
