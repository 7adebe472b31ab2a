"""The gate as a command: what becomes of tests, and what is recorded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from membar_check import runner
from membar_check.diagnostics import Inconclusive
from membar_check.engine import api
from membar_check.engine.api import CheckOptions
from membar_check.gate.baseline import read_baseline
from membar_check.verdict import Verdict
from support.gates import TESTS, Gate, edit, kinds, models


# --- expectations ----------------------------------------------------------------------------------------------------
def test_bundled_tests_are_as_expected(gate: Gate, root: Path) -> None:
    assert gate(root / "litmus" / "x86") == 0
    assert re.fullmatch(r"(\d+) checks: \1 same\n", gate.out)


def test_without_expectations_the_condition_decides(place: Path, gate: Gate) -> None:
    assert gate("x86") == 1
    assert ("broken", "x86/MP.litmus") in kinds(gate) and ("broken", "x86/SB.litmus") not in kinds(gate)
    assert "the condition (exists) does not hold" in gate.out


def test_a_file_of_expected_verdicts(place: Path, gate: Gate) -> None:
    (place / "x86" / "expected.txt").write_text(
        "models x86-tso\nSB.litmus x86-tso Never\nMP.litmus x86-tso Never\nnone.litmus x86-tso Never\n"
    )
    assert gate("x86") == 1
    assert kinds(gate) == [
        ("new", "x86/MP+wait-loop.litmus"), ("new", "x86/SB+mfences.litmus"), ("broken", "x86/SB.litmus"),
        ("missing", "x86/none.litmus"), ("new", "x86/xchg-mutex.litmus"),
    ]  # fmt: skip
    assert "expected Never (expected.txt), observed Sometimes" in gate.out
    assert "x86/expected.txt:4: expected.txt has an entry, but there is no such test" in gate.out


def test_a_result_comment(place: Path, gate: Gate) -> None:
    for name, result in (("SB", "Never"), ("MP", "Never")):
        path = place / "x86" / f"{name}.litmus"
        path.write_text(path.read_text().replace("{", f"(*\n * Result: {result}\n *)\n{{", 1))
    assert gate("x86/SB.litmus", "x86/MP.litmus") == 1
    assert kinds(gate) == [("broken", "x86/SB.litmus")] and "Result comment" in gate.out


def test_a_result_comment_that_is_not_understood(place: Path, gate: Gate) -> None:
    path = place / "x86" / "SB.litmus"
    path.write_text(path.read_text().replace("X86 SB", "X86 SB\n(* Result: Perhaps *)", 1))
    for extra in ((), ("--baseline", "base", "--update"), ("--baseline", "base")):
        assert gate("x86/SB.litmus", "--format", "jsonl", *extra) == 2
        item = json.loads(gate.out.splitlines()[0])
        assert (item["kind"], item["place"]["line"], item["place"]["column"]) == ("error", 2, 12)
        assert item["reason"].startswith("found 'Perhaps' after `Result:`, expected Never, Sometimes")
    assert gate("x86/SB.litmus", "--model", "x86-tso") == 0  # such comments speak of the kernel's model


def test_a_log_of_herd(place: Path, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    from membar_check.cli import main

    assert main(["run", "x86", "--format", "herd"]) == 1
    log = place / "log"
    log.write_text(capsys.readouterr().out)
    assert gate("x86", "--expected", "log") == 3
    assert kinds(gate) == [("inconclusive", "x86/MP+wait-loop.litmus")] and "executions were cut" in gate.out
    (place / "x86" / "MP+wait-loop.litmus").unlink()
    log.write_text("Test " + "Test ".join(b for b in log.read_text().split("Test ") if "wait-loop" not in b)[5:])
    assert gate("x86", "--expected", "log") == 0
    text = log.read_text()
    log.write_text(text.replace("\nOk\n", "\nLoop Ok\n", 1))  # cut there, and not here
    assert gate("x86", "--expected", "log") == 3
    log.write_text(text)
    edit(log, "Observation SB Sometimes 1 3", "Observation SB Never 0 4")
    assert gate("x86", "--expected", "log") == 1
    assert kinds(gate) == [("changed", "x86/SB.litmus")]
    assert "Never before, Sometimes now" in gate.out
    (place / "x86" / "MP.litmus").unlink()
    assert gate("x86", "--expected", "log", "--compare", "states") == 1
    assert "missing  MP" in gate.out and "log:" in gate.out
    assert gate("x86", "--expected", "log", "--model", "sc", "--model", "x86-tso") == 2


def test_a_log_of_another_test(place: Path, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    from membar_check.cli import main

    assert main(["run", "x86/SB.litmus", "--format", "herd"]) == 0
    log = place / "log"
    log.write_text(capsys.readouterr().out)
    text = log.read_text()
    for pattern, new in ((r"(?m)^Condition .*$", "Condition exists (0:EAX=7)"), (r"(?m)^Hash=.*$", "Hash=0")):
        log.write_text(re.sub(pattern, new, text))
        assert gate("x86/SB.litmus", "--expected", "log") == 1
        assert kinds(gate) == [("changed", "x86/SB.litmus")] and "another test of this name" in gate.out
    log.write_text(f"{text}Fatal error: exception Not_found\n")
    assert gate("x86/SB.litmus", "--expected", "log") == 0
    assert "note: log: the log is incomplete: line" in gate.out


@pytest.mark.parametrize("text", ["", "# nothing\n", "models x86-tso\n"])
def test_expectations_without_an_entry(place: Path, gate: Gate, text: str) -> None:
    (place / "none").write_text(text)
    assert gate("x86/SB.litmus", "--expected", "none") == 2
    assert "none: found no entry" in gate.err
    (place / "x86" / "expected.txt").write_text(text)
    gate("x86/SB.litmus")
    assert "note: x86/expected.txt: found no entry" in gate.out


def test_nothing_to_compare_is_no_pass(recorded: Path, gate: Gate) -> None:
    assert gate("x86/SB.litmus", "--baseline", "base", "--compare", "classes") == 3
    assert "nothing to compare: not both sides have classes" in gate.out


# --- baselines -------------------------------------------------------------------------------------------------------
def test_what_was_recorded_is_the_same(recorded: Path, gate: Gate) -> None:
    text = (recorded / "base").read_text()
    assert gate("x86", "--baseline", "base") == 0
    assert gate.out == "5 checks: 5 same\n"
    assert gate("x86", "--baseline", "base", "--update") == 0
    assert (recorded / "base").read_text() == text
    assert gate(recorded / "x86", "--baseline", recorded / "base") == 0


def test_kinds_of_change(recorded: Path, gate: Gate) -> None:
    folder = recorded / "x86"
    edit(folder / "SB.litmus", "exists", "forall")
    shutil.copy(folder / "MP.litmus", folder / "zz.litmus")
    (folder / "MP.litmus").unlink()
    edit(folder / "SB+mfences.litmus", "MFENCE      | MFENCE", "            | MFENCE")
    assert gate("x86", "--baseline", "base") == 1
    assert kinds(gate) == [
        ("missing", "x86/MP.litmus"), ("changed", "x86/SB+mfences.litmus"), ("changed", "x86/SB.litmus"),
        ("new", "x86/zz.litmus"),
    ]  # fmt: skip
    assert "base:" in gate.out and "Never before, Sometimes now; 1 state appeared" in gate.out
    assert gate("x86", "--baseline", "base", "--update") == 0
    assert gate("x86", "--baseline", "base") == 0
    assert ("x86/MP.litmus", "x86-tso") not in read_baseline("base").records


def test_broken_and_fixed_by_what_is_expected(recorded: Path, gate: Gate) -> None:
    (recorded / "x86" / "expected.txt").write_text(
        "SB.litmus x86-tso Sometimes\nSB+mfences.litmus x86-tso Sometimes\n"
    )
    good, bad = recorded / "x86" / "SB.litmus", recorded / "x86" / "SB+mfences.litmus"
    first, second = good.read_text(), bad.read_text()
    good.write_text(second)
    bad.write_text(first)
    assert gate("x86/SB.litmus", "x86/SB+mfences.litmus", "--baseline", "base") == 1
    assert kinds(gate) == [("fixed", "x86/SB+mfences.litmus"), ("broken", "x86/SB.litmus")]


def test_another_condition_is_another_test(recorded: Path, gate: Gate) -> None:
    (recorded / "x86" / "expected.txt").write_text("SB.litmus x86-tso Sometimes\n")
    path = recorded / "x86" / "SB.litmus"
    edit(path, "0:EAX=0", "0:EAX=1")  # as reachable, by as many executions, and with the same states
    assert gate("x86", "--baseline", "base") == 1
    assert "changed  x86/SB.litmus  x86-tso  another condition\n" in gate.out
    assert gate("x86", "--baseline", "base", "--compare", "states,counts") == 0
    edit(path, "0:EAX=1 ", "( 0:EAX=0 ) ")
    assert gate("x86", "--baseline", "base") == 0
    edit(path, "exists", "filter true\nexists")
    assert gate("x86", "--baseline", "base") == 1
    assert "another condition" in gate.out
    edit(path, "1:EAX=0)", "1:EAX=7)")
    assert gate("x86", "--baseline", "base") == 1
    assert "another condition; Sometimes before, Never now" in gate.out
    assert gate("x86", "--baseline", "base", "--update") == 0
    assert gate("x86", "--baseline", "base") == 0


def test_another_named_condition_is_another_test(place: Path, gate: Gate) -> None:
    (place / "t.litmus").write_text(
        "C t\n{}\nint x;\nP0(void)\n{\n  WRITE_ONCE(x, 1);\n}\nlost: exists (x=2)\n"
    )
    assert gate("t.litmus", "--baseline", "base", "--update") == 0
    assert gate("t.litmus", "--baseline", "base") == 0
    edit(place / "t.litmus", "x=2", "x=3")
    assert gate("t.litmus", "--baseline", "base") == 1
    assert "changed  t.litmus  lkmm  another condition\n" in gate.out


def test_a_baseline_without_conditions_is_read(recorded: Path, gate: Gate) -> None:
    from membar_check.gate.store import checksum

    path = recorded / "base"
    new = path.read_text()
    lines = [re.sub(r" asks=[0-9a-f]{8}", "", line.rpartition(" ~")[0]) for line in new.splitlines()[1:]]
    old = "membar-check baseline 1\n" + "".join(f"{line} ~{checksum(line)[:8]}\n" for line in lines)
    path.write_text(old)
    edit(recorded / "x86" / "SB.litmus", "0:EAX=0", "0:EAX=1")
    assert gate("x86", "--baseline", "base") == 0
    assert "note: base: of version 1, so conditions are not compared" in gate.out
    edit(recorded / "x86" / "SB.litmus", "0:EAX=1", "0:EAX=0")
    assert gate("x86/SB.litmus", "--baseline", "base", "--update") == 0
    assert path.read_text().startswith("membar-check baseline 2\n") and path.read_text().count("asks=") == 1
    assert gate("x86", "--baseline", "base", "--update") == 0
    assert path.read_text() == new


def test_only_what_is_asked_for_is_compared(recorded: Path, gate: Gate) -> None:
    edit(recorded / "x86" / "SB.litmus", "exists", "locations [x;]\nexists")
    assert gate("x86", "--baseline", "base") == 1
    assert kinds(gate) == [("changed", "x86/SB.litmus")]
    assert gate("x86", "--baseline", "base", "--compare", "verdict,flags") == 0


def test_a_part_of_the_tree_updates_a_part_of_the_baseline(recorded: Path, gate: Gate) -> None:
    before = read_baseline("base").records
    for name in ("SB", "MP"):
        edit(recorded / "x86" / f"{name}.litmus", "exists", "~exists")
    assert gate("x86/SB.litmus", "--baseline", "base", "--update") == 0
    after = read_baseline("base").records
    assert {name[0] for name in before if before[name] != after[name]} == {"x86/SB.litmus"}
    assert gate("x86", "--baseline", "base") == 1
    assert kinds(gate) == [("changed", "x86/MP.litmus")]
    assert "the condition asks something else" in gate.out


def test_other_models_of_the_baseline_are_checked_too(recorded: Path, gate: Gate) -> None:
    assert gate("x86/SB.litmus", "--model", "sc", "--baseline", "base", "--update") == 0
    assert gate("x86", "--baseline", "base") == 0
    assert gate.out == "6 checks: 6 same\n"


def test_a_baseline_of_other_options_is_refused(recorded: Path, gate: Gate) -> None:
    assert gate("x86", "--baseline", "base", "--unroll", "3") == 2
    assert "recorded with unroll=2, but this run is with unroll=3" in gate.err
    assert gate("x86", "--baseline", "base", "--unroll", "3", "--update") == 0
    assert "other options" in gate.out


def test_a_corrupt_baseline_is_told_and_not_believed(recorded: Path, gate: Gate) -> None:
    path = recorded / "base"
    path.write_text(path.read_text().replace("Never", "Always", 1))
    assert gate("x86", "--baseline", "base") == 2
    assert "changed or damaged" in gate.err and "hint" in gate.err
    assert gate("x86", "--baseline", "base", "--update") == 0
    assert "not believed" in gate.out
    assert gate("x86", "--baseline", "base") == 0
    assert gate("x86", "--baseline", "none") == 2
    assert "--update" in gate.err
    assert gate("x86", "--update") == 2
    assert gate("x86", "--baseline", "nowhere/base", "--update") == 2
    assert "no such folder" in gate.err


# --- what has no answer ----------------------------------------------------------------------------------------------
@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the check of a test run out of time."""
    names: set[str] = set()

    def check(path: str, options: CheckOptions) -> Verdict:
        if Path(path).name in names:
            raise Inconclusive("time-out", "no answer: too slow")
        return api.check_file(path, options)

    monkeypatch.setattr(runner, "load_check", lambda: check)
    return names.add


def test_inconclusive_never_passes_and_is_never_kept(recorded: Path, gate: Gate, slow: Callable[[str], None]) -> None:
    base = (recorded / "base").read_text()
    shutil.rmtree(gate.cache)
    slow("SB.litmus")
    for extra in ((), ("--update",)):
        assert gate("x86", "--baseline", "base", *extra) == 3
        assert kinds(gate) == [("inconclusive", "x86/SB.litmus")]
        assert (recorded / "base").read_text() == base
    assert gate("x86", "--model", "x86-tso") == 1
    assert ("inconclusive", "x86/SB.litmus") in kinds(gate)


def test_a_test_that_changes_while_it_is_checked(
    place: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(path: str, options: CheckOptions) -> Verdict:
        found = api.check_file(path, options)
        edit(Path(path), "exists", "exists ")
        return found

    monkeypatch.setattr(runner, "load_check", lambda: check)
    assert gate("x86/SB.litmus") == 3
    assert "changed while it was checked" in gate.out
    monkeypatch.undo()
    monkeypatch.chdir(place)
    assert gate("x86/SB.litmus", "--times") == 0 and "0 from the cache" in gate.out


def test_a_cut_loop_is_inconclusive(place: Path, gate: Gate) -> None:
    (place / "loop.litmus").write_text(
        "X86 loop\n{}\n P0 ;\n L0: ;\n MOV EAX,[x] ;\n CMP EAX,$1 ;\n JNE L0 ;\nexists (0:EAX=2)\n"
    )
    assert gate("loop.litmus", "--baseline", "b", "--update") == 3
    assert kinds(gate) == [("inconclusive", "loop.litmus")]
    assert gate("loop.litmus", "--baseline", "b") == 3


def test_errors_are_told_with_their_place(recorded: Path, gate: Gate) -> None:
    (recorded / "x86" / "bad.litmus").write_text("X86 bad\n{}\n P0 ;\n FROB [x],$1 ;\nexists (x=1)\n")
    (recorded / "x86" / "SB.litmus").write_text("nothing")
    assert gate("x86", "--baseline", "base") == 2
    assert ("error", "x86/bad.litmus") in kinds(gate) and "line 4: " in gate.out
    assert kinds(gate).count(("error", "x86/SB.litmus")) == 1 and "missing" not in gate.out
    assert gate("x86", "nowhere", "--baseline", "base") == 2
    assert "nowhere" in gate.out


@pytest.mark.parametrize("model", [(), ("--model", "x86-tso"), ("--model", "m/x86-tso.cat")])
def test_a_model_that_does_not_load_any_more(recorded: Path, gate: Gate, model: tuple[str, ...]) -> None:
    path = models(recorded / "m") / "x86-tso.cat"
    path.write_text(path.read_text("utf-8") + "let\n", "utf-8")
    (recorded / "x86" / "expected.txt").write_text("SB.litmus x86-tso Sometimes\n")
    for baseline in ((), ("--baseline", "base"), ("--baseline", "base", "--update")):
        assert gate("x86", "-I", "m", *model, *baseline) == 2
        assert len(kinds(gate)) == len(TESTS) and "5 checks: 0 same, 5 error" in gate.out
        assert all(line.split()[2] == "x86-tso" for line in gate.out.splitlines() if line.startswith("error "))


def test_two_models_of_one_name_are_refused_without_keys_too(place: Path, gate: Gate) -> None:
    edit(models(place / "m") / "lkmm-axioms.cat", "acyclic pb as propagation", "")
    (place / "a.h").write_text("")
    (place / "t.litmus").write_text(
        'C t\n{}\n#define NAME "a.h"\n#include NAME\nint x;\nP0(void)\n{\n  WRITE_ONCE(x, 1);\n}\nlost: exists (x=2)\n'
    )
    assert gate("t.litmus", "--model", "m/lkmm.cat") == 0
    assert gate("t.litmus", "--model", "lkmm", "--model", "m/lkmm.cat") == 2
    assert "two models have the name lkmm" in gate.err


def test_two_models_of_one_name_are_refused(place: Path, gate: Gate) -> None:
    folder = models(place / "m")
    edit(folder / "x86-tso.cat", "as atomicity", "as other")
    assert gate("x86", "--model", "x86-tso", "--model", "m/x86-tso.cat") == 2
    assert "two models have the name x86-tso" in gate.err


# --- the cache -------------------------------------------------------------------------------------------------------
def test_an_unchanged_tree_is_not_checked_again(recorded: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "load_check", lambda: pytest.fail("checked again"))
    assert gate("x86", "--model", "x86-tso", "--baseline", "base", "--times") == 0
    assert "5 from the cache" in gate.out


def test_without_a_cache_everything_is_checked(recorded: Path, gate: Gate) -> None:
    shutil.rmtree(gate.cache)
    assert gate("x86", "--baseline", "base", "--no-cache", "--times") == 0
    assert "0 from the cache" in gate.out and not (gate.cache / "gate-1.sqlite").exists()


def test_a_corrupt_cache_is_told_and_not_believed(recorded: Path, gate: Gate) -> None:
    (gate.cache / "gate-1.sqlite").write_bytes(b"x" * 9000)
    assert gate("x86", "--baseline", "base") == 0
    assert "note: the cache was corrupt" in gate.out
    assert gate("x86", "--baseline", "base", "--times") == 0
    assert "5 from the cache" in gate.out and "note" not in gate.out


def test_a_model_that_is_only_laid_out_anew_passes_from_the_cache(
    recorded: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models(recorded / "m")
    for path in folder.glob("*.cat"):
        text = re.sub(r"\(\*.*?\*\)", "(* said otherwise *)", path.read_text("utf-8"), flags=re.DOTALL)
        path.write_text(text.replace(" | ", "\n  | ").replace("; ", ";\n"), "utf-8")
    monkeypatch.setattr(runner, "load_check", lambda: pytest.fail("checked again"))
    assert gate("x86", "--baseline", "base", "-I", "m", "--times") == 0
    assert "5 from the cache" in gate.out


# --- the command line ------------------------------------------------------------------------------------------------
def test_further_reports_are_written(recorded: Path, gate: Gate) -> None:
    assert gate("x86", "--baseline", "base", "--report", "text=report.txt") == 0
    assert (recorded / "report.txt").read_text() == gate.out
    assert gate("x86", "--report", "text=none/report.txt") == 2
    assert gate("x86", "--report", "colour=report.txt") == 2
    assert gate("x86", "--compare", "colour") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--baseline", "base", "--report", "text=./base"], "./base: --report text would overwrite the baseline"),
        (["--baseline", "base", "--update", "--report", "text=link"], "--update and --report text write the same file"),
        (["--baseline", "x86/SB.litmus", "--update"], "x86/SB.litmus: --update would overwrite a test"),
        (["--report", "tap=x86/../x86/SB.litmus"], "--report tap would overwrite a test"),
        (["--expected", "say", "--report", "jsonl=say"], "say: --report jsonl would overwrite what --expected names"),
        (["--report", "tap=x86/expected.txt"], "--report tap would overwrite a file of expected verdicts"),
        (["--report", "tap=r", "--report", "jsonl=./r"], "./r: --report jsonl and --report tap write the same file"),
        (["--report", "html=d/index.html", "--html", "d"], "the page of --html and --report html write the same file"),
        (["--report", "jsonl=-"], "found 'jsonl=-', expected a file; for standard output give --format jsonl"),
        (["--seconds", "5"], "--seconds needs --against"),
        (["--no-cache", "--cache", "c"], "but --cache names a folder for answers"),
        (["--no-cache", "--resume"], "but --resume takes over what is known"),
        (["-j", "-1"], "found '-1', expected a whole number from 0"),
    ],
)
def test_what_makes_no_sense_is_refused(recorded: Path, gate: Gate, arguments: list[str], says: str) -> None:
    (recorded / "link").symlink_to("base")
    (recorded / "say").write_text("SB.litmus x86-tso Sometimes\n")
    (recorded / "x86" / "expected.txt").write_text("SB.litmus x86-tso Sometimes\n")
    before = {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file() and path.parent != gate.cache}
    assert gate("x86", *arguments) == 2
    assert says in gate.err and gate.out == ""
    assert before == {path: path.read_bytes() for path in recorded.rglob("*") if path in before}
    assert not (recorded / "-").exists() and not (recorded / "r").exists()


def test_devices_take_any_number_of_reports(recorded: Path, gate: Gate) -> None:
    assert gate("x86", "--baseline", "base", "--report", "tap=/dev/null", "--report", "jsonl=/dev/null") == 0


def test_linked_folders_are_checked(recorded: Path, gate: Gate) -> None:
    (recorded / "t").mkdir()
    (recorded / "t" / "link").symlink_to("../x86")
    (recorded / "x86" / "back").symlink_to("../t")
    assert gate("t") == 1 and ("broken", "t/link/MP.litmus") in kinds(gate)
    assert gate("t", "--model", "x86-tso", "--baseline", "linked", "--update") == 0
    assert gate("t", "--model", "x86-tso", "--baseline", "linked") == 0 and gate.out == "5 checks: 5 same\n"
    assert gate("x86", "--model", "x86-tso", "--baseline", "base") == 0 and gate.out == "5 checks: 5 same\n"


def test_a_name_with_a_newline_keeps_its_row(place: Path, gate: Gate) -> None:
    (place / "x86" / "MP.litmus").rename(place / "x86" / "M\nP\x1b.litmus")
    (place / "bad\n.litmus").write_text("X86 bad\n")
    assert gate(".") == 2
    assert ("broken", "./x86/M\\nP\\x1b.litmus") in kinds(gate) and "./bad\\n.litmus" in gate.out
    assert all(line.startswith(("broken ", "error ", "new ", " ", "6 checks")) for line in gate.out.splitlines())


def test_overlapping_arguments_count_once(recorded: Path, gate: Gate) -> None:
    assert gate("x86", ".", "x86/SB.litmus", "--baseline", "base") == 0
    assert gate.out == "5 checks: 5 same\n"
