"""The names that a model finds already defined, by dialect.

What herd7 predefines for the memory model of each architecture (herdtools7 manual, "Language of cat": pre-defined
sets and relations).  Sets of features that the checker does not model (page tables, memory tags, instruction fetch)
are known and empty, as they are in herd7 without those variants.
"""

from __future__ import annotations

RELATIONS = frozenset(
    {
        "po", "rf", "loc", "int", "ext", "id", "addr", "data", "ctrl", "rmw", "amo", "lxsx", "same-instance",
        "iico_data", "iico_ctrl", "iico_order", "rf-reg", "depend", "addrpo",
        "pick-addr", "pick-data", "pick-ctrl", "pick-basic",
    }
)  # fmt: skip

# Relations that only mixed-size accesses or other features would fill: each event is alone in its instruction's copies.
IDENTITY_RELATIONS = frozenset({"sm", "si", "same-low-order-bits"})

EMPTY_RELATIONS = frozenset(
    {"inv-domain", "PTEtoPA", "same-tag-loc", "same-oa", "tlbi-scope", "scope", "cachesame", "partial_po", "instr_of"}
)

SETS = frozenset({"R", "W", "F", "B", "IW", "FW", "I", "Rreg", "Wreg", "ADDR", "DATA", "BCC", "PRED", "RMW", "X", "EX"})

_FENCE_KINDS = [
    f"{barrier}.{scope}{kind}"
    for barrier in ("DMB", "DSB")
    for scope in ("SY", "ISH", "NSH", "OSH")
    for kind in ("", "LD", "ST")
]

DIALECT_SETS: dict[str, frozenset[str]] = {
    "X86": frozenset({"MFENCE", "SFENCE", "LFENCE", "A"}),
    "X86_64": frozenset({"MFENCE", "SFENCE", "LFENCE", "A", "NTI"}),
    "AArch64": frozenset({"A", "L", "Q", "NoRet", "ISB", *(_FENCE_KINDS), "DMB.LD", "DMB.ST", "DSB.LD", "DSB.ST"}),
    "RISCV": frozenset(
        {"Acq", "Rel", "AcqRel", "Sc", "AMO", "Fence.tso", "Fence.i"}
        | {f"Fence.{a}.{b}" for a in ("r", "w", "rw") for b in ("r", "w", "rw")}
    ),
    "PPC": frozenset({"SYNC", "LWSYNC", "EIEIO", "ISYNC"}),
    "C": frozenset(
        {"LKR", "LKW", "UL", "LF", "RL", "RU", "ACQ", "REL", "ACQ_REL", "SC", "RLX", "CON", "NA", "A", "LK", "LS"}
    ),
}

_AARCH64_EMPTY = frozenset(
    {
        "T", "TagCheck", "FAULT", "MMU", "EXC-ENTRY", "EXC-RET", "SVC", "SPURIOUS", "AF", "DB", "PTE", "PTEV", "PTEINV",
        "TLBI", "TLBIIS", "TLBInXS", "DC.CVAU", "DC.IVAC", "DC.CVAC", "IC.IALLU", "IC.IALLUIS", "IC.IVAU", "Instr",
        "Restricted-CMODX", "PTEXS", "D-PTE", "I-PTE", "D-MMU", "I-MMU", "Translation", "AccessFlag", "Permission",
        "Exc", "UDF", "C", "PTEAF0", "IC", "Imp", "GCS",
    }
)  # fmt: skip

EMPTY_SETS: dict[str, frozenset[str]] = {"AArch64": _AARCH64_EMPTY}
NOWHERE = frozenset({"NExp"})  # known for every dialect, and empty

# What only exists where the events of registers are built.
REGISTER_NAMES = frozenset(
    {"Rreg", "Wreg", "B", "BCC", "PRED", "ADDR", "DATA", "iico_data", "iico_ctrl", "iico_order", "rf-reg"}
)

# Functions that look at the members of a set one by one.
MEMBERWISE = frozenset(
    {"linearisations", "classes", "tag2scope", "tag2level", "tag2fenced", "loc2events", "lift", "delift"}
)

# Functions on relations that are the empty relation where the feature is absent.
EMPTY_FUNCTIONS = frozenset({"same-oa", "at-least-one-writable", "oa-changes"})


def known_sets(dialect: str, tags: frozenset[str]) -> frozenset[str]:
    """The names of event sets for ``dialect``; ``tags`` are those of a bell file, as written there."""
    return SETS | DIALECT_SETS.get(dialect, frozenset()) | {tag_set_name(t) for t in tags}


def tag_set_name(tag: str) -> str:
    """The event set of a tag: the first letter in upper case (``rcu-lock`` -> ``Rcu-lock``)."""
    return tag[:1].upper() + tag[1:]
