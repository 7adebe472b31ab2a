"""Edits of kernel C: the test's own text and its headers, never the runtime, and macros only where they are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.engine.api import parse_file
from membar_check.explain.edits.apply import Edited, apply_edits, parse_edited, unified_diff
from membar_check.explain.edits.sites import all_edits, parse_edit
from membar_check.explain.edits.table import load_table
from membar_check.litmus.syntax import LitmusTest
from support.inline import parse
from support.kernel_c import unit

TABLE = load_table("C")
LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"


def edited(test: LitmusTest, *commands: str) -> Edited:
    made = apply_edits(test, [parse_edit(test, TABLE, command) for command in commands])
    parse_edited(test, made, ())
    return made


def commands(test: LitmusTest, *kinds: str) -> list[str]:
    return [edit.command for edit in all_edits(test, TABLE, kinds)]


def line_after(text: str, command: str, line: int) -> str:
    test = parse(text)
    return edited(test, command).texts["test.litmus"].split("\n")[line - 1]


STRUCT = "struct s { int a; struct s *next; } t; int flag; int cells[2];"


@pytest.mark.parametrize(
    ("statement", "form", "result"),
    [
        ("r = p->a;", "READ_ONCE", "r = READ_ONCE(p->a);"),
        ("r = p->a;", "smp_load_acquire", "r = smp_load_acquire(&p->a);"),
        ("r = READ_ONCE(p->a);", "smp_load_acquire", "r = smp_load_acquire(&p->a);"),
        ("r = READ_ONCE(p->next)->a;", "plain #1", "r = (p->next)->a;"),
        ("p->a = r + 1;", "WRITE_ONCE", "WRITE_ONCE(p->a, r + 1);"),
        ("t.a = 1;", "smp_store_release", "smp_store_release(&t.a, 1);"),
        ("flag = 1;", "WRITE_ONCE", "WRITE_ONCE(flag, 1);"),
        ("cells[1] = r;", "WRITE_ONCE", "WRITE_ONCE(cells[1], r);"),
        ("WRITE_ONCE(p->a, r);", "plain", "p->a = r;"),
        ("smp_store_release(&p->a, r);", "WRITE_ONCE", "WRITE_ONCE(p->a, r);"),
        ("smp_store_release(&(*p).a, r);", "plain", "(*p).a = r;"),
    ],
)
def test_forms(statement: str, form: str, result: str) -> None:
    text = unit(STRUCT, f"struct s *p = &t; int r = 0;\n{statement}")
    line = text.split("\n").index(statement) + 1
    assert line_after(text, f"make {line} {form}", line) == result


def levels(statement: str, declarations: str = STRUCT) -> list[str]:
    """What can be made stronger in a statement, as it is written."""
    text = unit(declarations, f"struct s *p = &t; struct s local; int r = 0;\n{statement}")
    line = text.split("\n").index(statement) + 1
    found = all_edits(parse(text), TABLE, ("strengthen",))
    return [e.text.split(" instead of ")[1].split(" in P0")[0] for e in found if e.place.line == line and e.cost == 1]


@pytest.mark.parametrize(
    ("statement", "plain"),
    [
        ("r = p->next->a;", ["p->next->a", "p->next"]),
        ("r = flag + p->a * cells[r];", ["flag", "p->a", "cells[r]"]),
        ("p->a += flag;", ["flag"]),
        ("p->a++;", []),
        ("p = &t;", []),
        ("p = &p->next->next[1];", ["p->next"]),
        ("r = sizeof(p->a);", []),
        ("r = atomic_read(&p->a);", []),
        ("r = READ_ONCE(p->a);", []),
        ("if (p->a) r = 1;", ["p->a"]),
        ("while (flag) r = 1;", ["flag"]),
        ("r = r * r;", []),
        ("r = *&flag;", []),
        ("r = local.a;", []),
        ("int flag = 1, *q = &r;", []),
        ("int q = flag, s = p->a;", ["flag", "p->a"]),
    ],
)
def test_plain_accesses(statement: str, plain: list[str]) -> None:
    assert sorted(levels(statement)) == sorted(plain)


def test_statements_of_all_kinds() -> None:
    lines = [
        "switch (x) {", "case 0:", "x = 1;", "break;", "default:", "x = 2;", "}", "for (r = 0; r < 2; r++) {", "x = r;",
        "continue;", "}", "do {", "if (r) goto out; else x = 3;", "} while (r);", "out: smp_mb();",
    ]  # fmt: skip
    objects = "int x; struct pair { int a, b; } t = { .a = 1, .b = 2 }; int cells[2] = { 1, 2 };"
    test = parse(unit(objects, "int r = x;\n" + "\n".join(lines)))
    begin = test.source.text.split("\n").index("switch (x) {") + 1
    marked = [edit for edit in all_edits(test, TABLE, ("strengthen",)) if edit.level in ("READ_ONCE", "WRITE_ONCE")]
    plain = [edit.place.line - begin for edit in marked]
    assert sorted(plain) == [-1, 0, 2, 5, 8, 12]
    assert commands(test, "drop") == [f"drop smp_mb@{begin + 14}"]
    assert edited(test, f"drop {begin + 14}").texts["test.litmus"].split("\n")[begin + 13] == "out: ;"
    added = edited(test, f"add smp_mb after {begin + 2}", f"add smp_rmb before {begin + 8}").texts["test.litmus"]
    assert "x = 1;\nsmp_mb();\nbreak;" in added
    assert "r++) {\nsmp_rmb();\nx = r;" in added


def test_a_local_hides_an_object() -> None:
    text = unit(STRUCT, "int flag = 1;\nflag = 2;")
    assert not commands(parse(text), "strengthen")


def test_functions_that_nobody_calls_are_left_alone() -> None:
    text = unit("int x; static void f(void) { smp_mb(); } static void g(void) { smp_wmb(); }", "g();\nx = 1;")
    assert commands(parse(text), "drop") == ["drop smp_wmb@5"]


def test_macros_are_edited_where_they_are_used() -> None:
    macros = "#define full() smp_mb()\n#define both(o) do { smp_mb(); WRITE_ONCE(o, 1); } while (0)\n"
    macros += "#define two() smp_mb(); smp_mb()\n#define load(o) READ_ONCE(o)\nint x;"
    test = parse(unit(macros, "int r;\nfull();\nboth(x);\ntwo();\nr = load(x);\nWRITE_ONCE(x, 2);"))
    line = test.source.text.split("\n").index("full();") + 1
    assert commands(test, "drop") == [f"drop smp_mb@{line}"]
    assert edited(test, f"drop {line}").texts["test.litmus"] == test.source.text.replace("full();\n", "")
    weaker = edited(test, f"make {line} smp_wmb").texts["test.litmus"]
    assert weaker == test.source.text.replace("full();", "smp_wmb();")
    assert commands(test, "weaken") == [f"make {line} {name}" for name in ("smp_rmb", "smp_wmb", "barrier")] + [
        f"make {line + 4} plain"
    ]


def test_insertion_is_outside_of_conditional_text() -> None:
    body = "WRITE_ONCE(x, 1);\n#ifndef NONE\nWRITE_ONCE(x, 2);\n#endif\nWRITE_ONCE(x, 3);"
    test = parse(unit("int x;", body))
    first = test.source.text.split("\n").index("WRITE_ONCE(x, 1);") + 1
    after_first = edited(test, f"add smp_mb after {first}").texts["test.litmus"].split("\n")
    assert after_first[first : first + 2] == ["smp_mb();", "#ifndef NONE"]
    after_second = edited(test, f"add smp_mb after {first + 2}").texts["test.litmus"].split("\n")
    assert after_second[first + 1 : first + 5] == ["WRITE_ONCE(x, 2);", "#endif", "smp_mb();", "WRITE_ONCE(x, 3);"]


def test_a_handler_has_places_of_its_own() -> None:
    text = unit(
        "int x;\nstatic void handler(void *info)\n{\n}\nstatic void helper(void)\n{\nWRITE_ONCE(x, 1);\n}",
        "smp_call_function_single(1, handler, NULL, 1);\nhelper();", "int r = 1;",
    )  # fmt: skip
    found = [c for c in commands(parse(text), "add") if "smp_mb" in c]
    assert found == ["add smp_mb after 7", "add smp_mb after 15"]


def test_the_ends_of_a_function_that_is_called_twice() -> None:
    text = "int x;\nstatic void f(void)\n{\nWRITE_ONCE(x, 1);\n}\n"
    text += "static int g(void)\n{\nf();\nint r = READ_ONCE(x);\nreturn r;\n}"
    found = [c for c in commands(parse(unit(text, "f();\nint r = g() + g();")), "add") if "smp_mb" in c]
    places = ("before 8", "after 8", "before 12", "after 12", "after 13", "after 18")
    assert found == [f"add smp_mb {place}" for place in places]
    once = [c for c in commands(parse(unit(text, "f();\nf();\nint r = g();")), "add") if "smp_mb" in c]
    assert once == [f"add smp_mb {place}" for place in ("before 8", "after 8", "after 12", "after 18", "after 19")]


def test_calls_that_make_no_access() -> None:
    quiet = "cpus_read_lock();\nint cpu = raw_smp_processor_id();\ncpus_read_unlock();\nif (cpu == 0)\ncpu = f(cpu);"
    text = unit("int x;\nstatic int f(int i)\n{\nreturn i + 1;\n}", f"x = 1;\n{quiet}\nx = 2;")
    assert [c for c in commands(parse(text), "add") if "smp_mb" in c] == ["add smp_mb after 12"]
    loud = text.replace("return i", "current = NULL;\nreturn i")
    assert [c for c in commands(parse(loud), "add") if "smp_mb" in c] == ["add smp_mb after 13", "add smp_mb before 19"]


def test_compiler_barriers_where_there_are_interrupts() -> None:
    handler = "int x;\nstatic void handler(void *info)\n{\nx = 1;\n}"
    sent = parse(unit(handler, "smp_call_function_single(1, handler, NULL, 1);", "x = 2;\nx = 3;"))
    assert any("add barrier" in command for command in commands(sent, "add"))
    assert not any("add barrier" in command for command in commands(parse(unit("int x;", "x = 2;\nx = 3;")), "add"))


def test_grace_periods_where_there_is_something_to_wait_for() -> None:
    reader = parse(unit("int x;", "rcu_read_lock();\nx = 1;\nrcu_read_unlock();", "x = 2;\nx = 3;"))
    assert any("synchronize_rcu" in command for command in commands(reader, "add"))
    assert not any("synchronize_rcu" in c for c in commands(parse(unit("int x;", "x = 1;\nx = 2;")), "add"))


# --- headers ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def racy() -> LitmusTest:
    return parse_file(str(LITMUS / "membarrier" / "racy-load-5.4.litmus"), ())


def test_headers_are_edited_and_the_runtime_is_not(racy: LitmusTest) -> None:
    files = {change.file for edit in all_edits(racy, TABLE) for change in edit.changes}
    names = {Path(file).name for file in files}
    assert {"sched.h", "membarrier-since-5.4.h", "membarrier-api.h", "exit.h", "racy-load-5.4.litmus"} <= names
    assert not any("<runtime>" in file for file in files)


def test_an_edited_header_is_read_in_place_of_the_one_on_disk(racy: LitmusTest) -> None:
    made = edited(racy, "drop smp_mb@membarrier-api.h:24")
    assert [Path(name).name for name in made.texts] == ["membarrier-api.h"]
    again = parse_edited(racy, made, ())
    before, now = commands(racy, "drop"), commands(again, "drop")
    assert "drop smp_mb@membarrier-api.h:24" in before
    assert "drop smp_mb@membarrier-api.h:24" not in now
    assert len(now) == len(before) - 1
    assert commands(parse_edited(racy, Edited({}), ()), "drop") == before


def test_the_full_barrier_of_the_scheduler_is_a_macro_of_the_header(racy: LitmusTest) -> None:
    edit = parse_edit(racy, TABLE, "drop smp_mb__after_spinlock@sched.h:172")
    assert edit.text == "without sched_mb_before() in line 172 of sched.h"
    assert parse_edit(racy, TABLE, "drop sched_mb_before@sched.h:172") == edit


def test_difference_names_the_header(racy: LitmusTest) -> None:
    difference = unified_diff(racy, edited(racy, "drop synchronize_rcu@membarrier-since-5.4.h:101"))
    lines = difference.split("\n")
    name = str(LITMUS / "membarrier" / "include" / "membarrier-since-5.4.h").lstrip("/")
    assert lines[:2] == [f"--- a/{name}", f"+++ b/{name}"]
    assert [line for line in lines if line[:1] == "-" and line[:3] != "---"] == ["-\tsynchronize_rcu();"]


def test_lines_of_a_header_restrict(racy: LitmusTest) -> None:
    file = next(c.file for e in all_edits(racy, TABLE) for c in e.changes if c.file.endswith("sched.h"))
    found = all_edits(racy, TABLE, ("add", "strengthen"), [(file, 173)])
    assert found
    assert {(edit.kind, edit.place.line) for edit in found} <= {("add", 172), ("add", 173), ("strengthen", 173)}
