"""Reports of a gate for machines: they fit the published schemas and protocols, whatever the texts, and say it all."""

from __future__ import annotations

import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from membar_check.records import replace
from membar_check.report.gate import FORMATS, write_report
from membar_check.report.gate.data import Distinguished, GateItem, GateReport, Kind, ModelChange, Position
from membar_check.report.gate.github import command
from membar_check.report.gate.junit import xml_text
from membar_check.verdict import Status
from support.gate_reports import HOSTILE, REPORTS, empty, report

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
MACHINES = ("junit", "sarif", "github", "tap", "jsonl")


def written(name: str, of: GateReport) -> str:
    out = io.StringIO()
    write_report(name, of, out)
    return out.getvalue()


@pytest.mark.parametrize("of", REPORTS)
@pytest.mark.parametrize("name", MACHINES)
def test_the_same_report_gives_the_same_text_and_ends_its_last_line(name: str, of: str) -> None:
    text = written(name, REPORTS[of]())
    assert text.endswith("\n") and text == written(name, REPORTS[of]())
    text.encode("utf-8")


def test_all_formats_are_there() -> None:
    assert set(MACHINES) | {"text", "html"} == set(FORMATS)


# --- JUnit -----------------------------------------------------------------------------------------------------------
@cache
def junit_schema() -> Any:
    import xmlschema

    return xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))


@pytest.mark.parametrize("of", REPORTS)
def test_junit_fits_the_schema(of: str) -> None:
    junit_schema().validate(written("junit", REPORTS[of]()).encode("utf-8"))


def test_the_schema_of_junit_refuses_what_is_wrong() -> None:
    text = written("junit", report())
    assert not junit_schema().is_valid(text.replace("<failure ", '<failure line="1" ', 1))
    assert not junit_schema().is_valid(text.replace('time="1.500"', 'time="soon"'))


def test_junit_counts_differences_as_failures_and_what_has_no_verdict_as_errors() -> None:
    root = ElementTree.fromstring(written("junit", report()))
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "8", "failures": "3", "errors": "2",
    }  # fmt: skip
    cases = {case.get("name"): case for case in root.iter("testcase")}
    tags = {name: [child.tag for child in case] for name, case in cases.items()}
    assert tags == {
        "bad.litmus[x86-tso]": ["error"],
        "fixed.litmus[lkmm]": ["system-out"],
        "gone.litmus[lkmm]": ["failure"],
        "lost.litmus[lkmm]": ["failure"],
        "new.litmus[lkmm]": ["system-out"],
        "same.litmus[lkmm]": [],
        "SB+mbs.litmus[lkmm]": ["failure"],
        "slow.litmus[lkmm]": ["error"],
    }
    assert not list(root.iter("skipped"))
    late = cases["slow.litmus[lkmm]"].find("error")
    assert late is not None and late.get("type") == "inconclusive.time-out"
    broken = cases["SB+mbs.litmus[lkmm]"].find("failure")
    assert broken is not None and broken.get("message") == "broken: expected Never, observed Sometimes"
    assert broken.text is not None
    assert broken.text.startswith("t/SB+mbs.litmus:18:1: broken") and "+ 0:r0=0; 1:r0=0;" in broken.text


def test_junit_suites_are_folders_and_their_counts_add_up() -> None:
    root = ElementTree.fromstring(written("junit", report()))
    suites = {suite.get("name"): suite for suite in root.findall("testsuite")}
    assert list(suites) == ["t", "t/kernel", "membar-check models"]
    for suite in suites.values():
        assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert suites["t/kernel"].get("time") == "1.500"
    told = suites["membar-check models"].findtext("system-out") or ""
    assert "lkmm: the axiom propagation was removed" in told and "C MP\n{}\nexists (0:r0=1)" in told


def test_junit_shows_what_xml_cannot_hold() -> None:
    assert xml_text("a\x00\x1b[1m\r\n\ud800\ufffe\t") == "a\\x00\\x1b[1m\\r\n\\ud800\\ufffe\t"
    root = ElementTree.fromstring(written("junit", REPORTS["hostile"]()))
    texts = "".join(root.itertext())
    assert HOSTILE.replace("\x00", "\\x00").replace("\x1b", "\\x1b").replace("\r", "\\r") in texts


# --- SARIF -----------------------------------------------------------------------------------------------------------
@cache
def sarif_validator() -> Any:
    import jsonschema

    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text("utf-8"))
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def sarif(of: GateReport) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(written("sarif", of))["runs"][0]
    return run


@pytest.mark.parametrize("of", REPORTS)
def test_sarif_fits_the_schema(of: str) -> None:
    sarif_validator().validate(json.loads(written("sarif", REPORTS[of]())))


def test_the_schema_of_sarif_refuses_what_is_wrong() -> None:
    document = json.loads(written("sarif", report()))
    document["runs"][0]["results"][0]["level"] = "fatal"
    document["runs"][0]["results"][1]["line"] = 1
    assert len(list(sarif_validator().iter_errors(document))) == 2


def test_sarif_has_a_result_for_what_does_not_pass_and_for_changes_of_models() -> None:
    run = sarif(report())
    found = [(r["ruleId"], r["level"], _at(r)) for r in run["results"]]
    assert found[0] == ("model-changed", "error", ("models/lkmm.cat", 78, 1))
    assert found[1][:2] == ("model-changed", "note"), "no test under sc is affected"
    assert found[2:] == [
        ("error", "error", ("t/bad.litmus", 8, 15)),
        ("missing", "error", ("base.txt", 12, 1)),
        ("changed", "error", ("drv/a.c", 7, 3)),
        ("broken", "error", ("t/SB+mbs.litmus", 18, 1)),
        ("inconclusive", "error", ("t/slow.litmus", 1, 1)),
    ]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in run["results"])


def _at(result: dict[str, Any]) -> tuple[str, int, int]:
    place = result["locations"][0]["physicalLocation"]
    return place["artifactLocation"]["uri"], place["region"]["startLine"], place["region"]["startColumn"]


def test_sarif_names_axiom_tests_and_the_distinguishing_test_in_one_message() -> None:
    text = sarif(report())["results"][0]["message"]["text"]
    assert text.startswith("lkmm: the axiom propagation was removed\n")
    assert "t/SB+mbs.litmus: broken: expected Never, observed Sometimes" in text
    assert "t/gone.litmus" not in text, "no change of a model takes a file away"
    assert "distinguishing test: allowed now, forbidden before (propagation objects)\nC MP\n" in text


def test_sarif_leads_from_a_broken_test_to_the_change_of_its_model() -> None:
    related = {r["ruleId"]: r.get("relatedLocations") for r in sarif(report())["results"]}
    (place,) = related["broken"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "models/lkmm.cat", "uriBaseId": "%SRCROOT%"}
    assert place["message"]["text"] == "lkmm: the axiom propagation was removed"
    assert related["error"] is None and related["missing"] is None


def test_sarif_says_whether_every_check_has_an_answer(tmp_path: Path) -> None:
    assert sarif(report())["invocations"][0] == {
        "executionSuccessful": False,
        "exitCode": 2,
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": "the cache t.db was damaged and is set aside"}}
        ],
    }
    broken = tuple(item for item in report().items if item.kind is Kind.BROKEN)
    assert sarif(GateReport(broken, ()))["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]


def test_sarif_fingerprints_stay_when_lines_move(monkeypatch: pytest.MonkeyPatch) -> None:
    item = next(item for item in report().items if item.kind is Kind.BROKEN)
    moved = replace(item, place=Position(item.file, 99, 4), reason="expected Never, observed Always")
    other = replace(item, model="sc")
    first, second, third = (
        sarif(GateReport((i,), ()))["results"][0]["partialFingerprints"] for i in (item, moved, other)
    )
    assert first == second != third


def test_paths_are_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside, outside = str(tmp_path / "a b" / "t+1.litmus"), "/elsewhere/t.litmus"
    items = tuple(GateItem(f, "sc", Kind.BROKEN, Status.DIFFERS, "why") for f in (inside, outside))
    artifacts = [
        r["locations"][0]["physicalLocation"]["artifactLocation"] for r in sarif(GateReport(items, ()))["results"]
    ]
    assert artifacts == [{"uri": "a%20b/t+1.litmus", "uriBaseId": "%SRCROOT%"}, {"uri": "file:///elsewhere/t.litmus"}]
    annotations = written("github", GateReport(items, ())).splitlines()
    assert "file=a b/t+1.litmus,line=1" in annotations[0] and "file=/elsewhere/t.litmus" in annotations[1]


# --- GitHub ----------------------------------------------------------------------------------------------------------
COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^,:]*,?)+)::(.*)")


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command, as GitHub's runner reads it."""
    match = COMMAND.fullmatch(line)
    assert match, line
    properties = dict(part.split("=", 1) for part in match[2].split(","))

    def plain(text: str, also: bool = False) -> str:
        for code, character in (("%0D", "\r"), ("%0A", "\n"), *((("%3A", ":"), ("%2C", ",")) if also else ())):
            text = text.replace(code, character)
        return text.replace("%25", "%")

    return match[1], {key: plain(text, True) for key, text in properties.items()}, plain(match[3])


def test_annotations_stand_at_their_lines_models_first_then_the_gravest() -> None:
    found = [parsed(line) for line in written("github", report()).splitlines()]
    assert [(level, p.get("file"), p.get("line"), p["title"]) for level, p, _ in found] == [
        ("error", "models/lkmm.cat", "78", "the model lkmm changed"),
        ("warning", None, None, "the model sc changed"),
        ("error", "t/SB+mbs.litmus", "18", "SB+mbs.litmus[lkmm] broken"),
        ("error", "drv/a.c", "7", "lost.litmus[lkmm] changed"),
        ("error", "t/bad.litmus", "8", "bad.litmus[x86-tso] error"),
        ("error", "base.txt", "12", "gone.litmus[lkmm] missing"),
        ("error", "t/slow.litmus", "1", "slow.litmus[lkmm] inconclusive"),
        ("notice", "t/fixed.litmus", "1", "fixed.litmus[lkmm] fixed"),
        ("notice", "t/new.litmus", "1", "new.litmus[lkmm] new"),
        ("warning", None, None, "membar-check gate"),
        ("error", None, None, "membar-check gate"),
    ]
    assert found[4][1]["col"] == "15"
    assert found[2][2].splitlines()[:2] == [
        "broken: expected Never, observed Sometimes", "verdict: Never, now Sometimes",
    ]  # fmt: skip


def test_annotations_of_a_clean_gate_are_one_notice() -> None:
    same = tuple(item for item in report().items if item.kind is Kind.SAME)
    assert written("github", GateReport(same, ())) == "::notice title=membar-check gate::1 check: 1 same\n"


def test_annotations_escape_what_the_runner_reads() -> None:
    line = command("error", "a: b, 100%", "50%\r\n::error::x", Position("a,b:c%.litmus", 3, 1))
    assert line == "::error file=a%2Cb%3Ac%25.litmus,line=3,title=a%3A b%2C 100%25::50%25%0D%0A::error::x\n"
    for line in written("github", REPORTS["hostile"]()).split("\n")[:-1]:
        level, _, text = parsed(line)
        assert level in ("error", "warning") and text


# --- TAP -------------------------------------------------------------------------------------------------------------
POINT = re.compile(r"(not ok|ok) (\d+) - ((?:[^#\\]|\\[#\\])*)")


def points(text: str) -> list[tuple[bool, str, dict[str, Any]]]:
    """The test points of a document in TAP 14 with their YAML blocks; checks the document."""
    lines = text.splitlines()
    assert lines[0] == "TAP version 14"
    found: list[tuple[bool, str, dict[str, Any]]] = []
    block = False
    for line in lines[2:]:
        if line in ("  ---", "  ..."):
            assert block == (line == "  ...") and found
            block = not block
        elif block:
            key, _, value = line.strip().partition(": ")
            found[-1][2][key] = json.loads(value)
        elif not line.startswith("#"):
            match = POINT.fullmatch(line)
            assert match and int(match[2]) == len(found) + 1, line
            found.append((match[1] == "ok", match[3], {}))
    assert not block and lines[1] == f"1..{len(found)}"
    return found


def test_tap_has_a_point_an_item_and_a_block_where_there_is_more_to_say() -> None:
    found = points(written("tap", report()))
    assert [(ok, name) for ok, name, _ in found] == [
        (False, "t/bad.litmus [x86-tso]"), (True, "t/fixed.litmus [lkmm]"), (False, "t/gone.litmus [lkmm]"),
        (False, "t/kernel/lost.litmus [lkmm]"), (True, "t/new.litmus [lkmm]"), (True, "t/same.litmus [lkmm]"),
        (False, "t/SB+mbs.litmus [lkmm]"), (False, "t/slow.litmus [lkmm]"),
    ]  # fmt: skip
    blocks = {name: block for _, name, block in found}
    assert blocks["t/same.litmus [lkmm]"] == {}
    broken = blocks["t/SB+mbs.litmus [lkmm]"]
    assert broken["at"] == {"file": "t/SB+mbs.litmus", "line": 18, "column": 1} and broken["wanted"] == "Never"
    assert broken["severity"] == "fail" and "+ 0:r0=0; 1:r0=0;" in broken["details"]


def test_tap_stays_whole_whatever_the_texts() -> None:
    found = points(written("tap", REPORTS["hostile"]()))
    assert [ok for ok, _, _ in found] == [False, False]
    assert "\\#1" in found[0][1] and found[0][2]["wanted"] == HOSTILE
    assert points(written("tap", REPORTS["empty"]())) == []


# --- JSON lines ------------------------------------------------------------------------------------------------------
def test_json_lines_are_objects_that_end_with_a_summary() -> None:
    lines = [json.loads(line) for line in written("jsonl", report()).splitlines()]
    assert [line["type"] for line in lines] == [
        *["item"] * 8, "model-change", "model-change", "distinguished", "distinguished", "note", "summary",
    ]  # fmt: skip
    assert lines[-1] == {
        "type": "summary", "version": 1, "checks": 8, "status": 2, "compare": ["verdict", "states"],
        "counts": dict.fromkeys(
            ("error", "broken", "changed", "missing", "inconclusive", "new", "fixed", "same"), 1
        ),
        "baseline": "base.txt", "updated": False,
    }  # fmt: skip
    items = {line["file"]: line for line in lines if line["type"] == "item"}
    assert items["t/slow.litmus"]["status"] == "inconclusive" and not items["t/slow.litmus"]["pass"]
    assert items["t/slow.litmus"]["new"]["failure"] == "time-out"
    broken = items["t/SB+mbs.litmus"]
    assert (broken["old"]["observation"], broken["new"]["observation"]) == ("Never", "Sometimes")
    assert broken["new"]["states"][0] == "0:r0=0; 1:r0=0;" and broken["new"]["state_count"] == 4
    finding = items["t/kernel/lost.litmus"]["new"]["findings"][0]
    assert finding == {
        "class": "lost", "text": "an update is lost", "place": {"file": "drv/a.c", "line": 7, "column": 3},
    }  # fmt: skip


def test_json_lines_hold_any_text() -> None:
    lines = written("jsonl", REPORTS["hostile"]()).split("\n")[:-1]
    objects = [json.loads(line) for line in lines]
    assert objects[0]["reason"] == objects[0]["new"]["condition"] == HOSTILE


def test_json_lines_do_not_tell_times() -> None:
    timed = report()
    untimed = replace(timed, seconds=3.0, items=tuple(replace(item, seconds=None, cached=True) for item in timed.items))
    assert written("jsonl", timed) == written("jsonl", untimed)


@pytest.mark.parametrize(
    "told", [Distinguished("sc", litmus="C MP\n"), Distinguished("sc", bound="none", complete=False)]
)
def test_a_model_that_means_something_else_fails_in_every_format(told: Distinguished) -> None:
    found = replace(empty(), distinguished=(told,), model_changes=(ModelChange("sc", "model", "", "changed"),))
    assert found.status == 0
    found = replace(found, against=True)
    assert found.status == (1 if told.litmus else 3)
    root = ElementTree.fromstring(written("junit", found))
    assert [(root.get("failures"), root.get("errors"))] == [("1", "0") if told.litmus else ("0", "1")]
    assert "not ok 1 - model sc: " in written("tap", found) and "1..1\n" in written("tap", found)
    assert written("github", found).startswith("::error")
    assert json.loads(written("sarif", found))["runs"][0]["results"][0]["level"] == "error"


def test_an_accepted_change_is_a_note_in_every_format() -> None:
    told = (
        Distinguished("sc", litmus="C MP\n", accepted=True), Distinguished("tso", litmus="C SB\n"),
        Distinguished("x", bound="none", complete=False, accepted=True),
    )  # fmt: skip
    changed = tuple(ModelChange(name, "model", "", "changed") for name in ("sc", "tso", "x"))
    found = replace(empty(), distinguished=told, model_changes=changed, against=True)
    assert (found.stopped, found.undecided, found.accepted, found.status) == (("tso",), (), ("sc", "x"), 1)
    good = replace(found, distinguished=(told[0], told[2]), model_changes=(changed[0], changed[2]))
    assert good.status == 0
    words = "accepted: the baseline records the model as it is now"
    for name in FORMATS:
        assert words in re.sub(r"&#39;|&#x27;", "'", written(name, good)) or name == "jsonl"
    results = json.loads(written("sarif", found))["runs"][0]["results"]
    assert [result["level"] for result in results] == ["note", "error", "note"]
    assert [line.partition(" ")[0] for line in written("github", found).splitlines()] == [
        "::notice", "::error", "::notice", "::error"
    ]  # fmt: skip
    assert "not ok" not in written("tap", good) and "1..0\n" in written("tap", good)
    assert ElementTree.fromstring(written("junit", good)).get("failures") == "0"
    lines = [json.loads(line) for line in written("jsonl", found).splitlines()]
    assert [line["accepted"] for line in lines if "accepted" in line] == [True, False, True, True, False, True]
    assert lines[-1]["status"] == 1


def test_a_model_is_accepted_only_as_a_whole() -> None:
    told = (Distinguished("sc", litmus="C MP\n", accepted=True), Distinguished("sc", bound="none", complete=False))
    found = replace(empty(), distinguished=told, against=True)
    assert (found.undecided, found.accepted, found.status) == (("sc",), (), 3)
