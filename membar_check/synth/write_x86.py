"""Shapes in x86 assembly.  Accesses have no annotations; a read-modify-write is ``xchg``, which is locked."""

from __future__ import annotations

from membar_check.diagnostics import Unsupported
from membar_check.synth.shape import LOCATIONS, Access
from membar_check.synth.write_asm import Writer


class X86Writer(Writer):
    """32 bits, Intel's operand order."""

    arch = "X86"
    pool: tuple[str, ...] = ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI")

    def is_single(self, read: Access, write: Access) -> bool:
        return True

    def place(self, location: int) -> str:
        return f"[{LOCATIONS[location]}]"

    def move(self, target: str, source: str) -> None:
        self.emit(f"MOV {target},{source}")

    def combine(self, name: str, target: str, source: str) -> None:
        self.emit(f"{name} {target},{source}")

    def swap(self, place: str, register: str) -> None:
        self.emit(f"XCHG {place},{register}")

    def fixed(self, zero: str) -> None:
        if zero:
            raise Unsupported("address dependencies are not written for x86, where program order implies them")

    def load(self, target: str, access: Access, zero: str) -> None:
        self.tags(access)
        self.fixed(zero)
        self.move(target, self.place(access.location))

    def store(self, access: Access, zero: str, data: str) -> None:
        self.tags(access)
        self.fixed(zero)
        self.move(self.place(access.location), self.sum(data, access) if data else f"${access.value}")

    def exchange(self, target: str, read: Access, write: Access, zero: str, data: str) -> None:
        self.tags(read, "X")
        self.tags(write, "X")
        self.fixed(zero)
        if data:
            self.move(target, data)
            self.combine("ADD", target, f"${write.value}")
        else:
            self.move(target, f"${write.value}")
        self.swap(self.place(read.location), target)

    def sum(self, data: str, access: Access) -> str:
        register = self.fresh()
        self.move(register, data)
        self.combine("ADD", register, f"${access.value}")
        return register

    def clear(self, target: str, source: str) -> None:
        self.move(target, source)
        self.combine("XOR", target, source)

    def add(self, target: str, left: str, right: str) -> None:
        self.move(target, left)
        self.combine("ADD", target, right)

    def branch(self, source: str, label: str) -> None:
        self.combine("CMP", source, "$0")
        self.emit(f"JNE {label}")


class X86_64Writer(X86Writer):
    """64 bits, accesses of 32, AT&T's operand order."""

    arch = "X86_64"
    pool = ("%eax", "%ebx", "%ecx", "%edx", "%esi", "%edi", *[f"%r{number}d" for number in range(8, 16)])

    def place(self, location: int) -> str:
        return f"({LOCATIONS[location]})"

    def name(self, register: str) -> str:
        return register[1:].removesuffix("d") if register[2].isdigit() else f"r{register[2:]}"

    def move(self, target: str, source: str) -> None:
        self.emit(f"movl {source},{target}")

    def combine(self, name: str, target: str, source: str) -> None:
        self.emit(f"{name.lower()}l {source},{target}")

    def swap(self, place: str, register: str) -> None:
        self.emit(f"xchgl {place},{register}")

    def branch(self, source: str, label: str) -> None:
        self.combine("CMP", source, "$0")
        self.emit(f"jne {label}")
