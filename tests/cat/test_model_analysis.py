"""What is known of a model before any test is seen: coherence, atomicity, monotony, library functions, features."""

from __future__ import annotations

import pickle
import re

import pytest

from membar_check.cat import known
from membar_check.cat import syntax as s
from membar_check.cat.coherence import covers
from membar_check.cat.dag import CompiledModel, Node
from membar_check.cat.monotone import Monotone
from membar_check.cat.parser import parse_cat
from membar_check.cat.specialise import ALWAYS, specialise
from membar_check.diagnostics import Source
from membar_check.engine.models import DEFAULT_MODELS, DEFAULT_VARIANTS, ModelRequest, get_model
from membar_check.resources import model_names, models_dir
from support.inline import compiled, statements

APPLY = [("sc", dialect) for dialect in DEFAULT_MODELS] + [(name, dialect) for dialect, name in DEFAULT_MODELS.items()]
APPLY += [("cos", dialect) for dialect in DEFAULT_MODELS]
APPLY += [("lkmm-membarrier", "C")] + [(name, "C") for name in ("aarch64", "x86-tso", "riscv")]  # C tests on hardware
FR = "let fr = rf^-1; co\n"


# --- the bundled models ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "dialect"), APPLY)
def test_bundled_models_compile(name: str, dialect: str) -> None:
    model = get_model(ModelRequest(name, None, None, (), DEFAULT_VARIANTS, dialect))
    assert model.compiled is not None, model.why
    if name != "cos":
        assert model.compiled.coherent
        assert model.compiled.atomic == (name != "aarch64")  # Armv8 lets writes of the own thread come in between
        assert model.compiled.order is not None


def test_every_bundled_model_is_among_them() -> None:
    assert set(model_names()) <= {name for name, _ in APPLY}


def test_without_a_check_nothing_is_implied() -> None:
    model = get_model(ModelRequest("cos", None, None, (), DEFAULT_VARIANTS, "X86"))
    assert model.compiled is not None
    assert not model.compiled.coherent and not model.compiled.atomic


# --- library functions -----------------------------------------------------------------------------------------------
def binding(file: str, name: str) -> s.Binding:
    parsed = parse_cat(Source(file, (models_dir() / file).read_text(encoding="utf-8")))
    (found,) = (b for st in parsed.statements if isinstance(st, s.Let) for b in st.bindings if b.name == name)
    return found


@pytest.mark.parametrize(
    ("file", "name"), [("stdlib.cat", "map"), ("cross.cat", "cross"), ("cross.cat", "co_locs")]
)
def test_own_library_functions_are_recognised(file: str, name: str) -> None:
    assert known.KNOWN.get(known.shape(binding(file, name))) == name


def test_every_role_is_known_in_two_shapes() -> None:
    assert sorted(known.KNOWN.values()) == ["co_locs", "co_locs", "cross", "cross", "map", "map"]


def let(text: str) -> s.Binding:
    (statement,) = statements(text)
    assert isinstance(statement, s.Let)
    return statement.bindings[0]


def test_shapes_do_not_depend_on_names_and_layout() -> None:
    one = known.shape(let("let f x = let rec g y = x | g y in g"))
    assert known.shape(let("let f a = (* twice *)\n let rec h b = a | h b\n in h")) == one
    assert known.shape(let("let f x = let rec g y = y | g y in g")) != one
    assert known.shape(let("let f x = let rec g y = x & g y in g")) != one
    assert known.shape(let("let f x = let g y = x | g y in g")) != one


def test_another_function_of_the_same_name_is_not_taken_for_the_library_one() -> None:
    text = "let map f = let rec each xs = match xs with || {} -> {} || x ++ others -> each others end in each\n"
    model = compiled(text + "forall r in map (fun r -> r;po) {po,rf} do empty r end", first="")
    assert model.checks == ()
    model = compiled("forall r in map (fun r -> r;po) {po,rf} do empty r end", first="")
    assert len(model.checks) == 2


# --- coherence and atomicity -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "coherent"),
    [
        ("acyclic po-loc | rf | co | fr", True),
        ("acyclic po | rf | co | fr", True),
        ("acyclic (po-loc | rf | co | fr)+", True),
        ("acyclic po-loc | rfe | rfi | co | fr", True),
        ("acyclic po-loc | rf | (co & int) | (co & ext) | fri | fre", True),
        ("let com = rf | co | fr acyclic po-loc | com", True),
        ("let fr = fr \\ id acyclic po-loc | rf | co | fr", True),
        ("acyclic po-loc | rf | co", False),
        ("acyclic po-loc | rf | fr", False),
        ("acyclic po-loc | co | fr", False),
        ("acyclic rf | co | fr", False),
        ("acyclic po-loc | rfe | co | fr", False),
        ("acyclic po-loc | rfe | rfi & po | co | fr", False),
        ("acyclic (po-loc & W * W) | rf | co | fr", False),
        ("irreflexive po-loc | rf | co | fr", False),
        ("flag acyclic po-loc | rf | co | fr as f", False),
        ("undefined_unless acyclic po-loc | rf | co | fr as f", False),
        ("~acyclic po-loc | rf | co | fr", False),
        ("acyclic (po-loc | rf | co | fr) & ext", False),
        ("acyclic (po-loc | rf | co | fr) \\ (rf & int)", False),
        ("acyclic po-loc; (rf | co | fr)", False),
        ("empty po-loc | rf | co | fr", False),
    ],
)
def test_coherence_is_seen(text: str, coherent: bool) -> None:
    assert compiled(FR + text).coherent == coherent


def test_coherence_is_seen_in_the_order_that_it_extends() -> None:
    """All four ways in which program order and what is read order writes have to be given."""
    given = [
        "([W]; po-loc; [W])",
        "(rf; ([R]; po-loc; [W]))",
        "((([W]; po-loc; [R]); rf^-1) \\ id)",
        "(((rf; ([R]; po-loc; [R])); rf^-1) \\ id)",
    ]

    def coherent(parts: list[str]) -> bool:
        base = " | ".join(["co0", *parts])
        return compiled(f"with co from generate_orders(W, {base})", first="cross.cat").coherent

    assert coherent(given)
    for part in given:
        assert not coherent([p for p in given if p != part])


@pytest.mark.parametrize(
    ("text", "atomic"),
    [
        ("empty rmw & (fre; coe)", True),
        ("let fre = fr & ext let coe = co & ext empty rmw & (fre; coe) as atomic", True),
        ("empty (fre; coe) & rmw", True),
        ("empty rmw & (fr; co)", True),
        ("empty (rmw | po) & (fre; coe)", True),
        ("empty (fre; coe) & amo", False),
        ("empty lxsx & (fre; coe)", False),
        ("empty rmw & (fri; coi)", False),
        ("empty rmw & (fre; coi)", False),
        ("empty rmw & (fre; coe) & loc", False),
        ("irreflexive rmw; (fre; coe)^-1", False),
        ("flag ~empty rmw & (fre; coe) as torn", False),
        ("empty rmw \\ (fre; coe)", False),
    ],
)
def test_atomicity_is_seen(text: str, atomic: bool) -> None:
    assert compiled("let fr = rf^-1; co let fre = fr & ext\n" + text).atomic == atomic


def test_what_is_covered_without_identity_is_without_identity_itself() -> None:
    g = compiled("", first="").graph
    po, rf, co = g.prim("po", "R"), g.prim("rf", "R"), g.prim("co", "R")
    apart = g.minus(g.union([g.id, po, g.seq(g.inverse(rf), co)]), g.id)
    assert covers(g, apart, g.seq(g.inverse(rf), co))
    assert not covers(g, apart, g.id)


# --- monotony --------------------------------------------------------------------------------------------------------
def grows(expression: str) -> bool:
    model = compiled(f"{FR}empty {expression}")
    return Monotone(model).monotone(model.checks[-1].node)


@pytest.mark.parametrize(
    "expression",
    [
        "po | rf | co | fr",
        "(po; rf; fr)+",
        "fr \\ po",
        "(rf; fr) \\ (po; po)",
        "fr \\ (rf; rf^-1)",
        "(fr & ext) \\ (co & rf)",
        "([R]; fr) \\ co",
        "(fr; co) \\ (rf^-1; co)",
        "po \\ loc",
        "domain(rf)",
        "let rec x = po | rf; x | x; x; x in x",
        "let rec x = po | (fr \\ po); x | x; x; x in x",
    ],
)
def test_monotone(expression: str) -> None:
    assert grows(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "po \\ rf",
        "po-loc \\ (rf^-1; rf)",
        "((W * W) & loc) \\ (co | co^-1)",
        "po \\ (po; rf)",
        "fr \\ (rf; po)",
        "fr \\ (co & (po; rf; po))",
        "(fr | po-loc) \\ co",
        "(fr; po) \\ co",
        "W \\ range(co)",
        "[W \\ range(rf)]; po",
        "~rf",
        "po & ~fr",
        "po & (_ * FW)",
        "different-values(fr)",
        "let rec x = po | (fr \\ x) | x; x; x in x",
        "let rec x = po | y; x and y = po \\ rf | x; y in x",
        "rf \\ ([domain(rf)]; co)",
    ],
)
def test_not_monotone(expression: str) -> None:
    assert not grows(expression)


def test_checks_that_stay_broken() -> None:
    text = """acyclic rf | fr | po as one flag ~empty fr as two ~empty rf as three
        irreflexive po; fr as four empty po \\ rf as five acyclic po as six"""
    model = compiled(FR + text)
    assert [k.name for k in Monotone(model).checks(model)] == ["one", "four"]


# --- features --------------------------------------------------------------------------------------------------------
def names_in(model: CompiledModel) -> set[str]:
    def walk(n: Node | None) -> None:
        if n is not None and n.id not in seen:
            seen[n.id] = n
            for a in n.args:
                walk(a)

    seen: dict[int, Node] = {}
    for k in model.checks:
        walk(k.node)
    return {n.name for n in seen.values() if n.op == "prim"}


def test_absent_features_vanish() -> None:
    text = """acyclic po | rf | co | fr | [Rcu-lock]; po | data; addr | rmw as order
        flag ~empty Srcu-lock as srcu empty rmw & fr as atomic flag empty Rcu-lock as none assert empty rmw as why
        ~empty data as some undefined_unless empty rmw as u"""
    model = compiled(FR + text, "C", bell="enum T = 'rcu-lock || 'srcu-lock")
    plain = specialise(model, ALWAYS)
    assert names_in(plain) <= ALWAYS
    assert [k.name for k in plain.checks] == ["order", "none", "why", "some"]
    with_data = specialise(model, ALWAYS | {"data", "rmw"})
    assert [k.name for k in with_data.checks] == ["order", "atomic", "none", "why", "some", "u"]
    assert names_in(with_data) == {"po", "rf", "rmw", "data"}
    assert specialise(model, ALWAYS) is plain
    assert (plain.coherent, plain.atomic, plain.name) == (model.coherent, model.atomic, model.name)


def test_recursion_over_what_is_absent_vanishes() -> None:
    text = """let rec x = data | x; po; x let rec S = Rcu-lock | range([S]; po) and T = S & R
        acyclic x | rf as one empty [S | T]; po as two
        let rec y = rf | (let rec z = y | z; addr in z); po acyclic y as three"""
    model = compiled(FR + text, "C", bell="enum T = 'rcu-lock")
    plain = specialise(model, ALWAYS)
    assert [k.name for k in plain.checks] == ["one", "three"]
    assert repr(plain.checks[0].node) == "prim:rf"
    assert plain.checks[1].node.op == "fix"
    everything = specialise(model, ALWAYS | {"data", "Rcu-lock", "addr"})
    assert [k.name for k in everything.checks] == ["one", "two", "three"]


def test_picks_of_what_is_absent_vanish() -> None:
    def picks(features: frozenset[str]) -> int:
        model = get_model(ModelRequest("lkmm", None, None, (), DEFAULT_VARIANTS, "C")).compiled
        assert model is not None
        return len(specialise(model, features).choices) - 1

    assert picks(ALWAYS) == 0
    assert picks(ALWAYS | {"LKR", "LKW", "UL", "LF"}) == 1
    assert picks(ALWAYS | {"LKR", "LKW", "UL", "RU"}) == 1
    assert picks(ALWAYS | {"LKR", "LKW", "UL", "RU", "LF"}) == 2


def test_digests_in_the_table_look_like_digests() -> None:
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in known.KNOWN)


def test_a_model_is_a_plain_value() -> None:
    model = compiled("let hb = po | rf | co\nacyclic hb as ok")
    again: CompiledModel = pickle.loads(pickle.dumps(model))
    assert repr(again.checks[0].node) == repr(model.checks[0].node)
    assert again.coherent == model.coherent and list(again.named) == list(model.named)
