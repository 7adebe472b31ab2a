"""Pictures of an explanation: golden files, the cycle in them, and that nothing hides what a person has to read."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import combinations
from xml.etree import ElementTree

import pytest

from membar_check.explain.explanation import CycleView, Derivation, NoteView, Place
from membar_check.records import replace
from membar_check.report.drawing import CYCLE, GAP, PO, STYLES
from membar_check.report.explain import render
from membar_check.report.explain.picture import Scene, scene_of
from membar_check.report.svg_layout import Layout, lay_out
from support.explanations import ALL, base

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("format", ["dot", "svg"])
@pytest.mark.parametrize("name", ALL)
def test_golden(format: str, name: str, golden: Golden) -> None:
    golden(f"report/explain-{name}.{format}", render(ALL[name], format))


def layout_of(scene: Scene) -> Layout:
    return lay_out(scene.witness, scene.drawing, dict(enumerate(scene.labels)), dict(enumerate(scene.texts)))


def drawn(name: str) -> dict[tuple[str, str], str]:
    """The labels of edges that stand out, by the ends' labels."""
    scene = scene_of(ALL[name])
    return {
        (scene.labels[edge.source], scene.labels[edge.target]): edge.label
        for edge in scene.drawing.edges
        if edge.mark is not None
    }


def test_the_cycle_is_numbered_under_the_names_of_the_model() -> None:
    assert drawn("mp") == {
        ("e: R y = 1", "g: R x = 0"): "1: hb",
        ("g: R x = 0", "b: W x = 1"): "2: overwrite & ext (fr)",
        ("b: W x = 1", "d: W y = 1"): "3: cumul-fence*",
        ("d: W y = 1", "e: R y = 1"): "4: rfe",
    }
    assert ("ruled out by: ", "happens-before (acyclic): 1: hb, 2-4: hb") in scene_of(ALL["mp"]).lines
    assert sorted(drawn("crowd").values()) == ["1: pb", "2: rfe", "3: hb", "4: prop", "5: coe", "6: hb", "7: fre"]


def test_a_cycle_of_very_many_edges_is_drawn_by_its_steps() -> None:
    around = [base("rfe", 3, 4), base("hb", 4, 3)] * 5
    long = Derivation("hb", 3, 3, "a chain of", tuple(around))
    cycle = CycleView("c", "acyclic", (replace(long, target=4, because=(*around, base("rfe", 3, 4))), long), "")
    group = replace(ALL["mp"].groups[0], cycle=cycle)
    labels = [edge.label for edge in scene_of(replace(ALL["mp"], groups=(group,))).drawing.edges if edge.mark]
    assert labels == ["1: hb (rf)", "2: hb"]


def test_an_allowed_outcome_shows_its_gaps() -> None:
    assert drawn("sb") == {
        ("c: W x = 1", "d: R y = 0"): "not in order", ("e: W y = 1", "d: R y = 0"): "not yet seen",
    }  # fmt: skip


def test_a_step_takes_the_place_of_the_base_edge_between_its_ends() -> None:
    cycle = CycleView("coherence", "acyclic", (base("rfe", 3, 4), base("com", 4, 3), base("x", 4, 3)), "")
    group = replace(ALL["mp"].groups[0], cycle=cycle)
    edges = scene_of(replace(ALL["mp"], groups=(group,))).drawing.edges
    marked = [edge for edge in edges if edge.mark is not None]
    assert [(edge.relations, edge.label) for edge in marked] == [(("rf",), "1: rfe"), ((), "2: com, 3: x")]
    assert sum((edge.source, edge.target) == (3, 4) for edge in edges) == 1


def test_a_pair_that_should_not_be_is_no_cycle() -> None:
    cycle = CycleView("atomic", "empty", (base("rmw & (fre ; coe)", 4, 6),), "")
    text = render(replace(ALL["mp"], groups=(replace(ALL["mp"].groups[0], cycle=cycle),)), "svg")
    assert "the pair that the model rules out" in text and "the cycle that" not in text


def test_colour_is_not_needed_to_see_the_cycle() -> None:
    looks = {(style.dash, style.width) for style in (*STYLES.values(), PO, CYCLE, GAP)}
    assert len(looks) == len(STYLES) + 3
    assert CYCLE.width > max(style.width for style in STYLES.values()) and CYCLE.dash
    text = render(ALL["mp"], "svg")
    assert text.count(f'stroke-dasharray="{CYCLE.dash}"') == 5  # four edges and the legend


def test_boxes_have_the_line_and_the_source() -> None:
    scene = scene_of(ALL["mp"])
    assert "4: WRITE_ONCE(*x, 1);" in scene.texts and "b: W x = 1" in scene.labels
    assert any("W[Release]" in label for label in scene_of(ALL["crowd"]).labels)


def test_notes_are_boxes_on_the_way() -> None:
    scene = scene_of(ALL["kernel"])
    columns = [[scene.labels[index] for index in column] for column in scene.drawing.columns]
    assert columns[1][0].startswith(">> interrupt of P0 lands here") and columns[1][1].startswith("d: R[Acquire]")
    assert columns[2] == ["f: R mm.state = 0", ">> kmalloc() fails"]
    assert "kernel.h:77: return NULL;" in scene.texts


def test_notes_of_a_thread_without_events_are_shown() -> None:
    view = ALL["kernel"].execution
    assert view is not None
    note = NoteView(7, "never runs", len(view.events), Place("", 0, ""))
    scene = scene_of(replace(ALL["kernel"], execution=replace(view, notes=(note,))))
    assert scene.drawing.threads == (0, 1, 2, 7) and scene.labels[-1] == ">> never runs"


@pytest.mark.parametrize("name", ALL)
def test_nothing_overlaps(name: str) -> None:
    layout = layout_of(scene_of(ALL[name]))
    for box, other in combinations(layout.boxes.values(), 2):
        assert not box.overlaps(other)
    for placed in layout.edges:
        for index, box in layout.boxes.items():
            assert not placed.label.overlaps(box), f"the label of {placed.edge} hides event {index}"
            inner = box.grown(-1.5)
            assert not any(map(inner.contains, placed.curve.points)), f"{placed.edge} runs through event {index}"
    for first, second in combinations(layout.edges, 2):
        assert not first.label.overlaps(second.label)


@pytest.mark.parametrize("name", ALL)
def test_the_svg_is_well_formed_and_everything_is_inside(name: str) -> None:
    top = ElementTree.fromstring(render(ALL[name], "svg"))
    layout = layout_of(scene_of(ALL[name]))
    assert float(top.attrib["width"]) >= layout.width and float(top.attrib["height"]) >= layout.height
    for placed in layout.edges:
        for x, y in (*placed.curve.points, (placed.label.x, placed.label.y), (placed.label.right, placed.label.bottom)):
            assert -24 <= x <= layout.width + 24 and 0 <= y <= layout.height


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("name", ALL)
def test_graphviz_takes_the_graph_and_keeps_the_places(name: str) -> None:
    done = subprocess.run(
        ["dot", "-Tplain"], input=render(ALL[name], "dot"), capture_output=True, text=True, timeout=60, check=True
    )
    assert not done.stderr
    heads = {n: float(x) for n, x in re.findall(r'^node (P\d) ([\d.]+)', done.stdout, re.MULTILINE)}
    assert list(heads) == sorted(heads) and list(heads.values()) == sorted(heads.values())
    assert len(heads) == len(scene_of(ALL[name]).drawing.threads)
