"""The gate as a command: what becomes of tests, what is recorded, what a changed model is told by."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from membar_check import runner
from membar_check.diagnostics import Inconclusive
from membar_check.engine import api
from membar_check.engine.api import CheckOptions
from membar_check.gate.baseline import read_baseline
from membar_check.gate.report_data import Distinguished
from membar_check.verdict import Verdict
from support.gates import Gate, edit, models, tree

TESTS = ("x86/SB", "x86/MP", "x86/SB+mfences", "x86/xchg-mutex", "x86/MP+wait-loop")


@pytest.fixture
def gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Gate:
    return Gate(tmp_path, capsys)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tests in ``x86``, where the command runs."""
    tree(tmp_path, *TESTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recorded(place: Path, gate: Gate) -> Path:
    """The folder, with all of it recorded in ``base``."""
    assert gate("x86", "--model", "x86-tso", "--baseline", "base", "--update") == 0
    return place


def kinds(gate: Gate) -> list[tuple[str, ...]]:
    """Kind and test of each line."""
    lines = (line.split() for line in gate.out.splitlines())
    return [(words[0], words[1]) for words in lines if len(words) > 1 and words[1].endswith(".litmus")]


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


def test_a_log_of_herd(place: Path, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    from membar_check.cli import main

    assert main(["run", "x86", "--format", "herd"]) == 1
    log = place / "log"
    log.write_text(capsys.readouterr().out)
    assert gate("x86", "--expected", "log") == 0
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
    (recorded / "x86" / "expected.txt").write_text("SB.litmus x86-tso Sometimes\nMP.litmus x86-tso Sometimes\n")
    good, bad = recorded / "x86" / "SB.litmus", recorded / "x86" / "MP.litmus"
    first, second = good.read_text(), bad.read_text()
    good.write_text(second)
    bad.write_text(first)
    assert gate("x86/SB.litmus", "x86/MP.litmus", "--baseline", "base") == 1
    assert kinds(gate) == [("fixed", "x86/MP.litmus"), ("broken", "x86/SB.litmus")]


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


# --- changed models --------------------------------------------------------------------------------------------------
def weakened(folder: Path) -> Path:
    """Copied models, of which x86-tso lost its axiom of atomicity."""
    edit(models(folder) / "x86-tso.cat", "empty rmw & (fre; coe) as atomicity", "")
    return folder


def test_a_removed_axiom_is_named_with_the_tests_that_tell(recorded: Path, gate: Gate) -> None:
    weakened(recorded / "m")
    assert gate("x86", "--baseline", "base", "-I", "m") == 1
    assert "x86-tso: the axiom atomicity was removed (m/x86-tso.cat:1)" in gate.out
    assert kinds(gate) == [("broken", "x86/xchg-mutex.litmus")]
    assert "x86-tso: the smallest test that tells it from what it was is x86/xchg-mutex.litmus" in gate.out


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_against_a_revision(recorded: Path, gate: Gate) -> None:
    folder = models(recorded / "m")
    git(recorded, "init", "-q")
    git(recorded, "add", "m")
    git(recorded, "commit", "-q", "-m", "models")
    assert gate("x86", "--baseline", "base", "-I", "m", "--against", "HEAD") == 0
    assert gate.out == "5 checks: 5 same\n"
    edit(folder / "x86-tso.cat", "empty rmw & (fre; coe) as atomicity", "")
    assert gate("x86", "--baseline", "base", "-I", "m", "--against", "HEAD") == 1
    assert "x86-tso: the axiom atomicity was removed" in gate.out
    assert "is x86/xchg-mutex.litmus" in gate.out
    assert "a minimal test that tells it from what it was: now allowed, forbidden before, by the axiom" in gate.out
    assert re.search(r"^    X86 \S+$", gate.out, re.MULTILINE) and "    exists (" in gate.out
    assert gate("x86", "-I", "m", "--against", "no-such-revision") == 2
    assert "neither a folder nor a revision" in gate.err


def test_against_a_folder_even_where_all_is_as_expected(recorded: Path, gate: Gate) -> None:
    models(recorded / "old")
    weakened(recorded / "m")
    assert gate("x86/SB.litmus", "-I", "m", "--against", "old") == 1
    assert "the axiom atomicity was removed" in gate.out and "a minimal test" in gate.out
    assert "x86-tso: stopped: the model's meaning changed" in gate.out and "1 same" in gate.out
    (recorded / "old" / "x86-tso.cat").unlink()
    assert gate("x86/SB.litmus", "-I", "m", "--against", "old") == 0
    assert "x86-tso: the model is new" in gate.out
    assert gate("x86/SB.litmus", "-I", "m", "--against", "none") == 2
    assert "not under version control" in gate.err


def implied(folder: Path) -> Path:
    """Copied models, of which x86-tso has an axiom that another one implies."""
    path = models(folder) / "x86-tso.cat"
    path.write_text(path.read_text("utf-8") + "\nacyclic po-loc | rf as implied\n")
    return folder


def test_against_an_equal_model_and_a_search_without_time(place: Path, gate: Gate) -> None:
    models(place / "old")
    implied(place / "m")
    arguments = ("x86/SB.litmus", "-I", "m", "--against", "old")
    assert gate(*arguments, "--seconds", "0.01") == 3
    assert "x86-tso: inconclusive: the search" in gate.out
    assert "accesses made of the searched vocabulary; left out: " in gate.out


@pytest.mark.parametrize(("complete", "status"), [(True, 0), (False, 3)])
def test_what_the_search_says_counts(
    place: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, complete: bool, status: int
) -> None:
    from membar_check.gate import changed

    models(place / "old")
    implied(place / "m")
    told = Distinguished("x86-tso", bound="none of up to 4 accesses", complete=complete)
    monkeypatch.setattr(changed, "minimal_test", lambda changed, seconds: told)
    assert gate("x86/SB.litmus", "-I", "m", "--against", "old") == status
    assert "the axiom implied was added" in gate.out and "none of up to 4 accesses" in gate.out


# --- the command line ------------------------------------------------------------------------------------------------
def test_further_reports_are_written(recorded: Path, gate: Gate) -> None:
    assert gate("x86", "--baseline", "base", "--report", "text=report.txt") == 0
    assert (recorded / "report.txt").read_text() == gate.out
    assert gate("x86", "--report", "text=none/report.txt") == 2
    assert gate("x86", "--report", "colour=report.txt") == 2
    assert gate("x86", "--compare", "colour") == 2


def test_overlapping_arguments_count_once(recorded: Path, gate: Gate) -> None:
    assert gate("x86", ".", "x86/SB.litmus", "--baseline", "base") == 0
    assert gate.out == "5 checks: 5 same\n"


def test_a_changed_macro_is_named(place: Path, gate: Gate) -> None:
    tree(place, "c/SB+mbs", "c/MP+wmb+rmb")
    models(place / "old")
    fence = "__fence{MB}() { __fence{DMB.%s}; }"
    edit(models(place / "m") / "aarch64.def", fence % "ISH", fence % "ISHLD")
    arguments = ("c", "--model", "aarch64", "-I", "m", "--against", "old", "--seconds", "5")
    assert gate(*arguments) == 1
    assert "aarch64: the macro __fence{MB} changed (m/aarch64.def:" in gate.out
    assert "the smallest test that tells it from what it was is c/SB+mbs.litmus: Never before" in gate.out
