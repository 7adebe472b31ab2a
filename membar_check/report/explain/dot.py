"""The execution of an explanation as a Graphviz file: the cycle that the model rules out, or the gaps, stand out."""

from __future__ import annotations

from membar_check.explain.explanation import Explanation
from membar_check.report.dot import graph
from membar_check.report.explain import Settings
from membar_check.report.explain.picture import scene_of
from membar_check.report.svg_layout import lay_out


def write(explanation: Explanation, settings: Settings) -> str:
    """Raises ValueError where the explanation has no execution."""
    scene = scene_of(explanation)
    head = (scene.title, *(caption + content for caption, content in scene.lines))
    texts = dict(enumerate(scene.texts))
    layout = lay_out(scene.witness, scene.drawing, dict(enumerate(scene.labels)), texts)
    return graph(explanation.test, head, scene.witness, scene.drawing, scene.labels, scene.texts, layout)
