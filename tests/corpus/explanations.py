"""The differences from the recorded answers that are understood, each with our own answer pinned.

``explained.toml`` beside this file has a table ``reasons`` (key -> what it is) and for each family and reason a table
from the file to our answer, in the words of :func:`answer`.  A reason with ``model = true`` is about the model that the
answers were recorded with: under that model the difference has to be gone.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from membar_check.expectations import flags_of
from membar_check.verdict import Verdict

FILE = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True, slots=True)
class Explanation:
    """``reason``: a key of the reasons; ``pinned``: our answer, see :func:`answer`."""

    reason: str
    pinned: str


@dataclass(frozen=True, slots=True)
class Explanations:
    """``reasons``: key -> text; ``entries``: family -> file -> explanation; ``of_model``: reasons about the model."""

    reasons: dict[str, str]
    entries: dict[str, dict[str, Explanation]]
    of_model: frozenset[str]

    def of_family(self, family: str, own_model: bool) -> dict[str, Explanation]:
        """Those in force for a family: all under our own model, under the model of the record not those about it."""
        entries = self.entries.get(family, {})
        return {file: e for file, e in entries.items() if own_model or e.reason not in self.of_model}


def load(path: Path = FILE) -> Explanations:
    """Reads the file.  Raises ValueError for a reason that is not declared and for a test that has two reasons."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    reasons = data.pop("reasons", {})
    entries: dict[str, dict[str, Explanation]] = {}
    for family, by_reason in data.items():
        for reason, files in by_reason.items():
            if reason not in reasons:
                raise ValueError(f"{path}: the reason {reason!r} of family {family} is not declared")
            for file, pinned in files.items():
                if file in entries.setdefault(family, {}):
                    raise ValueError(f"{path}: {family}/{file} has two reasons")
                entries[family][file] = Explanation(reason, pinned)
    of_model = frozenset(key for key, about in reasons.items() if about.get("model"))
    return Explanations({key: about["text"] for key, about in reasons.items()}, entries, of_model)


def answer(verdict: Verdict) -> str:
    """Our answer in one line; what an engine did not count is not in it."""
    parts = [f"{verdict.word}, {verdict.observation.value}, {len(verdict.states or ())} states"]
    if verdict.positive is not None:
        parts.append(f"{verdict.positive} positive, {verdict.negative} negative")
    return ", ".join([*parts, *(f"flag {flag}" for flag in flags_of(verdict))])


def is_pinned(explanation: Explanation, verdict: Verdict) -> bool:
    """Whether our answer is still the one that was explained; executions that were not counted are not compared."""
    pinned = explanation.pinned
    if verdict.positive is None:
        pinned = ", ".join(p for p in pinned.split(", ") if not p.endswith((" positive", " negative")))
    return answer(verdict) == pinned
