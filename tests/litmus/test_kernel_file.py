"""Tests in kernel C: telling them from plain ones, cutting the file, named conditions, places with fields."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membar_check.diagnostics import InputError, Source
from membar_check.litmus.condition import FALSE
from membar_check.litmus.hash import test_hash as hash_of
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.printer import show_prop
from membar_check.litmus.syntax import And, Atom, GlobalRef, Literal, LitmusTest, Quantifier, RegisterRef, Symbol


def parse(body: str, init: str = "{}", name: str = "t.litmus") -> LitmusTest:
    return parse_litmus(Source(name, f"C t\n{init}\n{body}"))


def failure(body: str, init: str = "{}") -> str:
    """The first line of the message, without the file's name."""
    with pytest.raises(InputError) as caught:
        parse(body, init)
    assert caught.value.span is not None, caught.value.message
    return caught.value.render().split("\n")[0].removeprefix("t.litmus:")


# --- which tests are in kernel C -------------------------------------------------------------------------------------
PLAIN = "P0(int *x)\n{\n  WRITE_ONCE(*x, 1);\n}\nP1(int *x) { int r0 = READ_ONCE(*x); }\n"


@pytest.mark.parametrize(
    "body",
    [
        PLAIN + "exists (1:r0=1)",
        PLAIN,
        "/* first */ // second\n" + PLAIN + "~exists (1:r0=1)",
        "void P0(int *x) { }\nexists (x=0)",
        PLAIN + "locations [x; 1:r0;]\nforall (x=1)",
        PLAIN + "filter (x=1)\nexists (1:r0=1)\nwith tso: ~exists; cc: exists;",
        PLAIN + "exists (1:r0=1) (* # include *)",
        PLAIN + "(* a: b *) exists (1:r0=1)",
    ],
)
def test_plain_tests_stay_plain(body: str) -> None:
    test = parse(body)
    assert test.kernel is None
    assert test.bodies


@pytest.mark.parametrize(
    "body",
    [
        "#define N 1\nP0(int *x) { WRITE_ONCE(*x, N); }\nexists (x=1)",
        "int x;\nP0(void) { x = 1; }",
        "int x, y;\nP0(void) { x = 1; }\nexists (x=1)",
        "struct s { int a; };\nP0(void) { }",
        "struct s { int a; } s = { 1 };\nP0(void) { }",
        "enum e { A };\nP0(void) { }",
        "typedef int t;\nP0(void) { }",
        "static void f(void) { }\nP0(void) { f(); }",
        "P0(void) { }\nint x;\nP1(void) { x = 1; }",
        "P0(int *x) { }\nstatic int f(void) { return 1; }\nP1(int *x) { *x = f(); }\nexists (x=1)",
        "DEFINE_PER_CPU(int, x);\nP0(void) { }",
        "int P0(void) { }",
        PLAIN + "seen: exists (1:r0=1)",
        PLAIN + "exists (1:r0=1)\nseen: exists (1:r0=1)",
        PLAIN + "locations [x]\nseen: exists (1:r0=1)",
    ],
)
def test_kernel_c_is_recognised(body: str) -> None:
    test = parse(body)
    assert test.kernel is not None
    assert test.bodies == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("foo", "found `foo`, expected the function `P0(...) { ... }`"),
        ("P1(int *x) { }", "found `P1`, expected the function `P0(...) { ... }`"),
        ("P0(int *x) { for (;;) ; }", "`for` loops are not known in C tests"),
        ("P0(int *x) { }\nexits (x=1)", "4:1: found `exits`, expected `exists`, `~exists` or `forall`"),
    ],
)
def test_faults_of_plain_tests_are_told_as_before(body: str, message: str) -> None:
    assert message in failure(body)


TEST = "int x;\nP0(void) { }\n"

# --- the parts -------------------------------------------------------------------------------------------------------
FULL = """\
struct s { int a; struct { int c; } b[2]; } s;
int x;
P0(void) { x = 1; }
P1(void) { int r0 = x; }
locations [s.a; x; 1:r0]
filter (s.b[1].c=0)
one: exists (0:r0=1 /\\ s.b[0].c=2)
~exists (x=3)
another-one: exists (x=&s.b[1].c \\/ not (x=s))
"""


def test_all_parts() -> None:
    test = parse(FULL, "{ 0:current=t0; x=2; }")
    assert test.kernel is not None
    assert test.kernel.threads == ("P0", "P1")
    assert test.locations == (GlobalRef("s.a"), GlobalRef("x"), RegisterRef(1, "r0"))
    assert test.filter == Atom(GlobalRef("s.b[1].c"), True, Literal(0, "0"))
    assert test.condition.quantifier is Quantifier.NOT_EXISTS
    assert [item.span.text for item in test.init] == ["0:current=t0", "x=2"]
    (one, prop, span), (another, other, _) = test.kernel.conditions
    assert (one, another) == ("one", "another-one")
    assert prop == And(
        (Atom(RegisterRef(0, "r0"), True, Literal(1, "1")), Atom(GlobalRef("s.b[0].c"), True, Literal(2, "2")))
    )
    assert span.text == "one: exists (0:r0=1 /\\ s.b[0].c=2)"
    assert span.line == 9
    assert "[x]=s.b[1].c" in show_prop("C", other)


def test_without_a_condition() -> None:
    test = parse("int x;\nP0(void) { }\n")
    assert test.condition.quantifier is Quantifier.NOT_EXISTS
    assert test.condition.prop == FALSE
    assert test.condition.span is None
    assert test.kernel is not None and test.kernel.conditions == ()


def test_the_final_part_is_found_behind_braces_of_all_kinds() -> None:
    test = parse(
        'char *s = "}{";\n/* { */ // {\n#define OPEN { \\\n   {\n#ifdef A\nP0(int *x) {\n#else\nP0(void) {\n#endif\n'
        " if (1) { } }\nexists: exists (x=1)"
    )
    assert test.kernel is not None
    assert [name for name, _, _ in test.kernel.conditions] == ["exists"]


def test_comments_in_the_final_part() -> None:
    test = parse("int x;\nP0(void) { }\n// first: exists (x=1)\n(* second *)\nthird: exists (x=1) // x=2\n")
    assert test.kernel is not None
    assert [name for name, _, _ in test.kernel.conditions] == ["third"]


def test_values_named_by_macros_and_enumerators() -> None:
    test = parse(
        "#define READY (1U << 3)\n#define BOTH (READY | 1)\n#define UNKNOWN (A + 1)\nenum { A };\n"
        + TEST
        + "exists (x=READY /\\ x=-BOTH /\\ x=A /\\ x=-EPERM /\\ x=UNKNOWN)"
    )
    prop = test.condition.prop
    assert isinstance(prop, And)
    values = [atom.right for atom in prop.operands if isinstance(atom, Atom)]
    assert values == [Literal(8, "8"), Literal(-9, "-9"), Symbol("A"), Literal(-1, "-1"), Symbol("UNKNOWN")]


# --- hash ------------------------------------------------------------------------------------------------------------
def test_hash_is_of_the_own_text() -> None:
    first = parse("int x;\nP0(void) { x = 1; }\nexists (x=1)\n")
    same = parse_litmus(Source("u", 'C other\n"doc"\nKey=value\n{}\nint x;  \nP0(void) { x = 1; }\nexists (x=1)\n\n'))
    different = parse("int x;\nP0(void) { x = 2; }\nexists (x=1)\n")
    assert hash_of(first) == hash_of(same) != hash_of(different)
    assert hash_of(parse_litmus(Source("u", "C t\nHash=abc\n{}\nint x;\nP0(void) { }\n"))) == "abc"


# --- errors ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (TEST + "exists (x=1)\nexists (x=2)", "6:1: found `exists`, expected the end of the file or a named condition"),
        (TEST + "a: exists (x=1)\na: exists (x=2)", "6:1: `a` is already given in line 5"),
        (TEST + "deadlock: exists (x=1)", "5:1: `deadlock` is found without being asked for"),
        (TEST + "a: forall (x=1)", "5:4: found `forall`, expected `exists`"),
        (TEST + "a: ~exists (x=1)", "5:4: found `~`, expected `exists`"),
        (TEST + "a.b: exists (x=1)", "5:1: found `a.b`, expected the name of a class of outcomes"),
        (TEST + "P0: exists (x=1)", "5:1: found `P0`, expected the name of a class of outcomes"),
        (TEST + "a: exists", "5:10: found the end of the file, expected a proposition"),
        (TEST + "a: exists (x=1 y)", "5:16: found `y`, expected `/\\`"),
        (TEST + "a: exists (x=1) foo", "5:17: found `foo`, expected `exists`"),
        (TEST + "a: exists (x->y=1)", "5:13: conditions do not follow pointers"),
        (TEST + "a: exists (x..y=1)", "5:12: found `x..y`, expected an object or a field"),
        (TEST + "a: exists (x.=1)", "5:12: found `x.`, expected an object or a field"),
        (TEST + "a: exists (x[1]y=1)", "5:16: found `y`, expected `=`"),
        (TEST + "a: exists (x[y]=1)", "5:14: found `y`, expected the index of an array cell"),
        (TEST + "a: exists (x=1", "5:15: found the end of the file, expected `/\\`"),
        (TEST + "exists (x=1) with tso: ~exists", "5:14: found `with`"),
        ("int x;\nP0(void) { if (x) { x = 1; }\nexists (x=1)", "4:10: this brace is not closed"),
        ("int x;\nstatic void f(void) { }\n", "the test has no threads"),
        ("#define x\n", "the test has no threads"),
        ("int x;\nP1(void) { }\n", "4:1: found the function `P1`, expected `P0`"),
        ("int x;\nP0(void) { }\nP2(void) { }\n", "5:1: found the function `P2`, expected `P1`"),
        ("int x;\nP0(void) { }\nP0(void) { }\n", "5:1: found the function `P0`, expected `P1`"),
        ("struct a { int b; }\nP0(void) { }\n", "4:1: the thread `P0` cannot return anything"),
        ("int x;\nP0(void) { }\n#ifdef A\nP1(void) { }\n#endif\n", "expected 2 thread functions after preprocessing"),
        ("int x;\n" + "".join(f"P{i}(void) {{ }}\n" for i in range(9)), "a test has at most 8 CPUs, found 9"),
    ],
)
def test_faults(body: str, message: str) -> None:
    assert message in failure(body)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("{ 3:current=t0; }", "2:3: there is no CPU 3"),
        ("{ 0:r1=1; }", "2:3: found `r1`, expected `current`"),
        ("{ 0:current=3; }", "2:3: expected the name of a task"),
        ("{ 0:current; }", "2:3: expected the name of a task"),
        ('#include "a.h"\n{}', "2:1: this line stands above the init block"),
        ("(* #define A\n *)\n  # define A 1\n{}", "4:3: this line stands above the init block"),
    ],
)
def test_faults_of_the_init_block(init: str, message: str) -> None:
    assert message in failure("int t0;\nP0(void) { }", init)


def test_free_text_above_the_init_block_may_begin_with_a_number_sign() -> None:
    text = 'C t\n# why\n(* #include "a.h" *)\n"doc #include"\n{}\nint x;\nP0(void) { x = 1; }\n'
    assert parse_litmus(Source("t.litmus", text), ()).kernel is not None


# --- round trips -----------------------------------------------------------------------------------------------------
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z]{1,3})?", fullmatch=True).filter(lambda name: name != "bug")
FIELDS = st.lists(st.sampled_from([".f", "[0]", "[12]", ".long_name"]), max_size=4).map("".join)
PATHS = st.builds("o{}".format, FIELDS).filter(lambda path: "][" not in path or path.count("[") < 4)
ATOMS = st.builds("{}={}".format, st.one_of(PATHS, st.just("0:r0")), st.one_of(st.integers(-9, 9).map(str), PATHS))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.lists(ATOMS, min_size=1, max_size=3), max_size=3))
def test_named_conditions_come_back(conditions: dict[str, list[str]]) -> None:
    text = "".join([name + ": exists (" + " /\\ ".join(atoms) + ")\n" for name, atoms in conditions.items()])
    test = parse(TEST + text)
    assert test.kernel is not None
    found = {}
    for name, prop, _ in test.kernel.conditions:
        atoms = prop.operands if isinstance(prop, And) else (prop,)
        found[name] = [atom.span.text for atom in atoms if isinstance(atom, Atom) and atom.span]
        for atom in atoms:
            assert isinstance(atom, Atom)
            if isinstance(atom.left, GlobalRef):
                assert atom.left.name == atom.span.text.split("=")[0]  # type: ignore[union-attr]
    assert found == conditions


WORDS = (
    r"int x ; { } ( ) = 1 , * & P0 P1 void struct s . -> [ ] # #define #include #if #endif #else /* */ // \" ' : "
    r"exists a: locations filter ~ /\ if else while for return READ_ONCE \ ?? @ N()"
)
PIECES = st.sampled_from([*WORDS.split(), "\n", "\n#define N(a) a ", "\n#if "])


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_junk_is_answered_with_a_place(pieces: list[str]) -> None:
    try:
        parse(" ".join(pieces))
    except InputError as error:
        assert error.span is not None or str(error)


def test_the_bundled_tests_are_read(root: Path) -> None:
    for path in sorted((root / "litmus" / "membarrier").glob("*.litmus"))[::16]:
        test = parse_litmus(Source(str(path), path.read_text("utf-8")))
        assert test.kernel is not None, path


def test_the_example_of_the_reference_is_read(root: Path) -> None:
    text = (root / "docs" / "kernel-c.md").read_text("utf-8")
    example = text[text.index("C lost-object") :].split("```")[0]
    test = parse_litmus(Source("lost-object.litmus", example))
    assert test.kernel is not None
    assert [name for name, _, _ in test.kernel.conditions] == ["unpublished"]
