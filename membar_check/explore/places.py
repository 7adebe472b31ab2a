"""Commands about single events and lines of the source."""

from __future__ import annotations

import os

from membar_check.diagnostics import InputError
from membar_check.explain.explanation import ExecutionView, SourceText
from membar_check.explain.view import BASE
from membar_check.explore.naming import names_of, parse_event
from membar_check.explore.page import Page
from membar_check.explore.registry import require
from membar_check.explore.session import Look, Session, sources_of
from membar_check.report.explain.sheet import HEADING, QUIET, RELATION, SOURCE, Part
from membar_check.report.explain.words import effect_of, line_of

AROUND = 4  # lines shown before and after one that is asked for
DERIVED = 24  # names of relations listed for one event, in and out


def events(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "events")
    look = session.look
    main = session.test.source.name
    wide = max((len(_where(look.view, i, main)) for i in range(len(look.view.events))), default=0)
    thread = -1
    for i, event in enumerate(look.view.events):
        if event.thread != thread:
            page.item([(f"P{event.thread}", HEADING)])
            thread = event.thread
        tags = f"   {' '.join(event.tags)}" if event.tags else ""
        place: Part = (event.place.text, SOURCE) if event.thread >= 0 and event.place.text != event.action else ""
        parts: list[Part] = [f"{event.action}", (tags, QUIET), "   " if place else "", place]
        page.item(parts, bullet=f"{event.name:>2}  {_where(look.view, i, main):<{wide}}  ", indent=1)


def _where(view: ExecutionView, i: int, main: str) -> str:
    event = view.events[i]
    return f"{line_of(event.place, main)}" if event.thread >= 0 else "initially"


def event(session: Session, text: str, page: Page) -> None:
    words = text.split()
    require(len(words) == 1, "which event?" if not words else f"'{text}' is not one event", "event E")
    look = session.look
    number = parse_event(look, words[0])
    found = look.view.events[number]
    main = session.test.source.name
    head: list[Part] = [(found.name, HEADING), f"  {names_of(look).full(number)}"]
    page.item(head)
    if found.thread >= 0:
        page.item([f"at {line_of(found.place, main)}: ", (found.place.text, SOURCE)], indent=2)
    page.item(f"does: {found.action}", indent=2)
    page.item(f"sets: {' '.join(_sets(look, number)) or 'none'}", indent=2)
    _edges(look, number, page)


def _sets(look: Look, number: int) -> list[str]:
    deriver, mine = look.scene.deriver, look.numbers[number]
    named = [n for n in deriver.names() if deriver.is_set(n) and mine in deriver.members(n)]
    tags = [t for t in look.view.events[number].tags if t not in named]
    return [*tags, *named]


def _edges(look: Look, number: int, page: Page) -> None:
    names, view = names_of(look), look.view
    for caption, end in (("from it", 0), ("to it", 1)):
        derived: dict[str, list[str]] = {}
        for name, pairs in view.relations.items():
            others = [pair[1 - end] for pair in pairs if pair[end] == number != pair[1 - end]]
            if others and name in BASE:
                for other in others:
                    page.item([(f"{name:<5}", RELATION), names.full(other)], bullet=f"{caption}  ", indent=2)
            elif others:
                derived[name] = [view.events[o].name for o in others]
        if derived:
            listed = [f"{name} {','.join(ends)}" for name, ends in list(derived.items())[:DERIVED]]
            more = f" and {len(derived) - DERIVED} more" if len(derived) > DERIVED else ""
            page.item(f"{'; '.join(listed)}{more}", bullet=f"{caption}, of the model: ", indent=2)


# --- source -----------------------------------------------------------------------------------------------------------
def source(session: Session, text: str, page: Page) -> None:
    file, line = _asked(session, text)
    at = _by_line(session, file)
    lines = file.text.rstrip("\n").split("\n")
    if line and not 1 <= line <= len(lines):
        raise InputError(f"{file.name} has no line {line}", hint=f"it has lines 1 to {len(lines)}")
    first, last = (max(1, line - AROUND), min(len(lines), line + AROUND)) if line else (1, len(lines))
    page.item([(_shown(file.name), HEADING)])
    size = len(str(last))
    for number in range(first, last + 1):
        content = lines[number - 1].expandtabs(4).rstrip()
        mark = ">" if number == line else " "
        here = f"   <- {', '.join(at[number])}" if number in at else ""
        indent = len(content) - len(content.lstrip())
        parts: list[Part] = [(content.strip(), SOURCE), (here, QUIET)]
        page.item(parts, bullet=f"{mark}{number:>{size}}  {' ' * indent}", hang=2)


def _shown(name: str) -> str:
    """A file by its path from here, where that is below."""
    path = os.path.relpath(name) if os.path.isabs(name) else name
    return name if path.startswith("..") else path


def _asked(session: Session, text: str) -> tuple[SourceText, int]:
    """The file and the line, 0 for all, that ``LINE``, ``FILE`` or ``FILE:LINE`` means."""
    files = sources_of(session.test)
    if not text:
        return files[0], 0
    if text.isdecimal():
        return files[0], int(text)
    name, _, line = text.rpartition(":") if text.rpartition(":")[2].isdecimal() else (text, "", "0")
    found = [f for f in files if f.name == name or f.name.rsplit("/", 1)[-1] == name]
    if not found:
        known = ", ".join(f.name.rsplit("/", 1)[-1] for f in files)
        raise InputError(f"the test has no file '{name}'", hint=f"there are {known}")
    return found[0], int(line)


def _by_line(session: Session, file: SourceText) -> dict[int, list[str]]:
    """What the execution looked at does at each line."""
    if not session.focus.candidates:
        return {}
    found: dict[int, list[str]] = {}
    for e in session.look.view.events:
        if e.thread >= 0 and e.place.file == file.name:
            found.setdefault(e.place.line, []).append(f"{e.name}: {effect_of(e) if e.kind != 'F' else 'fence'}")
    return found
