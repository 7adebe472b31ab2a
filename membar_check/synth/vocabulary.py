"""What the tests of a dialect can be made of: annotations, fences, dependencies (``models/synth/*.toml``)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from membar_check.diagnostics import Unsupported
from membar_check.records import dataclass
from membar_check.resources import models_dir

Tags = frozenset[str]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to fill a place of a test.

    ``kind``: R, W, F, or RMW.  ``tags``: of the access, of a read-modify-write's read; ``written``: of its write;
    ``fences``: statements as the dialect writes them; ``plain``: costs nothing, it is what stands there without any
    annotation.  ``brackets``: the kind of critical section that a fence belongs to, ``role`` what it is for it.
    """

    kind: str
    tags: Tags = frozenset()
    written: Tags = frozenset()
    fences: tuple[str, ...] = ()
    plain: bool = False
    brackets: str = ""
    role: str = ""

    def __str__(self) -> str:
        if self.kind == "F":
            return " ".join(self.fences)
        tags = "+".join(sorted(self.tags)) or "plain"
        if self.kind == "RMW" and self.written != self.tags:
            tags += "/" + ("+".join(sorted(self.written)) or "plain")
        return f"{self.kind} {tags}"


ROLES = ("begin", "end", "within", "outside")


@dataclass(frozen=True, slots=True)
class Brackets:
    """A kind of critical sections.  ``title``: in words; ``most``: as many in a test, None for any number;
    ``exclusive``: those of one object do not overlap; ``only``: what else a test with them can have, and no
    dependencies then, None for everything; ``flagged``: what it can have in addition where flags are looked for."""

    name: str
    title: str
    most: int | None = None
    exclusive: bool = False
    only: tuple[str, ...] | None = None
    flagged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``forms``: accesses, then read-modify-writes, then fences, the plainest first; ``dependencies`` by their kinds;
    ``after_branch``: the fence that makes a dependency of its own behind a branch, and that dependency's kind;
    ``brackets``: the kinds of critical sections by name; ``beside``: fences that stand right ``before`` or right
    ``after`` a read-modify-write; ``encloses``: a branch encloses the access that depends on it, and not all that
    follows; ``silent``: annotations of reads whose value nobody gets; ``left_out``: what the dialect has and this has
    not."""

    arch: str
    forms: tuple[Form, ...]
    dependencies: tuple[str, ...]
    after_branch: tuple[str, str] | None
    brackets: dict[str, Brackets]
    beside: dict[str, str]
    encloses: bool
    silent: Tags
    left_out: tuple[str, ...]


@lru_cache(maxsize=8)
def load_vocabulary(arch: str) -> Vocabulary:
    """What tests of ``arch`` are made of.  Raises Unsupported for a dialect that has no table."""
    import tomllib

    for path in sorted(_folder().glob("*.toml")):
        table = tomllib.loads(path.read_text("utf-8"))
        if table["arch"] == arch:
            break
    else:
        raise Unsupported(f"no tests can be searched for {arch}", hint=f"known: {', '.join(architectures())}")
    forms: list[Form] = []
    for kind, key in (("R", "reads"), ("W", "writes")):
        forms += [Form(kind, frozenset(tags), plain=i == 0) for i, tags in enumerate(table[key])]
    forms += [Form("RMW", frozenset(r), frozenset(w), plain=i == 0) for i, (r, w) in enumerate(table["rmws"])]
    forms += [Form("F", fences=(name,)) for name in table["fences"]]
    brackets: dict[str, Brackets] = {}
    for name, given in table.get("brackets", {}).items():
        for role in ROLES:
            for text in given.get(role, ()):
                forms.append(Form("F", fences=tuple(text.split("; ")), brackets=name, role=role))
        only = tuple(given["only"]) if "only" in given else None
        flagged = tuple(given.get("flagged", ()))
        brackets[name] = Brackets(name, given["title"], given.get("most"), given.get("exclusive", False), only, flagged)
    behind = table.get("after-branch")
    return Vocabulary(
        arch, tuple(forms), tuple(table["dependencies"]), (behind[0], behind[1]) if behind else None, brackets,
        dict(table.get("beside", {})), table.get("branch") == "encloses", frozenset(table.get("silent", ())),
        tuple(table.get("left-out", ())),
    )  # fmt: skip


def architectures() -> tuple[str, ...]:
    """The dialects that have a table."""
    import tomllib

    return tuple(sorted(tomllib.loads(p.read_text("utf-8"))["arch"] for p in _folder().glob("*.toml")))


def _folder() -> Path:
    return models_dir() / "synth"
