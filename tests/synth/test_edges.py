"""Cycles in diy's notation: what they mean, what they are called, and what is no cycle."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError
from membar_check.synth.cycles import test_of as make
from membar_check.synth.shape import Access, Dependency, Fence, Line, Shape
from membar_check.synth.write import write_shape
from support.inline import check

NAMES = [
    ("AArch64", "Rfe PodRR Fre PodWW", "MP"),
    ("AArch64", "Rfe DpAddrdR Fre DMB.SYdWW", "MP+dmb.sy+addr"),
    ("AArch64", "Rfe DpCtrlIsbdR Fre DMB.STdWW", "MP+dmb.st+ctrlisb"),
    ("AArch64", "PodWRLA Fre PodWRLA Fre", "SB+polas"),
    ("AArch64", "DMB.SYdWR Fre PodWRLA Fre", "SB+dmb.sy+pola"),
    ("AArch64", "DpDatadW Rfe DpCtrldW Rfe", "LB+data+ctrl"),
    ("AArch64", "DMB.SYdWW Coe PodWWPL Coe", "2+2W+dmb.sy+popl"),
    ("AArch64", "PodWW Coe PodWR Fre", "R"),
    ("AArch64", "PodWW Rfe PodRW Coe", "S"),
    ("AArch64", "Rfe DpAddrdW Rfe DpAddrdR Fre", "WRC+addrs"),
    ("AArch64", "Rfe DpDatadW Rfe DpAddrdR Fre DMB.SYdWW", "ISA2+dmb.sy+data+addr"),
    ("AArch64", "Rfe DMB.SYdRR Fre Rfe DMB.SYdRR Fre", "IRIW+dmb.sys"),
    ("AArch64", "Rfe PodRR Fre DMB.SYdWR Fre", "RWC+po+dmb.sy"),
    ("AArch64", "Rfe DpCtrldW Rfi DpAddrdR Fre DMB.SYdWW", "MP+dmb.sy+ctrl-rfi-addr"),
    ("AArch64", "Rfe PodRWAL Rfe PodRWAL Coe DMB.SYdWW", "Z6.2+dmb.sy+poal+poal"),
    ("AArch64", "DMB.SYdWR Fre DMB.SYdWR Fre DMB.SYdWR Fre", "3.SB+dmb.sys"),
    ("AArch64", "Rfe PodRR PosRR Fre PodWW", "MP+po+poR-pos"),
    ("AArch64", "Rfe Amo.SwpAL PodWR Fre DMB.SYdWW", "MP+dmb.sy+amo.swpal-polp"),
    ("AArch64", "PosRR Fre Rfe", "CoRR"),
    ("AArch64", "PosWW Wse", "CoWW"),
    ("AArch64", "Coe Rfe PosRW", "CoRW2"),
    ("AArch64", "Coe PosWR Fre", "CoWR"),
    ("AArch64", "PosRW Rfe", "CoRW1"),
    ("X86_64", "Rfi PodRR Fre Rfi PodRR Fre", "SB+rfi-pos"),
    ("X86_64", "MFencedWR Fre FencedWR Fre", "SB+mfences"),
    ("X86", "Rfe PodRR Fre MFencedWR Fre", "RWC+po+mfence"),
    ("RISCV", "Rfe PodRRAqP Fre PodWWPRl", "MP+poprl+poaqp"),
    ("RISCV", "Rfe DpCtrlFenceIdR Fre Fence.rw.rwdWW", "MP+fence.rw.rw+ctrlfencei"),
    ("RISCV", "Rfe Exch PodWR Fre Fence.w.wdWW", "MP+fence.w.w+rmw-po"),
    ("PPC", "Rfe LwSyncdRR Fre Rfe SyncdRR Fre", "IRIW+sync+lwsync"),
    ("PPC", "Rfe DpdR Fre EieiodWW", "MP+eieio+addr"),
    ("PPC", "CtrldW Rfe DpdW Rfe", "LB+data+ctrl"),
    ("C", "Rfe PodRRAcquireOnce Fre PodWWOnceRelease", "MP+pooncerelease+poacquireonce"),
    ("C", "FenceMbdWR Fre mbdWR Fre", "SB+mbs"),
    ("C", "Rfe RmbdRR Fre FenceWMBdWW", "MP+wmb+rmb"),
    ("C", "Rfe RcudRR Fre Sync-rcudWW", "MP+sync-rcu+rcu"),
]  # fmt: skip


@pytest.mark.parametrize(("arch", "cycle", "name"), NAMES)
def test_names_are_those_of_diy(arch: str, cycle: str, name: str) -> None:
    assert make(cycle, arch).name == name


@pytest.mark.parametrize(("arch", "cycle"), [row[:2] for row in NAMES])
def test_where_a_cycle_begins_does_not_matter(arch: str, cycle: str) -> None:
    test = make(cycle, arch)
    edges = cycle.split()
    for turn in range(len(edges)):
        assert make(" ".join(edges[turn:] + edges[:turn]), arch) == test
    assert make(test.cycle, arch) == test


def test_the_shape_of_a_cycle() -> None:
    test = make("DMB.SYdWW Coe Rfe DpCtrlIsbdW Rfi PosRR PodRW Coe", "AArch64")
    alone = Line((Access("W", 0, 2),))
    reader = Line(
        (Access("R", 0, 2), Access("W", 1, 1), Access("R", 1, 1), Access("R", 1, 1), Access("W", 2, 1)),
        (Dependency("ctrl+isb", 0, 1),),
    )
    writer = Line((Access("W", 2, 2), Fence("DMB SY"), Access("W", 0, 1)))
    assert test.shape == Shape("AArch64", (alone, reader, writer))
    assert test.name == "WRW+2W+ctrlisb-rfi-posR-po+dmb.sy"


def test_annotations_alone_or_of_both_ends() -> None:
    assert make("Rfe A PodRR Fre PodWW L", "AArch64") == make("RfeLA PodRRAP Fre PodWWPL", "AArch64")
    assert make("A PodRR Fre PodWW Rfe", "AArch64").shape == make("Rfe PodRRAP Fre PodWW", "AArch64").shape
    assert make("Rfe Acquire PodRR Fre PodWW rel", "C") == make("Rfe PodRRacqonce Fre PodWWOnceRelease", "C")


def test_stars_and_brackets() -> None:
    plain = make("Rfe PodRR Fre DMB.SYdWW", "AArch64")
    assert make("[Rfe Pod**] Fre, DMB.SYd**", "AArch64") == plain


def test_sections_reach_over_their_edges() -> None:
    line = make("Rfe RcudRW RcudWR Fre Sync-rcudWW", "C").shape.threads[1]
    names = [item.name if isinstance(item, Fence) else item.kind for item in line.items]
    assert names == ["rcu_read_lock", "R", "W", "R", "rcu_read_unlock"]


def test_read_modify_writes() -> None:
    shape = make("Rfe Amo.SwpAL PodWR Fre PodWW", "AArch64").shape
    assert shape.threads[1].rmw == ((0, 1),)
    assert [sorted(i.tags) for i in shape.threads[1].items if isinstance(i, Access)] == [["A", "X"], ["L", "X"], []]
    assert make("Rfe LxSx PodWR Fre PodWW", "AArch64").shape.threads[1].items[0] == Access("R", 1, 1)


VERDICTS = [
    ("AArch64", "aarch64", "Rfe DpAddrdR Fre DMB.SYdWW", "No"),
    ("AArch64", "aarch64", "Rfe DpCtrldR Fre DMB.SYdWW", "Ok"),
    ("AArch64", "aarch64", "DpDatadW Rfe DpCtrldW Rfe", "No"),
    ("AArch64", "aarch64", "PodWRLQ Fre PodWRLQ Fre", "Ok"),
    ("X86_64", "x86-tso", "MFencedWR Fre PodWR Fre", "Ok"),
    ("X86", "x86-tso", "Rfe PodRR Fre MFencedWR Fre", "No"),
    ("RISCV", "riscv", "Rfe Fence.r.rdRR Fre Fence.w.wdWW", "No"),
    ("PPC", "power", "Rfe LwSyncdRR Fre Rfe LwSyncdRR Fre", "Ok"),
    ("PPC", "power", "Rfe SyncdRR Fre Rfe SyncdRR Fre", "No"),
    ("C", "lkmm", "Rfe RcudRR Fre Sync-rcudWW", "No"),
    ("C", "lkmm", "Rfe PodRR Fre Sync-rcudWW", "Ok"),
    ("C", "lkmm", "Rfe PodRWAcquireRelease Rfe PodRRAcquireOnce Fre PodWWOnceRelease", "No"),
    ("C", "lkmm", "Rfe DpDatadW Rfe DpAddrdR Fre WmbdWW", "Ok"),
]


@pytest.mark.parametrize(("arch", "model", "cycle", "word"), VERDICTS)
def test_known_verdicts(arch: str, model: str, cycle: str, word: str) -> None:
    assert check(write_shape(make(cycle, arch).shape, "T"), model).word == word


# --- what is no cycle ------------------------------------------------------------------------------------------------
WRONG = [
    ("", "no edges", ""),
    ("Rfe Podrr", "found `Podrr`, expected an edge of AArch64", "Podrr"),
    ("Rfe DMB.SY PodRR", "found `DMB.SY`", "DMB.SY"),
    ("Rfe PodRRX Fre", "found `PodRRX`", "PodRRX"),
    ("Rfe Hat", "found `Hat`", "Hat"),
    ("Rfe DpDatadR Fre", "found `DpDatadR`", "DpDatadR"),
    ("Rfe PodRR Coe PodWW", "`PodRR` ends in a read, `Coe` begins with a write", "Coe"),
    ("Rfe Pod** Pod** Fre PodWW", "neither a read nor a write", "Pod**"),
    ("Rfe PodRRAP Fre PodWWPQ", "a write cannot be Q", "Rfe"),
    ("RfePA PodRRQP Fre PodWW", "`RfePA` ends in an access that is A, `PodRRQP` begins with one that is Q", "PodRRQP"),
    ("Rfe A Q PodRR Fre PodWW", "found `Q` beside another annotation", "Q"),
    ("A Q PodRR", "found `Q` beside another annotation", "Q"),
    ("PodWW PodWR", "`PodWR` ends in a read, `PodWW` begins with a write", "PodWW"),
    ("PodWW PodWW", "found no edge between threads", "PodWW"),
    ("Rfe Fre", "found communication only", "Rfe"),
    ("Rfe PodRW", "found one edge between threads", "Rfe"),
    ("Rfe PodRR Fre PosWW", "`PodRR` changes the location, but no other edge changes it back", "PodRR"),
    ("Rfe Rmw Coe Rmw", "`Coe` ends in a write, `Rmw` begins with a read", "Rmw"),
    ("Rfe DpDatad* Fre PodWW", "`DpDatad*` leads to a read, expected a write", "DpDatad*"),
]  # fmt: skip


@pytest.mark.parametrize(("cycle", "message", "place"), WRONG)
def test_what_is_no_cycle(cycle: str, message: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        make(cycle, "AArch64")
    assert message in caught.value.message
    assert (caught.value.span.text if caught.value.span else "") == place


def test_dialects_without_edges() -> None:
    with pytest.raises(InputError, match="no edges are known for `ARM`"):
        make("Rfe", "ARM")


def test_hints_name_what_may_stand_there() -> None:
    with pytest.raises(InputError) as caught:
        make("Rfe DMB.SY", "AArch64")
    assert "DMB.SYdWR" in caught.value.hint
    with pytest.raises(InputError) as caught:
        make("Rfe PodRRZZ", "AArch64")
    assert caught.value.hint.endswith("P A Q L")
