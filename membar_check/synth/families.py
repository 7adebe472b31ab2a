"""Names of tests in the field's fashion: the family after the skeleton of threads, then what decorates its edges.

``MP+dmb.sy+addr``: message passing with a DMB SY in the first thread and an address dependency in the second.  The
families and their names: Alglave, Maranget, Tautschnig, "Herding cats", TOPLAS 2014; Maranget, Sarkar, Sewell, "A
tutorial introduction to the ARM and POWER relaxed memory models", 2012; the conventions of the rest of a name: diy7.
"""

from __future__ import annotations

from typing import Any

from membar_check.synth.edge_names import RANKS, Names
from membar_check.synth.edges import Edge

_ORDER = ("W", "WW", "RR", "RW", "WR", "R")
"""Threads by their first and last access, in the order in which a test names them."""

_FAMILIES = {
    "WW+RR": "MP", "WR+WR": "SB", "RW+RW": "LB", "WW+WR": "R", "WW+RW": "S", "WW+WW": "2+2W",
    "W+RW+RR": "WRC", "W+RR+WR": "RWC", "W+RW+WR": "WRW+WR", "W+RR+WW": "WRR+2W", "W+RW+RW": "WWC",
    "W+RW+WW": "WRW+2W", "WW+RR+WR": "W+RWC", "WW+RW+RR": "ISA2", "W+RR+W+RR": "IRIW",
    "W+RR+W+RW": "IRRWIW", "W+RW+W+RR": "IRRWIW", "W+RW+W+RW": "IRWIW",
    "WW+RW+WR": "Z6.0", "WW+WW+RW": "Z6.1", "WW+RW+RW": "Z6.2", "WW+WW+RR": "Z6.3", "WW+WR+WR": "Z6.4",
    "WW+WW+WR": "Z6.5",
    "WR+WR+WR": "3.SB", "RW+RW+RW": "3.LB", "WW+WW+WW": "3.2W",
    "WR+WR+WR+WR": "4.SB", "RW+RW+RW+RW": "4.LB", "WW+WW+WW+WW": "4.2W",
}  # fmt: skip
_ONE_LOCATION = {
    "WW": "CoWW", "RW": "CoRW1", "WR": "CoWR0", "W+RW": "CoRW2", "W+WR": "CoWR", "W+RR": "CoRR",
}  # fmt: skip
_STRENGTH = {"fence": 0, "rcu": 0, "dp": 1, "rmw": 2}


def threads_of(edges: tuple[Edge, ...]) -> list[tuple[Edge, ...]]:
    """The edges of each thread, the one that leaves it last."""
    threads, begin = [], 0
    for index, edge in enumerate(edges):
        if edge.external:
            threads.append(edges[begin : index + 1])
            begin = index + 1
    return threads


def _points(thread: tuple[Edge, ...]) -> str:
    return thread[0].source if len(thread) == 1 else thread[0].source + thread[-1].source


def rotation_key(edges: tuple[Edge, ...]) -> tuple[Any, ...]:
    """What the canonical beginning of a cycle makes smallest: threads in the order of their families' names, then those
    with more between their accesses before those with less."""
    threads = threads_of(edges)
    decoration = [
        [(_STRENGTH.get(e.kind, 3), RANKS.get(e.name, 0), e.same, e.kind, e.name) for e in thread[:-1]]
        + [tuple([RANKS[a.name] for e in thread for a in (e.before, e.after) if a is not None])]
        for thread in threads
    ]
    return (
        [_ORDER.index(_points(thread)) for thread in threads],
        [len(thread) for thread in threads],
        decoration,
        [edge.core() for edge in edges],
    )


def family(edges: tuple[Edge, ...]) -> str:
    """The name of the skeleton, ``MP`` or ``WW+RW+RW+RR``, of a cycle from its canonical beginning."""
    key = "+".join([_points(thread) for thread in threads_of(edges)])
    if all(edge.same for edge in edges):
        return _ONE_LOCATION.get(key, key)
    return _FAMILIES.get(key, key)


def test_name(edges: tuple[Edge, ...], names: Names) -> str:
    """The family with what decorates each thread: nothing where all is program order, ``+dmb.sys`` where all are the
    same."""
    threads = threads_of(edges)
    parts = ["-".join(_decorations(thread[:-1], names)) for thread in threads if len(thread) > 1]
    alone = [thread[0].before for thread in threads if len(thread) == 1]
    plain = names.annotations[0]
    single = "".join([a.name for a in alone if a]) if any(a not in (None, plain) for a in alone) else ""
    if len(set(parts)) == 1:
        if parts[0] in ("po", "pos") and (parts[0] == "po" or len(parts) == 1):
            parts = []
        elif len(parts) > 1:
            parts = [f"{parts[0]}s"]
    return "+".join([family(edges), *parts, *([single] if single else [])])


def _decorations(edges: tuple[Edge, ...], names: Names) -> list[str]:
    found = []
    for index, edge in enumerate(edges):
        following = edges[index + 1] if index + 1 < len(edges) else None
        unclear = edge.kind in ("po", "fence", "dp", "rcu") and following and following.kind in ("po", "fence", "rcu")
        text = _word(edge) + (edge.target if unclear else "")
        plain = names.annotations[0]
        ends = (edge.before or plain, edge.after or plain)
        if ends != (plain, plain):
            text += (ends[0].name + ends[1].name).lower()
        found.append(text)
    return found


def _word(edge: Edge) -> str:
    if edge.kind in ("rf", "fr", "co"):
        return f"{edge.kind}{'e' if edge.external else 'i'}"
    if edge.kind == "rmw":
        return "rmw" if edge.name in ("Rmw", "LxSx", "Exch") else edge.name.lower()
    word = edge.name.lower() if edge.kind != "po" else "po"
    word = {"rcu": "rcu"}.get(edge.kind, word)
    if word.startswith("fence") and not word.startswith("fence."):
        word = word.removeprefix("fence")  # the kernel's barriers: mb, rmb, wmb, sync-rcu
    return word + ("s" if edge.same else "")
