"""The comparison with recorded answers finds differences, and only those."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compare import main
from explanations import Explanation, Explanations, load

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
    assert capsys.readouterr().out.startswith("x86: 1 same, 0 explained, 0 UNEXPLAINED")


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
    assert "x86: SB.litmus: differs: " in out and words in out and "0 same, 0 explained, 1 UNEXPLAINED" in out


def test_errors_are_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(corpus(tmp_path, ROW, text="X86 SB\nnonsense")) == 1
    assert "x86: SB.litmus: error: " in capsys.readouterr().out


def test_what_herd7_did_not_finish_only_has_to_finish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(corpus(tmp_path, {"file": "SB.litmus", "herd7": "time-out"})) == 0
    assert "1 finished where herd7 did not" in capsys.readouterr().out


def test_no_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path / "none")]) == 0
    assert "not compared" in capsys.readouterr().out


def test_refused_tests_are_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """AArch64 sizes
{ uint64_t x; 0:X1=x; 1:X1=x; }
 P0          | P1          ;
 MOV X0,#1   | LDR X2,[X1] ;
 STR W0,[X1] |             ;
exists (1:X2=1)
"""
    arguments = corpus(tmp_path, ROW, text=text)
    (tmp_path / "x86").rename(tmp_path / "aarch64-mixed")
    arguments[-1] = "aarch64-mixed"
    assert main(arguments) == 0
    assert "0 same, 0 explained, 0 UNEXPLAINED, 1 refused as unsupported" in capsys.readouterr().out


# --- explained differences -------------------------------------------------------------------------------------------
WRONG = ROW | {"verdict": "No"}
PINNED = "Ok, Sometimes, 4 states, 1 positive, 3 negative"


@pytest.fixture
def explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lists SB.litmus as an explained difference."""

    def put(pinned: str, model: bool = False) -> None:
        entry = Explanation("why", pinned)
        of_model = frozenset({"why"} if model else ())
        known = Explanations({"why": "the reason"}, {"x86": {"SB.litmus": entry}}, of_model)
        monkeypatch.setattr("compare.load", lambda: known)

    return put


def test_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], explained: Callable[..., None]) -> None:
    explained(PINNED)
    assert main(corpus(tmp_path, WRONG)) == 0
    out = capsys.readouterr().out
    assert "x86: 0 same, 1 explained, 0 UNEXPLAINED" in out and "    1 why: the reason" in out
    assert "SB.litmus" not in out
    assert main(["--corpus", str(tmp_path), "-v"]) == 0
    assert "x86: SB.litmus: explained: why" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "pinned", "words"),
    [
        (ROW, PINNED, "is the same, but is listed under why"),
        (WRONG, PINNED.replace("1 positive", "2 positive"), f"answers `{PINNED}`, but why lists"),
    ],
)
def test_explanations_that_do_not_hold(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    explained: Callable[..., None],
    row: dict[str, Any],
    pinned: str,
    words: str,
) -> None:
    explained(pinned)
    assert main(corpus(tmp_path, row)) == 1
    assert words in capsys.readouterr().out


def test_explanations_of_tests_that_are_not_there(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    explained: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explained(PINNED)
    corpus(tmp_path, WRONG | {"file": "other.litmus"})
    monkeypatch.setattr("compare.CORPUS", tmp_path)
    assert main(["--corpus", str(tmp_path)]) == 1
    assert "listed under why, but the family has no such test" in capsys.readouterr().out


def test_a_reason_about_the_model_must_go_with_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], explained: Callable[..., None]
) -> None:
    explained(PINNED, model=True)
    assert main(corpus(tmp_path, WRONG)) == 1
    out = capsys.readouterr().out
    assert "x86: 0 same, 1 explained, 0 UNEXPLAINED" in out
    assert "x86, model of the record: 0 same, 0 explained, 1 UNEXPLAINED" in out


def test_uncounted_executions_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], explained: Callable[..., None]
) -> None:
    explained(PINNED)
    assert main([*corpus(tmp_path, WRONG), "--engine", "z3"]) == 0
    assert "1 explained" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[x86.why]\n"a.litmus" = "Ok"\n', "'why' of family x86 is not declared"),
        (
            '[reasons]\na.text = "A"\nb.text = "B"\n[x86.a]\n"t" = "Ok"\n[x86.b]\n"t" = "Ok"\n',
            "x86/t has two reasons",
        ),
    ],
)
def test_bad_explanations(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "explained.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        load(path)


def test_the_list_can_be_read() -> None:
    known = load()
    assert {"lkmm", "x86"} <= set(known.entries) and known.of_model <= set(known.reasons)
