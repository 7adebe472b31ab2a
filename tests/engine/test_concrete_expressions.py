"""The reference interpreter's expressions: what each form and each primitive function denotes, and its errors."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.concrete_values import Pairs
from support.executions import Execution, judgements, relation

EXECUTION = Execution(
    4,
    relations={
        "r": {(0, 1), (1, 2)},
        "s": {(2, 3)},
        "po": {(0, 1), (0, 2), (1, 2)},
        "e": set(),
        "device": {(0, 3)},
        "Rel": set(),
    },
    sets={"A": {0, 1}, "B": {1, 2}, "F": {1}, "Once": {0, 3}, "N": set()},
    locations={0: "x", 1: "y", 2: "x"},
    values={0: 1, 1: 1, 2: 2},
    variants=frozenset({"on"}),
)
TAGS = "enum E = 'once || 'device || 'other "
ALL = frozenset((a, b) for a in range(4) for b in range(4))
ID = frozenset((a, a) for a in range(4))


def value(text: str, front: str = "") -> Pairs:
    """A relation; a set as the identity on it."""
    return relation(f"{front} let answer = {text}", "answer", EXECUTION)


def error(text: str, front: str = "") -> InputError:
    with pytest.raises(InputError) as caught:
        judgements(f"{front} empty {text}", EXECUTION)
    return caught.value


def events(*members: int) -> Pairs:
    return frozenset((member, member) for member in members)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r | s", {(0, 1), (1, 2), (2, 3)}),
        ("r & po", {(0, 1), (1, 2)}),
        ("po \\ r", {(0, 2)}),
        ("r ; s", {(1, 3)}),
        ("[A] ; r ; [B]", {(0, 1), (1, 2)}),
        ("r+", {(0, 1), (1, 2), (0, 2)}),
        ("r*", {(0, 1), (1, 2), (0, 2)} | ID),
        ("s?", {(2, 3)} | ID),
        ("r^-1", {(1, 0), (2, 1)}),
        ("~r", ALL - {(0, 1), (1, 2)}),
        ("A * B", {(0, 1), (0, 2), (1, 1), (1, 2)}),
        ("[A & B]", events(1)),
        ("[~A]", events(2, 3)),
        ("[A | {}]", events(0, 1)),
        ("0", frozenset()),
        ("r | 0", {(0, 1), (1, 2)}),
        ("r | {}", {(0, 1), (1, 2)}),
        ("r & _", {(0, 1), (1, 2)}),
        ("r & {}", frozenset()),
        ("(r | _) & s", {(2, 3)}),
        ("_ \\ r", ALL - {(0, 1), (1, 2)}),
        ("[_ \\ A]", events(2, 3)),
        ("r \\ _", frozenset()),
        ("s ; _", {(2, e) for e in range(4)}),
        ("[_] ; s ; [_]", {(2, 3)}),
        ("[_]", ID),
        ("~0 & s", {(2, 3)}),
        ("~(~r)", {(0, 1), (1, 2)}),
        ("~{} & r", {(0, 1), (1, 2)}),
        ("{}* & [A]", events(0, 1)),
        ("[N]", frozenset()),
        ("~e & r", {(0, 1), (1, 2)}),
    ],
)
def test_operators(text: str, expected: Pairs) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("match A with || {} -> 0 || x ++ xs -> {x} * xs end", {(0, 1)}),
        ("match {} with || {} -> r || x ++ xs -> s end", {(0, 1), (1, 2)}),
        ("match e with || {} -> r || x ++ xs -> s end", {(0, 1), (1, 2)}),
        ("match r with || {} -> 0 || p ++ rest -> p ++ rest end", {(0, 1), (1, 2)}),
        ("match r with || {} -> 0 || p ++ rest -> (p ++ {})^-1 end", {(1, 0)}),
        ("match A | B with || {} -> 0 || low | x ++ high -> (low * {x}) | ({x} * high) end", {(0, 1), (1, 2)}),
        ("match {A, B} with || {} -> 0 || S ++ rest -> [S] end", events(0, 1)),
        ("match A with || {} -> 0 || x ++ _ -> x * B end", {(0, 1), (0, 2)}),
        ("match r with || {} -> 0 || p ++ _ -> p & (A * B) end", {(0, 1)}),
        ("match r with || {} -> 0 || p ++ _ -> p ; r end", {(0, 2)}),
        ("match r with || {} -> 0 || p ++ _ -> [let (x,y) = p in {y}] end", events(1)),
    ],
)
def test_matches_on_sets(text: str, expected: Pairs) -> None:
    assert value(text) == expected


def test_sums_build_sets() -> None:
    front = "let first S = match S with || {} -> {} || x ++ _ -> x end"
    assert value("[first(A) ++ B]", front) == events(0, 1, 2)
    assert value("[first(A) ++ {}]", front) == events(0)
    assert value("(first(A), first(B)) ++ s", front) == {(0, 1), (2, 3)}
    assert value("{(first(A), first(B))} & {} | r", front) == {(0, 1), (1, 2)}
    assert len(judgements("with x from r ++ {s}", EXECUTION)) == 2
    assert len(judgements("with x from r ++ {r}", EXECUTION)) == 1
    assert len(judgements("with x from {{}, 0, e, r}", EXECUTION)) == 2
    assert value("A ++ _") == ALL


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ('"on" && not "off"', True),
        ('"off" || "none"', False),
        ("A = A", True),
        ("A & {} = e", True),
        ("N = {}", True),
        ("A = B", False),
        ("r subset po", True),
        ("po subset r", False),
        ("A subset A | B", True),
        ("{} subset A", True),
        ("{A} subset {A, B}", True),
        ("A in {A, B}", True),
        ("r in {s}", False),
        ("A in {}", False),
        ("(match A with || {} -> A || x ++ _ -> x end) in A", True),
        ("(match r with || {} -> r || x ++ _ -> x end) in s", False),
        ("(match A with || {} -> A || x ++ _ -> (x,x) end) in r", False),
        ("'once = 'once", True),
        ("'once in {'other}", False),
        ("E \\ {'once} = {'other, 'device}", True),
        ("~{'once} = 'other | 'device", True),
        ("(A, r) = (A, r)", True),
    ],
)
def test_conditions(text: str, chosen: bool) -> None:
    assert value(f"if {text} then r else s", TAGS) == ({(0, 1), (1, 2)} if chosen else {(2, 3)})


def test_functions() -> None:
    assert value("f(r, s)", "let f(x, y) = x ; y") == {(1, 3)}
    assert value("f r s", "let f x y = x ; y") == {(1, 3)}
    assert value("f(r)(s)", "let f(x)(y) = x ; y") == {(1, 3)}
    assert value("f()", "let f() = s") == {(2, 3)}
    assert value("f(r)", "let f(_) = s") == {(2, 3)}
    assert value("(f((r, s)))", "let f(x, y) = y") == {(2, 3)}
    assert value("g s", "let g = let h = fun x -> x | r in h") == {(0, 1), (1, 2), (2, 3)}
    assert value("a", "let (a, _) = (s, r)") == {(2, 3)}
    assert value("let rec f x = x in f s") == {(2, 3)}
    assert value("twice((fun x -> x;r), r)", "let twice(f, x) = f(f x)") == frozenset()


def test_try() -> None:
    assert value("try nowhere with s") == {(2, 3)}
    assert value("try r with nowhere") == {(0, 1), (1, 2)}
    assert value("try r | A with s") == {(2, 3)}
    assert value("try fail r with s") == {(2, 3)}
    assert value("try late with s", "let late = r | nowhere") == {(2, 3)}
    assert value("try later r with s", "let later = try (fun x -> x | nowhere) with (fun x -> x)") == {(0, 1), (1, 2)}
    assert value("try 'none with s") == {(2, 3)}


# --- primitive functions ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[domain r]", events(0, 1)),
        ("[range r]", events(1, 2)),
        ("[domain _]", ID),
        ("[range {}]", frozenset()),
        ("fromto(F)", {(0, 2)}),
        ("fromto(A)", {(0, 2)}),
        ("fromto(B \\ F)", frozenset()),
        ("delift(lift(classes-loc(_), s | r))", {(0, 1), (2, 1), (1, 0), (1, 2)}),
        ("deliftinter(r, lift(classes-loc(_), r))", {(0, 1), (1, 2)}),
        ("delift(lift({A}, r))", {(a, b) for a in (0, 1) for b in (0, 1)}),
        ("delift(lift({}, r))", frozenset()),
        ("delift(up^-1 ; up & up \\ lift({B}, r))", {(a, b) for a in (0, 1) for b in (0, 1)}),
        ("different-values(r | [N] | s)", {(1, 2), (2, 3)}),
        ("[loc2events('x)]", events(0, 2)),
        ("[tag2events('once)]", events(0, 3)),
        ("[tag2events('other)]", frozenset()),
        ("tag2scope('device)", {(0, 3)}),
        ("tag2level('device)", {(0, 3)}),
        ("tag2fenced('f)", {(0, 2)}),
        ("as_transitive(r)", {(0, 1), (1, 2), (0, 2)}),
        ("inter_transitive(r, A * B)", {(0, 1), (1, 2), (0, 2)}),
        ("same-oa(r) | at-least-one-writable(r) | r", {(0, 1), (1, 2)}),
        ("bisimulation(r, [A] | (A * B))", {(0, 0), (1, 1)}),
    ],
)
def test_primitives(text: str, expected: Pairs) -> None:
    front = TAGS + "enum G = 'x || 'f || 'y let up = lift({A}, r) "
    assert value(text, front) == expected


def test_primitives_that_make_sets_of_sets() -> None:
    choices = judgements("with x from classes(s | r^-1;r) flag ~empty x & A as a", EXECUTION)
    assert [judgement.flags for judgement in choices] == [("a",), ()]
    assert len(judgements("with x from classes-loc(_)", EXECUTION)) == 2
    assert len(judgements("with x from linearisations(A | B, 0)", EXECUTION)) == 6
    assert len(judgements("with x from linearisations(A | B, {})", EXECUTION)) == 6
    orders = judgements("with x from linearisations(_, r) acyclic x | r", EXECUTION, ("x",))
    assert len(orders) == 4
    assert all(len(judgement.relations["x"]) == 6 for judgement in orders)
    assert judgements("with x from linearisations(A, r | r^-1)", EXECUTION) == []
    assert len(judgements("with x from linearisations({}, 0)", EXECUTION)) == 1
    assert len(judgements("with x from linearisations(A \\ B | (B \\ A), r)", EXECUTION)) == 1  # through event 1
    assert len(judgements("with x from linearisations(classes-loc(_), lift(classes-loc(_), e))", EXECUTION)) == 2
    assert len(judgements("with x from linearisations(classes-loc(_), lift(classes-loc(_), po;po))", EXECUTION)) == 0


# --- errors ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("r | A", "relation and set of events", "A"),
        ("A & r", "no intersection of a set of events and a relation", "A & r"),
        ("r \\ A", "no difference of a relation and a set of events", "r \\ A"),
        ("A+", "a relation was expected here, found: set of events", "A"),
        ("A^-1", "a relation was expected", "A"),
        ("[r]", "a set of events was expected here, found: relation", "r"),
        ("r * A", "a set of events was expected", "r"),
        ("r ; A", "a relation was expected", "A"),
        ("r s", "a function was expected here, found: relation", "r s"),
        ("domain(A)", "domain: a relation was expected, found: set of events", "domain(A)"),
        ("linearisations(A)", "linearisations: two arguments", "linearisations(A)"),
        ("tag2events(A)", "tag2events: a tag was expected", "tag2events(A)"),
        ("tag2events('rel)", "Rel is no set of events", "tag2events('rel)"),
        ("tag2scope('nope)", "no scope or level 'nope", "tag2scope('nope)"),
        ("lift(A, r)", "lift: a set of sets of events was expected", "lift(A, r)"),
        ("delift(r)", "delift: a relation between sets was expected", "delift(r)"),
        ("fail 'a", "fail: the model gives up on a tag of T", "fail 'a"),
        ("'none", "no enum declares the tag 'none", "'none"),
        ("{A, r}", "types do not fit", "r"),
        ("{_}", "cannot be compared or put into a set", "_"),
        ("_ ++ A", "a member for a set was expected", "_"),
        ("r ++ A", "an event was expected here, found: relation", "r"),
        ("A ++ r", "a pair of events was expected", "A"),
        ("A ++ 'a", "a set was expected here, found: tag of T", "'a"),
        ("r ++ {A}", "types do not fit", "r"),
        ("f(r, r, r)", "3 arguments where 2 are wanted", "f(r, r, r)"),
        ("match 'b with 'a -> r end", "no case of this match is for the tag 'b", "match 'b with 'a -> r end"),
        ("match r with 'a -> r end", "a tag was expected here, found: relation", "r"),
        ("match _ with || {} -> r || x ++ y -> s end", "a set was expected here, found: universe", "_"),
        ("if A = r then r else s", "set of events cannot be compared with a relation", "A = r"),
        ("if _ = _ then r else s", "universe cannot be compared", "_"),
        ("if A in A then r else s", "a set was expected", "A"),
        ("if A in {r} then r else s", "a set of events cannot be in a set of (relation)", "A in {r}"),
        ("if 'a subset 'a then r else s", "a set or relation was expected", "'a"),
        ("~f", "a set or relation was expected here, found: function", "f"),
        ("f", "a set or relation was expected here, found: function", "f"),
        ("let (a, b, c) = (r, s) in a", "3 names for 2 values", "(a, b, c) = (r, s)"),
        ("~{A}", "a set or relation was expected", "{A}"),
    ],
)
def test_errors(text: str, message: str, where: str) -> None:
    found = error(text, "enum T = 'a || 'b || 'nope || 'rel let f(x, y) = x ")
    assert message in found.message
    assert found.span is not None
    assert found.span.text == where


def test_a_relation_is_wanted_by_the_test() -> None:
    with pytest.raises(InputError, match="a relation was expected here, found: set of events"):
        judgements("acyclic A", EXECUTION)
