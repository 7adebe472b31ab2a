"""Names of found tests, in the manner of the literature: ``MP+wmb+addr``."""

from __future__ import annotations

import re

from membar_check.synth.shape import Access, Fence, Line, Shape

# The cycles of two threads and two locations (Alglave, Maranget, Tautschnig, TOPLAS 2014, table 2).
_FAMILIES = {
    ("WR", "WR"): "SB", ("RR", "WW"): "MP", ("RW", "RW"): "LB", ("RW", "WW"): "S", ("WR", "WW"): "R",
    ("WW", "WW"): "2+2W",
}  # fmt: skip
_USUAL = frozenset({"ONCE", "X"})


def test_name(shape: Shape) -> str:
    """The family, or the threads' reads and writes, then what each thread has beside its accesses (``po``: nothing)."""
    kinds = ["".join(item.kind for item in line.items if isinstance(item, Access)) for line in shape.threads]
    places = {item.location for line in shape.threads for item in line.items if isinstance(item, Access)}
    crossed = len(places) == 2 and all(_crosses(line) for line in shape.threads)
    family = _FAMILIES.get((min(kinds), max(kinds))) if len(kinds) == 2 and crossed else None
    words = [_words(line) for line in shape.threads]
    if family == "MP" and kinds[0] == "RR":
        words.reverse()
    head = [family or "+".join(kinds)]
    return "+".join([*head, *words] if any(w != "po" for w in words) else head)


def _crosses(line: Line) -> bool:
    return len({item.location for item in line.items if isinstance(item, Access)}) == 2


def _words(line: Line) -> str:
    out: list[str] = []
    pairs = {index for pair in line.rmw for index in pair}
    for index, item in enumerate(line.items):
        if isinstance(item, Fence):
            out.append(_plain(item.name))
            continue
        out += [_plain(d.kind) for d in line.dependencies if d.target == index]
        if index in pairs and item.kind == "R":
            out.append("rmw")
        said = _tags(line, index - 1) if index in pairs and item.kind == "W" else frozenset[str]()
        out += [_plain(tag) for tag in sorted(item.tags - _USUAL - said)]
    return "-".join(out) or "po"


def _tags(line: Line, index: int) -> frozenset[str]:
    item = line.items[index]
    return item.tags if isinstance(item, Access) else frozenset()


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", ".", text.lower().removeprefix("smp_")).strip(".")
