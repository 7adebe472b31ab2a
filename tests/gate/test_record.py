"""Records of checks: nothing that counts is lost on the way through a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membar_check.diagnostics import Inconclusive, InputError, Source, Span
from membar_check.engine.api import CheckOptions, check_file
from membar_check.expectations import flags_of, judge, observed
from membar_check.gate.record import BadRecord, from_json, normal_state, record_of, result_of, to_json
from membar_check.verdict import Failure, Verdict

CASES = (
    ("x86/SB", None), ("x86/SB", "sc"), ("x86/MP+wait-loop", None), ("c/MP+plain", "lkmm"),
    ("aarch64/CAS-winner", None), ("kernel-c/counter-incremented", "lkmm"), ("kernel-c/cmpxchg-retry", "lkmm"),
)  # fmt: skip


def verdict(root: Path, name: str, model: str | None) -> Verdict:
    return check_file(str(root / "litmus" / f"{name}.litmus"), CheckOptions(model=model))


@pytest.mark.parametrize(("name", "model"), CASES)
def test_a_record_is_judged_as_its_verdict(root: Path, name: str, model: str | None) -> None:
    found = verdict(root, name, model)
    record = from_json(to_json(record_of(found)))
    assert record == record_of(found)
    again = result_of(record, found.file, found.model)
    assert isinstance(again, Verdict)
    assert (again.word, again.kind, again.holds) == (found.word, found.kind, found.holds)
    assert (again.classes, flags_of(again), observed(again)) == (found.classes, flags_of(found), observed(found))
    mine, others = judge(again, None), judge(found, None)
    assert (mine.status, mine.expected, mine.reason) == (others.status, others.expected, others.reason)


def test_failures_keep_their_reason_and_place() -> None:
    span = Span(Source("a.litmus", "one\ntwo three\n"), 8, 13)
    bad = record_of(Failure("a", "a.litmus", "sc", InputError("no such thing", span, "try another")))
    assert (bad.failure, bad.message, bad.hint) == ("error", "no such thing", "try another")
    assert bad.place is not None and (bad.place.file, bad.place.line, bad.place.column) == ("a.litmus", 2, 5)
    again = result_of(from_json(to_json(bad)), "a.litmus", "sc")
    assert isinstance(again, Failure) and again.error.span is not None
    assert again.error.span.where() == "a.litmus:2:5"
    late = record_of(Failure("a", "a.litmus", "sc", Inconclusive("time-out", "too slow")))
    assert late.failure == "time-out" and not late.conclusive


def test_states_are_compared_without_regard_to_order_and_spaces() -> None:
    assert normal_state("1:EAX=0;  0:EAX=1;") == normal_state("0:EAX=1; 1:EAX=0;")
    assert normal_state("0:EAX=1;") != normal_state("0:EAX=0;")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"test":1}', '{"test":"a","states":"x"}', '{"test":"a","positive":-1}',
        '{"test":"a","positive":true}', '{"test":"a","other":1}', '{"test":"a","kind":"Maybe"}',
        '{"test":"a","place":["a",0,1]}', '{"test":"a","findings":[["a"]]}',
    ],
)  # fmt: skip
def test_other_data_are_no_record(text: str) -> None:
    with pytest.raises(BadRecord):
        from_json(text)


def test_json_leaves_out_what_is_not_there(root: Path) -> None:
    data = json.loads(to_json(record_of(verdict(root, "x86/SB", None))))
    assert data["observation"] == "Sometimes" and len(data["states"]) == 4
    assert "failure" not in data and "classes" not in data
