"""What every report says at its end: how many tests ended how."""

from __future__ import annotations

from membar_check.expectations import Judged
from membar_check.records import dataclass, field
from membar_check.verdict import Status, Verdict

STATUS_WORDS = {
    Status.AS_EXPECTED: "as expected",
    Status.DIFFERS: "differs",
    Status.ERROR: "error",
    Status.INCONCLUSIVE: "inconclusive",
}


@dataclass(slots=True)
class Tally:
    """Counts results by status, and the CPU time of their tests."""

    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(STATUS_WORDS, 0))
    cpu_seconds: float = 0.0

    def add(self, judged: Judged) -> None:
        self.counts[judged.status] += 1
        if isinstance(judged.result, Verdict):
            self.cpu_seconds += judged.result.cpu_seconds

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def line(self) -> str:
        """``12 checks: 10 as expected, 2 differ; 0.53 s of CPU``"""
        plural = {"differs": "differ", "error": "errors"}
        parts = []
        for status, count in self.counts.items():
            word = STATUS_WORDS[status]
            if count or status is Status.AS_EXPECTED:
                parts.append(f"{count} {plural.get(word, word) if count != 1 else word}")
        noun = "check" if self.total == 1 else "checks"
        return f"{self.total} {noun}: {', '.join(parts)}; {self.cpu_seconds:.2f} s of CPU"
