"""All edits of the bundled tests: each parses, the difference applies with ``patch``, sets of edits go together, and
what is made stronger allows nothing new."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, check_test, lower_for, model_request, parse_file
from membar_check.engine.models import get_model
from membar_check.explain.edits.apply import (
    Edited,
    apply_edits,
    conflict,
    parse_edited,
    source_texts,
    unified_diff,
)
from membar_check.explain.edits.edit import Edit
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import load_table
from membar_check.litmus.syntax import LitmusTest
from support.inline import parse, states

LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"
SMALL = sorted(path for folder in ("c", "aarch64", "x86", "x86_64") for path in (LITMUS / folder).glob("*.litmus"))
RACY = LITMUS / "membarrier" / "racy-load-5.4.litmus"
KERNEL = [
    "racy-load-5.4", "racy-load-pre-5.4", "no-grace-period-5.4", "no-grace-period-quoted", "no-ipi-mb-5.4",
    "exit-mm-plain-5.4", "kthread-switch-no-mb-5.4", "mm-cpumask-arm64", "skips-self-5.4", "scenario-A-v2",
    "sched-mb-by-state-5.4", "last-user-exits-5.4",
]  # fmt: skip


@lru_cache(maxsize=4)
def read(path: Path) -> tuple[LitmusTest, tuple[Edit, ...]]:
    test = parse_file(str(path), ())
    return test, all_edits(test, load_table(test.arch))


def lowered(test: LitmusTest) -> None:
    options = CheckOptions()
    lower_for(test, get_model(model_request(test, options)), options)


@pytest.mark.parametrize("family", ["c", "aarch64", "x86", "x86_64"])
def test_every_edit_is_a_test(family: str) -> None:
    count = 0
    for path in SMALL:
        if path.parent.name == family:
            test, edits = read(path)
            for edit in edits:
                made = apply_edits(test, [edit])
                assert list(made.texts) == [test.source.name], edit.command
                lowered(parse_edited(test, made, ()))
            count += len(edits)
    assert count > 20


@pytest.mark.parametrize("name", KERNEL)
def test_edits_of_kernel_tests_are_tests(name: str) -> None:
    test, edits = read(LITMUS / "membarrier" / f"{name}.litmus")
    assert len(edits) > 30
    for edit in random.Random(name).sample(edits, 4):
        made = apply_edits(test, [edit])
        assert len(made.texts) == 1, edit.command
        lowered(parse_edited(test, made, ()))


@pytest.mark.parametrize("path", [*SMALL[::20], RACY], ids=lambda p: p.stem)
def test_no_edit_changes_nothing(path: Path) -> None:
    test, _ = read(path)
    made = apply_edits(test, [])
    assert made == Edited({})
    assert unified_diff(test, made) == ""
    assert parse_edited(test, made, ()).source == test.source


def patched(folder: Path, test: LitmusTest, made: Edited) -> dict[str, str]:
    """What ``patch`` makes of the files of a test."""
    originals = source_texts(test)
    for name in made.texts:
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(originals[name].encode())
    difference = unified_diff(test, made)
    subprocess.run(["patch", "-p1", "--fuzz=0"], cwd=folder, input=difference.encode(), check=True, capture_output=True)
    return {name: (folder / name.lstrip("/")).read_bytes().decode() for name in made.texts}


@pytest.mark.skipif(shutil.which("patch") is None, reason="there is no patch program")
@pytest.mark.parametrize("path", [*SMALL[::9], RACY], ids=lambda p: p.stem)
def test_the_difference_applies(path: Path, tmp_path: Path) -> None:
    test, edits = read(path)
    chosen = compatible(random.Random(0).sample(edits, min(6, len(edits))))
    made = apply_edits(test, chosen)
    assert patched(tmp_path, test, made) == made.texts


@pytest.mark.skipif(shutil.which("patch") is None, reason="there is no patch program")
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_ends_of_files(end: str, tmp_path: Path) -> None:
    line = end if end.strip("\n") else "\n"
    text = f"C t{line}{{}}{line}P0(int *x){line}{{{line}smp_mb();{line}}}{line}exists (true){end}"
    test = parse(text)
    made = apply_edits(test, [edit for edit in all_edits(test, load_table("C")) if edit.kind == "drop"])
    assert patched(tmp_path, test, made) == made.texts == {"test.litmus": text.replace(f"smp_mb();{line}", "")}


def compatible(edits: list[Edit]) -> list[Edit]:
    """As many of the edits as go together, first come first served."""
    chosen: list[Edit] = []
    for edit in edits:
        if not any(conflict(edit, other) for other in chosen):
            chosen.append(edit)
    return chosen


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_edits_that_do_not_exclude_each_other_go_together(data: st.DataObject) -> None:
    test, edits = read(data.draw(st.sampled_from(SMALL)))
    assume(edits)
    chosen = compatible(data.draw(st.lists(st.sampled_from(edits), max_size=8, unique=True)))
    made = apply_edits(test, chosen)
    again = parse_edited(test, made, ())
    lowered(again)
    assert apply_edits(test, chosen[::-1]) == made
    before, after = (sorted(levels(each)) for each in (test, again))
    for edit in chosen:
        before += [edit.level] if edit.level else []
        if edit.was:
            before.remove(edit.was)
    # A plain read inside of a plain assignment is a place of its own once the assignment is a call.
    assert not Counter(before) - Counter(after)
    assert set(Counter(after) - Counter(before)) <= {"plain"}


def levels(test: LitmusTest) -> list[str]:
    """The fences and forms that stand in a test."""
    from membar_check.explain.edits.sites import find_places

    return [site.level for site in find_places(test, load_table(test.arch)).sites]


def test_edits_that_exclude_each_other() -> None:
    test, edits = read(LITMUS / "c" / "SB+mbs.litmus")
    by_command = {edit.command: edit for edit in edits}
    drop = next(edit for edit in edits if edit.kind == "drop")
    weaken = next(edit for edit in edits if edit.site == drop.site and edit.kind == "weaken")
    assert conflict(drop, weaken)
    with pytest.raises(InputError, match="change the same text") as caught:
        apply_edits(test, [drop, weaken])
    assert drop.command in caught.value.message
    assert weaken.command in caught.value.message
    assert len(by_command) == len(edits)


MONOTONE = [
    "c/MP+wmb+rmb", "c/SB+mbs", "c/LB+acquire+release", "c/SB+xchgs", "c/SB+store-mb", "c/MP+rcu-pointer",
    "c/SB+after-atomic", "aarch64/MP+rel+acq", "aarch64/SB+swpal", "aarch64/MP+dmb.st+dmb.ld",
    "aarch64/SB+rel-acqpcs", "x86/SB+mfences",
]  # fmt: skip


@pytest.mark.parametrize("name", MONOTONE)
def test_stronger_allows_nothing_new_and_weaker_forbids_nothing(name: str) -> None:
    test, edits = read(LITMUS / f"{name}.litmus")
    options = CheckOptions(hash=False)
    before = states(check_test(test, options))
    for edit in edits:
        after = states(check_test(parse_edited(test, apply_edits(test, [edit]), ()), options))
        if edit.kind in ("strengthen", "add"):
            assert after <= before, edit.command
        else:
            assert after >= before, edit.command
