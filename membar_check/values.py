"""Values of litmus tests: integers and addresses.

A value is a Python ``int`` or an :class:`Address`.  Addresses name a global location, or a cell of a global array.
"""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """The address of a global: ``name`` and, for arrays, the cell's ``index`` (0 for plain globals)."""

    name: str
    index: int = 0  # type: ignore[assignment]  # the cell, not the tuple method

    def __str__(self) -> str:
        return self.name if self.index == 0 else f"{self.name}[{self.index}]"


class CodeLabel(NamedTuple):
    """The address of an instruction of a thread."""

    thread: int
    name: str

    def __str__(self) -> str:
        return f"{self.thread}:{self.name}"


Value = int | Address | CodeLabel
