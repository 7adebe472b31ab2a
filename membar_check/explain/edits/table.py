"""What can stand in place of what, and what it costs: the table of edits of a dialect, read from TOML.

The bundled tables are ``models/edits/*.toml``; ``c.toml`` says what the keys mean.  A table of the user's own is laid
over the bundled one: what it names it sets or adds, everything else stays.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from membar_check.diagnostics import InputError, Source, Span
from membar_check.litmus.text import describe
from membar_check.records import dataclass
from membar_check.resources import models_dir

PLAIN = "plain"
"""The form of an access that no macro makes."""

_FILES = {"C": "c", "AArch64": "aarch64", "X86": "x86", "X86_64": "x86", "RISCV": "riscv", "PPC": "power"}
_ACCESSES = ("load", "store", "rmw")
_ARGUMENTS = ("object", "pointer", "same")
_LISTS = ("after", "before", "where", "argument")
_BRACED = re.compile(r"\{([a-z]+)\}")
_AT_LINE = re.compile(r"(.*?) ?\(at (?:line (\d+), column (\d+)|end of document)\)\Z", re.DOTALL)


class Fence(NamedTuple):
    """A statement or instruction that orders.  ``add``: it may be inserted, where the statement before makes a call of
    ``after``, the one after a call of ``before``, and the test has one of the words ``where`` (empty: anywhere).
    ``argument``: it takes the first argument of such calls, as they are elsewhere in the test."""

    name: str
    cost: float
    add: bool = False
    after: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    where: frozenset[str] = frozenset()
    argument: frozenset[str] = frozenset()


class Form(NamedTuple):
    """A way to write an access.  ``access``: load, store or rmw; ``argument``: how its first argument says what is
    accessed: as an ``object``, by a ``pointer``, or the ``same`` way as the others of its ladders."""

    name: str
    cost: float
    access: str = "rmw"
    argument: str = "same"


class Ladder(NamedTuple):
    """Names of fences or of forms, weakest first.  Only those in ``leaving`` are ever replaced."""

    forms: tuple[str, ...]
    leaving: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """The edits of a dialect.  In assembly the names are upper-cased, with single blanks."""

    arch: str
    fences: dict[str, Fence]
    forms: dict[str, Form]
    ladders: tuple[Ladder, ...]

    def cost(self, level: str) -> float:
        """What it costs to have this fence or form; 0 for what the table does not name, for ``plain`` and ""."""
        known = self.fences.get(level) or self.forms.get(level)
        return known.cost if known is not None else 0.0

    def change(self, before: str, after: str) -> float:
        """What it costs to put the one in place of the other: never less than 0."""
        return max(0.0, self.cost(after) - self.cost(before))

    def weaker(self, name: str, access: str = "") -> tuple[str, ...]:
        """What stands below a fence or form in its ladders, strongest first; ``access`` tells the ladders of ``plain``
        apart."""
        return self._others(name, access, True)

    def stronger(self, name: str, access: str = "") -> tuple[str, ...]:
        """What stands above a fence or form in its ladders, weakest first; ``access`` as for :meth:`weaker`."""
        return self._others(name, access, False)

    def adds(self, name: str, beside: frozenset[str]) -> bool:
        """Whether a fence orders anything where those other fences already stand beside it."""
        return not any(name == other or name in self.weaker(other) for other in beside)

    def _others(self, name: str, access: str, weaker: bool) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for ladder in self.ladders:
            if name not in ladder.leaving or (name == PLAIN and access != self._access(ladder)):
                continue
            at = ladder.forms.index(name)
            for other in reversed(ladder.forms[:at]) if weaker else ladder.forms[at + 1 :]:
                found[other] = None
        return tuple(sorted(found, key=self.cost, reverse=weaker))

    def _access(self, ladder: Ladder) -> str:
        return next((self.forms[name].access for name in ladder.forms if name in self.forms), "")


def load_table(arch: str, override: str | None = None) -> Table:
    """The bundled table for tests of an architecture (as the header of a test spells it), with what the file
    ``override`` sets and adds.

    Raises InputError, with the line where there is one, for a file that cannot be read, is no TOML, or has keys or
    values that mean nothing.
    """
    bundled = _bundled(arch)
    return bundled if override is None else _extended(bundled, _read(override))


@lru_cache(maxsize=8)
def _bundled(arch: str) -> Table:
    path = models_dir() / "edits" / f"{_FILES[arch]}.toml"
    return _extended(Table(arch, {}, {}, ()), _read(str(path)))


def _read(path: str) -> Source:
    try:
        return Source(path, Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no UTF-8, expected a table of edits in TOML") from error


def _extended(table: Table, source: Source) -> Table:
    """The table with what a file sets and adds."""
    import tomllib

    try:
        data = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(source, str(error)) from error
    reader = _Reader(source, data, table.arch)
    reader.known(data, ("sets", "fence", "form", "ladder"), "")
    fences, forms = dict(table.fences), dict(table.forms)
    for name, spec in reader.section("fence"):
        for each, chosen in reader.meant(name):
            fences[each] = reader.fence(each, spec, chosen, fences.get(each))
    for name, spec in reader.section("form"):
        for each, _ in reader.meant(name):
            forms[each] = reader.form(each, spec, forms.get(each))
    more = [ladder for spec in reader.ladders() for ladder in reader.expanded(spec, fences, forms)]
    return Table(table.arch, fences, forms, (*table.ladders, *more))


def _no_toml(source: Source, said: str) -> InputError:
    found = _AT_LINE.match(said)
    what = found[1] if found else said
    lines = source.text.split("\n")
    line, column = (int(found[2]), int(found[3])) if found and found[2] else (len(lines), 1)
    at = sum(len(text) + 1 for text in lines[: line - 1]) + column - 1
    return InputError(f"this is no TOML: {what[:1].lower()}{what[1:]}", Span(source, at, at + 1))


class _Reader:
    """Reads the values of one file and complains with their lines."""

    def __init__(self, source: Source, data: dict[str, Any], arch: str) -> None:
        self.source = source
        self.data = data
        self.upper = arch != "C"
        self.sets: dict[str, list[str]] = {}
        sets = data.get("sets", {})
        if not isinstance(sets, dict):
            self.fail("sets", "`sets` holds lists of words: `int = [\"atomic\", \"atomic64\"]`")
        for name, words in sets.items():
            self.sets[name] = self.words(words, name)

    def fail(self, key: str, message: str, hint: str = "") -> None:
        """Raises InputError at the first line that mentions ``key``."""
        at = self.source.text.find(key)
        span = Span(self.source, at, at + len(key)) if at >= 0 else Span(self.source, 0, 1)
        raise InputError(message, span, hint)

    def known(self, spec: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
        for key in spec:
            if key not in keys:
                self.fail(key, f"{describe(key)} means nothing{where}, expected {' or '.join(keys)}")

    def section(self, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The tables below ``[fence]`` or ``[form]``."""
        section = self.data.get(key, {})
        if not isinstance(section, dict):
            self.fail(key, f"`{key}` holds tables: `[{key}.NAME]`")
        for name, spec in section.items():
            if not isinstance(spec, dict):
                self.fail(name, f"{describe(name)} is no table, expected `[{key}.{name}]` and `cost = ...`")
            yield name, spec

    def ladders(self) -> list[dict[str, Any]]:
        ladders = self.data.get("ladder", [])
        if not isinstance(ladders, list) or not all(isinstance(spec, dict) for spec in ladders):
            self.fail("ladder", "ladders are written `[[ladder]]` and `forms = [...]`, weakest first")
        return list(ladders)

    def words(self, value: object, key: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self.fail(key, f"`{key}` is a list of words: `[\"a\", \"b\"]`")
        assert isinstance(value, list)
        return value

    def choices(self, templates: list[str]) -> Iterator[dict[str, str]]:
        """Each choice of words for the braces in the templates."""
        used = list(dict.fromkeys(word for text in templates for word in _BRACED.findall(text)))
        for word in used:
            if word not in self.sets:
                self.fail(f"{{{word}}}", f"there is no set {describe(word)}, expected one under `[sets]`")
        for choice in itertools.product(*(self.sets[word] for word in used)):
            yield dict(zip(used, choice, strict=True))

    def filled(self, template: str, chosen: dict[str, str]) -> str:
        """The template with words in its braces, as the table has names; braces that no word is chosen for stay."""
        text = _BRACED.sub(lambda found: chosen.get(found[1], found[0]), template)
        return normal(text) if self.upper else text

    def meant(self, template: str, given: dict[str, str] | None = None) -> Iterator[tuple[str, dict[str, str]]]:
        """What a name with words in braces stands for, each with its choice of words; some may be chosen already."""
        text = _BRACED.sub(lambda found: (given or {}).get(found[1], found[0]), template)
        for chosen in self.choices([text]):
            yield self.filled(text, chosen), chosen

    def cost(self, name: str, spec: dict[str, Any], known: Fence | Form | None) -> float:
        value = spec.get("cost", known.cost if known is not None else None)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            self.fail(name, f"the cost of {describe(name)} is {value!r}, expected a number from 0 on", "cost = 10")
        assert isinstance(value, int | float)
        return float(value)

    def fence(self, name: str, spec: dict[str, Any], chosen: dict[str, str], known: Fence | None) -> Fence:
        self.known(spec, ("cost", "add", *_LISTS), " for a fence")
        fence = known or Fence(name, 0.0)
        after, before, where, argument = (
            frozenset(each for text in self.words(spec[key], key) for each, _ in self.meant(text, chosen))
            if key in spec
            else getattr(fence, key)
            for key in _LISTS
        )
        add = spec.get("add", fence.add)
        if not isinstance(add, bool):
            self.fail("add", f"`add` is {add!r}, expected true or false")
        return Fence(name, self.cost(name, spec, known), add, after, before, where, argument)

    def form(self, name: str, spec: dict[str, Any], known: Form | None) -> Form:
        self.known(spec, ("cost", "access", "argument"), " for a form")
        form = known or Form(name, 0.0)
        for key, allowed in (("access", _ACCESSES), ("argument", _ARGUMENTS)):
            value = spec.get(key, getattr(form, key))
            if value not in allowed:
                self.fail(name, f"`{key}` of {describe(name)} is {value!r}, expected one of {', '.join(allowed)}")
            form = form._replace(**{key: value})
        return form._replace(cost=self.cost(name, spec, known))

    def expanded(self, spec: dict[str, Any], fences: dict[str, Fence], forms: dict[str, Form]) -> Iterator[Ladder]:
        """The ladders that one ``[[ladder]]`` stands for."""
        self.known(spec, ("forms", "from"), " for a ladder")
        names = self.words(spec.get("forms", []), "forms")
        leaving = self.words(spec.get("from", names), "from")
        for name in leaving:
            if name not in names:
                self.fail("from", f"{describe(name)} is no rung of this ladder", "`from` lists some of its `forms`")
        for chosen in self.choices(names):
            rungs = [self.filled(name, chosen) for name in names]
            for name in rungs:
                if name not in fences and name not in forms and name != PLAIN:
                    what = f"{describe(name)} is neither a fence nor a form"
                    self.fail(name, what, f'it needs `[fence."{name}"]` or `[form."{name}"]`')
            if len(rungs) < 2:
                self.fail("ladder", "a ladder has two forms or more, weakest first", 'forms = ["smp_rmb", "smp_mb"]')
            yield Ladder(tuple(rungs), frozenset(self.filled(name, chosen) for name in leaving))


def normal(text: str) -> str:
    """An instruction or mnemonic as the table names it: upper case, single blanks, none behind commas, ``.AQ.RL`` for
    RISC-V's other spelling ``.AQRL``."""
    return re.sub(r"\s*,\s*", ",", " ".join(text.upper().replace(".AQRL", ".AQ.RL").split()))
