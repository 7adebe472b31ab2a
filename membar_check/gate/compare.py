"""What two records of one check have in common, and what differs, in words."""

from __future__ import annotations

from membar_check.expectations import CLEAN
from membar_check.gate.record import normal_state
from membar_check.gate.report_data import Record
from membar_check.litmus.text import counted
from membar_check.records import dataclass

FIELDS = ("verdict", "states", "classes", "flags", "counts")
"""What can be compared."""

_SHOWN = 3  # states named in a difference


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference in words.  ``final``: no execution beyond an unrolling bound could take it back."""

    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """How the two sides are called: which has what, what only the new or only the old one has."""

    old: str = "before"
    new: str = "now"
    come: str = "appeared"
    gone: str = "disappeared"


TIMES = Wording()


def differences(
    old: Record, new: Record, compare: tuple[str, ...], words: Wording = TIMES
) -> tuple[Difference, ...]:
    """How ``new`` differs from ``old`` in what is compared; what one of them does not tell does not differ."""
    found: list[Difference] = []
    if "verdict" in compare:
        found += _verdict(old, new, words)
    if "classes" in compare and old.classes is not None and new.classes is not None:
        found += _sets("class", "classes", (old.classes, new.classes), words)
    if "flags" in compare:
        found += _sets("flag", "flags", (old.flags, new.flags), words)
    if "states" in compare:
        found += _states(old, new, words)
    if "counts" in compare:
        found += _counts(old, new, words)
    return tuple(found)


def another_test(old: Record, new: Record, words: Wording = TIMES) -> Difference | None:
    """How two records of one name are of two tests: by the conditions, and the hashes where both are known."""
    if old.condition and new.condition and _normal(old.condition) != _normal(new.condition):
        said = f"the condition is {old.condition} {words.old}, {new.condition} {words.new}"
    elif old.hash and new.hash and old.hash != new.hash:
        said = f"Hash={old.hash} {words.old}, Hash={new.hash} {words.new}"
    else:
        return None
    return Difference(f"another test of this name: {said}", True)


def _normal(condition: str) -> str:
    """A condition without what does not matter: blanks (its words have a parenthesis or an operator between them)."""
    return "".join(condition.split())


def incomparable(old: Record, new: Record, compare: tuple[str, ...]) -> str:
    """Why nothing of what is compared can be: none of it is known of both records; "" where something is."""
    if any(_has(old, name) and _has(new, name) for name in compare):
        return ""
    return f"nothing to compare: not both sides have {' or '.join(compare)}"


def _has(record: Record, name: str) -> bool:
    """Whether a record tells a field; that there are no flags tells, too."""
    if name == "verdict":
        return bool(record.observation or record.word or record.classes is not None)
    if name == "states":
        return record.state_count is not None
    if name == "classes":
        return record.classes is not None
    if name == "counts":
        return record.positive is not None or record.negative is not None
    return True


def _verdict(old: Record, new: Record, words: Wording) -> list[Difference]:
    def differ(what: str, before: str, after: str, final: bool) -> list[Difference]:
        return [Difference(f"{what}{before} {words.old}, {after} {words.new}", final)]

    if old.observation != new.observation and old.observation and new.observation:
        gained = (new.reached and not old.reached) or (new.counter_reached and not old.counter_reached)
        return differ("", old.observation, new.observation, gained)
    if old.undefined != new.undefined:
        states = ("undefined", "defined")
        return differ("the behaviour is ", states[not old.undefined], states[not new.undefined], new.undefined)
    if old.kind and new.kind and old.kind != new.kind:
        return differ("the condition asks something else: ", old.kind, new.kind, True)
    if old.word and new.word and old.word.removeprefix("Loop ") != new.word.removeprefix("Loop "):
        return differ("", old.word, new.word, False)
    if (old.classes is None) != (new.classes is None):
        kernel = ("a test in kernel C", "another test")
        return differ("", kernel[old.classes is None], kernel[new.classes is None], True)
    if new.loop and not old.loop and old.word:
        return differ("", "all executions", "some cut at the unrolling bound", False)
    return []


def _sets(one: str, several: str, sides: tuple[tuple[str, ...], tuple[str, ...]], words: Wording) -> list[Difference]:
    old, new = set(sides[0]), set(sides[1])
    found = []
    for names, verb, final in ((sorted(new - old), words.come, True), (sorted(old - new), words.gone, False)):
        if names:
            found.append(Difference(f"{one if len(names) == 1 else several} {', '.join(names)} {verb}", final))
    return found


def _states(old: Record, new: Record, words: Wording) -> list[Difference]:
    if old.state_count is None or new.state_count is None:
        return []
    if old.states is not None and new.states is not None:
        before = {normal_state(state): state for state in old.states}
        after = {normal_state(state): state for state in new.states}
        come = [state for key, state in after.items() if key not in before]
        gone = [state for key, state in before.items() if key not in after]
        found = []
        for states, verb, final in ((come, words.come, True), (gone, words.gone, False)):
            if states:
                found.append(Difference(f"{counted(len(states), 'state')} {verb}: {_listed(states)}", final))
        return found
    if old.state_digest == new.state_digest:
        return []
    if old.state_count == new.state_count:
        return [Difference(f"other final states, though {counted(new.state_count, 'state')} as well", True)]
    text = f"{counted(old.state_count, 'state')} {words.old}, {new.state_count} {words.new}"
    return [Difference(text, new.state_count > old.state_count)]


def _listed(states: list[str]) -> str:
    shown = " | ".join(state.removesuffix(";") for state in states[:_SHOWN])
    return f"{shown} | ..." if len(states) > _SHOWN else shown


def _counts(old: Record, new: Record, words: Wording) -> list[Difference]:
    found = []
    for name in ("positive", "negative"):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and after is not None and before != after:
            text = f"{counted(before, f'{name} execution')} {words.old}, {after} {words.new}"
            found.append(Difference(text, after > before))
    return found


def summary(record: Record) -> str:
    """A record in a word or two: the observation, for kernel C the classes, or why there is no verdict."""
    if record.failure:
        return record.failure
    if record.classes is not None:
        return ",".join(record.classes) or CLEAN
    return record.observation or record.word


def cut_short(record: Record) -> bool:
    """Whether executions beyond the unrolling bound could change what the record says."""
    return record.loop and (record.classes is not None or record.observation != "Sometimes")
