"""Edited tests: the texts that edits make, the test they are parsed to, and the difference for ``patch``."""

from __future__ import annotations

import os
from collections.abc import Sequence

from membar_check.diagnostics import InputError, Source
from membar_check.explain.edits.edit import Change, Edit
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class Edited:
    """The new texts of the files that edits change, by the names under which the test knows them."""

    texts: dict[str, str]


def conflict(one: Edit, other: Edit) -> bool:
    """Whether two edits exclude each other: they are of the same site, or change the same text."""
    if one.site == other.site:
        return True
    return any(_overlap(a, b) for a in one.changes for b in other.changes)


def _overlap(one: Change, other: Change) -> bool:
    if one.file != other.file:
        return False
    if one.start == one.end and other.start == other.end:
        return one.start == other.start and not (_is_row(one) and _is_row(other))
    if one.start == one.end or other.start == other.end:
        inner, outer = (one, other) if one.start == one.end else (other, one)
        return outer.start < inner.start < outer.end
    return one.start < other.end and other.start < one.end


def _is_row(change: Change) -> bool:
    """Whether an insertion is a row of a table: rows inserted at one place become one."""
    return change.start == change.end and change.text.endswith(";\n") and "|" in change.text


def apply_edits(test: LitmusTest, edits: Sequence[Edit]) -> Edited:
    """What the files become with all of the edits.  Raises InputError if two exclude each other."""
    for number, edit in enumerate(edits):
        for earlier in edits[:number]:
            if conflict(earlier, edit):
                hint = "make one after the other"
                raise InputError(f"`{edit.command}` and `{earlier.command}` change the same text", hint=hint)
    changes: dict[str, list[Change]] = {}
    for edit in edits:
        for change in edit.changes:
            changes.setdefault(change.file, []).append(change)
    originals = source_texts(test)
    texts: dict[str, str] = {}
    for file in sorted(changes):
        texts[file] = _changed(originals[file], changes[file])
    if test.arch != "C" and test.source.name in texts:
        from membar_check.explain.edits.layout import aligned

        texts[test.source.name] = aligned(test.source.text, texts[test.source.name], len(test.bodies))
    return Edited({file: text for file, text in texts.items() if text != originals[file]})


def _changed(text: str, changes: list[Change]) -> str:
    parts: list[str] = []
    done = 0
    for change in _one_row(sorted(changes, key=lambda change: (change.start, change.end, change.text))):
        parts += [text[done : change.start], change.text]
        done = change.end
    return "".join(parts) + text[done:]


def _one_row(changes: list[Change]) -> list[Change]:
    """The changes in order, rows of a table that are inserted at one place joined to one row."""
    joined: list[Change] = []
    for change in changes:
        before = joined[-1] if joined else None
        if before is not None and _is_row(before) and _is_row(change) and before.start == change.start:
            cells = zip(before.text[:-2].split("|"), change.text[:-2].split("|"), strict=True)
            row = "|".join(one if one.strip() else other for one, other in cells)
            joined[-1] = change._replace(text=f"{row};\n")
        else:
            joined.append(change)
    return joined


def source_texts(test: LitmusTest) -> dict[str, str]:
    """The texts of the test and of the headers that its code comes from, by name."""
    texts = {test.source.name: test.source.text}
    if test.kernel is not None:
        for piece in test.kernel.pieces:
            source = piece.span.source
            if source.name not in texts:
                texts[source.name] = source.text
    return texts


def parse_edited(test: LitmusTest, edited: Edited, include_dirs: tuple[str, ...]) -> LitmusTest:
    """The edited test, with the headers that were edited in place of those on disk.  Errors as parse_litmus."""
    text = edited.texts.get(test.source.name, test.source.text)
    headers = {name: text for name, text in edited.texts.items() if name != test.source.name}
    return parse_litmus(Source(test.source.name, text), include_dirs, headers)


def unified_diff(test: LitmusTest, edited: Edited) -> str:
    """The difference as ``patch -p1`` takes it: the test first, then headers by name; "" without any."""
    import difflib

    originals = source_texts(test)
    parts: list[str] = []
    for name in sorted(edited.texts, key=lambda name: (name != test.source.name, name)):
        old, new = _lines(originals[name]), _lines(edited.texts[name])
        shown = _shown(name)
        lines = list(difflib.unified_diff(old, new, f"a/{shown}", f"b/{shown}"))
        parts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(parts)


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _shown(name: str) -> str:
    """A name that ``patch`` takes: it refuses to leave the folder it runs in."""
    path = os.path.normpath(name)
    if path.startswith(".."):
        path = os.path.abspath(path)
    path = path.lstrip("/")
    return f"{path}\t" if " " in path else path
