"""The log in the format of herd7, line for line (herdtools7 manual, chapter "The herd7 simulator", "Output"), so that
the tools which read herd7's logs read ours.

Failures have no place in that format; the command line prints them on the error stream.  Where an engine did not count,
the counts are what is known for certain: 1 where an execution was found, 0 where there is none.
"""

from __future__ import annotations

from typing import TextIO

from membar_check.expectations import Judged, flags_of
from membar_check.litmus.syntax import Quantifier
from membar_check.report import Settings
from membar_check.verdict import State, Verdict


def make(out: TextIO, settings: Settings) -> HerdLog:
    return HerdLog(out)


class HerdLog:
    """Writes each verdict as soon as it comes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def add(self, judged: Judged) -> None:
        if isinstance(judged.result, Verdict):
            self._out.write(log_of(judged.result))
            self._out.flush()

    def finish(self) -> None:
        self._out.flush()


def state_line(state: State) -> str:
    """``0:r1=1; [x]=2;``"""
    return " ".join(f"{place}={value};" for place, value in state)


def log_of(verdict: Verdict) -> str:
    """The block of the log for one test, with the blank line that ends it."""
    states = verdict.states or ()
    positive = verdict.positive if verdict.positive is not None else int(verdict.reached)
    negative = verdict.negative if verdict.negative is not None else int(verdict.counter_reached)
    witnesses = (positive, negative)
    if verdict.condition.quantifier is Quantifier.NOT_EXISTS:
        witnesses = (negative, positive)
    lines = [f"Test {verdict.test} {verdict.kind}", f"States {len(states)}"]
    lines += [state_line(state) for state in states]
    lines += [verdict.word, "Witnesses", f"Positive: {witnesses[0]} Negative: {witnesses[1]}"]
    lines += [f"Flag {flag}" for flag in dict.fromkeys((*flags_of(verdict), *verdict.classes))]
    lines += [
        f"Condition {verdict.condition_text}",
        f"Observation {verdict.test} {verdict.observation.value} {positive} {negative}",
        f"Time {verdict.test} {verdict.cpu_seconds:.2f}",
    ]
    if verdict.hash:
        lines.append(f"Hash={verdict.hash}")
    return "\n".join(lines) + "\n\n"
