"""The form of a command, and the table of all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from membar_check.diagnostics import InputError
from membar_check.explore.page import Page
from membar_check.explore.session import Session
from membar_check.records import dataclass

Run = Callable[[Session, str, Page], None]


class Offer(NamedTuple):
    """A completion: what is put in place of the word, and what it means."""

    text: str
    meaning: str = ""


Offers = Callable[[Session, tuple[str, ...]], Iterable[Offer]]
"""What can follow the command, given the words behind it up to the one that is being written."""


def nothing(session: Session, before: tuple[str, ...]) -> Iterable[Offer]:
    """No completions."""
    return ()


@dataclass(frozen=True, slots=True)
class Command:
    """``run`` takes what stands behind the name, writes to a page, and raises InputError, Unsupported or Inconclusive;
    ``usage``: the forms, ``help``: what they do."""

    name: str
    usage: tuple[str, ...]
    help: str
    run: Run
    offers: Offers = nothing

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.help.split(". ")[0].rstrip(".")


SHORT = {"?": "help", "q": "quit", "exit": "quit", "n": "next", "p": "prev", "previous": "prev", "w": "why"}


class Registry:
    """The commands by name; ``group``: of each the heading of the help that it stands under."""

    def __init__(self, groups: Mapping[str, Iterable[Command]]) -> None:
        self.commands = {c.name: c for commands in groups.values() for c in commands}
        self.group = {c.name: group for group, commands in groups.items() for c in commands}

    def find(self, line: str) -> tuple[Command, str]:
        """The command of a line and what stands behind it.  Words may be cut short while they are not ambiguous.

        Raises InputError, with a suggestion, for what is no command.
        """
        words = line.split()
        if line.startswith("?") and len(words[0]) > 1:
            words[0:1] = ["?", words[0][1:]]
            line = f"? {line[1:]}"
        for size in (2, 1):
            name = self._two(words) if size == 2 else self._one(words[0])
            if name:
                return self.commands[name], _rest(line, size)
        raise self._unknown(words[0])

    def _two(self, words: list[str]) -> str:
        """A name of two words, of which each may be cut short; for ``why`` only ``why not`` in full."""
        if len(words) < 2:
            return ""
        found = []
        for name in self.commands:
            first, _, second = name.partition(" ")
            starts = first == SHORT.get(words[0], words[0]) or (len(words[0]) > 2 and first.startswith(words[0]))
            if second and starts and words[1] == second:
                found.append(name)
        return found[0] if len(found) == 1 else ""

    def _one(self, word: str) -> str:
        name = SHORT.get(word, word)
        if name in self.commands:
            return name
        found = [n for n in self.commands if " " not in n and n.startswith(word)]
        if len(found) > 1:
            raise InputError(f"'{word}' can be {', '.join(found)}", hint="write more of it")
        if found:
            return found[0]
        pairs = [n for n in self.commands if n.split()[0] == word]
        if pairs:
            forms = "; ".join(self.commands[pairs[0]].usage)
            raise InputError(f"'{word}' is not all of a command", hint=f"usage: {forms}")
        return ""

    def _unknown(self, word: str) -> InputError:
        close = difflib.get_close_matches(word.lower(), [n.split()[0] for n in self.commands], n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else "`help` lists the commands"
        return InputError(f"there is no command '{word}'", hint=hint)


def _rest(line: str, words: int) -> str:
    for _ in range(words):
        line = re.sub(r"^\s*\S+", "", line, count=1)
    return line.strip()


def require(condition: bool, said: str, *forms: str) -> None:
    """Raises InputError, with the forms of the command, unless the condition holds."""
    if not condition:
        raise InputError(said, hint=f"usage: {'; '.join(forms)}")


def whole_number(text: str, *forms: str) -> int:
    """A number.  Raises InputError."""
    require(text.isascii() and text.isdecimal(), f"'{text}' is no number", *forms)
    return int(text)
