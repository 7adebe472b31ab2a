"""diy's names of fences, dependencies, annotations and read-modify-writes, dialect by dialect.

The names are those that diy7's ``-show edges`` lists; for C, which diy generates through the kernel's bell file, they
are the bell file's names in any case of letters, with the short forms of the kernel's own test names beside them.
"""

from __future__ import annotations

from membar_check.diagnostics import InputError
from membar_check.records import dataclass

Tags = frozenset[str]


@dataclass(frozen=True, slots=True)
class Annotation:
    """``name``: as diy writes it; ``tags``: of the access; ``kinds``: R, W or both."""

    name: str
    tags: Tags
    kinds: str


@dataclass(frozen=True, slots=True)
class Names:
    """What edges of one dialect are made of.

    ``fences``: diy's name to the fence as the dialect writes it, ``strong`` the one that ``Fenced**`` means;
    ``dependencies``: diy's name to the kind; ``rmws``: name to the tags of both halves.  The first annotation is that
    of accesses that have none written.  ``folded``: letters count in any case.
    """

    arch: str
    annotations: tuple[Annotation, ...]
    fences: dict[str, str]
    strong: str
    dependencies: dict[str, str]
    rmws: dict[str, Tags]
    folded: bool = False


_NONE: Tags = frozenset()
_PLAIN = Annotation("P", _NONE, "RW")


def _annotations(*rows: tuple[str, str, str]) -> tuple[Annotation, ...]:
    return tuple([Annotation(name, frozenset(tags.split()), kinds) for name, tags, kinds in rows])


_CLASSIC = {"Addr": "addr", "Data": "data", "Ctrl": "ctrl"}
_ATOMIC = frozenset({"X"})
_ARM_DOMAINS = ["SY", "LD", "ST", *[f"{domain}{what}" for domain in ("ISH", "OSH", "NSH") for what in ("", "LD", "ST")]]
_ARM_BARRIERS = [f"{kind}.{what}" for kind in ("DMB", "DSB") for what in _ARM_DOMAINS]
_RISCV_SETS = ("r", "w", "rw")
_C_FENCES = {
    "FenceMb": "smp_mb", "FenceRmb": "smp_rmb", "FenceWmb": "smp_wmb", "FenceSync-rcu": "synchronize_rcu",
    "FenceBarrier": "barrier", "FenceBefore-atomic": "smp_mb__before_atomic",
    "FenceAfter-atomic": "smp_mb__after_atomic", "FenceAfter-spinlock": "smp_mb__after_spinlock",
    "FenceAfter-unlock-lock": "smp_mb__after_unlock_lock",
    "Mb": "smp_mb", "Rmb": "smp_rmb", "Wmb": "smp_wmb", "Sync-rcu": "synchronize_rcu",
}  # fmt: skip

_TABLE = {
    "AArch64": Names(
        "AArch64",
        (_PLAIN, *_annotations(("A", "A", "R"), ("Q", "Q", "R"), ("L", "L", "W"))),
        {name: name.replace(".", " ") for name in _ARM_BARRIERS} | {"ISB": "ISB"},
        "DMB.SY",
        _CLASSIC | {"CtrlIsb": "ctrl+isb"},
        {"LxSx": _NONE, "Rmw": _NONE, "Amo.Swp": _ATOMIC},
    ),
    "RISCV": Names(
        "RISCV",
        (_PLAIN, *_annotations(("Aq", "Acq", "R"), ("Rl", "Rel", "W"), ("AR", "AcqRel", "RW"))),
        {"Fence.tso": "fence.tso"}
        | {f"Fence.{a}.{b}": f"fence {a},{b}" for a in _RISCV_SETS for b in _RISCV_SETS}
        | {"Fence.i": "fence.i"},
        "Fence.rw.rw",
        _CLASSIC | {"CtrlFenceI": "ctrl+fence.i"},
        {"Exch": _ATOMIC, "Rmw": _ATOMIC, "LxSx": _NONE},
    ),
    "PPC": Names(
        "PPC",
        (_PLAIN,),
        {"Sync": "sync", "LwSync": "lwsync", "Eieio": "eieio", "ISync": "isync"},
        "Sync",
        _CLASSIC | {"CtrlIsync": "ctrl+isync"},
        {"LxSx": _NONE, "Rmw": _NONE},
    ),
    "X86": Names("X86", (_PLAIN,), {"MFence": "MFENCE"}, "MFence", {}, {"Exch": _NONE, "Rmw": _NONE}),
    "X86_64": Names(
        "X86_64",
        (_PLAIN,),
        {name: name.lower() for name in ("MFence", "SFence", "LFence")},
        "MFence",
        {},
        {"Exch": _NONE, "Rmw": _NONE},
    ),
    "C": Names(
        "C",
        _annotations(
            ("Once", "ONCE", "RW"), ("Acquire", "ACQUIRE", "R"), ("Release", "RELEASE", "W"), ("Acq", "ACQUIRE", "R"),
            ("Rel", "RELEASE", "W"), ("MB", "MB", "RW"), ("Plain", "", "RW"), ("P", "", "RW"),
        ),
        _C_FENCES,
        "FenceMb",
        _CLASSIC,
        {"Exch": _NONE, "Rmw": _NONE},
        folded=True,
    ),
}  # fmt: skip

ARCHITECTURES = tuple(_TABLE)
RANKS = {
    name: rank
    for names in _TABLE.values()
    for rank, name in enumerate([*names.fences, *names.dependencies, *[a.name for a in names.annotations]])
}
"""For what the canonical form of a cycle puts first: the earlier in its table."""


def fits_rmw(names: Names, before: Annotation, after: Annotation) -> bool:
    """Whether a read-modify-write can have these annotations on its read and on its write."""
    if names.arch == "AArch64":
        return before.tags <= {"A"} and after.tags <= {"L"}
    if names.arch == "C":
        tags = before.tags | after.tags
        return bool(before.tags and after.tags) and len(tags - {"ONCE"}) <= 1 and ("MB" not in tags or len(tags) == 1)
    return True


def canonical(annotation: Annotation, names: Names) -> Annotation:
    """The first of the names of an annotation."""
    return next(a for a in names.annotations if a.tags == annotation.tags)


def names_of(arch: str) -> Names:
    """The names of a dialect.  Raises InputError for one that has none."""
    try:
        return _TABLE[arch]
    except KeyError:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"no edges are known for `{arch}`, expected one of {known}") from None
