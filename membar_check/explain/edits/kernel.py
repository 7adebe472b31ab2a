"""What can be edited in a test in kernel C: its own text and its headers, in the functions that its CPUs can reach.

The bundled runtime is never edited, and what a macro expands to only where the whole statement is a macro's use.
"""

from __future__ import annotations

import re

from membar_check.diagnostics import Source
from membar_check.explain.edits.c_code import Code, places
from membar_check.explain.edits.edit import Places
from membar_check.explain.edits.lvalues import plain_accesses
from membar_check.explain.edits.statements import Function, calls, closing, functions, walk
from membar_check.explain.edits.table import Table
from membar_check.litmus.kernel_c import MIGRATIONS, KernelUnit, in_runtime
from membar_check.litmus.kernel_preprocess import Piece
from membar_check.litmus.syntax import LitmusTest

_QUIET = ("__settle", "__flag", "__stop", "__per_cpu_ptr")
"""Intrinsics of the runtime that are no accesses."""

_HOTPLUG = "__cpus_read_depth"
"""The CPU register that handlers do not look at: CPUs neither come nor go."""

_THREAD = re.compile(r"P([0-9]+)\Z", re.ASCII)


def kernel_places(test: LitmusTest, table: Table) -> Places:
    """The sites and points of a test in kernel C: those of the test itself first, then those of its headers in the
    order in which they are read."""
    unit = test.kernel
    assert unit is not None
    tokens = list(unit.pieces)
    found = functions(tokens)
    reached = _reached(tokens, found, unit)
    chosen: list[tuple[int, Function]] = []
    for function in found:
        place = tokens[function.body.first]
        if function.name in reached and not place.macro and not in_runtime(place.span):
            thread = _THREAD.match(function.name)
            chosen.append((int(thread[1]) if thread else -1, function))
    files: dict[str, int] = {test.source.name: 0}
    for _, function in chosen:
        files.setdefault(tokens[function.body.first].span.source.name, len(files))
    chosen.sort(key=lambda item: (files[_file(tokens, item[1]).name], item[1].first))
    shared = _shared(unit)
    code = Code(
        tokens,
        tuple(chosen),
        _handlers(tokens, chosen),
        _entered(tokens, chosen),
        shared,
        frozenset(function.name for function in found),
        _silent(tokens, found, shared, unit),
        frozenset(tokens[i].text for _, f in chosen for i in range(f.body.first, f.body.last)),
    )
    return places(code, table)


def _file(tokens: list[Piece], function: Function) -> Source:
    return tokens[function.body.first].span.source


def _reached(tokens: list[Piece], found: list[Function], unit: KernelUnit) -> set[str]:
    """The names of the functions that the threads mention, that those mention, and so on."""
    bodies = {function.name: function.body for function in found}
    pending = [*unit.threads, *(name for name in MIGRATIONS if name in bodies)]
    reached = set(pending)
    while pending:
        body = bodies[pending.pop()]
        for index in range(body.first, body.last):
            name = tokens[index].text
            if name in bodies and name not in reached:
                reached.add(name)
                pending.append(name)
    return reached


def _handlers(tokens: list[Piece], chosen: list[tuple[int, Function]]) -> frozenset[str]:
    """Functions that are passed on, and so may be called by the runtime; and those that the runtime calls."""
    names = {function.name for _, function in chosen}
    passed = {
        tokens[index].text
        for _, function in chosen
        for index in range(function.body.first, function.body.last)
        if tokens[index].text in names and tokens[index + 1].text != "("
    }
    return frozenset(passed | (names & set(MIGRATIONS)))


def _entered(tokens: list[Piece], chosen: list[tuple[int, Function]]) -> frozenset[str]:
    """Functions that are called in several places, or where nothing can be inserted right before or behind the call."""
    names = {function.name for thread, function in chosen if thread < 0}
    counted: dict[str, int] = {}
    for _, function in chosen:
        for index in range(function.body.first, function.body.last):
            name = tokens[index].text
            if name in names and tokens[index + 1].text == "(":
                alone = tokens[index - 1].text in ("{", "}", ";", "=") and not tokens[index].macro
                alone = alone and tokens[closing(tokens, index + 1) + 1].text == ";"
                counted[name] = counted.get(name, 0) + (1 if alone else 2)
    return frozenset(name for name, count in counted.items() if count > 1)


def _silent(tokens: list[Piece], found: list[Function], shared: frozenset[str], unit: KernelUnit) -> frozenset[str]:
    """Functions and intrinsics that neither access memory nor change what an interrupt handler could tell."""
    registers = {part.name for part in unit.ast.ext if type(part).__name__ == "Decl" and "register" in part.storage}
    defined = frozenset(function.name for function in found)
    silent = set(_QUIET)
    waiting: dict[str, set[str]] = {}
    for function in found:
        body = function.body
        made = calls(tokens, body.first, body.last)
        changes = (i for i in range(body.first, body.last) if tokens[i].text in registers and tokens[i + 1].text == "=")
        if any(tokens[index].text != _HOTPLUG for index in changes):
            continue
        if not plain_accesses(tokens, walk(body), made, shared, defined):
            waiting[function.name] = {tokens[call.name].text for call in made}
    while found_more := [name for name, needs in waiting.items() if needs <= silent]:
        silent.update(found_more)
        for name in found_more:
            del waiting[name]
    return frozenset(silent)


def _shared(unit: KernelUnit) -> frozenset[str]:
    """The names of objects in memory at file scope, those of arrays with a ``[`` behind."""
    names: set[str] = set()
    for part in unit.ast.ext:
        if type(part).__name__ == "Decl" and part.name and "register" not in part.storage:
            kind = type(part.type).__name__
            if kind == "ArrayDecl":
                names.add(f"{part.name}[")
            elif kind != "FuncDecl":
                names.add(part.name)
    return frozenset(names)
