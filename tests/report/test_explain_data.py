"""Explanations for programs: JSON and GraphML say everything and read back."""

from __future__ import annotations

import io
import json
from typing import Any

import networkx as nx
import pytest

from membar_check import __version__
from membar_check.explain.explanation import Explanation
from membar_check.records import fields, replace
from membar_check.report.explain import FORMATS, render
from membar_check.report.explain.json_form import document
from support.explanations import ALL


def read(explanation: Explanation, **extra: Any) -> dict[str, Any]:
    return json.loads(render(explanation, "json", extra=extra))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ALL)
def test_json_reads_back(name: str) -> None:
    explanation = ALL[name]
    back = read(explanation)
    assert back == document(explanation)
    assert list(back) == ["tool", "version", "form", *fields(Explanation)]
    assert back["tool"] == "membar-check" and back["version"] == __version__ and back["form"] == 1


def test_json_of_an_allowed_outcome() -> None:
    back = read(ALL["sb"])
    assert back["allowed"] is True and back["states"][1] == {"0:EAX": "0", "1:EAX": "1"}
    view = back["execution"]
    assert view["state"] == {"0:EAX": "0", "1:EAX": "0"} and view["relations"]["rf"] == [[0, 5], [1, 3]]
    assert view["events"][3] == {
        "name": "d", "thread": 0, "kind": "R", "variable": "y", "value": "0", "tags": [], "action": "reads y = 0",
        "place": {"file": "litmus/x86/SB.litmus", "line": 5, "text": "MOV EAX,[y]"}, "where": "P0 line 5",
    }  # fmt: skip
    assert back["matrix"] == {"sc": "Never", "x86-tso": "Sometimes"}
    assert back["edits"][0]["effects"][2] == {"model": "power", "verdict": "allows", "detail": "Sometimes"}
    assert back["core"] is None


def test_json_of_a_forbidden_outcome() -> None:
    back = read(ALL["mp"])
    (group,) = back["groups"]
    step = group["cycle"]["steps"][0]
    assert (step["relation"], step["source"], step["target"]) == ("hb", 4, 6)
    assert step["because"][0]["because"][0]["because"][0]["because"][1]["relation"] == "po"
    assert [element["alone"] for element in back["core"]["elements"]] == [True, True, False]
    assert back["core"]["elements"][0]["edit"] is None and back["core"]["proven"] is True


def test_json_takes_further_members_but_none_twice() -> None:
    assert read(ALL["mp"], certificate={"facts": []})["certificate"] == {"facts": []}
    with pytest.raises(ValueError, match="'core' of the document is taken"):
        render(ALL["mp"], "json", extra={"core": 1})


# --- GraphML ---
def graph_of(explanation: Explanation) -> Any:
    return nx.read_graphml(io.BytesIO(render(explanation, "graphml").encode()))


@pytest.mark.parametrize("name", ALL)
def test_graphml_reads_back(name: str) -> None:
    explanation = ALL[name]
    graph = graph_of(explanation)
    view = explanation.execution or explanation.groups[0].example
    assert list(graph) == [event.name for event in view.events]
    for event in view.events:
        node = graph.nodes[event.name]
        assert (node["thread"], node["line"], node["file"]) == (event.thread, event.place.line, event.place.file)
        assert (node["text"], node["kind"]) == (event.place.text, event.kind)
        assert (node["variable"], node["value"], node["action"]) == (event.variable, event.value, event.action)
    plain = [data for *_, data in graph.edges(data=True) if not data["cycle"]]
    assert len(plain) == sum(map(len, view.relations.values()))
    assert graph.graph["test"] == explanation.test and graph.graph["allowed"] is explanation.allowed


def test_graphml_has_the_cycle() -> None:
    steps = [(a, b, data) for a, b, data in graph_of(ALL["mp"]).edges(data=True) if data["cycle"]]
    found = sorted((data["step"], a, b, data["relation"], data["axiom"]) for a, b, data in steps)
    assert found == [(1, "e", "g", "hb", "happens-before"), (2, "g", "e", "hb", "happens-before")]
    assert not any(data["cycle"] for *_, data in graph_of(ALL["sb"]).edges(data=True))


def test_graphml_tells_base_relations_from_derived_ones() -> None:
    kinds = {data["relation"]: data["base"] for *_, data in graph_of(ALL["mp"]).edges(data=True)}
    assert kinds == {"po": True, "rf": True, "co": True, "fr": True, "hb": False}


# --- errors ---
def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="no format 'pdf' for an explanation; there are text, json, dot, svg, graphml"):
        render(ALL["mp"], "pdf")
    assert list(FORMATS)[:5] == ["text", "json", "dot", "svg", "graphml"]


@pytest.mark.parametrize("format", ["dot", "svg", "graphml"])
def test_no_execution_no_picture(format: str) -> None:
    with pytest.raises(ValueError, match="no execution to draw"):
        render(replace(ALL["mp"], groups=()), format)
