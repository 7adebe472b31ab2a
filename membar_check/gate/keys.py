"""Under which key the answer for a test is kept: a digest of everything that can change it.

The text of the test and of the headers that it includes, the structure of the model and of its macros, variants,
unrolling bound and engine, the checker itself.  A check whose inputs cannot be told beforehand has no key, and is made
anew each time.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from membar_check.diagnostics import MembarError, Source
from membar_check.gate.digests import digest, model_digest, tool_digest
from membar_check.options import RunOptions
from membar_check.records import dataclass, replace
from membar_check.runner import Job, check_options

if TYPE_CHECKING:
    from membar_check.engine.models import Model


@dataclass(frozen=True, slots=True)
class Keyed:
    """A check that is to be made: ``key`` None where its inputs are not known; ``model``: the name under which its
    answer is reported, whether or not there is one; ``used`` the model itself (None where it cannot be loaded, which
    the check will say)."""

    job: Job
    key: str | None
    model: str
    arch: str = ""
    used: Model | None = None


class Keys:
    """Makes the keys of one run; each model is digested once."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._models: dict[tuple[str | None, str], tuple[Model, str] | None] = {}
        self._texts: dict[str, tuple[str, str, str] | None] = {}
        self._rest = digest(tool_digest(), str(options.unroll), options.engine)

    def keyed(self, job: Job) -> Keyed:
        """The check with its key."""
        test = self._test(job.file.path)
        if test is None:
            return Keyed(job, None, job.model or "")
        arch = test[0]
        found = self._model(job.model, arch)
        if found is None:
            return Keyed(job, None, self._asked(job.model, arch), arch)
        model, structure = found
        return Keyed(job, self._key(test, structure), model.name, arch, model)

    def unchanged(self, keyed: Keyed) -> bool:
        """Whether the test and its headers are still what the key was made from."""
        path = keyed.job.file.path
        return keyed.key is None or self._read(path) == self._texts.get(path)

    def key_under(self, keyed: Keyed, structure: str) -> str | None:
        """The key of the check of a test under another model, by that model's digest."""
        test = self._test(keyed.job.file.path)
        return self._key(test, structure) if test is not None else None

    def _key(self, test: tuple[str, str, str], structure: str) -> str | None:
        arch, name, content = test
        return digest(self._rest, structure, arch, name, content) if content else None

    def model_digest(self, keyed: Keyed) -> str:
        """The digest of the model of a check; "" where there is none."""
        found = self._model(keyed.job.model, keyed.arch) if keyed.arch else None
        return found[1] if found else ""

    def _model(self, name: str | None, arch: str) -> tuple[Model, str] | None:
        from membar_check.engine.api import request_for
        from membar_check.engine.models import get_model

        if (name, arch) not in self._models:
            try:
                model = get_model(request_for(arch, check_options(self._options, name)))
                self._models[name, arch] = model, model_digest(model)
            except (MembarError, RecursionError):  # the check itself says what is wrong
                self._models[name, arch] = None
        return self._models[name, arch]

    def _asked(self, name: str | None, arch: str) -> str:
        """The name that the model would have if it could be loaded, so that a test is asked once whoever names it."""
        from membar_check.engine.api import request_for
        from membar_check.engine.models import DEFAULT_MODELS

        try:
            asked = request_for(arch, check_options(self._options, name)).model
        except MembarError:
            asked = name
        return os.path.splitext(os.path.basename(asked or DEFAULT_MODELS.get(arch, "")))[0]

    def _test(self, path: str) -> tuple[str, str, str] | None:
        """Architecture, name and digest of the content of a test ("" for no key); None where it cannot be read."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> tuple[str, str, str] | None:
        from membar_check.engine.api import read_text
        from membar_check.litmus.parser import parse_header

        try:
            text = read_text(path)
            arch, name = parse_header(Source(path, text))
        except MembarError:
            return None
        if arch != "C":
            return arch, name, digest(text)
        # What is found in kernel C is told with the names of files, so these belong to the key.
        headers = headers_of(Source(path, text), self._options.include_dirs)
        return arch, name, "" if headers is None else digest(path, text, *headers)


def run_digest(options: RunOptions) -> str:
    """The digest of what a run does: where it stands, its arguments, what its limits are."""
    places = [os.path.abspath(path) for path in options.paths]
    plain = replace(options, jobs=1, verbosity=0, paths=())
    return digest(os.getcwd(), *places, repr(plain))


# --- headers ---------------------------------------------------------------------------------------------------------
_SPLICE = re.compile(r"\\[ \t]*\r?\n")
_PLAIN = re.compile(r"^[ \t]*#[ \t]*include[ \t]*(\"[^\"\n]+\"|<[^>\n]+>)[ \t\r]*$", re.MULTILINE)
_OTHER = re.compile(r"#\s*include|__has_include")
_COMMENT = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|/\*.*?\*/|//[^\n]*", re.DOTALL)


def headers_of(source: Source, include_dirs: tuple[str, ...]) -> list[str] | None:
    """Names and digests of all headers that a test could include, whatever its ``#if`` say; None where it includes
    something in a way that only the preprocessor understands."""
    found = find_headers(source, include_dirs)
    if found is None:
        return None
    digests = {
        place: digest(header[0], header[1].name, header[1].text) if header else "none"
        for place, header in found.items()
    }
    return [f"{name} {system} {value}" for (_, name, system), value in sorted(digests.items())]


def find_headers(
    source: Source, include_dirs: tuple[str, ...]
) -> dict[tuple[str, str, bool], tuple[str, Source] | None] | None:
    """All headers that a test could include, by the folder of who names them, the name, and whether in angle brackets:
    absolute path and text, None for one that is not there.  None as for :func:`headers_of`."""
    if "#" not in source.text:
        return {}
    from membar_check.litmus.kernel_preprocess import HeaderSearch

    search = HeaderSearch(source.name, include_dirs, {})
    found: dict[tuple[str, str, bool], tuple[str, Source] | None] = {}
    todo = [source]
    seen: set[str] = set()
    while todo:
        current = todo.pop()
        names = _included(current.text)
        if names is None:
            return None
        for name, system in names:
            place = (os.path.dirname(current.name), name, system)
            if place in found:
                continue
            try:
                header = search.find(name, current.name, system)
            except (OSError, UnicodeDecodeError):
                return None
            found[place] = header
            if header is not None and header[0] not in seen:
                seen.add(header[0])
                todo.append(header[1])
    return found


def _included(text: str) -> list[tuple[str, bool]] | None:
    """The headers that a text names, and whether in angle brackets; None where there may be others."""
    joined = _SPLICE.sub("", text)
    names = [match[1] for match in _PLAIN.finditer(joined)]
    rest = _PLAIN.sub("", joined)
    if _OTHER.search(rest) or _OTHER.search(_COMMENT.sub(" ", rest)):
        return None
    return [(name[1:-1], name[0] == "<") for name in names]
