"""The page in a real browser: what can be clicked, typed, seen and printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from membar_check.engine.api import CheckOptions, parse_file
from membar_check.explain.api import ExplainOptions, explain
from membar_check.explain.explanation import SourceText
from membar_check.records import replace
from membar_check.report.page import render_page
from support.browser import Browser, started
from support.page_explanations import MAKERS

Show = Callable[..., Browser]
DRAWN = [name for name in MAKERS if name != "bare"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in MAKERS.items():
        (folder / f"{name}.html").write_text(render_page(make()), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in MAKERS}


@pytest.fixture
def show(browser: Browser, pages: dict[str, Path]) -> Show:
    """Opens the page of an example."""

    def opened(name: str, **settings: Any) -> Browser:
        browser.open(pages[name], **settings)
        return browser

    return opened


BOXES = """return [...document.querySelectorAll(arguments[0])].filter(e => e.getClientRects().length).map(e => {
  const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom, e.textContent || e.tagName]; })"""


def boxes(browser: Browser, selector: str) -> list[tuple[float, float, float, float, str]]:
    return [tuple(box) for box in browser.run(BOXES, selector)]


def overlap(a: tuple[float, ...], b: tuple[float, ...], slack: float = 0.5) -> bool:
    return a[0] + slack < b[2] and b[0] + slack < a[2] and a[1] + slack < b[3] and b[1] + slack < a[3]


def assert_nothing_overlaps(browser: Browser) -> None:
    """Labels, events and names of threads in the visible graph keep apart, and every text is inside of its box."""
    labels = boxes(browser, "figure [data-layer].label rect")
    labels += boxes(browser, "figure .derived-labels rect")
    solid = boxes(browser, "figure .event rect") + boxes(browser, "figure text.head")
    for a, b in combinations([*labels, *solid], 2):
        assert not overlap(a, b), f"{a} overlaps {b}"
    outside = browser.run(
        """return [...document.querySelectorAll('figure .label, figure .event')].filter(g => g.getClientRects().length)
        .filter(g => { const r = g.querySelector('rect').getBBox(); return [...g.querySelectorAll('text')].some(t => {
          const b = t.getBBox(); return b.x < r.x - 1 || b.x + b.width > r.x + r.width + 1 ||
                                        b.y < r.y - 2 || b.y + b.height > r.y + r.height + 2; }); })
        .map(g => g.textContent)"""
    )
    assert outside == []


# --- seen ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("width", [1400, 1000, 700, 400])
@pytest.mark.parametrize("name", MAKERS)
def test_opens_without_complaint_or_overflow(show: Show, name: str, width: int) -> None:
    browser = show(name, width=width)
    assert browser.complaints() == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return window.broken") is None
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    panes = boxes(browser, "#telling, #sources, #graph, header")
    for a, b in combinations(panes, 2):
        assert not overlap(a, b)


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_overlaps_in_any_execution(show: Show, name: str) -> None:
    browser = show(name)
    for _ in browser.all("#execution option"):
        assert len(boxes(browser, "figure")) == 1
        assert_nothing_overlaps(browser)
        browser.one("#next").click()


def test_forty_events_are_readable(show: Show) -> None:
    browser = show("crowd")
    assert len(boxes(browser, "figure .event[data-event] rect")) >= 40
    assert {box[4] for box in boxes(browser, "figure text.head")} == {"P0", "P1", "P2", "P3"}
    drawn = len(browser.all("figure:not([hidden]) .edge:not([hidden])"))
    assert len(boxes(browser, "figure .label rect")) == drawn, "every edge has its label"
    for selector, least in (("figure .event text", 9.5), ("figure .label text", 9.5)):
        heights = [box[3] - box[1] for box in boxes(browser, selector)]
        assert min(heights) >= least
    assert_nothing_overlaps(browser)
    graph, window = boxes(browser, "figure svg.graph")[0], browser.run("return innerWidth")
    assert graph[0] >= 0 and graph[2] <= window, "fits the width at 1400"


PICTURES = "const p = document.querySelector('#pictures'); return p.scrollWidth <= p.clientWidth"


@pytest.mark.parametrize(("file", "width"), [("IRIW+mbs", 1400), ("IRIW+mbs", 1250), ("MP", 1400)])
def test_all_threads_are_seen_at_first(browser: Browser, root: Path, tmp_path: Path, file: str, width: int) -> None:
    """A picture that does not fit beside the text stands above it."""
    test = parse_file(str(root / "litmus" / "c" / f"{file}.litmus"), ())
    page = tmp_path / "page.html"
    page.write_text(render_page(explain(test, ExplainOptions(CheckOptions(), seconds=1))), encoding="utf-8")
    browser.open(page, width=width)
    pane, found = boxes(browser, "#pictures")[0], boxes(browser, "figure .event rect, figure .label rect")
    assert found and all(pane[0] <= box[0] and box[2] <= pane[2] for box in found)
    assert browser.run(PICTURES)
    assert browser.run("return document.documentElement.classList.contains('wide-graph')") == (width == 1250)


def test_long_lines_of_the_source_are_wrapped(browser: Browser, tmp_path: Path) -> None:
    example = MAKERS["allowed"]()
    long = SourceText(example.sources[0].name, example.sources[0].text + "(* " + "word " * 80 + "x" * 200 + " *)\n")
    page = tmp_path / "page.html"
    page.write_text(render_page(replace(example, sources=(long,))), encoding="utf-8")
    for width in (1400, 500):
        browser.open(page, width=width)
        pane = boxes(browser, "#sources")[0]
        lines = boxes(browser, "#sources .line .text")
        assert lines and all(line[2] <= pane[2] for line in lines)
        assert lines[-1][3] - lines[-1][1] > 2 * (lines[0][3] - lines[0][1]), "on several rows"


@pytest.mark.parametrize(
    ("file", "model", "wrong", "fix"),
    [
        ("x86/SB", "x86-tso", "before its write to x in line 8 is visible", ""),
        ("c/Z6.0+release+acquire+mb", "lkmm", "x = 1 (P0 line 9) has not reached P2 yet", "smp_mb() after P0 line 9"),
        ("c/Z6.0+mbs", "lkmm", "the check propagation rules it out", "smp_mb() in line 28"),
        ("membarrier/no-grace-period-quoted", "lkmm", "line 153 of sched.h (reads mm.membarrier_state)", ""),
        ("membarrier/racy-load-pre-5.4", "lkmm", "P1 frees mm at line 90 of sched.h", ""),
    ],
    ids=lambda value: value if "/" in value else "",
)
def test_tests_of_the_collection(
    browser: Browser, root: Path, tmp_path: Path, file: str, model: str, wrong: str, fix: str
) -> None:
    test = parse_file(str(root / "litmus" / f"{file}.litmus"), ())
    page = tmp_path / "page.html"
    page.write_text(render_page(explain(test, ExplainOptions(CheckOptions(model=model), seconds=1))), encoding="utf-8")
    browser.open(page)
    assert browser.complaints() == []
    short = browser.one(".short").text
    assert wrong in short and fix in short
    for _ in browser.all("#execution option"):
        assert_nothing_overlaps(browser)
        browser.one("#next").click()


LUMINANCE = """
const channel = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
  return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
const seen = [];
for (const [over, under, dye] of [['.label text', '.label rect', 'fill'], ['.event text', '.event rect', 'fill'],
    ['.line .text', 'body', 'color'], ['small', 'body', 'color'], ['.badge', '.badge', 'color']]) {
  for (const element of document.querySelectorAll(over)) {
    const holder = under === 'body' ? document.body : over === under ? element
      : element.closest(over.split(' ')[0]).querySelector('rect');
    const style = getComputedStyle(holder), ground = dye === 'fill' ? style.fill : style.backgroundColor;
    const a = light(getComputedStyle(element)[dye]), b = light(ground);
    seen.push([(Math.max(a, b) + .05) / (Math.min(a, b) + .05), over, element.textContent]);
  }
}
return seen.sort((a, b) => a[0] - b[0])[0];"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["allowed", "forbidden", "kernel", "crowd"])
def test_text_stands_out_from_its_ground(show: Show, name: str, scheme: str) -> None:
    browser = show(name, scheme=scheme)
    least, *what = browser.run(LUMINANCE)
    assert least >= 4.5, what
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_theme_can_be_switched(show: Show) -> None:
    browser = show("allowed", scheme="dark")
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(ground)
    browser.press("t")
    assert browser.run(ground) == "rgb(255, 255, 255)"
    browser.one("#theme").click()
    assert browser.run(ground) == before


def test_print_has_everything_and_no_controls(show: Show) -> None:
    browser = show("allowed", width=794, media="print", scheme="dark")
    for panel in ("story", "timeline", "why", "what-if", "relations", "matrix"):
        assert boxes(browser, f"#{panel}"), f"{panel} is printed"
    assert boxes(browser, "figure svg.graph") and boxes(browser, "#sources .line")
    assert not boxes(browser, "button, select, input, [role=tablist], #detail")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert_nothing_overlaps(browser)
    assert len(browser.command("Page.printToPDF", printBackground=True)["data"]) > 10_000


def test_without_scripts_it_can_be_read(show: Show) -> None:
    browser = show("allowed", scripts=False)
    text = browser.one("body").text
    assert "store buffer" in text and "may be reordered" in text and "MOV EAX,[y] | MOV EAX,[x]" in text
    for selector in ("#story li", "#timeline td", "#why dd", ".switches li", "figure svg.graph .event"):
        assert boxes(browser, selector)
    assert not boxes(browser, ".script-only")
    assert len(boxes(browser, "figure")) == 1
    browser.command("Emulation.setScriptExecutionDisabled", value=False)


# --- clicked ---------------------------------------------------------------------------------------------------------
def test_an_event_leads_to_its_line_and_back(show: Show) -> None:
    browser = show("kernel")
    event = next(e for e in browser.all("figure .event") if "reads mm.state" in e.get_attribute("aria-label"))
    event.click()
    assert browser.one(".line.picked").get_attribute("id") == "L0-47"
    assert "P2 line 47: reads mm.state = 0" in browser.one("#detail").text
    browser.one("#L0-34").click()
    assert "smp_mb" in browser.one(".event.picked").get_attribute("aria-label")
    browser.one("#story a.ref[href='#L1-412']").click()
    assert browser.one("#L1-412").is_displayed()


def test_a_line_of_two_events_leads_to_each(show: Show) -> None:
    browser = show("allowed")
    picked = []
    for _ in range(3):
        browser.one("#L0-4").click()
        picked.append(browser.one(".event.picked").get_attribute("data-event"))
    assert picked == ["2", "4", "2"]


def test_folded_lines_open(show: Show) -> None:
    browser = show("kernel")
    line = browser.one("#L1-100")
    assert not line.is_displayed()
    browser.run("arguments[0].closest('details.fold').querySelector('summary').click()", line)
    assert line.is_displayed()


def test_a_row_of_the_timeline_leads_to_its_event(show: Show) -> None:
    browser = show("allowed")
    browser.one("#next").click()
    browser.one("#tab-timeline").click()
    browser.one("#timeline tr[data-event='5'] td:last-child").click()
    assert browser.one("figure:not([hidden])").get_attribute("data-execution") == "witness"
    assert browser.one(".event.picked").get_attribute("data-event") == "5"


def test_the_missing_order_is_shown(show: Show) -> None:
    browser = show("allowed")
    browser.one("#tab-why").click()
    browser.one("#why button[data-edge]").click()
    picked = browser.one(".edge.picked")
    assert picked.get_attribute("data-layer") == "gap"
    assert "P0 line 4: writes x = 1 → P0 line 5: reads y = 0" in browser.one("#detail").text


def test_executions_can_be_chosen(show: Show) -> None:
    browser = show("forbidden")
    assert [box[4].strip()[:12] for box in boxes(browser, "figure figcaption")] == ["ruled out by"]
    browser.press("]")
    assert "appears without" in browser.one("figure:not([hidden]) figcaption").text
    browser.one("#tab-executions").click()
    browser.one("#executions button[data-execution='group1']").click()
    assert browser.one("#execution").get_attribute("value") == "group1"


def test_relations_switch_on_and_off(show: Show) -> None:
    browser = show("forbidden")
    browser.one("#tab-relations").click()
    shown = "figure:not([hidden]) .edge[data-relation='{}']:not([hidden])"
    assert len(browser.all(shown.format("fr"))) == 1
    browser.one("input[data-relation='fr']").click()
    assert len(browser.all(shown.format("fr"))) == 1, "the cycle goes along it"
    browser.one("input[data-layer='cycle']").click()
    assert not browser.all(shown.format("fr")) and not boxes(browser, "figure .halo")
    assert not browser.all("g.derived .edge")
    browser.one("input[data-relation='hb']").click()
    assert len(browser.all("g.derived .edge[data-relation='hb']")) == 3
    assert "hb" in browser.one("g.derived-labels").get_attribute("textContent")
    assert_nothing_overlaps(browser)


def test_an_edge_tells_its_derivation(show: Show) -> None:
    browser = show("forbidden")
    x, y = browser.run(
        """const path = document.querySelector("figure:not([hidden]) .edge[data-relation='fr'] .hit");
        const p = path.getPointAtLength(path.getTotalLength() * .3).matrixTransform(path.getScreenCTM());
        return [p.x, p.y]"""
    )
    browser.hover(x, y)
    told = browser.one("#tip").text
    assert "overwrite & ext" in told and "not in coherence" in told and "lkmm.cat:100" in told
    browser.hover(5, 5)
    assert not browser.one("#tip").is_displayed()


def test_an_edit_is_a_switch(show: Show) -> None:
    browser = show("allowed")
    browser.one("#tab-what-if").click()
    first, second = browser.all("input[role='switch']")
    first.click()
    verdict = browser.one("#verdict").text
    assert "with “a full fence between the write of x and the read of y”" in verdict and "⊘ cannot happen" in verdict
    assert "MFENCE" in browser.one(".line.added").text
    assert browser.run("return document.querySelector('.line.added').previousElementSibling.id") == "L0-4"
    browser.one("#tab-matrix").click()
    assert "can happen" in browser.one("#matrix tr[data-model='power'] td.changed").text
    browser.one("#tab-what-if").click()
    second.click()
    assert not first.is_selected() and not browser.all(".line.added")
    assert "? not decided" in browser.one("#verdict").text
    second.click()
    assert browser.one("#verdict").text == "◆ can happen"


def test_taking_away_what_is_needed_shows_what_appears(show: Show) -> None:
    browser = show("forbidden")
    browser.one("#why button[data-switch]").click()
    assert browser.one("#what-if").is_displayed()
    assert "◆ can happen" in browser.one("#verdict .under").text
    assert browser.one("figure:not([hidden])").get_attribute("data-execution").startswith("without")


# --- typed -----------------------------------------------------------------------------------------------------------
def test_events_by_keys(show: Show) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = show("allowed")
    browser.press("j", "j")
    assert browser.one(".event.picked").get_attribute("aria-label") == "d, P0 line 5: reads y = 0"
    browser.press(Keys.ARROW_RIGHT)
    assert browser.one(".event.picked").get_attribute("aria-label") == "f, P1 line 5: reads x = 0"
    browser.press("k", "h")
    assert browser.one(".event.picked").get_attribute("aria-label") == "c, P0 line 4: writes x = 1"
    browser.press("e")
    assert "reads y = 0" in browser.one("#detail").text and browser.one("#tip").is_displayed()
    browser.press("j", Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "L0-5"
    browser.press(Keys.ENTER)
    assert browser.run("return document.activeElement.classList.contains('event')")


def test_tab_goes_from_an_event_to_its_edges(show: Show) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = show("allowed")
    browser.press("j", Keys.TAB)
    assert browser.run("return document.activeElement.classList.contains('edge')")


def test_keys_for_panels_zoom_and_help(show: Show) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = show("allowed")
    browser.press("2")
    assert browser.one("#timeline").is_displayed() and not browser.one("#story").is_displayed()
    browser.press(Keys.ARROW_RIGHT)
    assert browser.one("#why").is_displayed()
    width = boxes(browser, "figure svg.graph")[0]
    browser.press("-")
    smaller = boxes(browser, "figure svg.graph")[0]
    assert smaller[2] - smaller[0] < width[2] - width[0]
    browser.press("?")
    assert browser.one("#keys").is_displayed()
    browser.press(Keys.ESCAPE)
    assert not browser.one("#keys").is_displayed()
