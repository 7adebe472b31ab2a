"""The ``Hash=`` line of the log: a digest of a test by which herd7's tools recognise it, whatever its name.

It is the MD5 of the concatenated binary MD5s of the info lines that matter (``MemoryType``, ``CacheType``), the initial
state, the code and the observed locations, each printed in a normal form.  A test with a ``Hash=`` info line of its own
keeps that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Protocol

from membar_check.litmus.condition import places_of
from membar_check.litmus.instruction_text import instruction_text
from membar_check.litmus.syntax import (
    AsmBody,
    AsmInstruction,
    AsmLabel,
    CBody,
    InitItem,
    Literal,
    LitmusTest,
    Operand,
    Place,
    RegisterRef,
    Symbol,
)


class _Digest(Protocol):
    def digest(self) -> bytes: ...


_DIGESTED = frozenset({"memorytype", "mt", "cachetype"})


def test_hash(test: LitmusTest) -> str:
    """The hash in hexadecimal.  Exact for C and for the assembly instructions that the checker supports.  A test in
    kernel C, which herd7 cannot read, is hashed over its own text from the init block on."""
    for key, value in test.info:
        if key.lower() == "hash":
            return value
    if test.kernel is not None:
        return _md5(test.kernel.text).hex()
    parts = (_info_digest(test), _md5(_init_text(test)), _md5(_code_text(test)), _md5(_observed_text(test)))
    return _md5(b"".join(parts)).hex()


def _md5(data: str | bytes) -> bytes:
    return _digest()(data.encode() if isinstance(data, str) else data, usedforsecurity=False).digest()


@lru_cache(maxsize=1)
def _digest() -> Callable[..., _Digest]:
    """MD5, from the module of its own where Python has that: hashlib loads a whole cryptographic library."""
    try:
        import _md5 as library  # type: ignore[import-not-found]
    except ImportError:
        import hashlib as library
    digest: Callable[..., _Digest] = library.md5
    return digest


def _info_digest(test: LitmusTest) -> bytes:
    lines = [f"{key.lower()}={value}" for key, value in sorted(test.info) if key.lower() in _DIGESTED]
    return _md5("".join(reversed(lines))) if lines else b""


# --- initial state ---------------------------------------------------------------------------------------------------
def _place_key(place: Place) -> tuple[int, int, int, str, int]:
    """herd7's order of places: registers by thread and name, locations by name, array cells last."""
    if isinstance(place, RegisterRef):
        return (0, 0, place.thread, place.name, 0)
    return (0 if place.index is None else 1, 1, 0, place.name, place.index or 0)


def _place_text(place: Place) -> str:
    if isinstance(place, RegisterRef) or place.index is not None:
        return str(place)
    return place.name


def _init_text(test: LitmusTest) -> str:
    items = {_place_key(item.place): item for item in reversed(test.init)}
    return "; ".join([_item_text(items[key]) for key in sorted(items)])


def _item_text(item: InitItem) -> str:
    place = _place_text(item.place)
    if item.array_size is not None:
        return f"{item.type} {place}[{item.array_size}]"
    value = "0" if item.value is None else _operand_text(item.value)
    if item.type.endswith("*"):
        base = item.type.rstrip("* ")
        return f"{base} *{place}={value}" if base else f"*{place}={value}"
    return f"{item.type} {place}={value}" if item.type else f"{place}={value}"


def _operand_text(operand: Operand) -> str:
    if isinstance(operand, Literal):
        return operand.text
    if isinstance(operand, Symbol):
        if operand.label_thread is not None:
            return f"{operand.label_thread}:{operand.name}"
        return f"{operand.name}+{operand.index}" if operand.index else operand.name
    return "{" + ",".join([_operand_text(item) for item in operand.items]) + "}"


# --- code ------------------------------------------------------------------------------------------------------------
def _code_text(test: LitmusTest) -> str:
    """The code as a table: a column a thread, padded, without heads."""
    labels = sorted({item.name for body in test.bodies if not isinstance(body, CBody) for item in _labels(body)})
    names = {label: f"L{number:02}" for number, label in enumerate(labels)}
    columns = [
        [_c_text(number, body)] if isinstance(body, CBody) else _assembly_column(test.arch, body, names)
        for number, body in enumerate(test.bodies)
    ]
    widths = [max([len(cell.encode()) for cell in column], default=0) for column in columns]
    lines = []
    for row in range(max(map(len, columns), default=0)):
        cells = [column[row] if row < len(column) else "" for column in columns]
        padded = [f" {cell}{' ' * (width - len(cell.encode()))} " for cell, width in zip(cells, widths, strict=True)]
        lines.append("|".join(padded) + ";\n")
    return "".join(lines)


def _labels(body: AsmBody) -> Iterator[AsmLabel]:
    for item in body:
        if isinstance(item, AsmLabel):
            yield item


def _assembly_column(arch: str, body: AsmBody, names: dict[str, str]) -> list[str]:
    return [
        instruction_text(arch, item, names) if isinstance(item, AsmInstruction) else f"{names[item.name]}:"
        for item in body
    ]


def _c_text(number: int, body: CBody) -> str:
    """The function with its body as written and a ``*`` glued to the type of each parameter."""
    parameters = ", ".join([f"{_c_type(p.type)} {p.name}" for p in body.parameters])
    text = body.span.text
    inside = text[text.index("{") + 1 : text.rindex("}")]
    return f"P{number}({parameters}) {{\n{inside}\n}}\n"


def _c_type(ctype: str) -> str:
    words = ctype.replace("*", " * ").split()
    stars = "*" * words.count("*")
    return " ".join([word for word in words if word != "*"]) + stars


# --- observed locations ----------------------------------------------------------------------------------------------
def _observed_text(test: LitmusTest) -> str:
    places = {*test.locations, *places_of(test.condition.prop)}
    return "; ".join([_place_text(place) for place in sorted(places, key=_place_key)])
