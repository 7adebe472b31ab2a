"""Checks on a cluster of this machine: the same answers, also where workers are killed, and plain words elsewhere."""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from membar_check.arguments import Parser
from membar_check.diagnostics import InputError
from membar_check.gate import cluster as cluster_module
from membar_check.gate import helper as helper_module
from membar_check.gate.checking import check_jobs, check_texts
from membar_check.gate.cluster import Cluster
from membar_check.gate.executor import Answers, Executor, Limits, Task
from membar_check.gate.identity import identity
from membar_check.gate.report_data import Record
from membar_check.gate.run import GateOptions, run_gate
from membar_check.gate.searching import Sifting
from membar_check.gating_generate import add_parsers, run_command
from membar_check.options import RunOptions
from membar_check.records import replace
from membar_check.runner import make_plan
from membar_check.synth.diff import DiffOptions, compare_models, prepare
from membar_check.synth.finder import Bound, Finder, Goal
from tests.support.executors import LocalExecutor

TESTS = (
    "x86/SB", "x86/MP", "aarch64/MP", "aarch64/LB+ctrls", "aarch64/2+2W", "aarch64/CoRR", "aarch64/SB+dmb.sts",
    "aarch64/LB+datas", "c/SB+mbs", "c/MP+locks", "c/RCU+reader+gp", "membarrier/bystander-5.4",
)  # fmt: skip
"""Bundled tests of all kinds; the last includes a header of its folder."""

distributed: Any = None
try:
    distributed = importlib.import_module("distributed")
except ImportError:
    pass
needs_dask = pytest.mark.skipif(distributed is None, reason="distributed is not installed: pip install '.[dask]'")


def local_cluster(workers: int) -> Any:
    return distributed.LocalCluster(
        n_workers=workers, processes=workers > 0, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    )


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    """A cluster of two workers, each a process that is started anew when it is lost."""
    with local_cluster(2) as found:
        yield found


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch, root: Path) -> tuple[str, ...]:
    monkeypatch.chdir(root)
    return tuple(f"litmus/{name}.litmus" for name in TESTS)


def checked(
    paths: Sequence[str], executor: Executor, after: Callable[[int], None] = lambda number: None, **options: Any
) -> dict[str, Record]:
    """The records of tests by file; ``after`` is called with how many are there."""
    run = RunOptions(tuple(paths), **{"timeout": 60.0, **options})
    jobs = make_plan(run).jobs
    found: dict[str, Record] = {}
    for number, record, _ in check_jobs(jobs, run, executor):
        assert jobs[number].file.path not in found, "each job has one answer"
        found[jobs[number].file.path] = record
        after(len(found))
    assert len(found) == len(jobs)
    return found


# --- the same answers ------------------------------------------------------------------------------------------------
@needs_dask
def test_answers_are_those_of_one_machine_though_a_worker_is_killed(two_workers: Any, bundled: tuple[str, ...]) -> None:
    here = checked(bundled, LocalExecutor(2))
    assert all(record.conclusive for record in here.values())
    before = pids(two_workers)

    def kill_one(done: int) -> None:
        if done == 2:
            os.kill(before[0], signal.SIGKILL)

    with Cluster(two_workers.scheduler_address) as executor:
        assert checked(bundled, executor) == here
        assert checked(bundled, executor, kill_one) == here
    wait_for(lambda: before[0] not in pids(two_workers) and len(two_workers.scheduler.workers) == 2)
    assert before[1] in pids(two_workers)


def pids(cluster: Any) -> list[int]:
    return [nanny.pid for nanny in cluster.workers.values()]


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


class Elsewhere:
    """Empties a folder before tasks are done: what these need must have come with them."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self.executor, self.folder = executor, folder

    def answers(self, tasks: Sequence[Task], limits: Limits) -> Answers:
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield from self.executor.answers(tasks, limits)

    def close(self) -> None:
        pass


MODEL = '"mine"\ninclude "cos.cat"\ninclude "parts/order.cat"\nacyclic order as total\n'
MISSING = "X86 missing\n{}\n P0 | P1 ;\n MOV [x],$1 | MOV EAX,[y ;\nexists (x=1)\n"


@needs_dask
@pytest.mark.parametrize("absolute", [False, True])
def test_what_a_task_needs_goes_with_it(
    two_workers: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    project = tmp_path / "project"
    (project / "models" / "parts").mkdir(parents=True)
    (project / "models" / "mine.cat").write_text(MODEL)
    (project / "models" / "parts" / "order.cat").write_text("let order = po | rf | fr | co\n")
    shutil.copy(root / "litmus/x86/SB.litmus", project / "SB.litmus")
    (project / "missing.litmus").write_text(MISSING)
    shutil.copytree(root / "litmus/membarrier", project / "kernel")
    monkeypatch.chdir(project)
    top = f"{project}/" if absolute else ""
    tests = [f"{top}{name}.litmus" for name in ("SB", "missing", "kernel/bystander-5.4")]
    models = (f"{top}models/mine.cat",)
    here = {path: checked([path], LocalExecutor(1), models=models)[path] for path in tests[:2]}
    here |= checked(tests[2:], LocalExecutor(1))
    assert here[tests[0]].observation == "Never"
    assert here[tests[1]].failure == "error"
    assert here[tests[1]].place is not None and here[tests[1]].place.file == tests[1]
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    there: dict[str, Record] = {}
    with Cluster(two_workers.scheduler_address) as cluster:
        for paths, options in ((tests[:2], {"models": models}), (tests[2:], {})):
            there |= checked(paths, Elsewhere(cluster, project), **options)
            shutil.copytree(copy, project, dirs_exist_ok=True)
    assert there == here


@needs_dask
def test_texts_that_are_no_files(two_workers: Any, bundled: tuple[str, ...]) -> None:
    texts = [(f"made-{Path(path).name}", Path(path).read_text()) for path in bundled[:3]]
    with Cluster(two_workers.scheduler_address) as cluster:
        found = list(check_texts(texts, RunOptions((), timeout=60.0), cluster))
    assert [record.word for record in found] == [r.word for r in checked(bundled[:3], LocalExecutor(1)).values()]
    assert found[0].place is not None
    assert found[0].place.file == "made-SB.litmus"


@needs_dask
def test_a_gate_is_the_same(two_workers: Any, bundled: tuple[str, ...]) -> None:
    options = GateOptions(RunOptions(bundled, timeout=60.0, all_models=True))
    ticks: list[str] = []
    there = run_gate(replace(options, dask=two_workers.scheduler_address), ticks.append)
    here = run_gate(options)
    assert [replace(item, seconds=None) for item in there.items] == [replace(item, seconds=None) for item in here.items]
    assert there.status == 0
    assert sorted(ticks) == sorted(item.file for item in there.items)


@needs_dask
def test_a_search_finds_the_same_though_a_worker_is_killed(two_workers: Any, bundled: tuple[str, ...]) -> None:
    options = DiffOptions(Bound(4, 4, 2), onwards=True)
    models, arch, _ = prepare("x86-tso", "aarch64", None, (), options)
    here = compare_models(*models, arch, options)
    with Cluster(two_workers.scheduler_address) as cluster, closing(Sifting(cluster, options.check)) as sifting:

        def begin(finder: Finder, goals: Sequence[Goal]) -> None:
            sifting.begin(finder, goals)
            assert sifting.empty(((1,), ""), goals[0])
            os.kill(pids(two_workers)[1], signal.SIGKILL)

        there = compare_models(*models, arch, options, begin=begin)
    assert replace(there, seconds=0.0) == replace(here, seconds=0.0)
    assert len(there.differences) == 2


@needs_dask
def test_generated_tests_have_the_same_verdicts(two_workers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["generate", "--size", "3", "--arch", "AArch64", "--fences", "DMB.SY", "--verdicts", "--limit", "40"]
    printed: list[str] = []
    for further in ([], ["--dask", two_workers.scheduler_address]):
        parser = Parser(prog="membar-check")
        add_parsers(parser.add_subparsers(dest="command", parser_class=Parser))
        assert run_command(parser.parse_args([*command, *further]), sys.stdout, sys.stderr) == 0
        printed.append(capsys.readouterr().out)
    assert "forbidden" in printed[0]
    assert printed[1] == printed[0]


# --- trouble ---------------------------------------------------------------------------------------------------------
@needs_dask
def test_a_task_that_takes_its_workers_along_has_no_answer_and_others_have(
    two_workers: Any, bundled: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_line(line: str) -> str:  # goes to the workers by value
        if "CoRR" in line:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)
        from membar_check.gate.cluster import run_line

        return run_line(line)

    monkeypatch.setattr(cluster_module, "run_line", run_line)
    monkeypatch.setattr(two_workers.scheduler, "allowed_failures", 0)
    with Cluster(two_workers.scheduler_address) as executor:
        found = checked(bundled[2:7], executor)
    lost = found.pop("litmus/aarch64/CoRR.litmus")
    assert lost.failure == "engine"
    assert "its worker was lost 2 times" in lost.message
    assert all(record.conclusive for record in found.values())


@needs_dask
def test_workers_with_another_installation_are_refused(
    two_workers: Any, bundled: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**identity(), "membar-check": "9.9", "z3-solver": "0.1"}
    monkeypatch.setattr(helper_module, "identity", lambda: other)
    monkeypatch.setattr(cluster_module, "identity", lambda: other)
    with Cluster(two_workers.scheduler_address) as executor, pytest.raises(InputError) as caught:
        checked(bundled, executor)
    message = caught.value.message
    assert "has another installation" in message
    assert f"membar-check {identity()['membar-check']} (here 9.9)" in message
    assert f"z3-solver {identity()['z3-solver']} (here 0.1)" in message
    assert "tcp://" in message


@needs_dask
def test_who_stops_early_leaves_nothing_to_do(two_workers: Any, bundled: tuple[str, ...]) -> None:
    run = RunOptions(bundled, timeout=60.0)
    with Cluster(two_workers.scheduler_address) as executor:
        answers = check_jobs(make_plan(run).jobs, run, executor)
        next(answers)
        answers.close()
        wait_for(lambda: not two_workers.scheduler.tasks)
    assert two_workers.status.name == "running"


@needs_dask
def test_a_cluster_without_workers(bundled: tuple[str, ...]) -> None:
    with (
        local_cluster(0) as empty,
        Cluster(empty.scheduler_address, patience=0.5) as executor,
        pytest.raises(InputError, match=r"has had no worker for 0\.5 s"),
    ):
        checked(bundled[:1], executor)


@needs_dask
def test_a_scheduler_that_is_lost_on_the_way(bundled: tuple[str, ...]) -> None:
    empty = local_cluster(0)
    executor = Cluster(empty.scheduler_address)
    threading.Timer(1.0, empty.close).start()
    with pytest.raises(InputError, match=r"was lost: its scheduler does not answer any more"):
        checked(bundled[:1], executor)
    executor.close()


@needs_dask
def test_no_cluster_at_an_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"there is no cluster at {address}: ") as caught:
            Cluster(address, connect=0.5)
    assert "running scheduler" in caught.value.hint


@needs_dask
def test_a_scheduler_file(two_workers: Any, tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(f'{{"address": "{two_workers.scheduler_address}"}}')
    with Cluster(str(path)) as cluster:
        assert cluster._threads() == 2
    path.write_text("{}")
    with pytest.raises(InputError, match="no scheduler file of Dask"):
        Cluster(str(path))


@needs_dask
@pytest.mark.parametrize("address", ["tls://127.0.0.1:1", "no such thing", "ftp://host:1", "tcp://host:port", ""])
def test_addresses_that_are_none(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="there is no cluster at"):
        Cluster(address, connect=0.5)
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="--dask needs the library distributed") as caught:
        Cluster("tcp://127.0.0.1:8786")
    assert "pip install 'membar-check[dask]'" in caught.value.hint
