"""Random small programs and random small models."""

from __future__ import annotations

from hypothesis import strategies as st

from support.inline import assembly, kernel

REGISTERS = ("EAX", "EBX", "ECX", "EDX")
ARM_KINDS = ("store", "copy", "release", "load", "load", "acquire", "fence", "branch", "swap")


# --- programs --------------------------------------------------------------------------------------------------------
@st.composite
def x86_programs(draw: st.DrawFn, threads: int = 2, accesses: int = 3) -> str:
    bodies, read = [], []
    for thread in range(threads):
        cells, loads = [], 0
        for number in range(draw(st.integers(1, accesses))):
            kind = draw(st.sampled_from(("store", "store", "load", "load", "xchg", "add", "mfence")))
            place = draw(st.sampled_from("xy"))
            register = REGISTERS[number % 4]
            if kind == "store":
                cells.append(f"MOV [{place}],${draw(st.integers(1, 2))}")
            elif kind == "mfence":
                cells.append("MFENCE")
            elif kind == "add":
                cells.append(f"LOCK ADD [{place}],$1" if draw(st.booleans()) else f"ADD [{place}],$1")
            else:
                if kind == "xchg":
                    cells.append(f"MOV {register},$1")
                cells.append(f"XCHG [{place}],{register}" if kind == "xchg" else f"MOV {register},[{place}]")
                loads += 1
                read.append(f"{thread}:{register}")
        bodies.append("; ".join(cells))
    return assembly("X86", "x=0; y=0;", bodies, _condition(draw, read))


@st.composite
def arm_programs(draw: st.DrawFn, threads: int = 2, accesses: int = 3) -> str:
    bodies, read = [], []
    for thread in range(threads):
        cells: list[str] = []
        known: list[str] = []
        for number in range(draw(st.integers(1, accesses))):
            kind = draw(st.sampled_from(ARM_KINDS))
            address = draw(st.sampled_from(("X10", "X11")))
            register = f"W{number}"
            if kind in ("store", "copy", "release"):
                value = draw(st.sampled_from(known)) if known and kind == "copy" else None
                if value is None:
                    cells.append(f"MOV W9,#{draw(st.integers(1, 2))}")
                cells.append(f"{'STLR' if kind == 'release' else 'STR'} {value or 'W9'},[{address}]")
            elif kind == "fence":
                cells.append(draw(st.sampled_from(("DMB SY", "DMB LD", "DMB ST", "ISB"))))
            elif kind == "branch":
                if known:
                    cells += [f"CBNZ {known[-1]},L{thread}{number}", f"L{thread}{number}:"]
            else:
                if kind == "swap":
                    cells.append("MOV W8,#3")
                    cells.append(f"SWP W8,{register},[{address}]")
                else:
                    cells.append(f"{'LDAR' if kind == 'acquire' else 'LDR'} {register},[{address}]")
                known.append(register)
                read.append(f"{thread}:X{number}")
        bodies.append("; ".join(cells) or "ISB")
    init = "x=0; y=0; " + " ".join(f"{t}:X10=x; {t}:X11=y;" for t in range(threads))
    return assembly("AArch64", init, bodies, _condition(draw, read))


@st.composite
def c_programs(draw: st.DrawFn, threads: int = 2, accesses: int = 3) -> str:
    bodies, read = [], []
    for thread in range(threads):
        lines: list[str] = []
        known: list[str] = []
        open_ifs = 0
        for number in range(draw(st.integers(1, accesses))):
            kind = draw(st.sampled_from(("store", "copy", "load", "load", "plain", "fence", "if", "xchg", "cmpxchg")))
            place = draw(st.sampled_from("xy"))
            register = f"r{number}"
            if kind == "store":
                macro = draw(st.sampled_from(("WRITE_ONCE(*{}, 1);", "smp_store_release({}, 2);")))
                lines.append(macro.format(place))
            elif kind == "copy":
                value = draw(st.sampled_from(known)) if known else "1"
                lines.append(f"WRITE_ONCE(*{place}, {value});")
            elif kind == "plain":
                lines.append(f"*{place} = 1;")
            elif kind == "fence":
                lines.append(draw(st.sampled_from(("smp_mb();", "smp_wmb();", "smp_rmb();"))))
            elif kind == "if":
                if known:
                    lines.append(f"if ({known[-1]}) {{")
                    open_ifs += 1
            else:
                form = {"load": "READ_ONCE(*{})", "xchg": "xchg_relaxed({}, 3)", "cmpxchg": "cmpxchg({}, 0, 1)"}[kind]
                lines.append(f"int {register} = {form.format(place)};")
                known.append(register)
                if not open_ifs:
                    read.append(f"{thread}:{register}")
        bodies.append("\n".join([*lines, "}" * open_ifs]) or "smp_mb();")
    return kernel("x=0; y=0;", bodies, _condition(draw, read))


def programs() -> st.SearchStrategy[str]:
    return st.one_of(x86_programs(), arm_programs(), c_programs())


def _condition(draw: st.DrawFn, read: list[str]) -> str:
    places = [*dict.fromkeys(read)]
    if not places or draw(st.integers(0, 3)) == 0:
        places.append(draw(st.sampled_from("xy")))
    atoms = [f"{p}={draw(st.integers(0, 1))}" for p in places]
    quantifier = draw(st.sampled_from(("exists", "~exists", "forall")))
    operator = draw(st.sampled_from((" /\\ ", " \\/ ")))
    return f"{quantifier} ({operator.join(atoms)})"


# --- models ----------------------------------------------------------------------------------------------------------
SETS = ("R", "W", "M", "F", "IW", "_", "emptyset")
RELATIONS = ("po", "rf", "co", "fr", "loc", "ext", "int", "po-loc", "rmw", "data", "ctrl", "rfe", "coe", "fre", "id")


def sets() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(SETS)
    relation = st.sampled_from(RELATIONS)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from("|&\\"), inner),
            st.builds("(~{})".format, inner),
            st.builds("({}({}))".format, st.sampled_from(("domain", "range")), relation),
        ),
        max_leaves=3,
    )


def relations(names: tuple[str, ...] = RELATIONS, leaves: int = 6) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from(names), st.sampled_from(names), st.builds("[{}]".format, sets()),
        st.builds("({} * {})".format, sets(), sets()),
    )  # fmt: skip
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from("|&;\\"), inner),
            st.builds("({} {} {})".format, inner, st.sampled_from("|;"), inner),
            st.builds("(({}){})".format, inner, st.sampled_from(("+", "?", "^-1", "*"))),
            st.builds("(~{})".format, inner),
        ),
        max_leaves=leaves,
    )


@st.composite
def models(draw: st.DrawFn) -> str:
    """Statements for a model that has ``co``; ``fr`` and the like are defined first."""
    lines = ["let fr = rf^-1; co", "let fre = fr & ext", "let coe = co & ext"]
    names = RELATIONS
    if draw(st.integers(0, 2)) == 0:
        base, step = draw(relations(leaves=3)), draw(relations(leaves=2))
        form = draw(st.sampled_from(("{} | x; {}", "{} | {}; x", "{} | x; {} | x; x", "{} | (x & loc); {}")))
        lines.append(f"let rec x = {form.format(base, step)}")
        names = (*RELATIONS, "x", "x")
    if draw(st.booleans()):
        lines.append("acyclic po-loc | rf | co | fr")
    for number in range(draw(st.integers(1, 2))):
        test = draw(st.sampled_from(("acyclic", "irreflexive", "empty", "~empty", "flag ~empty", "flag acyclic")))
        lines.append(f"{test} {draw(relations(names))} as c{number}")
    return "\n".join(lines)
