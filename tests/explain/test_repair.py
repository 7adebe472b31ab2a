"""Repairs: fences taken out of bundled tests and found again, what is kept, what cannot be repaired."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, check_test, parse_file
from membar_check.explain.edits.apply import apply_edits, parse_edited
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import Table, load_table
from membar_check.explain.repair import Repair, repair
from membar_check.litmus.syntax import LitmusTest
from membar_check.report.explain_repair import render_repair
from tests.support.inline import assembly, kernel, parse

ROOT = Path(__file__).resolve().parent.parent.parent / "litmus"
OPTIONS = CheckOptions(hash=False)


def bundled(name: str) -> LitmusTest:
    return parse_file(str(ROOT / f"{name}.litmus"), ())


def table_of(test: LitmusTest) -> Table:
    return load_table(test.arch, None)


def repaired(test: LitmusTest, *models: str, **more: object) -> Repair:
    return repair(test, OPTIONS, models, table=table_of(test), **more)  # type: ignore[arg-type]


def commands(result: Repair, number: int = 0) -> list[str]:
    return [edit.command for edit in result.fixes[number].edits]


def edited(test: LitmusTest, names: list[str]) -> LitmusTest:
    """The test after the edits with these commands."""
    known = {edit.command: edit for edit in all_edits(test, table_of(test))}
    return parse_edited(test, apply_edits(test, [known[name] for name in names]), ())


REMOVED = (
    ("c/MP+wmb+rmb", "smp_wmb", "drop"), ("c/MP+wmb+rmb", "smp_rmb", "drop"), ("c/SB+mbs", "smp_mb", "drop"),
    ("c/R+mbs", "smp_mb", "drop"), ("c/S+release+acquire", "smp_store_release", "weaken"),
    ("c/IRIW+mbs", "smp_mb", "drop"), ("c/Z6.0+mbs", "smp_mb", "drop"),
    ("c/RCU+reader+gp", "synchronize_rcu", "drop"), ("c/LB+acquire+release", "smp_load_acquire", "weaken"),
    ("c/SB+xchgs", "xchg", "weaken"),
    ("c/SB+after-spinlock", "smp_mb__after_spinlock", "drop"), ("c/WRC+release+acquire", "smp_store_release", "weaken"),
    ("aarch64/MP+dmb.sys", "DMB SY", "drop"), ("aarch64/SB+rel-acqs", "LDAR", "weaken"),
    ("aarch64/MP+rel+acq", "STLR", "weaken"), ("aarch64/2+2W+dmb.sts", "DMB ST", "drop"),
    ("aarch64/MP+dmb.sy+ctrl-isb", "ISB", "drop"), ("aarch64/Z6.0+rel+acq+dmb.sy", "DMB SY", "drop"),
    ("x86/SB+mfences", "MFENCE", "drop"), ("x86/R+po+mfence", "MFENCE", "drop"),
    ("x86_64/SB+mfences", "MFENCE", "drop"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "was", "kind"), REMOVED, ids=str)
def test_what_was_taken_out_is_replaced_at_no_more_cost(name: str, was: str, kind: str) -> None:
    whole = bundled(name)
    table = table_of(whole)
    edit = next(e for e in all_edits(whole, table, (kind,)) if e.was == was)
    broken = parse_edited(whole, apply_edits(whole, [edit]), ())
    assert not check_test(whole, OPTIONS).reached and check_test(broken, OPTIONS).reached
    found = repaired(broken, limit=2)
    assert found.proven and found.fixes[0].cost <= table.cost(edit.was) - table.cost(edit.level)
    assert [fix.cost for fix in found.fixes] == sorted(fix.cost for fix in found.fixes)
    for number, fix in enumerate(found.fixes):
        names = commands(found, number)
        assert not check_test(edited(broken, names), OPTIONS).reached
        for one in names:
            assert check_test(edited(broken, [n for n in names if n != one]), OPTIONS).reached, f"{one} is not needed"
        assert [need.edit for need in fix.needs] == names


WX, WY = "WRITE_ONCE(*x, 1);", "WRITE_ONCE(*y, 1);"
RX, RY = "int r0 = READ_ONCE(*x);", "int r0 = READ_ONCE(*y);"
SHAPES = (
    ("SB", f"{WX}\n{RY}", f"{WY}\n{RX}", "0:r0=0 /\\ 1:r0=0", 20.0),
    ("MP", f"{WX}\n{WY}", f"{RY}\nint r1 = READ_ONCE(*x);", "1:r0=1 /\\ 1:r1=0", 4.0),
    ("S", f"WRITE_ONCE(*x, 2);\n{WY}", f"{RY}\n{WX}", "1:r0=1 /\\ [x]=2", 4.0),
    ("LB", f"{RX}\n{WY}", f"{RY}\n{WX}", "0:r0=1 /\\ 1:r0=1", 4.0),
    ("R", f"{WX}\n{WY}", f"WRITE_ONCE(*y, 2);\n{RX}", "[y]=2 /\\ 1:r0=0", 20.0),
)


@pytest.mark.parametrize(("name", "one", "two", "condition", "cost"), SHAPES, ids=[s[0] for s in SHAPES])
def test_shapes_in_c(name: str, one: str, two: str, condition: str, cost: float) -> None:
    test = parse(kernel("", [one, two], f"exists ({condition})"))
    found = repaired(test, limit=1)
    assert found.proven and found.fixes[0].cost == cost


def test_shape_in_riscv() -> None:
    threads = ["sw x5,0(x6); sw x5,0(x7)", "lw x5,0(x7); lw x8,0(x6)"]
    test = parse(assembly("RISCV", "0:x5=1; 0:x6=x; 0:x7=y; 1:x6=x; 1:x7=y;", threads, "exists (1:x5=1 /\\ 1:x8=0)"))
    found = repaired(test, limit=1)
    assert found.proven and len(found.fixes[0].edits) == 2
    assert not check_test(edited(test, commands(found)), OPTIONS).reached


def test_all_models_have_to_be_content() -> None:
    test = bundled("c/SB")
    weak, strong, both = (repaired(test, *models, limit=1) for models in (["lkmm"], ["x86-tso"], ["lkmm", "x86-tso"]))
    assert both.shown == ("lkmm", "x86-tso") and both.fixes[0].cost == max(weak.fixes[0].cost, strong.fixes[0].cost)
    assert [(e.model, e.verdict) for e in both.fixes[0].effects] == [("lkmm", "forbids"), ("x86-tso", "forbids")]


def test_models_that_need_nothing_are_told() -> None:
    found = repaired(bundled("c/MP"), "lkmm", "x86-tso", limit=1)
    assert found.shown == ("lkmm",)
    assert "(possible now under lkmm)" in render_repair(found)


def test_kept_conditions() -> None:
    test = bundled("c/SB+mb+po")
    keep = "0:r0=0 /\\ 1:r0=1"
    assert repaired(test, keep=[keep], limit=1).fixes[0].cost == 10
    assert repaired(test, keep=[keep, "0:r0=0 /\\ 1:r0=0"]).fixes == ()


def test_answers_that_lose_what_is_kept_are_left_out() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);\nWRITE_ONCE(*y, 1);", "int r0 = READ_ONCE(*y);\nint r1 = READ_ONCE(*x);"],
                  "exists (1:r0=1 /\\ 1:r1=0)")  # fmt: skip
    found = repaired(parse(text), keep=["1:r0=1 /\\ 1:r1=0"])
    assert found.fixes == () and found.complete
    assert any("left out" in limit for limit in found.limits)
    assert "No set of edits does it" in render_repair(found)


def test_kept_condition_that_is_impossible() -> None:
    with pytest.raises(InputError, match=r"`0:r0=7` is impossible already"):
        repaired(bundled("c/SB"), keep=["0:r0=7"])


def test_kept_condition_that_is_none() -> None:
    with pytest.raises(InputError, match="expected") as caught:
        repaired(bundled("c/SB"), keep=["0:r0="])
    assert caught.value.span is not None and caught.value.span.source.name == "--keep"
    with pytest.raises(InputError, match="expected") as caught:
        repaired(bundled("c/SB"), outcome="0:r0=")
    assert caught.value.span is not None and caught.value.span.source.name == "--outcome"


def test_nothing_to_repair() -> None:
    found = repaired(bundled("c/SB+mbs"))
    assert found.shown == () and found.fixes == () and found.proven
    assert "Nothing to repair, already impossible: 0:r0=0" in render_repair(found)


def test_what_no_fence_can_forbid() -> None:
    test = parse(kernel("", ["WRITE_ONCE(*x, 1);", "int r0 = READ_ONCE(*x);"], "exists (1:r0=1)"))
    found = repaired(test)
    assert found.fixes == () and found.proven and found.complete
    assert found.limits == ("all fences and all stronger accesses together do not make the outcome impossible",)


def test_outcome_of_ones_own() -> None:
    found = repaired(bundled("c/SB+mbs"), outcome="0:r0=1 /\\ 1:r0=1")
    assert found.shown == ("lkmm",) and found.fixes == ()


def test_outcome_that_is_no_name() -> None:
    with pytest.raises(InputError, match="'data-rase' is no class of outcome"):
        repaired(bundled("c/SB"), outcome="data-rase")


def test_data_race_as_outcome() -> None:
    found = repaired(bundled("c/MP+plain"), outcome="data-race", limit=1)
    assert found.proven and found.fixes
    assert "data-race" not in check_test(edited(bundled("c/MP+plain"), commands(found)), OPTIONS).flags


def test_forall_means_its_negation() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);\nint r0 = READ_ONCE(*y);", "WRITE_ONCE(*y, 1);\nint r0 = READ_ONCE(*x);"],
                  "forall (0:r0=1 \\/ 1:r0=1)")  # fmt: skip
    found = repaired(parse(text), limit=1)
    assert found.outcome.startswith("not (") and found.fixes[0].cost == 20


def test_without_condition_and_flag() -> None:
    test = parse("C nothing\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\n")
    with pytest.raises(InputError, match="the test has no condition"):
        repaired(test)


def test_costs_of_the_users_own(tmp_path: Path) -> None:
    costs = tmp_path / "costs.toml"
    costs.write_text("[form.smp_store_release]\ncost = 30\n[form.smp_load_acquire]\ncost = 30\n")
    test = bundled("c/MP")
    found = repair(test, OPTIONS, [], table=load_table("C", str(costs)), limit=1)
    assert commands(found) == ["add smp_wmb after 9", "add smp_rmb after 18"] and found.fixes[0].cost == 8


def test_no_time() -> None:
    found = repaired(bundled("c/IRIW+acquires"), seconds=0.0)
    assert found.fixes == () and not found.proven and not found.complete
    assert "No answer was found, which proves nothing" in render_repair(found)
    assert any("time was over" in limit for limit in found.limits)


def test_same_answers_each_time() -> None:
    test = bundled("aarch64/SB")
    assert repaired(test) == repaired(test)


def test_diff_makes_the_answer() -> None:
    found = repaired(bundled("c/SB"), limit=1)
    added = [line for line in found.fixes[0].diff.splitlines() if line.startswith("+") and "smp_mb();" in line]
    assert len(added) == 2 and not [line for line in found.fixes[0].diff.splitlines() if line.startswith("-\t")]


KERNEL = """C guarded
{{ 0:current=t; 1:current=t; }}
struct task_struct {{ int n; }};
struct task_struct t;
int x, y, z;
static void publish(void)
{{
	WRITE_ONCE(x, 1);
	{}WRITE_ONCE(y, 1);
}}
static int look(void)
{{
	int seen = READ_ONCE(y);
	int value = {};
	return seen - value;
}}
P0(void)
{{
	publish();
}}
P1(void)
{{
	int r0 = look();
	WRITE_ONCE(z, 1);
}}
torn: exists (1:r0=1)
"""


def test_kernel_c_edits_what_the_threads_call() -> None:
    test = parse(KERNEL.format("", "READ_ONCE(x)"))
    found = repaired(test, limit=1)
    assert found.outcome == "torn" and found.proven and found.fixes[0].cost == 4
    assert check_test(edited(test, commands(found)), OPTIONS).classes == ()
    assert any("threads themselves" in limit for limit in found.limits)


def test_kernel_c_all_classes_go() -> None:
    test = parse(KERNEL.format("", "x"))
    found = repaired(test, limit=1)
    assert found.outcome == "data-race, torn"
    assert check_test(edited(test, commands(found)), OPTIONS).classes == ()


def test_kernel_c_edits_threads_where_nothing_else_can_be_edited() -> None:
    text = """C own
{ 0:current=t; 1:current=t; }
struct task_struct { int n; };
struct task_struct t;
int x, y;
P0(void)
{
	WRITE_ONCE(x, 1);
	int r0 = READ_ONCE(y);
}
P1(void)
{
	WRITE_ONCE(y, 1);
	int r0 = READ_ONCE(x);
}
both: exists (0:r0=0 /\\ 1:r0=0)
"""
    found = repaired(parse(text), limit=1)
    assert found.fixes[0].cost == 20 and found.limits == ()


def test_barrier_of_the_switch_is_found() -> None:
    found = repaired(bundled("membarrier/mm-cpumask-plain-A"), "lkmm", limit=1)
    (edit,) = found.fixes[0].edits
    assert found.proven and edit.text.startswith("smp_mb() ") and edit.place.file.endswith("sched.h")
    assert "+\tsmp_mb();" in found.fixes[0].diff
    assert found.fixes[0].effects[0].detail == "clean"


def test_json() -> None:
    import json

    document = json.loads(render_repair(repaired(bundled("c/SB"), limit=1), "json"))
    assert document["command"] == "repair" and document["proven"] is True
    assert document["fixes"][0]["cost"] == 20 and len(document["fixes"][0]["edits"]) == 2
    with pytest.raises(ValueError, match="no format 'html'"):
        render_repair(repaired(bundled("c/SB"), limit=1), "html")


def test_loops_that_are_cut_are_told() -> None:
    found = repaired(bundled("aarch64/MP+wait-loop"), limit=1)
    told = "loops were cut at the unrolling bound of 2 (aarch64): what takes longer was not looked at"
    assert found.limits[0] == told and f"Note: {told}" in render_repair(found)
