"""Files for other machines: what a task reads here is put together, and laid out there below a folder of its own.

Below that folder every file has the path that it has here, and the task's process stands in the copy of the folder in
which this one stands.  So relative names mean the same there, files that do not exist here do not exist there, and a
message differs from the one given here by the folder's name only, which is taken out of the answer.  The bundled models
are not sent: both sides have them, and the same (:mod:`membar_check.gate.identity`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from membar_check.diagnostics import InputError
from membar_check.records import dataclass
from membar_check.resources import models_dir

if TYPE_CHECKING:
    from membar_check.engine.models import Model, ModelRequest


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of a task lie.

    ``root``: the folder with the copies, "" for the files themselves; ``models``: the folder of the bundled models on
    the machine that the task comes from.
    """

    root: str = ""
    models: str = ""

    def path(self, name: str) -> str:
        """The name here of a file which has that name on the machine that the task comes from."""
        if not self.root or not os.path.isabs(name):
            return name
        if name == self.models or name.startswith(self.models + os.sep):
            return str(models_dir()) + name[len(self.models) :]
        return self.root + os.path.normpath(name)

    def owns(self, name: str) -> bool:
        """Whether a file that was read is one that came with the task, or one of the installation."""
        path = os.path.abspath(name)
        ours = (self.root + os.sep, str(models_dir()) + os.sep)
        return not self.root or name.startswith("<") or path.startswith(ours)

    def plain(self, value: Any) -> Any:
        """An answer with the names that its files have on the machine that the task comes from."""
        if not self.root:
            return value
        if isinstance(value, str):
            return value.replace(self.root, "").replace(str(models_dir()), self.models)
        if isinstance(value, (list, tuple)):
            return [self.plain(item) for item in value]
        if isinstance(value, dict):
            return {name: self.plain(item) for name, item in value.items()}
        return value


def lay_out(root: str, folder: str, files: Mapping[str, str]) -> None:
    """Writes files below ``root``, and makes the copy of ``folder``.  Raises OSError, ValueError for a bad path."""
    for name in (folder, *files):
        if not os.path.isabs(name) or os.path.normpath(name) != name:
            raise ValueError(f"{name}: is no absolute path")
    for name, text in files.items():
        path = root + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(text.encode("utf-8", "surrogateescape"))
    os.makedirs(root + folder, exist_ok=True)


def go_there(root: str, models: str, folder: str) -> Place:
    """The place with its files below ``root``; this process then stands in the copy of ``folder``."""
    place = Place(os.path.realpath(root), models)
    os.chdir(place.root + folder)
    return place


# --- the side that sends ---------------------------------------------------------------------------------------------
class Files:
    """Reads the files of a run for its tasks, each once."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._bundled = str(models_dir()) + os.sep

    def read(self, names: Iterable[str]) -> dict[str, str]:
        """Absolute paths and texts, without what is bundled.  Raises InputError."""
        found: dict[str, str] = {}
        for name in names:
            if name.startswith(("<", self._bundled)):
                continue
            path = os.path.abspath(name)
            if name not in self._texts:
                self._texts[name] = _read(name)  # not `path`: `..` behind a symbolic link leads elsewhere
            found[path] = self._texts[name]
        return found

    def of_model(self, model: Model) -> dict[str, str]:
        """The files of a model: those that it includes, its bell file, its macros.  Raises InputError."""
        from membar_check.engine.models import get_macros

        own, bell = model.load()
        names = [*own.files, *(bell.files if bell else ())]
        macros = get_macros(model.macros) if model.macros is not None else None
        while macros is not None:
            names.append(macros.source.name)
            macros = macros.base
        return self.read(names)


def _read(path: str) -> str:
    """A file, byte for byte: what is no UTF-8 is kept, for the worker to complain about."""
    try:
        with open(path, "rb") as handle:
            return handle.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error


def pack_request(request: ModelRequest) -> dict[str, Any]:
    """The request for a model, as data."""
    return {
        "model": request.model,
        "bell": request.bell,
        "macros": request.macros,
        "include_dirs": list(request.include_dirs),
        "variants": sorted(request.variants),
        "dialect": request.dialect,
    }


def unpack_request(data: Mapping[str, Any], place: Place) -> ModelRequest:
    """The request that was packed, for the files of a place."""
    from membar_check.engine.models import ModelRequest

    names = {name: place.path(data[name]) if data[name] else None for name in ("model", "bell", "macros")}
    return ModelRequest(
        names["model"], names["bell"], names["macros"], tuple(place.path(name) for name in data["include_dirs"]),
        frozenset(data["variants"]), data["dialect"],
    )  # fmt: skip
