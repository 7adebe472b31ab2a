"""Loads a model: finds and reads its files, resolves includes, puts the prelude in front.

Where herd7 looks: the name as given, in the folders the user names, then in its library.  Here the folder of the file
that has the include comes first, so that a model works from wherever it lies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from membar_check.cat.conditions import variant_holds
from membar_check.cat.parser import parse_cat
from membar_check.cat.syntax import CatDep, CatFile, Forall, IfStmt, Include, MatchStmt, Procedure, Stmt
from membar_check.diagnostics import InputError, Source, Span
from membar_check.records import dataclass, replace
from membar_check.resources import models_dir

PRELUDE = "stdlib.cat"
"""The file that is included before every model."""

OLDER_NAMES = """"older names"\nlet X = X | EX\n"""
"""For models from before load- and store-exclusives had a set of their own: they knew them, too, as X."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with its includes put in place.

    ``prelude`` the statements of the standard library (empty where it was not asked for), ``body`` the model's own.
    An Include is left only inside a branch of an ``if`` on variants whose file was not found; whoever takes that
    branch raises :func:`missing_include`.  ``catdep``: the model computes dependencies itself.  ``digest`` depends on
    every text that was read, in order, and on nothing else.  ``files`` names them, the model first; ``absent`` where
    included files were looked for before they were found, and were not.
    """

    path: Path
    title: str
    prelude: tuple[Stmt, ...]
    body: tuple[Stmt, ...]
    catdep: bool
    digest: str
    files: tuple[str, ...]
    absent: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[Stmt, ...]:
        """The prelude and the model's own statements."""
        return self.prelude + self.body

    def resolved(self, variants: frozenset[str]) -> tuple[Stmt, ...]:
        """``statements`` without any top-level ``if``: the branches that ``variants`` choose are put in its place.

        Raises InputError where a chosen branch includes a file that does not exist.
        """
        return tuple(resolve(self.statements, variants))


def resolve(statements: Sequence[Stmt], variants: frozenset[str]) -> Iterator[Stmt]:
    """The statements with every ``if`` on variants replaced by the branch that ``variants`` choose."""
    for statement in statements:
        if isinstance(statement, IfStmt):
            branch = statement.then if variant_holds(statement.cond, variants) else statement.other
            yield from resolve(branch, variants)
        elif isinstance(statement, Include):
            raise missing_include(statement)
        else:
            yield statement


def load_model(path: Path, include_dirs: Sequence[Path] = (), prelude: bool = True) -> LoadedModel:
    """The model (or bell file) at ``path``.

    An included file is looked for in the folder of the file that includes it, in ``include_dirs``, in the folder of
    the model, among the bundled models.  ``prelude``: put ``stdlib.cat`` in front: that of the model's folder or of
    ``include_dirs``, else the project's own.  Raises InputError for files that are missing or cannot be read, for
    syntax errors, and for includes that go in a circle.
    """
    loading = _Loading(path.parent, tuple(include_dirs))
    file = loading.read(path, None)
    body = tuple(loading.expand(file, (path,)))
    front: tuple[Stmt, ...] = ()
    if prelude:
        library = loading.find(PRELUDE, path)
        if library is None:
            raise InputError(f"the standard library `{PRELUDE}` is missing", hint=loading.places_searched(path))
        if library.resolve() != path.resolve():
            front = tuple(loading.expand(loading.read(library, None), (library,)))
            if not loading.exclusives:
                front = (*_parse(f"{PRELUDE} (older names)", OLDER_NAMES).statements, *front)
    catdep = any(isinstance(statement, CatDep) for statement in file.statements)
    return LoadedModel(
        path, file.title, front, body, catdep, loading.digest.hexdigest(), tuple(dict.fromkeys(loading.files)),
        tuple(dict.fromkeys(loading.absent)),
    )  # fmt: skip


def missing_include(statement: Include) -> InputError:
    """The error for an include whose file was not found when the model was loaded."""
    return InputError(f"the included file `{statement.path}` was not found", statement.span)


class _Loading:
    """The state of one :func:`load_model`."""

    def __init__(self, top: Path, include_dirs: tuple[Path, ...]) -> None:
        self.top = top
        self.include_dirs = include_dirs
        self.digest = hashlib.sha256()
        self.files: list[str] = []
        self.absent: list[str] = []
        self.exclusives = False  # whether any of the texts knows the set EX

    def read(self, path: Path, include: Span | None) -> CatFile:
        try:
            data = path.read_bytes()
        except OSError as problem:
            reason = (problem.strerror or "cannot be read").lower()
            raise InputError(f"cannot read `{path}`: {reason}", include) from None
        self.files.append(str(path))
        self.digest.update(f"{len(data)}:".encode() + data)
        self.exclusives = self.exclusives or re.search(rb"\bEX\b", data) is not None
        return _parse(str(path), data.decode("utf-8", errors="replace"))

    def expand(self, file: CatFile, above: tuple[Path, ...]) -> Iterator[Stmt]:
        """The statements of ``file`` with includes replaced; ``above`` is the chain of files being included."""
        for statement in file.statements:
            yield from self.replace(statement, above, False)

    def replace(self, statement: Stmt, above: tuple[Path, ...], optional: bool) -> Iterator[Stmt]:
        if isinstance(statement, Include):
            yield from self.include(statement, above, optional)
        elif isinstance(statement, IfStmt):
            then, other = self.block(statement.then, above, True), self.block(statement.other, above, True)
            yield replace(statement, then=then, other=other)
        elif isinstance(statement, MatchStmt):
            cases = tuple((tag, self.block(body, above, optional)) for tag, body in statement.cases)
            yield replace(statement, cases=cases)
        elif isinstance(statement, (Procedure, Forall)):
            yield replace(statement, body=self.block(statement.body, above, optional))
        else:
            yield statement

    def block(self, statements: tuple[Stmt, ...], above: tuple[Path, ...], optional: bool) -> tuple[Stmt, ...]:
        return tuple(result for s in statements for result in self.replace(s, above, optional))

    def include(self, statement: Include, above: tuple[Path, ...], optional: bool) -> Iterator[Stmt]:
        path = self.find(statement.path, above[-1])
        if path is None:
            if optional:
                yield statement
                return
            raise InputError(
                f"the included file `{statement.path}` was not found", statement.span, self.places_searched(above[-1])
            )
        resolved = path.resolve()
        for index, other in enumerate(above):
            if other.resolve() == resolved:
                circle = " includes ".join(f"`{p.name}`" for p in (*above[index:], path))
                raise InputError(f"the includes go in a circle: {circle}", statement.span)
        yield from self.expand(self.read(path, statement.span), (*above, path))

    def folders(self, includer: Path) -> tuple[Path, ...]:
        """Where an include of ``includer`` is looked for, in order."""
        return tuple(dict.fromkeys((includer.parent, *self.include_dirs, self.top, models_dir())))

    def find(self, name: str, includer: Path) -> Path | None:
        for folder in self.folders(includer):
            candidate = folder / name
            try:
                if candidate.is_file():
                    return candidate
                self.absent.append(str(candidate))
            except (OSError, ValueError):
                continue
        return None

    def places_searched(self, includer: Path) -> str:
        return "searched in " + ", ".join(str(folder) for folder in self.folders(includer)) + "; -I adds a folder"


@lru_cache(maxsize=256)
def _parse(name: str, text: str) -> CatFile:
    return parse_cat(Source(name, text))
