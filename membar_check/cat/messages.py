"""Words for syntax errors in cat files: what was found, and what could have stood there, without grammar jargon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

_OPERATORS = frozenset({"_UNION", "_ADD", "_SEMICOLON", "_BACKSLASH", "_INTER", "STAR", "PLUS", "OPTION", "INVERSE"})
_EXPRESSION = frozenset({"NAME", "TAG", "ZERO", "UNDERSCORE", "_LPAR", "_LBRACE", "_LBRACKET", "_TILDE", "_BEGIN"})
_EXPRESSION_WORDS = frozenset({"_LET", "_FUN", "_TRY", "_IF", "_MATCH"})
_ARGUMENT = _EXPRESSION - {"_TILDE"}
_STATEMENT = frozenset(
    {"_LET", "PREFIX", "TEST", "NOT_TEST", "_SHOW", "_UNSHOW", "_INCLUDE", "_PROCEDURE", "_CALL", "_DEBUG", "_FORALL"}
    | {"_WITH", "_IF", "_MATCH", "INSTRUCTIONS", "DEFAULT"}
)
_BEFORE_STATEMENTS = frozenset({"CATDEP", "_ENUM"})
_CONDITION = frozenset({"STRING", "_VARIANT", "_NOT"})
_WORDS = {
    "NAME": "a name",
    "TAG": "a tag such as 'once",
    "STRING": "a string in double quotes",
    "ZERO": "`0`",
    "UNDERSCORE": "`_`",
    "INVERSE": "`^-1`",
    "STAR": "`*`",
    "PLUS": "`+`",
    "OPTION": "`?`",
    "TEST": "`acyclic`, `irreflexive` or `empty`",
    "PREFIX": "`flag`",
    "NOT_TEST": "`~`",
    "$END": "the end of the file",
    "_ARROW": "`->`",
    "_LPAR": "`(`",
    "_RPAR": "`)`",
    "_LBRACE": "`{`",
    "_RBRACE": "`}`",
    "_LBRACKET": "`[`",
    "_RBRACKET": "`]`",
    "_UNION": "`|`",
    "_ALT": "`||`",
    "_INTER": "`&`",
    "_LAND": "`&&`",
    "_ADD": "`++`",
    "_TILDE": "`~`",
    "_BACKSLASH": "`\\`",
    "_EQUAL": "`=`",
    "_SEMICOLON": "`;`",
    "_COMMA": "`,`",
}
_TOKEN = re.compile(r"[\w.'-]+|\S", re.ASCII)


def describe_failure(parser: Lark, text: str, failure: UnexpectedInput) -> tuple[int, int, str, str]:
    """Start and end offset of the offending text, the message, and a hint (may be empty)."""
    token = getattr(failure, "token", None)
    if token is not None and token.type == "$END":
        end = len(text.rstrip())
        return end, end + 1, _sentence("the end of the file", _acceptable(parser, text)), ""
    start = failure.pos_in_stream or 0
    match = _TOKEN.match(text, start)
    found = str(token) if token is not None else match.group() if match else text[start : start + 1]
    expected = _acceptable(parser, text[:start])
    return start, start + len(found), _sentence(_shown(found), expected), _hint(found, expected)


def _acceptable(parser: Lark, text: str) -> set[str]:
    """The terminals that may follow ``text``, a beginning of a file without error.

    The failed parser does not know: it has already gone on as if the wrong token were right.
    """
    follower: Any = parser.parse_interactive(text)
    follower.exhaust_lexer()
    return set(follower.accepts())


def _shown(found: str) -> str:
    clean = "".join(c if c.isprintable() else "\ufffd" for c in found[:40])
    return f"the keyword `{clean}`" if clean in KEYWORDS else f"`{clean}`"


def _sentence(found: str, expected: set[str]) -> str:
    words = _summary(expected)
    return f"found {found} where {words} was expected" if words else f"found {found}, which cannot stand here"


def _summary(expected: set[str]) -> str:
    """The expected terminals in words: whole families first, then what is left one by one."""
    left = {name for name in expected if name != "<EOF>"}
    words: list[str] = []
    if left >= _EXPRESSION:
        words.append("an expression")
        left -= _EXPRESSION | _EXPRESSION_WORDS
    elif left >= _ARGUMENT:
        words.append("an argument")
        left -= _ARGUMENT
    if left >= _CONDITION:
        words.append("a variant in double quotes")
        left -= _CONDITION
    if len(left & _OPERATORS) > 1:
        words.append("an operator")
        left -= _OPERATORS
    if left >= _STATEMENT:
        words.append("a new statement")
        left -= _STATEMENT | _BEFORE_STATEMENTS
    if "$END" in left:
        left.discard("$END")
        tail = ["the end of the file"]
    else:
        tail = []
    single = sorted(_WORDS.get(name) or f"`{name.strip('_').lower()}`" for name in left)
    words += single + tail
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else "".join(words)


def _hint(found: str, expected: set[str]) -> str:
    if found in ("*", "+", "?", "~") and expected & _OPERATORS:
        return "put parentheses: `~`, the product `*` and the postfix `*`, `+`, `?` do not mix without them"
    if found == "^":
        return "the inverse of r is written r^-1"
    if found == "catdep":
        return "`catdep` stands right after the title"
    if found == "\ufffd":
        return "cat files are text in ASCII or UTF-8"
    if found in KEYWORDS and "NAME" in expected and not expected & _OPERATORS:
        return f"`{found}` is a keyword and cannot be used as a name"
    return ""


KEYWORDS = frozenset(
    {"acyclic", "and", "as", "assert", "begin", "call", "catdep", "debug", "default", "do", "else", "empty", "end"}
    | {"enum", "flag", "forall", "from", "fun", "if", "in", "include", "instructions", "irreflexive", "let"}
    | {"match", "not", "procedure", "rec", "show", "subset", "then", "try", "undefined_unless", "unshow", "variant"}
    | {"when", "with"}
)
"""The words that cannot be names."""
