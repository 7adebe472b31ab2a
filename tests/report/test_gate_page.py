"""The page of a gate, as text and in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from membar_check.report.gate import write_report
from membar_check.report.gate.data import GateItem, GateReport, Kind, ModelChange, Position, Record
from membar_check.report.gate.html import render
from membar_check.verdict import Status
from support.browser import Browser, started
from support.gate_reports import HOSTILE, REPORTS, report

VOID = {"meta", "input", "br"}
LINKS = {("t/SB+mbs.litmus", "lkmm"): "explain/SB%2Bmbs-lkmm.html"}


class Reader(HTMLParser):
    """The elements and the text of a page, scripts and styles apart; checks that all is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


# --- text ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("of", REPORTS)
def test_the_page_is_whole_and_needs_nothing_else(of: str) -> None:
    page = render(REPORTS[of](), {})
    reader = Reader(page)
    addresses = [value for _, attributes in reader.elements for key, value in attributes.items()
                 if key in ("src", "href")]  # fmt: skip
    assert all(address and address.startswith("#") for address in addresses)
    assert "@import" not in page and "url(" not in page and "http" not in page
    assert page == render(REPORTS[of](), {})


def test_no_text_becomes_markup() -> None:
    reader = Reader(render(REPORTS["hostile"](), {}))
    assert [tag for tag, _ in reader.elements].count("script") == 1
    assert "b" not in {tag for tag, attributes in reader.elements if "class" in attributes}
    plain = HOSTILE.split("\r")[0]
    assert plain in reader.text and "]]> </script>" in reader.text


def test_the_gravest_come_first_and_what_is_the_same_is_there_too() -> None:
    reader = Reader(render(report(), LINKS))
    kinds = [a["data-kind"] for tag, a in reader.elements if tag == "tbody"]
    assert kinds == ["error", "broken", "changed", "missing", "inconclusive", "new", "fixed", "same"]
    assert "+ 0:r0=0; 1:r0=0;" in reader.text and "condition: exists (0:r0=0 /\\ 1:r0=0)" in reader.text
    assert "no answer: time-out after 5 s" in reader.text and "hint: give it more" in reader.text
    assert [a["href"] for tag, a in reader.elements if tag == "a" and "explain" in str(a["href"])] == [*LINKS.values()]


def test_changes_of_models_are_told_with_the_checks_that_they_hit() -> None:
    reader = Reader(render(report(), {}))
    text = " ".join(reader.text.split())
    assert "lkmm: the axiom propagation was removed models/lkmm.cat:78" in text
    assert "3 checks under it are not as before" in text
    assert "(propagation objects) C MP {} exists (0:r0=1)" in text
    assert "no test was found by search that tells it from what it was: none of up to 4 accesses" in text
    hrefs = [str(a["href"]) for tag, a in reader.elements if tag == "a"]
    rows = {a.get("id") for tag, a in reader.elements if tag == "tbody"}
    assert len(hrefs) == 3 and all(href[1:] in rows for href in hrefs)


def test_places_are_told_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def at(name: str) -> Position:
        return Position(str(tmp_path / name), 7)

    kernel = Record("t", classes=("lost",), findings=(("lost", "an update is lost", at("drv/a.c")),), word="Ok")
    item = GateItem("t.litmus", "lkmm", Kind.CHANGED, Status.DIFFERS, "it differs", new=kernel, place=at("drv/b.c"))
    far = ModelChange("sc", "model", "", "changed", Position("/far/sc.cat", 1))
    changes = ModelChange("lkmm", "axiom", "propagation", "removed", at("models/lkmm.cat")), far
    page = Reader(render(GateReport((item,), ("verdict",), changes), {})).text
    assert str(tmp_path) not in page
    for place in ("models/lkmm.cat:7", "drv/a.c:7", "drv/b.c:7", "/far/sc.cat:1"):
        assert place in page


def test_the_plain_report_is_the_page_without_links() -> None:
    out = io.StringIO()
    write_report("html", report(), out)
    assert out.getvalue() == render(report(), {})


def test_what_is_the_same_is_not_hidden_where_there_is_nothing_else() -> None:
    same = tuple(item for item in report().items if item.kind is Kind.SAME)
    page = render(GateReport(same, ()), {})
    assert re.search(r'value="same" checked', page)
    assert re.search(r'value="same">', render(report(), {}))


# --- in a browser ----------------------------------------------------------------------------------------------------
Show = Callable[..., Browser]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Show:
    """Opens the page of a report."""

    def opened(of: GateReport, **settings: Any) -> Browser:
        page = tmp_path / "page.html"
        page.write_text(render(of, LINKS, "1 of 2 differences are explained"), encoding="utf-8")
        browser.open(page, **settings)
        return browser

    return opened


def rows(browser: Browser) -> list[str]:
    """The names of the tests that are shown, in the order of the table."""
    return list(browser.run(
        """return [...document.querySelectorAll("#checks tbody")].filter(row => row.getClientRects().length)
           .map(row => row.querySelector("th").textContent.replace(/.*\\//, ""))"""
    ))  # fmt: skip


def test_filters_by_kind_model_and_text(show: Show) -> None:
    browser = show(report())
    assert len(rows(browser)) == 7 and "same.litmus" not in rows(browser)
    assert browser.one("#shown").text == "7 of 8 shown"
    browser.one("input[value=same]").click()
    assert rows(browser)[-1] == "same.litmus"
    for kind in ("error", "changed", "missing", "inconclusive", "fixed", "same"):
        browser.one(f"input[value={kind}]").click()
    assert rows(browser) == ["SB+mbs.litmus", "new.litmus"]
    browser.one("[name=text]").send_keys("never 1:r0=0")
    assert rows(browser) == ["SB+mbs.litmus"]
    browser.one("[name=text]").send_keys(" nowhere")
    assert rows(browser) == [] and browser.one("#none").is_displayed()
    browser.one("#all").click()
    assert len(rows(browser)) == 7 and not browser.one("#none").is_displayed()
    browser.run("const s = document.querySelector('select'); s.value = 'x86-tso';"
                "s.dispatchEvent(new Event('input', { bubbles: true }))")  # fmt: skip
    assert rows(browser) == ["bad.litmus"]
    assert browser.complaints() == []


def test_columns_sort_both_ways(show: Show) -> None:
    browser = show(report())
    browser.one("thead th:nth-child(2) button").click()
    up = rows(browser)
    assert up == ["bad.litmus", "fixed.litmus", "gone.litmus", "lost.litmus", "new.litmus", "SB+mbs.litmus",
                  "slow.litmus"]  # fmt: skip
    assert browser.one("thead th:nth-child(2)").get_attribute("aria-sort") == "ascending"
    browser.one("thead th:nth-child(2) button").click()
    assert rows(browser) == up[::-1]
    browser.one("thead th:nth-child(1) button").click()
    assert rows(browser)[0] == "bad.litmus" and rows(browser)[1] == "SB+mbs.litmus"


def test_a_link_to_a_check_shows_it(show: Show) -> None:
    browser = show(report())
    browser.one("[name=text]").send_keys("nothing like it")
    assert rows(browser) == []
    browser.one("section.model a").click()
    assert "SB+mbs.litmus" in rows(browser)
    assert browser.run("return document.querySelector('tbody:target details').open")


def test_details_open(show: Show) -> None:
    browser = show(report())
    part = browser.one("tbody.k-broken details")
    assert "condition" not in browser.one("tbody.k-broken").text
    part.find_element("css selector", "summary").click()
    assert "condition: exists" in browser.one("tbody.k-broken").text


@pytest.mark.parametrize("of", REPORTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_light_and_dark(show: Show, scheme: str, of: str) -> None:
    browser = show(REPORTS[of](), scheme=scheme)
    low = browser.run(
        """const rgb = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
          return { r, g, b, a }; };
        const light = ({ r, g, b }) => { const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92
          : ((v + .055) / 1.055) ** 2.4); return .2126 * x + .7152 * y + .0722 * z; };
        const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
          if (c.a) return c; } return { r: 255, g: 255, b: 255 }; };
        return [...document.querySelectorAll("body *")].filter((e) => e.getClientRects().length
          && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).map((e) => {
          const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
          return [(a + .05) / (b + .05), e.textContent.trim().slice(0, 30)]; }).filter(([ratio]) => ratio < 4.5)"""
    )
    assert low == []
    dark = browser.run("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_a_narrow_window_scrolls_the_table_and_not_the_page(show: Show) -> None:
    browser = show(report(), width=420)
    assert browser.run("return document.documentElement.scrollWidth") == 420


def test_without_scripts_all_checks_are_there(show: Show) -> None:
    browser = show(report(), scripts=False)
    shown = [row.is_displayed() for row in browser.all("#checks tbody")]
    assert shown == [True] * 8 and not browser.one("#filters").is_displayed()
