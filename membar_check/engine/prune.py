"""Shrinks the product of the choices at a test's locations before it is evaluated.

The locations of a skeleton are joined one after the other; after each join the combinations that already break a
monotone check of the model are dropped.  What is left is one digit with only the surviving combinations.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress

from membar_check.cat.dag import CheckNode, CompiledModel
from membar_check.engine.evaluate import Evaluator
from membar_check.events.orders import Digit, Edge, Variant
from membar_check.events.space import CHUNK, Block, Chunk, Skeleton, cut, spread
from membar_check.events.structure import Structure
from membar_check.events.valuation import Valuation
from membar_check.relation import Relation

SMALL = CHUNK  # skeletons up to this size are not worth shrinking
MAX_FLAT = 1 << 14  # options of a location up to which it takes part in a join
MAX_JOINED = 1 << 18  # survivors up to which joining goes on


def pruned_blocks(
    model: CompiledModel, checks: tuple[CheckNode, ...], structure: Structure, skeleton: Skeleton
) -> Iterator[Block]:
    """The candidates of a skeleton that survive, as blocks."""
    joinable, rest = [], []
    for choices in skeleton.locations:
        if _total(choices) <= MAX_FLAT:
            joinable.append(flatten(choices))
        else:
            rest.append(choices)
    joinable.sort(key=lambda d: -d.radix)
    pending: list[Digit] = []
    joint = joinable[0] if joinable else Digit(1, {}, {}, {})
    for d in joinable[1:]:
        if joint.radix > MAX_JOINED:
            pending.append(d)
            continue
        joint = join(model, checks, structure, skeleton, joint, d)
        if not joint.radix:
            return
    for chosen in _products(rest):
        yield from cut(skeleton, (joint, *pending, *chosen), CHUNK)


def _total(choices: tuple[Variant, ...]) -> int:
    total = 0
    for variant in choices:
        n = 1
        for d in variant:
            n *= d.radix
        total += n
    return total


def _products(locations: list[tuple[Variant, ...]]) -> Iterator[tuple[Digit, ...]]:
    if not locations:
        yield ()
        return
    for variant in locations[0]:
        for more in _products(locations[1:]):
            yield (*variant, *more)


def flatten(choices: tuple[Variant, ...]) -> Digit:
    """All choices at a location as the options of one digit."""
    if len(choices) == 1 and len(choices[0]) == 1:
        return choices[0][0]
    rf: dict[Edge, int] = {}
    co: dict[Edge, int] = {}
    last: dict[int, int] = {}
    offset = 0
    for variant in choices:
        size = _total((variant,))
        _lay((rf, co, last), variant, size, offset)
        offset += size
    return Digit(offset, rf, co, last)


def _lay(
    into: tuple[dict[Edge, int], dict[Edge, int], dict[int, int]], digits: tuple[Digit, ...], size: int, offset: int
) -> None:
    """Adds the product of ``digits`` at ``offset``."""
    rf, co, last = into
    stride = 1
    for d in digits:
        for e, m in d.rf.items():
            rf[e] = rf.get(e, 0) | spread(m, d.radix, stride, size) << offset
        for e, m in d.co.items():
            co[e] = co.get(e, 0) | spread(m, d.radix, stride, size) << offset
        for w, m in d.last.items():
            last[w] = last.get(w, 0) | spread(m, d.radix, stride, size) << offset
        stride *= d.radix


def join(
    model: CompiledModel, checks: tuple[CheckNode, ...], structure: Structure, skeleton: Skeleton, a: Digit, b: Digit
) -> Digit:
    """The combinations of two digits that break no check."""
    parts: list[Digit] = []
    step = max(1, CHUNK // b.radix)
    for start in range(0, a.radix, step):
        part = a.part(start, min(step, a.radix - start))
        parts.append(_survivors(model, checks, structure, skeleton, part, b))
    return _concatenate(parts)


def _survivors(
    model: CompiledModel, checks: tuple[CheckNode, ...], structure: Structure, skeleton: Skeleton, a: Digit, b: Digit
) -> Digit:
    size = a.radix * b.radix
    chunk = Chunk(structure, [Block(skeleton, (a, b), size)])
    valuation = Valuation(chunk)
    choices: dict[str, Relation] = {c.result.name: {} for c in model.choices}
    if model.order is not None:
        choices[model.order.result.name] = chunk.co
    evaluator = Evaluator(model, chunk, valuation, choices)
    valid = chunk.full
    for check in checks:
        valid &= ~evaluator.failing(check.test, check.node, valid)
        if not valid:
            return Digit(0, {}, {}, {})
    rf: dict[Edge, int] = {}
    co: dict[Edge, int] = {}
    last: dict[int, int] = {}
    _lay((rf, co, last), (a, b), size, 0)
    if valid == chunk.full:
        return Digit(size, rf, co, last)
    keep = [c == "1" for c in _bits(valid, size)]
    return Digit(
        valid.bit_count(),
        {e: k for e, m in rf.items() if (k := _kept(m, size, keep))},
        {e: k for e, m in co.items() if (k := _kept(m, size, keep))},
        {e: k for e, m in last.items() if (k := _kept(m, size, keep))},
    )


def _bits(mask: int, size: int) -> str:
    """The bits as text, lowest first."""
    return format(mask, f"0{size}b")[::-1]


def _kept(mask: int, size: int, keep: list[bool]) -> int:
    """The mask with only the positions of ``keep``."""
    return int("".join(compress(_bits(mask, size), keep))[::-1], 2)


def _concatenate(parts: list[Digit]) -> Digit:
    if len(parts) == 1:
        return parts[0]
    rf: dict[Edge, int] = {}
    co: dict[Edge, int] = {}
    last: dict[int, int] = {}
    offset = 0
    for p in parts:
        if p.radix:
            _lay((rf, co, last), (p,), p.radix, offset)
            offset += p.radix
    return Digit(offset, rf, co, last)
