"""Random shapes of tests."""

from __future__ import annotations

from hypothesis import strategies as st

from membar_check.synth.shape import Access, Dependency, Fence, Item, Line, Shape

FENCES = {
    "C": ("smp_mb", "smp_rmb", "smp_wmb"),
    "AArch64": ("DMB SY", "DMB LD", "ISB"),
    "X86": ("MFENCE",),
    "X86_64": ("mfence",),
    "RISCV": ("fence rw,rw", "fence.tso"),
    "PPC": ("sync", "lwsync", "isync"),
}
READS = {"C": ("ONCE", "ACQUIRE", ""), "AArch64": ("", "A", "Q"), "RISCV": ("", "Acq")}
WRITES = {"C": ("ONCE", "RELEASE", ""), "AArch64": ("", "L"), "RISCV": ("", "Rel")}
DEPENDENCIES = {
    "C": ("addr", "data", "ctrl"),
    "AArch64": ("addr", "data", "ctrl", "ctrl+isb"),
    "X86": ("data", "ctrl"),
    "X86_64": ("data", "ctrl"),
    "RISCV": ("addr", "data", "ctrl", "ctrl+fence.i"),
    "PPC": ("addr", "data", "ctrl", "ctrl+isync"),
}


@st.composite
def shapes(draw: st.DrawFn, threads: int = 3, accesses: int = 2) -> Shape:
    """Any execution of any small program: reads read any value that is written, coherence is any order."""
    arch = draw(st.sampled_from(sorted(FENCES)))
    kinds = [draw(st.lists(st.sampled_from("RWM"), min_size=1, max_size=accesses)) for _ in range(threads)]
    places = [[draw(st.integers(0, 1)) for _ in kind] for kind in kinds]
    flat = [(place, k) for kind, row in zip(kinds, places, strict=True) for k, place in zip(kind, row, strict=True)]
    values = {p: draw(st.permutations(range(1, 1 + sum(q == p and k != "R" for q, k in flat)))) for p in (0, 1)}
    writes = {place: iter(order) for place, order in values.items()}
    lines = []
    for kind, row in zip(kinds, places, strict=True):
        items: list[Item] = []
        rmw: list[tuple[int, int]] = []
        for k, place in zip(kind, row, strict=True):
            if k != "W":
                items.append(Access("R", place, draw(st.integers(0, len(values[place]))), tags(draw, READS, arch)))
            if k != "R":
                items.append(Access("W", place, next(writes[place]), tags(draw, WRITES, arch)))
            if k == "M":
                rmw.append((len(items) - 2, len(items) - 1))
                items[-2:] = halves(draw, arch, items[-2], items[-1])
            if draw(st.integers(0, 3)) == 0:
                items.append(Fence(draw(st.sampled_from(FENCES[arch]))))
        lines.append(Line(tuple(items), dependencies(draw, arch, items, rmw), tuple(rmw)))
    return Shape(arch, tuple(lines))


def tags(draw: st.DrawFn, table: dict[str, tuple[str, ...]], arch: str) -> frozenset[str]:
    return frozenset(draw(st.sampled_from(table.get(arch, ("",)))).split())


def halves(draw: st.DrawFn, arch: str, read: Item, write: Item) -> list[Item]:
    """A read-modify-write by one instruction or two, with annotations that it can have."""
    assert isinstance(read, Access) and isinstance(write, Access)
    kind = draw(st.sampled_from(("X", "EX"))) if arch in ("AArch64", "RISCV") else ""
    both = frozenset(kind.split())
    first, second = read.tags - {"Q", ""} | both, write.tags | both
    if arch == "C":
        first = second = frozenset({draw(st.sampled_from(("ONCE", "ACQUIRE", "RELEASE", "MB")))})
    return [Access("R", read.location, read.value, first), Access("W", write.location, write.value, second)]


def dependencies(
    draw: st.DrawFn, arch: str, items: list[Item], rmw: list[tuple[int, int]]
) -> tuple[Dependency, ...]:
    found = []
    pairs = dict(rmw)
    for source, item in enumerate(items):
        for target in range(source + 1, len(items)):
            later = items[target]
            if not isinstance(item, Access) or item.kind != "R" or not isinstance(later, Access):
                continue
            kind = draw(st.sampled_from(DEPENDENCIES[arch]))
            if pairs.get(source) == target or draw(st.booleans()) or (kind == "data" and later.kind == "R"):
                continue
            found.append(Dependency(kind, source, target))
    return tuple(found)
