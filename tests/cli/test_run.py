"""``membar-check run`` around the engine: finding tests, exit status, expectations, limits, failures, pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
Folder = Callable[..., Path]


def statuses(out: str) -> dict[str, str]:
    return {Path(item["file"]).name: item["status"] for item in json.loads(out)["results"]}


# --- exit status ---
@pytest.mark.parametrize(
    ("texts", "status"),
    [
        (["Sometimes", "Always"], 0),
        (["Sometimes", "Never"], 1),
        (["Sometimes", "wrong"], 2),
        (["Sometimes", "open"], 3),
        (["Sometimes", "loop"], 3),
        (["Never", "open"], 1),
        (["wrong", "open", "Never"], 2),
        (["wrong", "open"], 2),
        (["fault", "Sometimes"], 3),
        (["deep", "Sometimes"], 3),
        (["memory", "Sometimes"], 3),
    ],
)
@pytest.mark.parametrize("format_", ["table", "herd", "json"])
def test_exit_status(run: Run, folder: Folder, texts: list[str], status: int, format_: str) -> None:
    path = folder(**{f"t{index}": text for index, text in enumerate(texts)})
    found, out, err = run(path, "--format", format_)
    assert found == status
    assert "Traceback" not in out + err


def test_a_failing_test_keeps_nobody_from_running_and_prints_no_verdict(run: Run, folder: Folder) -> None:
    path = folder(a="wrong", b="Sometimes", c="fault", d="Sometimes")
    status, out, err = run(path, "--format", "herd")
    assert status == 2
    assert [line for line in out.splitlines() if line.startswith("Test")] == ["Test b Allowed", "Test d Allowed"]
    assert f"{path}/a.litmus:1:1: found `wrong`\n    wrong\n    ^^^^^\n    hint: write it right" in err
    assert f"{path}/c.litmus: no answer: a fault in the checker (ZeroDivisionError" in err


def test_traceback_of_a_fault_only_when_asked_for(run: Run, folder: Folder) -> None:
    path = folder(a="fault here")
    assert "Traceback" not in run(path, "-v")[2]
    assert "Traceback" in run(path, "-vv")[2]


# --- finding tests ---
def test_folders_are_searched_in_sorted_order(run: Run, folder: Folder) -> None:
    path = folder(b="Always", a__z="Always", a__b="Always", c__x="Always", **{"readme.txt": "no test"})
    _, out, _ = run(path, "--format", "json")
    files = [os.path.relpath(item["file"], path) for item in json.loads(out)["results"]]
    assert files == ["a/b.litmus", "a/z.litmus", "b.litmus", "c/x.litmus"]


@pytest.mark.parametrize("jobs", ["1", "2", "5"])
def test_results_come_in_the_order_of_the_input(run: Run, folder: Folder, jobs: str) -> None:
    path = folder(a="sleep 0.3", b="Always", c="sleep 0.1", d="Always")
    files = [path / f"{name}.litmus" for name in "dacb"]
    status, out, _ = run(*files, "--format", "json", "-j", jobs)
    assert status == 0
    assert list(statuses(out)) == ["d.litmus", "a.litmus", "c.litmus", "b.litmus"]


def test_linked_folders_are_followed_each_once(run: Run, folder: Folder) -> None:
    path = folder(tree__b="Sometimes", tree__real__c="Sometimes", far__d="Never", far__deep__e="Sometimes")
    for link, target in (("a", "real"), ("loop", "."), ("u", "../far"), ("v", "../far/deep"), ("w", "gone")):
        (path / "tree" / link).symlink_to(target)
    (path / "far" / "back").symlink_to("../tree")
    status, out, _ = run(path / "tree", "--format", "json")
    found = [os.path.relpath(item["file"], path / "tree") for item in json.loads(out)["results"]]
    assert status == 1
    assert found == ["b.litmus", "real/c.litmus", "u/d.litmus", "u/deep/e.litmus"]


def test_expectations_beside_linked_tests_decide(run: Run, folder: Folder) -> None:
    path = folder(far__d="Never")
    (path / "far" / "expected.txt").write_text("d.litmus sc Never\nx.litmus sc Never\n")
    (path / "tree").mkdir()
    (path / "tree" / "u").symlink_to("../far")
    status, out, _ = run(path / "tree", "--format", "json")
    assert (status, statuses(out)) == (1, {"x.litmus": "differs", "d.litmus": "as expected"})


def test_a_name_with_a_newline_keeps_its_row(run: Run, folder: Folder) -> None:
    path = folder(a="Never")
    (path / "a.litmus").rename(path / "a\nb\x1b.litmus")
    (path / "c\nd.litmus").write_text("wrong\n")
    _, out, err = run(path)
    assert [line.split()[0] for line in out.splitlines()[1:3]] == [f"{path}/a\\nb\\x1b.litmus", f"{path}/c\\nd.litmus"]
    assert f"{path}/a\\nb\\x1b.litmus, sc: " in out and f"{path}/c\\nd.litmus:1:1: found" in err


def test_missing_files_and_empty_folders(run: Run, folder: Folder, tmp_path: Path) -> None:
    path = folder(a="Always")
    (tmp_path / "empty").mkdir()
    status, out, err = run(path / "none.litmus", path / "a.litmus", tmp_path / "empty", "--format", "json")
    assert status == 2
    assert statuses(out)["a.litmus"] == "as expected"
    assert "none.litmus: cannot be read: No such file" in err
    assert "empty: no *.litmus file" in err


# --- expectations ---
def test_an_expectation_beside_the_test_decides(run: Run, folder: Folder) -> None:
    path = folder(a="Never", b="Always", **{"expected.txt": "a.litmus sc Never\nb.litmus sc Sometimes"})
    status, out, err = run(path, "--format", "json")
    assert (status, statuses(out)) == (1, {"a.litmus": "as expected", "b.litmus": "differs"})
    assert "b.litmus: expected Sometimes (expected.txt), observed Always" in err
    assert run(path / "a.litmus")[0] == 0
    assert run(path / "a.litmus", "--model", "other")[0] == 1  # no entry: the quantifier decides


def test_strays_on_both_sides_differ(run: Run, folder: Folder) -> None:
    path = folder(a="Always", b="Always", **{"expected.txt": "models sc\na.litmus sc Always\nc.litmus sc Never"})
    status, out, err = run(path, "--format", "json")
    assert status == 1
    assert statuses(out) == {"c.litmus": "differs", "a.litmus": "as expected", "b.litmus": "differs"}
    assert "expected.txt:3:1: expected.txt has an entry, but there is no such test" in err
    assert "has no entry for b.litmus under sc" in err
    assert run(path / "a.litmus")[0] == 0  # the folder as a whole was not asked for


def test_all_models(run: Run, folder: Folder) -> None:
    expected = "a.litmus sc Never\na.litmus x86-tso Never\nb.litmus lkmm Sometimes"
    path = folder(a="Never", b="Sometimes", c="Sometimes", **{"expected.txt": expected})
    status, out, _ = run(path, "--all-models", "--format", "json")
    assert status == 0
    pairs = [(Path(item["file"]).name, item["model"]) for item in json.loads(out)["results"]]
    assert pairs == [("a.litmus", "sc"), ("a.litmus", "x86-tso"), ("b.litmus", "lkmm"), ("c.litmus", "sc")]


def test_several_models(run: Run, folder: Folder) -> None:
    _, out, _ = run(folder(a="Always"), "--model", "sc", "--model", "lkmm", "--format", "json")
    assert [item["model"] for item in json.loads(out)["results"]] == ["sc", "lkmm"]


def test_a_given_file_of_expectations(run: Run, folder: Folder) -> None:
    path = folder(a="Never", deep__b="Never", **{"all.txt": "a.litmus sc Never\ndeep/b.litmus sc Sometimes"})
    status, out, _ = run(path, "--expected", path / "all.txt", "--format", "json")
    assert (status, statuses(out)) == (1, {"a.litmus": "as expected", "b.litmus": "differs"})


def test_an_own_model_is_named_by_its_file(run: Run, folder: Folder) -> None:
    path = folder(a="Never", **{"expected.txt": "a.litmus mine Never"})
    assert run(path, "--model", "models/mine.cat")[0] == 0


def test_malformed_expectations_are_bad_input(run: Run, folder: Folder) -> None:
    path = folder(a="Always", b="Always", **{"expected.txt": "a.litmus sc Perhaps"})
    status, _, err = run(path)
    assert status == 2
    assert err.count("expected.txt:1:13: found 'Perhaps'") == 1
    assert run(path / "a.litmus")[0] == 2
    status, _, err = run(path, "--expected", path / "missing.txt")
    assert status == 2 and "missing.txt: cannot read expected verdicts" in err


def test_entries_for_other_folders_are_bad_input(run: Run, folder: Folder) -> None:
    path = folder(a__b="Always", **{"expected.txt": "a/b.litmus sc Always"})
    status, _, err = run(path)
    assert status == 2 and "lies in another folder" in err


def test_the_result_comment(run: Run, folder: Folder) -> None:
    path = folder(a="Never\n(* Result: Never *)", b="Sometimes\n * Result: Sometimes DATARACE")
    assert run(path / "a.litmus")[0] == 0
    assert run(path / "a.litmus", "--model", "lkmm")[0] == 0
    assert run(path / "a.litmus", "--model", "sc")[0] == 1  # the comment speaks of the default model
    status, _, err = run(path / "b.litmus", "--format", "herd")
    assert status == 1 and "the expected data race is not there" in err


# --- limits ---
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_time_out_is_inconclusive_and_the_others_go_on(run: Run, folder: Folder, jobs: str) -> None:
    path = folder(a="Always", b="sleep 20", c="Always")
    status, out, err = run(path, "--timeout", "0.3", "-j", jobs, "--format", "json")
    assert status == 3
    assert statuses(out) == {"a.litmus": "as expected", "b.litmus": "inconclusive", "c.litmus": "as expected"}
    assert "b.litmus: no answer: time-out after 0.3 s" in err


def test_a_crash_is_inconclusive_and_the_others_go_on(run: Run, folder: Folder) -> None:
    path = folder(a="Always", b="crash", c="Always")
    status, out, err = run(path, "-j", "2", "--format", "json")
    assert status == 3
    assert list(statuses(out).values()) == ["as expected", "inconclusive", "as expected"]
    assert "b.litmus: no answer: the process that checked this test was ended by SIGKILL" in err


# --- pictures ---
def test_pictures_are_named_after_the_tests(run: Run, folder: Folder, tmp_path: Path) -> None:
    path = folder(a="Always", deep__a="Always", n="Never")
    target = tmp_path / "out" / "pictures"
    status, _, err = run(path, "--svg", target, "--dot", target, "--model", "sc", "--model", "m/lkmm.cat")
    assert status == 1
    names = sorted(str(file.relative_to(target)) for file in target.rglob("*.*"))
    stems = ["a.lkmm", "a", "deep/a.lkmm", "deep/a"]
    assert names == sorted(f"{stem}.{kind}" for stem in stems for kind in ("dot", "svg"))
    assert "4 pictures in" in err and "2 without an execution to draw" in err


def test_tests_of_the_same_name_do_not_overwrite_each_other(run: Run, folder: Folder, tmp_path: Path) -> None:
    path = folder(x__a="Always", y__a="Always", z__a="Always")
    run(*(path / name / "a.litmus" for name in "xyz"), "--svg", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["a.sc-2.svg", "a.sc.svg", "a.svg"]


@pytest.mark.parametrize("option", ["--dot", "--svg"])
def test_a_folder_that_cannot_be_made(run: Run, folder: Folder, option: str) -> None:
    path = folder(a="Always")
    status, out, err = run(path, option, path / "a.litmus" / "deep")
    assert status == 2
    assert out == "" and f"cannot make the folder for {option}" in err


def test_a_picture_that_cannot_be_written(run: Run, folder: Folder) -> None:
    path = folder(a="Always")
    (path / "out" / "a.svg").mkdir(parents=True)
    status, _, err = run(path / "a.litmus", "--svg", path / "out")
    assert status == 2 and "a.svg: cannot write the picture" in err


# --- interrupts ---
def test_an_interrupt_prints_what_is_done(run: Run, folder: Folder) -> None:
    path = folder(a="Always", b="interrupt", c="Always")
    status, out, err = run(path)
    assert status == 130
    assert "a.litmus" in out and "1 check:" in out
    assert "interrupted: 1 of 3 checks done" in err
    status, out, _ = run(path, "--format", "json")
    document: dict[str, Any] = json.loads(out)
    assert status == 130 and document["summary"]["tests"] == 1


def test_quiet_and_verbose(run: Run, folder: Folder) -> None:
    path = folder(a="Always", b="Never")
    _, out, _ = run(path, "-q")
    assert "a.litmus" not in out and "b.litmus" in out
    assert "candidates" in run(path, "-v")[1]
