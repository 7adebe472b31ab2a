"""The reference interpreter: runs a whole cat model on one candidate execution.

It is slow and plain.  It serves models that cannot be compiled to masks, and it is what other engines are compared to.
The path and ``rf`` of the candidate are fixed; orders and whatever else a model chooses with ``with x from S`` are
enumerated here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from membar_check.cat import syntax as s
from membar_check.cat.conditions import variant_holds
from membar_check.cat.loader import LoadedModel, missing_include
from membar_check.cat.primitives import tag_set_name
from membar_check.diagnostics import Inconclusive, InputError, Source, Span
from membar_check.engine.concrete_environment import Environment, Rejected, UnboundName
from membar_check.engine.concrete_expressions import Evaluator, bind_arguments
from membar_check.engine.concrete_primitives import Primitives
from membar_check.engine.concrete_relations import is_acyclic, is_irreflexive
from membar_check.engine.concrete_sets import elements, wrong
from membar_check.engine.concrete_values import (
    CatValue,
    ClassRelation,
    Empty,
    Event,
    EventSet,
    Pair,
    Pairs,
    ProcedureValue,
    Relation,
    Scope,
    Universe,
    ValueSet,
    lift_tag,
    ready,
)
from membar_check.records import dataclass, replace

__all__ = ["Environment", "Judgement", "judge", "judge_statements"]

_NOWHERE = Span(Source("", ""), 0, 0)
_DEEPEST = 100_000
"""Python frames that a model may use: library functions recurse over sets of hundreds of orders."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model says of a candidate, for one way through its choices.

    ``failed``: the first check that failed, None where the execution is consistent.  ``flags``: the names of the
    flags raised before that, sorted.  ``undefined``: an ``undefined_unless`` did not hold.  ``relations``: those of
    the wanted names that the model or the candidate defines as relations, at the end.  ``choices``: what each
    ``with`` chose.
    """

    failed: s.Check | None
    flags: tuple[str, ...]
    undefined: bool
    relations: Mapping[str, Pairs]
    choices: Mapping[str, CatValue]

    @property
    def consistent(self) -> bool:
        return self.failed is None


def judge(
    model: LoadedModel,
    bell: LoadedModel | None,
    env: Environment,
    wanted: Sequence[str] = ("rf", "co", "fr"),
) -> Iterator[Judgement]:
    """Judge one candidate under a model (and its bell file): one Judgement a way through the ``with`` choices.

    Raises InputError where the model cannot be evaluated, Inconclusive where that takes too much.
    """
    front = model.prelude or (bell.prelude if bell else ())
    statements = front + (bell.body if bell else ()) + model.body
    return judge_statements(statements, env, wanted)


def judge_statements(
    statements: Sequence[s.Stmt], env: Environment, wanted: Sequence[str] = ("rf", "co", "fr")
) -> Iterator[Judgement]:
    """The same for the statements of a model, library and bell file in front."""
    interpreter = _Interpreter(env, statements)
    run = interpreter.block(statements, _State(Scope()))
    while True:
        with _deep_recursion(), _explained(env):
            state = next(run, None)
            if state is None:
                return
            judgement = interpreter.judgement(state, wanted)
        yield judgement


@contextmanager
def _deep_recursion() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST))
    try:
        yield
    except RecursionError:
        raise Inconclusive("engine", "a function of the model calls itself too many times") from None
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def _explained(env: Environment) -> Iterator[None]:
    """Adds what could have been meant to errors about unknown names."""
    try:
        yield
    except UnboundName as error:
        close = difflib.get_close_matches(error.name, sorted({*error.known, *env.names()}), n=1)
        error.hint = f"did you mean `{close[0]}`?" if close else "names must be defined before they are used"
        raise


@dataclass(frozen=True, slots=True)
class _State:
    """How far a run has come."""

    scope: Scope
    flags: frozenset[str] = frozenset()
    undefined: bool = False
    failed: s.Check | None = None
    choices: tuple[tuple[str, CatValue], ...] = ()


class _Interpreter:
    def __init__(self, env: Environment, statements: Sequence[s.Stmt]) -> None:
        self.env = env
        self.tag_sets = {tag_set_name(t) for st in statements if isinstance(st, s.Enum) for t in st.tags}
        self.cache: dict[str, CatValue | None] = {}
        self.primitives = Primitives(env, self.predefined).table
        self.evaluator = Evaluator(env, self.predefined)

    def predefined(self, name: str) -> CatValue | None:
        """A primitive; else what the candidate offers; else, for the set of a declared tag, the empty set."""
        if name not in self.cache:
            value: CatValue | None = self.primitives.get(name) or self.env.lookup(name)
            if value is None and name in self.tag_sets:
                value = EventSet(frozenset())
            self.cache[name] = value
        return self.cache[name]

    # --- statements --------------------------------------------------------------------------------------------------
    def block(self, statements: Sequence[s.Stmt], state: _State) -> Iterator[_State]:
        """The ways to run ``statements``: final states, and states that stopped at a failed check."""
        for index, statement in enumerate(statements):
            rest = statements[index + 1 :]
            if isinstance(statement, (s.With, s.Call, s.Forall, s.IfStmt, s.MatchStmt)):
                for after in self.compound(statement, state):
                    if after.failed is None:
                        yield from self.block(rest, after)
                    else:
                        yield after
                return
            state = self.simple(statement, state)
            if state.failed is not None:
                break
        yield state

    def simple(self, statement: s.Stmt, state: _State) -> _State:
        """Statements that go on in one way."""
        scope = state.scope
        match statement:
            case s.Let(False, bindings):
                return replace(state, scope=self.evaluator.let(bindings, scope))
            case s.Let(True, bindings, when, span):
                accept = (lambda inner: self.test(when, inner)) if when else None
                try:
                    return replace(state, scope=self.evaluator.let_rec(bindings, scope, span, accept))
                except Rejected:
                    return replace(state, failed=when)
            case s.Check():
                return self.check(statement, state)
            case s.Procedure(name, params, recursive, body):
                procedure = ProcedureValue(params, body, scope)
                after = scope.bind({name: ready(procedure)})
                if recursive:
                    procedure.scope = after
                return replace(state, scope=after)
            case s.Enum(name, tags):
                return replace(state, scope=scope.declare(name, tags))
            case s.Include():
                raise missing_include(statement)
        return state  # drawing, bell declarations

    def compound(
        self, statement: s.With | s.Call | s.Forall | s.IfStmt | s.MatchStmt, state: _State
    ) -> Iterator[_State]:
        """Statements that may go on in several ways."""
        match statement:
            case s.With():
                return self.choose(statement, state)
            case s.Call():
                return self.call(statement, state)
            case s.Forall(variable, domain, body):
                values = elements(lift_tag(self.evaluator.eval(domain, state.scope)), domain.span)
                return self.forall(variable, values, body, state)
            case s.IfStmt(cond, then, other):
                return self.block(then if variant_holds(cond, self.env.variants) else other, state)
            case s.MatchStmt(scrutinee, cases, span):
                tag = self.evaluator.tag(scrutinee, state.scope)
                for case, body in cases:
                    if case is None or case == tag:
                        return self.block(body, state)
                raise InputError(f"no case of this match is for the tag '{tag}", span)

    def choose(self, statement: s.With, state: _State) -> Iterator[_State]:
        name, domain = statement.variable, statement.domain
        value = self.evaluator.eval(domain, state.scope)
        if isinstance(value, Empty):
            return
        if not isinstance(value, ValueSet):
            wrong("a set of values to choose from", value, domain.span)
        for member in value.members.values():
            scope = state.scope.bind({name: ready(member)})
            yield replace(state, scope=scope, choices=(*state.choices, (name, member)))

    def call(self, statement: s.Call, state: _State) -> Iterator[_State]:
        procedure = self.evaluator.name(statement.name, statement.span, state.scope)
        if not isinstance(procedure, ProcedureValue):
            wrong("a procedure", procedure, statement.span)
        argument = self.evaluator.eval(statement.argument, state.scope)
        inner = bind_arguments(procedure.params, argument, procedure.scope, statement.span)
        for after in self.block(procedure.body, replace(state, scope=inner)):
            yield replace(after, scope=state.scope)

    def forall(
        self, variable: str, values: Sequence[CatValue], body: Sequence[s.Stmt], state: _State
    ) -> Iterator[_State]:
        going = [state]
        for value in values:
            scope = state.scope.bind({variable: ready(value)})
            afters = [after for before in going for after in self.block(body, replace(before, scope=scope))]
            yield from (after for after in afters if after.failed is not None)
            going = [after for after in afters if after.failed is None]
        for after in going:
            yield replace(after, scope=state.scope)

    # --- checks ------------------------------------------------------------------------------------------------------
    def check(self, check: s.Check, state: _State) -> _State:
        holds = self.test(check, state.scope)
        if check.prefix == "flag":
            return replace(state, flags=state.flags | {check.name}) if holds and check.name else state
        if holds:
            return state
        if check.prefix == "undefined_unless":
            return replace(state, undefined=True)
        if check.prefix == "assert":
            name = check.name or "(without a name)"
            raise InputError(f"the assertion {name} does not hold for this test", check.span)
        return replace(state, failed=check)

    def test(self, check: s.Check, scope: Scope) -> bool:
        """Whether the tested expression is acyclic, irreflexive or empty (or, negated, is not)."""
        value = self.evaluator.eval(check.expr, scope)
        if check.test == "empty" and isinstance(value, EventSet | Event):
            holds = isinstance(value, EventSet) and not value.members
        elif isinstance(value, ClassRelation):
            holds = _test(check.test, value.pairs)
        elif isinstance(value, Relation | Pair | Empty | Universe):
            holds = _test(check.test, self.evaluator.as_pairs(value, check.expr.span))
        else:
            wrong("a relation" if check.test != "empty" else "a set or relation", value, check.expr.span)
        return holds != check.negated

    # --- results -----------------------------------------------------------------------------------------------------
    def judgement(self, state: _State, wanted: Sequence[str]) -> Judgement:
        relations: dict[str, Pairs] = {}
        for name in wanted:
            lazy = state.scope.values.get(name)
            value = lazy.force() if lazy else self.predefined(name)
            if isinstance(value, Relation | Empty | Universe):
                relations[name] = self.evaluator.as_pairs(value, _NOWHERE)
        return Judgement(state.failed, tuple(sorted(state.flags)), state.undefined, relations, dict(state.choices))


def _test(test: str, pairs: frozenset[tuple[object, object]]) -> bool:
    tests: dict[str, Callable[[frozenset[tuple[object, object]]], bool]] = {
        "acyclic": is_acyclic,
        "irreflexive": is_irreflexive,
        "empty": lambda relation: not relation,
    }
    return tests[test](pairs)
