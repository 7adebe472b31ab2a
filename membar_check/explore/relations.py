"""Commands about the sets and relations that the model names, in the execution looked at."""

from __future__ import annotations

from membar_check.explore.naming import names_of, visible
from membar_check.explore.page import Page
from membar_check.explore.registry import require
from membar_check.explore.session import Look, Session
from membar_check.report.explain.sheet import QUIET, RELATION

SHOWN = 40  # pairs of a relation listed


def relation(session: Session, text: str, page: Page) -> None:
    look = session.look
    if not text:
        _names(look, False, page)
        return
    name = _known(look, text, "relation [NAME]")
    if look.scene.deriver.is_set(name):
        page.item(f"{name} is a set of events:")
        show_set(session, name, page)
        return
    names, (pairs, hidden) = names_of(look), visible(look, name)
    total = len(pairs) + hidden
    page.item([(name, RELATION), (defined(look, name), QUIET), f": {total} pair{'' if total == 1 else 's'}"])
    wide = max((len(names.full(a)) for a, _ in pairs[:SHOWN]), default=0)
    for a, b in pairs[:SHOWN]:
        letters = f"{look.view.events[a].name} {look.view.events[b].name}  "
        page.item(f"{names.full(a):<{wide}}  ->  {names.full(b)}", bullet=letters, indent=2)
    if len(pairs) > SHOWN:
        page.item(f"and {len(pairs) - SHOWN} more", indent=2)
    if hidden:
        page.item(f"and {hidden} with events that `events` does not list", indent=2)


def show_set(session: Session, text: str, page: Page) -> None:
    look = session.look
    if not text:
        _names(look, True, page)
        return
    name = _known(look, text, "set [NAME]")
    deriver = look.scene.deriver
    members = deriver.members(name)
    what = "" if deriver.is_set(name) else ", the events that have a part in it"
    shown = [i for i, e in enumerate(look.numbers) if e in members]
    page.item([(name, RELATION), (defined(look, name), QUIET), f": {len(members)} of the events{what}"])
    for i in shown:
        page.item(names_of(look).full(i), bullet=f"{look.view.events[i].name}  ", indent=2)
    if len(members) > len(shown):
        page.item(f"and {len(members) - len(shown)} that `events` does not list", indent=2)


def _names(look: Look, sets: bool, page: Page) -> None:
    """All names that are not empty in the execution, with sizes; then those that are."""
    deriver = look.scene.deriver
    empty = []
    for name in deriver.names():
        if deriver.is_set(name) != sets:
            continue
        size = len(deriver.members(name) if sets else deriver.pairs(name))
        if size:
            noun = "event" if sets else "pair"
            many = f"{size} {noun}{'' if size == 1 else 's'}"
            page.item([(f"{name:<20}", RELATION), f" {many:<12}", (defined(look, name).strip(" ()"), QUIET)], indent=2)
        else:
            empty.append(name)
    if empty:
        page.item(f"empty here: {', '.join(empty)}", indent=2)


def _known(look: Look, text: str, *forms: str) -> str:
    require(len(text.split()) == 1, f"'{text}' is not one name", *forms)
    look.scene.deriver.node(text)
    return text


def defined(look: Look, name: str) -> str:
    """Where the model defines a name, in brackets; "" for what it does not define."""
    where = look.focus.case.model.traced().definitions.get(name, "")
    return f" ({where})" if where else ""
