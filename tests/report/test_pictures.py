"""DOT and SVG pictures: golden files, and that nothing overlaps what a person has to read."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membar_check.explain.explanation import event_name
from membar_check.report import draw
from membar_check.report.drawing import STYLES, base_relation, drawing_of
from membar_check.report.svg_layout import Layout, label_text, lay_out
from membar_check.verdict import Edge, Witness, WitnessEvent
from support.results import four_threads, state, store_buffering, verdict

Golden = Callable[[str, str], None]
WITNESSES = {"two": store_buffering(), "four": four_threads()}


@pytest.mark.parametrize("kind", ["dot", "svg"])
@pytest.mark.parametrize("name", WITNESSES)
def test_golden(kind: str, name: str, golden: Golden) -> None:
    golden(f"report/{name}.{kind}", draw(kind, verdict(name, witness=WITNESSES[name])))


def test_no_witness_no_picture() -> None:
    with pytest.raises(ValueError, match="no witness"):
        draw("svg", verdict())


# --- what is drawn ---
def event(thread: int, label: str = "W x=1") -> WitnessEvent:
    return WitnessEvent(thread, label, "x = 1;", 1)


def test_implied_edges_are_left_out() -> None:
    events = (event(-1), event(0), event(1), event(2), event(3, "R x=0"))
    edges = (
        Edge("co", 0, 1), Edge("co", 0, 2), Edge("co", 1, 2), Edge("co", 2, 3), Edge("co", 1, 3), Edge("po", 1, 2),
        Edge("rf", 0, 4), Edge("fr", 4, 1), Edge("fr", 4, 2), Edge("fr", 4, 3),
    )  # fmt: skip
    drawing = drawing_of(Witness(events, edges, ()))
    drawn = {(edge.label, edge.source, edge.target) for edge in drawing.edges}
    assert drawn == {("co", 1, 2), ("co", 2, 3), ("rf", 0, 4), ("fr", 4, 1)}
    assert drawing.initial == (0,)


def test_relations_between_the_same_events_share_an_edge() -> None:
    witness = Witness((event(0), event(0)), (Edge("rmw", 0, 1), Edge("data", 0, 1), Edge("mb", 0, 1)), ())
    (edge,) = drawing_of(witness).edges
    assert edge.label == "data, rmw, mb"
    assert drawing_of(witness).relations() == ("data", "rmw", "mb")


def test_names_of_events() -> None:
    assert [event_name(i) for i in (0, 25, 26, 51, 52, 701, 702)] == ["a", "z", "aa", "az", "ba", "zz", "aaa"]


def test_colour_is_never_the_only_difference() -> None:
    looks = {(style.dash, style.width) for style in STYLES.values()}
    assert len(looks) == len(STYLES)
    assert base_relation("rfe") == "rf" and base_relation("po") == "po"


# --- where it goes ---
@st.composite
def witnesses(draw_: st.DrawFn) -> Witness:
    threads = draw_(st.integers(1, 4))
    events = [WitnessEvent(-1, f"W {name}=0", "", 0) for name in "xyz"[: draw_(st.integers(0, 3))]]
    for thread in range(threads):
        for row in range(draw_(st.integers(1, 10))):
            label = draw_(st.sampled_from(["W x=1", "R[acquire] y=1", "F[mb]"]))
            text = draw_(st.sampled_from(["", "WRITE_ONCE(*x, 1);", "r1 = smp_load_acquire(&some_long_name) + 1;" * 2]))
            events.append(WitnessEvent(thread, label, text, row))
    ends = st.integers(0, len(events) - 1)
    names = st.sampled_from(["rf", "rfe", "fr", "co", "addr", "data", "ctrl", "rmw", "mb"])
    edges = draw_(st.lists(st.builds(Edge, names, ends, ends), max_size=3 + len(events) // 2))
    edges = [edge for edge in edges if events[edge.target].thread >= 0]
    return Witness(tuple(events), tuple(edges), state(x=1))


def layout_of(witness: Witness) -> Layout:
    drawing = drawing_of(witness)
    order = [index for column in drawing.columns for index in column]
    labels = {index: label_text(place, witness.events[index]) for place, index in enumerate([*order, *drawing.initial])}
    return lay_out(witness, drawing, labels)


@settings(deadline=None, max_examples=40)
@given(witnesses())
def test_boxes_stay_apart_and_edges_outside_of_them(witness: Witness) -> None:
    layout = layout_of(witness)
    for box, other in combinations(layout.boxes.values(), 2):
        assert not box.overlaps(other)
    for placed in layout.edges:
        for index, box in layout.boxes.items():
            inner = box.grown(-1.5)
            hit = [point for point in placed.curve.points if inner.contains(point)]
            assert not hit, f"{placed.edge} runs through the box of event {index}"


@settings(deadline=None, max_examples=40)
@given(witnesses())
def test_labels_hide_no_box(witness: Witness) -> None:
    layout = layout_of(witness)
    for placed in layout.edges:
        for index, box in layout.boxes.items():
            assert not placed.label.overlaps(box), f"the label of {placed.edge} hides event {index}"


@pytest.mark.parametrize("name", WITNESSES)
def test_labels_hide_no_label(name: str) -> None:
    for first, second in combinations(layout_of(WITNESSES[name]).edges, 2):
        assert not first.label.overlaps(second.label)


@settings(deadline=None, max_examples=25)
@given(witnesses())
def test_the_svg_is_well_formed_and_everything_is_inside(witness: Witness) -> None:
    text = draw("svg", verdict("<&\">", witness=witness))
    top = ElementTree.fromstring(text)
    width, height = float(top.attrib["width"]), float(top.attrib["height"])
    layout = layout_of(witness)
    for placed in layout.edges:
        for x, y in (*placed.curve.points, (placed.label.x, placed.label.y), (placed.label.right, placed.label.bottom)):
            assert -24 <= x <= layout.width + 24 <= width + 24
            assert 0 <= y <= height
    assert len(re.findall("marker-end", text)) >= len(layout.edges)
