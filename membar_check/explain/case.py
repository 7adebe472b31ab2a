"""One test under one model, opened for questions: all its candidates, those that show an outcome, single ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from membar_check.cat.dag import CheckNode, CompiledModel
from membar_check.cat.specialise import specialise
from membar_check.diagnostics import Inconclusive, InputError, Unsupported
from membar_check.engine.api import CheckOptions, lower_for, make_verdict, model_request
from membar_check.engine.choose import Answer, run_engine
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.masks import DATA_RACE, MasksEngine, Ready
from membar_check.engine.models import Model, get_model
from membar_check.engine.outcome import Finals, RawState, split_states
from membar_check.engine.tally import Goal, Tally
from membar_check.events.build import build
from membar_check.events.executions import Choices, Variation, extract
from membar_check.events.space import Chunk, Space, blocks, chunks
from membar_check.events.valuation import Valuation
from membar_check.explain.outcome import (
    Outcome,
    Shower,
    asking,
    class_outcome,
    is_condition,
    own_outcome,
    parse_outcome_prop,
    unknown_outcome,
)
from membar_check.explain.view import Single
from membar_check.litmus.kernel_file import FOUND_UNASKED
from membar_check.litmus.syntax import LitmusTest
from membar_check.relation import bits, nonempty, subtract
from membar_check.verdict import State, Verdict

WIDE_LIMIT = 1 << 15  # candidates up to which also those are looked at that break SC per location
CASE_LIMIT = 1 << 20  # candidates up to which all are looked at
LEAN = 1024  # so many of a chunk are picked out of it, more are left where they are


class Part:
    """Some candidates of a chunk: ``mask``."""

    __slots__ = ("choices", "chunk", "mask")

    def __init__(self, chunk: Chunk, choices: Choices, mask: int) -> None:
        self.chunk = chunk
        self.choices = choices
        self.mask = mask

    @property
    def first(self) -> int:
        """The number of the first of them, which there must be."""
        return (self.mask & -self.mask).bit_length() - 1

    def single(self, number: int) -> Single:
        """The candidate ``number`` alone."""
        return Single(*extract([(self.chunk, self.choices, 1 << number)]))


class Survey:
    """The candidates that would show the outcome: ``shown`` those that the model allows, ``ruled_out`` the others."""

    def __init__(self, shown: list[Part], ruled_out: list[Part], whole: bool) -> None:
        self.shown = shown
        self.ruled_out = ruled_out
        self.whole = whole

    @property
    def allowed(self) -> bool:
        return any(p.mask for p in self.shown)


class Case:
    """``asked``: the number of a state, a class, a flag or a condition (None: the test's own); ``derive``: views carry
    a derivation for each pair.

    Raises InputError, Unsupported and Inconclusive as :func:`engine.api.check_test` does.
    """

    def __init__(
        self, test: LitmusTest, options: CheckOptions, asked: str | None = None, derive: bool = False
    ) -> None:
        self.original = test
        self.options = options
        self.derive = derive
        self.model: Model = get_model(model_request(test, options))
        if self.model.compiled is None:
            raise Unsupported(f"the model {self.model.name} cannot be explained: {self.model.why}")
        self.named = self.model.compiled
        self._asked = asked
        prop = None if asked is None or not is_condition(asked) else parse_outcome_prop(test, asked)
        self.test = test if prop is None else asking(test, prop)
        self.program = lower_for(self.test, self.model, options)
        self.structure = build(self.program, options.unroll, self.model.registers)
        self.compiled: CompiledModel = specialise(self.named, self.structure.features())
        self.engine = MasksEngine(self.compiled, self.structure, CASE_LIMIT)
        self.observed = self.engine.observed
        self._verdict: Verdict | None = None
        self._tally: Tally | None = None
        self._kept: list[Ready] | None = None
        self._whole = False

    # --- the verdict ---
    @property
    def verdict(self) -> Verdict:
        """What ``run`` says of the test (of the asked condition, if there is one)."""
        if self._verdict is None:
            answer = self._answer()
            self._tally = answer.tally
            self._verdict = make_verdict(self.program, self.model, answer, self.options)
        return self._verdict

    def _answer(self) -> Answer:
        if self.program.kernel is None:
            return run_engine(self.options.engine, self.model, self.structure, Goal())
        tally = Tally()
        for ready in self._sweep(True):
            tally.candidates += ready.evaluator.chunk.count
            self.engine.judge(ready, tally, Goal())
        return Answer(tally, "masks", self.observed)

    @property
    def tally(self) -> Tally:
        """The engine's findings; states are raw."""
        assert self.verdict is not None and self._tally is not None
        return self._tally

    @property
    def flags(self) -> frozenset[str]:
        """The flags that the model may raise."""
        return frozenset(k.name for k in self.named.checks if k.prefix == "flag")

    # --- what is asked about ---
    def outcome(self) -> Outcome:
        """What was asked for; by default the condition, of kernel C without one the gravest class found.

        Raises InputError for a state, class or flag that there is not.
        """
        if self._asked is None:
            return self._default_outcome()
        return self.find(self._asked) or Outcome("condition", self._asked, self.program.condition)

    def find(self, asked: str) -> Outcome | None:
        """The state of that number, the flag or the class of that name; None for a condition, which takes a case of its
        own.  Raises InputError for a number or a name that there is not."""
        if asked.isdecimal():
            return self._state_outcome(int(asked))
        if asked in self.flags:
            return Outcome("flag", asked, name=asked)
        if is_condition(asked):
            return None
        found = class_outcome(self.program, asked)
        if found is None:
            raise unknown_outcome(self.program, self.flags, asked)
        return found

    def _default_outcome(self) -> Outcome:
        kernel = self.program.kernel
        if kernel is None or self.test.condition.span is not None:
            return own_outcome(self.test, self.program)
        classes = [c for c in self.verdict.classes if c in self.flags or class_outcome(self.program, c) is not None]
        declared = [c.name for c in kernel.conditions]
        found = next((c for c in declared if c in classes), classes[0] if classes else "")
        found = found if found in declared else next((c for c in FOUND_UNASKED if c in classes), found)
        name = found or (declared[0] if declared else FOUND_UNASKED[0])
        if name in self.flags:
            return Outcome("flag", name, name=name)
        outcome = class_outcome(self.program, name)
        assert outcome is not None
        return outcome

    def _state_outcome(self, number: int) -> Outcome:
        rows = self.raw_states()
        if not 1 <= number <= len(rows):
            raise InputError(f"there is no state {number}", hint=f"the test ends in states 1 to {len(rows)}")
        raw, state = rows[number - 1]
        text = " ".join(f"{place}={value};" for place, value in state)
        return Outcome("state", f"state {number}: {text}", raw=raw)

    def raw_states(self) -> list[tuple[RawState, State]]:
        """The final states in the order of the log, raw and as printed."""
        raws = list(self.tally.states)
        place = {state: i for i, state in enumerate(self.observed.sorted_states(raws))}
        return sorted(((raw, self.observed.state(raw)) for raw in raws), key=lambda row: place[row[1]])

    # --- candidates ---
    def _sweep(self, wide: bool) -> Iterator[Ready]:
        """All candidates; those of kernel C are kept for the next question.  Raises Inconclusive at the limit."""
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Ready] | None = [] if self.program.kernel is not None else None
        space, self._whole = self._space(wide)
        seen = 0
        for run in chunks(space, blocks):
            seen += sum(b.size for b in run)
            if seen > CASE_LIMIT:
                raise Inconclusive("engine", f"more than {CASE_LIMIT} candidates are too many to explain")
            for chunk, choices, valid in self.engine.choose(Chunk(self.structure, run)):
                ready = self.engine.ready(chunk, choices, valid)
                if kept is not None:
                    kept.append(ready)
                yield ready
        self._kept = kept

    def survey(self, outcome: Outcome, wide: bool = True) -> Survey:
        """All candidates that would show the outcome.  ``wide``: also those that break SC per location, if they are
        few enough to be looked at (``Survey.whole`` tells).  Raises Inconclusive where there are too many."""
        shower = Shower(outcome, self.observed)
        shown: list[tuple[Chunk, Choices, int]] = []
        ruled_out: list[tuple[Chunk, Choices, int]] = []
        for ready in self._sweep(wide):
            evaluator = ready.evaluator
            chunk = evaluator.chunk
            mask = shower.mask(chunk, ready.where, ready.valid) if ready.valid else 0
            if not mask:
                continue
            good = self.engine.checks(evaluator, mask, Tally())
            if outcome.kind == "flag":
                good = self._flagged(evaluator, outcome.name, good)
                mask = good | self._flagged(evaluator, outcome.name, mask & ~good)
            if good:
                shown.append((chunk, evaluator.choices, good))
            if mask & ~good:
                ruled_out.append((chunk, evaluator.choices, mask & ~good))
        return Survey(_gathered(shown), _gathered(ruled_out), self._whole)

    def thin_air(self) -> bool:
        """Whether some candidates are none only because their values would justify themselves: reads in a circle, each
        from a write that stores what was read."""
        if self.program.kernel is not None:
            return False
        for run in chunks(self.engine.space, blocks):
            chunk = Chunk(self.structure, run)
            valuation = Valuation(chunk)
            for path, mask in chunk.paths:
                good = valuation.satisfied(path, mask)
                if good & ~valuation.determined(path, good):
                    return True
        return False

    def _flagged(self, evaluator: Evaluator, name: str, within: int) -> int:
        """Where the model raises the flag; all but data races count in executions that run to their end only."""
        out = 0
        if name != DATA_RACE and self.program.kernel is not None:
            within &= ~evaluator.chunk.broken_off
        for check in self.compiled.checks:
            if check.prefix == "flag" and check.name == name and within:
                out |= within & ~breaking(evaluator, check, within)
        return out

    def _space(self, wide: bool) -> tuple[Space, bool]:
        """The candidates to look at, and whether they are all there are."""
        engine = self.engine
        coherent = self.compiled.coherent or self.compiled.atomic
        if not coherent:
            return engine.space, True
        if wide and self.compiled.base.plain and self.program.kernel is None:
            space = Space(self.structure, False, None, False)
            if _size(engine.space) <= WIDE_LIMIT >> 3 and _size(space) <= WIDE_LIMIT:
                return space, True
        return engine.space, False

    def consistent(self, limit: int) -> Iterator[Part]:
        """The executions that the model allows, some ``limit`` of them at most."""
        left = limit
        for ready in self._sweep(True):
            mask = self.engine.checks(ready.evaluator, ready.valid, Tally()) if ready.valid else 0
            kept = 0
            for number in islice(bits(mask), left):
                kept |= 1 << number
            if kept:
                yield Part(ready.evaluator.chunk, ready.evaluator.choices, kept)
                left -= kept.bit_count()
            if not left:
                return

    def states_of(self, part: Part) -> dict[RawState, int]:
        """The final states of a part's candidates, each with its candidates."""
        finals = Finals(part.chunk, Valuation(part.chunk), self.program)
        return split_states(self.observed, finals, part.mask)

    # --- variations ---
    def survivors(self, parts: Sequence[Part], variation: Variation, without: frozenset[str]) -> Part | None:
        """The first part with a candidate that is an execution once the program is varied and the checks named in
        ``without`` are left out of the model (its mask: all such candidates); None if there is none."""
        model = self.model_for(variation)
        for part in parts:
            chunk = variation.chunk(part.chunk)
            choices = {name: variation.pairs(relation) for name, relation in part.choices.items()}
            evaluator = Evaluator(model, chunk, Valuation(chunk), choices)
            good = passing(model, evaluator, part.mask, without)
            if good:
                return Part(chunk, choices, good)
        return None

    def model_for(self, variation: Variation) -> CompiledModel:
        """The model for the features that the varied program has."""
        if not variation.retagged:
            return self.compiled
        return specialise(self.named, variation.structure(self.structure).features())


def passing(model: CompiledModel, evaluator: Evaluator, within: int, without: frozenset[str] = frozenset()) -> int:
    """The candidates of ``within`` that pass the checks of the model but those named in ``without``."""
    good = within
    for part in model.base.dynamic:
        good &= ~nonempty(subtract(evaluator.relation(part), evaluator.chunk.co))
    for check in model.checks:
        if check.prefix == "" and check_name(check) not in without:
            if not good:
                break
            good &= ~breaking(evaluator, check, good)
    return good


def breaking(evaluator: Evaluator, check: CheckNode, within: int) -> int:
    """The candidates of ``within`` that do not pass the check; of one that raises a flag, those without it."""
    failing = evaluator.failing(check.test, check.node, within)
    return within & ~failing if check.negated else failing


def check_name(check: CheckNode) -> str:
    """The name of a check, or where it stands."""
    return check.name or f"{check.test} in line {check.span.line}"


def _size(space: Space) -> int:
    """The number of candidates, exact up to :data:`WIDE_LIMIT`."""
    total = 0
    for skeleton in space.skeletons():
        total += skeleton.size
        if total > WIDE_LIMIT:
            break
    return total


def _gathered(parts: list[tuple[Chunk, Choices, int]]) -> list[Part]:
    """Few chunks: where little of one is wanted it is picked out, together with that of others."""
    lean = [p for p in parts if p[2].bit_count() <= LEAN]
    out = [Part(*p) for p in parts if p[2].bit_count() > LEAN]
    while lean:
        total, taken = 0, 0
        while taken < len(lean) and total <= 1 << 12:
            total += lean[taken][2].bit_count()
            taken += 1
        chunk, choices = extract(lean[:taken])
        out.append(Part(chunk, choices, chunk.full))
        lean = lean[taken:]
    return out
