"""Reports of an explanation: each takes an :class:`~membar_check.explain.explanation.Explanation` and writes it in one
format.  One module each, one line in the registry; a module has ``write(explanation, settings) -> str``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from membar_check.explain.explanation import Explanation
from membar_check.records import dataclass, field

FORMATS = {
    "text": "membar_check.report.explain.text",
    "json": "membar_check.report.explain.json_form",
    "dot": "membar_check.report.explain.dot",
    "svg": "membar_check.report.explain.svg",
    "graphml": "membar_check.report.explain.graphml",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``width`` in characters and ``colour`` are for text; ``extra`` are further members of the JSON document."""

    width: int = 100
    colour: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


def render(
    explanation: Explanation,
    format: str,
    *,
    width: int = 100,
    colour: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """The explanation in a format that is a key of :data:`FORMATS`, ended by a line break.

    Raises ValueError for other formats, and for pictures and graphs of an explanation without an execution.
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r} for an explanation; there are {', '.join(FORMATS)}")
    settings = Settings(width, colour, extra or {})
    return cast(str, import_module(FORMATS[format]).write(explanation, settings))
