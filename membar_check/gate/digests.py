"""Digests of what a verdict depends on: models by their structure, macros by their syntax, the checker by its code.

Two texts that differ in spaces and comments only have the same digest; anything that could change an answer changes
the digest.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from membar_check.diagnostics import Span
from membar_check.records import fields, is_record

if TYPE_CHECKING:
    from membar_check.cat.dag import CompiledModel, Node
    from membar_check.engine.models import Model
    from membar_check.program.macros import Macro, Macros

FORMAT = "1"
"""Raise it when what records hold, or how they are keyed, changes."""

CODE = (
    "records.py", "diagnostics.py", "values.py", "resources.py", "grammars.py", "relation.py", "verdict.py",
    "expectations.py", "litmus", "cat", "program", "events", "engine", "runtime", "gate/record.py", "gate/digests.py",
    "gate/keys.py", "report/gate/data.py",
)  # fmt: skip
"""The files and folders of the package that an answer can depend on: imports go down only."""

LIBRARIES = ("z3-solver", "lark", "pcpp", "pycparser", "networkx")


def digest(*parts: str) -> str:
    """The digest of some texts, in order."""
    found = sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data))
        found.update(data)
    return found.hexdigest()


@lru_cache(maxsize=1)
def tool_digest() -> str:
    """The digest of the checker: its code, its libraries, Python."""
    from importlib.metadata import PackageNotFoundError, version

    import membar_check

    top = os.path.dirname(os.path.abspath(membar_check.__file__))
    found = sha256(f"{FORMAT} {sys.version_info[:3]}".encode())
    for name in CODE:
        for path in files_below(os.path.join(top, name)):
            with open(path, "rb") as handle:
                data = handle.read()
            found.update(f"{os.path.relpath(path, top)}:{len(data)}:".encode())
            found.update(data)
    for library in LIBRARIES:
        try:
            found.update(f"{library} {version(library)};".encode())
        except PackageNotFoundError:
            found.update(f"{library} none;".encode())
    return found.hexdigest()


def files_below(path: str) -> list[str]:
    """The files below a path, sorted, but for compiled ones."""
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [os.path.join(folder, name) for name in names if not name.endswith(".pyc")]
    return sorted(found)


# --- models ----------------------------------------------------------------------------------------------------------
def model_digest(model: Model) -> str:
    """The digest of all that a model says to the engines and to the lowering of tests in its dialect."""
    from membar_check.engine.models import get_macros

    if model.compiled is not None:
        body = compiled_digest(model.compiled)
    else:  # judged by the interpreter, which reads the statements
        own, bell = model.load()
        body = digest("interpreted", tree_digest(own.statements), tree_digest(bell.statements if bell else ()))
    macros = macros_digest(get_macros(model.macros)) if model.macros is not None else ""
    request = model.request
    return digest(model.name, request.dialect, " ".join(sorted(request.variants)), body, macros)


class NodeDigests:
    """The digests of the nodes of one graph.  Unions and intersections do not depend on the order of their parts."""

    def __init__(self, model: CompiledModel) -> None:
        self._groups = model.graph.groups
        self._known: dict[int, str] = {}
        self._group_known: dict[str, str] = {}

    def of(self, node: Node | None) -> str:
        """The digest of a node and of all below it."""
        if node is None:
            return ""
        found = self._known.get(node.id)
        if found is None:
            found = self._known[node.id] = self._compute(node)
        return found

    def _compute(self, node: Node) -> str:
        parts = [self.of(argument) for argument in node.args]
        if node.op in ("or", "and"):
            parts.sort()
        inner = ""
        if node.op == "fix":
            inner = self._group(node.name.split("/")[0])
        return digest(node.op, node.kind, node.name, inner, *parts)

    def _group(self, name: str) -> str:
        if name not in self._group_known:
            group = self._groups[name]
            bodies = [self.of(body) for body in group.bodies]
            self._group_known[name] = digest(*(v.name for v in group.variables), *bodies)
        return self._group_known[name]


def compiled_digest(model: CompiledModel) -> str:
    """The digest of the structure of a compiled model."""
    from membar_check.cat.dag import OrderChoice

    nodes = NodeDigests(model)
    parts = [repr((model.coherent, model.atomic, model.registers, model.base.plain))]
    parts += [digest("check", c.prefix, str(c.negated), c.test, c.name, nodes.of(c.node)) for c in model.checks]
    for choice in model.choices:
        if isinstance(choice, OrderChoice):
            named = ("order", choice.result, choice.members, choice.base)
        else:
            named = ("pick", choice.result, choice.targets, choice.pairs)
        parts.append(digest(named[0], *(nodes.of(node) for node in named[1:])))
    for part in (model.base.static, model.base.dynamic):
        parts.append(digest(*(nodes.of(node) for node in part)))
    return digest(*parts)


def tree_digest(tree: object) -> str:
    """The digest of a syntax tree without its places."""
    found = sha256()
    _walk(tree, found.update)
    return found.hexdigest()


def _walk(value: object, update: object) -> None:
    """Feeds a syntax tree to a digest, in brackets, so that no two trees give the same text."""
    assert callable(update)
    if isinstance(value, (tuple, list)):
        update(b"(")
        for item in value:
            _walk(item, update)
        update(b")")
    elif is_record(value):
        update(type(value).__name__.encode() + b"{")
        for name in fields(value):
            inner = getattr(value, name)
            if not isinstance(inner, Span):
                _walk(inner, update)
        update(b"}")
    else:
        update(f"{value!r},".encode("utf-8", "surrogatepass"))


# --- macros ----------------------------------------------------------------------------------------------------------
def macros_digest(macros: Macros) -> str:
    """The digest of the macros of a file and of those that it includes."""
    parts = [macros.dialect, str(macros.mentions("{MB}"))]
    parts += [f"{name}={value}" for name, value in sorted(macro_digests(macros).items())]
    return digest(*parts, macros_digest(macros.base) if macros.base is not None else "")


def macro_digests(macros: Macros) -> dict[str, str]:
    """The digest of each macro that the file itself defines, by name; of those that are statements, by ``name {}``."""
    for name in list(macros.unread):
        macros.expression(name)
    found = {name: _macro_digest(macro) for name, macro in macros.expressions.items()}
    found |= {f"{name} {{}}": _macro_digest(macro) for name, macro in macros.statements.items()}
    return found


def _macro_digest(macro: Macro) -> str:
    return tree_digest((macro.parameters, macro.body))
