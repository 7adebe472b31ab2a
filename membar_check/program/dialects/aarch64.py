"""AArch64 assembly (Arm ARM, A64): the dialect's table, and which store-exclusives can succeed.

Not supported: SIMD, SVE, SME, memory tags, page tables, pointer authentication, ``LDXP``/``STXP``/``CASP``, indirect
branches, and accesses of several sizes to one location.
"""

from __future__ import annotations

from membar_check.litmus.syntax import AsmOperand, AsmRegister, LitmusTest
from membar_check.program.arithmetic import unsigned
from membar_check.program.dialects import aarch64_compute, aarch64_memory
from membar_check.program.dialects.aarch64_parts import REGISTERS, ZERO_REGISTERS, Lowering, register_name
from membar_check.program.dialects.assembly import Dialect, Mode, lower_assembly
from membar_check.program.dialects.operands import unknown
from membar_check.program.ir import (
    Assume,
    Branch,
    Choose,
    Const,
    Goto,
    Halt,
    Instr,
    Let,
    Load,
    Micro,
    Op,
    Program,
    Reg,
    Store,
)

_MONITOR = "MONITOR"  # a hidden register: the size of the last load-exclusive, 0 if none is pending


def _instruction(mnemonic: str, operands: tuple[AsmOperand, ...], mode: Mode) -> tuple[Micro, ...]:
    lower = aarch64_compute.find(mnemonic) or aarch64_memory.find(mnemonic)
    if lower is None:
        unknown("AArch64", mnemonic)
    low = Lowering(mnemonic, operands, mode)
    lower(low)
    return tuple(low.ops)


def _is_wide(operands: tuple[AsmOperand, ...]) -> bool:
    for operand in operands:
        if isinstance(operand, AsmRegister) and operand.name[0] in "Xx" and operand.name.upper() not in ZERO_REGISTERS:
            return True
    return False


# --- exclusives ------------------------------------------------------------------------------------------------------
def _exclusive(instr: Instr) -> Load | Store | None:
    """The load-exclusive or store-exclusive of an instruction."""
    for op in instr.ops:
        if isinstance(op, Load) and op.atomic == "ex":
            return op
        if isinstance(op, Choose):
            for inner in op.alternatives[0]:
                if isinstance(inner, Store) and inner.atomic == "ex":
                    return inner
    return None


def _successors(code: list[Instr], labels: dict[str, int], index: int) -> list[int]:
    following = [index + 1]
    for op in code[index].ops:
        if isinstance(op, Branch):
            following.append(labels[op.target])
        elif isinstance(op, Goto):
            following[0] = labels[op.target]
        elif isinstance(op, Halt):
            following = []
    return following


def _pending(code: list[Instr], labels: dict[str, int]) -> list[set[int]]:
    """For each instruction, the sizes that the pending load-exclusive may have (0: none) when it begins."""
    pending: list[set[int]] = [set() for _ in range(len(code) + 1)]
    pending[0].add(0)
    work = [0]
    while work:
        index = work.pop()
        if index >= len(code):
            continue
        exclusive = _exclusive(code[index])
        after = pending[index]
        if exclusive is not None:
            after = {exclusive.bits if isinstance(exclusive, Load) else 0}
        for target in _successors(code, labels, index):
            if not after <= pending[target]:
                pending[target] |= after
                work.append(target)
    return pending


def finish_exclusives(code: list[Instr], labels: dict[str, int]) -> list[Instr]:
    """Let a store-exclusive succeed only if the thread's last exclusive access is a load of the same size.

    Where that depends on the way through the code, a hidden register remembers it.
    """
    exclusives = [_exclusive(instr) for instr in code]
    if not any(isinstance(exclusive, Store) for exclusive in exclusives):
        return code
    pending = _pending(code, labels)
    pending.pop()
    unsure = any(isinstance(e, Store) and e.bits in p and len(p) > 1 for e, p in zip(exclusives, pending, strict=True))
    finished = []
    for instr, exclusive, sizes in zip(code, exclusives, pending, strict=True):
        ops = instr.ops
        if isinstance(exclusive, Store):
            *before, choice = ops
            assert isinstance(choice, Choose)
            success, failure = choice.alternatives
            if exclusive.bits not in sizes:
                ops = (*before, *failure)
            elif unsure:
                holds = Assume(Op("eq", (Reg(_MONITOR), Const(exclusive.bits))), pick=False)
                ops = (*before, Choose(((holds, *success), failure)), Let(_MONITOR, Const(0)))
        elif unsure and exclusive is not None:
            ops = (*ops, Let(_MONITOR, Const(exclusive.bits)))
        finished.append(Instr(ops, instr.span))
    return finished


AARCH64 = Dialect(
    arch="AArch64",
    registers=REGISTERS,
    register_name=register_name,
    instruction=_instruction,
    is_wide=_is_wide,
    canonical=unsigned,
    register_bits=64,
    finish=finish_exclusives,
)


def lower(test: LitmusTest) -> Program:
    """The program of an AArch64 test; raises as :func:`assembly.lower_assembly` does."""
    return lower_assembly(test, AARCH64)
