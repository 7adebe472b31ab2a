"""The formats of ``--format``, against golden files and for what other programs rely on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from membar_check.expectations import Judged, judge
from membar_check.litmus.syntax import Quantifier
from membar_check.report import FORMATS, Settings, make_reporter
from membar_check.report.herd_log import log_of
from membar_check.report.progress import Progress
from membar_check.verdict import Result
from support.results import failure, state, store_buffering, verdict

Golden = Callable[[str, str], None]

RESULTS: tuple[Result, ...] = (
    verdict(),
    verdict("MP", positive=0, states=(state(P0_EAX=1, x=2),)),
    verdict("no-states", quantifier=Quantifier.FORALL, negative=0, states=((),)),
    verdict("deadlock", positive=0, negative=0, states=()),
    verdict("forbidden", quantifier=Quantifier.NOT_EXISTS, positive=2, negative=5),
    verdict("spin", loop=True, quantifier=Quantifier.FORALL, negative=0),
    verdict("racy", flags=("zeta", "data-race"), undefined=True, model="lkmm"),
    verdict("query", reach=True, positive=None, negative=None, reached=True),
    failure(),
    failure("slow", inconclusive=True),
)


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def judged() -> list[Judged]:
    return [judge(result, None) for result in RESULTS]


def report(name: str, verbosity: int = 0, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    reporter = make_reporter(name, out, Settings(verbosity))
    for item in judged():
        reporter.add(item)
    reporter.finish()
    return out.getvalue()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_golden(name: str, verbosity: int, golden: Golden) -> None:
    golden(f"report/{name}{verbosity}.txt", report(name, verbosity))


@pytest.mark.parametrize("name", FORMATS)
def test_no_results(name: str, golden: Golden) -> None:
    out = io.StringIO()
    make_reporter(name, out, Settings()).finish()
    golden(f"report/{name}-empty.txt", out.getvalue())


def test_the_log_has_the_lines_of_herd() -> None:
    text = log_of(verdict(flags=("data-race", "a"), undefined=True))
    assert text.splitlines() == [
        "Test SB Allowed",
        "States 4",
        "0:EAX=0; 1:EAX=0;",
        "0:EAX=0; 1:EAX=1;",
        "0:EAX=1; 1:EAX=0;",
        "0:EAX=1; 1:EAX=1;",
        "Undef",
        "Witnesses",
        "Positive: 1 Negative: 3",
        "Flag *undef*",
        "Flag a",
        "Flag data-race",
        "Condition exists (0:EAX=0 /\\ 1:EAX=0)",
        "Observation SB Sometimes 1 3",
        "Time SB 0.00",
        "Hash=0123456789abcdef0123456789abcdef",
        "",
    ]
    assert text.endswith("\n\n")


def test_a_forbidden_condition_swaps_witnesses_but_not_the_observation() -> None:
    text = log_of(verdict(quantifier=Quantifier.NOT_EXISTS, positive=2, negative=5))
    assert "Positive: 5 Negative: 2\n" in text
    assert "Observation SB Sometimes 2 5\n" in text


def test_one_empty_state_is_an_empty_line_and_no_state_is_none() -> None:
    assert "States 1\n\nOk\n" in log_of(verdict(states=((),)))
    assert "States 0\nNo\n" in log_of(verdict(states=(), positive=0, negative=0))


def test_json_is_whole_and_says_everything() -> None:
    document = json.loads(report("json"))
    assert document["tool"] == "membar-check"
    assert len(document["results"]) == len(RESULTS) == document["summary"]["tests"]
    by_test = {item["test"]: item for item in document["results"]}
    assert by_test["SB"]["states"][1] == {"0:EAX": "0", "1:EAX": "1"}
    assert by_test["query"]["states"] is None and by_test["query"]["observation"] is None
    assert by_test["bad"]["error"]["line"] == 2 and by_test["bad"]["error"]["column"] == 5
    assert by_test["slow"]["error"]["reason"] == "time-out"
    assert {item["status"] for item in document["results"]} == {"as expected", "differs", "error", "inconclusive"}


def test_json_has_the_witness() -> None:
    out = io.StringIO()
    reporter = make_reporter("json", out, Settings())
    reporter.add(judge(verdict(witness=store_buffering()), None))
    reporter.finish()
    witness = json.loads(out.getvalue())["results"][0]["witness"]
    assert witness["events"][2] == {"thread": 0, "label": "W x=1", "text": "MOV [x],$1", "line": 5}
    assert {"relation": "fr", "source": 3, "target": 4} in witness["edges"]
    assert witness["state"] == {"0:EAX": "0", "1:EAX": "0"}


def test_the_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = report("table", out=Terminal())
    assert "\x1b[" in text
    assert "litmus/" in text and "  SB " in text and "10 checks" in text


def test_markup_in_names_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    out = Terminal()
    reporter = make_reporter("table", out, Settings())
    reporter.add(judge(verdict("[red]x", file="[bold]/[red]x.litmus"), None))
    reporter.finish()
    assert "[bold]/" in out.getvalue() and "[red]x " in out.getvalue()


def test_progress_only_on_a_terminal_and_only_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for out, patience, seen in ((io.StringIO(), 0.0, False), (Terminal(), 60.0, False), (Terminal(), 0.0, True)):
        monkeypatch.setattr("membar_check.report.progress.PATIENCE", patience)
        progress = Progress(out, 3, wanted=True)
        progress.advance("a[/red].litmus")
        assert ("checking" in out.getvalue()) is seen
        progress.message("SB.litmus:1:2: [wrong]")
        assert "SB.litmus:1:2: [wrong]" in out.getvalue()
        progress.close()
