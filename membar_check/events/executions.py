"""Single executions that were found by other means than enumeration, numbered together as a chunk."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.events.orders import Edge
from membar_check.events.space import Chunk
from membar_check.events.structure import Path, Structure
from membar_check.records import dataclass
from membar_check.relation import Relation


@dataclass(frozen=True, slots=True)
class Execution:
    """``rf``: (write, read) pairs; ``orders``: the writes of each location in coherence order, the initial one first;
    ``picks``: the pairs of the model's other choices, by number."""

    rf: tuple[Edge, ...]
    orders: tuple[tuple[int, ...], ...]
    picks: tuple[tuple[str, tuple[Edge, ...]], ...] = ()


def chunk_of(
    structure: Structure, paths: tuple[Path, ...], executions: Sequence[Execution]
) -> tuple[Chunk, dict[str, Relation]]:
    """The chunk whose candidates are ``executions``, all along ``paths``, and the picks by number."""
    chunk = Chunk.of_paths(structure, [paths])
    chunk.count = len(executions)
    chunk.full = full = (1 << chunk.count) - 1
    chunk.paths = [(p, full) for p in paths]
    chunk.present = dict.fromkeys(chunk.present, full)
    picks: dict[str, Relation] = {}
    for number, execution in enumerate(executions):
        bit = 1 << number
        for w, r in execution.rf:
            _add(chunk.rf, w, r, bit)
        for order in execution.orders:
            for i, a in enumerate(order):
                for b in order[i + 1 :]:
                    _add(chunk.co, a, b, bit)
            chunk.last[order[-1]] = chunk.last.get(order[-1], 0) | bit
        for name, pairs in execution.picks:
            mine = picks.setdefault(name, {})
            for a, b in pairs:
                _add(mine, a, b, bit)
    return chunk, picks


def _add(relation: Relation, a: int, b: int, bit: int) -> None:
    row = relation.setdefault(a, {})
    row[b] = row.get(b, 0) | bit
