"""The reference interpreter: statements, choices, and whole models on hand-made executions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from membar_check.cat.loader import load_model
from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.concrete import Judgement, judge
from membar_check.resources import models_dir
from support.executions import Execution, judgements, relation, write_read_execution

TWO = Execution(2, relations={"r": {(0, 1)}, "s": {(1, 0)}}, sets={"A": {0}, "B": {1}})


def only(text: str, execution: Execution = TWO, wanted: Sequence[str] = ()) -> Judgement:
    (judgement,) = judgements(text, execution, wanted)
    return judgement


def failed(text: str, execution: Execution = TWO) -> str:
    check = only(text, execution).failed
    return check.name if check else ""


# --- checks ----------------------------------------------------------------------------------------------------------
def test_the_first_failed_check_counts() -> None:
    assert only("acyclic r empty A & B irreflexive r;r").consistent
    assert failed("acyclic r as one acyclic r|s as two empty A as three") == "two"
    assert failed("irreflexive r;s as loop") == "loop"
    assert failed("empty A as full") == "full"
    assert failed("~empty A & B as nothing") == "nothing"
    assert only("~acyclic r|s ~irreflexive r;s ~empty A").consistent


def test_checks_take_every_kind_of_set() -> None:
    assert failed("acyclic _ as all") == "all"
    assert only("empty {} empty 0 acyclic {}").consistent
    assert failed("forall e in {A} do empty e as member end") == "member"
    assert failed("let f(x) = match A with || {} -> 0 || e ++ _ -> e end empty f(0) as event") == "event"
    classes = Execution(2, relations={"r": {(0, 1)}}, locations={0: "x", 1: "y"})
    assert failed("acyclic lift(classes-loc(_), r | r^-1) as classes", classes) == "classes"


def test_flags_and_undefined() -> None:
    judgement = only("flag ~empty r as b flag empty r as a flag ~empty A as c flag ~empty B")
    assert judgement.flags == ("b", "c")
    assert not judgement.undefined
    assert only("undefined_unless empty r as u flag ~empty r as f").undefined
    assert not only("undefined_unless ~empty r").undefined
    before = only("flag ~empty r as f empty r flag ~empty r as g")
    assert before.flags == ("f",)


def test_assertions() -> None:
    assert only("assert ~empty r").consistent
    with pytest.raises(InputError, match="assertion no-r does not hold"):
        only("assert empty r as no-r")


# --- definitions and scope -------------------------------------------------------------------------------------------
def test_later_definitions_hide_earlier_ones() -> None:
    assert relation("let x = r let y = x let x = s", "y") == {(0, 1)}
    assert relation("let r = r | s", "r") == {(0, 1), (1, 0)}
    assert relation("let r = s and s = r", "r") == {(1, 0)}


def test_functions_see_the_scope_of_their_definition() -> None:
    assert relation("let x = r let f(y) = x | y let x = s let z = f(0)", "z") == {(0, 1)}


def test_names_that_are_never_used_need_not_exist() -> None:
    assert only("let unused = nowhere").consistent


def test_unknown_names() -> None:
    with pytest.raises(InputError) as caught:
        only("let writes = A\nempty witres")
    error = caught.value
    assert error.message == "unknown name `witres`"
    assert error.hint == "did you mean `writes`?"
    assert error.span is not None
    assert (error.span.line, error.span.column) == (2, 7)
    with pytest.raises(InputError) as caught:
        only("empty zzzzzz")
    assert "defined before" in caught.value.hint


def test_procedures() -> None:
    text = "let x = r procedure p(a,b) = let x = a empty x & b as disjoint flag ~empty x as seen end"
    judgement = only(text + " call p(r,s) as first empty x \\ r as kept")
    assert judgement.consistent
    assert judgement.flags == ("seen",)
    assert failed(text + " call p(r,r)") == "disjoint"
    with pytest.raises(InputError, match="1 arguments where 2 are wanted"):
        only(text + " call p(r)")
    with pytest.raises(InputError, match="a procedure was expected"):
        only("call r(s)")
    with pytest.raises(InputError, match="a function was expected"):
        only(text + " empty p r")


def test_recursive_procedures_know_themselves() -> None:
    only("procedure rec p x = let q = p end call p(r)")
    with pytest.raises(InputError, match="unknown name `p`"):
        only("procedure p x = empty p end call p(r)")


def test_forall() -> None:
    assert failed("forall x in {r, r|s} do acyclic x as every end") == "every"
    assert only("forall x in {r, s} do acyclic x end").consistent
    assert only("forall x in {} do empty _ end").consistent
    assert only("enum E = 'a || 'b forall t in E do match t with 'a -> empty r || _ -> empty s end end").failed
    assert relation("let x = r forall x in {s} do let y = x end", "x") == {(0, 1)}
    with pytest.raises(InputError, match="a set was expected"):
        only("let f x = x forall x in f do empty x end")


def test_branches_on_variants() -> None:
    on = Execution(2, variants=frozenset({"fast"}))
    text = 'if "FAST" && not ("slow" || "other") empty _ as on else empty _ as off end'
    assert failed(text, on) == "on"
    assert failed(text, TWO) == "off"


def test_matches_on_tags() -> None:
    text = "enum E = 'a || 'b let t = 'b match t with 'a -> empty r as one || 'b -> empty r as two end"
    assert failed(text) == "two"
    with pytest.raises(InputError, match="no case of this match is for the tag 'b"):
        only("enum E = 'a || 'b match 'b with 'a -> empty r end")


def test_drawing_and_bell_declarations_change_nothing() -> None:
    assert only("show nowhere, r as x unshow y debug r enum E = 'a instructions R[E] default R['a]").consistent


# --- choices ---------------------------------------------------------------------------------------------------------
def test_with_runs_the_rest_for_each_member() -> None:
    found = judgements("with x from {r, s, r|s} with y from {r, s} acyclic x | y as ok", TWO, ("x", "y"))
    assert len(found) == 6
    assert sum(judgement.consistent for judgement in found) == 2
    first = next(judgement for judgement in found if judgement.consistent)
    assert first.relations["x"] == {(0, 1)} == first.relations["y"]
    assert set(first.choices) == {"x", "y"}


def test_with_nothing_to_choose_from_ends_the_run() -> None:
    assert judgements("with x from {} empty x") == []


def test_with_needs_a_set_of_values() -> None:
    with pytest.raises(InputError, match="a set of values to choose from was expected here, found: relation"):
        only("with x from r")


def test_choices_inside_procedures_and_loops() -> None:
    text = "procedure p() = with x from {r, s} flag ~empty x & r as got-r end call p() call p()"
    found = judgements(text)
    assert [judgement.flags for judgement in found] == [("got-r",)] * 3 + [()]
    found = judgements("forall x in {r, s} do with y from {r, s} empty x & y end")
    assert sum(judgement.consistent for judgement in found) == 1


# --- recursion -------------------------------------------------------------------------------------------------------
CHAIN = Execution(4, relations={"next": {(0, 1), (1, 2), (2, 3)}}, sets={"Lock": {0, 1}, "Unlock": {2, 3}})


def test_least_fixpoints() -> None:
    closure = {(a, b) for a in range(4) for b in range(4) if a < b}
    assert relation("let rec path = next | path;next", "path", CHAIN) == closure
    assert relation("let rec odd = next | even;next and even = odd;next", "odd", CHAIN) == {
        (0, 1), (1, 2), (2, 3), (0, 3)
    }  # fmt: skip
    assert relation("let rec reach = domain(next) & Lock | range([reach];next) let x = [reach]", "x", CHAIN) == {
        (e, e) for e in range(4)
    }


def test_recursion_that_is_not_monotone_matches_nested_sections() -> None:
    po = Execution(4, relations={"po": {(a, b) for a in range(4) for b in range(4) if a < b}},
                   sets={"Lock": {0, 1}, "Unlock": {2, 3}})  # fmt: skip
    text = """let rec open = Lock \\ domain(pairs)
        and closing = Unlock \\ range(pairs)
        and either = open | closing
        and steps = [either]; po; [either]
        and pairs = pairs | ([open]; po; [closing]) \\ (steps; steps)"""
    assert relation(text, "pairs", po) == {(1, 2), (0, 3)}


def test_recursion_with_a_check() -> None:
    text = "let rec path = next | path;next when irreflexive path as loop"
    assert only(text, CHAIN).consistent
    circle = Execution(2, relations={"next": {(0, 1), (1, 0)}})
    assert failed(text, circle) == "loop"


def test_recursion_through_functions() -> None:
    text = """let rec walk r = match r with || {} -> 0 || p ++ rest -> turn(p, rest) end
        and turn(p, rest) = (p ++ 0)^-1 | walk rest"""
    assert relation(text + " let x = walk next", "x", CHAIN) == {(1, 0), (2, 1), (3, 2)}
    assert relation("let x = let rec f s = s | g and g = next in f(next)", "x", CHAIN) == {(0, 1), (1, 2), (2, 3)}


def test_recursion_that_never_settles_is_an_error() -> None:
    with pytest.raises(InputError, match="no end"):
        only("let rec x = if x = next then next^-1 else next", CHAIN)
    with pytest.raises(InputError, match="cannot be defined by recursion"):
        only("let rec (a,b) = (next, next)", CHAIN)


def test_functions_without_end_are_inconclusive() -> None:
    with pytest.raises(Inconclusive, match="calls itself too many times"):
        only("let rec f x = f(x | x) empty f(r)")
    with pytest.raises(Inconclusive, match="calls itself too many times"):
        only("let rec f x = let y = f x in y | y empty f(r)")


def test_too_many_orders_are_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("membar_check.engine.concrete_primitives._MOST_ORDERS", 23)
    assert len(judgements("with x from linearisations(_, 0)", Execution(3))) == 6
    with pytest.raises(Inconclusive, match="orders"):
        only("with x from linearisations(_, 0)", Execution(4))


# --- whole models ----------------------------------------------------------------------------------------------------
def bundled(name: str) -> Path:
    return models_dir() / f"{name}.cat"


def accepted(name: str, executions: Iterator[Execution]) -> int:
    model = load_model(bundled(name))
    return sum(j.consistent for execution in executions for j in judge(model, None, execution))


SB = (("Wx", "Ry"), ("Wy", "Rx"))
SB_FENCED = (("Wx", "F", "Ry"), ("Wy", "F", "Rx"))
MP = (("Wx", "Wy"), ("Ry", "Rx"))
CORR = (("Wx",), ("Rx", "Rx"))
TWO_WRITES = (("Wx", "Wy"), ("Wy", "Wx"))


@pytest.mark.parametrize(
    ("name", "threads", "executions"),
    [
        ("sc", SB, 3),
        ("x86-tso", SB, 4),
        ("x86-tso", SB_FENCED, 3),
        ("sc", MP, 3),
        ("x86-tso", MP, 3),
        ("sc", CORR, 3),
        ("x86-tso", CORR, 3),
        ("sc", TWO_WRITES, 3),
        ("x86-tso", TWO_WRITES, 3),
    ],
)
def test_bundled_models_on_classic_shapes(name: str, threads: Sequence[Sequence[str]], executions: int) -> None:
    assert accepted(name, write_read_execution(threads)) == executions


def test_coherence_orders_are_total_by_location() -> None:
    (execution,) = write_read_execution((("Wx", "Wx"), ("Wx", "Wy")))
    found = [j for j in judge(load_model(bundled("sc")), None, execution) if j.consistent]
    assert len(found) == 3
    writes = [e for e in execution.universe if execution.location_of(e) == "x"]
    for judgement in found:
        co = judgement.relations["co"]
        assert all(((a, b) in co) != ((b, a) in co) for a, b in product(writes, writes) if a != b)


def test_bell_files_stand_before_the_model(tmp_path: Path) -> None:
    (tmp_path / "m.cat").write_text("flag ~empty Marked as marked flag empty Rcu-lock as no-locks empty x \\ po-loc")
    (tmp_path / "b.bell").write_text("enum A = 'once || 'rcu-lock instructions R[A] let Marked = Once let x = po-loc")
    model, bell = load_model(tmp_path / "m.cat"), load_model(tmp_path / "b.bell")
    (execution,) = write_read_execution((("Wx",),))
    execution.sets["Once"] = {1}
    (judgement,) = judge(model, bell, execution)
    assert judgement.consistent
    assert judgement.flags == ("marked", "no-locks")


def test_a_chosen_branch_with_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "m.cat").write_text('if "gone" include "gone.cat" end')
    model = load_model(tmp_path / "m.cat", prelude=False)
    assert len(list(judge(model, None, TWO))) == 1
    with pytest.raises(InputError, match=r"gone\.cat"):
        list(judge(model, None, Execution(1, variants=frozenset({"gone"}))))
