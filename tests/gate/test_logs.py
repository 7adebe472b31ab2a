"""Logs of herd7: read strictly, compared test by test."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.cli import main
from membar_check.diagnostics import InputError, Source
from membar_check.gate.logs import compare_logs, is_log, parse_log, read_log, table

SB = """\
Test SB Allowed
States 4
0:EAX=0; 1:EAX=0;
0:EAX=0; 1:EAX=1;
0:EAX=1; 1:EAX=0;
0:EAX=1; 1:EAX=1;
Ok
Witnesses
Positive: 1 Negative: 3
Condition exists (0:EAX=0 /\\ 1:EAX=0)
Observation SB Sometimes 1 3
Time SB 0.00
Hash=edd4722437d708675ed921e7607e77f0

"""
CORR = """\
Test CoRR Forbidden
States 1
1:EAX=0; 1:EBX=0;
Loop Ok
Witnesses
Positive: 1 Negative: 0
Flag data-race
Condition ~exists (1:EAX=1 /\\ 1:EBX=0)
Observation CoRR Never 0 1
Time CoRR 0.00

"""
FIELDS = ("verdict", "states", "flags", "counts")


def test_a_log_is_read() -> None:
    found = parse_log(Source("log", "Warning: nothing\n" + SB + CORR))
    assert list(found) == ["SB", "CoRR"]
    first, second = found.values()
    assert (first.kind, first.word, first.observation, first.positive, first.negative) == (
        "Allowed", "Ok", "Sometimes", 1, 3,
    )  # fmt: skip
    assert first.states is not None and len(first.states) == 4 and first.place is not None and first.place.line == 2
    assert (second.word, second.loop, second.flags, second.positive) == ("Loop Ok", True, ("data-race",), 0)


def test_our_own_log_is_read(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(root / "litmus" / "x86"), "--format", "herd"]) == 0
    text = capsys.readouterr().out
    assert is_log(text) and len(parse_log(Source("log", text))) == text.count("\nObservation ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SB.partition("Ok\n")[0], "was cut"),
        (SB.partition("Observation")[0], "was cut"),
        (SB.partition("0:EAX=1; 1:EAX=1")[0], "was cut"),
        (SB.partition("Observation")[0] + CORR, "no line `Observation`"),
        (SB.replace("States 4", "States 5"), "expected 5 final states"),
        (SB.replace("States 4", "States 3"), "expected Ok, No or Undef"),
        (SB.replace("States 4", "States few"), "expected `States N`"),
        (SB.replace("Observation SB", "Observation LB"), "observation of LB"),
        (SB + SB, "second test"),
    ],
)
def test_what_is_no_whole_log_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_log(Source("log", text))
    assert caught.value.span is not None


def test_files_that_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(InputError, match="expected a log"):
        read_log(str(tmp_path / "text"))
    with pytest.raises(InputError, match="cannot be read"):
        read_log(str(tmp_path / "none"))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no text"):
        read_log(str(tmp_path / "bytes"))


def logs(folder: Path, first: str, second: str) -> tuple[str, str]:
    (folder / "one.log").write_text(first)
    (folder / "two.log").write_text(second)
    return str(folder / "one.log"), str(folder / "two.log")


OTHER = SB.replace("States 4", "States 3").replace("0:EAX=0; 1:EAX=0;\n", "").replace("Sometimes 1 3", "Never 0 3")


def test_the_table_tells_logs_apart(tmp_path: Path) -> None:
    one, two = logs(tmp_path, SB + CORR, OTHER.replace("Ok\n", "No\n"))
    rows = compare_logs(read_log(one), read_log(two), ("one", "two"), FIELDS)
    assert [row.test for row in rows] == ["CoRR", "SB"] and not any(row.same for row in rows)
    text = table(rows, ("one", "two"), False)
    assert text == (
        "test  kind       one                                  two\n"
        "CoRR  Forbidden  Loop Ok Never 1 state 0/1 data-race  ---\n"
        "SB    Allowed    Ok Sometimes 4 states 1/3            No Never 3 states 0/3\n"
        "SB: Sometimes in one, Never in two\n"
        "SB: 1 state only in one: 0:EAX=0; 1:EAX=0\n"
        "SB: 1 positive execution in one, 0 in two\n"
        "2 tests: 0 the same, 1 different, 1 only in one, 0 only in two\n"
    )


def test_the_command_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = logs(tmp_path, SB + CORR, CORR + SB)
    assert main(["mcompare", one, two]) == 3
    out = capsys.readouterr().out
    assert "2 tests: 1 the same" in out and "1 inconclusive" in out
    assert "CoRR: inconclusive: executions were cut at the unrolling bound in one.log and in two.log" in out
    whole = CORR.replace("Loop ", "")
    one, two = logs(tmp_path, SB + whole, whole + SB)
    assert main(["mcompare", one, two, "-q"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    one, two = logs(tmp_path, SB + whole, OTHER + whole)
    assert main(["mcompare", one, two, "-q"]) == 1
    out = capsys.readouterr().out
    assert "SB" in out and "CoRR" not in out
    assert main(["mcompare", one, two, "--compare", "flags"]) == 0
    assert main(["mcompare", one, str(tmp_path / "none")]) == 2
    assert main(["mcompare", one, two, "--compare", "colour"]) == 2


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (SB.replace("0:EAX=0 /\\", "0:EAX=1 /\\"), "SB: another test of this name: the condition is exists"),
        (SB.replace("Hash=edd", "Hash=fff"), "SB: another test of this name: Hash=edd"),
    ],
)
def test_another_test_of_the_same_name(
    other: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mcompare", *logs(tmp_path, SB, other)]) == 1
    out = capsys.readouterr().out
    assert says in out and "0 the same, 0 different" in out and "1 another test of this name" in out


@pytest.mark.parametrize("text", [SB + "Fatal error: exception Not_found\n", "Fatal error: out of memory\n" + SB])
def test_an_incomplete_log_is_no_pass(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = logs(tmp_path, SB, text)
    assert main(["mcompare", one, two]) == 3
    assert f"{two}: the log is incomplete: line " in capsys.readouterr().out
    assert main(["mcompare", *logs(tmp_path, text, OTHER)]) == 1


def test_warnings_do_not_make_a_log_incomplete(tmp_path: Path) -> None:
    assert main(["mcompare", *logs(tmp_path, SB, SB + "Warning: a file was skipped\n")]) == 0


def test_nothing_to_compare_is_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcompare", *logs(tmp_path, SB, SB), "--compare", "classes"]) == 3
    assert "SB: nothing to compare: not both sides have classes" in capsys.readouterr().out
