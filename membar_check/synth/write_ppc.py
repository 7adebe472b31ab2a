"""Shapes in Power assembly.  Accesses have no annotations; a read-modify-write is ``lwarx`` and ``stwcx.``, whose
success shows in what is read and left in memory."""

from __future__ import annotations

from typing import ClassVar

from membar_check.synth.shape import Access
from membar_check.synth.write_asm import Writer


class PowerWriter(Writer):
    """Registers from r1 on: r0 as the base of an address means 0."""

    arch = "PPC"
    pool = tuple([f"r{number}" for number in range(1, 32)])
    behind_branch: ClassVar[dict[str, str]] = {"ctrl+isync": "isync"}

    def is_single(self, read: Access, write: Access) -> bool:
        return False

    def load(self, target: str, access: Access, zero: str) -> None:
        self.tags(access)
        place = self.place(access.location)
        self.emit(f"lwzx {target},{zero},{place}" if zero else f"lwz {target},0({place})")

    def store(self, access: Access, zero: str, data: str) -> None:
        self.tags(access)
        value = self.value(access, data)
        place = self.place(access.location)
        self.emit(f"stwx {value},{zero},{place}" if zero else f"stw {value},0({place})")

    def load_exclusive(self, target: str, access: Access, zero: str) -> None:
        self.tags(access, "X")
        self.emit(f"lwarx {target},{zero or 'r0'},{self.place(access.location)}")

    def store_exclusive(self, access: Access, zero: str, data: str) -> None:
        self.tags(access, "X")
        value = self.value(access, data)
        place = self.place(access.location)
        self.emit(f"stwcx. {value},{zero or 'r0'},{place}")

    def value(self, access: Access, data: str) -> str:
        register = self.fresh()
        self.emit(f"addi {register},{data},{access.value}" if data else f"li {register},{access.value}")
        return register

    def clear(self, target: str, source: str) -> None:
        self.emit(f"xor {target},{source},{source}")

    def add(self, target: str, left: str, right: str) -> None:
        self.emit(f"add {target},{left},{right}")

    def branch(self, source: str, label: str) -> None:
        self.emit(f"cmpw {source},{source}")
        self.emit(f"beq {label}")
