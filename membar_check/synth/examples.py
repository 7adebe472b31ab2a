"""For each axiom and each clause of a model a smallest test that needs it, and one beside it that is allowed.

A clause is an alternative of a union in the model's text.  A test *needs* a clause where the model forbids it and the
model without the clause allows it.  Tests are tried in the order of :mod:`membar_check.synth.enumerate_cycles`, each
under the model and under the models without a clause that still wants an example; what no cycle shows is searched
symbolically (:mod:`membar_check.synth.finder`).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from membar_check.diagnostics import MembarError, Unsupported
from membar_check.engine.models import Model
from membar_check.events.structure import Structure
from membar_check.records import dataclass, replace
from membar_check.synth.cycles import Test, make_test
from membar_check.synth.edge_names import names_of
from membar_check.synth.edges import Edge, parse_edges
from membar_check.synth.enumerate_cycles import Limits, all_cycles
from membar_check.synth.generate import Generated, Judge
from membar_check.synth.mutate import ALTERNATIVE, CHECK, Mutation, mutations
from membar_check.synth.mutate_models import mutated_model, same_judgement, together
from membar_check.synth.shape import Access, Fence, Line, Shape
from membar_check.synth.write import write_shape

CYCLES_SHARE = 0.5  # of the time, for the enumeration ...
PATIENCE = 5.0  # ... which ends when so many seconds of work, and half of all its work, found nothing more
DENSE, SPARSE = 4, 2  # cycles of more accesses than this are tried with at most so many decorations
KEPT = 4000  # allowed tests of one size that are kept as neighbours


@dataclass(frozen=True, slots=True)
class Example:
    """``forbidden``: a test that needs the clause, ``allowed``: one that the model allows, a ``step`` away from it (in
    words); None where there is none up to the bound.  ``idle``: no verdict can hang on the clause, because only flags
    use it, or nothing does."""

    clause: Mutation
    forbidden: Generated | None
    allowed: Generated | None = None
    step: str = ""
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Examples:
    """``examples``: one a clause, in the order of the model's text.

    ``cycles``: all cycles of so many accesses were tried, ``sparse``: all with at most :data:`SPARSE` decorations;
    ``searched``: all tests of so many accesses, for every clause without an example; ``trouble``: what could not be
    tried, in words.
    """

    model: str
    arch: str
    examples: tuple[Example, ...]
    cycles: int
    sparse: int
    searched: int
    trouble: tuple[str, ...]


def examples_of(judge: Judge, limits: Limits, seconds: float, search: int = 5) -> Examples:
    """The examples for the judge's model.  ``search``: accesses up to which clauses that no cycle shows are searched.

    Raises InputError for models that cannot be loaded, Unsupported for those that only the interpreter can run.
    """
    start = time.monotonic()
    folders = [Path(name) for name in judge.options.include_dirs]
    clauses = mutations(judge.model.path, folders, (CHECK, ALTERNATIVE), bell=False)
    hunt = _Hunt(judge, clauses)
    until = start + seconds * CYCLES_SHARE
    cycles = hunt.try_cycles(replace(limits, accesses=min(DENSE, limits.accesses)), until)
    sparse = hunt.try_cycles(replace(limits, decorations=min(SPARSE, limits.decorations)), until)
    searched = hunt.search(limits.arch, search, start + seconds)
    examples = tuple([hunt.example(clause) for clause in clauses])
    trouble = tuple(hunt.trouble)
    return Examples(judge.model.name, limits.arch, examples, cycles, max(cycles, sparse), searched, trouble)


class _Hunt:
    """The state of one :func:`examples_of`.

    ``open``: the clauses that want an example, each with the model without it.  ``groups``: these clauses in
    groups that go together, each with the model without any of its group: what that forbids, no single one allows.
    """

    def __init__(self, judge: Judge, clauses: Sequence[Mutation]) -> None:
        self.judge = judge
        self.open: dict[Mutation, Model] = {}
        self.found: dict[Mutation, Generated] = {}
        self.idle: set[Mutation] = set()
        self.allowed: dict[int, list[Generated]] = {}
        self.trouble: list[str] = []
        self.tried: set[tuple[Edge, ...]] = set()
        self.entangled = False  # whether some test needs several clauses at once, and none of them alone
        for clause in clauses:
            try:
                self.start(clause, mutated_model(judge.model, clause))
            except MembarError as problem:
                self.trouble.append(f"{clause.name}: {problem.message}")
        self.groups = self.grouped()

    def grouped(self) -> list[tuple[Model, tuple[Mutation, ...]]]:
        groups = []
        left = dict.fromkeys(self.open)
        while left:
            model, taken = together(self.judge.model, left)
            groups.append((model, taken))
            for clause in taken:
                del left[clause]
            if not taken:
                break
        return groups

    def start(self, clause: Mutation, model: Model) -> None:
        whole = self.judge.model.compiled
        if whole is None or model.compiled is None:
            raise Unsupported(f"the model {self.judge.model.name} cannot be compiled: {self.judge.model.why}")
        if same_judgement(whole, model.compiled):
            self.idle.add(clause)
        else:
            self.open[clause] = model

    # --- cycles
    def try_cycles(self, limits: Limits, deadline: float) -> int:
        """Tries cycles until all clauses have an example, or the time is over; returns the size up to which all were
        tried."""
        if not self.open:
            return limits.accesses
        begin = last = time.process_time()
        left = len(self.open)
        for cycle in all_cycles(limits):
            now = time.process_time()
            if len(self.open) < left:
                left, last = len(self.open), now
            if not left or time.monotonic() > deadline or now - last > max(PATIENCE, last - begin):
                return len(cycle) - 1
            if cycle not in self.tried:
                self.tried.add(cycle)
                self.try_test(make_test(cycle, limits.arch), len(cycle))
        return limits.accesses

    def try_test(self, test: Test, size: int) -> None:
        try:
            generated = Generated(test, write_shape(test.shape, test.name, cycle=test.cycle))
            structure = self.judge.structure(generated.text, test.name)
            if self.judge.allows(structure):
                kept = self.allowed.setdefault(size, [])
                if len(kept) < KEPT:
                    kept.append(generated)
                return
            self.note(generated, structure)
        except MembarError as problem:
            self.trouble.append(f"{test.name}: {problem.message}")

    def note(self, generated: Generated, structure: Structure) -> None:
        """Gives a forbidden test to the clauses that it needs."""
        needed = [
            clause
            for weakest, group in self.groups
            if self.judge.allows(structure, weakest)
            for clause in group
            if self.judge.allows(structure, self.open[clause])
        ]
        for clause in needed:
            del self.open[clause]
            self.found[clause] = generated
        if needed:
            self.groups = self.grouped()

    # --- what no cycle shows
    def search(self, arch: str, accesses: int, deadline: float) -> int:
        """Searches for tests that need the clauses that are left; returns the size up to which all were searched.

        First for whole groups of clauses, with the model without any of them: where nothing is found, none of them has
        an example.  What this finds and no clause alone explains leaves a search for each.
        """
        from membar_check.synth.finder import OutOfTime

        done = 0
        try:
            for size in range(1, accesses + 1):
                while any(self.find(arch, size, *group, deadline) for group in self.groups):
                    pass
                for clause in list(self.open) if self.entangled else ():
                    if clause in self.open:
                        self.find(arch, size, self.open[clause], (clause,), deadline)
                done = size
        except OutOfTime:
            pass
        return accesses if not self.open else done

    def find(self, arch: str, size: int, weaker: Model, clauses: Sequence[Mutation], deadline: float) -> bool:
        """Whether a test of this size was found that some of the clauses need.  Raises OutOfTime, also where the search
        does not know the models or the dialect."""
        from membar_check.synth.finder import Bound, Finder, Goal, OutOfTime
        from membar_check.synth.naming import test_name

        if not clauses:
            return False
        before = len(self.open)
        try:
            finder = Finder((self.judge.model, weaker), arch, Bound(size), self.confirms(weaker), deadline)
            for found in finder.find_at(size, [Goal(1)]):
                name = test_name(found.shape)
                generated = Generated(Test(name, found.shape, ""), write_shape(found.shape, name))
                self.note(generated, self.judge.structure(generated.text, name))
                self.entangled = self.entangled or len(self.open) == before
        except MembarError as problem:
            self.trouble.append(f"the search of all tests: {problem.message}")
            raise OutOfTime from None
        return len(self.open) < before

    def confirms(self, model: Model) -> Callable[[Shape, object], bool]:
        def confirm(shape: Shape, goal: object) -> bool:
            try:
                structure = self.judge.structure(write_shape(shape, "found"), "found")
                return self.judge.allows(structure, model) and not self.judge.allows(structure)
            except MembarError:
                return False

        return confirm

    # --- a step away
    def example(self, clause: Mutation) -> Example:
        forbidden = self.found.get(clause)
        if forbidden is None:
            return Example(clause, None, idle=clause in self.idle)
        for test, step in sorted(_weaker(forbidden.test), key=lambda way: not _speaks(clause, way[1])):
            try:
                generated = Generated(test, write_shape(test.shape, test.name, cycle=test.cycle))
                if self.judge.allows(self.judge.structure(generated.text, test.name)):
                    return Example(clause, forbidden, generated, step)
            except MembarError as problem:
                self.trouble.append(f"{test.name}: {problem.message}")
        near = self.nearest(forbidden)
        if near is None:
            return Example(clause, forbidden)
        return Example(clause, forbidden, near, _difference(forbidden.test, near.test))

    def nearest(self, test: Generated) -> Generated | None:
        """The first of the allowed tests, of the same size if there are any, that have most edges in common."""
        edges = Counter(_elsewhere(test.test))
        sizes = [size for size in sorted(self.allowed) if size >= test.test.shape.accesses]
        if not edges or not sizes:
            return None
        return max(self.allowed[sizes[0]], key=lambda other: (edges & Counter(_elsewhere(other.test))).total())


def _elsewhere(test: Test) -> list[str]:
    """The edges of a test, those of program order as if they all changed the location."""
    return ["Pod" + edge[3:] if edge.startswith("Pos") else edge for edge in test.cycle.split()]


def _difference(first: Test, second: Test) -> str:
    one, other = Counter(first.cycle.split()), Counter(second.cycle.split())
    return f"{' '.join((one - other).elements())} -> {' '.join((other - one).elements())}"


def _speaks(clause: Mutation, step: str) -> bool:
    """Whether the words of a clause name what a step takes away."""
    words = re.findall(r"[a-z][\w.-]*", f"{clause.owner} {clause.text_before}".lower())
    taken = re.findall(r"[a-z][\w.+]*", step.lower().split("->")[0])
    names = {re.sub(r"^dp|[sd][rw*]{1,2}$", "", word) for word in taken} | set(taken)
    return any(word in names or word.replace(".", " ") in step.lower() for word in words)


# --- weaker tests ----------------------------------------------------------------------------------------------------
def _weaker(test: Test) -> Iterator[tuple[Test, str]]:
    """The tests with one fence, dependency, annotation or read-modify-write less, each with the step in words."""
    if not test.cycle:
        yield from _weaker_shapes(test)
        return
    arch = test.shape.arch
    edges = tuple([edge for edge, _ in parse_edges(test.cycle, arch)])
    names = names_of(arch)
    plain = names.annotations[0]
    for index, edge in enumerate(edges):
        for instead in _weaker_edges(edge):
            changed = (*edges[:index], instead, *edges[index + 1 :])
            yield make_test(changed, arch), f"{edge.core()} -> {instead.core()}"
    for index, edge in enumerate(edges):
        if edge.before not in (None, plain):
            assert edge.before is not None
            last = replace(edges[index - 1], after=plain)
            changed = tuple([last if e is edges[index - 1] else e for e in edges])
            changed = (*changed[:index], replace(changed[index], before=plain), *changed[index + 1 :])
            yield make_test(changed, arch), f"{edge.before.name} -> {plain.name} before {edge.core()}"


def _weaker_edges(edge: Edge) -> Iterator[Edge]:
    if edge.kind == "dp" and edge.name.startswith("Ctrl") and edge.name != "Ctrl":
        yield replace(edge, name="Ctrl")
    if edge.kind in ("fence", "dp", "rcu"):
        yield replace(edge, kind="po", name="")


def _weaker_shapes(test: Test) -> Iterator[tuple[Test, str]]:
    from membar_check.synth.naming import test_name

    for number, line in enumerate(test.shape.threads):
        for changed, step in _weaker_lines(line):
            threads = (*test.shape.threads[:number], changed, *test.shape.threads[number + 1 :])
            shape = replace(test.shape, threads=threads)
            yield Test(test_name(shape), shape, ""), f"without {step} in thread {number}"


def _weaker_lines(line: Line) -> Iterator[tuple[Line, str]]:
    for index, item in enumerate(line.items):
        if isinstance(item, Fence):
            yield _without(line, index), item.name
    for dependency in line.dependencies:
        left = tuple([d for d in line.dependencies if d is not dependency])
        yield replace(line, dependencies=left), f"the {dependency.kind} dependency"
    for index, item in enumerate(line.items):
        if isinstance(item, Access):
            for tag in sorted(item.tags - {"ONCE", "X", "EX"}):
                kept = frozenset({"ONCE"}) if tag in ("ACQUIRE", "RELEASE", "MB") else item.tags - {tag}
                items = (*line.items[:index], replace(item, tags=kept), *line.items[index + 1 :])
                yield replace(line, items=items), f"the annotation {tag}"
    for pair in line.rmw:
        plain = [
            replace(item, tags=item.tags - {"X", "EX"}) if isinstance(item, Access) and i in pair else item
            for i, item in enumerate(line.items)
        ]
        rest = tuple([other for other in line.rmw if other is not pair])
        yield replace(line, items=tuple(plain), rmw=rest), "the read-modify-write"


def _without(line: Line, at: int) -> Line:
    """A thread without one of its items."""

    def moved(index: int) -> int:
        return index - (index > at)

    return Line(
        (*line.items[:at], *line.items[at + 1 :]),
        tuple([replace(d, source=moved(d.source), target=moved(d.target)) for d in line.dependencies]),
        tuple([(moved(read), moved(write)) for read, write in line.rmw]),
    )
