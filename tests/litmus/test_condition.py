"""The final part: locations, filter, conditions; how herd7's log prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.condition import FALSE, TRUE, Final, conjunction, disjunction, parse_final
from membar_check.litmus.printer import show_condition, show_prop
from membar_check.litmus.syntax import (
    Atom,
    Condition,
    GlobalRef,
    Implies,
    Literal,
    Not,
    Prop,
    Quantifier,
    RegisterRef,
    Symbol,
    Tuple_,
)


def final(text: str) -> Final:
    return parse_final(Source("t.litmus", text), text, 0, len(text))


def prop(text: str) -> Prop:
    return final(f"exists ({text})").condition.prop


def atom(thread: int, register: str, value: int) -> Atom:
    return Atom(RegisterRef(thread, register), True, Literal(value, str(value)))


A, B, C = atom(0, "r1", 1), atom(1, "r2", 0), Atom(GlobalRef("x"), True, Literal(2, "2"))


def test_binding_strength() -> None:
    assert prop(r"0:r1=1 => 1:r2=0 /\ x=2") == conjunction([Implies(A, B), C])
    assert prop(r"0:r1=1 \/ 1:r2=0 /\ x=2") == disjunction([A, conjunction([B, C])])
    assert prop(r"~0:r1=1 => x=2") == Implies(Not(A), C)
    assert prop(r"0:r1=1 => 1:r2=0 => x=2") == Implies(A, Implies(B, C))
    assert prop(r"not (0:r1=1 \/ x=2)") == Not(disjunction([A, C]))


def test_nested_conjunctions_come_out_flat() -> None:
    assert prop(r"0:r1=1 /\ (1:r2=0 /\ x=2)") == conjunction([A, B, C])
    assert prop("true") == TRUE
    assert prop("false") == FALSE


def test_atoms() -> None:
    x = GlobalRef("x")
    assert prop("[x]=2") == C
    assert prop("x==2") == C
    assert prop("x!=2") == prop("x <> 2") == Atom(x, False, Literal(2, "2"))
    assert prop("P1:r2=0") == B
    assert prop("a[1]=-0x10") == Atom(GlobalRef("a", 1), True, Literal(-16, "-0x10"))
    assert prop("a={1,2}") == Atom(GlobalRef("a"), True, Tuple_((Literal(1, "1"), Literal(2, "2"))))
    assert prop("0:r1=&x") == prop("0:r1=x") == Atom(RegisterRef(0, "r1"), True, Symbol("x"))
    assert prop("0:r1=a[3]") == Atom(RegisterRef(0, "r1"), True, Symbol("a", 3))
    assert prop("[x]=[y]") == prop("x=*y") == Atom(x, True, GlobalRef("y"))
    assert prop("0:r1=1:r2") == Atom(RegisterRef(0, "r1"), True, RegisterRef(1, "r2"))
    assert prop('0:r1=label:"P1:L0"') == Atom(RegisterRef(0, "r1"), True, Symbol("L0", 0, 1))
    assert prop("true=1 /\\ not=0") == conjunction(
        [Atom(GlobalRef("true"), True, Literal(1, "1")), Atom(GlobalRef("not"), True, Literal(0, "0"))]
    )


@pytest.mark.parametrize(
    ("text", "quantifier"),
    [
        ("exists x=2", Quantifier.EXISTS),
        ("final (x=2);", Quantifier.EXISTS),
        ("(x=2)", Quantifier.EXISTS),
        ("~exists (x=2)", Quantifier.NOT_EXISTS),
        ("~ exists (x=2)", Quantifier.NOT_EXISTS),
        ("not exists (x=2)", Quantifier.NOT_EXISTS),
        ("forall (x=2)", Quantifier.FORALL),
    ],
)
def test_quantifiers(text: str, quantifier: Quantifier) -> None:
    assert final(text).condition == Condition(quantifier, C)


def test_locations_filter_and_kinds() -> None:
    text = "locations [0:r1; x int; a[1] uint64_t *; y]\nfilter x=2\nexists (x=2);\nwith tso: ~exists; sc: exists"
    found = final(text)
    assert [str(place) for place in found.locations] == ["0:r1", "[x]", "a[1]", "[y]"]
    assert found.types == ((GlobalRef("x"), "int"), (GlobalRef("a", 1), "uint64_t *"))
    assert found.filter == C
    assert found.kinds == (("tso", Quantifier.NOT_EXISTS), ("sc", Quantifier.EXISTS))
    assert final("locations []").condition == Condition(Quantifier.FORALL, TRUE)


def test_display_commands_end_the_test() -> None:
    assert final("exists (x=2)\n<<\nshow 0\n>>").condition.prop == C


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exists", "expected a proposition"),
        ("exists (x=2", r"expected `/\`, `\/`, `=>` or `)`"),
        ("exists (x=2))", r"found `)`, expected `/\`, `\/`, `=>` or the end of the file"),
        ("exists (x)", "expected `=` or `!=`"),
        ("exists (x=)", "expected a value"),
        ("exists (x=2 / y=1)", "unexpected character `/`"),
        ("exists (x<2)", "unexpected character `<`"),
        ("exists (0:r1=1) junk", "found `junk`"),
        ("exists (0:r1)", "expected `=` or `!=`"),
        ("exists (0=1)", "expected `:`"),
        ("~ (x=1)", "expected `exists` after `~`"),
        ("exist (x=1)", "expected `exists`, `~exists` or `forall`"),
        ("locations [x y=", "expected `;` or `]`"),
        ("locations x", "expected `[` after `locations`"),
        ("exists (x=1) with tso ~exists", "expected `:` after the model's name"),
        ("exists (x=1) with tso: maybe", "expected `exists`, `~exists` or `forall`"),
        ("exists (a[-1]=1)", "no cell -1"),
        ("exists (a={1,{2}})", "arrays have one dimension"),
        ('exists (0:r1=label:"L0")', "expected a label such as"),
        ("exists (" + "(" * 200 + "x=1" + ")" * 200 + ")", "nests more than 100 levels"),
        ("exists (" + "~" * 200 + "x=1)", "nests more than 100 levels"),
        ("exists (" + "x=1 => " * 200 + "x=1)", "nests more than 100 levels"),
    ],
)
def test_malformed_conditions_are_refused(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        final(text)
    assert expected in caught.value.message
    assert caught.value.span is not None


@pytest.mark.parametrize("text", ["observed 0:r1=1;", "exists (fault(P0,x))", "locations [fault(P0,x);]"])
def test_unsupported_finals(text: str) -> None:
    with pytest.raises(Unsupported):
        final(text)


def test_the_end_is_reported_behind_the_last_word() -> None:
    with pytest.raises(InputError) as caught:
        final("exists (x=1\n\n")
    assert caught.value.span is not None
    assert caught.value.span.where() == "t.litmus:1:12"


# --- printing ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arch", "text", "shown"),
    [
        ("X86", r"0:r1=0x10 /\ x=1", r"0:r1=16 /\ [x]=1"),
        ("X86", "x=0xffffffff", "[x]=-1"),
        ("AArch64", "x=0xffffffff", "[x]=4294967295"),
        ("AArch64", "x=0xffffffffffffffff", "[x]=-1"),
        ("C", "x!=1", "not ([x]=1)"),
        ("C", r"(x=1 /\ y=1) \/ z=1", r"[x]=1 /\ [y]=1 \/ [z]=1"),
        ("C", r"(x=1 \/ y=1) /\ z=1", r"([x]=1 \/ [y]=1) /\ [z]=1"),
        ("C", r"x=1 => y=1 /\ z=1", r"([x]=1 => [y]=1) /\ [z]=1"),
        ("C", r"x=1 => (y=1 /\ z=1)", r"[x]=1 => ([y]=1 /\ [z]=1)"),
        ("C", r"~(x=1 \/ false)", r"not ([x]=1 \/ false)"),
        ("C", r"a={1,2} /\ a[1]=2 /\ 0:p=a[1]", r"a={1,2} /\ a[1]=2 /\ 0:p=a+1"),
        ("C", "x=[y]", "[x]=[y]"),
        ("AArch64", "0:X0=P1:L0", "0:X0=1:L0"),
    ],
)
def test_printed_as_herd_prints(arch: str, text: str, shown: str) -> None:
    assert show_prop(arch, prop(text)) == shown


def test_printed_condition() -> None:
    assert show_condition("C", Quantifier.NOT_EXISTS, C) == "~exists ([x]=2)"


_NAMES = st.sampled_from(["x", "y", "foo_1"])
_PLACES = st.one_of(
    st.builds(RegisterRef, st.integers(0, 5), st.sampled_from(["r1", "X2", "EAX"])),
    st.builds(GlobalRef, _NAMES, st.one_of(st.none(), st.integers(0, 3))),
)
_LITERALS = st.integers(-(2**31), 2**31 - 1).map(lambda n: Literal(n, str(n)))
_ATOMS = st.builds(Atom, _PLACES, st.just(True), st.one_of(_LITERALS, _NAMES.map(Symbol)))


def _grow(inner: st.SearchStrategy[Prop]) -> st.SearchStrategy[Prop]:
    several = st.lists(inner, min_size=2, max_size=3)
    joined = st.one_of(several.map(conjunction), several.map(disjunction))
    implied = st.builds(Implies, inner.filter(lambda p: not isinstance(p, Implies)), inner)
    return st.one_of(joined, implied, st.builds(Not, inner))


_PROPS = st.recursive(st.one_of(_ATOMS, st.sampled_from([TRUE, FALSE])), _grow, max_leaves=12)


@given(_PROPS, st.sampled_from(list(Quantifier)))
def test_what_is_printed_reads_back_the_same(wanted: Prop, quantifier: Quantifier) -> None:
    found = final(show_condition("AArch64", quantifier, wanted)).condition
    assert found.quantifier is quantifier
    assert show_prop("AArch64", found.prop) == show_prop("AArch64", wanted)
    assert found.prop == wanted
