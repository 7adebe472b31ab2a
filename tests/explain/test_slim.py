"""Slimming: what is superfluous goes all together, what stays is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membar_check.engine.api import CheckOptions, check_test, parse_file
from membar_check.explain.edits.apply import apply_edits, parse_edited
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import load_table
from membar_check.explain.slim import Slimmed, slim
from membar_check.litmus.syntax import LitmusTest
from membar_check.report.explain_repair import render_slim
from tests.support.inline import kernel, parse

ROOT = Path(__file__).resolve().parent.parent.parent / "litmus"
OPTIONS = CheckOptions(hash=False)


def bundled(name: str) -> LitmusTest:
    return parse_file(str(ROOT / f"{name}.litmus"), ())


def slimmed(test: LitmusTest, *models: str, **more: object) -> Slimmed:
    return slim(test, OPTIONS, models, table=load_table(test.arch, None), **more)  # type: ignore[arg-type]


def commands(result: Slimmed, number: int = 0) -> list[str]:
    return [edit.command for edit in result.slimmings[number].edits]


def edited(test: LitmusTest, names: list[str]) -> LitmusTest:
    known = {edit.command: edit for edit in all_edits(test, load_table(test.arch, None))}
    return parse_edited(test, apply_edits(test, [known[name] for name in names]), ())


ALL_NEEDED = (
    "c/SB+mbs", "c/IRIW+mbs", "c/RWC+mbs", "c/MP+release+acquire", "c/MP+wmb+rmb", "aarch64/SB+dmb.sys",
    "x86/SB+mfences", "aarch64/MP+dmb.st+dmb.ld", "c/RCU+reader+gp", "x86_64/SB+mfences",
)  # fmt: skip


@pytest.mark.parametrize("name", ALL_NEEDED)
def test_all_is_needed(name: str) -> None:
    found = slimmed(bundled(name))
    (way,) = found.slimmings
    assert way.edits == () and way.saved == 0 and found.proven and found.complete and len(way.stays) >= 2
    assert all(stay.because and stay.model and stay.level == stay.was for stay in way.stays)
    assert "Everything is needed" in render_slim(found)


SUPERFLUOUS = (
    ("c/Z6.0+mbs", ["make 10 smp_wmb"]),
    ("x86/SB+sfences", ["drop SFENCE@P0:9", "drop SFENCE@P1:9"]),
    ("x86/SB+lfences", ["drop LFENCE@P0:9", "drop LFENCE@P1:9"]),
    ("aarch64/MP+dmb.sys", ['make P1:12 "DMB LD"', 'make P0:13 "DMB ST"']),
    ("c/SB+release+acquire", ["make 11 WRITE_ONCE", "make 12 READ_ONCE", "make 19 WRITE_ONCE", "make 20 READ_ONCE"]),
)


@pytest.mark.parametrize(("name", "expected"), SUPERFLUOUS, ids=[name for name, _ in SUPERFLUOUS])
def test_superfluous(name: str, expected: list[str]) -> None:
    test = bundled(name)
    found = slimmed(test)
    names = commands(found)
    assert names == expected and found.proven and found.slimmings[0].saved > 0
    before, after = check_test(test, OPTIONS), check_test(edited(test, names), OPTIONS)
    assert before.states == after.states and set(after.flags) <= set(before.flags)
    assert found.slimmings[0].diff


@pytest.mark.parametrize("both", ["aqrl", "aq.rl"])
def test_suffixes_of_riscv(both: str) -> None:
    """The least of what costs the same stays, and annotations of atomics can go in either spelling."""
    test = parse(
        "RISCV t\n{\n0:x5=1; 0:x6=x; 0:x8=y; 1:x5=1; 1:x6=y; 1:x8=x;\n}\n P0 | P1 ;\n"
        f" sw x5,0(x6) | amoswap.w.{both} x9,x5,(x6) ;\n fence rw,rw | lw x7,0(x8) ;\n lw x7,0(x8) | ;\n"
        "exists (0:x7=0 /\\ 1:x7=0)\n"
    )
    found = slimmed(test)
    assert found.considered == 2 and found.proven
    assert commands(found) == ["make P1:6 AMOSWAP.W.AQ", 'make P0:7 "FENCE W,R"']
    assert [(stay.level, bool(stay.because), bool(stay.model)) for stay in found.slimmings[0].stays] == [
        ("AMOSWAP.W.AQ", True, True), ("FENCE W,R", True, True),
    ]  # fmt: skip
    assert "nothing was found" not in render_slim(found)


@pytest.mark.parametrize(("access", "least"), [("lw.aq.rl x7,0(x8)", "LW"), ("lw.aqrl x7,0(x8)", "LW")])
def test_both_suffixes_of_a_load(access: str, least: str) -> None:
    test = parse(f"RISCV t\n{{\n0:x8=y;\n}}\n P0 ;\n {access} ;\nexists (0:x7=1)\n")
    found = slimmed(test)
    assert commands(found) == [f"make P0:6 {least}"] and found.slimmings[0].saved == 6
    assert found.slimmings[0].stays == ()


def test_jointly_not_only_one_at_a_time() -> None:
    """Either of two fences alone is superfluous, both together are not."""
    text = kernel("", [
        "WRITE_ONCE(*x, 1);\nsmp_mb();\nsmp_mb();\nint r0 = READ_ONCE(*y);",
        "WRITE_ONCE(*y, 1);\nsmp_mb();\nint r0 = READ_ONCE(*x);",
    ], "exists (0:r0=0 /\\ 1:r0=0)")  # fmt: skip
    test = parse(text)
    found = slimmed(test, limit=3)
    fences = [[c for c in commands(found, n) if c.startswith("drop")] for n in range(len(found.slimmings))]
    assert sorted(fences) == [["drop smp_mb@6"], ["drop smp_mb@7"]] and found.complete
    assert all(way.saved == 10 for way in found.slimmings)


def test_what_stays_tells_the_state() -> None:
    found = slimmed(bundled("c/SB+mbs"))
    because = {(stay.was, stay.because) for stay in found.slimmings[0].stays}
    assert ("smp_mb", "0:r0=0; 1:r0=0;") in because and ("READ_ONCE", "data-race") in because
    text = render_slim(found)
    assert "smp_mb in line 12, line 21: 0:r0=0; 1:r0=0; (lkmm)" in text


def test_models_together() -> None:
    test = bundled("c/MP+wmb+rmb")
    tso, both = slimmed(test, "x86-tso"), slimmed(test, "x86-tso", "lkmm")
    assert {c.split("@")[0] for c in commands(tso) if "mb" in c} == {"drop smp_wmb", "drop smp_rmb"}
    assert not [c for c in commands(both) if "mb" in c] and both.models == ("x86-tso", "lkmm")


def test_nothing_to_slim() -> None:
    found = slimmed(bundled("x86/SB"))
    assert found.considered == 0 and found.slimmings[0].edits == ()
    assert "no fences and no annotations" in render_slim(found)


def test_no_time_proves_nothing() -> None:
    found = slimmed(bundled("c/SB+mbs"), seconds=0.0)
    assert not found.proven and not found.complete and not found.slimmings
    assert "Nothing was found, which proves nothing" in render_slim(found)


def test_kernel_c() -> None:
    text = """C extra
{ 0:current=t; 1:current=t; }
struct task_struct { int n; };
struct task_struct t;
int x, y;
static void publish(void)
{
	WRITE_ONCE(x, 1);
	smp_mb();
	smp_wmb();
	WRITE_ONCE(y, 1);
}
static void never(void)
{
	smp_mb();
}
P0(void)
{
	publish();
	if (0)
		never();
}
P1(void)
{
	int r0 = READ_ONCE(y);
	smp_rmb();
	int r1 = READ_ONCE(x);
}
torn: exists (1:r0=1 /\\ 1:r1=0)
"""
    test = parse(text)
    found = slimmed(test)
    assert commands(found) == ["drop smp_mb@9"] and found.proven
    assert check_test(edited(test, commands(found)), OPTIONS).classes == ()
    assert [stay.was for stay in found.slimmings[0].stays if "torn" in stay.because] == ["smp_wmb", "smp_rmb"]


def test_json() -> None:
    document = json.loads(render_slim(slimmed(bundled("c/Z6.0+mbs")), "json"))
    assert document["command"] == "slim" and document["slimmings"][0]["saved"] == 6
    with pytest.raises(ValueError, match="no format 'dot'"):
        render_slim(slimmed(bundled("x86/SB")), "dot")
