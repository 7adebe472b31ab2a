"""Edits of plain C: what stands there and what it can become, where fences can be inserted, how it is written."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, check_test
from membar_check.explain.edits.apply import apply_edits, parse_edited
from membar_check.explain.edits.sites import all_edits, parse_edit
from membar_check.explain.edits.table import load_table
from support.inline import kernel, parse, states

TABLE = load_table("C")


def edited(text: str, *commands: str) -> str:
    """A test's text after the edits that the commands ask for."""
    test = parse(text)
    made = apply_edits(test, [parse_edit(test, TABLE, command) for command in commands])
    parse_edited(test, made, ())
    return made.texts.get(test.source.name, text)


def body(*lines: str) -> str:
    """A test with one thread of these lines, from line 5 on."""
    inside = "\n".join(lines)
    return f"C test\n{{}}\nP0(int *x, int *y, int *z)\n{{\n{inside}\n}}\nexists (true)\n"


def after(command: str, *lines: str) -> list[str]:
    """The lines of the thread after an edit."""
    return edited(body(*lines), command).split("\n")[4:-3]


@pytest.mark.parametrize(
    ("line", "form", "result"),
    [
        ("r0 = READ_ONCE(*x);", "smp_load_acquire", "r0 = smp_load_acquire(x);"),
        ("r0 = READ_ONCE( * x );", "smp_load_acquire", "r0 = smp_load_acquire( x );"),
        ("r0 = READ_ONCE(x[1]);", "smp_load_acquire", "r0 = smp_load_acquire(&x[1]);"),
        ("r0 = READ_ONCE(*x);", "plain", "r0 = *x;"),
        ("int r0 = 1 + READ_ONCE(*x);", "plain", "int r0 = 1 + *x;"),
        ("r0 = smp_load_acquire(x);", "READ_ONCE", "r0 = READ_ONCE(*x);"),
        ("r0 = smp_load_acquire(&x[1]);", "READ_ONCE", "r0 = READ_ONCE(x[1]);"),
        ("r0 = smp_load_acquire(x + 1);", "READ_ONCE", "r0 = READ_ONCE(*(x + 1));"),
        ("r0 = smp_load_acquire(x);", "plain", "r0 = *x;"),
        ("r0 = *x;", "READ_ONCE", "r0 = READ_ONCE(*x);"),
        ("r0 = *x;", "smp_load_acquire", "r0 = smp_load_acquire(x);"),
        ("r0 = x[1];", "READ_ONCE", "r0 = READ_ONCE(x[1]);"),
        ("x[r0] = 1;", "smp_store_release", "smp_store_release(&x[r0], 1);"),
        ("if (*x == 1) r0 = 1;", "READ_ONCE", "if (READ_ONCE(*x) == 1) r0 = 1;"),
        ("WRITE_ONCE(*x, r0 + 1);", "smp_store_release", "smp_store_release(x, r0 + 1);"),
        ("WRITE_ONCE(*x, r0 + 1);", "plain", "*x = r0 + 1;"),
        ("smp_store_release(x, (r0 + 1));", "WRITE_ONCE", "WRITE_ONCE(*x, (r0 + 1));"),
        ("smp_store_release(x, 1);", "plain", "*x = 1;"),
        ("*x = r0 + 1;", "WRITE_ONCE", "WRITE_ONCE(*x, r0 + 1);"),
        ("WRITE_ONCE(*x, *y + 1);", "READ_ONCE", "WRITE_ONCE(*x, READ_ONCE(*y) + 1);"),
        ("smp_store_release(x, *y);", "READ_ONCE", "smp_store_release(x, READ_ONCE(*y));"),
        ("*x = r0 + 1;", "smp_store_release", "smp_store_release(x, r0 + 1);"),
        ("rcu_assign_pointer(*x, y);", "WRITE_ONCE", "WRITE_ONCE(*x, y);"),
        ("r0 = rcu_dereference(*x);", "plain", "r0 = *x;"),
        ("smp_store_mb(*x, 1);", "WRITE_ONCE", "WRITE_ONCE(*x, 1);"),
        ("r0 = atomic_read(x);", "atomic_read_acquire", "r0 = atomic_read_acquire(x);"),
        ("r0 = xchg_relaxed(x, 1);", "xchg", "r0 = xchg(x, 1);"),
        ("r0 = atomic_fetch_add(2, x);", "atomic_fetch_add_release", "r0 = atomic_fetch_add_release(2, x);"),
        ("r0 = cmpxchg(x, 1, 2);", "cmpxchg_acquire", "r0 = cmpxchg_acquire(x, 1, 2);"),
        ("smp_mb();", "smp_rmb", "smp_rmb();"),
        ("smp_mb__after_spinlock();", "smp_mb", "smp_mb();"),
    ],
)
def test_forms(line: str, form: str, result: str) -> None:
    assert after(f"make 5 {form}", line) == [result]


def test_what_stays_apart_when_it_is_nested() -> None:
    line = "WRITE_ONCE(*x, READ_ONCE(*y) + smp_load_acquire(z));"
    text = body(line)
    all_plain = edited(text, "make 5 plain #1", "make 5 plain #2", "make 5 plain #3")
    assert all_plain.split("\n")[4] == "*x = *y + *z;"
    mixed = edited(text, "make 5 smp_store_release", "make 5 smp_load_acquire", "make 5 READ_ONCE")
    assert mixed.split("\n")[4] == "smp_store_release(x, smp_load_acquire(y) + READ_ONCE(*z));"


@pytest.mark.parametrize(
    ("lines", "command", "result"),
    [
        (["r0 = 1;", "\tsmp_mb();", "r1 = 2;"], "drop 6", ["r0 = 1;", "r1 = 2;"]),
        (["r0 = 1;", "smp_mb(); // why", "r1 = 2;"], "drop smp_mb@6", ["r0 = 1;", "r1 = 2;"]),
        (["r0 = 1; smp_mb(); r1 = 2;"], "drop 5", ["r0 = 1; r1 = 2;"]),
        (["r0 = 1;", "/* a */ smp_mb();"], "drop 6", ["r0 = 1;", "/* a */"]),
        (["if (r0)", "\tsmp_mb();", "r1 = 1;"], "drop 6", ["if (r0)", "\t;", "r1 = 1;"]),
        (["if (r0) {", "\tsmp_mb();", "}"], "drop 6", ["if (r0) {", "}"]),
        (["goto out;", "out: smp_mb();"], "drop 6", ["goto out;", "out: ;"]),
        (["goto out;", "out: smp_mb();", "r0 = 1;"], "drop 6", ["goto out;", "out:", "r0 = 1;"]),
        (["smp_mb(); smp_mb();"], "drop 5 #2", ["smp_mb();"]),
    ],
)
def test_drop(lines: list[str], command: str, result: list[str]) -> None:
    assert after(command, *lines) == result


@pytest.mark.parametrize(
    ("lines", "command", "result"),
    [
        (["\tr0 = 1;", "\tr1 = 2;"], "add smp_mb after 5", ["\tr0 = 1;", "\tsmp_mb();", "\tr1 = 2;"]),
        (["\tr0 = 1; // one", "\tr1 = 2;"], "add smp_mb after 5", ["\tr0 = 1; // one", "\tsmp_mb();", "\tr1 = 2;"]),
        (["\tr0 = 1;", "\tr1 = 2;"], "add smp_mb before 6", ["\tr0 = 1;", "\tsmp_mb();", "\tr1 = 2;"]),
        (["\tr0 = 1;", "\tr1 = 2;"], "add smp_rmb after 6", ["\tr0 = 1;", "\tr1 = 2;", "\tsmp_rmb();"]),
        (["\tr0 = 1;", "\tr1 = 2;"], "add smp_rmb before 5", ["\tsmp_rmb();", "\tr0 = 1;", "\tr1 = 2;"]),
        (["\tr0 = 1; r1 = 2;"], "add smp_wmb after 5 #1", ["\tr0 = 1;", "\tsmp_wmb();", "\tr1 = 2;"]),
        (["\tr0 = 1; r1 = 2;"], "add smp_wmb after 5", ["\tr0 = 1; r1 = 2;", "\tsmp_wmb();"]),
        (["\tr0 =", "\t\t1;", "r1 = 2;"], "add smp_wmb after 5", ["\tr0 =", "\t\t1;", "\tsmp_wmb();", "r1 = 2;"]),
        (
            ["if (r0) {", "    r1 = 2;", "}"], "add smp_mb after 5", ["if (r0) {", "    smp_mb();", "    r1 = 2;", "}"],
        ),
        (["if (r0)", "\tr1 = 2;"], "add smp_mb before 6", ["if (r0) {", "\tsmp_mb();", "\tr1 = 2;", "}"]),
        (
            ["if (r0)", "\tr1 = 1;", "else", "\tr1 = 2;", "r0 = 3;"], "add smp_mb before 8",
            ["if (r0)", "\tr1 = 1;", "else {", "\tsmp_mb();", "\tr1 = 2;", "}", "r0 = 3;"],
        ),
        (["while (r0) r1 = 2;"], "add smp_mb before 5 #2", ["while (r0) {", "\tsmp_mb();", "\tr1 = 2;", "}"]),
    ],
)  # fmt: skip
def test_add(lines: list[str], command: str, result: list[str]) -> None:
    assert after(command, *lines) == result


def commands(text: str, *kinds: str) -> list[str]:
    return [edit.command for edit in all_edits(parse(text), TABLE, kinds)]


def test_insertions_are_between_accesses_only() -> None:
    text = kernel("", ["int r0;\nWRITE_ONCE(*x, 1);\nr0 = 1;\nint r1;\nr1 = READ_ONCE(*y);\nr0 = 2;"], "exists (true)")
    assert [c for c in commands(text, "add") if "smp_mb" in c] == ["add smp_mb after 6"]


def test_declarations_without_accesses_stay_together() -> None:
    text = kernel("", ["int r0 = READ_ONCE(*x);\nint r1;\nWRITE_ONCE(*y, 1);"], "exists (true)")
    assert [c for c in commands(text, "add") if "smp_mb" in c] == ["add smp_mb after 6"]


def test_insertions_in_branches_and_loops() -> None:
    lines = [
        "if (READ_ONCE(*x)) {",  # 5
        "WRITE_ONCE(*y, 1);",
        "r0 = 1;",
        "WRITE_ONCE(*z, 1);",
        "} else {",
        "r0 = 2;",  # 10
        "}",
        "while (READ_ONCE(*x) == 0) {",
        "WRITE_ONCE(*y, 1);",
        "}",
    ]
    found = [c for c in commands(kernel("", ["\n".join(lines)], "exists (true)"), "add") if "smp_mb" in c]
    assert found == [f"add smp_mb {place}" for place in ("before 6", "after 6", "before 10", "before 12", "before 13")]


def test_a_fence_beside_a_stronger_one_is_not_offered() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);\nsmp_wmb();\nWRITE_ONCE(*y, 1);"], "exists (true)")
    assert commands(text, "add") == ["add smp_rmb after 5", "add smp_mb after 5"]


def test_fences_with_a_place_of_their_own() -> None:
    text = kernel("", ["spin_lock(x);\natomic_inc(y);\nWRITE_ONCE(*z, 1);"], "exists (true)")
    found = commands(text, "add")
    assert "add smp_mb__after_spinlock after 5" in found
    assert "add smp_mb__after_spinlock after 6" not in found
    assert "add smp_mb__before_atomic after 5" in found
    assert "add smp_mb__after_atomic after 6" in found
    assert not any("synchronize_rcu" in command for command in found)
    readers = kernel("", ["rcu_read_lock();\nWRITE_ONCE(*z, 1);\nrcu_read_unlock();"], "exists (true)")
    assert "add synchronize_rcu after 6" in commands(readers, "add")


def test_fences_with_an_argument() -> None:
    reader = "(int *x, struct srcu_struct *s) int r = srcu_read_lock(s);\nWRITE_ONCE(*x, 1);\nsrcu_read_unlock(s, r);"
    updater = "(int *x, struct srcu_struct *s) WRITE_ONCE(*x, 2);\nWRITE_ONCE(*x, 3);"
    stranger = "(int *x) WRITE_ONCE(*x, 4);\nWRITE_ONCE(*x, 5);"
    text = kernel("", [reader, updater, stranger], "exists (true)")
    found = [command for command in commands(text, "add") if "synchronize" in command]
    assert found == [f'add "synchronize_srcu(s)" after {line}' for line in (5, 6, 12)]
    assert " WRITE_ONCE(*x, 2);\n synchronize_srcu(s);\n" in edited(text, found[2])
    with pytest.raises(InputError, match="`synchronize_srcu` takes an argument") as caught:
        edited(text, "add synchronize_srcu after 12")
    assert caught.value.hint == "possible: synchronize_srcu(s)"


def test_costs_and_order() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);\nsmp_wmb();\nWRITE_ONCE(*y, 1);\nint r0 = READ_ONCE(*z);"], "exists (true)")
    edits = all_edits(parse(text), TABLE)
    assert [edit.cost for edit in edits] == sorted(edit.cost for edit in edits)
    costs = {edit.command: (edit.kind, edit.cost, edit.was, edit.level) for edit in edits}
    assert costs["drop smp_wmb@6"] == ("drop", 0, "smp_wmb", "")
    assert costs["make 6 smp_mb"] == ("strengthen", 6, "smp_wmb", "smp_mb")
    assert costs["make 6 barrier"] == ("weaken", 0, "smp_wmb", "barrier")
    assert costs["make 8 smp_load_acquire"] == ("strengthen", 2, "READ_ONCE", "smp_load_acquire")
    assert costs["make 5 plain"] == ("weaken", 0, "WRITE_ONCE", "plain")
    assert costs["add smp_mb after 7"] == ("add", 10, "", "smp_mb")


def test_places_and_words() -> None:
    text = kernel("", ["WRITE_ONCE(*x,\n   1);\nsmp_wmb();\nWRITE_ONCE(*y, 1);"], "exists (true)")
    edits = {edit.command: edit for edit in all_edits(parse(text), TABLE)}
    assert edits["drop smp_wmb@7"].place.line == 7
    assert edits["drop smp_wmb@7"].text == "without smp_wmb() in P0 line 7"
    assert edits["make 5 smp_store_release"].text == (
        "smp_store_release(x, 1) instead of WRITE_ONCE(*x, 1) in P0 line 5"
    )
    assert edits["add smp_mb after 5"].text == "smp_mb() after P0 line 5, `WRITE_ONCE(*x,`"
    assert edits["add smp_mb after 5"].place.text == "WRITE_ONCE(*x,"


def test_lines_restrict_what_is_made_stronger() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);\nWRITE_ONCE(*y, 1);\nWRITE_ONCE(*z, 1);\nsmp_mb();"], "exists (true)")
    test = parse(text)
    found = all_edits(test, TABLE, ("strengthen", "add"), [("test.litmus", 5)])
    assert {(edit.kind, edit.place.line) for edit in found} == {("strengthen", 5), ("add", 5)}
    assert not all_edits(test, TABLE, ("strengthen", "add"), [("other.litmus", 5)])
    assert {edit.place.line for edit in all_edits(test, TABLE, ("drop", "weaken"), [])} == {5, 6, 7, 8}


def test_sites_exclude_each_other() -> None:
    test = parse(kernel("", ["WRITE_ONCE(*x, 1);\nsmp_wmb();\nWRITE_ONCE(*y, 1);"], "exists (true)"))
    edits = {edit.command: edit for edit in all_edits(test, TABLE)}
    assert edits["drop smp_wmb@6"].site == edits["make 6 smp_mb"].site
    assert edits["add smp_rmb after 5"].site == edits["add smp_mb after 5"].site
    assert edits["make 5 plain"].site != edits["make 7 plain"].site


SB = kernel(
    "", ["WRITE_ONCE(*x, 1);\nint r0 = READ_ONCE(*y);", "WRITE_ONCE(*y, 1);\nint r0 = READ_ONCE(*x);"],
    "exists (0:r0=0 /\\ 1:r0=0)",
)  # fmt: skip


def test_added_and_dropped_again_is_the_same_test() -> None:
    fenced = edited(SB, "add smp_mb after 5", "add smp_mb after 11")
    assert check_test(parse(fenced), CheckOptions()).positive == 0
    again = edited(fenced, "drop 6", "drop 13")
    assert again == SB
    before, now = (check_test(parse(text), CheckOptions()) for text in (SB, again))
    assert before.positive == now.positive == 1
    assert states(before) == states(now)


def test_half_a_repair_is_none() -> None:
    assert check_test(parse(edited(SB, "add smp_mb after 5")), CheckOptions()).positive == 1
    assert check_test(parse(edited(SB, "add smp_wmb after 5", "add smp_wmb after 11")), CheckOptions()).positive == 1
