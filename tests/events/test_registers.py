"""Events of registers: instruction by instruction, told from the Arm ARM's intrinsic dependencies."""

from __future__ import annotations

from pathlib import Path as FilePath

import pytest

from membar_check.diagnostics import Source
from membar_check.engine.api import CheckOptions, check_test
from membar_check.events.build import build
from membar_check.events.structure import Path, Structure
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import LitmusTest
from membar_check.program.lower import lower

Edges = set[tuple[str, str]]


def parse(threads: list[list[str]], condition: str = "x=0", init: str = "") -> LitmusTest:
    init = init or " ".join(["x=0; y=0;", *(f"{n}:X1=x; {n}:X9=y;" for n in range(len(threads)))])
    height = max(len(t) for t in threads)
    rows = [[f"P{n}" for n in range(len(threads))]]
    rows += [[t[i] if i < len(t) else "" for t in threads] for i in range(height)]
    body = "\n".join(" | ".join(row) + " ;" for row in rows)
    return parse_litmus(Source("t.litmus", f"AArch64 t\n{{ {init} }}\n{body}\nexists ({condition})\n"))


def structure(*code: str, registers: bool = True) -> Structure:
    """Of one thread, beside another that makes both locations 1 at some time."""
    return build(lower(parse([list(code), ["MOV W2,#1", "STR W2,[X1]", "STR W2,[X9]"]])), 2, registers)


class Told:
    """A path with its events by name: ``Rreg X1 ADDR``, ``Wreg X0``, ``R x``, ``B``, ``BCC``, numbered where alike."""

    def __init__(self, s: Structure, path: Path) -> None:
        self.path = path
        self.names: dict[int, str] = {}
        for e in path.events:
            name = self._name(s, path, e)
            alike = sum(n == name or n.startswith(f"{name} #") for n in self.names.values())
            self.names[e] = f"{name} #{alike + 1}" if alike else name

    @staticmethod
    def _name(s: Structure, path: Path, e: int) -> str:
        sets = s.events[e].sets
        for kind in ("Rreg", "Wreg"):
            if kind in sets:
                ports = "".join(f" {p}" for p in ("ADDR", "DATA") if p in sets)
                return f"{kind} {path.address[e].name.removeprefix('0:')}{ports}"
        for kind in ("BCC", "B", "F"):
            if kind in sets:
                return kind
        return f"{'W' if 'W' in sets else 'R'} {path.address[e]}"

    @property
    def events(self) -> list[str]:
        return sorted(self.names.values())

    def __getitem__(self, relation: str) -> Edges:
        return {(self.names[a], self.names[b]) for a, b in self.path.relations.get(relation, ())}


def told(*code: str) -> Told:
    s = structure(*code)
    (path,) = s.paths[0]
    return Told(s, path)


def all_told(*code: str) -> list[Told]:
    s = structure(*code)
    return [Told(s, p) for p in s.paths[0]]


# --- computing -------------------------------------------------------------------------------------------------------
def test_add_reads_both_operands() -> None:
    t = told("ADD W0,W2,W3")
    assert t.events == ["Rreg X2", "Rreg X3", "Wreg X0"]
    assert t["iico_data"] == {("Rreg X2", "Wreg X0"), ("Rreg X3", "Wreg X0")}
    assert t["iico_ctrl"] == t["iico_order"] == t["rf-reg"] == set()


def test_one_register_as_both_operands_is_read_once() -> None:
    t = told("EOR W0,W2,W2")
    assert t.events == ["Rreg X2", "Wreg X0"]
    assert t["iico_data"] == {("Rreg X2", "Wreg X0")}


def test_a_constant_has_no_source_and_the_zero_register_no_events() -> None:
    assert told("MOV W0,#1").events == ["Wreg X0"]
    assert told("ADD W0,W2,WZR").events == ["Rreg X2", "Wreg X0"]
    assert told("CMP W2,#1").events == ["Rreg X2", "Wreg NZCV"]


def test_flags_and_result_come_from_the_same_reads() -> None:
    t = told("ADDS W0,W2,W3")
    assert t.events == ["Rreg X2", "Rreg X3", "Wreg NZCV", "Wreg X0"]
    assert t["iico_data"] == {(f"Rreg X{i}", f"Wreg {to}") for i in (2, 3) for to in ("NZCV", "X0")}


def test_rf_reg_leads_from_the_last_write_in_an_earlier_instruction() -> None:
    t = told("MOV W2,#1", "MOV W2,#2", "ADD W2,W2,#1", "MOV W3,W2")
    assert t["rf-reg"] == {("Wreg X2 #2", "Rreg X2"), ("Wreg X2 #3", "Rreg X2 #2")}


# --- memory ----------------------------------------------------------------------------------------------------------
def test_a_load() -> None:
    t = told("LDR W0,[X1]")
    assert t.events == ["R x", "Rreg X1 ADDR", "Wreg X0"]
    assert t["iico_data"] == {("Rreg X1 ADDR", "R x"), ("R x", "Wreg X0")}
    assert t["iico_ctrl"] == set()


def test_a_load_with_a_register_offset() -> None:
    t = told("LDR W0,[X1,X2]")
    assert t["iico_data"] == {("Rreg X1 ADDR", "R x"), ("Rreg X2 ADDR", "R x"), ("R x", "Wreg X0")}


def test_a_store_tells_address_from_data() -> None:
    t = told("STR W0,[X1]")
    assert t.events == ["Rreg X0 DATA", "Rreg X1 ADDR", "W x"]
    assert t["iico_data"] == {("Rreg X1 ADDR", "W x"), ("Rreg X0 DATA", "W x")}


def test_storing_the_address_itself() -> None:
    s = build(lower(parse([["STR X1,[X1]"]], "y=0")), 2, True)
    assert Told(s, s.paths[0][0]).events == ["Rreg X1 ADDR", "Rreg X1 DATA", "W x"]


@pytest.mark.parametrize("operand", ["[X1],#0", "[X1,#0]!"])
def test_the_base_register_moves_without_waiting_for_memory(operand: str) -> None:
    t = told(f"LDR W0,{operand}")
    assert t.events == ["R x", "Rreg X1 ADDR", "Wreg X0", "Wreg X1"]
    assert t["iico_data"] == {("Rreg X1 ADDR", "Wreg X1"), ("Rreg X1 ADDR", "R x"), ("R x", "Wreg X0")}


def test_dependencies_of_the_front_end_stay() -> None:
    plain, more = structure("LDR W0,[X1]", "STR W0,[X9]", registers=False), told("LDR W0,[X1]", "STR W0,[X9]")
    (path,) = plain.paths[0]
    assert path.relations["data"] == more.path.relations["data"]
    assert path.registers == more.path.registers and path.stored == more.path.stored


# --- atomics ---------------------------------------------------------------------------------------------------------
def test_a_swap_is_ordered_but_does_not_hand_its_value_on() -> None:
    t = told("SWP W0,W2,[X1]")
    assert t.events == ["R x", "Rreg X0 DATA", "Rreg X1 ADDR", "W x", "Wreg X2"]
    assert t["iico_order"] == {("R x", "W x")}
    assert t["iico_data"] == {
        ("Rreg X1 ADDR", "R x"), ("Rreg X1 ADDR", "W x"), ("Rreg X0 DATA", "W x"), ("R x", "Wreg X2"),
    }  # fmt: skip


def test_a_sum_takes_what_it_read() -> None:
    t = told("LDADD W0,W2,[X1]")
    assert ("R x", "W x") in t["iico_data"] and t["iico_order"] == set()


def test_compare_and_swap() -> None:
    success_compared, success_old, writes_back, reads_only = all_told("CAS W0,W2,[X1]")
    everywhere = {("Rreg X1 ADDR", "R x"), ("R x", "B"), ("Rreg X0 DATA", "B")}
    address = {("Rreg X1 ADDR", "W x")}
    assert success_compared["iico_data"] == everywhere | address | {
        ("Rreg X2 DATA", "W x"), ("Rreg X0 DATA", "Wreg X0"),
    }  # fmt: skip
    assert success_compared["iico_ctrl"] == {("B", "W x"), ("B", "Wreg X0")}
    assert success_old["iico_data"] == everywhere | address | {("Rreg X2 DATA", "W x"), ("R x", "Wreg X0")}
    assert success_old["iico_ctrl"] == {("B", "W x")}
    assert writes_back["iico_data"] == everywhere | address | {("R x", "W x"), ("R x", "Wreg X0")}
    assert writes_back["iico_ctrl"] == {("B", "W x")}
    assert reads_only["iico_data"] == everywhere | {("R x", "Wreg X0")}
    assert reads_only["iico_ctrl"] == set()
    assert all(t["iico_order"] == set() for t in (success_compared, success_old, writes_back, reads_only))


def test_exclusives_pass_the_reservation_on() -> None:
    succeeds, fails = all_told("LDXR W0,[X1]", "STXR W3,W2,[X1]")
    assert ("Wreg RESADDR", "Rreg RESADDR") in succeeds["rf-reg"]
    assert succeeds["iico_ctrl"] == {("Rreg RESADDR", "W x"), ("Rreg RESADDR", "Wreg RESADDR #2")}
    assert {("Rreg X2 DATA", "W x"), ("Rreg X1 ADDR #2", "W x")} <= succeeds["iico_data"]
    for t in (succeeds, fails):
        assert "Wreg X3" in t.events
        assert not any(b == "Wreg X3" for r in ("iico_data", "iico_ctrl") for _, b in t[r])


@pytest.mark.parametrize(
    ("instruction", "edge"),
    [
        ("LDIAPP W0,W2,[X1]", ("R x", "R x[1]")),
        ("STILP W0,W2,[X1]", ("W x", "W x[1]")),
        ("STILP W0,W2,[X1,#0]!", ("W x[1]", "W x")),
    ],
)
def test_pairs_that_are_ordered(instruction: str, edge: tuple[str, str]) -> None:
    s = build(lower(parse([[instruction]], "y=0", "int x[2]; y=0; 0:X1=x;")), 2, True)
    assert Told(s, s.paths[0][0])["iico_order"] == {edge}


def test_pairs_that_are_not() -> None:
    s = build(lower(parse([["LDP W0,W2,[X1]"]], "y=0", "int x[2]; y=0; 0:X1=x;")), 2, True)
    assert Told(s, s.paths[0][0])["iico_order"] == set()


# --- decisions -------------------------------------------------------------------------------------------------------
def test_a_conditional_select_reads_what_it_chose() -> None:
    first, second = sorted(all_told("LDR W5,[X9]", "CMP W5,#0", "CSEL W0,W2,W3,EQ"), key=lambda t: t.events)
    for t, chosen in ((first, "X2"), (second, "X3")):
        assert ("Rreg NZCV", "B") in t["iico_data"]
        assert (f"Rreg {chosen}", "Wreg X0") in t["iico_data"]
        assert t["iico_ctrl"] == {("B", f"Rreg {chosen}")}


def test_a_conditional_set_has_nothing_to_read() -> None:
    for t in all_told("LDR W5,[X9]", "CMP W5,#0", "CSET W0,EQ"):
        assert t["iico_ctrl"] == {("B", "Wreg X0")}


@pytest.mark.parametrize(
    ("branch", "read"), [("CBZ W2,L", "Rreg X2"), ("TBZ W2,#1,L", "Rreg X2"), ("B.EQ L", "Rreg NZCV")]
)
def test_branches(branch: str, read: str) -> None:
    t = told(branch, "L:")
    assert t.events == ["BCC", read]
    assert t["iico_data"] == {(read, "BCC")}
    assert t["iico_ctrl"] == set()


def test_both_ways_of_a_branch_have_it() -> None:
    paths = all_told("LDR W0,[X1]", "CBNZ W0,L", "MOV W2,#1", "L:")
    assert len(paths) == 2
    assert all("BCC" in t.events for t in paths)


def test_a_jump_and_a_barrier_have_no_register_events() -> None:
    assert told("B L", "L:").events == []
    assert told("DMB SY").events == ["F"]


# --- in the structure ------------------------------------------------------------------------------------------------
def test_registers_are_no_memory() -> None:
    s = structure("LDR W0,[X1]", "STR W0,[X9]")
    assert {str(a) for a in s.initial} == {"x", "y"}
    (path,) = s.paths[0]
    places = {str(path.address[e]) for e in path.events if "Rreg" in s.events[e].sets or "Wreg" in s.events[e].sets}
    assert places == {"0:X0", "0:X1", "0:X9"}


def test_instances_are_shared_with_the_memory_events() -> None:
    s = structure("LDR W0,[X1]", "STR W0,[X9]")
    (path,) = s.paths[0]
    assert len({s.events[e].instance for e in path.events}) == 2


def test_none_without_being_asked() -> None:
    s = structure("LDR W0,[X1]", registers=False)
    assert all(not e.sets & {"Rreg", "Wreg"} for e in s.events)
    assert s.paths[0][0].trace == ()


# --- models ----------------------------------------------------------------------------------------------------------
MODEL = """"dependencies computed by the model"
catdep
include "cos.cat"
let same-register = [Rreg | Wreg]; loc; [Rreg | Wreg]
let flow = (rf-reg | iico_data)+
let carried = [R]; flow; [Rreg]
let my-addr = carried; [ADDR]; iico_data; [M]
let my-data = carried; [DATA]; iico_data; [W]
let my-ctrl = [R]; flow; [BCC]; po; [W]
acyclic po-loc | rf | co | fr as coherence
empty rf-reg \\ (po & same-register & int) as registers-in-order
acyclic rfe | my-addr | my-data | my-ctrl as no-thin-air
empty (my-addr | my-data | my-ctrl) & same-instance as between-instructions
flag ~empty M & (Rreg | Wreg | B) as memory-that-is-a-register
flag ~empty [Rreg | Wreg]; loc; [M] as one-place-for-both
flag ~empty rf & rf-reg as one-relation-for-both
"""


def outcome(tmp_path: FilePath, *threads: list[str]) -> bool:
    """Whether load buffering shows under the model."""
    file = tmp_path / "deps.cat"
    file.write_text(MODEL)
    test = parse(list(threads), "0:X0=1 /\\ 1:X0=1")
    verdict = check_test(test, CheckOptions(model=str(file)))
    assert verdict.flags == ()
    return verdict.reached


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        (("STR W0,[OUT]",), False),
        (("EOR W2,W0,W0", "ADD W2,W2,#1", "STR W2,[OUT]"), False),
        (("MOV W3,#1", "EOR W2,W0,W0", "STR W3,[OUT,W2,SXTW]"), False),
        (("MOV W3,#1", "CBNZ W0,HERE", "HERE:", "STR W3,[OUT]"), False),
        (("SWP W0,W4,[OUT]",), False),
        (("MOV W3,#1", "STR W3,[OUT]"), True),
        (("MOV W2,W0", "MOV W2,#1", "STR W2,[OUT]"), True),
        (("CMP W0,#1", "CSET W3,EQ", "STR W3,[OUT]"), True),
    ],
)
def test_a_model_with_its_own_dependencies(tmp_path: FilePath, code: tuple[str, ...], reached: bool) -> None:
    threads = [
        [f"LDR W0,[{read}]", *(c.replace("OUT", write).replace("HERE", f"L{n}") for c in code)]
        for n, (read, write) in enumerate((("X1", "X9"), ("X9", "X1")))
    ]
    assert outcome(tmp_path, *threads) is reached


def test_what_a_compare_and_swap_read_does_not_depend_on_the_comparison() -> None:
    """As in the register events: only the compared value, put back into its register, is picked."""
    s = structure("LDR W0,[X9]", "CAS W0,W2,[X1]", "STR W0,[X9]", registers=False)
    picked = []
    for path in s.paths[0]:
        load, old, store = path.events[0], path.events[1], path.events[-1]
        data, pick = path.relations.get("data", ()), path.relations.get("pick-data", ())
        assert ((old, store) in data) != ((load, store) in data)
        if (old, store) in data:
            assert (load, store) not in pick
        picked.append((load, store) in data and (old, store) in pick)
    assert sorted(picked) == [False, False, False, True]
