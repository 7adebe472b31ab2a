"""From loaded files to a compiled model: runs the statements of the bell file and of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from membar_check.cat import syntax as s
from membar_check.cat.coherence import implies_atomicity, implies_coherence, order_base
from membar_check.cat.compile import Compiler, UnknownName
from membar_check.cat.dag import CannotCompile, CheckNode, CompiledModel, Node, OrderChoice, PickChoice
from membar_check.cat.primitives import REGISTER_NAMES
from membar_check.cat.symbolic import (
    Env,
    LiteralSet,
    Mapped,
    Orders,
    Picks,
    ProcedureValue,
    TagValue,
    TupleValue,
    Value,
    describe,
)
from membar_check.diagnostics import InputError

if TYPE_CHECKING:
    from membar_check.cat.traced import TracedModel


def bell_tags(statements: Sequence[s.Stmt]) -> frozenset[str]:
    """All tags that ``enum`` statements declare."""
    return frozenset(t for st in statements if isinstance(st, s.Enum) for t in st.tags)


def compile_model(
    name: str,
    title: str,
    prelude: Sequence[s.Stmt],
    bell: Sequence[s.Stmt],
    model: Sequence[s.Stmt],
    dialect: str,
    variants: frozenset[str],
) -> CompiledModel:
    """Compiles ``prelude``, then ``bell``, then ``model`` for a dialect.

    Raises InputError on unknown names, wrong kinds and failed assertions; CannotCompile where only the reference
    interpreter can run the model.
    """
    compiler = Compiler(dialect, variants, bell_tags(bell) | bell_tags(model))
    named = _run(compiler, prelude, bell, model)
    order = next((c for c in compiler.choices if isinstance(c, OrderChoice)), None)
    coherent = implies_coherence(compiler.graph, compiler.checks, order)
    return CompiledModel(
        name, title, compiler.graph, tuple(compiler.checks), tuple(compiler.choices), named, coherent,
        implies_atomicity(compiler.graph, compiler.checks, order),
        compiler.catdep and _mentions_registers(compiler), tuple(compiler.shows),
        order_base(compiler.graph, order, coherent), warnings=tuple(compiler.warnings),
    )  # fmt: skip


def trace_model(
    name: str,
    title: str,
    prelude: Sequence[s.Stmt],
    bell: Sequence[s.Stmt],
    model: Sequence[s.Stmt],
    dialect: str,
    variants: frozenset[str],
) -> TracedModel:
    """The model as its author wrote it, for explanations; arguments and errors as of :func:`compile_model`."""
    from membar_check.cat.traced import TracedCompiler, TracedModel

    compiler = TracedCompiler(dialect, variants, bell_tags(bell) | bell_tags(model))
    named = _run(compiler, prelude, bell, model)
    graph = compiler.graph
    traced = CompiledModel(
        name, title, graph, tuple(compiler.checks), tuple(compiler.choices), named, coherent=False, atomic=False,
        registers=compiler.catdep and _mentions_registers(compiler), shows=tuple(compiler.shows),
    )  # fmt: skip
    return TracedModel(traced, graph, {k: where for k, n in named.items() if (where := graph.defined(n))})


def _run(
    compiler: Compiler, prelude: Sequence[s.Stmt], bell: Sequence[s.Stmt], model: Sequence[s.Stmt]
) -> dict[str, Node]:
    """Runs all statements; what the names stand for at the end."""
    runner = _Runner(compiler)
    env = Env({}, None)
    for part in (prelude, bell, model):
        env = runner.block(part, env)
    named: dict[str, Node] = {}
    scope: Env | None = env
    while scope is not None:
        for key, value in scope.names.items():
            if isinstance(value, Node):
                named.setdefault(key, value)
        scope = scope.parent
    return named


def _mentions_registers(compiler: Compiler) -> bool:
    """Whether a check or a choice depends on events of registers."""
    todo = [k.node for k in compiler.checks]
    for choice in compiler.choices:
        todo += [choice.members, choice.base] if isinstance(choice, OrderChoice) else [choice.targets, choice.pairs]
    return any(n.op == "prim" and n.name in REGISTER_NAMES for n in _nodes_below(compiler, todo))


def _nodes_below(compiler: Compiler, todo: list[Node]) -> Iterator[Node]:
    """The nodes ``todo`` and all that they are made from."""
    seen: set[int] = set()
    while todo:
        n = todo.pop()
        if n.id in seen:
            continue
        seen.add(n.id)
        yield n
        todo += [a for a in n.args if a is not None]
        if n.op == "fix":
            todo += compiler.graph.groups[n.name.split("/")[0]].bodies


class _Runner:
    """Executes statements; each returns the environment for what follows."""

    def __init__(self, compiler: Compiler) -> None:
        self.c = compiler

    def block(self, statements: Sequence[s.Stmt], env: Env) -> Env:
        for st in statements:
            env = self.statement(st, env)
        return env

    def statement(self, st: s.Stmt, env: Env) -> Env:
        if isinstance(st, s.Let):
            env = self.c.bind(st.bindings, st.recursive, env)
            if st.when is not None:
                self.check(st.when, env)
        elif isinstance(st, s.Check):
            self.check(st, env)
        elif isinstance(st, s.With):
            return Env({st.variable: self.c.bound(st.variable, self.choose(st, env), st.span)}, env)
        elif isinstance(st, s.IfStmt):
            return self.block(st.then if self.c.test(st.cond, env) else st.other, env)
        elif isinstance(st, s.Procedure):
            out = Env({}, env)
            out.names[st.name] = ProcedureValue(st, out if st.recursive else env)
            return out
        elif isinstance(st, s.Call):
            self.call(st, env)
        elif isinstance(st, s.Forall):
            self.forall(st, env)
        elif isinstance(st, s.Enum):
            tags: tuple[Value, ...] = tuple(TagValue(t) for t in st.tags)
            return Env({st.name: LiteralSet(tags)}, env)
        elif isinstance(st, s.CatDep):
            self.c.catdep = True
        elif isinstance(st, s.Show):
            self.show(st, env)
        elif isinstance(st, s.MatchStmt):
            return self.match(st, env)
        elif isinstance(st, s.Include):
            raise InputError(f"the include of '{st.path}' was not resolved", st.span)
        return env

    def match(self, st: s.MatchStmt, env: Env) -> Env:
        value = self.c.eval(st.scrutinee, env)
        if not isinstance(value, TagValue):
            raise InputError(f"'match' on tags wants a tag, found {describe(value)}", st.scrutinee.span)
        for tag, body in st.cases:
            if tag is None or tag == value.name:
                return self.block(body, env)
        raise InputError(f"no case for the tag '{value.name}", st.span)

    def check(self, st: s.Check, env: Env) -> None:
        node = self.c.rel(st.expr, env)
        if node.kind == "S" and node.op != "empty" and st.test != "empty":
            raise InputError(f"'{st.test}' wants a relation, found an event set", st.expr.span)
        self.c.checks.append(CheckNode(st.prefix, st.negated, st.test, node, st.name, st.span))

    def choose(self, st: s.With, env: Env) -> Value:
        domain = self.c.eval(st.domain, env)
        g = self.c.graph
        if isinstance(domain, Node) and domain.op == "empty":
            raise InputError("'with' over a set that is always empty: no execution would be left", st.span)
        if isinstance(domain, LiteralSet) and len(domain.items) == 1:
            return domain.items[0]
        result = g.choice(len(self.c.choices))
        if isinstance(domain, Orders):
            if any(isinstance(c, OrderChoice) for c in self.c.choices):
                raise CannotCompile("a second choice of orders", st.span)
            self.c.choices.append(OrderChoice(result, domain.members, domain.base))
        elif isinstance(domain, Picks):
            if any(n.op == "choice" for n in _nodes_below(self.c, [domain.targets, domain.pairs])):
                raise CannotCompile("a choice that depends on another one", st.span)
            self.c.choices.append(PickChoice(result, domain.targets, domain.pairs))
        else:
            raise CannotCompile("'with' over a set that depends on the test", st.span)
        return result

    def call(self, st: s.Call, env: Env) -> None:
        value = env.get(st.name)
        if not isinstance(value, ProcedureValue):
            what = "nothing" if value is None else describe(value)
            raise InputError(f"'call' wants a procedure named '{st.name}', found {what}", st.span)
        params = value.procedure.params
        argument = self.c.eval(st.argument, env)
        items = argument.items if isinstance(argument, TupleValue) and len(params) != 1 else (argument,)
        if len(items) != len(params):
            raise InputError(f"'{st.name}' takes {len(params)} arguments, found {len(items)}", st.span)
        before = len(self.c.checks)
        self.block(value.procedure.body, Env(dict(zip(params, items, strict=True)), value.env))
        if st.label:
            named = [CheckNode(k.prefix, k.negated, k.test, k.node, st.label, k.span) for k in self.c.checks[before:]]
            self.c.checks[before:] = named

    def forall(self, st: s.Forall, env: Env) -> None:
        domain = self.c.eval(st.domain, env)
        if isinstance(domain, Node) and domain.op == "empty":
            return
        if isinstance(domain, Mapped) or not isinstance(domain, LiteralSet):
            raise CannotCompile("'forall' over a set that depends on the test", st.span)
        for item in domain.items:
            self.block(st.body, Env({st.variable: item}, env))

    def show(self, st: s.Show, env: Env) -> None:
        """Remembers what to draw."""
        for expr, label in st.items:
            if st.hide and isinstance(expr, s.Name):
                continue
            try:
                value = self.c.eval(expr, env)
            except UnknownName:
                continue  # what is drawn for other dialects only
            if isinstance(value, Node) and value.kind == "R":
                self.c.shows.append((label or (expr.name if isinstance(expr, s.Name) else ""), value))
