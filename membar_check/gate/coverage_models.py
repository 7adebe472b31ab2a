"""A model and its mutations, compiled for a dialect and without touching the disk, and which of them a test can tell
from the model."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.cat.dag import CompiledModel
from membar_check.cat.model import compile_model
from membar_check.cat.parser import parse_cat
from membar_check.cat.specialise import specialise
from membar_check.cat.syntax import Forall, IfStmt, MatchStmt, Procedure, Stmt
from membar_check.diagnostics import MembarError, Source, Unsupported
from membar_check.engine.models import Model, ModelRequest, get_model
from membar_check.gate.digests import compiled_digest
from membar_check.records import fields, replace
from membar_check.synth.mutate import Mutation

_BLOCKS = (IfStmt, MatchStmt, Procedure, Forall)  # the statements with others inside


class Mutated:
    """The compiled model of a dialect, and it with each of the mutations that compile.

    ``model`` the model itself; ``refused``: why a mutation cannot be judged, by its number.
    Raises InputError, and Unsupported for models that only the reference interpreter can run.
    """

    def __init__(self, request: ModelRequest, mutations: Sequence[Mutation]) -> None:
        self.model = get_model(request)
        if self.model.compiled is None:
            raise Unsupported(f"the clauses of {self.model.name} cannot be taken away one by one: {self.model.why}")
        self.refused: dict[int, str] = {}
        self._compiled: dict[int, CompiledModel] = {}
        self._digests: dict[tuple[int, frozenset[str]], str] = {}
        loaded, bell = self.model.load()
        for number, mutation in enumerate(mutations):
            try:
                own = changed(loaded.body, mutation)
                tags = changed(bell.statements, mutation) if bell else ()
                compiled = compile_model(
                    self.model.path.stem, loaded.title, loaded.prelude, tags, own, self.model.request.dialect,
                    self.model.request.variants,
                )  # fmt: skip
            except MembarError as problem:
                self.refused[number] = problem.message
                continue
            self._compiled[number] = compiled

    def mutant(self, number: int) -> Model:
        """The model with a mutation.  Raises KeyError for one that is refused."""
        return replace(self.model, compiled=replace(self._compiled[number], specialised={}))

    def telling(self, numbers: Sequence[int], features: frozenset[str]) -> dict[str, list[int]]:
        """Of some mutations those that say something else than the model about tests with these features, in groups
        that say the same."""
        own = self._digest(-1, features)
        groups: dict[str, list[int]] = {}
        for number in numbers:
            if number in self._compiled:
                found = self._digest(number, features)
                if found != own:
                    groups.setdefault(found, []).append(number)
        return groups

    def _digest(self, number: int, features: frozenset[str]) -> str:
        key = number, features
        if key not in self._digests:
            compiled = self.model.compiled if number < 0 else self._compiled[number]
            assert compiled is not None
            self._digests[key] = compiled_digest(specialise(compiled, features))
            if number >= 0:
                compiled.specialised.clear()  # hundreds of models for each kind of test would fill the memory
        return self._digests[key]


def changed(statements: Sequence[Stmt], mutation: Mutation) -> tuple[Stmt, ...]:
    """Statements with one mutation; the same ones if it is in another file.

    Raises InputError where the mutated text is no cat, which :func:`membar_check.synth.mutate.mutations` rules out.
    """
    found = _rebuilt(tuple(statements), mutation)
    assert isinstance(found, tuple)
    return found


def _rebuilt(node: object, mutation: Mutation) -> object:
    """A statement, or tuples with statements in them, with the mutated one parsed anew."""
    if isinstance(node, tuple):
        out: list[object] = []
        for part in node:
            if isinstance(part, Stmt) and not isinstance(part, _BLOCKS) and _holds(part, mutation):
                out += _reparsed(part, mutation)
            else:
                out.append(_rebuilt(part, mutation))
        return tuple(out)
    if not isinstance(node, _BLOCKS):
        return node
    new = {name: _rebuilt(value, mutation) for name in fields(node) if isinstance(value := getattr(node, name), tuple)}
    return replace(node, **new)


def _holds(statement: Stmt, mutation: Mutation) -> bool:
    span = statement.span
    return span.source.name == mutation.file and span.start <= mutation.start < span.end


def _reparsed(statement: Stmt, mutation: Mutation) -> tuple[Stmt, ...]:
    span = statement.span
    at = mutation.start - span.start
    text = span.text[:at] + mutation.text_after + span.text[at + len(mutation.text_before) :]
    lines = "\n" * (span.line - 1)  # so that messages name the line
    return parse_cat(Source(span.source.name, lines + text)).statements
