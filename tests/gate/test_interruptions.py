"""Runs that are killed, and runs side by side: the report is that of one that nothing disturbed."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from membar_check.gate.baseline import read_baseline
from support.gates import ROOT, start

KILLS = 20


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with tests of which some are not as expected."""
    for name in ("x86", "x86_64"):
        shutil.copytree(ROOT / "litmus" / name, tmp_path / name)
    expected = tmp_path / "x86" / "expected.txt"
    text = expected.read_text()
    assert "x86-tso  Sometimes" in text
    expected.write_text(text.replace("x86-tso  Sometimes", "x86-tso  Never    "))
    return tmp_path


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def run(place: Path, cache: str, *more: str) -> subprocess.Popen[str]:
    return start("gate", "x86", "x86_64", "-j", "2", "--cache", cache, *more, cwd=place)


def without_notes(out: str) -> str:
    return "".join(line for line in out.splitlines(keepends=True) if not line.startswith("note: "))


def test_a_killed_run_resumes_to_the_same_report(place: Path) -> None:
    begun = time.monotonic()
    status, report, _ = finished(run(place, "undisturbed"))
    lasted = time.monotonic() - begun
    assert status == 1 and "broken" in report
    chance = random.Random(20)
    hit = 0
    for number in range(KILLS // 2):
        cache = f"cache{number}"
        for more in ((), ("--resume",)):
            process = run(place, cache, *more)
            time.sleep(chance.uniform(0.05, lasted))
            process.kill()
            hit += finished(process)[0] == -signal.SIGKILL
        again, out, err = finished(run(place, cache, "--resume"))
        assert (again, without_notes(out), err) == (status, report, "")
        assert not list((place / cache / "runs").glob("*.jsonl"))
    assert hit > KILLS // 5


def test_an_interrupt_says_how_to_go_on(place: Path) -> None:
    process = run(place, "cache")
    journals = place / "cache" / "runs"
    while not any(path.stat().st_size > 2000 for path in journals.glob("*.jsonl")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    status, _, err = finished(process)
    if status == 130:
        assert "checks done; --resume goes on from there" in err and list(journals.glob("*.jsonl"))
    else:
        assert status == 1  # it was done before the signal came


def test_two_at_once_record_each_its_part(place: Path) -> None:
    more = ("--cache", "cache", "--baseline", "base", "--update")
    parts = [start("gate", name, *more, cwd=place) for name in ("x86", "x86_64")]
    assert [finished(process)[0] for process in parts] == [0, 0]
    status, out, _ = finished(run(place, "cache", "--baseline", "base"))
    assert status == 0 and " same\n" in out


def test_two_at_once_do_not_harm_each_other(place: Path) -> None:
    more = ("--baseline", "base", "--update")
    first, second = (run(place, "cache", *more) for _ in range(2))
    results = [finished(process) for process in (first, second)]
    counts = [out.splitlines()[-1] for _, out, _ in results]
    assert [status for status, _, _ in results] == [0, 0] and not any("note" in out for _, out, _ in results)
    assert all(line.endswith("recorded in base") for line in counts)
    recorded = read_baseline(str(place / "base"))
    assert len(recorded.records) == int(counts[0].split()[0])
    status, out, _ = finished(run(place, "cache", "--baseline", "base", "--times"))
    assert status == 0 and f"{len(recorded.records)} from the cache" in out
