"""Mutated models in memory: compiled without a detour over files, several mutations at once, compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from membar_check.cat.dag import CannotCompile, CompiledModel, Node
from membar_check.cat.model import compile_model
from membar_check.cat.parser import parse_cat
from membar_check.cat.syntax import Check, Let, Stmt
from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.engine.models import Model
from membar_check.records import fields, replace
from membar_check.synth.mutate import Mutation


def mutated_model(model: Model, *changes: Mutation) -> Model:
    """A loaded model with mutations, compiled in memory.  Raises Unsupported where only the interpreter can run it,
    InputError where the mutated text makes no sense: of a union nothing is left, a name is no longer defined."""
    loaded, bell = model.load()
    front = mutated(bell.statements, changes) if bell is not None else ()
    request = model.request
    name = "; ".join([change.name for change in changes])
    try:
        compiled = compile_model(
            model.path.stem, loaded.title, loaded.prelude, front, mutated(loaded.body, changes), request.dialect,
            request.variants,
        )  # fmt: skip
    except CannotCompile as reason:
        raise Unsupported(f"{name}: cannot be compiled: {reason.message}", reason.span) from None
    return replace(model, name=f"{model.name}: {name}", compiled=compiled)


def mutated(statements: tuple[Stmt, ...], changes: Sequence[Mutation]) -> tuple[Stmt, ...]:
    """The statements of a loaded model with mutations made in them; of two inside of each other the outer one counts.

    Raises InputError where what is left is no statement.
    """
    found: list[Stmt] = []
    for statement in statements:
        span = statement.span
        here = [c for c in changes if span.source.name == c.file and span.start <= c.start < span.end]
        if here and isinstance(statement, Let | Check):
            found += parse_cat(Source(span.source.name, _edited(span, here))).statements
        else:
            found.append(_inside_mutated(statement, changes) if changes else statement)
    return tuple(found)


def _edited(span: Span, changes: Sequence[Mutation]) -> str:
    text = span.text
    outer: list[Mutation] = []
    reached = 0
    for change in sorted(changes, key=lambda c: (c.start, -len(c.text_before))):
        end = change.start + len(change.text_before)
        if change.start >= reached:
            outer.append(change)
            reached = end
        elif end > reached:
            raise InputError(f"the mutations `{outer[-1].name}` and `{change.name}` do not go together", span)
    for change in reversed(outer):
        at = change.start - span.start
        text = text[:at] + change.text_after + text[at + len(change.text_before) :]
    return text


def _inside_mutated(statement: Stmt, changes: Sequence[Mutation]) -> Stmt:
    """A statement with what is inside of it mutated: branches, procedures."""
    values = {}
    for name in fields(statement):
        value = getattr(statement, name)
        if isinstance(value, tuple) and value and all(isinstance(part, Stmt) for part in value):
            values[name] = mutated(value, changes)
    return replace(statement, **values) if values else statement


def together(model: Model, changes: Iterable[Mutation]) -> tuple[Model, tuple[Mutation, ...]]:
    """The model with as many of the mutations as go together, and which: of a union something must be left.

    Raises as :func:`mutated_model`.
    """
    loaded, bell = model.load()
    statements = (*loaded.body, *(bell.statements if bell is not None else ()))
    groups: dict[tuple[str, int], list[Mutation]] = {}
    for change in changes:
        groups.setdefault((change.file, change.statement), []).append(change)
    taken: list[Mutation] = []
    for (file, start), group in groups.items():
        here = tuple([s for s in statements if s.span.source.name == file and s.span.start == start])
        fitting: list[Mutation] = []
        for change in group:
            try:
                mutated(here, [*fitting, change])
            except InputError:
                continue
            fitting.append(change)
        taken += fitting
    return mutated_model(model, *taken), tuple(taken)


def same_judgement(first: CompiledModel, second: CompiledModel) -> bool:
    """Whether two models certainly accept the same executions: their checks, flags aside, and what they choose are the
    same operations on the same sets and relations."""
    known: dict[tuple[object, ...], int] = {}
    return _judgement(first, known) == _judgement(second, known)


def _judgement(model: CompiledModel, known: dict[tuple[object, ...], int]) -> tuple[object, ...]:
    numbers: dict[int, int] = {}

    def number(node: Node) -> int:
        if node.id not in numbers:
            key = (node.op, node.kind, node.name, *[number(a) if a is not None else -1 for a in node.args])
            numbers[node.id] = known.setdefault(key, len(known))
        return numbers[node.id]

    checks = [(c.prefix, c.negated, c.test, number(c.node)) for c in model.checks if c.prefix != "flag"]
    groups = [
        (name, *[number(v) for v in group.variables], *[number(b) for b in group.bodies])
        for name, group in sorted(model.graph.groups.items())
    ]
    choices = [
        (type(choice).__name__, *[number(n) for n in (getattr(choice, name) for name in fields(choice))])
        for choice in model.choices
    ]
    base = [number(node) for node in (*model.base.static, *model.base.dynamic)]
    return checks, groups, choices, base, model.coherent, model.atomic
