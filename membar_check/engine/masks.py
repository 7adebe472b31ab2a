"""The engine that evaluates all candidates of a test at once, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from membar_check.cat.dag import CheckNode, CompiledModel, PickChoice
from membar_check.cat.monotone import Monotone
from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.outcome import Finals, Observed, Where, split_states
from membar_check.engine.prune import SMALL, pruned_blocks
from membar_check.engine.tally import Goal, Located, Tally
from membar_check.events.orders import Edge
from membar_check.events.space import NOTHING_GIVEN, Block, Chunk, Given, Skeleton, Space, blocks, chunks
from membar_check.events.structure import Path, Structure
from membar_check.events.valuation import Valuation
from membar_check.program.ir import Program
from membar_check.relation import Relation, bits, nonempty, subtract

DATA_RACE = "data-race"  # the one flag that also speaks of executions that break off: others may miss what never came


class Ready(NamedTuple):
    """``valid``: the candidates of the evaluator's chunk whose values are consistent, that pass the filter and run to
    their end; ``cut``: others were stopped at the unrolling bound."""

    evaluator: Evaluator
    finals: Finals
    where: Where
    valid: int
    cut: bool


class MasksEngine:
    """Judges a structure under a compiled model."""

    def __init__(self, model: CompiledModel, structure: Structure, limit: int) -> None:
        self.model = model
        self.structure = structure
        self.program: Program = structure.program
        self.observed = Observed(self.program)
        self.limit = limit
        self.base = model.base
        self._monotone: tuple[CheckNode, ...] | None = None
        self.space = Space(structure, model.coherent, None if self._plain_order() else self._ordered, model.atomic)

    # --- coherence ---
    def _plain_order(self) -> bool:
        """Whether coherence is that of ordinary writes, with nothing given in advance but the initial write."""
        return self.base.plain

    def ordering(self, paths: tuple[Path, ...]) -> Given:
        """The events to be ordered at each location beside its ordinary writes, and the pairs given in advance."""
        return NOTHING_GIVEN if self._plain_order() else self._ordered([paths])[0]

    def _ordered(self, combinations: Sequence[tuple[Path, ...]]) -> list[Given]:
        order = self.model.order
        assert order is not None
        chunk = Chunk.of_paths(self.structure, combinations)
        evaluator = Evaluator(self.model, chunk, Valuation(chunk), {})
        members: list[list[int]] = [[] for _ in combinations]
        before: list[list[Edge]] = [[] for _ in combinations]
        for e, mask in evaluator.set_of(order.members).items():
            for i in bits(mask):
                members[i].append(e)
        for part in self.base.static:
            for a, row in evaluator.relation(part).items():
                for b, mask in row.items():
                    for i in bits(mask):
                        before[i].append((a, b))
        return [(frozenset(m), frozenset(b)) for m, b in zip(members, before, strict=True)]

    # --- running ---
    def run(self, goal: Goal) -> Tally:
        """Looks at every candidate, or until the goal is met.  Raises Inconclusive at the limit."""
        tally = Tally()
        for run in chunks(self.space, self._blocks):
            tally.candidates += sum(b.size for b in run)
            if tally.candidates > self.limit:
                raise Inconclusive("engine", f"more than {self.limit} candidates", hint="try --engine z3")
            for chunk, choices, valid in self.choose(Chunk(self.structure, run)):
                self.judge(self.ready(chunk, choices, valid), tally, goal)
            if goal.met(tally, self.program.test.condition.quantifier):
                break
        return tally

    def _blocks(self, skeleton: Skeleton) -> Iterator[Block]:
        size = skeleton.size
        if size <= SMALL:
            return blocks(skeleton)
        if self._monotone is None:
            self._monotone = Monotone(self.model).checks(self.model)
        return pruned_blocks(self.model, self._monotone, self.structure, skeleton)

    def choose(self, chunk: Chunk) -> Iterator[tuple[Chunk, dict[str, Relation], int]]:
        """The chunk with the model's choices made: coherence is in the chunk, picks multiply its candidates."""
        choices: dict[str, Relation] = {}
        valid = chunk.full
        picks = [c for c in self.model.choices if isinstance(c, PickChoice)]
        if picks:
            evaluator = Evaluator(self.model, chunk, Valuation(chunk), {})
            wanted = [(c, evaluator.set_of(c.targets), evaluator.relation(c.pairs)) for c in picks]
            if any(targets for _, targets, _ in wanted):
                from membar_check.engine.picks import expand

                chunk, choices, valid = expand(chunk, wanted)
            else:
                choices = {c.result.name: {} for c in picks}
        order = self.model.order
        if order is not None:
            choices[order.result.name] = chunk.co
        yield chunk, choices, valid

    def ready(self, chunk: Chunk, choices: dict[str, Relation], valid: int) -> Ready:
        """The candidates ``valid`` of a chunk with what is known before the model is asked; ``choices``: the model's,
        by number."""
        valuation = Valuation(chunk)
        valid = self.consistent_values(chunk, valuation, valid)
        cut = 0
        for path, mask in chunk.paths:
            if path.cut:
                cut |= valid & mask
        valid &= ~cut
        finals = Finals(chunk, valuation, self.program)
        where = Where(finals, self.observed)
        if self.program.filter is not None and valid:
            valid &= where.holds(self.program.filter)
        return Ready(Evaluator(self.model, chunk, valuation, choices), finals, where, valid, bool(cut))

    def judge(self, ready: Ready, tally: Tally, goal: Goal) -> None:
        """Adds what the candidates are to the tally."""
        tally.loop = tally.loop or ready.cut
        evaluator, finals, where, valid = ready.evaluator, ready.finals, ready.where, ready.valid
        chunk = evaluator.chunk
        if not valid:
            return
        valid = self.checks(evaluator, valid, tally)
        if not valid:
            return
        if self.program.kernel is not None:
            from membar_check.engine.findings import gather

            valid = gather(chunk, where, self.program.kernel, valid, tally)
            if not valid:
                return
        shown = where.holds(self.program.condition) & valid
        positive = shown.bit_count()
        tally.positive += positive
        tally.negative += valid.bit_count() - positive
        if goal.states:
            tally.states.update(split_states(self.observed, finals, valid))
        if goal.witness:
            tally.shown = tally.shown or self._locate(evaluator, finals, shown)
            tally.counter = tally.counter or self._locate(evaluator, finals, valid & ~shown)

    def _locate(self, evaluator: Evaluator, finals: Finals, mask: int) -> Located | None:
        if not mask:
            return None
        number = _lowest(mask)
        raw = next(iter(split_states(self.observed, finals, 1 << number)))
        return Located(evaluator, number, raw)

    @staticmethod
    def consistent_values(chunk: Chunk, valuation: Valuation, valid: int) -> int:
        """Keeps the candidates in which each path's decisions agree with the values read."""
        for path, mask in chunk.paths:
            here = valid & mask
            if here:
                good = valuation.satisfied(path, here)
                good = valuation.determined(path, good)
                valid &= ~here | good
        return valid

    def blame(self, chunk: Chunk, choices: dict[str, Relation]) -> str:
        """What keeps some candidate of a chunk from being consistent, in words."""
        valuation = Valuation(chunk)
        if self.consistent_values(chunk, valuation, chunk.full) != chunk.full:
            return "values"
        evaluator = Evaluator(self.model, chunk, valuation, choices)
        if any(subtract(evaluator.relation(part), chunk.co) for part in self.base.dynamic):
            return "the partial order of writes"
        for check in self.model.checks:
            failing = evaluator.failing(check.test, check.node, chunk.full)
            if check.prefix == "" and (chunk.full & ~failing if check.negated else failing):
                return check.name or f"{check.test} at {check.span.where()}"
        return "the filter"

    def checks(self, evaluator: Evaluator, valid: int, tally: Tally) -> int:
        for part in self.base.dynamic:
            broken = nonempty(subtract(evaluator.relation(part), evaluator.chunk.co))
            valid &= ~broken
        later = []
        for check in self.model.checks:
            if check.prefix in ("flag", "undefined_unless"):
                later.append(check)
                continue
            if not valid:
                return 0
            failing = evaluator.failing(check.test, check.node, valid)
            bad = valid & ~failing if check.negated else failing
            if check.prefix == "assert" and bad:
                raise InputError(f"the model's assertion {check.name or check.test} fails on this test", check.span)
            valid &= ~bad
        whole = valid if self.program.kernel is None else valid & ~evaluator.chunk.broken_off
        for check in later:
            if not valid:
                return 0
            judged = valid if check.name == DATA_RACE else whole
            failing = evaluator.failing(check.test, check.node, judged)
            holds = failing if check.negated else judged & ~failing
            if check.prefix == "flag" and holds:
                if self.program.kernel is not None and check.name not in tally.flags and check.node.kind == "R":
                    from membar_check.engine.findings import raised

                    pairs = evaluator.relation(check.node)
                    tally.raised[check.name] = raised(check.name, pairs, evaluator.chunk, holds)
                tally.flags.add(check.name)
            elif check.prefix == "undefined_unless" and whole & ~holds:
                tally.undefined = True
        return valid


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
