"""Shapes in AArch64 assembly.

Annotations: A (LDAR), Q (LDAPR), L (STLR); on a read-modify-write X asks for SWP, otherwise it is LDXR and STXR.
"""

from __future__ import annotations

from typing import ClassVar

from membar_check.synth.shape import Access
from membar_check.synth.write_asm import Writer


class AArch64Writer(Writer):
    """Registers are numbers: ``W3`` and ``X3`` are two names of one."""

    arch = "AArch64"
    pool = tuple([str(number) for number in range(30)])
    behind_branch: ClassVar[dict[str, str]] = {"ctrl+isb": "ISB"}

    def address_register(self) -> str:
        return f"X{self.fresh()}"

    def name(self, register: str) -> str:
        return f"X{register}"

    def load(self, target: str, access: Access, zero: str) -> None:
        tags = self.tags(access, "A", "Q")
        if zero and not tags:
            self.emit(f"LDR W{target},[{self.place(access.location)},W{zero},SXTW]")
            return
        name = "LDAR" if "A" in tags else "LDAPR" if "Q" in tags else "LDR"
        self.emit(f"{name} W{target},[{self.moved(access, zero)}]")

    def store(self, access: Access, zero: str, data: str) -> None:
        tags = self.tags(access, "L")
        value = self.value(access, data)
        if zero and not tags:
            self.emit(f"STR W{value},[{self.place(access.location)},W{zero},SXTW]")
            return
        self.emit(f"{'STLR' if tags else 'STR'} W{value},[{self.moved(access, zero)}]")

    def exchange(self, target: str, read: Access, write: Access, zero: str, data: str) -> None:
        acquires = "A" in self.tags(read, "A", "X")
        releases = "L" in self.tags(write, "L", "X")
        value = self.value(write, data)
        name = f"SWP{'A' if acquires else ''}{'L' if releases else ''}"
        self.emit(f"{name} W{value},W{target},[{self.moved(read, zero)}]")

    def load_exclusive(self, target: str, access: Access, zero: str) -> None:
        name = "LDAXR" if "A" in self.tags(access, "A", "EX") else "LDXR"
        self.emit(f"{name} W{target},[{self.moved(access, zero)}]")

    def store_exclusive(self, access: Access, zero: str, data: str) -> None:
        name = "STLXR" if "L" in self.tags(access, "L", "EX") else "STXR"
        value = self.value(access, data)
        moved = self.moved(access, zero)
        status = self.fresh()
        self.emit(f"{name} W{status},W{value},[{moved}]")
        self.atoms.append(f"{self.number}:X{status}=0")

    def moved(self, access: Access, zero: str) -> str:
        """The address register, behind a computation with the zero where there is one."""
        place = self.place(access.location)
        if not zero:
            return place
        register = self.fresh()
        self.emit(f"ADD X{register},{place},W{zero},SXTW")
        return f"X{register}"

    def value(self, access: Access, data: str) -> str:
        register = self.fresh()
        self.emit(f"ADD W{register},W{data},#{access.value}" if data else f"MOV W{register},#{access.value}")
        return register

    def clear(self, target: str, source: str) -> None:
        self.emit(f"EOR W{target},W{source},W{source}")

    def pick(self, target: str, source: str) -> None:
        self.emit(f"CMP W{source},#0")
        self.emit(f"CSEL W{target},WZR,WZR,EQ")

    def add(self, target: str, left: str, right: str) -> None:
        self.emit(f"ADD W{target},W{left},W{right}")

    def branch(self, source: str, label: str) -> None:
        self.emit(f"CBNZ W{source},{label}")
