"""What consistent executions of kernel C do wrong: findings of their paths, deadlocks, uses of freed objects, and the
outcomes that the test names."""

from __future__ import annotations

from membar_check.diagnostics import Span
from membar_check.engine.outcome import Where
from membar_check.engine.tally import Tally
from membar_check.events.activity import Note
from membar_check.events.space import Chunk
from membar_check.events.structure import Path
from membar_check.program.control import KernelInfo
from membar_check.relation import Relation
from membar_check.verdict import Finding, Step


def gather(chunk: Chunk, where: Where, kernel: KernelInfo, valid: int, tally: Tally) -> int:
    """Adds the findings in the executions ``valid`` to the tally; those among them that run to their end."""
    collector = _Collector(chunk, tally)
    complete = valid
    for path, mask in chunk.paths:
        here = valid & mask
        if here and path.activity is not None:
            for kind, text, span in path.activity.findings:
                collector.add(kind, text, span, here)
            if path.activity.stuck is not None:
                complete &= ~mask
    tally.incomplete += (valid & ~complete).bit_count()
    collector.deadlocks(valid & ~complete)
    collector.freed(valid)
    for path, mask in chunk.paths:
        if path.activity is not None and valid & mask:
            tally.visited |= path.activity.visited
            tally.ways |= path.activity.ways
    for name, prop in kernel.conditions:
        shown = where.holds(prop) & complete
        if shown:
            collector.add(name, "", None, shown)
    return complete


def showing(kind: str, chunk: Chunk, valid: int) -> int:
    """The executions of ``valid`` that show something of class ``kind`` which is found unasked."""
    collector = _Masks(chunk, Tally())
    incomplete = 0
    for path, mask in chunk.paths:
        if path.activity is not None:
            for found, text, span in path.activity.findings:
                collector.add(found, text, span, valid & mask)
            if path.activity.stuck is not None:
                incomplete |= mask
    collector.deadlocks(valid & incomplete)
    collector.freed(valid)
    return collector.masks.get(kind, 0)


def raised(flag: str, pairs: Relation, chunk: Chunk, mask: int) -> Finding:
    """What a flag of the model says of the first of the executions ``mask``: the first pair that raises it."""
    lowest = mask & -mask
    found = sorted((a, b) for a, row in pairs.items() for b, m in row.items() if m & lowest)
    events = chunk.structure.events
    collector = _Collector(chunk, Tally())
    if not found or events[found[0][0]].span is None or events[found[0][1]].span is None:
        collector.add(flag, "", None, lowest)
    else:
        a, b = (events[e] for e in found[0])
        assert a.span is not None and b.span is not None
        other = f"P{b.thread} in line {b.span.line} of {b.span.source.name}: `{' '.join(b.span.text.split())}`"
        collector.add(flag, f"P{a.thread} with {other}", a.span, lowest)
    (finding,) = collector.tally.findings.values()
    return finding


class _Collector:
    def __init__(self, chunk: Chunk, tally: Tally) -> None:
        self.chunk = chunk
        self.tally = tally
        self.events = chunk.structure.events

    def add(self, kind: str, text: str, span: Span | None, mask: int) -> None:
        """Notes a finding in the candidates ``mask``, with the steps that lead to it in the first of them."""
        key = (kind, text, span)
        if key not in self.tally.findings:
            lowest = mask & -mask
            steps = [_step(n) for p, m in self.chunk.paths if m & lowest and p.activity for n in p.activity.notes]
            self.tally.findings[key] = Finding(kind, text, _place(span), tuple(steps))

    def deadlocks(self, mask: int) -> None:
        """Executions that end with a CPU waiting, unless another has crashed."""
        stuck: list[tuple[Path, int]] = []
        for path, m in self.chunk.paths:
            if path.activity is None or path.activity.stuck is None:
                continue
            if path.activity.stuck.kind == "crash":
                mask &= ~m
            else:
                stuck.append((path, m))
        for path, m in stuck:
            if m & mask and path.activity is not None and path.activity.stuck is not None:
                waits = path.activity.stuck
                what = f"the lock {waits.what}" if waits.kind == "lock" else "an interrupt to be handled"
                self.add("deadlock", f"P{path.thread} waits for {what}, for ever", waits.span, m & mask)

    def freed(self, valid: int) -> None:
        """Reads that see what a free left behind, and writes that come after it."""
        for e in sorted(self.chunk.present):
            if "Freed" in self.events[e].sets:
                self._after(e, self.chunk.rf, "reads", valid)
                self._after(e, self.chunk.co, "writes", valid)

    def _after(self, free: int, relation: Relation, verb: str, valid: int) -> None:
        for e, mask in sorted(relation.get(free, {}).items()):
            here = mask & valid & self.chunk.present[free] & self.chunk.present[e]
            if here:
                span, other = self.events[e].span, self.events[free].span
                freed = "" if other is None else f", freed in line {other.line}"
                text = f"P{self.events[e].thread} {verb} a freed object{freed}"
                self.add("use-after-free", text, span, here)


class _Masks(_Collector):
    """Where each class shows."""

    def __init__(self, chunk: Chunk, tally: Tally) -> None:
        super().__init__(chunk, tally)
        self.masks: dict[str, int] = {}

    def add(self, kind: str, text: str, span: Span | None, mask: int) -> None:
        if mask:
            self.masks[kind] = self.masks.get(kind, 0) | mask


def _step(note: Note) -> Step:
    return Step(note.text, note.span.source.name, note.span.line)


def _place(span: Span | None) -> Step | None:
    return None if span is None else Step(span.text, span.source.name, span.line)
