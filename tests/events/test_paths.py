"""Paths of single threads: forks, loops, addresses, dependencies, read-modify-write pairs."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import Inconclusive, Unsupported
from membar_check.events import paths as paths_module
from membar_check.events.structure import INIT_THREAD, Path, Structure
from membar_check.values import Address
from support.inline import assembly, kernel, structure_of

ANY = "forall (true)"
XY = "0:X1=x; 0:X3=y"


def arm(*instructions: str, init: str = XY, unroll: int = 2) -> Structure:
    return structure_of(assembly("AArch64", init, ["; ".join(instructions)], ANY), None, unroll)


def c(body: str, init: str = "", unroll: int = 2) -> Structure:
    return structure_of(kernel(init, [body], ANY), None, unroll)


def texts(structure: Structure, path: Path) -> list[str]:
    """The events as ``Rx``, ``Wy``, tags left out."""
    out = []
    for e in path.events:
        event = structure.events[e]
        kind = "R" if event.is_read else "W" if event.is_write else "+".join(sorted(event.sets))
        out.append(f"{kind}{path.address.get(e, '')}")
    return out


def edges(structure: Structure, path: Path, name: str) -> set[tuple[str, str]]:
    shown = dict(zip(path.events, texts(structure, path), strict=True))
    return {(shown[a], shown[b]) for a, b in path.relations.get(name, ())}


def only(structure: Structure) -> Path:
    ((path,),) = structure.paths
    return path


def by_text(structure: Structure) -> dict[str, Path]:
    found = {" ".join(texts(structure, p)): p for p in structure.paths[0]}
    assert len(found) == len(structure.paths[0])
    return found


# --- branches and loops ----------------------------------------------------------------------------------------------
def test_a_branch_forks_and_shares_events() -> None:
    text = kernel(
        "", ["int r0 = READ_ONCE(*x); if (r0) WRITE_ONCE(*y, 1); WRITE_ONCE(*z, 1);", "WRITE_ONCE(*x, 1);"], ANY
    )
    structure = structure_of(text)
    taken, not_taken = sorted(structure.paths[0], key=lambda p: -len(p.events))
    assert texts(structure, taken) == ["Rx", "Wy", "Wz"]
    assert texts(structure, not_taken) == ["Rx", "Wz"]
    assert taken.events[0] == not_taken.events[0]
    assert taken.events[-1] == not_taken.events[-1]


def test_a_branch_on_what_is_known_does_not_fork() -> None:
    structure = c("int r0 = 1; if (r0) WRITE_ONCE(*y, 1); else WRITE_ONCE(*x, 1);")
    assert texts(structure, only(structure)) == ["Wy"]


def test_a_branch_on_what_the_path_has_decided_does_not_fork_again() -> None:
    body = "int r0 = READ_ONCE(*x); if (r0) WRITE_ONCE(*y, 1); if (r0) WRITE_ONCE(*z, 1);"
    structure = structure_of(kernel("", [body, "WRITE_ONCE(*x, 1);"], ANY))
    assert set(by_text(structure)) == {"Rx", "Rx Wy Wz"}


def test_paths_that_no_value_allows_are_dropped() -> None:
    structure = c("int r0 = READ_ONCE(*x); if (r0 == 7) WRITE_ONCE(*y, 1);")
    assert texts(structure, only(structure)) == ["Rx"]


@pytest.mark.parametrize("unroll", [0, 1, 2, 4])
def test_loops_are_cut_at_the_bound(unroll: int) -> None:
    text = assembly("AArch64", "0:X1=x; 1:X1=x", ["L: LDR W0,[X1]; CBZ W0,L", "MOV W0,#1; STR W0,[X1]"], ANY)
    structure = structure_of(text, None, unroll)
    found = {(len(p.events), p.cut) for p in structure.paths[0]}
    assert found == {(n, False) for n in range(1, unroll + 2)} | {(unroll + 1, True)}
    numbers = {p.events for p in structure.paths[0] if not p.cut}
    assert all(a == b[: len(a)] for a in numbers for b in numbers if len(a) <= len(b))


def test_forward_jumps_are_not_bounded() -> None:
    structure = arm("CMP W0,#0; B.EQ A; STR W0,[X1]; A: B B; STR W0,[X1]; B: STR W0,[X3]", unroll=0)
    assert texts(structure, only(structure)) == ["Wy"]


def test_too_many_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "int r0 = READ_ONCE(*x); if (r0) WRITE_ONCE(*y, 1); int r1 = READ_ONCE(*x); if (r1) WRITE_ONCE(*y, 1);"
    text = kernel("", [body, "WRITE_ONCE(*x, 1);"], ANY)
    assert len(structure_of(text).paths[0]) == 4
    monkeypatch.setattr(paths_module, "MAX_PATHS", 3)
    with pytest.raises(Inconclusive, match="P0 has more than 3 paths"):
        structure_of(text)


# --- addresses -------------------------------------------------------------------------------------------------------
def test_read_addresses_fork_over_what_may_be_there() -> None:
    text = assembly("AArch64", "p=x; 0:X1=p; 1:X1=p; 1:X2=y", ["LDR X0,[X1]; LDR W2,[X0]", "STR X2,[X1]"], ANY)
    structure = structure_of(text)
    found = by_text(structure)
    assert set(found) == {"Rp Rx", "Rp Ry"}
    for name, path in found.items():
        assert edges(structure, path, "addr") == {("Rp", name[-2:])}
        assert [constraint.expected for constraint in path.constraints] == [Address(name[-1])]


def test_array_cells_by_a_read_index() -> None:
    reader = "(int *x, int *a) int r0 = READ_ONCE(*x); int r1 = READ_ONCE(a[r0]);"
    text = kernel("int a[2]={5,6};", [reader, "WRITE_ONCE(*x, 1);"], ANY)
    assert set(by_text(structure_of(text))) == {"Rx Ra", "Rx Ra[1]"}


def test_address_dependencies_through_arithmetic_that_cancels() -> None:
    structure = arm("LDR W0,[X1]; EOR W2,W0,W0; LDR W4,[X3,W2,SXTW]")
    assert edges(structure, only(structure), "addr") == {("Rx", "Ry")}
    assert "data" not in only(structure).relations


def test_accesses_outside_of_arrays_and_of_two_sizes() -> None:
    with pytest.raises(Unsupported, match="outside the 2 cells of a"):
        c("(int *a) WRITE_ONCE(a[2], 1);", "int a[2];")
    with pytest.raises(Unsupported, match="64 bits here, but with 32 bits"):
        arm("LDR W0,[X1]; LDR X2,[X1]")


# --- dependencies ----------------------------------------------------------------------------------------------------
def test_data_dependencies() -> None:
    structure = arm("LDR W0,[X1]; ADD W2,W0,#1; STR W2,[X3]; MOV W2,#1; STR W2,[X3]")
    path = only(structure)
    assert path.relations["data"] == ((path.events[0], path.events[1]),)
    structure = c("int r0 = READ_ONCE(*x); int r1 = READ_ONCE(*y); WRITE_ONCE(*z, r0 + (r1 ^ r1));")
    assert edges(structure, only(structure), "data") == {("Rx", "Wz"), ("Ry", "Wz")}


def test_dependencies_end_where_a_register_is_written_anew() -> None:
    structure = arm("LDR W0,[X1]; MOV W0,#1; STR W0,[X3]")
    assert only(structure).relations == {}


def test_control_dependencies_of_assembly_never_end() -> None:
    structure = arm("LDR W0,[X1]; CBNZ W0,L; L: MOV W2,#1; STR W2,[X3]")
    assert all(edges(structure, p, "ctrl") == {("Rx", "Wy")} for p in structure.paths[0])


def test_control_dependencies_of_c_end_with_the_if() -> None:
    body = "int r0 = READ_ONCE(*x); if (r0 == 0) { WRITE_ONCE(*y, 1); } WRITE_ONCE(*z, 1);"
    structure = c(body)
    assert edges(structure, only(structure), "ctrl") == {("Rx", "Wy")}
    body = "int r0 = READ_ONCE(*x); if (r0) { WRITE_ONCE(*z, 2); } else { WRITE_ONCE(*y, 1); } WRITE_ONCE(*z, 1);"
    structure = c(body)
    assert edges(structure, only(structure), "ctrl") == {("Rx", "Wy")}


def test_control_dependencies_of_nested_ifs() -> None:
    body = """int r0 = READ_ONCE(*x);
        if (r0 == 0) { int r1 = READ_ONCE(*y); if (r1 == 0) WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1); }
        WRITE_ONCE(*z, 1);"""
    structure = c(body)
    (path,) = (p for p in structure.paths[0] if "Wx" in texts(structure, p))
    assert edges(structure, path, "ctrl") == {("Rx", "Ry"), ("Rx", "Wx"), ("Rx", "Wy"), ("Ry", "Wx")}


def test_control_through_a_register() -> None:
    """A register that was written or not as a read decided: a later branch on it depends on that read."""
    body = "int r1 = 0; int r0 = READ_ONCE(*x); if (r0) { r1 = 1; } if (r1 == 0) { WRITE_ONCE(*y, 1); }"
    structure = structure_of(kernel("", [body, "WRITE_ONCE(*x, 1);"], ANY))
    assert set(by_text(structure)) == {"Rx", "Rx Wy"}
    body = "int r1 = 0; int r0 = READ_ONCE(*x); if (r0) { r1 = 1; } else { r1 = 2; } if (r1) { WRITE_ONCE(*y, r1); }"
    structure = structure_of(kernel("", [body, "WRITE_ONCE(*x, 1);"], ANY))
    for path in structure.paths[0]:
        assert edges(structure, path, "ctrl") == {("Rx", "Wy")}
        assert "data" not in path.relations


def test_pick_dependencies() -> None:
    select = "LDR W0,[X1]; CMP W0,#0; MOV W4,#2; MOV W5,#3; CSEL W2,W4,W5,EQ"
    structure = arm(select, "STR W2,[X3]")
    assert only(structure).stored[only(structure).events[-1]] == 2
    assert edges(structure, only(structure), "pick-data") == {("Rx", "Wy")}
    assert "data" not in only(structure).relations and "ctrl" not in only(structure).relations
    structure = arm(select, "EOR W2,W2,W2; LDR W6,[X3,W2,SXTW]")
    assert edges(structure, only(structure), "pick-addr") == {("Rx", "Ry")}
    structure = arm(select, "CBNZ W2,L; L: STR W4,[X3]")
    assert edges(structure, only(structure), "pick-ctrl") == {("Rx", "Wy")}
    structure = arm(select, "CMP W2,#2; CSEL W6,W4,W5,EQ; STR W6,[X3]")
    assert edges(structure, only(structure), "pick-data") == {("Rx", "Wy")}


def test_compare_and_swap_picks_what_it_does() -> None:
    structure = arm("MOV W0,#0; MOV W2,#1; CAS W0,W2,[X1]; STR W0,[X3]")
    swapped = [p for p in structure.paths[0] if texts(structure, p) == ["Rx", "Wx", "Wy"]]
    failed = [p for p in structure.paths[0] if texts(structure, p) == ["Rx", "Wy"]]
    assert swapped and failed
    assert all(edges(structure, p, "pick-basic") == {("Rx", "Wx")} == edges(structure, p, "rmw") for p in swapped)
    assert all("rmw" not in p.relations and "pick-basic" not in p.relations for p in failed)
    assert {bool(p.relations.get("data")) for p in swapped} == {True, False}


def test_what_picked_the_value_compared_picks_the_swap() -> None:
    structure = arm("LDR W0,[X3]; CMP W0,#0; MOV W4,#0; MOV W5,#3; CSEL W2,W4,W5,EQ; CAS W2,W5,[X1]")
    swapped = [p for p in structure.paths[0] if "Wx" in texts(structure, p)]
    assert swapped
    assert all(edges(structure, p, "pick-basic") == {("Ry", "Wx"), ("Rx", "Wx")} for p in swapped)


# --- pairs -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("instructions", "outcomes"),
    [
        ("LDXR W0,[X1]; STXR W5,W0,[X1]", {("Rx Wx", "Rx-Wx"), ("Rx", "")}),
        ("STXR W5,W0,[X1]", {("", "")}),
        ("LDXR W0,[X1]; STXR W5,W0,[X1]; STXR W6,W0,[X1]", {("Rx Wx", "Rx-Wx"), ("Rx", "")}),
        ("LDXR W0,[X1]; STXR W5,W0,[X3]", {("Rx", "")}),
        ("LDXR W0,[X1]; LDXR W2,[X3]; STXR W5,W0,[X1]", {("Rx Ry", "")}),
        ("LDXR W0,[X1]; LDXR W2,[X3]; STXR W5,W0,[X3]", {("Rx Ry Wy", "Ry-Wy"), ("Rx Ry", "")}),
        ("LDXR W0,[X1]; LDR W2,[X3]; STR W2,[X1]; STXR W5,W0,[X1]", {("Rx Ry Wx Wx", "Rx-Wx"), ("Rx Ry Wx", "")}),
    ],
)
def test_exclusives(instructions: str, outcomes: set[tuple[str, str]]) -> None:
    structure = arm(instructions)
    found = {(" ".join(texts(structure, p)), "".join("-".join(e) for e in edges(structure, p, "rmw")))
             for p in structure.paths[0]}  # fmt: skip
    assert found == outcomes
    assert all(p.relations.get("rmw") == p.relations.get("lxsx") for p in structure.paths[0])
    for path in structure.paths[0]:
        assert path.registers["X5"] == (0 if "rmw" in path.relations else 1)


def test_atomic_instructions() -> None:
    structure = arm("MOV W2,#1; LDADD W2,W0,[X1]")
    path = only(structure)
    assert edges(structure, path, "rmw") == edges(structure, path, "amo") == {("Rx", "Wx")}
    assert "lxsx" not in path.relations
    structure = structure_of(assembly("X86", "", ["MOV EAX,$1; XCHG [x],EAX"], ANY))
    assert edges(structure, only(structure), "rmw") == {("Rx", "Wx")}
    structure = c("int r0 = cmpxchg(x, 0, 1);")
    assert {len(p.events): edges(structure, p, "rmw") for p in structure.paths[0]} == {2: {("Rx", "Wx")}, 1: set()}


def test_trylock_takes_the_lock_or_not() -> None:
    structure = c("(spinlock_t *l) int r0 = spin_trylock(l);", "spinlock_t l;")
    found = {p.registers["r0"]: [structure.events[e].sets for e in p.events] for p in structure.paths[0]}
    assert [len(sets) for sets in (found[1], found[0])] == [2, 1]
    assert "LKR" in found[1][0] and "LKW" in found[1][1] and "LF" in found[0][0]


# --- numbers and names -----------------------------------------------------------------------------------------------
def test_initial_writes_belong_to_no_thread() -> None:
    structure = arm("LDR W0,[X1]")
    assert set(structure.initial) == {Address("x"), Address("y")}
    for e in structure.initial.values():
        assert structure.events[e].thread == INIT_THREAD
        assert structure.events[e].sets == {"W", "IW"}


def test_features() -> None:
    structure = arm("LDAXR W0,[X1]; DMB SY; STLXR W5,W0,[X1]")
    assert {"R", "W", "F", "IW", "A", "L", "EX", "DMB.SY", "rmw", "lxsx", "data"} <= structure.features()
    assert not {"amo", "addr", "ctrl", "X"} & structure.features()


def test_instances_tell_visits_apart() -> None:
    text = assembly("AArch64", "0:X1=x; 1:X1=x", ["L: LDR W0,[X1]; CBZ W0,L", "MOV W0,#1; STR W0,[X1]"], ANY)
    structure = structure_of(text)
    longest = max(structure.paths[0], key=lambda p: len(p.events))
    assert len({structure.events[e].instance for e in longest.events}) == len(longest.events)
    structure = structure_of(assembly("X86", "", ["MOV EAX,$1; XCHG [x],EAX"], ANY))
    assert len({structure.events[e].instance for e in only(structure).events}) == 1


def test_a_loop_that_no_read_ends_has_no_answer() -> None:
    text = assembly("AArch64", "0:X1=x", ["MOV W0,#0; L: STR W0,[X1]; CBZ W0,L"], ANY)
    with pytest.raises(Inconclusive, match="more than 1000 rounds") as caught:
        structure_of(text)
    assert caught.value.reason == "unrolling" and caught.value.span is not None
