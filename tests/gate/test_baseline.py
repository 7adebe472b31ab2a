"""The text of baselines: stable, one line a test, and never believed when it was damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError, Source
from membar_check.gate.baseline import (
    HEAD,
    MOST_STATES,
    Baseline,
    Recorded,
    parse_baseline,
    read_baseline,
    render_baseline,
    write_baseline,
)
from membar_check.gate.record import digest_of_states
from membar_check.gate.report_data import Record
from membar_check.gate.store import checksum


def sample() -> Baseline:
    states = ("0:r0=0; [x]=1;", "0:r0=1; [x]=a|b~\\p;")
    plain = Record(
        "SB", kind="Allowed", word="Ok", observation="Sometimes", states=states, state_count=2,
        state_digest=digest_of_states(states), positive=1, negative=3, flags=("*undef*", "data-race"), reached=True,
        counter_reached=True, undefined=False, asks="0123abcd",
    )  # fmt: skip
    many = tuple(f"[x]={n};" for n in range(MOST_STATES + 1))
    kernel = Record(
        "a test", kind="Forbidden", word="Loop No", observation="Sometimes", states=None, state_count=len(many),
        state_digest=digest_of_states(many), positive=1, negative=1, classes=("missed-barrier", "use-after-free"),
        loop=True, reached=True, counter_reached=True,
    )  # fmt: skip
    clean = Record(
        "clean", kind="Forbidden", word="Ok", observation="Never", states=(), state_count=0,
        state_digest=digest_of_states(()), positive=0, negative=0, classes=(), counter_reached=True,
    )  # fmt: skip
    records = {("a/SB.litmus", "sc"): plain, ("a b/k,1.litmus", "lkmm"): kernel, ("end", "lkmm"): clean}
    recorded = Recorded("0" * 64, {("axiom", "hb"): "12/34", ("definition", "po,loc"): "56"})
    return Baseline("tests.baseline", {"unroll": "2"}, {("lkmm", "C"): recorded}, records)


def resummed(text: str) -> str:
    """The text of a baseline with the checksums that its lines should have."""
    head, *lines = (line.rpartition(" ~")[0] or line for line in text.splitlines())
    return "".join([f"{head}\n", *(f"{line} ~{checksum(line)[:8]}\n" for line in lines)])


def parsed(text: str) -> Baseline:
    return parse_baseline(Source("tests.baseline", text))


def test_what_is_written_is_read() -> None:
    first = sample()
    again = parsed(render_baseline(first))
    assert again.records == first.records
    assert (again.models, again.options) == (first.models, first.options)
    assert render_baseline(again) == render_baseline(first)


def test_a_test_is_a_line_and_lines_are_sorted() -> None:
    lines = render_baseline(sample()).splitlines()
    assert lines[0] == HEAD
    tests = [line for line in lines if "counts=" in line]
    assert len(tests) == 3
    assert tests[1].startswith("a/SB.litmus sc Allowed Ok Sometimes test=SB asks=0123abcd states=2 counts=1/3")
    assert lines[-1].startswith(f"end {len(lines) - 2} ~")
    assert parsed("\n".join(lines) + "\n").lines["a/SB.litmus", "sc"] == lines.index(tests[1]) + 1


def test_every_changed_byte_is_found() -> None:
    text = render_baseline(sample())
    for index, sign in enumerate(text):
        damaged = text[:index] + ("#" if sign != "#" else "+") + text[index + 1 :]
        with pytest.raises(InputError):
            parsed(damaged)


def test_every_cut_is_found() -> None:
    text = render_baseline(sample())
    for length in range(len(text)):
        with pytest.raises(InputError):
            parsed(text[:length])


def test_every_missing_doubled_or_moved_line_is_found() -> None:
    lines = render_baseline(sample()).splitlines(keepends=True)
    for index in range(len(lines)):
        with pytest.raises(InputError):
            parsed("".join(lines[:index] + lines[index + 1 :]))
        with pytest.raises(InputError):
            parsed("".join([*lines[: index + 1], *lines[index:]]))
    for index in range(1, len(lines) - 1):
        swapped = [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]]
        with pytest.raises(InputError):
            parsed("".join(swapped))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no baseline"),
        ("SB.litmus sc Never\n", "no baseline"),
        ("membar-check baseline 9\n", "version 9"),
        ("membar-check baseline 02\n", "no baseline"),
        (render_baseline(sample()).replace(HEAD, "membar-check baseline 1"), "found 'asks=0123abcd', expected one of"),
        (resummed(render_baseline(sample()).replace("0123abcd", "0123ABCD")), "expected eight hexadecimal digits"),
        (f"{HEAD}\n", "cut"),
        (f"{HEAD}\nend 0 ~00000000\n", "changed or damaged"),
    ],
)
def test_complaints_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parsed(text)
    assert caught.value.hint


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "base"
    path.write_text(render_baseline(sample()).replace("Allowed Ok Sometimes", "Allowed No Never"), "utf-8")
    with pytest.raises(InputError, match="checksum") as caught:
        read_baseline(str(path))
    assert caught.value.span is not None and "a/SB.litmus" in caught.value.span.text
    path.write_bytes(b"membar-check baseline 1\n\xff\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_baseline(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(str(tmp_path / "none"))


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    baseline = sample()
    baseline.path = str(tmp_path / "base")
    write_baseline(baseline)
    assert read_baseline(baseline.path).records == baseline.records
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
    baseline.path = str(tmp_path / "none" / "base")
    with pytest.raises(InputError, match="cannot be written"):
        write_baseline(baseline)
