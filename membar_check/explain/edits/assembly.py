"""What can be edited in an assembly test: the cells of its table, and new rows between two accesses of a column."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from membar_check.diagnostics import InputError
from membar_check.explain.edits.edit import Change, Option, Places, Point, Site, line_range
from membar_check.explain.edits.table import Fence, Table, normal
from membar_check.litmus.instructions import BadInstruction, read_cell
from membar_check.litmus.syntax import (
    AsmBody,
    AsmInstruction,
    AsmLabel,
    AsmMemory,
    AsmOperand,
    AsmSymbol,
    CBody,
    LitmusTest,
)

if TYPE_CHECKING:
    from membar_check.program.dialects.assembly import Mode

_EXCLUSIVE = {"LDXR": 1, "LDAXR": 1, "STXR": -1, "STLXR": -1, "LR": 1, "SC": -1, "LWARX": 1, "STWCX": -1}
_SIDES = {"R": "R", "IR": "R", "W": "W", "OW": "W", "RW": "RW", "IORW": "RW"}


def assembly_places(test: LitmusTest, table: Table) -> Places:
    """The sites and points of a test in assembly, thread by thread."""
    sites: list[Site] = []
    points: list[Point] = []
    for thread, body in enumerate(test.bodies):
        assert not isinstance(body, CBody)
        column = _Column(test, table, thread, body)
        sites += column.sites()
        points += column.points()
    return Places(tuple(sites), tuple(points))


class _Column:
    """Reads the instructions of one thread."""

    def __init__(self, test: LitmusTest, table: Table, thread: int, body: AsmBody) -> None:
        self.arch = test.arch
        self.source = test.source
        self.width = len(test.bodies)
        self.table = table
        self.thread = thread
        self.body = body
        self.lower = any(isinstance(item, AsmInstruction) and item.span.text[0].islower() for item in body)

    # --- what stands there -------------------------------------------------------------------------------------------
    def sites(self) -> list[Site]:
        found: list[Site] = []
        for item in self.body:
            if isinstance(item, AsmInstruction):
                level = fence_name(self.arch, item.span.text)
                if level in self.table.fences:
                    found.append(self._fence(item, level))
                elif normal(item.mnemonic) in self.table.forms:
                    found.append(self._form(item))
        return found

    def _fence(self, item: AsmInstruction, level: str) -> Site:
        start, end = item.span.start, item.span.end
        sides = [
            tuple(
                Option(other, text, (Change(self.source.name, start, end, text),))
                for other in others
                for text in [self._cased(other, item.span.text)]
            )
            for others in (self.table.weaker(level), self.table.stronger(level))
        ]
        drop = (Change(self.source.name, start, end, ""),)
        return Site(self.thread, self.source, start, end, level, "", item.span.text, sides[0], sides[1], drop)

    def _form(self, item: AsmInstruction) -> Site:
        text, start = item.span.text, item.span.start
        words = len(text.split(None, 1)[0])
        level = normal(item.mnemonic)
        sides: list[tuple[Option, ...]] = []
        for others in (self.table.weaker(level), self.table.stronger(level)):
            options: list[Option] = []
            for other in others:
                name = self._cased(other, text)
                shown = name + text[words:]
                if self._exists(shown):
                    options.append(Option(other, shown, (Change(self.source.name, start, start + words, name),)))
            sides.append(tuple(options))
        access = "load" if item.mnemonic[0] == "L" else "store"
        return Site(
            self.thread, self.source, start, item.span.end, level, access, text, sides[0], sides[1], None
        )

    def _cased(self, name: str, like: str) -> str:
        return name.lower() if like[:1].islower() else name

    def _exists(self, text: str) -> bool:
        """Whether the dialect has an instruction with its operands."""
        from membar_check.program.dialects.assembly import BadOperands, Mode

        instruction = _instructions(self.arch)
        try:
            _, read = read_cell(self.arch, text)
            assert read is not None
            instruction(read[0], read[1], Mode(False, "4"))
        except (BadOperands, BadInstruction, InputError):
            return False
        return True

    # --- where something can be inserted -----------------------------------------------------------------------------
    def points(self) -> list[Point]:
        items = self.body
        accesses = [index for index, item in enumerate(items) if self._accesses(item)]
        loops = self._loops()
        found: list[Point] = []
        reserved = 0
        for index, item in enumerate(items[:-1]):
            if isinstance(item, AsmInstruction):
                reserved = max(0, reserved + _EXCLUSIVE.get(_stem(item.mnemonic), 0))
            inside = [loop for loop in loops if loop[0] <= index < loop[1]]
            between = bool(accesses) and accesses[0] <= index < accesses[-1]
            between = between or any(first <= a <= last for first, last in inside for a in accesses)
            branch = isinstance(item, AsmInstruction) and _jumps(item)
            main = between and not reserved and (index in accesses or branch)
            point = self._point(index, main, branch)
            if point is not None:
                found.append(point)
        return found

    def _accesses(self, item: AsmInstruction | AsmLabel) -> bool:
        if isinstance(item, AsmLabel) or item.mnemonic.startswith("LEA"):
            return False
        if any(isinstance(operand, AsmMemory) for operand in item.operands):
            return True
        return self.arch == "PPC" and item.mnemonic[0] in "LS" and item.mnemonic.rstrip(".")[-1] == "X"

    def _loops(self) -> list[tuple[int, int]]:
        """From a label to a branch back to it."""
        labels = {item.name: index for index, item in enumerate(self.body) if isinstance(item, AsmLabel)}
        found: list[tuple[int, int]] = []
        for index, item in enumerate(self.body):
            if isinstance(item, AsmInstruction):
                targets = [labels.get(o.name, index) for o in item.operands if isinstance(o, AsmSymbol)]
                found += [(target, index) for target in targets if target < index]
        return found

    def _point(self, index: int, main: bool, branch: bool) -> Point | None:
        """The point behind item ``index``: a row below its own."""
        item, following = self.body[index], self.body[index + 1]
        text = self.source.text
        begin, stop = line_range(self.source, item.span.start)
        row = text[begin:stop]
        cells = row.rstrip().removesuffix(";").split("|")
        if not row.rstrip().endswith(";") or len(cells) != self.width or stop >= len(text):
            return None
        if following.span.start < stop:  # a label and its instruction share a cell
            return None
        blanks = [" " * len(cell) for cell in cells]
        own = cells[self.thread]
        lead = len(own) - len(own.lstrip())
        head = "|".join([*blanks[: self.thread], own[:lead]])
        tail = "|".join([" ", *blanks[self.thread + 1 :]]) + ";\n"
        beside = self._beside(index)
        offered = (fence for fence in self.table.fences.values() if fence.add and self._fits(fence, item, branch))
        fences = [fence.name for fence in offered if self.table.adds(fence.name, beside)]
        return Point(
            self.thread, self.source, item.span.start, item.span.end, following.span.start, "after", stop + 1, stop + 1,
            head, tail, main, tuple(name.lower() if self.lower else name for name in fences), self.thread,
        )  # fmt: skip

    def _beside(self, index: int) -> frozenset[str]:
        """The fences around the point behind item ``index`` that no access, label or branch stands in between."""
        found: set[str] = set()
        for items in (reversed(self.body[: index + 1]), self.body[index + 1 :]):
            for item in items:
                if isinstance(item, AsmLabel) or self._accesses(item) or _jumps(item):
                    break
                found.add(fence_name(self.arch, item.span.text))
        return frozenset(found & self.table.fences.keys())

    def _fits(self, fence: Fence, item: AsmInstruction | AsmLabel, branch: bool) -> bool:
        """Fences with ``after`` stand behind such instructions; all others not behind branches, where they would mean
        what they mean behind the access before."""
        if fence.after:
            return isinstance(item, AsmInstruction) and item.mnemonic in fence.after
        return not branch


def fence_name(arch: str, text: str) -> str:
    """An instruction as the table names it, where there are several spellings."""
    name = normal(text)
    if arch == "RISCV" and name.split(" ")[0] == "FENCE":
        sides = name[5:].strip().split(",") if name != "FENCE" else ["RW", "RW"]
        return "FENCE " + ",".join(_SIDES.get(side, side) for side in sides)
    if name in ("ISB SY", "DMB FULL"):
        return "ISB"
    return name


def _stem(mnemonic: str) -> str:
    name = mnemonic.partition(".")[0]
    return name.rstrip("BH") if name.startswith(("LDX", "LDAX", "STX", "STLX")) else name


def _jumps(item: AsmInstruction) -> bool:
    """Whether an instruction branches: it names a label."""
    return any(isinstance(operand, AsmSymbol) for operand in item.operands) and item.mnemonic[0] in "BCJT"


def _instructions(arch: str) -> Callable[[str, tuple[AsmOperand, ...], Mode], object]:
    """What lowers one instruction of a dialect that has forms."""
    if arch == "AArch64":
        from membar_check.program.dialects.aarch64 import AARCH64

        return AARCH64.instruction
    if arch == "RISCV":
        from membar_check.program.dialects.riscv import RISCV

        return RISCV.instruction
    from membar_check.program.dialects.ppc import PPC

    return PPC.instruction
