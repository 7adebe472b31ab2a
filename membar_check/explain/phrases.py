"""The words for places, events and fences of a view that all texts of an explanation share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from membar_check.explain.explanation import EventView, ExecutionView, Place
from membar_check.verdict import State

FULL, WRITES, READS, LIGHT, LOADS, STORES, FETCH, COMPILER = (
    "full", "writes", "reads", "light", "loads", "stores", "fetch", "compiler",
)  # fmt: skip

_FENCES = {
    "mb": FULL, "mfence": FULL, "dmb.sy": FULL, "dsb.sy": FULL, "dmb.ish": FULL, "dsb.ish": FULL, "sync": FULL,
    "hwsync": FULL, "fence.rw.rw": FULL, "before-atomic": FULL, "after-atomic": FULL, "after-spinlock": FULL,
    "wmb": WRITES, "sfence": WRITES, "dmb.st": WRITES, "dsb.st": WRITES, "dmb.ishst": WRITES, "fence.w.w": WRITES,
    "eieio": WRITES, "rmb": READS, "lfence": READS, "fence.r.r": READS, "dmb.ld": LOADS, "dsb.ld": LOADS,
    "dmb.ishld": LOADS, "fence.r.rw": LOADS, "fence.rw.w": STORES, "lwsync": LIGHT, "fence.tso": LIGHT, "isb": FETCH,
    "isync": FETCH, "barrier": COMPILER,
}  # fmt: skip
_NAMES = {
    FULL: "full barrier", WRITES: "write barrier", READS: "read barrier", LIGHT: "lightweight barrier",
    LOADS: "load barrier", STORES: "store barrier", FETCH: "instruction barrier", COMPILER: "compiler barrier",
}  # fmt: skip
# What a fence is for: the pairs of a read (R) and a write (W) that it orders, and that in words.
_REACH = {
    WRITES: ("WW", "orders writes only"),
    READS: ("RR", "orders reads only"),
    LOADS: ("RR RW", "keeps only reads before what follows it"),
    STORES: ("RW WW", "keeps what precedes it only before later writes"),
    LIGHT: ("RR RW WW", "does not keep a write before a later read"),
    FETCH: ("", "orders nothing without a dependency before it"),
    COMPILER: ("", "holds only the compiler, not the processor"),
}
_LONGEST_NAME = 28  # longer source lines are not the name of a fence


def main_file(view: ExecutionView) -> str:
    """The name of the test's own file: the first that events or notes lie in and that is no header, else ""."""
    places = [e.place for e in view.events] + [n.place for n in view.notes]
    return next((p.file for p in places if p.line and not p.file.endswith(".h")), "")


def say(place: Place, main: str) -> str:
    """``line 14`` in the test's own file ``main``, ``line 33 of membarrier-5.4.h`` in others."""
    if not place.line:
        return "the initial state"
    line = f"line {place.line}"
    return line if place.file == main or not place.file else f"{line} of {_base(place.file)}"


def at(event: EventView, main: str) -> str:
    """Thread and place: ``P0 line 6``; ``the initial state`` for initial writes."""
    return f"P{event.thread} {say(event.place, main)}" if event.thread >= 0 else "the initial state"


def lines(places: Iterable[Place], main: str) -> str:
    """Several places, file by file: ``lines 12-30 and lines 3-9 of sched.h``."""
    spans: dict[str, tuple[int, int]] = {}
    for p in places:
        low, high = spans.get(p.file, (p.line, p.line))
        spans[p.file] = (min(low, p.line), max(high, p.line))
    parts = []
    for file, (low, high) in spans.items():
        span = f"line {low}" if low == high else f"lines {low}-{high}"
        parts.append(span if file in (main, "") else f"{span} of {_base(file)}")
    return joined(parts)


def joined(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def content(event: EventView) -> str:
    """``x = 1``; the bare variable where the value is not known."""
    return f"{event.variable} = {event.value}" if event.value else event.variable


def earlier(first: EventView, second: EventView) -> str:
    """``, which is earlier in program order,``: where the lines of two events of a thread do not show that."""
    seen = first.place.file == second.place.file and first.place.line <= second.place.line
    return "" if seen else ", which is earlier in program order,"


def act(event: EventView) -> str:
    """What an access does, without its value: ``reads y``, ``writes x``; ``takes the lock s``."""
    return f"{'writes' if event.kind == 'W' else 'reads'} {event.variable}" if event.kind in "RW" else event.action


def fence_kind(event: EventView) -> str:
    """One of the classes above, "" for a fence that is none of them."""
    for word in (*event.tags, event.action):
        plain = word.lower().removesuffix("()").removeprefix("smp_").replace("_", "-")
        plain = re.sub(r"[ ,.]+", ".", plain)
        if plain in _FENCES:
            return _FENCES[plain]
    return ""


def fence_words(event: EventView) -> str:
    """What a fence is: ``full barrier``; the event's own words where its class is not known."""
    return _NAMES.get(fence_kind(event), event.action)


def fence_name(event: EventView) -> str:
    """The fence as the source writes it: ``smp_wmb()``."""
    text = event.place.text.rstrip("; ").strip()
    return text if 0 < len(text) <= _LONGEST_NAME else event.action


def fence_reach(event: EventView, first: EventView, second: EventView, main: str) -> str:
    """What the fence between two accesses does not do for them: ``orders writes only``."""
    orders, words = _REACH.get(fence_kind(event), ("RR RW WR WW" if fence_kind(event) else "", ""))
    meant = first.kind + second.kind in orders.split()
    plain = [e for e in (first, second) if not e.tags and e.kind in "RW"]
    if meant and plain:
        return f"does not bind the plain access in {say(plain[0].place, main)}, which the compiler may move or change"
    return words if words and not meant else f"does not keep {accesses(first.kind, second.kind)} here"


def accesses(first: str, second: str) -> str:
    """``a write before a later read``."""
    names = {"R": "a read", "W": "a write"}
    return f"{names.get(first, 'an access')} before {names.get(second, 'an access').replace(' ', ' later ', 1)}"


def ending(state: State) -> str:
    """A final state in words: ``P0 has r0 = 0; P1 has r0 = 1 and r1 = 0; x = 2``."""
    own: dict[str, list[str]] = {}
    shared = []
    for place, value in state:
        thread, colon, register = place.partition(":")
        if colon and thread.isdigit():
            own.setdefault(thread, []).append(f"{register} = {value}")
        else:
            shared.append(f"{place[1:-1] if place[:1] == '[' else place} = {value}")
    parts = [f"P{thread} has {joined(held)}" for thread, held in own.items()]
    return "; ".join([*parts, *([joined(shared)] if shared else [])])


def _base(file: str) -> str:
    return file.replace("\\", "/").rsplit("/", 1)[-1]
