"""How errors show the place they speak of."""

from __future__ import annotations

from membar_check.diagnostics import InputError, Source, Span


def shown(text: str, start: int, end: int) -> list[str]:
    return Span(Source("t", text), start, end).excerpt().split("\n")


def test_lines_of_usual_length_are_shown_whole() -> None:
    assert shown("first\nsecond line\n", 6, 12) == ["    second line", "    ^^^^^^"]


def test_long_lines_are_shown_around_the_place() -> None:
    text = "a" * 1000 + "BC" + "d" * 1000
    line, marks = shown(text, 1000, 1002)
    assert len(line) == 4 + 3 + 160 + 3 and line[4:7] == "..." and line.endswith("...")
    assert line[marks.index("^") :].startswith("BCd") and marks.count("^") == 2


def test_the_ends_of_long_lines() -> None:
    text = "AB" + "c" * 300 + "YZ"
    line, marks = shown(text, 0, 2)
    assert line.startswith("    ABc") and line.endswith("...") and marks == "    ^^"
    line, marks = shown(text, 302, 304)
    assert line.startswith("    ...") and line.endswith("cYZ") and len(marks) == len(line)
    line, marks = shown(text, 0, 304)
    assert len(marks) == 4 + 160


def test_the_position_is_that_of_the_file() -> None:
    error = InputError("wrong", Span(Source("t", "x" * 500), 400, 401))
    assert error.render().startswith("t:1:401: wrong\n")
