"""The C part of kernel tests: preprocessing, headers, places, and what of the runtime becomes part of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membar_check.diagnostics import InputError, Source
from membar_check.litmus.kernel_c import KernelUnit, in_runtime
from membar_check.litmus.parser import parse_litmus


def unit_of(body: str, name: str = "t.litmus", include_dirs: tuple[str, ...] = ()) -> KernelUnit:
    test = parse_litmus(Source(name, f"C t\n{{}}\n{body}"), include_dirs)
    assert test.kernel is not None
    return test.kernel


def failure(body: str, name: str = "t.litmus") -> str:
    """The first line of the message."""
    with pytest.raises(InputError) as caught:
        unit_of(body, name)
    assert caught.value.span is not None, caught.value.message
    return caught.value.render().split("\n")[0]


def defined(unit: KernelUnit) -> list[str]:
    """The functions, in order."""
    return [part.decl.name for part in unit.ast.ext if type(part).__name__ == "FuncDef"]


def nodes(unit: KernelUnit, kind: str) -> list[Any]:
    """The nodes of a class below the functions of the test itself."""
    found: list[Any] = []
    pending = [part for part in unit.ast.ext if not in_runtime(unit.locate(part.coord))]
    while pending:
        node = pending.pop(0)
        if type(node).__name__ == kind:
            found.append(node)
        pending += [child for _, child in node.children()]
    return found


def texts(unit: KernelUnit) -> str:
    """What was parsed of the test's own text."""
    return " ".join(piece.text for piece in unit.pieces if not in_runtime(piece.span))


# --- places ----------------------------------------------------------------------------------------------------------
def test_nodes_are_located() -> None:
    unit = unit_of("int x;\nP0(void)\n{\n  if (x &&\n      x != 2) {\n    x = x + 1;  // more\n  }\n}\n")
    (branch,) = nodes(unit, "If")
    assert unit.locate(branch.coord).where() == "t.litmus:6:3"
    assert unit.locate(branch.coord).text == "if"
    assert unit.extent(branch.coord).text == "if (x &&\n      x != 2)"
    (assignment,) = nodes(unit, "Assignment")
    assert unit.extent(assignment.coord).text == "x = x + 1"
    assert unit.locate(assignment.coord).where() == "t.litmus:8:5"


def test_what_a_macro_expands_to_is_placed_at_its_use() -> None:
    macros = "#define ADD(a, b) ((a) + (b))\n#define TWICE(a) ADD(a, a)\n"
    unit = unit_of(macros + "int x;\nP0(void) { int r = TWICE(x); }\n")
    (sum_,) = nodes(unit, "BinaryOp")
    assert {unit.locate(sum_.left.coord).where(), unit.locate(sum_.right.coord).where()} == {"t.litmus:6:26"}
    made = [piece for piece in unit.pieces if piece.text == "+" and not in_runtime(piece.span)]
    assert [(piece.macro, piece.span.text) for piece in made] == [(True, "TWICE")]


def test_places_in_headers(tmp_path: Path) -> None:
    (tmp_path / "h.h").write_text("/* one\n   two */\nint a;   \n\n  int\tb;\n")
    unit = unit_of('#include "h.h"\nP0(void) { a = b; }\n', str(tmp_path / "t.litmus"))
    where = {part.name: unit.locate(part.coord) for part in unit.ast.ext if getattr(part, "name", None) in ("a", "b")}
    assert (where["a"].line, where["a"].column, where["a"].text) == (3, 5, "a")
    assert (where["b"].line, where["b"].column) == (5, 7)
    assert where["b"].source.name == str(tmp_path / "h.h")


def test_odd_line_ends_do_not_shift_places() -> None:
    assert failure("int x;\x0c\x0bint y;\u2028int z; // what??)\r\nP0(void) { x = @; }\n").startswith("t.litmus:4:16:")


WORDS = "int x = 1ULL ; struct s { int f ; } * p ; P0 ( void ) { p -> f ^= 0x10u << 2 ; }"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["", " ", "  ", "\t", "/* c */", "// c\n", "\n", " \n", "\\\n", "\r\n"]), min_size=30))
def test_every_token_stands_where_its_place_says(gaps: list[str]) -> None:
    words = WORDS.split()
    text = "".join(word + (gap or " ") for word, gap in zip(words, gaps * 2, strict=False))
    unit = unit_of("\n" + text + "\n\n")
    own = [piece for piece in unit.pieces if not in_runtime(piece.span)]
    assert [piece.text for piece in own] == words
    assert [piece.span.text for piece in own] == words


def test_the_lexer_keeps_tokens_together() -> None:
    unit = unit_of("int x;\nint f(int a, ...);\nP0(void) { x ^= 1ULL; x |= 0x1fUL; x <<= 'a'; }\n")
    assert texts(unit).endswith("{ x ^= 1ULL ; x |= 0x1fUL ; x <<= 'a' ; }")
    assert ", ... )" in texts(unit)


# --- the preprocessor ------------------------------------------------------------------------------------------------
def test_preprocessing() -> None:
    unit = unit_of(
        "#define A 1\n#define CAT(a, b) a##b\n#define STR(a) #a\n#define V(f, ...) f(__VA_ARGS__)\n#undef B\n"
        "#if defined(A) && A + 1 == 2 && !B\nint CAT(x, 1);\n#elif 1\nint no;\n#else\nint no;\n#endif\n"
        '#ifndef A\nint no;\n#endif\nP0(void) { __flag(STR(bug), "t"); V(f, x1, 2); x1 = NR_CPUS; }\nP1(void) { }\n'
    )
    assert texts(unit).startswith('int x1 ; P0 ( void ) { __flag ( "bug" , "t" ) ; f ( x1 , 2 ) ; x1 = 2 ; }')


def test_headers_are_searched(tmp_path: Path) -> None:
    tests = tmp_path / "litmus" / "inner"
    for folder, name in [
        (tests, "beside.h"), (tests / "include", "a.h"), (tmp_path / "include", "b.h"), (tmp_path / "extra", "c.h"),
        (tests / "include", "nested.h"), (tests / "include", "beside-nested.h"),
    ]:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"int {name[:-2].replace('-', '_')};\n")
    (tests / "include" / "nested.h").write_text('#include "beside-nested.h"\n#include <c.h>\n')
    unit = unit_of(
        '#include "beside.h"\n#include "a.h"\n#include <b.h>\n#include "nested.h"\nP0(void) { }\n',
        str(tests / "t.litmus"),
        (str(tmp_path / "extra"),),
    )
    names = [part.name for part in unit.ast.ext if type(part).__name__ == "Decl"]
    assert names[-5:] == ["beside", "a", "b", "beside_nested", "c"]


def test_a_header_is_named_as_the_test_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "h.h").write_text("int x @;\n")
    monkeypatch.chdir(tmp_path)
    assert failure('#include "h.h"\nP0(void) { }\n', "tests/t.litmus").startswith(f"include{os.sep}h.h:1:7:")


def test_guards_and_pragma_once(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text('#ifndef A\n#define A\n#include "b.h"\nint a;\n#endif\n')
    (tmp_path / "b.h").write_text('#pragma once\n#include "a.h"\nint b;\n')
    unit = unit_of('#include "a.h"\n#include "b.h"\n#include "a.h"\nP0(void) { }\n', str(tmp_path / "t.litmus"))
    assert texts(unit) == "int b ; int a ; P0 ( void ) { }"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('#include "nope.h"\n', "t.litmus:3:10: header `nope.h` is not found"),
        ("#include <nope.h>\n", "t.litmus:3:10: header `nope.h` is not found"),
        ('#include "cycle.h"\n', "cycle.h:1:10: header `back.h` includes itself: back.h -> cycle.h -> back.h"),
        ('#include "itself.h"\n', "itself.h:1:10: header `itself.h` includes itself: itself.h -> itself.h"),
        ('#include "binary.h"\n', "t.litmus:3:10: header `binary.h` cannot be read: it is no UTF-8 text"),
        ('#include "open.h"\n', "open.h:2:1: this comment is not closed"),
        ("#include foo\n", "t.litmus:3:10: found `foo`, expected a header"),
        ("#include <foo\n", "t.litmus:3:10: found `<foo`, expected a header"),
        ("#include\n", "t.litmus:3:2: expected the name of a header"),
        ("#foo bar\nint x;\n", "t.litmus:3:2: unknown directive `#foo`, expected one of #define"),
        ("#if X\nint x;\n", "t.litmus:3:1: this directive has no `#endif`"),
        ("int x;\n#endif\n", "t.litmus:4:2: this `#endif` belongs to no `#if`"),
        ("int x;\n#else\n", "t.litmus:4:2: this `#else` belongs to no `#if`"),
        ("int x;\n#elif 1\n", "t.litmus:4:2: this `#elif` belongs to no `#if`"),
        ("#if\n#endif\n", "t.litmus:3:2: expected a condition after `#if`"),
        ("#if !\n#endif\n", "t.litmus:3:2: this preprocessor directive or macro cannot be understood"),
        ("#if 1 +\n#endif\n", "t.litmus:3:5: this condition cannot be evaluated"),
        ("#if FOO(3)\n#endif\n", "t.litmus:3:5: this condition cannot be evaluated"),
        ("#ifdef\n#endif\n", "t.litmus:3:2: found the end of the line, expected the name of a macro after `#ifdef`"),
        ("#define 3 4\n", "t.litmus:3:2: found `3`, expected the name of a macro after `#define`"),
        ("#define f(a b\n", "t.litmus:3:13: malformed preprocessor text: missing ')' in macro arguments"),
        ("#define f(1) b\n", "t.litmus:3:11: malformed preprocessor text: invalid macro argument"),
        ("#define f(a, b) a\nint x = f(1);\n", "t.litmus:4:9: found 1 argument, expected 2 arguments of macro `f`"),
        ("#define f(a, b) a\nint x = f(1;\n", "t.litmus:4:10: the arguments of this macro are not closed"),
        ("#error no way\n", "t.litmus:3:2: #error: no way"),
        ("#pragma pack\n", "t.litmus:3:2: the only known pragma is `#pragma once`"),
        (
            "".join(f"#define m{i} m{i + 1} m{i + 1} m{i + 1} m{i + 1}\n" for i in range(12)) + "int x = m0;\n",
            "macros expand to more than 30000 tokens",
        ),
    ],
)
def test_faults_of_preprocessing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str) -> None:
    (tmp_path / "cycle.h").write_text('#include "back.h"\n')
    (tmp_path / "back.h").write_text('#include "cycle.h"\n')
    (tmp_path / "itself.h").write_text('#include "itself.h"\n')
    (tmp_path / "binary.h").write_bytes(b"\xff\xfe int")
    (tmp_path / "open.h").write_text("int x;\n/* never\n")
    monkeypatch.chdir(tmp_path)
    found = failure(body + "P0(void) { }\n")
    assert message in found


# --- C ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("int x;\nP0(void) { f(x; }", "4:17: found `}`, expected `)` for the `(` of line 4"),
        ("int x;\nP0(void) { } }", "4:14: this `}` closes nothing"),
        ("int x;\nP0(void) { x = (1]; }", "4:18: found `]`, expected `)` for the `(` of line 4"),
        ("int x\nP0(void) { }", "3:6: found `P0`, expected `;` after this"),
        ("int x;\nP0(void) { x = 1 }", "4:17: found `}`, expected `;` after this"),
        ("int x;\nP0(void) { int r0 = x\n int r1 = 2; }", "4:22: found `int`, expected `;` after this"),
        ("int x;\nP0(void) { foo y; }", "4:12: `foo` is no type known here"),
        ("foo x;\nP0(void) { }", "3:1: `foo`: expected a declaration that begins with a type"),
        ("union a { int b; };\nP0(void) { }", "3:1: unions are not supported"),
        ("int x;\nP0(void) { typeof(x) y; }", "4:12: `typeof` is not supported"),
        ("int x __attribute__((packed));\nP0(void) { }", "3:7: `__attribute__` is not supported"),
        ('int x;\nP0(void) { asm("nop"); }', "4:12: inline assembly is not supported"),
        ("int x;\nP0(void) { x = 'a; }", "4:16: this quotation mark is not closed"),
        ('int x;\nP0(void) { f("a; }', "4:14: this quotation mark is not closed"),
        ("int x;\nP0(void) { } /* foo", "4:14: this comment is not closed"),
        ("int x;\nP0(void) { x = @; }", "4:16: found `@`, which begins nothing in C"),
        ("int x;\nP0(void) { x = # ; }", "4:16: found `#`, which begins nothing in C"),
        ("int x;\nP0(void) { if x { } }", "4:15: found `x`, expected `(`"),
        ("int x;\nP0(void) { x->3; }", "4:15: expected the name of a field after `.` or `->`"),
        ("int x;\nP0(void) { x = 1 + ; }", "4:20: found `;` after `+`, which is no C that can stand here"),
        ("int 3x;\nP0(void) { }", "3:1: found `3` after `int`, expected the name of what is declared"),
        ("int x;\nP0(void) { x = " + "(" * 3000 + "1" + ")" * 3000 + "; }", "this is nested too deeply"),
        ("int x;\nP0(void) { } int", "4:14: found nothing after `int`, expected the name of what is declared"),
        ("int x;\nP0(void) { } static int f(void)", "the C part ends in the middle of a declaration"),
        ("int __nonblocking;\nP0(void) { }", "3:5: `__nonblocking` marks functions, and here is none"),
    ],
)
def test_faults_of_c(body: str, message: str) -> None:
    assert message in failure(body)


# --- the runtime -----------------------------------------------------------------------------------------------------
def test_only_what_is_reached_of_the_runtime() -> None:
    assert defined(unit_of("int x;\nP0(void) { x = 1; }\n")) == ["P0"]
    found = defined(unit_of("int x;\nP0(void) { preempt_disable(); preempt_enable(); }\n"))
    assert found == ["__section_begin", "__section_end", "preempt_disable", "preempt_enable", "P0"]
    found = defined(unit_of("static void f(void *i) { }\nP0(void) { on_each_cpu(f, NULL, 1); }\nP1(void) { }\n"))
    assert "__handle_interrupt" in found and "__call_cpus" in found and "mutex_lock" not in found
    assert "__handle_interrupt" in defined(unit_of("int x;\nP0(void) { __interrupt(0, 0, 0); }\n"))


def test_every_function_of_the_runtime_can_be_parsed(root: Path) -> None:
    text = (root / "membar_check" / "runtime" / "kernel.h").read_text("utf-8")
    names = {line.split("(")[0].split()[-1].lstrip("*") for line in text.split("\n") if line.startswith("static ")}
    for cpus in (1, 2, 8):
        threads = "".join(f"P{n}(void) {{ }}\n" for n in range(1, cpus))
        unit = unit_of(f"int x;\nP0(void) {{ {' '.join(f'{name};' for name in sorted(names))} }}\n{threads}")
        assert names <= set(defined(unit))
        assert len(unit.threads) == cpus


def test_a_function_of_the_test_replaces_that_of_the_runtime() -> None:
    unit = unit_of("static void might_sleep(void) { }\nP0(void) { synchronize_rcu(); }\n")
    assert defined(unit) == ["synchronize_rcu", "might_sleep", "P0"]
    assert defined(unit_of("struct mutex { int owner; };\nP0(void) { struct mutex m; }\n")) == ["P0"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("int x;\nP0(void) { rcu_read_lock(); }", "0"),
        ("int x;\nP0(void) { rcu_read_lock(); synchronize_rcu(); }", "1"),
        ("int x;\nP0(void) { rcu_read_lock(); __synchronize_rcu(); }", "1"),
        ("static void f(void) { synchronize_rcu(); }\nP0(void) { rcu_read_lock(); }", "0"),
        ("static void f(void) { synchronize_rcu(); }\nvoid (*g)(void) = f;\nP0(void) { rcu_read_lock(); }", "1"),
    ],
)
def test_sections_cost_nothing_without_grace_periods(body: str, expected: str) -> None:
    unit = unit_of(body)
    begin = next(part for part in unit.ast.ext if getattr(getattr(part, "decl", None), "name", "") == "__section_begin")
    assert begin.body.block_items[0].cond.left.value == expected


def test_what_is_marked_in_the_text() -> None:
    unit = unit_of(
        "#define MARK __nonblocking\nMARK static int f(void) { return 1; }\nstatic int __nonblocking g(int a);\n"
        "DEFINE_PER_CPU(int, v) = 1;\nregister int mine;\n"
        "P0(void) { cpumask_var_t mask; if (!zalloc_cpumask_var(&mask, GFP_KERNEL)) return; (&mask)->bits[0] = 1; }\n"
    )
    assert unit.nonblocking == {"f", "g"}
    storage = {part.name: part.storage for part in unit.ast.ext if type(part).__name__ == "Decl"}
    assert storage["v"] == ["_Thread_local"]
    assert storage["mine"] == storage["current"] == ["register"]
    assert not [node for node in nodes(unit, "UnaryOp") if node.op == "&"]


def test_the_libraries_are_loaded_for_kernel_tests_only() -> None:
    code = (
        "import sys\nfrom membar_check.diagnostics import Source\nfrom membar_check.litmus.parser import parse_litmus\n"
        "parse_litmus(Source('t', 'C t\\n{}\\nP0(int *x) { *x = 1; }\\nexists (x=1)'))\n"
        "assert not {'pcpp', 'pycparser', 'membar_check.litmus.kernel_c'} & set(sys.modules)\n"
        "parse_litmus(Source('t', 'C t\\n{}\\nint x;\\nP0(void) { }\\n'))\n"
        "assert {'pcpp', 'pycparser'} <= set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
