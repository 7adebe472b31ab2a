"""Reports of explanations of bundled tests, as the command makes them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

from membar_check.engine.api import CheckOptions, parse_file
from membar_check.explain.api import ExplainOptions, explain
from membar_check.explain.explanation import Explanation
from membar_check.report.explain import render
from membar_check.report.explain.picture import scene_of, subject

TESTS = {
    "c/SB": True,
    "c/MP+wmb+rmb": False,
    "c/Z6.0+mbs": False,
    "c/RCU+reader+gp": False,
    "c/CoRR": False,
    "aarch64/IRIW+addrs": False,
    "membarrier/ewouldblock-ignored-v2": True,
}
Explained = Callable[[str], Explanation]


@pytest.fixture(scope="module")
def explained(root: Path) -> Explained:
    @cache
    def of(name: str) -> Explanation:
        test = parse_file(str(root / "litmus" / f"{name}.litmus"), ())
        return explain(test, ExplainOptions(CheckOptions(), seconds=1.0))

    return of


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
@pytest.mark.parametrize("name", TESTS)
def test_text(name: str, width: int, explained: Explained) -> None:
    explanation = explained(name)
    assert explanation.allowed == TESTS[name]
    text = render(explanation, "text", width=width)
    longest = max(map(len, text.splitlines()))
    assert longest <= width
    parts = ["How it happens", "The same as a story"] if TESTS[name] else ["Why every execution", "What forbids it"]
    assert all(part in text for part in parts)


@pytest.mark.parametrize("name", TESTS)
def test_the_other_formats(name: str, explained: Explained) -> None:
    explanation = explained(name)
    view, cycle = subject(explanation)
    assert (cycle is None) == explanation.allowed
    assert json.loads(render(explanation, "json"))["allowed"] is explanation.allowed
    assert len(nx.read_graphml(io.BytesIO(render(explanation, "graphml").encode()))) == len(view.events)
    assert render(explanation, "svg").startswith("<svg") and render(explanation, "dot").startswith("digraph")


def test_the_critical_cycle_is_drawn(explained: Explained) -> None:
    scene = scene_of(explained("c/Z6.0+mbs"))
    lines = {index: event.line for index, event in enumerate(scene.witness.events)}
    edges = [edge for edge in scene.drawing.edges if edge.mark is not None]
    drawn = {(lines[edge.source], lines[edge.target]) for edge in edges}
    assert drawn == {(9, 11), (11, 18), (18, 20), (20, 27), (27, 29), (29, 9)}
    assert sorted(edge.label[0] for edge in edges) == list("123456")
