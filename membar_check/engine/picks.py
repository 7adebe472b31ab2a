"""Choices of one incoming edge for each of some events (``with r from cross(...)``): they multiply the candidates."""

from __future__ import annotations

from membar_check.cat.dag import PickChoice
from membar_check.diagnostics import Inconclusive
from membar_check.events.space import Chunk
from membar_check.relation import EventSet, Relation

LIMIT = 1 << 22  # candidates after expansion


def expand(
    chunk: Chunk, wanted: list[tuple[PickChoice, EventSet, Relation]]
) -> tuple[Chunk, dict[str, Relation], int]:
    """The chunk with every combination of picks, the relations picked, and the candidates that are combinations.

    ``wanted``: for each choice the events that need an edge and the edges there are.  Where an event does not exist in
    a candidate, or an edge is not possible there, only one of the copies of the candidate, or none, is kept.
    """
    digits: list[tuple[str, int, list[tuple[int, int]]]] = []
    total = 1
    for choice, targets, pairs in wanted:
        for e in targets:
            options = [(a, row[e]) for a, row in pairs.items() if e in row]
            digits.append((choice.result.name, e, options))
            total *= max(1, len(options))
    if total * chunk.count > LIMIT:
        raise Inconclusive("engine", f"{total * chunk.count} candidates with the choices of the model are too many")
    present = {e: m for _, targets, _ in wanted for e, m in targets.items()}
    wide = chunk.widened(total)
    copies = [((1 << chunk.count) - 1) << (chunk.count * i) for i in range(total)]
    picked: dict[str, Relation] = {choice.result.name: {} for choice, _, _ in wanted}
    valid = wide.full
    stride = 1
    for name, e, options in digits:
        here = wide.scale(present[e])
        good = 0
        for j in range(max(1, len(options))):
            mine = 0
            for i in range(total):
                if i // stride % max(1, len(options)) == j:
                    mine |= copies[i]
            if j == 0:
                good |= mine & ~here
            if options:
                source, mask = options[j]
                edge = mine & here & wide.scale(mask)
                good |= edge
                if edge:
                    row = picked[name].setdefault(source, {})
                    row[e] = row.get(e, 0) | edge
        valid &= good
        stride *= max(1, len(options))
    return wide, picked, valid
