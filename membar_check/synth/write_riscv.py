"""Shapes in RISC-V assembly.

Annotations: Acq, Rel, AcqRel (``.aq``, ``.rl``); on a read-modify-write X asks for ``amoswap.w``, otherwise it is
``lr.w`` and ``sc.w``.
"""

from __future__ import annotations

from typing import ClassVar

from membar_check.synth.shape import Access
from membar_check.synth.write_asm import Writer

_SUFFIXES = {(): "", ("Acq",): ".aq", ("Rel",): ".rl", ("Acq", "Rel"): ".aq.rl"}


class RiscvWriter(Writer):
    """Registers from x5 on, as in most published tests."""

    arch = "RISCV"
    pool = tuple([f"x{number}" for number in range(5, 32)])
    behind_branch: ClassVar[dict[str, str]] = {"ctrl+fence.i": "fence.i"}

    def suffix(self, tags: frozenset[str]) -> str:
        names = {"Acq", "Rel"} if "AcqRel" in tags else tags & {"Acq", "Rel"}
        return _SUFFIXES[tuple(sorted(names))]

    def load(self, target: str, access: Access, zero: str) -> None:
        suffix = self.suffix(self.tags(access, "Acq", "AcqRel"))
        self.emit(f"lw{suffix} {target},0({self.moved(access, zero)})")

    def store(self, access: Access, zero: str, data: str) -> None:
        suffix = self.suffix(self.tags(access, "Rel", "AcqRel"))
        value = self.value(access, data)
        self.emit(f"sw{suffix} {value},0({self.moved(access, zero)})")

    def exchange(self, target: str, read: Access, write: Access, zero: str, data: str) -> None:
        known = ("Acq", "Rel", "AcqRel", "X")
        suffix = self.suffix(self.tags(read, *known) | self.tags(write, *known))
        value = self.value(write, data)
        self.emit(f"amoswap.w{suffix} {target},{value},({self.moved(read, zero)})")

    def load_exclusive(self, target: str, access: Access, zero: str) -> None:
        suffix = self.suffix(self.tags(access, "Acq", "AcqRel", "EX"))
        self.emit(f"lr.w{suffix} {target},({self.moved(access, zero)})")

    def store_exclusive(self, access: Access, zero: str, data: str) -> None:
        suffix = self.suffix(self.tags(access, "Rel", "AcqRel", "EX"))
        value = self.value(access, data)
        moved = self.moved(access, zero)
        status = self.fresh()
        self.emit(f"sc.w{suffix} {status},{value},({moved})")
        self.atoms.append(f"{self.number}:{status}=0")

    def moved(self, access: Access, zero: str) -> str:
        """The address register, behind a computation with the zero where there is one."""
        place = self.place(access.location)
        if not zero:
            return place
        register = self.fresh()
        self.add(register, place, zero)
        return register

    def value(self, access: Access, data: str) -> str:
        register = self.fresh()
        self.emit(f"ori {register},{data or 'x0'},{access.value}")
        return register

    def clear(self, target: str, source: str) -> None:
        self.emit(f"xor {target},{source},{source}")

    def add(self, target: str, left: str, right: str) -> None:
        self.emit(f"add {target},{left},{right}")

    def branch(self, source: str, label: str) -> None:
        self.emit(f"bne {source},x0,{label}")
