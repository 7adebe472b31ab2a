"""From statements to the graph: names, kinds, functions, recursion, choices, and what cannot be compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.cat.compile import UnknownName
from membar_check.cat.dag import CannotCompile, OrderChoice, PickChoice
from membar_check.diagnostics import InputError
from support.inline import check, compiled, counts, interpret, judge_compiled, kernel, loaded, structure_of, summary

SB = kernel("", ["WRITE_ONCE(*x, 1); int r0 = READ_ONCE(*y);", "WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x);"],
            "exists (0:r0=0 /\\ 1:r0=0)")  # fmt: skip
CO = "let fr = rf^-1; co\n"


def shape(expression: str, prefix: str = "", first: str = "") -> str:
    """The graph of an expression."""
    return repr(compiled(f"{prefix}\nempty {expression}", first=first).checks[-1].node)


def same(left: str, right: str, prefix: str = "") -> bool:
    model = compiled(f"{prefix}\nempty {left}\nempty {right}", first="")
    return model.checks[0].node is model.checks[1].node


def refused(text: str, dialect: str = "X86", bell: str = "") -> InputError:
    with pytest.raises(InputError) as caught:
        compiled(text, dialect, first="", bell=bell)
    assert caught.value.span is not None
    return caught.value


def sb_states(text: str) -> int:
    """How many executions of SB a model lets through; the reference interpreter must agree."""
    structure = structure_of(SB, "sc")
    tally = judge_compiled(compiled(CO + text, "C"), structure)
    assert summary(tally) == summary(interpret(loaded(CO + text), structure))
    return tally.positive + tally.negative


# --- names -----------------------------------------------------------------------------------------------------------
def test_unknown_names() -> None:
    error = refused("let program-order = po\nacyclic programorder | rf")
    assert isinstance(error, UnknownName)
    assert (error.message, error.hint) == ("unknown name 'programorder'", "did you mean 'program-order'?")
    assert error.span is not None
    assert (error.span.line, error.span.column, error.span.text) == (2, 9, "programorder")
    assert "^^^^^^^^^^^^" in error.render()
    assert "before they are used" in refused("empty qqqqqqq").hint
    assert refused("empty later let later = po").message == "unknown name 'later'"


@pytest.mark.parametrize(
    ("name", "dialects"),
    [
        ("MFENCE", {"X86", "X86_64"}),
        ("ISB", {"AArch64"}),
        ("DMB.ISHLD", {"AArch64"}),
        ("SYNC", {"PPC"}),
        ("Fence.rw.w", {"RISCV"}),
        ("LKW", {"C", "X86", "X86_64", "AArch64", "RISCV", "PPC"}),
        ("M", {"C", "X86", "X86_64", "AArch64", "RISCV", "PPC"}),
        ("LKR", {"C"}),
        ("PTEV", {"AArch64"}),
    ],
)
def test_names_of_dialects(name: str, dialects: set[str]) -> None:
    for dialect in ("C", "X86", "X86_64", "AArch64", "RISCV", "PPC"):
        if dialect in dialects:
            compiled(f"empty {name}", dialect, first="")
        else:
            assert refused(f"empty {name}", dialect).message == f"unknown name '{name}'"


def test_tags_of_a_bell_file_are_sets() -> None:
    bell = "enum Accesses = 'once || 'rcu-lock instructions R[Accesses]"
    model = compiled("empty Once & Rcu-lock\nempty tag2events('once)", "C", False, bell)
    first, second = (k.node for k in model.checks)
    assert repr(first) == "and(prim:Once, prim:Rcu-lock)" or repr(first) == "and(prim:Rcu-lock, prim:Once)"
    assert repr(second) == "prim:Once"
    assert "no tag 'no-such'" in refused("empty tag2events('no-such)").message
    assert refused("empty Once", "C").message == "unknown name 'Once'"
    assert "wants a tag" in refused("empty tag2events(R)").message


def test_own_definitions_hide_predefined_ones() -> None:
    assert same("po", "rf", "let po = rf")
    assert same("let po = rf in po", "rf")


def test_try() -> None:
    assert same("try nowhere with po", "po")
    assert same("try rf with po", "rf")
    assert same("try (po | nowhere) with rf", "rf")
    assert same("try (try nowhere with nowhere-else) with rf", "rf")
    assert same("try fail() with rf", "rf")
    assert refused("empty try nowhere with nowhere-else").message == "unknown name 'nowhere-else'"
    assert "wants two sets or two relations" in refused("empty try (R | po) with rf").message


# --- kinds -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "message", "where"),
    [
        ("R | po", "'|' wants two sets or two relations, found one of each", "R | po"),
        ("R & po", "'&' wants two sets or two relations, found one of each", "R & po"),
        ("po \\ W", "'\\' wants two sets or two relations, found one of each", "po \\ W"),
        ("R ; po", "';' wants two relations, found an event set", "R"),
        ("po ; W", "';' wants two relations, found an event set", "W"),
        ("po * W", "'*' wants two event sets, found a relation", "po"),
        ("W * po", "'*' wants two event sets, found a relation", "po"),
        ("R+", "'+' wants a relation, found an event set", "R+"),
        ("R^-1", "'^-1' wants a relation, found an event set", "R^-1"),
        ("R?", "'?' wants a relation, found an event set", "R?"),
        ("[po]", "'[...]' wants an event set, found a relation", "[po]"),
        ("domain R", "'domain' wants a relation, found an event set", "domain R"),
        ("range W", "'range' wants a relation, found an event set", "range W"),
        ("different-values W", "'different-values' wants a relation, found an event set", "different-values W"),
        ("fromto po", "'fromto' wants an event set, found a relation", "fromto po"),
        ("classes-loc po", "'classes-loc' wants an event set, found a relation", "classes-loc po"),
        ("po rf", "expected a function, found a relation", "po rf"),
        ("(po, rf)", "expected a set or a relation, found a tuple", "po, rf"),
        ("domain | po", "expected a set or a relation, found a function", "domain"),
        ("'a", "expected a set or a relation, found a tag", "'a"),
        ("match po with || 'a -> po end", "'match' on tags wants a tag, found a relation", "po"),
    ],
)
def test_wrong_kinds(expression: str, message: str, where: str) -> None:
    error = refused(f"empty {expression}")
    assert error.message == message
    assert error.span is not None and error.span.text.strip("()") == where


@pytest.mark.parametrize("test", ["acyclic", "irreflexive"])
def test_checks_of_relations_refuse_sets(test: str) -> None:
    assert refused(f"{test} R").message == f"'{test}' wants a relation, found an event set"
    compiled(f"{test} emptyset\nempty R & W", first="")


# --- expressions -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("[R];po;[W]", "po & (R * W)"),
        ("[R];([R];po)", "[R];po"),
        ("(po;rf);[W]", "po;(rf;[W])"),
        ("po | 0", "po"),
        ("po | po", "po"),
        ("0;po", "0"),
        ("po & 0", "0"),
        ("po \\ 0", "po"),
        ("po \\ po", "0"),
        ("po & (rf & po)", "rf & po"),
        ("rf | po", "po | rf"),
        ("po?;rf", "rf | po;rf"),
        ("po;rf?", "po | po;rf"),
        ("po*", "po+?"),
        ("(po+)+", "po+"),
        ("(po?)+", "po*"),
        ("(rf^-1)^-1", "rf"),
        ("loc^-1", "loc"),
        ("(R * W)^-1", "W * R"),
        ("[R]^-1", "[R]"),
        ("~(~po)", "(_ * _) \\ ((_ * _) \\ po)"),
        ("~R", "_ \\ R"),
        ("po & ~rf", "po \\ rf"),
        ("po & (R * W | W * R)", "[R];po;[W] | [W];po;[R]"),
        ("R * 0", "0"),
        ("_ & R", "R"),
        ("domain [R]", "R"),
        ("range [R]", "R"),
        ("fencerel(MFENCE)", "po;[MFENCE];po"),
        ("singlestep po", "po \\ (po;po)"),
        ("id", "[_]"),
        ("po; id", "po"),
    ],
)
def test_equal_terms_are_one_node(left: str, right: str) -> None:
    assert same(left, right)


def test_static_nodes_depend_on_no_choice() -> None:
    model = compiled("empty po;loc\nempty rf\nempty po;rf\nempty FW\nempty co\nempty co0")
    assert [k.node.static for k in model.checks] == [True, False, False, False, False, False]


# --- functions -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("prefix", "left", "right"),
    [
        ("let f x = x;po", "f rf", "rf;po"),
        ("let f(x) = x;po", "f(rf)", "rf;po"),
        ("let f(x,y) = x;y", "f(rf,po)", "rf;po"),
        ("let f x y = x;y", "f rf po", "rf;po"),
        ("let f x = fun y -> x;y let g = f rf", "g po", "rf;po"),
        ("let f = fun (x,y) -> x;y", "f(rf,po)", "rf;po"),
        ("let f x = x;po let g = f rf let f y = 0", "g", "rf;po"),
        ("let x = rf let f y = x;y let x = po", "f x", "rf;po"),
        ("let twice f x = f (f x) let g x = x;po", "twice g rf", "(rf;po);po"),
        ("let (a,b) = (po,rf)", "a;b", "po;rf"),
        ("let f(x,y) = x;y let p = (rf,po)", "f p", "rf;po"),
        ("let a = po and b = rf", "a;b", "po;rf"),
        ("let a = rf let b = a and a = po", "b", "rf"),
        ("let const() = po", "const()", "po"),
        ("", "let a = po in let b = rf in a;b", "po;rf"),
        ("", "let f x = x;x in f po", "po;po"),
        ("", "if \"no-such-variant\" then po else rf", "rf"),
        ("", "if not \"no-such-variant\" && \"cos-opt\" then po else rf", "po"),
        ("", "if \"no-such-variant\" || \"COS-OPT\" then po else rf", "po"),
    ],
)
def test_functions_are_expanded(prefix: str, left: str, right: str) -> None:
    assert same(left, right, prefix)


def test_wrong_numbers_of_arguments() -> None:
    assert refused("let f(x,y) = x;y empty f(po)").message == "the function takes 2 arguments, found 1"
    assert refused("let f(x,y) = x;y empty f(po,rf,po)").message == "the function takes 2 arguments, found 3"
    assert refused("let (a,b) = po empty a").message == "the pattern has 2 names, the value is a relation"
    assert refused("let (a,b) = (po,po,po) empty a").message == "the pattern has 2 names, the value is a tuple"


@pytest.mark.parametrize(
    ("prefix", "left", "right"),
    [
        ("enum E = 'a || 'b", "match 'a with || 'a -> po || 'b -> rf end", "po"),
        ("enum E = 'a || 'b", "match 'b with || 'a -> po || 'b -> rf end", "rf"),
        ("enum E = 'a || 'b", "match 'b with || 'a -> po || _ -> rf end", "rf"),
        ("enum E = 'a || 'b let f t = match t with || 'a -> po || 'b -> rf end", "f 'b;f 'a", "rf;po"),
        ("enum E = 'a || 'b", "if 'a = 'b then po else rf", "rf"),
        ("enum E = 'a || 'b", "if 'a = 'a then po else rf", "po"),
        ("", "match {} with || {} -> po || x ++ xs -> rf end", "po"),
        ("", "match {po,rf} with || {} -> 0 || x ++ xs -> x end", "po"),
        ("let rec join s = match s with || {} -> 0 || x ++ xs -> x | join xs end", "join {po,rf,loc}", "po | rf | loc"),
        ("let rec join s = match s with || {} -> 0 || x ++ xs -> x | join xs end", "join (po ++ {rf})", "po | rf"),
        ("let rec join s = match s with || {} -> 0 || x ++ xs -> x | join xs end", "join ({po} | {rf,po})", "po | rf"),
        ("let rec join s = match s with || {} -> 0 || x ++ xs -> x | join xs end",
         "join (map (fun r -> r;po) {rf,loc})", "rf;po | loc;po"),
    ],
)  # fmt: skip
def test_matches_on_what_is_known(prefix: str, left: str, right: str) -> None:
    assert same(left, right, prefix)


def test_matches_without_a_case() -> None:
    assert refused("enum E = 'a || 'b empty match 'b with || 'a -> po end").message == "no case for the tag 'b"
    error = refused("enum E = 'a || 'b match 'b with 'a -> empty po end")
    assert error.message == "no case for the tag 'b"


# --- recursion -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["x;x", "x;(po & loc)", "(po & loc);x"])
def test_the_closure_pattern(step: str) -> None:
    assert same("let rec x = (po & loc) | STEP in x".replace("STEP", step), "(po & loc)+")


def test_other_recursion_is_a_group() -> None:
    model = compiled("let rec x = rf | y;po and y = x;rf\nempty x\nempty y", first="")
    assert [k.node.op for k in model.checks] == ["fix", "fix"]
    assert len(model.graph.groups) == 1
    assert not model.checks[0].node.static
    assert compiled("let rec x = po | x;po;loc\nempty x", first="").checks[0].node.static


def test_recursion_over_sets_finds_its_kinds() -> None:
    model = compiled("let rec S = W | range([S];po)\nand r = [S];po | r;[T] and T = S & R\nempty S\nempty r\nempty T")
    assert [k.node.kind for k in model.checks] == ["S", "R", "S"]
    model = compiled("let rec S = W | range([S];po)\nempty S", first="")
    assert model.checks[0].node.kind == "S"
    assert "wants" in refused("let rec S = [S] | S").message
    error = refused("let rec x = domain(y) and y = x")
    assert "relation" in error.message


@pytest.mark.parametrize(
    ("text", "executions"),
    [
        ("acyclic po | rf | co | fr", 3),
        ("let rec x = (po | rf | co | fr) | x;x\nirreflexive x", 3),
        ("let rec x = po | rf | y and y = co | fr | x;y | y;x | x;x\nirreflexive x", 3),
        ("let rec S = IW | range([S];(po | rf | co))\nempty W \\ S", 4),
        ("let rec S = IW | range([S];rf)\nlet r = [S & R];po\nempty r;fr", 4),
        ("let rec S = range(rfe) | range([S];rf)\nempty [S];po;[W]", 4),
        ("let rec a = po | (let rec b = rf | a;b;fr | b;b in b)\nirreflexive a;fr", 4),
        ("let rec x = po | (let rec y = x;x | y;fr;y | rf in y)\nirreflexive x;fr", 4),
        ("let rec x = rf | po; x\nlet rec z = x | z;fr;z\nirreflexive z;fr", 4),
        ("let rec open = R \\ domain(p) and p = p | [open];po\nempty p", 4),
    ],
)
def test_recursion_gives_what_the_interpreter_gives(text: str, executions: int) -> None:
    assert sb_states(text) == executions


SECTIONS = """
    rcu_read_lock(); rcu_read_lock(); int r0 = READ_ONCE(*x); rcu_read_unlock();
    rcu_read_lock(); int r1 = READ_ONCE(*y); rcu_read_unlock(); rcu_read_unlock();"""
BRACKETS = """
let rec open = Rcu-lock \\ domain(pairs)
    and closing = Rcu-unlock \\ range(pairs)
    and either = open | closing
    and steps = [either]; po; [either]
    and neighbours = [open]; po; [closing]
    and pairs = pairs | (neighbours \\ (steps; steps))
"""


def test_recursion_that_is_not_monotone_pairs_nested_sections() -> None:
    """Each body must see what the bodies before it have become, else the outer lock takes the inner unlock."""
    structure = structure_of(kernel("", [SECTIONS], "forall (true)"))
    bell = "enum T = 'rcu-lock || 'rcu-unlock"
    checks = """
    flag ~empty (pairs; pairs^-1) \\ id as two-unlocks
    flag ~empty (pairs^-1; pairs) \\ id as two-locks
    flag ~empty Rcu-lock \\ domain(pairs) as open-lock
    flag ~empty (po; pairs; po) & pairs as nested
    """
    model = compiled(BRACKETS + checks, "C", bell=bell)
    assert judge_compiled(model, structure).flags == {"nested"}
    assert interpret(loaded(bell + BRACKETS + checks), structure).flags == {"nested"}


@pytest.mark.parametrize("body", ["po \\ x", "po \\ (x;x | x)", "po & loc | (po \\ x)"])
def test_recursion_without_end_is_an_error(body: str) -> None:
    structure = structure_of(SB, "sc")
    model = compiled(f"let rec x = {body}\nempty x & id", "C")
    with pytest.raises(InputError, match="no end") as caught:
        judge_compiled(model, structure)
    assert caught.value.span is not None and caught.value.span.text.startswith("x = po")


# --- procedures and loops --------------------------------------------------------------------------------------------
def test_procedures() -> None:
    text = "let a = rf procedure p(x,y) = let a = po empty (x;y);a as inner end call p(rf,loc) call p(po,po) as outer"
    model = compiled(text + " empty a", first="")
    assert [(repr(k.node), k.name) for k in model.checks[:2]] == [
        (shape("(rf;loc);po"), "inner"), (shape("(po;po);po"), "outer")
    ]  # fmt: skip
    assert repr(model.checks[2].node) == "prim:rf"
    assert refused("procedure p(x,y) = empty x end call p(po)").message == "'p' takes 2 arguments, found 1"
    assert refused("call nobody(po)").message == "'call' wants a procedure named 'nobody', found nothing"
    assert refused("let p = po call p(po)").message == "'call' wants a procedure named 'p', found a relation"
    assert refused("procedure p(x) = empty x end empty p").message.endswith("found a procedure")


def test_checks_keep_their_form() -> None:
    text = "flag ~empty po as f\nundefined_unless acyclic rf as u\nassert irreflexive po\n~empty rf"
    model = compiled(text, first="")
    assert [(k.prefix, k.negated, k.test, k.name) for k in model.checks] == [
        ("flag", True, "empty", "f"),
        ("undefined_unless", False, "acyclic", "u"),
        ("assert", False, "irreflexive", ""),
        ("", True, "empty", ""),
    ]
    assert [k.span.line for k in model.checks] == [1, 2, 3, 4]


def test_forall_over_what_is_known() -> None:
    model = compiled("forall x in {po,rf} do acyclic x end forall x in {} do empty x end", first="")
    assert [repr(k.node) for k in model.checks] == ["prim:po", "prim:rf"]
    text = "enum E = 'a || 'b forall t in E do match t with 'a -> empty po || _ -> empty rf end end"
    model = compiled(text, first="")
    assert [repr(k.node) for k in model.checks] == ["prim:po", "prim:rf"]


def test_branches_on_variants() -> None:
    text = 'if "cos-opt" empty po else empty rf end if not "cos-opt" empty loc end'
    assert [repr(k.node) for k in compiled(text, first="").checks] == ["prim:po"]


def test_whether_a_relation_is_empty_depends_on_the_test() -> None:
    with pytest.raises(CannotCompile):
        compiled("let x = if {} = rmw then po else 0 empty x", first="")
    text = "let x = if {} subset rmw then po else 0 let y = if 0 = emptyset then rf else 0 empty x;y"
    model = compiled(text, first="")
    assert repr(model.checks[0].node) == shape("po;rf")


def test_what_is_shown_is_kept_by_name() -> None:
    model = compiled("let hb = po | rf\nshow hb, po;rf as chain, nowhere\nshow R as reads\nunshow po", first="")
    assert [(name, node.kind) for name, node in model.shows] == [("hb", "R"), ("chain", "R")]
    assert model.named["hb"] is model.shows[0][1]


# --- choices ---------------------------------------------------------------------------------------------------------
def test_orders_are_one_choice() -> None:
    model = compiled("")
    (choice,) = model.choices
    assert isinstance(choice, OrderChoice)
    assert choice is model.order
    assert repr(choice.members) == "prim:W"


def test_with_over_one_value_is_a_definition() -> None:
    model = compiled("with x from {po;rf} empty x", first="")
    assert model.choices == () and repr(model.checks[0].node) == shape("po;rf")


def test_with_over_nothing() -> None:
    assert "no execution would be left" in refused("with x from {} empty x").message


def test_picks() -> None:
    text = "with p from cross(map (fun r -> map (fun w -> w ++ 0) ((W * (r ++ 0)) & loc)) R)\nempty p"
    model = compiled(text)
    _, choice = model.choices
    assert isinstance(choice, PickChoice)
    assert repr(choice.targets) == "prim:R"


@pytest.mark.parametrize(
    "text",
    [
        "let rec count s = match s with || {} -> 0 || x ++ xs -> po | count xs end empty count R",
        "with x from {po,rf} acyclic x",
        "with x from linearisations(W, 0) empty x",
        "forall x in classes-loc(W) do empty x * x & rf end",
        "let classes = classes-loc W empty classes & W",
        "forall r in {po,rf} \\ {rf} do empty r end",
        "empty if R = W then po else rf",
        "empty {po,rf}",
        "with p from cross(map (fun w -> map (fun q -> q ++ 0) (co & (W * (w ++ 0)))) W) empty p",
    ],
)
def test_what_depends_on_the_test_goes_to_the_interpreter(text: str) -> None:
    with pytest.raises(CannotCompile) as caught:
        compiled(text)
    assert caught.value.message


@pytest.mark.parametrize("members", ["W & (IW | domain rf)", "W \\ IW", "IW", "_"])
def test_orders_of_other_events_than_all_writes_go_to_the_interpreter(members: str) -> None:
    with pytest.raises(CannotCompile, match="some of the writes"):
        compiled(f"with co from generate_orders({members}, co0)", first="", bell=CROSS)


@pytest.mark.parametrize("base", ["0", "po & loc & (W * W)", "(W * FW) & loc"])
def test_orders_in_which_the_initial_write_need_not_be_first_go_to_the_interpreter(base: str) -> None:
    with pytest.raises(CannotCompile, match="initial write"):
        compiled(f"with co from generate_orders(W, {base})", first="", bell=CROSS)


def test_orders_of_more_than_the_writes() -> None:
    model = compiled("with co from generate_orders(W | RMW, co0 | po & loc)", "C", False, CROSS)
    assert model.order is not None
    assert repr(model.order.members) in ("or(prim:W, prim:RMW)", "or(prim:RMW, prim:W)")


CROSS = """
let cross family =
  let rec pick(unions, chosen, rest) = match rest with
  || {} -> chosen ++ unions
  || choice ++ others ->
      let rec each(unions, members) = match members with
      || {} -> unions
      || one ++ more -> each(pick(unions, one | chosen, others), more)
      end
      in each(unions, choice)
  end
  in pick({}, 0, family)
let co_locs(known, parts) =
  let rec each parts = match parts with
  || {} -> {}
  || part ++ others -> linearisations(part, known) ++ each others
  end
  in each parts
let generate_orders(S, known) = cross(co_locs(known, partition(S)))
"""


# --- with the reference interpreter ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let rec some s = match s with || {} -> 0 || x ++ xs -> [{x}] | some xs end\n"
         "let fr = rf^-1;co\nacyclic (some M);po | rf | co | fr", (3, 0, 3)),
        ("let rec count s = match s with || {} -> 0 || x ++ xs -> fr | count xs end\nlet fr = rf^-1;co\n"
         "acyclic po | rf | co | fr", (3, 0, 3)),
        ("let fr = rf^-1;co\nforall x in {po | rf, rf} \\ {rf} do acyclic x | co | fr end", (3, 0, 3)),
        ("let fr = rf^-1;co\nwith x from {po, rf}\nacyclic x | fr", (4, 1, 6)),
    ],
    ids=["match", "match-in-function", "difference-of-sets", "with"],
)  # fmt: skip
def test_models_for_the_interpreter_are_run_there(text: str, expected: tuple[int, int, int], tmp_path: Path) -> None:
    path = tmp_path / "m.cat"
    path.write_text(f'"a model"\ninclude "cos.cat"\n{text}\n', encoding="utf-8")
    verdict = check(SB, str(path))
    assert (verdict.engine == "masks") == ("count" in text)
    assert counts(verdict) == expected


def test_an_unknown_name_in_a_model_file_is_the_users_error(tmp_path: Path) -> None:
    (path := tmp_path / "m.cat").write_text('"a model"\nacyclic po | rff\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        check(SB, str(path))
    rendered = caught.value.render()
    assert rendered.splitlines()[0].endswith("m.cat:2:14: unknown name 'rff'") and "did you mean 'rf'" in rendered
