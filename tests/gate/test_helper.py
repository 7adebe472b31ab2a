"""The process that does tasks for a worker: its limits, its deaths, what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from membar_check.diagnostics import Inconclusive
from membar_check.gate.bundle import Files, Place, go_there, lay_out
from membar_check.gate.checking import pack, unpack
from membar_check.gate.executor import Limits, Task, in_order
from membar_check.gate.helper import Helper, Lost, read_answer, tasks_line
from membar_check.gate.identity import different, identity
from membar_check.options import RunOptions
from membar_check.resources import models_dir
from membar_check.runner import Job
from membar_check.runner import TestFile as File
from tests.support.executors import LocalExecutor

SB = "litmus/x86/SB.litmus"
LARGE = """X86 large
{}
 P0 | P1 | P2 | P3 ;
ROWS
exists (x=99)
"""


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    found = Helper(str(tmp_path))
    yield found
    found.close()
    assert not list(tmp_path.glob("membar-check-*")), "it leaves nothing"


def always() -> bool:
    return True


def task_for(path: str, **options: Any) -> Task:
    task = pack(Job(File(path, path), options.pop("model", None)), RunOptions((path,), **options), Files())
    assert task is not None
    return task


def line_for(task: Task, seconds: float = 60.0, **changes: Any) -> str:
    content = json.loads(tasks_line([task], Limits(seconds), "run-1", str(models_dir())))
    return json.dumps({**content, **changes})


def answer_of(line: str | None) -> Any:
    assert line is not None
    (answer,) = json.loads(line)["answers"]
    return read_answer(answer)


def long_test(tmp_path: Path) -> str:
    """A test that nobody finishes."""
    row = " MOV [x],${0}1 | MOV [x],${0}2 | MOV [y],${0} | MOV EAX,[x] ;"
    rows = "\n".join(row.format(i) for i in range(1, 31))
    path = tmp_path / "large.litmus"
    path.write_text(LARGE.replace("ROWS", rows))
    return str(path)


def children(process: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_test_is_checked(helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for _ in range(2):
        answer, ended = answer_of(helper.ask(line_for(task_for(SB)), always))
        record, seconds = unpack(answer, Job(File(SB, SB), None))
        assert (record.test, record.word, record.observation, ended) == ("SB", "Ok", "Sometimes", False)
        assert record.place is not None and record.place.file == SB
        assert seconds is not None


def test_time_is_limited(helper: Helper, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    task = task_for(long_test(tmp_path), engine="masks")
    answer, ended = answer_of(helper.ask(line_for(task, 0.3), always))
    assert isinstance(answer, Inconclusive)
    assert (answer.reason, ended) == ("time-out", False)
    answer, _ = answer_of(helper.ask(line_for(task_for(SB)), always))
    assert not isinstance(answer, Inconclusive), "the helper goes on"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_ended_from_outside_says_nothing_of_the_task(helper: Helper, tmp_path: Path, number: int) -> None:
    def end() -> None:
        while not children(helper._process.pid):
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(children(helper._process.pid)[0], number)

    threading.Thread(target=end).start()
    answer, ended = answer_of(helper.ask(line_for(task_for(long_test(tmp_path), engine="masks")), always))
    assert isinstance(answer, Inconclusive)
    assert ended


def test_a_helper_that_ends_early_is_lost(helper: Helper, tmp_path: Path) -> None:
    threading.Timer(1.0, lambda: os.kill(helper._process.pid, signal.SIGKILL)).start()
    with pytest.raises(Lost):
        helper.ask(line_for(task_for(long_test(tmp_path), engine="masks")), always)


def test_what_nobody_waits_for_is_ended(helper: Helper, tmp_path: Path) -> None:
    seen: list[int] = []

    def wanted() -> bool:
        seen.extend(children(helper._process.pid))
        return not seen

    assert helper.ask(line_for(task_for(long_test(tmp_path), engine="masks")), wanted) is None
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


def test_another_installation_is_told(helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    line = helper.ask(line_for(task_for(SB), identity={**identity(), "code": "0"}), always)
    assert line is not None
    assert json.loads(line) == {"identity": dict(identity())}


def test_another_model_is_no_answer(helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    task = task_for(SB)
    answer, _ = answer_of(helper.ask(line_for(Task("check", {**task.data, "digest": "0"}, task.files)), always))
    record, _ = unpack(answer, Job(File(SB, SB), None))
    assert record.failure == "engine"
    assert "the model x86-tso is not what it was when the run began" in record.message


def test_a_header_of_the_worker_is_not_taken(
    helper: Helper, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lies above the helper's files, where the search for headers comes along."""
    monkeypatch.chdir(root)
    headers = root / "litmus/membarrier/include"
    shutil.copytree(headers, tmp_path / "include")
    task = task_for("litmus/membarrier/bystander-5.4.litmus")
    assert any(name.endswith(".h") for name in task.files)
    path = "litmus/membarrier/bystander-5.4.litmus"
    own = {name: text for name, text in task.files.items() if not name.endswith(".h")}
    answer, _ = answer_of(helper.ask(line_for(Task("check", task.data, own)), always))
    record, _ = unpack(answer, Job(File(path, path), None))
    assert record.failure == "error"
    assert "on the worker only" in record.message


@pytest.mark.parametrize("name", ["../outside", "/there/../outside", "relative.litmus"])
def test_a_path_that_leads_elsewhere_is_refused(helper: Helper, name: str) -> None:
    answer, _ = answer_of(helper.ask(line_for(Task("check", {}, {name: "text"})), always))
    assert isinstance(answer, Inconclusive)
    assert "is no absolute path" in answer.message


def test_what_is_no_answer_counts_as_none() -> None:
    record, seconds = unpack({"record": {"test": 1}}, Job(File(SB, SB), None))
    assert (record.failure, seconds) == ("engine", None)
    assert "what came back is no record" in record.message


# --- parts -----------------------------------------------------------------------------------------------------------
def test_answers_in_order() -> None:
    assert list(in_order([(2, "c"), (0, "a"), (1, "b"), (3, "d")])) == ["a", "b", "c", "d"]


def test_a_fault_of_a_task_is_named() -> None:
    found = dict(LocalExecutor(2).answers([Task("check", {}), Task("check", {"path": 1})], Limits()))
    assert sorted(found) == [0, 1]
    for answer in found.values():
        assert isinstance(answer, Inconclusive)
        assert "a fault in the checker" in answer.message


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(str(tmp_path / "copies"), "/there/tests", {"/there/tests/a.litmus": "x\r\n\udcff"})
    place = go_there(str(tmp_path / "copies"), "/there/models", "/there/tests")
    assert Path("a.litmus").read_bytes() == b"x\r\n\xff"
    assert place.path("a.litmus") == "a.litmus"
    assert place.path("/there/b.cat") == f"{place.root}/there/b.cat"
    assert place.path("/there/models/sc.cat") == str(models_dir() / "sc.cat")
    said = {"text": f"{place.root}/there/b.cat and {models_dir()}/sc.cat", "number": 1, "list": [f"{place.root}/c"]}
    assert place.plain(said) == {"text": "/there/b.cat and /there/models/sc.cat", "number": 1, "list": ["/c"]}
    assert place.owns("a.litmus")
    assert place.owns(str(models_dir() / "sc.cat"))
    assert not place.owns("/etc/passwd")
    assert Place().owns("/etc/passwd")


def test_a_name_that_leads_through_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far" / "t").mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to("../far/t")
    (tmp_path / "far" / "k.h").write_text("far")
    (tmp_path / "tree" / "k.h").write_text("near")
    assert Files().read([f"{tmp_path}/tree/link/../k.h"]) == {f"{tmp_path}/tree/k.h": "far"}
    assert Files().read([f"{tmp_path}/tree/k.h"]) == {f"{tmp_path}/tree/k.h": "near"}


def test_installations_are_compared() -> None:
    mine = {"membar-check": "1", "code": "a", "lark": "1.2"}
    assert different(mine, dict(mine)) == ""
    assert different(mine, {**mine, "code": "b"}) == "code b (here a)"
    assert different(mine, {**mine, "code": "b", "lark": "1.3"}) == "lark 1.3 (here 1.2)"
    assert different(mine, {"membar-check": "1", "code": "a"}) == "lark none (here 1.2)"
