"""Writes the pictures of a run: one file for each result with a witness, named after the test's path."""

from __future__ import annotations

import os

from membar_check.diagnostics import InputError
from membar_check.expectations import Judged
from membar_check.report import draw
from membar_check.verdict import Verdict


class Pictures:
    """The folders for DOT and SVG files; None: not wanted.

    They are made at once: a folder that cannot be written to is an InputError before any test is checked.
    """

    def __init__(self, dot: str | None, svg: str | None) -> None:
        self._folders = {kind: folder for kind, folder in (("dot", dot), ("svg", svg)) if folder is not None}
        self._taken: set[str] = set()
        self._drawn = 0
        self._without = 0
        for kind, folder in self._folders.items():
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError as error:
                raise InputError(f"{folder}: cannot make the folder for --{kind}: {error.strerror}") from None
            if not os.access(folder, os.W_OK | os.X_OK):
                raise InputError(f"{folder}: cannot write into the folder for --{kind}")

    def add(self, judged: Judged, inside: str) -> None:
        """Draws the witness of a result, if it has one; ``inside`` is the path of the test below the argument that
        named it.  Raises InputError where the file cannot be written."""
        verdict = judged.result
        if not isinstance(verdict, Verdict):
            return
        if verdict.witness is None:
            self._without += 1
            return
        stem = self._stem(inside, verdict.model)
        for kind, folder in self._folders.items():
            path = os.path.join(folder, f"{stem}.{kind}")
            text = draw(kind, verdict)
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as handle:
                    handle.write(text)
            except OSError as error:
                raise InputError(f"{path}: cannot write the picture: {error.strerror}") from None
        self._drawn += 1

    def summary(self) -> str:
        """``3 pictures; 2 tests have no execution to draw``"""
        noun = "picture" if self._drawn == 1 else "pictures"
        text = f"{self._drawn} {noun} in {', '.join(self._folders.values())}"
        if self._without:
            text += f"; {self._without} without an execution to draw"
        return text

    def _stem(self, inside: str, model: str) -> str:
        """A name that nothing else of this run has: the test's path, the model where needed, a number where needed."""
        base = os.path.splitext(inside)[0]
        label = os.path.splitext(os.path.basename(model))[0]
        candidates = [base, f"{base}.{label}"]
        number = 2
        while (stem := candidates.pop(0)) in self._taken:
            if not candidates:
                candidates.append(f"{base}.{label}-{number}")
                number += 1
        self._taken.add(stem)
        return stem
