"""What makes an execution possible that no interleaving shows: program order that is not kept, writes that reach one
thread before another."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.explain import phrases
from membar_check.explain.critical import PROPAGATION, REORDERED, Kept, Orders, Step
from membar_check.explain.explanation import ExecutionView, Gap, Pair

_DEPENDENCIES = (("addr", "an address"), ("data", "a data"), ("ctrl", "a control"))
_RELEASES = frozenset({"release", "rel", "l"})
_ACQUIRES = frozenset({"acquire", "acq", "a", "q"})


def gaps(view: ExecutionView, ordered: frozenset[Pair]) -> tuple[Gap, ...]:
    """The gaps of an execution, none for a plain interleaving.

    ``ordered``: the pairs that the model orders, closed under transitivity.  Of one smallest critical cycle after the
    other each step of program order that is not among them is a gap; where there is none, or giving it up does not
    help, the reads that miss a write.
    """
    orders = Orders(view)
    kept = Kept(orders, ordered)
    found: list[Gap] = []
    while cycle := kept.cycle():
        new = _of_cycle(orders, cycle, ordered)
        for gap in new:
            kept.drop(gap)
        found += new
    return tuple(found)


def surprises(view: ExecutionView, ordered: frozenset[Pair]) -> tuple[int, ...]:
    """A key that sorts the executions that are easy to follow first: whether it is no interleaving, the number of
    gaps, of notes, of reads that miss a write of another thread, of events."""
    orders = Orders(view)
    found = len(gaps(view, ordered)) if Kept(orders, ordered).cyclic() else 0
    reads = [i for i, event in enumerate(view.events) if event.kind == "R"]
    old = sum(1 for r in reads if any(orders.thread(w) != orders.thread(r) for w in orders.newer(r)))
    return (int(found > 0), found, len(view.notes), old, len(view.events))


def _of_cycle(orders: Orders, cycle: Sequence[Step], ordered: frozenset[Pair]) -> list[Gap]:
    """What the model leaves open in the cycle: program order, or reads that miss a write; only those of which each
    alone, given up, leaves an order that agrees with all that the model orders, if there are such."""
    own = [s for s in cycle if s.relation == "po" and (s.source, s.target) not in ordered]
    across = [s for s in cycle if s.relation != "po"]
    free = [s for s in across if (s.source, s.target) not in ordered] or across
    names = {s.relation for s in free}
    late = [s for s in free if s.relation == next(name for name in ("fr", "co", "rf") if name in names)]
    enough = ([s for s in steps if _is_order(cycle, s, ordered)] for steps in (own, late))
    chosen = next((steps for steps in enough if steps), own or late)
    chosen = [s for s in chosen if s.relation == "fr" and _reader(orders, cycle, s.target) is not None] or chosen
    if all(s.relation == "fr" for s in chosen):
        chosen = chosen[-1:]  # one late write is enough, and one is told
    return [
        Gap(REORDERED, s.source, s.target, _reordered(orders, s.source, s.target))
        if s.relation == "po"
        else Gap(PROPAGATION, s.source, s.target, _propagation(orders, cycle, s))
        for s in chosen
    ]


def _is_order(cycle: Sequence[Step], without: Step, ordered: frozenset[Pair]) -> bool:
    """Whether the cycle, cut at one step, agrees with what the model orders."""
    at = cycle.index(without)
    line = [s.target for s in (*cycle[at:], *cycle[:at])]
    time = {e: i for i, e in enumerate(line)}
    known = (p for p in ordered if p[0] in time and p[1] in time and p != (without.source, without.target))
    return not any(time[a] > time[b] for a, b in known)


def _reader(orders: Orders, cycle: Sequence[Step], write: int) -> int | None:
    """The thread that reads from the write in the cycle."""
    return next((orders.thread(s.target) for s in cycle if s.relation == "rf" and s.source == write), None)


# --- program order that is not kept ----------------------------------------------------------------------------------
def _reordered(orders: Orders, a: int, b: int) -> str:
    view, main = orders.view, phrases.main_file(orders.view)
    first, second = view.events[a], view.events[b]
    thread, here, there = f"P{first.thread}", phrases.say(first.place, main), phrases.say(second.place, main)
    to_first = f"{first.variable} in {here}{phrases.earlier(first, second)}"
    if first.place == second.place:
        second_one, first_one = f"({phrases.act(second)})", f"({phrases.act(first)})"
        head = f"{thread} may perform the second access of {there} {second_one} before the first {first_one}"
    elif first.kind == "-" or second.kind == "-":
        head = f"{thread} may perform {there} ({phrases.act(second)}) before {here} ({phrases.act(first)})"
    elif second.kind == "R" and first.kind == "W":
        head = f"{thread} may take {there} (reads {second.variable}) before its write to {to_first} is visible"
    elif second.kind == "R":
        head = f"{thread} may take {there} (reads {second.variable}) before its read of {to_first}"
    elif first.kind == "W":
        head = (
            f"{thread}'s write to {second.variable} in {there} may become visible before its write to {to_first}"
        )
    else:
        head = (
            f"{thread}'s write to {second.variable} in {there} may become visible before its read of {to_first} is done"
        )
    return f"{head.rstrip(',')}: {why_not_kept(orders, a, b)}"


def why_not_kept(orders: Orders, a: int, b: int) -> str:
    """Why two accesses of one thread are not kept in order: the fences, dependencies and annotations that are there and
    what they do instead, or that there is nothing."""
    view, main = orders.view, phrases.main_file(orders.view)
    first, second = view.events[a], view.events[b]
    between = orders.threads[first.thread][orders.rank[a] + 1 : orders.rank[b]]
    reasons = []
    for f in between:
        fence = view.events[f]
        if fence.kind == "F":
            reach = phrases.fence_reach(fence, first, second, main)
            reasons.append(f"{phrases.fence_name(fence)} in {phrases.say(fence.place, main)} {reach}")
    for name, article in _DEPENDENCIES:
        targets = [t for e, t in view.relations.get(name, ()) if e == a]
        if b in targets or (name == "ctrl" and any(orders.before(t, b) for t in targets)):
            reasons.append(
                f"there is only {article} dependency between them, which does not keep "
                f"{phrases.accesses(first.kind, second.kind)} here"
            )
    if _RELEASES & {t.lower() for t in first.tags}:
        where = phrases.say(first.place, main)
        reasons.append(f"the release in {where} orders what comes before it, not what follows")
    if _ACQUIRES & {t.lower() for t in second.tags}:
        where = phrases.say(second.place, main)
        reasons.append(f"the acquire in {where} orders what follows it, not what comes before")
    return phrases.joined(reasons) or f"nothing between them keeps {phrases.accesses(first.kind, second.kind)}"


# --- writes that arrive late -----------------------------------------------------------------------------------------
def _propagation(orders: Orders, cycle: Sequence[Step], step: Step) -> str:
    view, main = orders.view, phrases.main_file(orders.view)
    first, second = view.events[step.source], view.events[step.target]
    write = f"{phrases.content(second)} ({phrases.at(second, main)})"
    if step.relation == "fr":
        reader = _reader(orders, cycle, step.target)
        if reader is not None:
            return f"{write} reaches P{reader} before it reaches P{first.thread}"
        return (
            f"{write} has not reached P{first.thread} yet when {phrases.say(first.place, main)} reads "
            f"{phrases.content(first)}, although nothing is reordered within the threads"
        )
    if step.relation == "co":
        return (
            f"{write} overwrites {phrases.content(first)} ({phrases.at(first, main)}) although it comes first: the "
            "order of the writes to a variable need not be the order in which they happen"
        )
    return (
        f"{phrases.at(second, main)} reads {phrases.content(second)} before {phrases.at(first, main)} has written it: "
        "the values justify each other in a circle"
    )
