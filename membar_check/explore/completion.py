"""What completes a line."""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.explain.case import check_name
from membar_check.explain.edits.sites import KINDS, all_edits
from membar_check.explain.edits.table import load_table
from membar_check.explore.naming import names_of
from membar_check.explore.registry import SHORT, Offer, Registry
from membar_check.explore.session import Session, sources_of
from membar_check.explore.what_if import WHAT_IF
from membar_check.report.explain.words import state_text
from membar_check.resources import model_names

MOST = 50  # executions offered


def complete(registry: Registry, session: Session, before: str) -> tuple[int, list[Offer]]:
    """The completions for the text before the cursor, and how many characters of it they replace."""
    word = before.rsplit(" ", maxsplit=1)[-1]
    words = before[: len(before) - len(word)].split()
    if not words:
        found = [Offer(name, c.summary) for name, c in registry.commands.items()]
    elif words == ["help"]:
        found = list(names(registry, ()))
    else:
        found = list(_arguments(registry, session, words))
    return len(word), [o for o in found if o.text.startswith(word) and o.text != word]


def _arguments(registry: Registry, session: Session, words: list[str]) -> Iterable[Offer]:
    """What can follow a command; after the first word also the second one of its name."""
    words = [SHORT.get(words[0], words[0]), *words[1:]]
    if len(words) == 1:
        pairs = (name.split() for name in registry.commands if " " in name)
        yield from (Offer(second) for first, second in pairs if first == words[0])
    for size in (2, 1):
        command = registry.commands.get(" ".join(words[:size]))
        if command is not None and len(words) >= size:
            yield from command.offers(session, tuple(words[size:]))
            return


def names(where: Registry | Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The names of all commands."""
    if isinstance(where, Registry):
        yield from (Offer(name, c.summary) for name, c in where.commands.items())


# --- outcomes and executions ------------------------------------------------------------------------------------------
def states(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The numbers of the final states."""
    if not before:
        yield from (Offer(str(n), state_text(state)) for n, (_, state) in enumerate(session.states(), 1))


def executions(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The numbers of the first executions."""
    if not before:
        for number, candidate in enumerate(session.focus.candidates[:MOST], 1):
            ruled = f"ruled out by {', '.join(candidate.axioms)}"
            yield Offer(str(number), "allowed" if candidate.allowed else ruled)


def outcomes(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The classes that were found, and the flags of the model."""
    if not before:
        yield from (Offer(name) for name in dict.fromkeys((*session.verdict.classes, *sorted(session.base.flags))))


# --- events, lines, names ---------------------------------------------------------------------------------------------
def one_event(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The events by letter."""
    if not before and session.focus.candidates:
        told = names_of(session.look)
        yield from (Offer(e.name, told.full(number)) for number, e in enumerate(session.look.view.events))


def files(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The files of the test."""
    if not before:
        yield from (Offer(file.name.rsplit("/", 1)[-1], file.name) for file in sources_of(session.test))


def one_relation(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The names of relations."""
    return () if before else _model_names(session, False)


def one_set(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The names of sets."""
    return () if before else _model_names(session, True)


def _model_names(session: Session, sets: bool) -> Iterable[Offer]:
    if session.focus.candidates:
        deriver, where = session.look.scene.deriver, session.base.model.traced().definitions
        yield from (Offer(n, where.get(n, "")) for n in deriver.names() if deriver.is_set(n) == sets)


def pair(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """Events and names of relations where ``why`` takes them."""
    if before[-1:] == ("in",):
        yield from one_relation(session, ())
        return
    if len(before) < 3:
        yield from one_event(session, ())
    if not before:
        yield from one_relation(session, ())
    if len(before) == 2:
        yield Offer("in", "a relation")


def defined_names(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The names that the model defines."""
    if not before:
        yield from (Offer(name, where) for name, where in session.base.model.traced().definitions.items())


# --- edits ------------------------------------------------------------------------------------------------------------
def kinds(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """The kinds of edits."""
    return () if before else (Offer(kind) for kind in ("all", *KINDS))


def edits(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """How an edit goes on, or a change of the model; behind ``and`` another edit begins."""
    if "and" in before:
        before = before[len(before) - before[::-1].index("and") :]
    if not before:
        yield Offer("model", "another model")
        yield from (Offer(form.split()[2], form) for form in WHAT_IF[:3])
    elif before == ("model",):
        yield from (Offer(name) for name in model_names())
    elif before == ("drop", "axiom"):
        yield from (Offer(check_name(k)) for k in session.focus.case.named.checks if k.prefix == "")
    else:
        yield from _words(session, list(before))


def _words(session: Session, before: list[str]) -> Iterable[Offer]:
    """The words that follow in the edits there are."""
    if before == ["drop"]:
        yield Offer("axiom", "an axiom of the model")
    found: dict[str, str] = {}
    for edit in all_edits(session.test, load_table(session.test.arch), KINDS):
        words = edit.command.split()
        if words[: len(before)] == before and len(words) > len(before):
            found.setdefault(words[len(before)], edit.text)
    yield from (Offer(word, text) for word, text in found.items())
