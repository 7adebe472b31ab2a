"""Single changes of a model's text: what a mutation study makes, and what says which clause of a model does what.

A mutation cuts or exchanges a few characters of one file; comments and layout stay.  Each mutated text is parsed again
and must be the syntax tree that was meant, so that parentheses and precedence never make another change out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from membar_check.cat.loader import load_model
from membar_check.cat.parser import parse_cat
from membar_check.cat.syntax import Binary, Binding, CatFile, Check, Expr, Include, Let, Stmt, Unary
from membar_check.diagnostics import InputError, Source, Span
from membar_check.records import dataclass, field, fields, is_record, replace

CHECK, FLAG, ALTERNATIVE, CYCLES, OPERAND, CLOSURE = "check", "flag", "alternative", "cycles", "operand", "closure"
KINDS = (CHECK, FLAG, ALTERNATIVE, CYCLES, OPERAND, CLOSURE)
"""What is taken away: an axiom; a flag; one alternative of a union; the longer cycles of an ``acyclic``; one side of an
intersection, or what a difference takes away; the repetition of a closure."""

LIBRARY = frozenset({"stdlib.cat", "cos.cat", "cos-opt.cat", "cross.cat", "lock.cat"})
"""Files that make the candidates of a model, and do not judge them."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change.

    ``kind``: one of :data:`KINDS`; ``owner``: the name of the axiom, relation or set it is about, ``name``: what is
    done to it, as a phrase; ``file``, ``line``: where; ``text_before``, ``text_after``: the characters from ``start``
    on that are exchanged; ``statement``: where the statement around them begins.  ``model`` is the file of the whole
    model, ``files`` all that belong to it.
    """

    kind: str
    owner: str
    name: str
    file: str
    line: int
    text_before: str
    text_after: str
    start: int
    statement: int
    model: str
    files: tuple[str, ...] = field(compare=False)

    def apply(self) -> dict[str, str]:
        """The mutated file with its new text.  Raises InputError where the file is not what it was."""
        text = _read(self.file)
        end = self.start + len(self.text_before)
        if text[self.start : end] != self.text_before:
            raise InputError(f"{self.file}: has changed since the mutation was made", hint="list the mutations again")
        return {self.file: text[: self.start] + self.text_after + text[end:]}

    def write(self, folder: Path) -> Path:
        """Puts the whole mutated model into a folder, which is made; returns the file to give as ``--model``.

        Bell and macro files beside the model come along.  Raises InputError, OSError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        changed = self.apply()
        beside = [str(Path(self.model).with_suffix(suffix)) for suffix in (".bell", ".def")]
        for name in dict.fromkeys([*self.files, *[b for b in beside if Path(b).is_file()]]):
            (folder / Path(name).name).write_text(changed.get(name) or _read(name), encoding="utf-8")
        return folder / Path(self.model).name


def mutations(
    model_path: Path, include_dirs: Sequence[Path] = (), kinds: Sequence[str] = KINDS, bell: bool = True
) -> tuple[Mutation, ...]:
    """All single mutations of a model, file by file in the order in which they are read, from top to bottom.

    The library (:data:`LIBRARY`) is left alone; ``bell``: the bell file of the model's name takes part.  Raises
    InputError for models that cannot be loaded.
    """
    loaded = load_model(model_path, include_dirs)
    names = list(loaded.files)
    beside = model_path.with_suffix(".bell")
    if bell and beside.is_file():
        names += load_model(beside, include_dirs, prelude=False).files
    found: list[Mutation] = []
    for name in dict.fromkeys(names):
        if Path(name).name in LIBRARY:
            continue
        source = Source(name, _read(name))
        file = parse_cat(source)
        for statement, change in _changes(file):
            if change.kind not in kinds or not _is_meant(statement, change):
                continue
            start, end = change.start, change.end
            found.append(
                Mutation(
                    change.kind, change.owner, change.phrase, name, source.text.count("\n", 0, change.at) + 1,
                    source.text[start:end], change.instead, start, statement.span.start, str(model_path),
                    tuple(dict.fromkeys(names)),
                )
            )  # fmt: skip
    return tuple(found)


def _read(name: str) -> str:
    try:
        return Path(name).read_text("utf-8", errors="replace")
    except OSError as problem:
        raise InputError(f"cannot read `{name}`: {(problem.strerror or 'unreadable').lower()}") from None


# --- the changes -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Change:
    """``start..end`` becomes ``instead``; the node ``before`` of the tree becomes ``after`` (None: it goes away).
    ``at``: where the reader is sent."""

    kind: str
    owner: str
    phrase: str
    start: int
    end: int
    instead: str
    at: int
    before: Stmt | Expr
    after: Stmt | Expr | None


def _changes(file: CatFile) -> Iterator[tuple[Stmt, _Change]]:
    """All changes, each with the statement that it is in."""
    for statement in _flat(file.statements):
        if isinstance(statement, Check):
            for change in _of_check(statement):
                yield statement, change
        elif isinstance(statement, Let):
            for binding in statement.bindings:
                for change in _of_expression(binding.value, _title(binding)):
                    yield statement, change


def _flat(statements: Sequence[Stmt]) -> Iterator[Stmt]:
    """Statements with those inside of branches and procedures."""
    for statement in statements:
        yield statement
        for name in fields(statement):
            value = getattr(statement, name)
            if isinstance(value, tuple) and not isinstance(statement, Let | Check | Include):
                yield from _flat([part for part in value if isinstance(part, Stmt)])


def _title(binding: Binding) -> str:
    return binding.name or ", ".join(binding.pattern)


def _of_check(check: Check) -> Iterator[_Change]:
    name = check.name or f"{check.test} {' '.join(check.expr.span.text.split())}"
    start, end = check.span.start, check.span.end
    if check.prefix in ("", "flag"):
        kind = FLAG if check.prefix else CHECK
        yield _Change(kind, name, f"without the {kind} {name}", start, end, "", start, check, None)
    if check.test == "acyclic" and not check.negated:
        at = start + check.span.text.index("acyclic")
        weaker = replace(check, test="irreflexive")
        phrase = f"{name}: irreflexive in place of acyclic"
        yield _Change(CYCLES, name, phrase, at, at + len("acyclic"), "irreflexive", start, check, weaker)
    yield from _of_expression(check.expr, name)


def _of_expression(expr: Expr, owner: str) -> Iterator[_Change]:
    if isinstance(expr, Binary) and expr.op == "|":
        yield from _of_union(expr, owner)
        return
    if isinstance(expr, Binary) and expr.op in ("\\", "&"):
        yield from _of_operands(expr, owner)
    elif isinstance(expr, Unary) and expr.op in ("*", "+", "?"):
        end = expr.span.end
        phrase = f"{owner}: {_line(expr.operand.span.text)} without `{expr.op}`"
        yield _Change(CLOSURE, owner, phrase, end - len(expr.op), end, "", expr.span.start, expr, expr.operand)
    for inner in _inside(expr):
        yield from _of_expression(inner, owner)


def _inside(node: object) -> Iterator[Expr]:
    """The expressions directly inside of one."""
    for name in fields(node):
        value = getattr(node, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Expr):
                yield part
            elif isinstance(part, Binding):
                yield part.value
            elif isinstance(part, tuple):
                yield from (p for p in part if isinstance(p, Expr))


def _of_union(expr: Binary, owner: str) -> Iterator[_Change]:
    parts = list(_alternatives(expr))
    bars = [_bar(left.span, right.span, "|") for left, right in pairwise(parts)]
    text = expr.span.source.text
    for index, part in enumerate(parts):
        if index:  # with the bar and the space before it
            start = max(len(text[: bars[index - 1]].rstrip()), parts[index - 1].span.end)
            end = _closed(text, bars[index - 1], part.span.end)
        else:
            start = _opened(text, part.span.start, bars[0])
            end = bars[0] + 1
            end += len(text[end:]) - len(text[end:].lstrip(" "))
        rest = [other for other in parts if other is not part]
        begin = bars[index - 1] + 1 if index else start
        stop = bars[index] if index < len(bars) else end
        phrase = f"{owner} without {_balanced(_line(text[begin:stop]))}"
        yield _Change(ALTERNATIVE, owner, phrase, start, end, "", part.span.start, expr, _union(rest, expr.span))
    for part in parts:
        yield from _of_expression(part, owner)


def _alternatives(expr: Expr) -> Iterator[Expr]:
    """The parts of a union as it is written: one in parentheses is a part of its own."""
    if not isinstance(expr, Binary) or expr.op != "|":
        yield expr
        return
    bar = _bar(expr.left.span, expr.right.span, "|")
    text = _code(expr.span.source.text[expr.left.span.start : expr.right.span.end])
    begin = expr.left.span.start
    left, right = text[: bar - begin], text[bar + 1 - begin :]
    first = left[: expr.left.span.end - begin]
    last = text[expr.right.span.start - begin :]
    if left[len(first) :].count(")") > _unclosed(first):
        yield expr.left
    else:
        yield from _alternatives(expr.left)
    if right[: len(right) - len(last)].count("(") > _unclosed(last[::-1].translate(_MIRROR)):
        yield expr.right
    else:
        yield from _alternatives(expr.right)


_MIRROR = str.maketrans("()", ")(")


def _unclosed(text: str) -> int:
    """How many parentheses open in the text and do not close there."""
    depth = 0
    for letter in text:
        depth = max(0, depth + (letter == "(") - (letter == ")"))
    return depth


def _flat_union(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Binary) and expr.op == "|":
        yield from _flat_union(expr.left)
        yield from _flat_union(expr.right)
    else:
        yield expr


def _union(parts: list[Expr], span: Span) -> Expr:
    whole = parts[0]
    for part in parts[1:]:
        whole = Binary("|", whole, part, span)
    return whole


def _of_operands(expr: Binary, owner: str) -> Iterator[_Change]:
    bar = _bar(expr.left.span, expr.right.span, expr.op)
    text = expr.span.source.text
    left_start = _opened(text, expr.left.span.start, bar)
    right_end = _closed(text, bar, expr.right.span.end)
    cut = max(len(text[:bar].rstrip()), expr.left.span.end)
    left, right = _line(text[left_start:bar]), _line(text[bar + 1 : right_end])
    phrase = f"{owner}: {left} also where it is {'not ' if expr.op == '&' else ''}{right}"
    yield _Change(OPERAND, owner, phrase, cut, right_end, "", expr.right.span.start, expr, expr.left)
    if expr.op == "&":
        begin = bar + 1 + len(text[bar + 1 :]) - len(text[bar + 1 :].lstrip())
        phrase = f"{owner}: {right} also where it is not {left}"
        yield _Change(OPERAND, owner, phrase, left_start, begin, "", expr.left.span.start, expr, expr.right)


def _line(text: str) -> str:
    """A piece of a model on one line, its comments left out."""
    return " ".join(_code(text).split())


def _code(text: str) -> str:
    """The text with blanks in place of comments."""
    return re.sub(r"\(\*.*?\*\)|//[^\n]*", lambda m: " " * len(m.group()), text, flags=re.DOTALL)


def _balanced(text: str) -> str:
    """The text without the parentheses at its ends that belong to something around it."""
    while (depth := _depth(text)) and text[:1] + text[-1:] not in ("", "()"):
        text = text[1:].lstrip() if depth > 0 and text[0] == "(" else text[:-1].rstrip()
    return text


# --- places in the text ----------------------------------------------------------------------------------------------
def _bar(left: Span, right: Span, sign: str) -> int:
    """Where the operator between two operands stands; comments between them are skipped."""
    gap = left.source.text[left.end : right.start]
    return left.end + _code(gap).index(sign)


def _closed(text: str, start: int, end: int) -> int:
    """The end of an operand with the parentheses that close what opens after ``start``."""
    depth = _depth(text[start:end])
    while depth > 0:
        end = text.index(")", end) + 1
        depth -= 1
    return end


def _opened(text: str, start: int, end: int) -> int:
    """The start of an operand with the parentheses that open what closes before ``end``."""
    depth = _depth(text[start:end])
    while depth < 0:
        start = text.rindex("(", 0, start)
        depth += 1
    return start


def _depth(text: str) -> int:
    """How many more parentheses open than close, outside of comments."""
    code = _code(text)
    return code.count("(") - code.count(")")


# --- what was meant --------------------------------------------------------------------------------------------------
def _is_meant(statement: Stmt, change: _Change) -> bool:
    """Whether the changed text of a statement parses to the tree with the change."""
    text, start = statement.span.text, statement.span.start
    text = text[: change.start - start] + change.instead + text[change.end - start :]
    try:
        found = parse_cat(Source(statement.span.source.name, text)).statements
    except InputError:
        return False
    return bool(_plain(found) == _plain(_rebuilt((statement,), change)))


def _rebuilt(node: object, change: _Change) -> object:
    """The tree with ``change.before`` (that very node) exchanged."""
    if node is change.before:
        return change.after
    if isinstance(node, tuple):
        parts = [_rebuilt(part, change) for part in node]
        return tuple([part for part in parts if part is not None])
    if isinstance(node, Span) or not is_record(node):
        return node
    values = {name: getattr(node, name) for name in fields(node)}
    new = {name: _rebuilt(value, change) for name, value in values.items()}
    return replace(node, **new) if any(new[name] is not values[name] for name in values) else node


def _plain(node: object) -> object:
    """A tree as nested tuples, without places, with unions flat: what two ways of writing it have in common."""
    if isinstance(node, Binary) and node.op == "|":
        return ("|", *[_plain(part) for part in _flat_union(node)])
    if isinstance(node, tuple):
        return tuple([_plain(part) for part in node])
    if isinstance(node, Span) or not is_record(node):
        return None if isinstance(node, Span) else node
    return (type(node).__name__, *[_plain(getattr(node, name)) for name in fields(node)])
