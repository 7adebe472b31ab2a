"""Finds, loads and compiles the model that a test is to be judged by.

Compiled models are kept in memory, and on disk in the user's cache folder under a key that depends on every file read,
the dialect, the variants and the checker's own version.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from membar_check.cat.dag import CompiledModel
from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.engine.model_cache import Slot
from membar_check.records import dataclass, replace
from membar_check.resources import model_names, models_dir

if TYPE_CHECKING:
    from membar_check.cat.loader import LoadedModel
    from membar_check.cat.traced import TracedModel
    from membar_check.program.macros import Macros

DEFAULT_MODELS = {
    "C": "lkmm",
    "X86": "x86-tso",
    "X86_64": "x86-tso",
    "AArch64": "aarch64",
    "RISCV": "riscv",
    "PPC": "power",
}
DEFAULT_VARIANTS: frozenset[str] = frozenset({"cos-opt"})


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """``model``: a bundled name, a path, or None for the dialect's default; ``bell`` and ``macros`` paths or None."""

    model: str | None
    bell: str | None
    macros: str | None
    include_dirs: tuple[str, ...]
    variants: frozenset[str]
    dialect: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model ready for use.  ``compiled`` is None where only the reference interpreter can run it (``why``).

    The dialect of ``request`` is the one that the model is compiled for: for a C test under the model of an
    architecture, that architecture's.
    """

    name: str
    path: Path
    bell: Path | None
    compiled: CompiledModel | None
    why: str
    macros: Path | None
    request: ModelRequest

    def load(self) -> tuple[LoadedModel, LoadedModel | None]:
        """The syntax trees of the model and of its bell file."""
        return _load(self.path, self.bell, self.request.include_dirs)

    def traced(self) -> TracedModel:
        """The model in its own words, for explanations.  Raises Unsupported where only the interpreter can run it."""
        return _traced(self.path, self.bell, self.request, self.name)

    @property
    def registers(self) -> bool:
        """Whether the events of registers matter to the model."""
        return self.load()[0].catdep if self.compiled is None else self.compiled.registers


def _load(path: Path, bell: Path | None, include_dirs: tuple[str, ...]) -> tuple[LoadedModel, LoadedModel | None]:
    from membar_check.cat.loader import load_model

    dirs = [Path(d) for d in include_dirs]
    return load_model(path, dirs), load_model(bell, dirs, prelude=False) if bell else None


def find_model(name: str, include_dirs: tuple[str, ...]) -> Path:
    """The file of a model: a path, or a name (with or without ``.cat``) in ``include_dirs`` or bundled."""
    direct = Path(name)
    if direct.is_dir() and name not in model_names():
        raise InputError(f"'{name}' is a folder, expected a cat file or the name of a model", hint=_hint())
    if direct.suffix and direct.is_file():
        return direct
    folders = [*(Path(d) for d in include_dirs), models_dir()]
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.cat"):
            if candidate.suffix and candidate.is_file():
                return candidate
    if direct.is_file():
        return direct
    raise InputError(f"there is no model '{name}'", hint=_hint())


def _hint() -> str:
    return f"give the path of a cat file, or one of: {', '.join(model_names())}"


def dialects_of(name: str) -> frozenset[str] | None:
    """The architectures whose tests a bundled model can judge; None for every one, and for models of others."""
    if name not in model_names() or name == "sc":
        return None
    own = {dialect for dialect, model in DEFAULT_MODELS.items() if model == name}
    if name.startswith("lkmm") or (models_dir() / f"{name}.def").is_file():
        own.add("C")
    return frozenset(own)


def _require_dialect(name: str, dialect: str) -> None:
    known = dialects_of(name)
    if known is not None and dialect not in known:
        wanted = " and ".join(sorted(known))
        raise InputError(f"the model {name} is for {wanted}, but the test is {dialect}")


def _beside(model: Path, suffix: str) -> Path | None:
    """The bell or macro file that belongs to a model: same name, same folder."""
    candidate = model.with_suffix(suffix)
    return candidate if candidate.is_file() else None


def find_file(name: str, include_dirs: tuple[str, ...], what: str) -> Path:
    """The bell or macro file of that name, here, in ``include_dirs`` or among the bundled ones.  Raises InputError."""
    if name.endswith(".cat"):
        raise InputError(f"'{name}' is a model, expected a {what} file", hint="give models with --model")
    for candidate in (Path(name), *(Path(d) / name for d in include_dirs), models_dir() / name):
        if candidate.is_file():
            return candidate
    raise InputError(f"there is no {what} file '{name}'", hint="-I adds a folder to search")


@lru_cache(maxsize=64)
def get_model(request: ModelRequest) -> Model:
    """The model for a request.  Raises InputError for missing files and for errors in them."""
    default = DEFAULT_MODELS.get(request.dialect)
    name = request.model or default
    if name is None:
        raise InputError(f"there is no default model for {request.dialect}", hint="give one with --model")
    path = find_model(name, request.include_dirs)
    if path.parent == models_dir():
        _require_dialect(path.stem, request.dialect)
    bell = find_file(request.bell, request.include_dirs, "bell") if request.bell else _beside(path, ".bell")
    macros = find_file(request.macros, request.include_dirs, "macro") if request.macros else _beside(path, ".def")
    if macros is None and request.dialect == "C":
        macros = models_dir() / "lkmm.def"
    if bell is None and request.dialect == "C" and request.model and path.stem in ("sc",):
        bell = models_dir() / "lkmm.bell"
    if macros is not None and request.dialect == "C":
        # The model of an architecture: its macros make events of that architecture.
        request = replace(request, dialect=get_macros(macros).dialect or "C")
    compiled, why = _compiled(path, bell, request)
    return Model(name if request.model is None else path.stem, path, bell, compiled, why, macros, request)


def _compiled(path: Path, bell: Path | None, request: ModelRequest) -> tuple[CompiledModel | None, str]:
    where = [str(p.resolve()) for p in (path, *([bell] if bell else []))]
    slot = Slot(repr((where, request.include_dirs, sorted(request.variants), request.dialect)))
    found = slot.read()
    if found is not None:
        compiled, why = found
        return compiled, why
    result = _compile(path, bell, request)
    if slot.path is not None:
        model, bell_model = _load(path, bell, request.include_dirs)
        loaded = (model, bell_model) if bell_model else (model,)
        slot.write(result, [f for part in loaded for f in (*part.files, *part.absent)])
    if slot.damaged and result[0] is not None:
        note = f"{slot.path} was damaged; the model was compiled again"
        return replace(result[0], warnings=(*result[0].warnings, note)), result[1]
    return result


def _compile(path: Path, bell: Path | None, request: ModelRequest) -> tuple[CompiledModel | None, str]:
    from membar_check.cat.dag import CannotCompile
    from membar_check.cat.model import compile_model

    model, bell_model = _load(path, bell, request.include_dirs)
    try:
        compiled = compile_model(
            path.stem, model.title, model.prelude, bell_model.statements if bell_model else (), model.body,
            request.dialect, request.variants,
        )  # fmt: skip
    except CannotCompile as reason:
        return None, reason.message
    return compiled, ""


@lru_cache(maxsize=16)
def _traced(path: Path, bell: Path | None, request: ModelRequest, name: str) -> TracedModel:
    from membar_check.cat.dag import CannotCompile
    from membar_check.cat.model import trace_model

    model, bell_model = _load(path, bell, request.include_dirs)
    try:
        return trace_model(
            path.stem, model.title, model.prelude, bell_model.statements if bell_model else (), model.body,
            request.dialect, request.variants,
        )  # fmt: skip
    except CannotCompile as reason:
        raise Unsupported(f"the model {name} cannot be explained: {reason.message}", reason.span) from None


@lru_cache(maxsize=16)
def get_macros(path: Path) -> Macros:
    """The macros of a ``.def`` file; those of a bundled one are parsed when they are needed."""
    from membar_check.program.macros import load_macros

    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return load_macros(Source(str(path), text), trusted=path.parent == models_dir())
