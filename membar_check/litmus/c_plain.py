"""Whether a C test is surely one that herd7 reads too: quick checks, so that kernel C costs other tests nothing.

What these checks do not settle, :mod:`membar_check.litmus.kernel_file` does.
"""

from __future__ import annotations

import re

from membar_check.diagnostics import Source

DIRECTIVE = re.compile(
    r"^[ \t]*#[ \t]*(?:include|define|undef|if|ifdef|ifndef|elif|else|endif|pragma|error|warning)\b", re.MULTILINE
)
"""A line for the preprocessor."""

NAMED = re.compile(r":\s*(?:~\s*|not\s+)?(?:exists|forall)\b\s*[^;\s]", re.ASCII)
"""A named condition, from the colon on; not an entry of a ``with`` list, which has no proposition."""

_START = re.compile(r"(?:\s|/\*.*?\*/|//[^\n]*)*(?:\Z|(?:void\s+)?P[0-9]+\s*\()", re.ASCII | re.DOTALL)
_END = re.compile(
    r"(?:\s|\(\*.*?\*\))*(?:\Z|[(~<]|(?:exists|forall|not|filter|locations|final|[oO]bserved)\b)",
    re.ASCII | re.DOTALL,
)


def surely_plain_start(source: Source, start: int) -> bool:
    """Whether the text after the init block begins like a plain C test and has no line for the preprocessor."""
    text = source.text
    if text.find("#", start) >= 0 and DIRECTIVE.search(text, start):
        return False
    return _START.match(text, start) is not None


def surely_plain_end(text: str, final_start: int) -> bool:
    """Whether what follows the threads is the final part of a plain C test."""
    return _END.match(text, final_start) is not None and not NAMED.search(text, final_start)
