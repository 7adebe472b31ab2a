"""Journals of interrupted runs: tolerant of a cut, strict with everything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from membar_check.gate.journal import HEAD, Journal
from membar_check.gate.report_data import Record

IDENTITY = "a" * 64
DONE = Record("t", kind="Allowed", word="Ok", observation="Never")
LATE = Record("t", failure="time-out", message="too slow")


def interrupted(folder: Path, **entries: Record) -> Path:
    journal = Journal(folder, IDENTITY, "1 None", False)
    for key, record in entries.items():
        journal.add(key, record)
    journal.close(finished=False)
    (path,) = folder.glob("*.jsonl")
    return path


def resumed(folder: Path, limits: str = "1 None", identity: str = IDENTITY) -> Journal:
    journal = Journal(folder, identity, limits, True)
    journal.close(finished=True)
    return journal


def test_an_interrupted_run_is_taken_over_once(tmp_path: Path) -> None:
    interrupted(tmp_path, a=DONE, b=LATE)
    assert resumed(tmp_path, identity="b" * 64).resumed == {}
    journal = resumed(tmp_path)
    assert journal.resumed == {"a": DONE, "b": LATE} and not journal.notes
    assert resumed(tmp_path).resumed == {}
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_second_interruption_loses_nothing(tmp_path: Path) -> None:
    interrupted(tmp_path, a=DONE)
    second = Journal(tmp_path, IDENTITY, "1 None", True)
    second.add("b", DONE)
    second.close(finished=False)
    assert resumed(tmp_path).resumed == {"a": DONE, "b": DONE}


def test_without_resume_it_is_dropped(tmp_path: Path) -> None:
    interrupted(tmp_path, a=DONE)
    fresh = Journal(tmp_path, IDENTITY, "1 None", False)
    fresh.close(finished=True)
    assert fresh.resumed == {} and not list(tmp_path.glob("*.jsonl"))


def test_other_limits_make_inconclusive_checks_again(tmp_path: Path) -> None:
    interrupted(tmp_path, a=DONE, b=LATE)
    assert resumed(tmp_path, "60 None").resumed == {"a": DONE}


def test_a_cut_last_line_is_told(tmp_path: Path) -> None:
    path = interrupted(tmp_path, a=DONE, b=DONE)
    path.write_bytes(path.read_bytes()[:-9])
    journal = resumed(tmp_path)
    assert journal.resumed == {"a": DONE}
    assert len(journal.notes) == 1 and "was cut" in journal.notes[0]


def test_a_damaged_line_is_told_and_the_others_count(tmp_path: Path) -> None:
    path = interrupted(tmp_path, a=DONE, b=DONE, c=DONE)
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"Never", b"Always")
    path.write_bytes(b"\n".join(lines))
    journal = resumed(tmp_path)
    assert journal.resumed == {"a": DONE, "c": DONE}
    assert len(journal.notes) == 1 and "damaged" in journal.notes[0]


@pytest.mark.parametrize("text", [b"\x00\xff" * 40 + b"\n", b"membar-check journal 9\n", b"{}\n"])
def test_another_file_is_told(tmp_path: Path, text: bytes) -> None:
    interrupted(tmp_path, a=DONE).write_bytes(text)
    journal = resumed(tmp_path)
    assert journal.resumed == {} and "no journal that this version can read" in journal.notes[0]


@pytest.mark.parametrize("length", [0, 5, len(HEAD)])
def test_a_journal_that_was_cut_at_its_head_is_empty(tmp_path: Path, length: int) -> None:
    interrupted(tmp_path).write_bytes(HEAD.encode()[:length])
    journal = resumed(tmp_path)
    assert journal.resumed == {} and not journal.notes


def test_the_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from membar_check.gate.journal import Journal\n"
        f"journal = Journal(Path({str(tmp_path)!r}), {IDENTITY!r}, '1 None', False)\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None and other.stdout is not None
    try:
        assert other.stdout.readline() == "ready\n"
        mine = resumed(tmp_path)
        assert mine.resumed == {} and not mine.notes
        assert len(list(tmp_path.glob("*.jsonl"))) == 1
    finally:
        other.communicate("")


def test_workers_that_outlive_their_run_do_not_hold_its_journal(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from membar_check.gate.journal import Journal\n"
        "from membar_check.gate.report_data import Record\n"
        f"journal = Journal(Path({str(tmp_path)!r}), {IDENTITY!r}, '1 None', False)\n"
        "journal.add('a', Record('t', failure='time-out', message='too slow'))\n"
        "child = os.fork()\n"
        "if child == 0: sys.stdin.read(); os._exit(0)\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdin is not None and run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    run.kill()
    run.wait()
    assert resumed(tmp_path).resumed == {"a": LATE}
    run.stdin.close()
    run.stdout.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "runs", IDENTITY, "", True)
    journal.add("a", DONE)
    journal.close(finished=True)
    assert "no journal is kept" in journal.notes[0]
