"""The bodies of assembly tests: a table with a column for each thread, one instruction or label a cell.

The table is cut by plain string operations; each distinct cell text is read once (see ``instructions``).
"""

from __future__ import annotations

import re

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.instructions import BadInstruction, read_cell
from membar_check.litmus.syntax import AsmBody, AsmInstruction, AsmLabel
from membar_check.litmus.text import counted, describe

_THREAD = re.compile(r"P([0-9]{1,6})\Z", re.ASCII)
_LOCK = re.compile(r"\block(\s*);", re.IGNORECASE)


def parse_assembly(source: Source, arch: str, text: str, start: int, end: int) -> tuple[AsmBody, ...]:
    """The bodies of the threads in ``text[start:end]`` (comments blanked).

    Raises InputError for a malformed table and for a cell that is no instruction of ``arch``, Unsupported for an
    instruction that the checker does not have.
    """
    table = text[start:end]
    if arch.startswith("X86"):
        table = _LOCK.sub(lambda match: match.group()[:-1] + " ", table)  # `lock; xchg` is one instruction
    *rows, rest = table.split(";")
    if rest.strip():
        at = start + len(table) - len(rest.lstrip())
        line = rest.strip().split("\n", 1)[0].rstrip()
        raise InputError(
            f"found {describe(line)}, expected a row of the table of threads, ended by `;`",
            Span(source, at, at + len(line)),
            "a condition begins with `exists`, `~exists` or `forall`",
        )
    position = start
    bodies: list[list[AsmInstruction | AsmLabel]] = []
    for row in rows:
        if not bodies:
            if row.strip():
                bodies = _parse_heads(source, row, position)
        else:
            _parse_row(source, arch, row, position, bodies)
        position += len(row) + 1
    if not bodies:
        raise InputError("expected the heads of the threads: `P0 | P1 ;`", Span(source, start, end))
    return tuple([tuple(body) for body in bodies])


def _parse_heads(source: Source, row: str, position: int) -> list[list[AsmInstruction | AsmLabel]]:
    """The first row: ``P0 | P1``, numbered from 0 on without gaps."""
    heads = row.split("|")
    for number, cell in enumerate(heads):
        head = cell.strip()
        at = position + len(cell) - len(cell.lstrip())
        match = _THREAD.match(head)
        if not match or int(match.group(1)) != number:
            if re.match(r"P[0-9]+\s*[.:]", head):
                raise Unsupported(
                    f"found {describe(head)}: fault handlers and scopes of threads are not supported",
                    Span(source, at, at + len(head)),
                )
            raise InputError(
                f"found {describe(head)}, expected the head `P{number}` of a thread",
                Span(source, at, at + max(1, len(head))),
                "threads are numbered from left to right: `P0 | P1 ;`",
            )
        position += len(cell) + 1
    return [[] for _ in heads]


def _parse_row(
    source: Source, arch: str, row: str, position: int, bodies: list[list[AsmInstruction | AsmLabel]]
) -> None:
    cells = row.split("|")
    if len(cells) != len(bodies):
        at = position + len(row) - len(row.lstrip())
        raise InputError(
            f"this row has {counted(len(cells), 'cell')}, but the table has {counted(len(bodies), 'thread')}",
            Span(source, at, max(at + 1, position + len(row.rstrip()))),
        )
    for body, cell in zip(bodies, cells, strict=True):
        word = cell.strip()
        if word:
            at = position + len(cell) - len(cell.lstrip())
            try:
                labels, instruction = read_cell(arch, word)
            except BadInstruction as bad:
                raise bad.located(source, at) from None
            for name, label_start in labels:
                body.append(AsmLabel(name, Span(source, at + label_start, at + label_start + len(name))))
            if instruction:
                mnemonic, operands, inner = instruction
                body.append(AsmInstruction(mnemonic, operands, Span(source, at + inner, at + len(word))))
        position += len(cell) + 1
