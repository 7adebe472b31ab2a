"""The candidates of a test, in blocks and chunks.

A *block* is a skeleton (one path a thread) with independent digits; its candidates are all combinations of the
digits' options.  A *chunk* is a run of blocks whose candidates are numbered together and evaluated at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, product

from membar_check.diagnostics import Inconclusive
from membar_check.events.orders import Accesses, Digit, Edge, Variant, variants
from membar_check.events.sources import allowed_sources
from membar_check.events.structure import Event, Path, Structure, unordered
from membar_check.records import dataclass
from membar_check.relation import Relation
from membar_check.values import Address

CHUNK = 1 << 12  # candidates evaluated at once, unless one block's smallest part is larger
MAX_SKELETONS = 200_000


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One path for each thread, with the choices left at each location."""

    number: int
    paths: tuple[Path, ...]
    locations: tuple[tuple[Variant, ...], ...]

    @property
    def size(self) -> int:
        """The number of candidates."""
        total = 1
        for choices in self.locations:
            part = 0
            for variant in choices:
                n = 1
                for d in variant:
                    n *= d.radix
                part += n
            total *= part
        return total


@dataclass(frozen=True, slots=True)
class Block:
    skeleton: Skeleton
    digits: tuple[Digit, ...]
    size: int


Given = tuple[frozenset[int], frozenset[Edge]]
"""Of a skeleton: events to be ordered at each location beside its ordinary writes, and pairs whose order is given."""

Ordered = Callable[[Sequence[tuple[Path, ...]]], list[Given]]
NOTHING_GIVEN: Given = (frozenset(), frozenset())
BATCH = 64  # skeletons for which this is worked out at once


class Space:
    """Enumerates the skeletons of a structure.

    ``coherent``, ``atomic``: leave out what breaks SC per location, or the atomicity of read-modify-writes.
    ``ordered`` None: the ordinary writes are ordered, nothing is given in advance but the initial write.
    """

    def __init__(
        self, structure: Structure, coherent: bool, ordered: Ordered | None = None, atomic: bool = False
    ) -> None:
        self.structure = structure
        self.atomic = atomic
        self.coherent = coherent
        self.ordered = ordered
        self._cache: dict[Accesses, tuple[Variant, ...]] = {}

    def skeletons(self) -> Iterator[Skeleton]:
        """All feasible combinations of paths, in order.  Raises Inconclusive if there are too many to go through."""
        count = 1
        for thread in self.structure.paths:
            count *= len(thread)
        if count > MAX_SKELETONS and self.structure.program.kernel is None:
            raise Inconclusive("engine", f"{count} combinations of paths are too many")
        number = 0
        for paths, given in self._given():
            locations = self._locations(paths, given)
            if locations is not None:
                yield Skeleton(number, paths, locations)
                number += 1

    def _given(self) -> Iterator[tuple[tuple[Path, ...], Given]]:
        """The combinations of paths with what is given of each."""
        combinations = self.structure.combinations()
        if self.ordered is None:
            yield from ((paths, NOTHING_GIVEN) for paths in combinations)
            return
        while batch := list(islice(combinations, BATCH)):
            yield from zip(batch, self.ordered(batch), strict=True)

    def _locations(self, paths: tuple[Path, ...], given: Given) -> tuple[tuple[Variant, ...], ...] | None:
        extra, before = given
        allowed = allowed_sources(self.structure, paths)
        if any(not may for _, may in allowed):
            return None
        pairs = [p for path in paths for p in path.relations.get("rmw", ())] if self.atomic else []
        by_place: dict[Address, list[list[tuple[int, bool, int]]]] = {}
        events = self.structure.events
        ordered_inside = self.structure.program.test.arch == "C"
        for i, path in enumerate(paths):
            for e in path.events:
                sets = events[e].sets
                write = "W" in sets or e in extra
                if write or "R" in sets:
                    place = path.address[e]
                    threads = by_place.get(place)
                    if threads is None:
                        by_place[place] = threads = [[] for _ in paths]
                    apart = ordered_inside and not events[e].lane
                    threads[i].append((e, write, e if apart else events[e].instance))
        out = []
        for place, initial in self.structure.initial.items():
            threads = by_place.get(place, [])
            mine = tuple(tuple(t) for t in threads if t)
            here = {e for t in mine for e, _, _ in t}
            if any(b in (a, initial) for a, b in before if a in here or a == initial):
                return None  # no order has a write before itself, or before the initial one
            accesses = Accesses(
                initial,
                mine,
                frozenset((a, b) for a, b in before if a in here and b in here),
                tuple((r, w) for r, w in allowed if r in here),
                tuple((r, w) for r, w in pairs if r in here and w in here),
                frozenset(p for t in mine for p in beside(events, t)) if ordered_inside else frozenset(),
            )
            found = self._cache.get(accesses)
            if found is None:
                found = self._cache[accesses] = variants(accesses, self.coherent)
            if not found:
                return None
            out.append(found)
        return tuple(out)


def beside(events: Sequence[Event], thread: Sequence[tuple[int, bool, int]]) -> list[Edge]:
    """The writes of a thread that are listed after a read but are in an operand that C does not order with it."""
    return [
        (w, r)
        for i, (r, writes, _) in enumerate(thread)
        if not writes and events[r].lane
        for w, later_writes, _ in thread[i + 1 :]
        if later_writes and unordered(events[r], events[w])
    ]


def blocks(skeleton: Skeleton, limit: int = CHUNK) -> Iterator[Block]:
    """The blocks of a skeleton, each of at most ``limit`` candidates."""
    for chosen in product(*skeleton.locations):
        digits = tuple(d for variant in chosen for d in variant)
        yield from cut(skeleton, digits, limit)


def cut(skeleton: Skeleton, digits: tuple[Digit, ...], limit: int) -> Iterator[Block]:
    """The product of ``digits`` as blocks of at most ``limit`` candidates."""
    size = 1
    for d in digits:
        size *= d.radix
    if size <= limit:
        yield Block(skeleton, digits, size)
        return
    widest = max(range(len(digits)), key=lambda i: digits[i].radix)
    d = digits[widest]
    step = max(1, d.radix * limit // size)
    for start in range(0, d.radix, step):
        part = (*digits[:widest], d.part(start, min(step, d.radix - start)), *digits[widest + 1 :])
        yield from cut(skeleton, part, limit)


BlocksOf = Callable[[Skeleton], Iterator[Block]]


def chunks(space: Space, blocks_of: BlocksOf = blocks, limit: int = CHUNK) -> Iterator[list[Block]]:
    """Runs of blocks with at most ``limit`` candidates together (at least one block)."""
    run: list[Block] = []
    total = 0
    for skeleton in space.skeletons():
        for block in blocks_of(skeleton):
            if run and total + block.size > limit:
                yield run
                run, total = [], 0
            run.append(block)
            total += block.size
    if run:
        yield run


@lru_cache(maxsize=4096)
def _repeat(period: int, count: int) -> int:
    """A mask with a one at each multiple of ``period``, ``count`` of them."""
    return ((1 << (period * count)) - 1) // ((1 << period) - 1)


@lru_cache(maxsize=65536)
def spread(options: int, radix: int, stride: int, size: int) -> int:
    """The mask over a block of ``size`` candidates of a digit's ``options`` (a digit changes every ``stride``)."""
    if options == (1 << radix) - 1:
        return (1 << size) - 1
    unit = (1 << stride) - 1
    base, shift = 0, 0
    while options:
        if options & 1:
            base |= unit << shift
        options >>= 1
        shift += stride
    period = radix * stride
    return base if period == size else base * _repeat(period, size // period)


class Chunk:
    """The candidates of a run of blocks, as masks.

    ``count`` candidates; ``full`` all of them; ``paths``: (path, mask) in order; ``present``: event -> mask;
    ``rf``, ``co``: native relations; ``last``: the last write of each location.
    """

    def __init__(self, structure: Structure, run: list[Block]) -> None:
        self.structure = structure
        self.count = sum(b.size for b in run)
        self.full = (1 << self.count) - 1
        self.rf: Relation = {}
        self.co: Relation = {}
        self.last: dict[int, int] = {}
        self._unit = 1
        masks: dict[int, tuple[Path, int]] = {}
        offset = 0
        for block in run:
            self._place(block, offset)
            here = ((1 << block.size) - 1) << offset
            for p in block.skeleton.paths:
                old = masks.get(id(p))
                masks[id(p)] = (p, here if old is None else old[1] | here)
            offset += block.size
        self.paths: list[tuple[Path, int]] = list(masks.values())
        self.present: dict[int, int] = dict.fromkeys(structure.initial.values(), self.full)
        for path, mask in self.paths:
            for e in path.events:
                self.present[e] = self.present.get(e, 0) | mask

    @classmethod
    def of_paths(cls, structure: Structure, combinations: Sequence[tuple[Path, ...]]) -> Chunk:
        """One candidate for each combination of paths, with no rf or co, for what does not depend on them."""
        chunk = cls(structure, [])
        chunk.count, chunk.full = len(combinations), (1 << len(combinations)) - 1
        masks: dict[int, tuple[Path, int]] = {}
        for i, paths in enumerate(combinations):
            for p in paths:
                old = masks.get(id(p))
                masks[id(p)] = (p, 1 << i if old is None else old[1] | 1 << i)
        chunk.paths = list(masks.values())
        chunk.present = dict.fromkeys(structure.initial.values(), chunk.full)
        for p, mask in chunk.paths:
            for e in p.events:
                chunk.present[e] = chunk.present.get(e, 0) | mask
        return chunk

    @property
    def broken_off(self) -> int:
        """The candidates in which some CPU is stuck or has crashed."""
        out = 0
        for path, mask in self.paths:
            if path.activity is not None and path.activity.stuck is not None:
                out |= mask
        return out

    def widened(self, copies: int) -> Chunk:
        """``copies`` of the chunk side by side: candidate i of copy k is number ``k * count + i``."""
        wide = Chunk(self.structure, [])
        wide._unit = _repeat(self.count, copies)
        wide.count = self.count * copies
        wide.full = (1 << wide.count) - 1
        wide.paths = [(p, wide.scale(m)) for p, m in self.paths]
        wide.present = {e: wide.scale(m) for e, m in self.present.items()}
        wide.last = {e: wide.scale(m) for e, m in self.last.items()}
        wide.rf = {a: {b: wide.scale(m) for b, m in row.items()} for a, row in self.rf.items()}
        wide.co = {a: {b: wide.scale(m) for b, m in row.items()} for a, row in self.co.items()}
        return wide

    def scale(self, mask: int) -> int:
        """A mask of the chunk that this one was widened from, in every copy."""
        return mask * self._unit

    def _place(self, block: Block, offset: int) -> None:
        stride, size = 1, block.size
        rf, co, last = self.rf, self.co, self.last
        for d in block.digits:
            radix = d.radix
            for (w, r), options in d.rf.items():
                row = rf.setdefault(w, {})
                row[r] = row.get(r, 0) | spread(options, radix, stride, size) << offset
            for (a, b), options in d.co.items():
                row = co.setdefault(a, {})
                row[b] = row.get(b, 0) | spread(options, radix, stride, size) << offset
            for w, options in d.last.items():
                last[w] = last.get(w, 0) | spread(options, radix, stride, size) << offset
            stride *= radix
