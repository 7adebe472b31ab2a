"""Files of expected verdicts, ``Result:`` comments, and the judgement."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from membar_check.diagnostics import InputError, Source
from membar_check.expectations import judge, parse_expected, read_expected, result_comment
from membar_check.litmus.syntax import Quantifier
from membar_check.records import replace
from membar_check.verdict import Finding, Observation, Status, Step, Verdict
from support.results import failure, verdict

GOOD = """# a comment
models sc x86-tso

SB.litmus  sc       Never
SB.litmus  x86-tso  Sometimes  states=4 positive=1 negative=3  # behind an entry
MP.litmus  sc       Never      flags=b,a
"""


def test_a_good_file() -> None:
    expected = parse_expected(Source("expected.txt", GOOD))
    assert expected.models == ("sc", "x86-tso")
    assert expected.models_of("SB.litmus") == ("sc", "x86-tso")
    assert expected.models_of("other.litmus") == ()
    entry = expected.entries[("SB.litmus", "x86-tso")]
    assert (entry.observation, entry.states, entry.positive, entry.negative) == (Observation.SOMETIMES, 4, 1, 3)
    assert entry.flags == ()
    assert expected.entries[("MP.litmus", "sc")].flags == ("a", "b")


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("SB.litmus sc", "1:11", "ends too early"),
        ("SB.litmus", "1:1", "ends too early"),
        ("SB sc Never", "1:1", "expected the name of a .litmus file"),
        ("/x/SB.litmus sc Never", "1:1", "expected the name of a .litmus file"),
        ("\nSB.litmus sc never", "2:14", "expected Never, Sometimes or Always"),
        ("SB.litmus sc Never states", "1:20", "expected states=N"),
        ("SB.litmus sc Never states=x", "1:20", "expected a number"),
        ("SB.litmus sc Never states=-1", "1:20", "expected a number"),
        ("SB.litmus sc Never states=1 states=1", "1:29", "given twice"),
        ("SB.litmus sc Never flags=a flags=b", "1:28", "given twice"),
        ("SB.litmus sc Never flags=", "1:20", "empty flag"),
        ("SB.litmus sc Never color=red", "1:20", "expected states=N"),
        ("SB.litmus sc Never\nSB.litmus sc Always", "2:1", "a second entry"),
        ("SB.litmus sc Never\nmodels sc", "2:1", "before all entries"),
        ("models sc\nmodels sc", "2:1", "before all entries"),
        ("models", "1:1", "expected the names of models"),
        ("models sc\nSB.litmus tso Never", "2:11", "expected one of the `models` line"),
    ],
)
def test_malformed_files(text: str, where: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_expected(Source("expected.txt", text))
    assert caught.value.span is not None
    assert caught.value.span.where() == f"expected.txt:{where}"


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read expected verdicts"):
        read_expected(str(tmp_path / "none.txt"))
    (tmp_path / "junk.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="byte 0 is no UTF-8"):
        read_expected(str(tmp_path / "junk.txt"))


# --- the comment ---
@pytest.mark.parametrize(
    ("text", "observation", "races"),
    [
        ("(* Result: Never *)", Observation.NEVER, False),
        ("C x\n(*\n * Result: Sometimes DATARACE\n", Observation.SOMETIMES, True),
        ("  * Result:  Always ", Observation.ALWAYS, False),
        (" * Result: Maybe", None, False),
        (" * Result: DEADLOCK", Observation.NEVER, False),
    ],
)
def test_result_comments(text: str, observation: Observation | None, races: bool) -> None:
    expectation = result_comment(Source("t.litmus", text))
    assert expectation is not None
    assert (expectation.observation, expectation.races) == (observation, races)


@pytest.mark.parametrize("text", ["", "Result: Never", "x = 1; // Result: Never", " * The Result: Perhaps"])
def test_no_result_comment(text: str) -> None:
    assert result_comment(Source("t.litmus", text)) is None


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("C x\n(*\n * Result: Perhaps DATARACE\n *)", (3, 12), "found 'Perhaps' after `Result:`, expected Never, "),
        (" * Result: never\n * Result: Never", (1, 12), "Sometimes, Always, Maybe or DEADLOCK"),
        ("(* Result: Neverx *)", (1, 12), "'Neverx'"),
        ("(* Result: *)", (1, 12), "found nothing"),
        ("(* Result: (none) *)", (1, 12), "found '(none)'"),
        (" * Result:\n * Never", (1, 11), "found nothing"),
    ],
)
def test_result_comments_that_are_not_understood(text: str, place: tuple[int, int], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        result_comment(Source("t.litmus", text))
    span = caught.value.span
    assert span is not None and (span.line, span.column) == place and caught.value.hint


# --- judging ---
ALL = Quantifier.FORALL
NOT = Quantifier.NOT_EXISTS


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (verdict(), Status.AS_EXPECTED),
        (verdict(positive=0), Status.DIFFERS),
        (verdict(quantifier=NOT), Status.DIFFERS),
        (verdict(quantifier=NOT, positive=0), Status.AS_EXPECTED),
        (verdict(quantifier=ALL), Status.DIFFERS),
        (verdict(quantifier=ALL, negative=0), Status.AS_EXPECTED),
        (verdict(undefined=True), Status.DIFFERS),
        # Cut at the bound: what was found stays, what was not found is open.
        (verdict(loop=True), Status.AS_EXPECTED),
        (verdict(loop=True, positive=0), Status.INCONCLUSIVE),
        (verdict(loop=True, quantifier=NOT), Status.DIFFERS),
        (verdict(loop=True, quantifier=NOT, positive=0), Status.INCONCLUSIVE),
        (verdict(loop=True, quantifier=ALL), Status.DIFFERS),
        (verdict(loop=True, quantifier=ALL, negative=0), Status.INCONCLUSIVE),
        (verdict(reach=True, positive=None, negative=None, reached=True), Status.AS_EXPECTED),
        (failure(), Status.ERROR),
        (failure(inconclusive=True), Status.INCONCLUSIVE),
    ],
)
def test_the_quantifier_decides(result: Verdict, status: Status) -> None:
    judged = judge(result, None)
    assert judged.status is status
    assert bool(judged.reason) == (status is not Status.AS_EXPECTED)


def entry(rest: str) -> object:
    return parse_expected(Source("expected.txt", f"SB.litmus m {rest}")).entries[("SB.litmus", "m")]


@pytest.mark.parametrize(
    ("rest", "result", "status", "reason"),
    [
        ("Sometimes", verdict(), Status.AS_EXPECTED, ""),
        ("Sometimes states=4 positive=1 negative=3", verdict(), Status.AS_EXPECTED, ""),
        ("Never", verdict(), Status.DIFFERS, "expected Never (expected.txt), observed Sometimes"),
        ("Sometimes states=5", verdict(), Status.DIFFERS, "expected 5 states, found 4"),
        ("Sometimes positive=2", verdict(), Status.DIFFERS, "expected 2 positive, found 1"),
        ("Sometimes", verdict(flags=("race",)), Status.DIFFERS, "expected flags none, found race"),
        ("Sometimes flags=race", verdict(flags=("race",)), Status.AS_EXPECTED, ""),
        ("Sometimes flags=race", verdict(), Status.DIFFERS, "expected flags race, found none"),
        ("Sometimes flags=*undef*", verdict(undefined=True), Status.AS_EXPECTED, ""),
        ("Sometimes", verdict(undefined=True), Status.DIFFERS, "expected flags none, found *undef*"),
        # An expectation stands above the quantifier.
        ("Sometimes", verdict(quantifier=NOT), Status.AS_EXPECTED, ""),
        # Cut at the bound.
        ("Never", verdict(loop=True, positive=0), Status.INCONCLUSIVE, "cut"),
        ("Always", verdict(loop=True, negative=0), Status.INCONCLUSIVE, "cut"),
        ("Sometimes", verdict(loop=True, positive=0), Status.INCONCLUSIVE, "cut"),
        ("Sometimes", verdict(loop=True), Status.AS_EXPECTED, ""),
        ("Never", verdict(loop=True, negative=0), Status.DIFFERS, "observed Always"),
        ("Always", verdict(loop=True, positive=0), Status.DIFFERS, "observed Never"),
        ("Sometimes states=3", verdict(loop=True), Status.DIFFERS, "expected 3 states, found 4"),
        ("Sometimes states=5", verdict(loop=True), Status.INCONCLUSIVE, "cut"),
        # Queries for reachability compare only what they answer.
        ("Sometimes states=9", verdict(reach=True, reached=True, positive=None), Status.AS_EXPECTED, ""),
        ("Always", verdict(reach=True, reached=True, positive=None), Status.AS_EXPECTED, ""),
        ("Never", verdict(reach=True, reached=True, positive=None), Status.DIFFERS, "observed reachable"),
    ],
)
def test_the_entry_decides(rest: str, result: Verdict, status: Status, reason: str) -> None:
    judged = judge(result, entry(rest))  # type: ignore[arg-type]
    assert judged.status is status
    assert reason in judged.reason
    assert judged.expected == rest.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("comment", "result", "status"),
    [
        (" * Result: Sometimes", verdict(), Status.AS_EXPECTED),
        (" * Result: Sometimes", verdict(flags=("data-race",)), Status.DIFFERS),
        (" * Result: Sometimes DATARACE", verdict(flags=("data-race",)), Status.AS_EXPECTED),
        (" * Result: Sometimes DATARACE", verdict(), Status.DIFFERS),
        (" * Result: Sometimes", verdict(flags=("other",)), Status.AS_EXPECTED),
        (" * Result: Maybe", verdict(positive=0), Status.AS_EXPECTED),
        (" * Result: DEADLOCK", verdict(positive=0, negative=0, states=()), Status.AS_EXPECTED),
        (" * Result: DEADLOCK", verdict(positive=0, negative=1), Status.DIFFERS),
        (" * Result: Sometimes", verdict(undefined=True), Status.DIFFERS),
    ],
)
def test_the_comment_decides(comment: str, result: Verdict, status: Status) -> None:
    assert judge(result, result_comment(Source("t.litmus", comment))).status is status


# --- kernel C --------------------------------------------------------------------------------------------------------
def kernel_verdict(*findings: Finding) -> Verdict:
    return replace(verdict(), findings=findings)


@pytest.mark.parametrize(
    ("comment", "classes", "status"),
    [
        ("Sometimes", (), Status.AS_EXPECTED),
        ("Sometimes", ("use-after-free",), Status.DIFFERS),
        ("Maybe", ("missed-barrier",), Status.DIFFERS),
        ("Sometimes DATARACE", ("data-race",), Status.AS_EXPECTED),
        ("Sometimes DATARACE", ("data-race", "deadlock"), Status.DIFFERS),
        ("DEADLOCK", ("deadlock", "no-execution"), Status.AS_EXPECTED),
        ("DEADLOCK", ("use-after-free",), Status.DIFFERS),
    ],
)
def test_a_comment_does_not_speak_of_classes(comment: str, classes: tuple[str, ...], status: Status) -> None:
    dead = {"positive": 0, "negative": 0} if comment == "DEADLOCK" else {}
    result = verdict(flags=("data-race",) if "data-race" in classes else (), **dead)
    result = replace(result, findings=tuple(Finding(name, "", None) for name in classes))
    judged = judge(result, result_comment(Source("t.litmus", f" * Result: {comment}")))
    assert judged.status is status


UNREACHED_AT_7 = Finding("unreached-code", "no execution takes it", Step("x", "include/a.h", 7))
RACE = Finding("data-race", "", None)


@pytest.mark.parametrize(
    ("expected", "findings", "status"),
    [
        ("clean", (), Status.AS_EXPECTED),
        ("clean", (UNREACHED_AT_7,), Status.AS_EXPECTED),
        ("clean", (RACE,), Status.DIFFERS),
        ("data-race", (RACE, UNREACHED_AT_7), Status.AS_EXPECTED),
        ("data-race", (), Status.DIFFERS),
        ("data-race,missed-barrier", (RACE,), Status.DIFFERS),
        ("unreached-code", (UNREACHED_AT_7,), Status.AS_EXPECTED),
        ("unreached-code", (), Status.DIFFERS),
        ("unreached-code@a.h:7", (UNREACHED_AT_7,), Status.AS_EXPECTED),
        ("unreached-code@a.h:8", (UNREACHED_AT_7,), Status.DIFFERS),
        ("unreached-code@b.h:7", (UNREACHED_AT_7,), Status.DIFFERS),
    ],
)
def test_classes_of_outcome(expected: str, findings: tuple[Finding, ...], status: Status) -> None:
    entries = parse_expected(Source("expected.txt", f"t.litmus m {expected}\n")).entries
    assert judge(kernel_verdict(*findings), entries["t.litmus", "m"]).status is status


def test_kernel_c_without_an_expectation_is_expected_to_be_clean() -> None:
    assert judge(kernel_verdict(), None).status is Status.AS_EXPECTED
    judged = judge(kernel_verdict(RACE), None)
    assert (judged.status, judged.reason) == (Status.DIFFERS, "found data-race")


def test_classes_are_expected_of_kernel_c_only() -> None:
    entries = parse_expected(Source("expected.txt", "t.litmus m clean\n")).entries
    assert judge(verdict(), entries["t.litmus", "m"]).status is Status.DIFFERS
