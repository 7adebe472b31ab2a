"""The folder with the page of a gate and its explanations."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from membar_check.cli import main
from membar_check.diagnostics import InputError
from membar_check.gate.pages import write_pages
from membar_check.gate.report_data import GateItem, GateReport, Kind
from membar_check.gate.run import GateOptions, run_gate
from membar_check.options import RunOptions
from membar_check.records import replace


@pytest.fixture
def tree(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> RunOptions:
    """SB with an expectation that it does not meet, and SB with fences, which is as expected."""
    folder = tmp_path / "t"
    folder.mkdir()
    for name in ("SB.litmus", "SB+mfences.litmus"):
        shutil.copy(root / "litmus" / "x86" / name, folder)
    (folder / "expected.txt").write_text(
        "SB.litmus x86-tso Never\nSB.litmus sc Never\nSB+mfences.litmus x86-tso Never\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    return RunOptions(paths=("t",))


def gate(run: RunOptions) -> GateReport:
    return run_gate(GateOptions(run))


def test_what_broke_is_explained(tree: RunOptions, tmp_path: Path) -> None:
    assert write_pages(gate(tree), "out", tree) == ()
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    (link,) = re.findall(r'href="(explain/[^"]+)"', index)
    assert re.fullmatch(r"explain/SB-x86-tso-[0-9a-f]{8}\.html", link)
    page = (tmp_path / "out" / unquote(link)).read_text("utf-8")
    assert "SB" in page and "can happen" in page and "1:EAX=0" in page
    assert "differences are explained" not in index


def test_links_hold_where_names_have_what_addresses_have_not(tree: RunOptions, tmp_path: Path) -> None:
    (tmp_path / "t" / "SB.litmus").rename(tmp_path / "t" / "S #B+ü%.litmus")
    (tmp_path / "t" / "expected.txt").unlink()
    report = gate(tree)
    items = tuple(replace(item, kind=Kind.BROKEN) for item in report.items)
    write_pages(replace(report, items=items), "out", tree)
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    links = re.findall(r'href="(explain/[^"]+)"', index)
    assert len(links) == 2 and all((tmp_path / "out" / unquote(link)).is_file() for link in links)


def test_only_so_many_are_explained_and_the_page_says_so(tree: RunOptions, tmp_path: Path) -> None:
    report = gate(tree)
    items = tuple(replace(item, kind=Kind.BROKEN) for item in report.items)
    assert write_pages(replace(report, items=items), "out", tree, limit=1) == ()
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "1 of 3 differences are explained, the gravest first" in index
    assert len(list((tmp_path / "out" / "explain").iterdir())) == 1


def test_the_time_for_all_of_them_ends(tree: RunOptions, tmp_path: Path) -> None:
    (failure,) = write_pages(gate(tree), "out", tree, seconds=0.001)
    assert failure.startswith("t/SB.litmus under x86-tso: not explained: ") and "time" in failure
    assert "0 of 1 differences are explained; 1 could not be" in (tmp_path / "out" / "index.html").read_text("utf-8")
    assert list((tmp_path / "out" / "explain").iterdir()) == []


def test_what_cannot_be_explained_is_named(tree: RunOptions, tmp_path: Path) -> None:
    report = gate(tree)
    (tmp_path / "t" / "SB.litmus").unlink()
    (failure,) = write_pages(report, "out", tree)
    assert failure.startswith("t/SB.litmus under x86-tso: not explained: t/SB.litmus: cannot be read")


def test_old_explanations_go_and_files_of_others_stay(tree: RunOptions, tmp_path: Path) -> None:
    write_pages(gate(tree), "out", tree)
    (tmp_path / "out" / "explain" / "notes.html").write_text("mine", encoding="utf-8")
    (tmp_path / "t" / "expected.txt").write_text(
        "SB.litmus x86-tso Sometimes\nSB+mfences.litmus x86-tso Never\n", encoding="utf-8"
    )
    write_pages(gate(tree), "out", tree)
    assert [path.name for path in (tmp_path / "out" / "explain").iterdir()] == ["notes.html"]


def test_a_model_of_the_users_is_found_by_its_path(tree: RunOptions, tmp_path: Path) -> None:
    (tmp_path / "weak.cat").write_text(
        '"weak"\ninclude "cos.cat"\nacyclic po-loc | rf | co | fr as coherence\n', encoding="utf-8"
    )
    run = replace(tree, models=("weak.cat",))
    (tmp_path / "t" / "expected.txt").write_text(
        "SB.litmus weak Never\nSB+mfences.litmus weak Never\n", encoding="utf-8"
    )
    report = gate(run)
    assert {item.kind for item in report.items} == {Kind.BROKEN}
    assert write_pages(report, "out", run) == ()
    assert len(list((tmp_path / "out" / "explain").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match=r"out.*: cannot be written"):
        write_pages(GateReport((), ()), "out", RunOptions(paths=()))


def test_nothing_to_explain(tmp_path: Path) -> None:
    from membar_check.verdict import Status

    gone = GateItem("gone.litmus", "sc", Kind.MISSING, Status.DIFFERS, "there is no such test")
    assert write_pages(GateReport((gone,), ()), str(tmp_path / "out"), RunOptions(paths=())) == ()
    assert "are explained" not in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_the_option_writes_the_page(tree: RunOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "t", "--quiet", "--no-cache", "--html", "out", "--report", "sarif=out.sarif"]) == 1
    assert "broken  t/SB.litmus" in capsys.readouterr().out
    assert "explain/SB-x86-tso-" in (tmp_path / "out" / "index.html").read_text("utf-8")
    assert '"ruleId": "broken"' in (tmp_path / "out.sarif").read_text("utf-8")
