"""The gate and models that are not what they were: what is told, what stops it, what the baseline accepts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from membar_check.gate.report_data import Distinguished
from support.gates import Gate, edit, kinds, models, tree


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
    assert gate("x86", "--baseline", "base", "-I", "m", "--update") == 0
    assert gate("x86", "--baseline", "base", "-I", "m", "--against", "HEAD") == 0
    assert "x86-tso: accepted" in gate.out
    assert gate("x86", "--baseline", "base", "-I", "m", "--against", "no-such-revision") == 2
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


def test_a_changed_macro_is_named(place: Path, gate: Gate) -> None:
    tree(place, "c/SB+mbs", "c/MP+wmb+rmb")
    models(place / "old")
    fence = "__fence{MB}() { __fence{DMB.%s}; }"
    edit(models(place / "m") / "aarch64.def", fence % "ISH", fence % "ISHLD")
    arguments = ("c", "--model", "aarch64", "-I", "m", "--against", "old", "--seconds", "5")
    assert gate(*arguments) == 1
    assert "aarch64: the macro __fence{MB} changed (m/aarch64.def:" in gate.out
    assert "the smallest test that tells it from what it was is c/SB+mbs.litmus: Never before" in gate.out


# --- a wanted change of a model --------------------------------------------------------------------------------------
ACCEPTED = "x86-tso: accepted: the baseline records the model as it is now\n"
STOPPED = "x86-tso: stopped: the model's meaning changed\n"


@pytest.fixture
def wanted(recorded: Path, gate: Gate) -> tuple[object, ...]:
    """A tree with a baseline of the old model, in ``old``, and the weakened one in ``m``: the arguments of the gate."""
    models(recorded / "old")
    weakened(recorded / "m")
    return ("x86", "--baseline", "base", "-I", "m", "--against", "old")


def test_a_forgotten_baseline_stops(wanted: tuple[object, ...], gate: Gate) -> None:
    assert gate(*wanted) == 1
    assert STOPPED in gate.out and "accepted" not in gate.out
    assert "hint: where the change is wanted, record it, `--baseline FILE --update`, and commit" in gate.out


@pytest.mark.parametrize("tests", ["x86", "x86/SB.litmus"])
def test_a_change_that_the_baseline_records_is_accepted(wanted: tuple[object, ...], gate: Gate, tests: str) -> None:
    assert gate(*wanted[:5], "--update") == 0
    assert gate(tests, *wanted[1:]) == 0
    assert "x86-tso: the axiom atomicity was removed" in gate.out
    assert "the smallest test that tells it from what it was is x86/xchg-mutex.litmus" in gate.out or tests != "x86"
    assert "a minimal test that tells it from what it was: now allowed, forbidden before, by the axiom" in gate.out
    assert ACCEPTED in gate.out and "stopped" not in gate.out and "hint" not in gate.out


def test_what_the_run_itself_records_is_not_accepted(wanted: tuple[object, ...], gate: Gate) -> None:
    assert gate(*wanted, "--update") == 1
    assert STOPPED in gate.out
    assert gate(*wanted, "--update") == 0
    assert ACCEPTED in gate.out


def test_another_change_than_the_recorded_one_stops(wanted: tuple[object, ...], gate: Gate, recorded: Path) -> None:
    assert gate(*wanted[:5], "--update") == 0
    edit(recorded / "m" / "x86-tso.cat", "[W]; po; [MFENCE]; po; [R]", "0")
    assert gate(*wanted) == 1
    assert STOPPED in gate.out


def test_a_change_back_is_judged_by_the_baseline_too(wanted: tuple[object, ...], gate: Gate) -> None:
    assert gate(*wanted[:5], "--update") == 0
    assert gate("x86", "--baseline", "base", "-I", "old", "--against", "m") == 1
    assert STOPPED in gate.out


def test_a_part_of_the_tree_records_no_model(wanted: tuple[object, ...], gate: Gate) -> None:
    assert gate("x86/SB.litmus", *wanted[1:5], "--update") == 0
    assert gate(*wanted) == 1
    assert STOPPED in gate.out


def test_without_or_with_a_bad_baseline_nothing_is_accepted(
    wanted: tuple[object, ...], gate: Gate, recorded: Path
) -> None:
    assert gate(*wanted[:5], "--update") == 0
    assert gate("x86/SB.litmus", *wanted[3:]) == 1
    assert STOPPED in gate.out
    assert gate(*wanted, "--unroll", "3", "--update") == 1
    assert STOPPED in gate.out
    (recorded / "base").write_text((recorded / "base").read_text() + "x\n")
    assert gate(*wanted, "--update") == 1
    assert STOPPED in gate.out and "not believed" in gate.out


def test_each_dialect_is_accepted_by_itself(wanted: tuple[object, ...], gate: Gate, recorded: Path) -> None:
    tree(recorded, "x86_64/2+2W")
    both = ("x86", "x86_64", "--model", "x86-tso", *wanted[1:])
    assert gate("x86", "--model", "x86-tso", *wanted[1:5], "--update") == 0
    assert gate(*both) == 1
    assert STOPPED in gate.out and "accepted" not in gate.out
    assert gate(*both[:-2], "--update") == 0
    assert gate(*both) == 0
    assert ACCEPTED in gate.out


def test_an_unfinished_search_does_not_count_for_an_accepted_model(place: Path, gate: Gate) -> None:
    models(place / "old")
    implied(place / "m")
    arguments = ("x86/SB.litmus", "-I", "m", "--baseline", "base")
    assert gate(*arguments, "--update") == 0
    assert gate(*arguments, "--against", "old", "--seconds", "0.01") == 0
    assert ACCEPTED in gate.out and "inconclusive" not in gate.out


def test_what_a_model_was_need_not_be_readable_where_it_is_accepted(place: Path, gate: Gate) -> None:
    models(place / "old")
    arguments = ("x86/SB.litmus", "--baseline", "base")
    (place / "old" / "x86-tso.cat").write_text("let\n")
    assert gate(*arguments, "--against", "old") == 2
    assert gate(*arguments, "--update") == 0
    assert gate(*arguments, "--against", "old") == 0
    assert "x86-tso: the model changed" in gate.out and "what it was cannot be read: found" in gate.out
    assert ACCEPTED in gate.out
