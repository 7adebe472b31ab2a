"""All commands of a session."""

from __future__ import annotations

from membar_check.explore import completion, look, model, places, reasons, relations, what_if
from membar_check.explore.page import Page
from membar_check.explore.registry import Command, Offer, Registry, require
from membar_check.explore.session import Session
from membar_check.report.explain.sheet import HEADING, QUIET, SOURCE

_EVENTS = (
    "An event is named by its letter (`events` lists them), by its line (`12`, `sched.h:33`), by thread and line "
    "(`P0:12`); r, w or f behind the line tells a read, a write, a fence. Commands may be cut short while they are not "
    "ambiguous; ? is help, n next, p prev, q quit."
)


def run(session: Session, line: str, page: Page) -> None:
    """Runs a line; empty lines and those that begin with ``#`` do nothing.

    Raises InputError for what is no command or has wrong arguments, Unsupported, Inconclusive.
    """
    line = line.strip()
    if line and not line.startswith("#"):
        command, rest = REGISTRY.find(line)
        command.run(session, rest, page)


def complete(session: Session, before: str) -> tuple[int, list[Offer]]:
    """The completions for the text before the cursor, and how many characters of it they replace."""
    return completion.complete(REGISTRY, session, before)


def show_help(session: Session, text: str, page: Page) -> None:
    if text:
        command, _ = REGISTRY.find(text)
        for form in command.usage:
            page.item([(form, SOURCE)])
        page.item(command.help, indent=2)
        return
    group = ""
    for command in REGISTRY.commands.values():
        if REGISTRY.group[command.name] != group:
            group = REGISTRY.group[command.name]
            page.item([(group, HEADING)])
        page.item(command.summary, bullet=(f"{command.usage[0]:<27}  ", SOURCE), indent=2)
    page.item([(_EVENTS, QUIET)])


def leave(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "quit")
    session.leaving = True


_CHOOSING = (
    Command(
        "states", ("states [FROM]",), "The final states, numbered, with how many executions end in each.", look.states
    ),
    Command("state", ("state N",), "Chooses a final state as the outcome.", look.state, completion.states),
    Command(
        "outcome", ("outcome [TEXT]",),
        "Chooses an outcome: a condition of the final state, a class of outcome, or a flag of the model. Without TEXT: "
        "which one is chosen.", look.outcome, completion.outcomes,
    ),
    Command(
        "executions", ("executions [FROM]",),
        "Who would show the outcome. Executions come first, then candidates that the model rules out, each with the "
        "axioms that do.", look.executions,
    ),
    Command(
        "execution", ("execution [N]",), "Chooses the execution to look at.", look.execution, completion.executions
    ),
    Command("next", ("next",), "The next execution of the outcome.", look.following),
    Command("prev", ("prev",), "The execution before.", look.preceding),
)  # fmt: skip

_SHOWING = (
    Command("timeline", ("timeline",), "What happens from top to bottom, a column a thread.", look.show_timeline),
    Command("story", ("story",), "What happens, in sentences.", look.show_story),
    Command("events", ("events",), "The events with their letters, lines and annotations.", places.events),
    Command(
        "event", ("event E",), "Where an event stands, its value, the sets it belongs to, its edges.", places.event,
        completion.one_event,
    ),
    Command(
        "source", ("source [LINE]", "source FILE[:LINE]"),
        "The text of the test, or of a header, with the events at each line.", places.source, completion.files,
    ),
    Command(
        "relation", ("relation [NAME]",),
        "The pairs of a relation. Without NAME: all that the model names, with their sizes.", relations.relation,
        completion.one_relation,
    ),
    Command(
        "set", ("set [NAME]",), "The events of a set. Without NAME: all that the model names.", relations.show_set,
        completion.one_set,
    ),
)  # fmt: skip

_REASONING = (
    Command(
        "why", reasons.WHY,
        "Which relations lead from an event to another, and how. It follows from the definitions of the model down to "
        "base relations. With NAME: for that relation.", reasons.why, completion.pair,
    ),
    Command(
        "why not", reasons.WHY_NOT,
        "What two events lack to be in a relation, the nearest ways first. Without NAME: in the relations that the "
        "checks of the model are about.", reasons.why_not, completion.pair,
    ),
    Command(
        "cycle", ("cycle",),
        "What breaks in a candidate that is ruled out, or what an execution does not keep in order. Of an execution: "
        "the cycle of program order and communication that no interleaving has.", reasons.cycle,
    ),
    Command("axioms", ("axioms",), "The checks of the model, and what each says of this execution.", look.axioms),
    Command(
        "core", ("core",),
        "What forbids the outcome, all of it together. Each part is needed: without it an execution appears.",
        look.core,
    ),
    Command(
        "model", ("model [NAME]",), "The checks and names of the model, or the definition of a name.", model.model,
        completion.defined_names,
    ),
)  # fmt: skip

_CHANGING = (
    Command(
        "what if", what_if.WHAT_IF,
        "Checks a changed test, or another model, at once and says what changes. Several edits are joined by `and`.",
        what_if.what_if, completion.edits,
    ),
    Command(
        "edits", what_if.EDITS,
        "The edits that can be tried, cheapest first. KIND: drop, weaken, strengthen or add. Of a kernel test those at "
        "what is not kept in order, and with `all` those of the whole test.", what_if.edits, completion.kinds,
    ),
    Command("fixes", ("fixes",), "Single edits that forbid the outcome, each checked.", what_if.fixes),
    Command(
        "apply", ("apply [EDIT]",), "Keeps what was tried last, or the edit that is named.", what_if.apply,
        completion.edits,
    ),
    Command("diff", ("diff",), "The difference from the file, with what was tried last.", what_if.diff),
    Command("reset", ("reset",), "Back to the file and the model of the beginning.", what_if.reset),
    Command(
        "write", ("write FILE", "write over FILE"),
        "Writes the test as it is now, and beside it the headers that were edited.", what_if.write,
    ),
)  # fmt: skip

_LEAVING = (
    Command("help", ("help [COMMAND]",), "What commands there are, or what one does.", show_help, completion.names),
    Command("quit", ("quit",), "Ends the session.", leave),
)

REGISTRY = Registry(
    {
        "outcomes and executions": _CHOOSING,
        "what an execution does": _SHOWING,
        "why": _REASONING,
        "changes": _CHANGING,
        "the session": _LEAVING,
    }
)
