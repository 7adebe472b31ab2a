"""The comparison with recorded answers finds differences, and only those."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.compare import main

SB = """X86 SB
{ x=0; y=0; }
 P0          | P1          ;
 MOV [x],$1  | MOV [y],$1  ;
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
"""
ROW = {
    "file": "SB.litmus",
    "verdict": "Ok",
    "observation": "Sometimes",
    "positive": 1,
    "negative": 3,
    "flags": [],
    "states": [f"0:EAX={a}; 1:EAX={b};" for a in (0, 1) for b in (0, 1)],
}


def corpus(folder: Path, *rows: dict[str, Any], text: str = SB) -> list[str]:
    family = folder / "x86"
    family.mkdir()
    (family / "SB.litmus").write_text(text, encoding="utf-8")
    (family / "expected.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return ["--corpus", str(folder), "--family", "x86"]


def test_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(corpus(tmp_path, ROW)) == 0
    assert capsys.readouterr().out.startswith("x86: 1 of 1 the same (100.00%)")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "No"}, "verdict Ok, herd7 No"),
        ({"positive": 2}, "positive 1, herd7 2"),
        ({"flags": ["data-race"]}, "flags [], herd7 ['data-race']"),
        ({"states": ROW["states"][:3]}, "1 extra states such as `0:EAX=1; 1:EAX=1;`"),  # type: ignore[index]
        ({"states": [*ROW["states"][1:], "0:EAX=2;"]}, "1 missing states such as `0:EAX=2;`"),  # type: ignore[index]
        ({"states": ROW["states"][::-1]}, "the same states in another order"),  # type: ignore[index]
    ],
)
def test_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], words: str
) -> None:
    assert main(corpus(tmp_path, ROW | change)) == 1
    out = capsys.readouterr().out
    assert "x86/SB.litmus: differs: " in out and words in out and "0 of 1 the same" in out


def test_errors_are_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(corpus(tmp_path, ROW, text="X86 SB\nnonsense")) == 1
    assert "x86/SB.litmus: error: " in capsys.readouterr().out


def test_what_herd7_did_not_finish_only_has_to_finish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(corpus(tmp_path, {"file": "SB.litmus", "herd7": "time-out"})) == 0
    assert "1 finished where herd7 did not" in capsys.readouterr().out


def test_no_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path / "none")]) == 0
    assert "not compared" in capsys.readouterr().out
