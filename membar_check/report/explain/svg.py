"""The execution of an explanation as an SVG picture: the cycle that the model rules out, or the gaps, stand out."""

from __future__ import annotations

from membar_check.explain.explanation import Explanation
from membar_check.report.explain import Settings
from membar_check.report.explain.picture import scene_of
from membar_check.report.svg import Head, picture


def write(explanation: Explanation, settings: Settings) -> str:
    """Raises ValueError where the explanation has no execution."""
    scene = scene_of(explanation)
    head = Head(scene.title, scene.title, scene.lines)
    return picture(head, scene.witness, scene.drawing, dict(enumerate(scene.labels)), scene.texts)
