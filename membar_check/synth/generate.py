"""Tests from cycles: one cycle, lists of alternatives, all cycles up to a size; their verdicts; a folder of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from membar_check.diagnostics import InputError, Source, Span
from membar_check.engine.api import CheckOptions, lower_for, model_request
from membar_check.engine.choose import run_engine
from membar_check.engine.models import Model, get_model
from membar_check.engine.tally import Goal
from membar_check.events.build import build
from membar_check.events.structure import Structure
from membar_check.litmus.parser import parse_litmus
from membar_check.records import dataclass, replace
from membar_check.synth.cycles import Test, make_test, test_of
from membar_check.synth.edge_names import names_of
from membar_check.synth.edges import Edge, parse_edge, split_edges
from membar_check.synth.enumerate_cycles import Limits, all_cycles, cycles_of
from membar_check.synth.write import write_shape

ALLOWED, FORBIDDEN = "allowed", "forbidden"
INDEX = "@all"
"""The file of a folder that names all its tests, as herd7 and diy7 have it."""


@dataclass(frozen=True, slots=True)
class Generated:
    """``test`` with a name that no other of its run has; ``text``: the litmus file."""

    test: Test
    text: str


def from_edges(text: str, arch: str) -> Iterator[Test]:
    """The tests of a cycle; where edges are joined by commas, those of each choice that is a cycle.

    Raises InputError for names that are no edges; for a single cycle, or where no choice is one, also for edges that do
    not fit together.
    """
    places = split_edges(text)
    if all(len(place) == 1 for place in places):
        yield test_of(text, arch)
        return
    problem: InputError | None = None
    found = set()
    for choice in product(*places):
        try:
            test = test_of(" ".join(choice), arch)
        except InputError as error:
            problem = problem or error
            if "expected an edge" in error.message:
                raise
            continue
        if test.cycle not in found:
            found.add(test.cycle)
            yield test
    if not found:
        assert problem is not None
        raise InputError(f"no choice of edges is a cycle; the first: {problem.message}", problem.span, problem.hint)


def from_lists(relax: str, safe: str, limits: Limits) -> Iterator[Test]:
    """The tests of all cycles up to a size of edges from two lists, with at least one of ``relax`` if it has any.

    Raises InputError for names that are no edges.
    """
    lists = [_edge_list(text, limits.arch) for text in (safe, relax)]
    for cycle in cycles_of(lists[0], lists[1], limits):
        yield make_test(cycle, limits.arch)


def _edge_list(text: str, arch: str) -> list[Edge]:
    names = names_of(arch)
    found = []
    for place in split_edges(text):
        for name in place:
            begin = text.index(name)
            span = Span(Source("<edges>", text), begin, begin + len(name))
            edge = parse_edge(name, names, span)
            if not isinstance(edge, Edge):
                raise InputError(f"found the annotation `{name}`, expected an edge", span)
            found.append(edge)
    return found


def up_to_size(limits: Limits) -> Iterator[Test]:
    """The tests of :func:`membar_check.synth.enumerate_cycles.all_cycles`."""
    for cycle in all_cycles(limits):
        yield make_test(cycle, limits.arch)


def written(tests: Iterable[Test]) -> Iterator[Generated]:
    """The tests with their texts; a name that has been taken gets a number."""
    taken: dict[str, int] = {}
    for test in tests:
        count = taken.get(test.name, 0) + 1
        taken[test.name] = count
        name = test.name if count == 1 else f"{test.name}-{count}"
        yield Generated(replace(test, name=name), write_shape(test.shape, name, cycle=test.cycle))


def write_folder(tests: Iterable[Generated], folder: Path, force: bool = False) -> int:
    """Puts each test into a file of its own, and their names into :data:`INDEX`; returns how many there are.

    Raises InputError where that cannot be written, and, without ``force``, at the first file that exists with other
    contents.
    """
    names: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        index = None if force else _present(folder / INDEX)
        listed = None if index is None else index.decode("utf-8", errors="replace").splitlines()
        for test in tests:
            name = f"{test.test.name}.litmus"
            if listed is not None and listed[len(names) : len(names) + 1] != [name]:
                raise _taken(folder / INDEX)
            if not force and _present(folder / name) not in (None, test.text.encode("utf-8")):
                raise _taken(folder / name)
            names.append(name)
            (folder / name).write_text(test.text, encoding="utf-8")
        if listed is not None and listed != names:
            raise _taken(folder / INDEX)
        (folder / INDEX).write_text("".join([f"{name}\n" for name in names]), encoding="utf-8")
    except OSError as problem:
        raise InputError(f"{folder}: cannot be written: {(problem.strerror or str(problem)).lower()}") from None
    return len(names)


def _present(path: Path) -> bytes | None:
    """What a file has in it; None where there is none."""
    return path.read_bytes() if path.exists() else None


def _taken(path: Path) -> InputError:
    return InputError(f"{path}: exists with other contents", hint="--force overwrites it; or name another folder")


# --- verdicts --------------------------------------------------------------------------------------------------------
class Judge:
    """Says of tests whether models allow them; the event structure of a test is made once for all models that read it
    alike.

    ``options`` without a model: the dialect's default.  Raises InputError for models that cannot be loaded.
    """

    def __init__(self, arch: str, options: CheckOptions) -> None:
        self.options = options
        self.arch = arch
        probe = parse_litmus(Source("<probe>", write_shape(test_of("Rfe PodRR Fre PodWW", arch).shape, "probe")))
        self.model = get_model(model_request(probe, options))

    def structure(self, text: str, name: str) -> Structure:
        """The event structure of a test, as the model reads it.  Raises InputError, Unsupported, Inconclusive."""
        test = parse_litmus(Source(name, text))
        return build(lower_for(test, self.model, self.options), self.options.unroll, self.model.registers)

    def allows(self, structure: Structure, model: Model | None = None) -> bool:
        """Whether the execution that the test asks about is possible.  Raises Inconclusive."""
        answer = run_engine(self.options.engine, model or self.model, structure, Goal(False, False, True))
        return answer.tally.positive > 0

    def verdict(self, test: Generated) -> str:
        """:data:`ALLOWED` or :data:`FORBIDDEN`.  Errors as the others."""
        return ALLOWED if self.allows(self.structure(test.text, test.test.name)) else FORBIDDEN
