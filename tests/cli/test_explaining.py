"""``explain`` and ``repair`` as commands: what they write, and their exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from membar_check.cli import main
from membar_check.explain import api, certify
from membar_check.explain.case import Case

LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"


def bundled(name: str) -> str:
    return str(LITMUS / f"{name}.litmus")


@pytest.mark.parametrize(
    ("name", "claim"), [("x86/SB", "allowed"), ("x86/SB+mfences", "forbidden"), ("c/MP+wmb+rmb", "forbidden")]
)
def test_the_certificate_claims_what_is_explained(name: str, claim: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--format", "json", bundled(name)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["certificate"]["claim"] == claim
    assert found["allowed"] == (claim == "allowed")
    assert found["certificate"]["outcome"]["name"] == found["outcome"]


@pytest.mark.parametrize(
    ("name", "said", "proven"), [("x86/SB", "allowed", "forbidden"), ("x86/SB+mfences", "forbidden", "allowed")]
)
@pytest.mark.parametrize("output", [False, True])
def test_a_certificate_that_contradicts_is_a_fault(
    name: str, said: str, proven: str, output: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made = certify.certify

    def wrong(*arguments: Any) -> dict[str, Any]:
        found = made(*arguments)
        assert found["claim"] == said
        return {**found, "claim": proven}

    monkeypatch.setattr(certify, "certify", wrong)
    path = tmp_path / "out.json"
    assert main(["explain", "--format", "json", bundled(name), *(["-o", str(path)] if output else [])]) == 3
    out, err = capsys.readouterr()
    assert out == "" and not path.exists()
    assert f" is {said} by the engines, but its certificate says {proven}\n" in err
    assert "hint: this is a fault in the checker" in err


def test_a_certificate_takes_the_case_of_the_explanation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = []

    class Counted(Case):
        def __init__(self, *arguments: Any) -> None:
            opened.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(api, "Case", Counted)
    monkeypatch.setattr(certify, "Case", Counted)
    assert main(["explain", "--format", "json", "--outcome", "1", bundled("x86/SB")]) == 0
    assert json.loads(capsys.readouterr().out)["certificate"]["claim"] == "allowed"
    assert len(opened) == 1


@pytest.mark.parametrize(("chosen", "model"), [([], "lkmm"), (["--model", "lkmm"], "lkmm")])
def test_edits_name_the_model_that_judged_them(
    chosen: list[str], model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "--format", "json", *chosen, bundled("c/MP+po+rmb")]) == 0
    edits = json.loads(capsys.readouterr().out)["edits"]
    assert edits and {effect["model"] for edit in edits for effect in edit["effects"]} == {model}


@pytest.mark.parametrize(
    ("name", "outcome", "status", "says"),
    [
        ("c/MP+po+rmb", None, 0, "1. cost"),
        ("c/MP+wmb+rmb", None, 0, "Nothing to repair"),
        ("kernel-c/counter-preempted", "1", 1, "No set of edits does it"),
    ],
)
def test_the_status_of_repair(
    name: str, outcome: str | None, status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [] if outcome is None else ["--outcome", outcome]
    assert main(["repair", bundled(name), *asked]) == status
    assert says in capsys.readouterr().out


def test_a_repair_without_time_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", "--seconds", "0.000001", bundled("c/SB")]) == 3
    assert "the time was over before an answer was found" in capsys.readouterr().out
