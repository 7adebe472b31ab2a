"""The workflow and the pre-commit hooks call the command line as it is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from membar_check.cli import make_parser

COMMAND = re.compile(r"^ *(membar-check (?:[^\\\n]|\\\n)*)", re.MULTILINE)


def test_the_workflow_runs_the_gate_with_all_its_reports(root: Path) -> None:
    text = (root / ".github" / "workflows" / "membar-check.yml").read_text("utf-8")
    (command,) = COMMAND.findall(text)
    words = shlex.split(command.replace("\\\n", " ").replace('"$@"', '--baseline "$BASELINE"'))
    parsed = make_parser().parse_args(words[1:])
    assert parsed.command == "gate" and parsed.paths == ["$TESTS"] and parsed.resume
    assert (parsed.baseline, parsed.against, parsed.html) == ("$BASELINE", "$AGAINST", "report/page")
    assert parsed.reports == [
        ("github", "report/annotations.txt"), ("sarif", "report/membar-check.sarif"), ("junit", "report/junit.xml"),
    ]  # fmt: skip
    for _, path in parsed.reports[:2]:
        assert text.count(path) >= 2, "a later step takes the file"
    assert f"path: {parsed.cache}\n" in text


def test_the_hooks_call_the_gate(root: Path) -> None:
    text = (root / ".pre-commit-hooks.yaml").read_text("utf-8")
    entries = re.findall(r"^  entry: (.*)\n  args: \[(.*)\]$", text, re.MULTILINE)
    assert len(entries) == text.count("- id: ") == 2
    for (entry, arguments), files in zip(entries, (["a.litmus", "b.litmus"], []), strict=True):
        given = [word.strip().strip('"') for word in arguments.split(",")]
        parsed = make_parser().parse_args([*entry.split()[1:], *given, *files])
        assert parsed.command == "gate" and parsed.quiet and parsed.paths == (files or ["."])


@pytest.mark.parametrize(
    "name, hits",
    [
        ("litmus/x86/SB.litmus", [True, True]),
        ("models/lkmm.cat", [False, True]),
        ("expected.txt", [False, True]),
        ("t/expected.txt", [False, True]),
        ("t/unexpected.txt", [False, False]),
        ("a.litmus.py", [False, False]),
    ],
)
def test_the_files_that_hooks_are_for(root: Path, name: str, hits: list[bool]) -> None:
    text = (root / ".pre-commit-hooks.yaml").read_text("utf-8")
    patterns = re.findall(r"^  files: (.*)$", text, re.MULTILINE)
    assert [bool(re.search(pattern, name)) for pattern in patterns] == hits
