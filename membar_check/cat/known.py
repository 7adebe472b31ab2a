"""Recognises the library functions of cat that build choices, so that they need not be run step by step.

``map``, ``cross`` and ``co_locs`` recurse over sets whose members a compiled model does not know.  Their definitions
are compared by a digest of their shape (bound names do not count); a definition of another shape is not taken for
them, and the model then goes to the reference interpreter.
"""

from __future__ import annotations

import hashlib

from membar_check.cat.syntax import Binding
from membar_check.diagnostics import Span
from membar_check.records import fields, is_record

# digest of the shape -> the function it is
KNOWN: dict[str, str] = {
    # herd7's stdlib.cat and cross.cat
    "37bb8a83db577ea1": "map",
    "a48a8cc120fc27cb": "cross",
    "d0a423aee39a5b78": "co_locs",
    # models/stdlib.cat and models/cross.cat (a test keeps these up to date)
    "1fa7470ad57a4224": "map",
    "18e0caa111e76c6a": "cross",
    "7f1098befad15517": "co_locs",
}


def shape(binding: Binding) -> str:
    """A digest of a definition that does not depend on the choice of bound names or on layout."""
    names: dict[str, str] = {}

    def walk(node: object) -> str:
        if isinstance(node, Span):
            return ""
        if isinstance(node, str):
            return names.setdefault(node, f"n{len(names)}") if node.isidentifier() or "-" in node else node
        if isinstance(node, tuple):
            return "(" + ",".join(walk(n) for n in node) + ")"
        if is_record(node):
            return type(node).__name__ + "(" + ",".join(walk(getattr(node, f)) for f in fields(node)) + ")"
        return repr(node)

    return hashlib.sha256(walk(binding).encode()).hexdigest()[:16]
