"""The engine that runs a model step by step on every candidate, one at a time.

It is for models that the graph compiler cannot take, and for comparing: the model is read by the reference interpreter
(:mod:`membar_check.engine.concrete`), which shares nothing with the compiled evaluation but the primitive relations.
A candidate fixes the paths, reads-from and, as in herd7, the final writes of observed locations; coherence is the
model's own choice.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import product

from membar_check.cat.compile import Compiler
from membar_check.cat.dag import CompiledModel, Node
from membar_check.cat.loader import LoadedModel
from membar_check.cat.model import bell_tags
from membar_check.cat.symbolic import Env
from membar_check.diagnostics import Inconclusive
from membar_check.engine.concrete import judge
from membar_check.engine.concrete_values import CatValue, EventSet, Relation
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.outcome import Finals, Observed, Where, split_states
from membar_check.engine.tally import Goal, Tally
from membar_check.events.sources import allowed_sources
from membar_check.events.space import Chunk
from membar_check.events.structure import Path, Structure, unordered
from membar_check.events.valuation import Valuation
from membar_check.litmus.condition import looked_at
from membar_check.litmus.syntax import GlobalRef
from membar_check.values import Address

LIMIT = 200_000  # candidates that are run one by one


class ReferenceEngine:
    """Judges a structure by interpreting a model."""

    def __init__(
        self, model: LoadedModel, bell: LoadedModel | None, structure: Structure, dialect: str, variants: frozenset[str]
    ) -> None:
        self.model = model
        self.bell = bell
        self.structure = structure
        self.observed = Observed(structure.program)
        tags = bell_tags(model.statements) | (bell_tags(bell.statements) if bell else frozenset())
        self.compiler = Compiler(dialect, variants, tags)

    def run(self, goal: Goal) -> Tally:
        """Looks at every candidate; witnesses are not drawn.  Raises Inconclusive when there are too many."""
        tally = Tally()
        for paths in self.structure.combinations():
            for chunk in self._candidates(paths):
                tally.candidates += 1
                if tally.candidates > LIMIT:
                    raise Inconclusive("engine", f"more than {LIMIT} candidates for the reference interpreter")
                self._judge(chunk, tally, goal)
                if goal.met(tally, self.structure.program.test.condition.quantifier):
                    return tally
        return tally

    # --- candidates ---
    def _candidates(self, paths: tuple[Path, ...]) -> Iterator[Chunk]:
        """The candidates of a skeleton: every source for each read, every last write of observed locations."""
        writes = self._writes(paths)
        allowed = dict(allowed_sources(self.structure, paths))
        reads: list[tuple[int, list[int]]] = []
        events = self.structure.events
        for path in paths:
            for i, e in enumerate(path.events):
                if events[e].is_read:
                    later = {x for x in path.events[i:] if x == e or not unordered(events[e], events[x])}
                    sources = [w for w in writes[path.address[e]] if w not in later]
                    reads.append((e, [w for w in sources if e not in allowed or w in allowed[e]]))
        finals = [(a, writes[a][1:] or writes[a]) for a in self._observed_cells() if a in writes]
        for chosen in product(*(sources for _, sources in reads)):
            for last in product(*(candidates for _, candidates in finals)):
                chunk = Chunk.of_paths(self.structure, [paths])
                for (r, _), w in zip(reads, chosen, strict=True):
                    chunk.rf.setdefault(w, {})[r] = 1
                chunk.last.update(dict.fromkeys(last, 1))
                yield chunk

    def _writes(self, paths: tuple[Path, ...]) -> dict[Address, list[int]]:
        out = {a: [e] for a, e in self.structure.initial.items()}
        for path in paths:
            for e in path.events:
                if self.structure.events[e].is_write:
                    out[path.address[e]].append(e)
        return out

    def _observed_cells(self) -> list[Address]:
        program = self.structure.program
        places = looked_at(program.condition, program.locations, program.filter)
        cells = [c for p in places if isinstance(p, GlobalRef) for c in self.observed.cells(p)]
        return list(dict.fromkeys(c for c in cells if isinstance(c, Address)))

    # --- judging ---
    def _judge(self, chunk: Chunk, tally: Tally, goal: Goal) -> None:
        valuation = Valuation(chunk)
        for path, mask in chunk.paths:
            if not valuation.determined(path, valuation.satisfied(path, mask)):
                return
        if any(path.cut for path, _ in chunk.paths):
            tally.loop = True
            return
        finals = Finals(chunk, valuation, self.structure.program)
        where = Where(finals, self.observed)
        wanted = self.structure.program.filter
        if wanted is not None and not where.holds(wanted):
            return
        shown = where.holds(self.structure.program.condition)
        environment = CandidateEnvironment(self.compiler, chunk, valuation)
        for judgement in judge(self.model, self.bell, environment):
            if not judgement.consistent:
                continue
            tally.positive += shown
            tally.negative += 1 - shown
            tally.flags.update(judgement.flags)
            tally.undefined = tally.undefined or judgement.undefined
            if goal.states:
                tally.states.update(split_states(self.observed, finals, 1))


class CandidateEnvironment:
    """One candidate as the reference interpreter sees it."""

    def __init__(self, compiler: Compiler, chunk: Chunk, valuation: Valuation) -> None:
        nothing = CompiledModel("", "", compiler.graph, (), (), {}, False, False, False)
        self.compiler = compiler
        self.evaluator = Evaluator(nothing, chunk, valuation, {})
        self.chunk = chunk
        self.variants = compiler.variants
        self.universe = frozenset(chunk.present)
        self._addresses = {e: a for p, _ in chunk.paths for e, a in p.address.items()}
        self._addresses.update({e: a for a, e in chunk.structure.initial.items()})
        self._known: dict[str, CatValue | None] = {}

    def names(self) -> frozenset[str]:
        return self.compiler.names()

    def lookup(self, name: str) -> CatValue | None:
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> CatValue | None:
        node = self.compiler.predefined(name, Env({}, None))
        if not isinstance(node, Node):
            return None
        if node.kind == "S":
            return EventSet(frozenset(self.evaluator.set_of(node)))
        return Relation(frozenset((a, b) for a, row in self.evaluator.relation(node).items() for b in row))

    def location_of(self, event: int) -> Hashable | None:
        return self._addresses.get(event)

    def value_of(self, event: int) -> Hashable | None:
        return next(iter(self.evaluator.value(event)), None)
