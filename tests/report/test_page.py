"""The page of an explanation as text: what it says, that it is safe, self-contained and always the same."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import combinations
from types import SimpleNamespace

import pytest

from membar_check.explain.explanation import Derivation, Effect, Explanation
from membar_check.records import replace
from membar_check.report.drawing import STYLES
from membar_check.report.page.content import Content, reduced
from membar_check.report.page.files import diff_lines, folds
from membar_check.report.page.layout import GAP_LABELS, cut, leaves, picture_of
from membar_check.report.page.page import known_derivations, render_page
from support.page_explanations import HOSTILE, MAKERS, allowed, crowd, forbidden, hostile, kernel

BLOCKS = {"p", "li", "td", "th", "tr", "h2", "h3", "dt", "dd", "section", "summary", "text", "button"}
VOID = {"meta", "input", "img", "br", "rect", "path"}


class Reader(HTMLParser):
    """The text outside of scripts and styles, the elements, and the scripts of a page; checks that all is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in BLOCKS:
            self.text.append(" ")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif "style" not in self.open[-1:]:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def pages() -> dict[str, Reader]:
    return {name: Reader(render_page(make())) for name, make in MAKERS.items()}


# --- one file, safe and the same every time --------------------------------------------------------------------------
@pytest.mark.parametrize("name", MAKERS)
def test_is_self_contained(name: str) -> None:
    page = render_page(MAKERS[name]())
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r"(?m)^\s*//.*$", "", page), re.IGNORECASE)
    assert not re.search(r"<(link|iframe|object|embed|base)\b|<script[^>]*\bsrc=", page.replace(HOSTILE, ""))
    assert "default-src 'none'" in page


@pytest.mark.parametrize("name", MAKERS)
def test_same_explanation_same_page(name: str) -> None:
    assert render_page(MAKERS[name]()) == render_page(MAKERS[name]())


@pytest.mark.parametrize("name", MAKERS)
def test_every_element_is_closed_and_ids_are_unique(pages: dict[str, Reader], name: str) -> None:
    reader = pages[name]
    assert reader.open == []
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in reader.elements if tag == "a"]
    assert {link for link in links if link} <= {f"#{identity}" for identity in ids}


def test_hostile_text_is_only_text(pages: dict[str, Reader]) -> None:
    reader = pages["hostile"]
    assert [kind for kind, _ in reader.scripts] == ["application/json", ""]
    assert all(tag != "img" for tag, _ in reader.elements)
    assert HOSTILE in "".join(reader.text) and "49" not in reader.words
    data = json.loads(reader.scripts[0][1])
    assert data["model"] == HOSTILE
    assert not set("<>&") & set(reader.scripts[0][1])
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)


def test_a_bare_verdict_makes_a_page(pages: dict[str, Reader]) -> None:
    assert "⊘ cannot happen" in pages["bare"].words
    assert "There is no execution to draw." in pages["bare"].words


# --- what it says ----------------------------------------------------------------------------------------------------
def test_allowed_says_what_goes_wrong_and_what_fixes_it(pages: dict[str, Reader]) -> None:
    words = pages["allowed"].words
    explanation = allowed()
    assert "What goes wrong " + " ".join(gap.text for gap in explanation.gaps) in words
    assert f"What fixes it {explanation.edits[0].text}, checked: ⊘ cannot happen then" in words
    assert "Note: Edits under power were not tried: the time ended." in words
    assert "in explore: add mfence after 4 in P0" in words
    assert "sc Never" in words and "x86-tso (this page) Sometimes" in words
    assert "the test says" in words.lower() and "run prints Sometimes" in words
    for label in ("may be reordered", "may arrive late"):
        assert label in words


def test_forbidden_says_why_and_what_it_rests_on(pages: dict[str, Reader]) -> None:
    words = pages["forbidden"].words
    ring = (
        "P1 line 12 reads y = 1 -po, smp_rmb()→ P1 line 14 reads x = 0 -fr→ P0 line 4 writes x = 1 -po, smp_wmb()→ "
        "P0 line 6 writes y = 1 -rf→ back"
    )
    assert f"the check happens-before rules it out: {ring}" in words
    assert "What it rests on smp_wmb() in P0 line 5 smp_rmb()" in words
    assert "hb P1 line 12 → P1 line 14 is one of lkmm.cat:100" in words
    assert "Not needed: the axiom propagation." in words
    assert "What fixes it" not in words


def test_kernel_headers_are_folded(pages: dict[str, Reader]) -> None:
    words = pages["kernel"].words
    assert "lines 81-408" in words and "runtime/unused.h (nothing of the executions stands here)" in words
    assert "⚑ interrupt of P0 lands here" in words and "⚑ kmalloc() fails" in words
    assert "Found by the checker: missed-barrier." in words


@pytest.mark.parametrize(
    ("text", "anchors"),
    [
        ("see line 47", ["L0-47"]),
        ("at line 4700", []),
        ("kernel.h:412 and line 21", ["L1-412", "L0-21"]),
        ("other.h:412, outline 21x", []),
        ("line 412 of kernel.h, line 21", ["L1-412", "L0-21"]),
        ("line 21 of other.h", []),
    ],
)
def test_places_in_text_are_links(text: str, anchors: list[str]) -> None:
    pieces = Content(kernel()).words(text)
    assert "".join(piece for piece, _, _ in pieces) == text
    assert [anchor for _, anchor, _ in pieces if anchor] == anchors


def test_taking_away_what_alone_is_needed_allows(pages: dict[str, Reader]) -> None:
    first, second = Content(forbidden()).switches
    assert first.effects == (("lkmm", "allowed", ""),) and first.shows == "without1"
    assert second.effects == (), "not alone: what this edit does by itself was not checked"


@pytest.mark.parametrize("name", ["", "x86-tso", "models/x86-tso.cat"])
def test_effects_name_the_model_of_the_page(name: str) -> None:
    explanation = allowed()
    edit = replace(explanation.edits[0], effects=(Effect(name, "forbids", ""), Effect("sc", "breaks", "no main")))
    (switch,) = Content(replace(explanation, edits=(edit,))).switches
    assert switch.effects == (("x86-tso", "forbidden", ""), ("sc", "breaks", "no main"))
    assert "rules it out" not in Reader(render_page(replace(explanation, edits=(edit,)))).words


def test_no_fix_is_said_to_be_none() -> None:
    explanation = allowed()
    edit = replace(explanation.edits[0], effects=(Effect("sc", "forbids", ""), Effect("x86-tso", "allows", "")))
    words = Reader(render_page(replace(explanation, edits=(edit,)))).words
    assert "No single edit was found that rules it out." in words


def test_derivations_of_an_execution_are_told() -> None:
    content = Content(allowed())
    shown = content.executions[0]
    derivation = Derivation("ppo", 4, 5, "is one of", (Derivation("po", 4, 5, "base"),), "x86-tso.cat:9", "a note")
    assert known_derivations(content, shown) == {}
    for brought in ([derivation], {"ppo 4 5": derivation}):
        extended = SimpleNamespace(view=SimpleNamespace(derivations=brought, broken=()), key=shown.key)
        assert known_derivations(content, extended) == {("ppo", 4, 5): derivation}  # type: ignore[arg-type]
    first, second = content.lines(derivation, shown.view)
    assert (first.depth, first.relation, first.rule) == (0, "ppo", "is one of (a note)")
    assert (first.ends, first.defined) == ("P1 line 4 → P1 line 5", "x86-tso.cat:9")
    assert second.ends == "P1 line 4: writes y = 1 → P1 line 5: reads x = 0"


def test_derivations_of_cycles_are_told() -> None:
    content = Content(forbidden())
    known = known_derivations(content, content.executions[0])
    assert known[("hb", 4, 6)].defined == "lkmm.cat:100" and ("rmb", 4, 6) in known and ("rfe", 3, 4) in known


# --- helpers ---------------------------------------------------------------------------------------------------------
def test_lines_of_a_diff() -> None:
    diff = "--- a\n+++ b\n@@ -2,3 +2,4 @@\n two\n-three\n+3\n+3b\n four\n@@ -9,0 +11 @@\n+ten\n\\ No newline\n"
    assert diff_lines(diff) == (((3, "three"),), ((3, "3"), (3, "3b"), (9, "ten")))
    assert diff_lines("") == ((), ())


@pytest.mark.parametrize(
    ("length", "matters", "first", "shown"),
    [
        (10, set(), True, [(False, 1, 10)]),
        (10, set(), False, [(True, 1, 10)]),
        (10, {5}, False, [(False, 1, 10)]),
        (100, {50}, True, [(True, 1, 46), (False, 47, 53), (True, 54, 100)]),
        (100, {5, 98}, False, [(False, 1, 8), (True, 9, 94), (False, 95, 100)]),
        (0, set(), True, []),
    ],
)
def test_lines_that_do_not_matter_are_folded(
    length: int, matters: set[int], first: bool, shown: list[tuple[bool, int, int]]
) -> None:
    found: list[tuple[bool, int, int]] = []
    for fold in folds("\n".join(f"line {n}" for n in range(1, length + 1)), matters, first):
        start, end = fold.lines[0].number, fold.lines[-1].number
        if found and found[-1][0] == fold.folded:
            start = found.pop()[1]
        found.append((fold.folded, start, end))
    assert found == shown


@pytest.mark.parametrize(
    ("pairs", "drawn"),
    [
        (((0, 1), (1, 2), (0, 2)), ((0, 1), (1, 2))),
        (((0, 1), (1, 2)), ((0, 1), (1, 2))),
        (((0, 1), (1, 0)), ((0, 1), (1, 0))),
        (((0, 0), (0, 1)), ((0, 0), (0, 1))),
        ((), ()),
    ],
)
def test_transitive_relations_are_drawn_by_their_steps(
    pairs: tuple[tuple[int, int], ...], drawn: tuple[tuple[int, int], ...]
) -> None:
    assert reduced(pairs) == drawn


def test_cut() -> None:
    assert cut("a  b\n c", 10) == "a b c"
    assert cut("abcdefgh", 5) == "abcd…"


def test_the_way_of_a_step() -> None:
    one, two = Derivation("fr", 0, 1, "base"), Derivation("rf", 1, 2, "base")
    identity = Derivation("[W]", 1, 1, "base")
    sequence = Derivation("prop", 0, 2, "in sequence", (one, identity, two))
    both = Derivation("prop & ext", 0, 2, "both", (sequence, Derivation("ext", 0, 2, "base")))
    assert [leaf.relation for leaf in leaves(both)] == ["fr", "rf"]
    inverse = Derivation("rf^-1", 2, 1, "in reverse", (two,))
    assert leaves(inverse) == (inverse,)


# --- the picture -----------------------------------------------------------------------------------------------------
EXECUTIONS = [
    pytest.param(shown, id=f"{name}-{shown.key}")
    for name, make in MAKERS.items()
    for shown in Content(make()).executions
]


@pytest.mark.parametrize("shown", EXECUTIONS)
def test_nothing_overlaps(shown: object) -> None:
    picture = shown.picture  # type: ignore[attr-defined]
    labels = [edge.place for edge in picture.edges if edge.place is not None]
    for a, b in combinations([box.box for box in picture.boxes] + labels, 2):
        assert not a.overlaps(b)
    for box in labels:
        assert box.x >= 0 and box.right <= picture.width


def test_every_edge_of_a_crowd_has_its_label() -> None:
    explanation: Explanation = crowd()
    picture = picture_of(explanation.groups[0].example)
    assert len(picture.boxes) == 43 and all(edge.place for edge in picture.edges)
    assert {edge.layer for edge in picture.edges} == {"base", "cycle"}
    assert any(marked for _, _, marked in picture.spines) and not all(marked for _, _, marked in picture.spines)


def test_notes_stand_before_their_event() -> None:
    execution = kernel().execution
    assert execution is not None
    column = [box for box in picture_of(execution).boxes if box.whole.startswith(("P1", "d,", "e,"))]
    assert next(box.kind for box in sorted(column, key=lambda box: box.box.y)) == "note"


def test_every_gap_is_drawn_and_named() -> None:
    explanation = allowed()
    assert explanation.execution is not None
    picture = picture_of(explanation.execution, explanation.gaps)
    drawn = [edge.label for edge in picture.edges if edge.layer == "gap"]
    assert drawn == [GAP_LABELS[gap.kind] for gap in explanation.gaps]


def test_looks_are_those_of_the_pictures() -> None:
    page = render_page(allowed())
    for name, style in STYLES.items():
        width, dash = f"stroke-width: {style.width:g};", f"stroke-dasharray: {style.dash};" if style.dash else ""
        (rule,) = re.findall(rf"\.way\.s-{name} {{([^}}]*)}}", page)
        assert width in rule and dash in rule
    assert hostile().test == HOSTILE
