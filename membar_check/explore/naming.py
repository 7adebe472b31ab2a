"""How a session names events, and how a user does: a letter, ``P0:12``, ``12``, ``sched.h:33``, a thread before it,
``r`` or ``w`` behind it."""

from __future__ import annotations

import difflib
import re

from membar_check.diagnostics import InputError
from membar_check.explain.derivation import renumber
from membar_check.explain.explanation import Derivation, EventView, ExecutionView, Pair
from membar_check.explain.scene import events_of
from membar_check.explain.view import Viewer
from membar_check.explore.session import Look
from membar_check.report.explain.words import Names, line_of

_LETTER = re.compile(r"[a-z]{1,2}\Z")
_PLACE = re.compile(r"(?:P(?P<thread>\d+):)?(?:(?P<file>[^:\s]+):)?(?P<line>\d+)(?P<kind>[rwfRWF]?)\Z")


def parse_event(look: Look, text: str) -> int:
    """The number, in the view, of the event that the user names.  Raises InputError if there is none, or several."""
    events = look.view.events
    if _LETTER.match(text):
        found = [i for i, e in enumerate(events) if e.name == text]
        if found:
            return found[0]
    match = _PLACE.match(text)
    if match is None:
        known = [e.name for e in events]
        close = difflib.get_close_matches(text, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "a letter (`events` lists them), a line 12, or P0:12"
        raise InputError(f"'{text}' names no event of this execution", hint=hint)
    main = look.focus.case.test.source.name
    found = [i for i, e in enumerate(events) if _fits(e, match)]
    own = [i for i in found if events[i].place.file == main]
    return _only(look, text, own if own and match["file"] is None else found)


def _fits(event: EventView, match: re.Match[str]) -> bool:
    place, file = event.place, match["file"]
    return (
        event.thread >= 0
        and place.line == int(match["line"])
        and (match["thread"] is None or event.thread == int(match["thread"]))
        and (file is None or place.file == file or place.file.endswith(f"/{file}"))
        and (not match["kind"] or event.kind == match["kind"].upper())
    )


def _only(look: Look, text: str, found: list[int]) -> int:
    if len(found) == 1:
        return found[0]
    events = look.view.events
    if found:
        listed = ", ".join(f"{events[i].name} ({events[i].action})" for i in found[:8])
        hint = f"name one by its letter: {events[found[0]].name}"
        raise InputError(f"{text} is {len(found)} events: {listed}", hint=hint)
    main = look.focus.case.test.source.name
    lines = dict.fromkeys(line_of(e.place, main).removeprefix("line ") for e in events if e.thread >= 0)
    hint = f"there are events at {', '.join(list(lines)[:24])}"
    raise InputError(f"nothing of this execution happens at {text}", hint=hint)


def names_of(look: Look) -> Names:
    """The names of the events of the view."""
    return Names(look.view, look.focus.case.test.source.name)


def everyone(look: Look) -> tuple[Names, Viewer]:
    """Names for all events, also those that the view leaves out, and the viewer that numbers them."""
    single = look.scene.single
    keep = [e for p in single.paths for e in p.events] + list(single.structure.initial.values())
    viewer = Viewer(single, look.focus.case.observed, keep)
    return Names(viewer.view({}, True), look.focus.case.test.source.name), viewer


def told(look: Look, derivation: Derivation) -> tuple[Derivation, Names]:
    """A derivation in the structure's numbers, with names for all its events."""
    at = {e: i for i, e in enumerate(look.numbers)}
    if events_of(derivation) <= at.keys():
        return renumber(derivation, at.__getitem__), names_of(look)
    names, viewer = everyone(look)
    return renumber(derivation, viewer.position.__getitem__), names


def short(view: ExecutionView, event: int, main: str) -> str:
    """``c  P1 line 20: writes y = 1``"""
    e = view.events[event]
    where = f"P{e.thread} {line_of(e.place, main)}: " if e.thread >= 0 else ""
    return f"{e.name}  {where}{e.action}"


def visible(look: Look, name: str) -> tuple[list[Pair], int]:
    """The pairs of a relation between events of the view, sorted, and how many there are between others."""
    at = {e: i for i, e in enumerate(look.numbers)}
    pairs = look.scene.deriver.pairs(name)
    shown = sorted((at[a], at[b]) for a, b in pairs if a in at and b in at)
    return shown, len(pairs) - len(shown)
