"""Of kernel C, which lines and branches some execution takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from membar_check.diagnostics import Span
from membar_check.engine.tally import Tally
from membar_check.litmus.kernel_c import in_runtime
from membar_check.program.ir import Program
from membar_check.records import dataclass, field
from membar_check.report.coverage_data import ArmCoverage, FileCoverage

Key = TypeVar("Key")


@dataclass(slots=True)
class _File:
    text: str
    lines: dict[int, bool] = field(default_factory=dict)
    arms: dict[tuple[int, int, str], bool] = field(default_factory=dict)
    functions: dict[str, bool] = field(default_factory=dict)


class KernelCoverage:
    """Gathers over tests: what one of them takes is taken."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def add(self, program: Program, tally: Tally) -> None:
        """One more test, with what was found of it: all its executions, none left out."""
        assert program.kernel is not None
        visited = tally.visited
        thread = program.threads[0]  # all share their code
        for pc, instruction in enumerate(thread.code):
            for name, text, line in _lines(instruction.span):
                _either(self._file(name, text).lines, line, pc in visited)
        for arm in program.kernel.ways:
            place = self._file(arm.span.source.name, arm.span.source.text)
            _either(place.arms, (arm.span.line, arm.span.column, arm.text), (arm.site, arm.true) in tally.ways)
        for function in program.kernel.functions.values():
            if not in_runtime(function.span):
                place = self._file(function.span.source.name, function.span.source.text)
                _either(place.functions, function.name, thread.labels[function.entry] in visited)

    def _file(self, name: str, text: str) -> _File:
        return self._files.setdefault(name, _File(text))

    def files(self) -> tuple[FileCoverage, ...]:
        """What was gathered, by name of the file."""
        return tuple(
            FileCoverage(
                name, found.text, dict(sorted(found.lines.items())),
                tuple(ArmCoverage(*key, taken) for key, taken in sorted(found.arms.items())),
                dict(sorted(found.functions.items())),
            )
            for name, found in sorted(self._files.items())
        )


def _either(taken: dict[Key, bool], key: Key, now: bool) -> None:
    taken[key] = taken.get(key, False) or now


def _lines(span: Span) -> Iterator[tuple[str, str, int]]:
    if not in_runtime(span) and span.text.strip():
        yield span.source.name, span.source.text, span.line
