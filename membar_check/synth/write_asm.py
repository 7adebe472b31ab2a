"""Shapes in assembly: what all dialects share, and the columns of the threads."""

from __future__ import annotations

from typing import ClassVar

from membar_check.diagnostics import InputError
from membar_check.synth.shape import LOCATIONS, Access, Fence, Line, Shape


class Writer:
    """Writes one thread.  A dialect says how its instructions look; this class says which there are.

    ``rows``: the instructions; ``initial``: registers that hold addresses; ``atoms``: what the condition says about
    the registers of this thread.  A *zero* is a register that is 0 whatever was read, and depends on it.
    """

    arch = ""
    pool: tuple[str, ...] = ()
    """Registers in the order in which they are taken."""
    behind_branch: ClassVar[dict[str, str]] = {}
    """The fence of a dependency such as ``ctrl+isb``."""

    def __init__(self, number: int, line: Line, labels: int) -> None:
        self.number = number
        self.line = line
        self.labels = labels
        self.rows: list[str] = []
        self.initial: list[str] = []
        self.atoms: list[str] = []
        self.registers: dict[int, str] = {}  # of the read at this index
        self.zeros: dict[str, str] = {}
        self.places: dict[int, str] = {}
        self.taken = 0

    # --- what a dialect says
    def load(self, target: str, access: Access, zero: str) -> None:
        """``zero``: the register to add to the address, or ``""``."""
        raise NotImplementedError

    def store(self, access: Access, zero: str, data: str) -> None:
        """``data``: the register to compute the value from, or ``""``."""
        raise NotImplementedError

    def exchange(self, target: str, read: Access, write: Access, zero: str, data: str) -> None:
        """Both halves in one instruction."""
        raise NotImplementedError

    def load_exclusive(self, target: str, access: Access, zero: str) -> None:
        raise NotImplementedError

    def store_exclusive(self, access: Access, zero: str, data: str) -> None:
        raise NotImplementedError

    def clear(self, target: str, source: str) -> None:
        """``target`` becomes a zero that depends on ``source``."""
        raise NotImplementedError

    def pick(self, target: str, source: str) -> None:
        """``target`` becomes zero, picked by what ``source`` is."""
        raise self.fail("a dependency through a selection", "one through its value")

    def add(self, target: str, left: str, right: str) -> None:
        raise NotImplementedError

    def branch(self, source: str, label: str) -> None:
        """A branch on the register."""
        raise NotImplementedError

    def is_single(self, read: Access, write: Access) -> bool:
        """Whether the dialect does this read-modify-write with one instruction."""
        return "X" in read.tags or "X" in write.tags

    # --- what they share
    def emit(self, row: str) -> None:
        self.rows.append(row)

    def fail(self, found: str, expected: str) -> InputError:
        return InputError(f"thread {self.number} of a {self.arch} test: found {found}, expected {expected}")

    def tags(self, access: Access, *known: str) -> frozenset[str]:
        """The annotations of an access.  Raises InputError for others than the known ones."""
        if not access.tags <= set(known):
            raise self.fail(f"an access that is {' '.join(sorted(access.tags))}", " or ".join(known) or "none")
        return access.tags

    def fresh(self) -> str:
        if self.taken == len(self.pool):
            raise self.fail("more values than registers", f"at most {len(self.pool)}")
        self.taken += 1
        return self.pool[self.taken - 1]

    def place(self, location: int) -> str:
        """The register that holds the address of a location."""
        if location not in self.places:
            register = self.address_register()
            self.places[location] = register
            self.initial.append(f"{self.number}:{register}={LOCATIONS[location]};")
        return self.places[location]

    def address_register(self) -> str:
        return self.fresh()

    def name(self, register: str) -> str:
        """The register as the condition calls it."""
        return register

    def zero(self, kind: str, *targets: int) -> str:
        """A zero that depends on all reads from which such a dependency leads here; ``""`` if there is none."""
        found = ""
        into = [d for d in self.line.dependencies if d.target in targets]
        sources = {(d.source, d.kind != kind) for d in into if d.kind in (kind, f"pick-{kind}")}
        for source, picked in sorted(sources):
            read = self.registers.get(source)
            if read is None:
                raise self.fail(f"a {kind} dependency within one instruction", "one from an earlier read")
            one = self.zero_of(read, picked)
            if found:
                total = self.fresh()
                self.add(total, found, one)
                found = total
            else:
                found = one
        return found

    def zero_of(self, read: str, picked: bool) -> str:
        """A zero that is computed from a register, or picked by it."""
        key = f"pick {read}" if picked else read
        if key not in self.zeros:
            self.zeros[key] = self.fresh()
            (self.pick if picked else self.clear)(self.zeros[key], read)
        return self.zeros[key]

    def branches(self, *targets: int) -> None:
        """The branches that these items wait for."""
        for dependency in sorted(self.line.dependencies, key=lambda d: d.source):
            if dependency.target not in targets or dependency.kind.endswith(("addr", "data")):
                continue
            kind = dependency.kind.removeprefix("pick-")
            read = self.registers.get(dependency.source)
            if read is None:
                raise self.fail("a control dependency within one instruction", "one from an earlier read")
            label = f"LC{self.labels:02}"
            self.labels += 1
            self.branch(self.zero_of(read, True) if kind != dependency.kind else read, label)
            self.emit(f"{label}:")
            if kind != "ctrl":
                if kind not in self.behind_branch:
                    expected = ", ".join(["addr", "data", "ctrl", *self.behind_branch])
                    raise self.fail(f"a dependency `{dependency.kind}`", expected)
                self.emit(self.behind_branch[kind])

    def write(self) -> None:
        """Fills ``rows``, ``initial`` and ``atoms``."""
        halves = dict(self.line.rmw)
        firsts = {write: read for read, write in self.line.rmw}
        for index, item in enumerate(self.line.items):
            if isinstance(item, Fence):
                self.emit(item.name)
                continue
            end = halves.get(index)
            write = self.line.items[end] if end is not None else None
            if end is not None and isinstance(write, Access) and self.is_single(item, write):
                self.single(index, end, item, write)
            elif index in firsts and self.is_single(self.access(firsts[index]), item):
                continue
            else:
                self.one(index, item, end is not None or index in firsts)

    def access(self, index: int) -> Access:
        item = self.line.items[index]
        assert isinstance(item, Access)
        return item

    def one(self, index: int, item: Access, exclusive: bool) -> None:
        self.branches(index)
        zero = self.zero("addr", index)
        if item.kind == "R":
            target = self.fresh()
            (self.load_exclusive if exclusive else self.load)(target, item, zero)
            self.read_value(index, target, item)
            return
        data = self.zero("data", index)
        (self.store_exclusive if exclusive else self.store)(item, zero, data)

    def single(self, index: int, end: int, read: Access, write: Access) -> None:
        if end != index + 1:
            raise self.fail("something between the halves of one instruction", "nothing")
        self.branches(index, end)
        zero, data = self.zero("addr", index, end), self.zero("data", end)
        target = self.fresh()
        self.exchange(target, read, write, zero, data)
        self.read_value(index, target, read)

    def read_value(self, index: int, register: str, item: Access) -> None:
        self.registers[index] = register
        self.atoms.append(f"{self.number}:{self.name(register)}={item.value}")


def write_assembly(shape: Shape) -> tuple[str, list[str]]:
    """The initial state and the threads, and the atoms of the condition about registers.

    Raises InputError for what the dialect cannot say.
    """
    kind = _writer(shape.arch)
    writers: list[Writer] = []
    labels = 0
    for number, line in enumerate(shape.threads):
        writer = kind(number, line, labels)
        writer.write()
        labels = writer.labels
        writers.append(writer)
    initial = [" ".join(writer.initial) for writer in writers if writer.initial]
    start = ["{", *initial, "}"] if initial else ["{}"]
    return "\n".join([*start, "", *_columns(writers), ""]), [atom for writer in writers for atom in writer.atoms]


def _columns(writers: list[Writer]) -> list[str]:
    depth = max([len(writer.rows) for writer in writers])
    columns = [[f"P{w.number}", *w.rows, *[""] * (depth - len(w.rows))] for w in writers]
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    return [" " + " | ".join([cell.ljust(w) for cell, w in zip(row, widths, strict=True)]) + " ;" for row in rows]


def _writer(arch: str) -> type[Writer]:
    if arch == "AArch64":
        from membar_check.synth.write_aarch64 import AArch64Writer

        return AArch64Writer
    if arch == "RISCV":
        from membar_check.synth.write_riscv import RiscvWriter

        return RiscvWriter
    if arch == "PPC":
        from membar_check.synth.write_ppc import PowerWriter

        return PowerWriter
    if arch in ("X86", "X86_64"):
        from membar_check.synth.write_x86 import X86_64Writer, X86Writer

        return X86Writer if arch == "X86" else X86_64Writer
    raise InputError(f"no tests are written for `{arch}`, expected C, AArch64, X86, X86_64, RISCV or PPC")
