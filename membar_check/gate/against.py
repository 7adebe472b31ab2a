"""Models as they were, at a revision of git or in a folder: what has changed in them, and which tests tell."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from membar_check.diagnostics import InputError, MembarError
from membar_check.gate.baseline import Name
from membar_check.gate.compare import Difference, differences
from membar_check.gate.digests import model_digest
from membar_check.gate.keys import Keyed, Keys
from membar_check.gate.models import changes, parts_of
from membar_check.gate.record import record_of
from membar_check.gate.report_data import Distinguished, ModelChange, Position, Record
from membar_check.gate.store import Store
from membar_check.options import RunOptions
from membar_check.records import dataclass, replace
from membar_check.resources import models_dir
from membar_check.runner import Expectations, Job, Plan, run_plan

if TYPE_CHECKING:
    from membar_check.engine.models import Model, ModelRequest

SUFFIXES = (".cat", ".bell", ".def")


class OldModels:
    """The models as they were at ``where``, a folder, else a revision; a context that keeps copies as long as needed.

    Raises InputError for what is neither.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._stack = ExitStack()
        self._folders: dict[Path, Path | None] = {}
        self.is_folder = os.path.isdir(where)

    def __enter__(self) -> OldModels:
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    def request(self, model: Model, arch: str) -> ModelRequest | None:
        """What loads the model as it was, for the tests of an architecture; None where it was not there.

        Raises InputError where that is not known.
        """
        if not self.is_folder and model.path.parent == models_dir() and not _versioned(models_dir()):
            return model.request  # those of an installation are what they are
        path = self._file(model.path)
        if path is None:
            return None
        bell = self._file(model.bell) if model.bell is not None else None
        macros = self._file(model.macros) if model.macros is not None else None
        loaded, bell_loaded = model.load()
        names = [*loaded.files, *(bell_loaded.files if bell_loaded else ())]
        found = [self._folder(Path(name).resolve().parent) for name in names]
        folders = [str(folder) for folder in dict.fromkeys(found) if folder is not None]
        return replace(
            model.request, model=str(path), dialect=arch, include_dirs=(*folders, *model.request.include_dirs),
            bell=str(bell or model.bell) if model.bell is not None else None,
            macros=str(macros or model.macros) if model.macros is not None else None,
        )  # fmt: skip

    def _file(self, path: Path) -> Path | None:
        folder = self._folder(path.resolve().parent)
        if folder is None:
            return None
        return folder / path.name if (folder / path.name).is_file() else None

    def _folder(self, folder: Path) -> Path | None:
        """Where the files of a folder lie as they were; None where they are not under version control."""
        if self.is_folder:
            return Path(self._where).resolve()
        if folder not in self._folders:
            self._folders[folder] = self._extracted(folder)
        return self._folders[folder]

    def _extracted(self, folder: Path) -> Path | None:
        if not _versioned(folder):
            raise InputError(
                f"'{self._where}' is no folder, and the models in {folder} are not under version control",
                hint="--against wants a revision of git, or a folder with the models as they were",
            )
        if _git(folder, "rev-parse", "--verify", "--quiet", f"{self._where}^{{commit}}") is None:
            raise InputError(
                f"'{self._where}' is neither a folder nor a revision of git that is known in {folder}",
                hint="a shallow clone lacks older revisions: fetch them first",
            )
        listed = _git(folder, "ls-tree", "-z", "--name-only", self._where, "./")
        if listed is None:
            return None
        copy = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="membar-check-")))
        for name in listed.decode("utf-8", "surrogateescape").split("\0"):
            if name.endswith(SUFFIXES) and "/" not in name:
                data = _git(folder, "show", f"{self._where}:./{name}")
                if data is None:
                    raise InputError(f"{folder / name}: git cannot show it as it was at {self._where}")
                (copy / name).write_bytes(data)
        return copy


def _versioned(folder: Path) -> bool:
    return _git(folder, "rev-parse", "--is-inside-work-tree") is not None


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails.  Raises InputError where there is no git."""
    # In a hook, git's variables name the repository of the commit, which need not be that of the folder.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False, env=environment
        )
    except FileNotFoundError:
        raise InputError("--against with a revision needs git, which is not installed") from None
    return done.stdout if done.returncode == 0 else None


# --- what changed ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Changed:
    """A model whose meaning has changed, for the tests of ``arch``: as it was (None: it was not there, or for the
    reason ``unread`` cannot be read), as it is.  ``accepted``: that it changed does not count."""

    old: Model | None
    new: Model
    arch: str
    parts: tuple[ModelChange, ...]
    accepted: bool = False
    unread: str = ""


def changed_models(
    keyed: Sequence[Keyed], old: OldModels, keys: Keys, accepted: frozenset[Name] = frozenset()
) -> Iterator[Changed]:
    """The models of the checks that mean something else than they did, each dialect of tests once; ``accepted``: names
    and dialects of those that may.

    Raises InputError for old models that are not known, and for those that cannot be read, unless accepted.
    """
    seen: set[tuple[str, str]] = set()
    for one in keyed:
        if one.used is None or (one.model, one.arch) in seen:
            continue
        seen.add((one.model, one.arch))
        request = old.request(one.used, one.arch)
        place = Position(str(one.used.path), 1)
        if request is None:
            yield Changed(None, one.used, one.arch, (ModelChange(one.model, "model", "", "added", place),))
            continue
        good = (one.model, one.used.request.dialect) in accepted
        try:
            found = _compared(one, request, keys)
        except InputError as error:
            if not good:
                raise
            parts = (ModelChange(one.model, "model", "", "changed", place),)
            yield Changed(None, one.used, one.arch, parts, True, f"what it was cannot be read: {error.message}")
            continue
        if found is not None:
            yield replace(found, accepted=good)


def _compared(one: Keyed, request: ModelRequest, keys: Keys) -> Changed | None:
    """How the model of a check differs from that which the request loads; None where both mean the same.

    Raises InputError for one that cannot be read.
    """
    from membar_check.engine.models import get_model

    assert one.used is not None
    before = get_model(request)
    if model_digest(before) == keys.model_digest(one):
        return None
    parts = parts_of(before, each_macro=True).digests
    return Changed(before, one.used, one.arch, changes(one.model, parts, parts_of(one.used, each_macro=True)))


# --- which tests tell ------------------------------------------------------------------------------------------------
_COMMENT = re.compile(r"\(\*.*?\*\)|/\*.*?\*/|//[^\n]*", re.DOTALL)


def size_of(path: str) -> tuple[int, int, str]:
    """How large a test is, for choosing the smallest: lines and characters without comments, then its name."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 1 << 30, 0, path
    lines = [line.strip() for line in _COMMENT.sub("", text).split("\n") if line.strip()]
    return len(lines), sum(map(len, lines)), path


def smallest_test(
    changed: Changed, checks: Sequence[tuple[Keyed, Record]], run: RunOptions, store: Store, keys: Keys
) -> Distinguished | None:
    """The smallest of the tests on which the old model and the new one differ; ``checks``: under the new one."""
    if changed.old is None:
        return None
    structure = model_digest(changed.old)
    mine = [(k, r) for k, r in checks if k.model == changed.new.name and k.arch == changed.arch and r.conclusive]
    mine.sort(key=lambda check: size_of(check[0].job.file.path))
    before = [keys.key_under(keyed, structure) for keyed, _ in mine]
    known = store.find(key for key in before if key is not None)
    todo = [keyed for (keyed, _), key in zip(mine, before, strict=True) if key is None or key not in known]
    made = _under_old(changed.old, todo, run)
    try:
        for (keyed, new), key in zip(mine, before, strict=True):
            old = known.get(key) if key is not None else None
            if old is None:
                old = next(made)
                if key is not None and old.conclusive and keys.unchanged(keyed):
                    store.put(key, old)
            found = differences(old, new, ("verdict", "states", "classes", "flags")) if old.conclusive else ()
            if found:
                return Distinguished(changed.new.name, file=keyed.job.file.path, text=_told(found))
    finally:
        made.close()
        store.flush()
    return None


def _told(found: tuple[Difference, ...]) -> str:
    return "; ".join(difference.text for difference in found[:2])


def _under_old(old: Model, todo: Sequence[Keyed], run: RunOptions) -> Generator[Record, None, None]:
    """The records of the tests under the old model, in order, as they are asked for."""
    request = old.request
    options = replace(
        run, models=(), conf=None, include_dirs=request.include_dirs, bell=request.bell, macros=request.macros,
        jobs=max(1, run.jobs),
    )  # fmt: skip
    jobs = tuple(Job(keyed.job.file, str(old.path)) for keyed in todo)
    results = run_plan(Plan(jobs, (), (), Expectations()), options)
    try:
        for _, judged in results:
            yield record_of(judged.result)
    finally:
        results.close()


def minimal_test(changed: Changed, seconds: float) -> Distinguished:
    """A minimal test that tells the models apart, found by a search of so many seconds at most; without one, what was
    searched, or why nothing could be."""
    from membar_check.synth.diff import DiffOptions, compare_models

    name = changed.new.name
    if changed.old is None:
        return Distinguished(name, bound=changed.unread, complete=False)
    try:
        found = compare_models(changed.old, changed.new, changed.arch, DiffOptions(seconds=seconds))
    except MembarError as error:
        return Distinguished(name, bound=f"it cannot be searched for: {error.message}", complete=False)
    if not found.differences:
        rest = "" if found.complete else f"; {'; '.join(found.left) or 'the search did not come to its end'}"
        left_out = f"; left out: {'; '.join(found.left_out)}" if found.left_out else ""
        bound = f"none of up to {found.searched} accesses made of the searched vocabulary{left_out}{rest}"
        return Distinguished(name, bound=bound, complete=found.complete)
    first = min(found.differences, key=lambda difference: (len(difference.text), difference.text))
    allowed = "now allowed, forbidden before" if first.side == 1 else "now forbidden, allowed before"
    if first.flag:
        flagged = ("flagged {} before, not now", "flagged {} now, not before")
        allowed = flagged[first.side].format(first.flag)
    return Distinguished(name, litmus=first.text, text=allowed, axiom=", ".join(first.axioms))
