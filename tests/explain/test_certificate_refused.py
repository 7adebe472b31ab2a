"""Certificates are refused when something in them is not as it was, and what is none is an error."""

from __future__ import annotations

import copy
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, parse_file
from membar_check.explain.case import Case
from membar_check.explain.certify import certificate_for
from membar_check.explain.facts import Search
from membar_check.explain.verify import read_certificate, verify_certificate, verify_main
from membar_check.explain.verify_cover import Cover
from membar_check.explain.verify_fact import Candidate, Fact, Judge
from membar_check.explain.verify_subject import Asked, digest, read_subject
from support.certificates import (
    ALLOWED,
    FORBIDDEN,
    ROOT,
    Data,
    certificate,
    certify_file,
    made,
    problems,
)


# --- certificates that do not ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["c/MP+wmb+rmb", "c/2+2W+mbs", "c/RCU+reader+gp", "c/MP+locks"])
def test_every_fact_is_needed(name: str) -> None:
    data = certificate(name, "lkmm")
    for number in range(len(data["facts"])):
        less = copy.deepcopy(data)
        del less["facts"][number]
        assert "do not cover every candidate" in problems(less)


@pytest.mark.parametrize("name", ["c/MP+wmb+rmb", "c/2+2W+mbs", "c/CoWR", "c/MP+locks"])
def test_no_edge_can_be_left_away_or_changed(name: str) -> None:
    data = certificate(name, "lkmm")
    changed = 0
    for number, fact in enumerate(data["facts"]):
        for kind in ("rf", "co"):
            for at, (a, b) in enumerate(fact[kind]):
                less = copy.deepcopy(data)
                del less["facts"][number][kind][at]
                assert f"fact {number} ({fact['kind']}) is not proven" in problems(less)
                for e in range(len(data["events"])):
                    if e != a:
                        other = copy.deepcopy(data)
                        other["facts"][number][kind][at] = [e, b]
                        assert problems(other)
                        changed += 1
    assert changed


def altered(change: Callable[[Data], None], of: tuple[str, str] = FORBIDDEN) -> str:
    data = certificate(*of)
    change(data)
    return problems(data)


def test_the_text_of_the_test_counts() -> None:
    def change(data: Data) -> None:
        data["test"]["text"] = data["test"]["text"].replace("smp_rmb();", "smp_wmb();")

    def with_digest(data: Data) -> None:
        change(data)
        data["test"]["sha256"] = digest(data["test"]["text"])

    assert "its digest differs" in altered(change)
    assert "the events of the test are not those of the certificate" in altered(with_digest)


def test_the_same_facts_do_not_hold_of_another_test() -> None:
    """Where the fence is taken away, with its digest and its events, the axiom is not broken."""
    data = certificate(*FORBIDDEN)
    text = data["test"]["text"].replace("smp_rmb();", "barrier();")
    subject = read_subject(Asked("other.litmus", text, "lkmm", None, None, (), (), 2))
    judge = Judge(subject.scenes, subject.model, subject.program.condition)
    broken = [
        fact
        for fact in data["facts"]
        if judge.doubt(Fact(fact["kind"], {}, edges(fact["rf"]), edges(fact["co"]), fact.get("axiom", ""),
                            tuple(fact.get("cycle", ()))))
    ]  # fmt: skip
    assert [fact["kind"] for fact in broken] == ["axiom"]
    assert isinstance(Search(judge, Cover(subject.scenes), 30).run().witness, Candidate)


def edges(data: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((a, b) for a, b in data)


def test_the_outcome_counts() -> None:
    def text(data: Data) -> None:
        data["outcome"]["text"] = "1:r0=0 /\\ 1:r1=0"

    def both(data: Data) -> None:
        data["outcome"]["proposition"] = {"and": []}
        data["outcome"]["name"] = data["outcome"]["text"] = "true"

    def nothing(data: Data) -> None:
        data["outcome"]["proposition"] = {"place": {"thread": 7, "register": "r0"}, "is": 1}

    def nowhere(data: Data) -> None:
        data["outcome"]["proposition"] = {"place": {"location": "q"}, "is": 1}

    assert altered(text) == "the text of the outcome and its proposition differ"
    assert "the final state may be the one that is asked about" in altered(both)
    assert altered(nothing) == "the outcome names what the test does not have: 7:r0"
    assert altered(nowhere) == "the outcome names what the test does not have: [q]"


def test_axioms_count() -> None:
    def change(name: str) -> Callable[[Data], None]:
        def rename(data: Data) -> None:
            next(f for f in data["facts"] if f["kind"] == "axiom")["axiom"] = name

        return rename

    assert "do not break `atomic`" in altered(change("atomic"))
    assert "the model has no check `gravity`" in altered(change("gravity"))


@pytest.mark.parametrize("cycle", [[], [0], [0, 1], [3, 4, 5], [99]])
def test_cycles_count(cycle: list[int]) -> None:
    def change(data: Data) -> None:
        next(f for f in data["facts"] if f["kind"] == "axiom")["cycle"] = cycle

    assert "do not break `happens-before`" in altered(change)


@pytest.mark.parametrize("kind", ["order", "values", "ended", "outcome"])
def test_kinds_count(kind: str) -> None:
    def change(data: Data) -> None:
        next(f for f in data["facts"] if f["kind"] == "axiom")["kind"] = kind

    assert f"({kind}) is not proven" in altered(change)


def test_models_count(tmp_path: Path) -> None:
    def digest(data: Data) -> None:
        data["model"]["files"][0]["sha256"] = "0" * 64

    def name(data: Data) -> None:
        data["model"]["asked"] = "sc"

    assert altered(digest) == "the files of the model are not those of the certificate"
    assert "the files of the model are not those of the certificate" in altered(name)
    own = tmp_path / "own.cat"
    own.write_text('"own"\ninclude "cos.cat"\nacyclic po | rf | co | fr as all\n', encoding="utf-8")
    data = certify_file(ROOT / "litmus" / "x86" / "SB.litmus", "", CheckOptions(model=str(own)))
    assert data["claim"] == "forbidden" and verify_certificate(data).ok
    own.write_text('"own"\ninclude "cos.cat"\nacyclic po-loc | rf | co | fr as all\n', encoding="utf-8")
    assert problems(data) == "the files of the model are not those of the certificate"
    own.unlink()
    with pytest.raises(InputError, match=r"cannot read|there is no model"):
        verify_certificate(data)


def test_claims_count() -> None:
    data = certificate(*ALLOWED)
    data["claim"] = "forbidden"
    with pytest.raises(InputError, match="no list of facts"):
        verify_certificate(data)
    data["facts"] = []
    assert "do not cover every candidate" in problems(data)
    data = certificate(*FORBIDDEN)
    data["claim"] = "allowed"
    with pytest.raises(InputError, match="no part `witness`"):
        verify_certificate(data)


def test_no_facts_prove_what_is_allowed() -> None:
    """Facts that would exclude the witness are not true, each in its own way."""
    data = certificate(*ALLOWED)
    witness = data["witness"]
    data["claim"] = "forbidden"
    paths = {"0": [witness["paths"][0]], "1": [witness["paths"][1]]}
    whole = {"paths": paths, "rf": witness["rf"], "co": witness["co"]}
    for kind in ("order", "values", "outcome", "ended", "choices"):
        data["facts"] = [{"kind": kind, **whole}]
        assert f"fact 0 ({kind}) is not proven" in problems(data)
    for axiom in ("sc-per-location", "atomicity", "tso"):
        for cycle in ([0], [0, 1], [0, 1, 2, 3], [1, 2, 3, 0], [1, 0], [3, 2, 1, 0]):
            data["facts"] = [{"kind": "axiom", **whole, "axiom": axiom, "cycle": cycle}]
            assert "fact 0 (axiom) is not proven" in problems(data)


def test_witnesses_count() -> None:
    def source(data: Data) -> None:
        rf = data["witness"]["rf"]
        rf[0], rf[1] = [rf[1][0], rf[0][1]], [rf[0][0], rf[1][1]]

    def missing(data: Data) -> None:
        del data["witness"]["rf"][0]

    def path(data: Data) -> None:
        data["witness"]["paths"][0] = 9

    def fewer(data: Data) -> None:
        data["witness"]["paths"].pop()

    for change in (source, missing, path, fewer):
        assert "is no candidate" in altered(change, ALLOWED)

    def fresh(data: Data) -> None:
        events = {e["event"]: e for e in data["events"]}
        rf = data["witness"]["rf"]
        writes = [e for e in events if "W" in events[e]["sets"] and events[e]["thread"] >= 0]
        rf[0][0] = next(w for w in writes if events[w]["at"] == events[rf[0][1]]["at"])

    assert altered(fresh, ALLOWED) == "the final state of the witness is not the outcome"


def test_a_witness_under_a_stronger_model() -> None:
    """The witness of x86-TSO is none of SC."""
    tso, sc = certificate(*ALLOWED), certificate("x86/SB", "sc")
    tso["model"] = sc["model"]
    assert problems(tso) == "the witness breaks a check of the model"


# --- names of outcomes ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("0:r0=5", "is called `0:r0=5`, which is neither its text nor what the test calls it"),
        ("", "neither its text"),
        ("state 1: 1:r0=1; 1:r1=1;", "which is not what its proposition says"),
        ("state 1: 1:r0=1;", "which is not what its proposition says"),
        ("state 0: 1:r0=1; 1:r1=0;", "neither its text"),
        ("state 4: 1:r0=1; 1:r1=0;", ""),
        ("1:r0=1 /\\ 1:r1=0", ""),
    ],
)
def test_the_name_says_what_is_claimed(name: str, problem: str) -> None:
    data = certificate(*FORBIDDEN)
    data["outcome"]["name"] = name
    assert (problem in problems(data)) if problem else not problems(data)


@pytest.mark.parametrize(
    ("asked", "called"),
    [("1:r0=1/\\1:r1=1", "1:r0=1 /\\ 1:r1=1"), ("1", "state 1: 1:r0=0; 1:r1=0;")],
)
def test_names_as_certificates_write_them(asked: str, called: str) -> None:
    test = parse_file(str(ROOT / "litmus" / "c" / "MP+wmb+rmb.litmus"), ())
    data = json.loads(json.dumps(certificate_for(Case(test, CheckOptions(), asked), 60.0)))
    assert data["outcome"]["name"] == called and not problems(data)


# --- what is no certificate ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((), [], "no certificate"),
        (("certificate",), "other", "no certificate"),
        (("version",), 99, "version 99"),
        (("claim",), "perhaps", "claims 'perhaps'"),
        (("test",), None, "no part `test`"),
        (("test", "text"), 3, "no text `text`"),
        (("unroll",), "2", "no number `unroll`"),
        (("unroll",), -1, "-1 as `unroll`, expected 1 or more"),
        (("unroll",), 0, "0 as `unroll`, expected 1 or more"),
        (("include_dirs",), "x", "no list of texts `include_dirs`"),
        (("outcome", "proposition"), {"maybe": 1}, "no proposition"),
        (("outcome", "proposition"), {"place": 3, "is": 1}, "no register or location"),
        (("outcome", "proposition"), {"place": {"location": "x"}, "is": "1"}, "no value"),
        (("facts", 0, "kind"), "magic", "unknown kind"),
        (("facts", 0, "paths"), {"P0": [0]}, "a thread `P0`"),
        (("facts", 0, "rf"), [[1]], "pairs of events"),
        (("facts", 0, "rf"), [["a", "b"]], "no list of numbers"),
        (("facts", 0, "co"), 7, "no list of edges"),
        (("test", "text"), "C broken", "expected"),
    ],
)
def test_what_is_no_certificate(path: tuple[str | int, ...], value: object, message: str) -> None:
    data: Any = certificate(*FORBIDDEN)
    if not path:
        data = value
    else:
        part = data
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = value
    with pytest.raises(InputError, match=message):
        verify_certificate(data)


def test_edges_that_no_candidate_has() -> None:
    data = certificate(*FORBIDDEN)
    data["facts"][0]["rf"] = [[1000, 2000]]
    assert "it names rf from 1000 to 2000, which no candidate has" in problems(data)
    data = certificate(*FORBIDDEN)
    data["facts"][0]["paths"] = {"0": [5]}
    assert "it names paths [5] of thread 0" in problems(data)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_text(made(*FORBIDDEN), encoding="utf-8")
    out = io.StringIO()
    assert verify_main(str(path), out) == 0
    lines = out.getvalue().splitlines()
    assert lines[:4] == [
        "Test     MP+wmb+rmb", "Model    lkmm", "Outcome  1:r0=1 /\\ 1:r1=0", "Claim    forbidden",
    ]  # fmt: skip
    assert lines[4] == "Facts    3: 1 axiom, 2 outcome"
    assert lines[5].startswith("Verified in ")
    data = certificate(*FORBIDDEN)
    data["facts"].pop()
    path.write_text(json.dumps({"test": "MP", "certificate": data}), encoding="utf-8")
    out = io.StringIO()
    assert verify_main(str(path), out) == 1
    assert "Refused in " in out.getvalue() and "do not cover" in out.getvalue()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_certificate(str(tmp_path / "none.json"))
    path = tmp_path / "broken.json"
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_certificate(str(path))
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is no JSON"):
        read_certificate(str(path))
    path.write_text('{"certificate": null, "certificate_missing": "too many paths"}', encoding="utf-8")
    with pytest.raises(InputError, match="has no certificate: too many paths"):
        read_certificate(str(path))
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="nested too deeply"):
        read_certificate(str(path))


def test_the_engines_take_no_part(tmp_path: Path) -> None:
    """In a process of its own, verifying imports nothing of what enumerates, evaluates and searches."""
    path = tmp_path / "certificate.json"
    path.write_text(made(*FORBIDDEN), encoding="utf-8")
    code = f"""
import sys
from membar_check.explain.verify import verify_main
assert verify_main({str(path)!r}, sys.stderr) == 0
print(*sorted(name for name in sys.modules if name.startswith("membar_check.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.removeprefix("membar_check.") for name in done.stdout.split()}
    assert "explain.verify_cover" in loaded
    engines = {name for name in loaded if name.startswith("engine.") and not name.startswith("engine.concrete")}
    assert engines == {"engine.models", "engine.model_cache"}
    assert not loaded & {"events.space", "events.orders", "events.valuation", "events.sources", "relation"}
    assert {name for name in loaded if name.startswith("explain.") and not name.startswith("explain.verify")} == set()
