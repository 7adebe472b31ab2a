"""What text says of a forbidden outcome: the groups of executions that are ruled out alike, and the core."""

from __future__ import annotations

from membar_check.explain.explanation import Core, CoreElement, CycleView, Explanation, Group, Place
from membar_check.report.explain.derivations import unfold
from membar_check.report.explain.glossary import words_for
from membar_check.report.explain.sheet import NOTE, QUIET, RELATION, SOURCE, Part, Sheet
from membar_check.report.explain.words import (
    Names,
    events_of,
    line_of,
    named_relations,
    reads_of,
    state_text,
    with_fences,
)

_TESTS = {
    "acyclic": "this cycle, which the model does not let happen",
    "irreflexive": "this circle, which leads from an event back to itself",
    "empty": "this pair, which the model does not let happen",
}
_READS = 6  # reads told of an execution that appears when an element is taken away


def write_forbidden(explanation: Explanation, sheet: Sheet) -> None:
    if explanation.groups:
        sheet.heading("Why every execution that would show it is ruled out")
        for number, group in enumerate(explanation.groups, 1):
            _group(group, f"{number}. " if len(explanation.groups) > 1 else "", explanation, sheet)
        _relations(explanation, sheet)
    elif not explanation.limits:
        sheet.heading("Why it does not happen")
        sheet.item("No choice of sources and orders ends this way, so no check of the model has to object.", indent=2)
    if explanation.core is not None and (explanation.core.elements or explanation.core.redundant):
        _core(explanation.core, explanation, sheet)


# --- groups ---
def _group(group: Group, bullet: str, explanation: Explanation, sheet: Sheet) -> None:
    cycle = group.cycle
    noun = "1 execution" if group.executions == 1 else f"{group.executions} executions"
    defined = f" ({cycle.defined}, {cycle.test})" if cycle.defined else f" ({cycle.test})"
    sheet.blank()
    head: list[Part] = ["Ruled out by ", (cycle.axiom, RELATION), (defined, QUIET), f", {noun}, by "]
    sheet.item([*head, f"{_TESTS.get(cycle.test, 'this')}:"], bullet=bullet, indent=2)
    names = Names(group.example, explanation.file)
    _participants(group, names, sheet)
    write_cycle(cycle, names, sheet)
    for note in group.example.notes:
        where = f" ({line_of(note.place, explanation.file)})" if note.place.line else ""
        sheet.item([(f">> P{note.thread}: {note.text}", NOTE), (where, QUIET)], indent=4)


def _participants(group: Group, names: Names, sheet: Sheet) -> None:
    """The lines that the cycle leads through, with what each would have to do."""
    events = with_fences(events_of(group.cycle.steps), group.example)
    wide = max((len(names.where(index)) for index in events), default=0)
    text = max((len(group.example.events[index].place.text) for index in events), default=0)
    text = min(text, max(sheet.width - wide - 34, 16))
    sheet.blank()
    for index in events:
        event = group.example.events[index]
        where = f"{names.where(index):<{wide}}  "
        parts: list[Part] = [(f"{event.place.text:<{text}}", SOURCE)]
        if event.action.strip(";") not in event.place.text:
            parts.append(f"  {event.action}")
        sheet.item(parts, bullet=where, indent=4)
    sheet.blank()


def write_cycle(cycle: CycleView, names: Names, sheet: Sheet) -> None:
    """The edges in order, each with its derivation below it."""
    for step in cycle.steps:
        edge: list[Part] = [names.full(step.source), (f" --{step.relation}--> ", RELATION), names.full(step.target)]
        sheet.item(edge, indent=4, hang=4)
        for line in unfold(step, names):
            edge = [f"{line.edge}: "] if line.edge else []
            sheet.item([*edge, line.reason], indent=8 + 2 * line.depth, hang=2)
    first = names.where(cycle.steps[0].source) if cycle.steps else ""
    if first and cycle.test in ("acyclic", "irreflexive"):
        sheet.item(f"So {first} would have to come before itself.", indent=4)


def _relations(explanation: Explanation, sheet: Sheet) -> None:
    """What the names of relations in the groups mean."""
    names = dict.fromkeys(
        name for group in explanation.groups for name in named_relations(group.cycle.steps) if name.isascii()
    )
    told = {name: words_for(name) for name in names}
    known = [name for name in names if told[name] and name != "po"]
    if known:
        sheet.heading("Relations named above")
        wide = max(map(len, known))
        for name in known:
            place = explanation.definitions.get(name, "")
            where = [(f" ({place})", QUIET)] if place else []
            sheet.item([told[name], *where], bullet=(f"{name:<{wide}}  ", RELATION), indent=2)
    others = [f"{name} {explanation.definitions[name]}" for name in names
              if not told[name] and name in explanation.definitions]  # fmt: skip
    if others:
        sheet.item(f"{'Also' if known else 'Relations'} defined in the model: {', '.join(others)}.", indent=2)


# --- core ---
def _core(core: Core, explanation: Explanation, sheet: Sheet) -> None:
    sheet.heading("What forbids it, all of it together")
    appears = [_appears(element, explanation.file) for element in core.elements]
    same = len(appears) > 1 and len(set(appears)) == 1 and all(e.alone or not core.redundant for e in core.elements)
    if not core.proven:
        sheet.item("The time ended before every one was tried: some of these may not be needed.", indent=2)
    elif same:
        sheet.item("Each of these is needed: take any one of them away and the outcome appears,", indent=2)
    else:
        sheet.item("Each of these is needed: the execution shows it that appears when it is taken away.", indent=2)
    if same and appears[0]:
        sheet.item(f"as {appears[0]}." if core.proven else f"Without one of them: {appears[0]}.", indent=2)
    for number, element in enumerate(core.elements, 1):
        _element(element, f"{number}. ", explanation, sheet)
        if appears[number - 1] and not same:
            together = "" if element.alone or not core.redundant else ", and what is not needed with it,"
            sheet.item(f"take it away{together} and this appears: {appears[number - 1]}", indent=5, hang=2)
        if element.edit is not None:
            sheet.item(["try it in explore: ", (f"what if {element.edit.command}", SOURCE)], indent=5)
    if core.redundant:
        sheet.blank()
        sheet.item(f"Not needed for this: {'; '.join(core.redundant)}.", indent=2)


def _element(element: CoreElement, bullet: str, explanation: Explanation, sheet: Sheet) -> None:
    where = _where(element.place, explanation.file)
    told = element.place is not None and line_of(element.place, explanation.file) in element.text
    head: list[Part] = ["" if element.kind in element.text else f"{element.kind}: ", (element.text, RELATION)]
    if where and not told:
        head.append((f" ({where})", QUIET))
    sheet.item(head, bullet=bullet, indent=2)


def _appears(element: CoreElement, main: str) -> str:
    """The execution without an element in one line: where it ends and how reads get there."""
    if element.execution is None:
        return ""
    reads = reads_of(element.execution, main)
    more = f"; and {len(reads) - _READS} more reads" if len(reads) > _READS else ""
    how = f" ({'; '.join(reads[:_READS])}{more})" if reads else ""
    return f"{state_text(element.execution.state)}{how}"


def _where(place: Place | None, main: str) -> str:
    if place is None or not place.line:
        return ""
    return f"{line_of(place, main)}: {place.text}" if place.text else line_of(place, main)
