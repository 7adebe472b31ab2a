"""Assembly instructions in the normal form that the digest of a test is made of (see ``hash``)."""

from __future__ import annotations

from membar_check.litmus.syntax import (
    AsmImmediate,
    AsmInstruction,
    AsmMemory,
    AsmModifier,
    AsmOperand,
    AsmRegister,
    AsmSymbol,
)

_RISCV_NAMES = {"zero": 0, "ra": 1, "sp": 2, "gp": 3, "tp": 4, "t0": 5, "t1": 6, "t2": 7, "fp": 8, "s0": 8, "s1": 9}
_RISCV_NAMES |= {f"a{number}": 10 + number for number in range(8)}
_RISCV_NAMES |= {f"s{number}": 16 + number for number in range(2, 12)}
_RISCV_NAMES |= {f"t{number}": 25 + number for number in range(3, 7)}

_X86_64_JUMPS = {"jlt": "jl", "jgt": "jg"}
_LOWER_CASE = frozenset({"RISCV", "PPC", "X86_64"})
_X86_SYNONYMS = dict.fromkeys(("MOVB", "MOVW", "MOVL", "MOVQ"), "MOV") | {"DEC": "DEC ", "CMP": "CMP ", "INC": "INC "}
_PPC_SYNONYMS = {"ld": "lwz", "std": "stw", "ldx": "lwzx", "stdx": "stwx", "hwsync": "sync", "bnl": "bge", "bng": "ble"}
_PPC_BRANCHES = frozenset({"b", "beq", "bne", "blt", "bge", "bgt", "ble"})


def instruction_text(arch: str, instruction: AsmInstruction, labels: dict[str, str]) -> str:
    """The instruction in normal form, with labels renamed."""
    mnemonic = instruction.mnemonic.lower() if arch in _LOWER_CASE else instruction.mnemonic
    operands = instruction.operands
    if arch == "X86":
        lock, _, name = mnemonic.rpartition(" ")
        mnemonic = ("LOCK; " if lock else "") + _X86_SYNONYMS.get(name, name)
    elif arch == "PPC":
        mnemonic = _PPC_SYNONYMS.get(mnemonic, mnemonic)
        if mnemonic in _PPC_BRANCHES:
            mnemonic = "b  " if mnemonic == "b" else f"{mnemonic} "  # and a blank before the label
        elif mnemonic.startswith("cmp") and len(operands) == 3:
            operands = operands[1:]  # without the condition field
        elif mnemonic == "subi" and isinstance(operands[-1], AsmImmediate):
            mnemonic, operands = "addi", (*operands[:-1], AsmImmediate(-operands[-1].value))
    elif arch == "RISCV":
        mnemonic, operands = _riscv_form(mnemonic, operands)
    elif arch == "X86_64":
        mnemonic = "NOP" if mnemonic == "nop" else _X86_64_JUMPS.get(mnemonic, mnemonic.replace("lock ", "lock; "))
    else:
        mnemonic, operands = _aarch64_form(mnemonic, operands)
    shown = [_operand_text(arch, operand, labels) for operand in operands]
    if mnemonic == "LDUR":
        shown[1] = f" {shown[1]}"
    if mnemonic in ("MOVZ", "MOVN", "MOVK") and len(shown) == 3:
        shown.insert(2, "")  # two commas before the shift
    return f"{mnemonic} {','.join(shown)}" if shown else mnemonic


_AARCH64_SYNONYMS = {"EON": "EOR", "REV64": "REV"} | {f"{name}V": name for name in ("LSL", "LSR", "ASR", "ROR")}


def _aarch64_form(mnemonic: str, operands: tuple[AsmOperand, ...]) -> tuple[str, tuple[AsmOperand, ...]]:
    if mnemonic in ("UBFM", "SBFM", "LDUR"):
        operands = tuple(AsmRegister(f"X{o.name[1:]}") if isinstance(o, AsmRegister) else o for o in operands)
    elif mnemonic in ("NEG", "NEGS") and isinstance(operands[0], AsmRegister):
        zero = AsmRegister(f"{operands[0].name[0]}ZR")
        return mnemonic.replace("NEG", "SUB"), (operands[0], zero, *operands[1:])
    return _AARCH64_SYNONYMS.get(mnemonic, mnemonic), operands


def _riscv_form(mnemonic: str, operands: tuple[AsmOperand, ...]) -> tuple[str, tuple[AsmOperand, ...]]:
    mnemonic = mnemonic.replace(".aq.rl", ".aqrl")
    if mnemonic in ("sc.w.aq", "sc.d.aq", "lr.w.rl", "lr.d.rl"):
        mnemonic = mnemonic[:4]
    if mnemonic == "li" and len(operands) == 2:
        return "ori", (operands[0], AsmRegister("x0"), operands[1])
    if mnemonic == "addi" and len(operands) == 3 and operands[2] == AsmImmediate(0):
        return "mv", operands[:2]
    if mnemonic == "fence" and not operands:
        return "fence", (AsmModifier("RW"), AsmModifier("RW"))
    if mnemonic.startswith("amo") and isinstance(operands[-1], AsmMemory):
        return mnemonic, (*operands[:-1], AsmMemory(operands[-1].base))
    if isinstance(operands[-1] if operands else None, AsmMemory):
        last = operands[-1]
        assert isinstance(last, AsmMemory)
        return mnemonic, (*operands[:-1], AsmMemory(last.base, last.index or AsmImmediate(0)))
    return mnemonic, operands


def _operand_text(arch: str, operand: AsmOperand, labels: dict[str, str]) -> str:
    if isinstance(operand, AsmImmediate):
        sign = {"AArch64": "#", "X86": "$", "X86_64": "$"}.get(arch, "")
        return f"{sign}{operand.value}"
    if isinstance(operand, AsmRegister):
        return _register_text(arch, operand.name)
    if isinstance(operand, AsmSymbol):
        return labels.get(operand.name, operand.name)
    if isinstance(operand, AsmModifier):
        name = operand.name.lower() if arch == "RISCV" else operand.name
        return name if operand.amount is None else f"{name} #{operand.amount}"
    return _memory_text(arch, operand)


def _register_text(arch: str, name: str) -> str:
    if arch == "RISCV":
        lower = name.lower()
        return f"x{_RISCV_NAMES[lower]}" if lower in _RISCV_NAMES else lower
    if arch == "PPC":
        return name.lower()
    return f"%{name.lower().removeprefix('%')}" if arch == "X86_64" else name.upper()


def _memory_text(arch: str, memory: AsmMemory) -> str:
    base = _register_text(arch, memory.base.name) if isinstance(memory.base, AsmRegister) else memory.base.name
    index = memory.index
    if arch in ("RISCV", "PPC"):
        offset = str(index.value) if isinstance(index, AsmImmediate) else "0" if arch == "PPC" else ""
        return f"{offset}({base})"
    if arch == "X86":
        return f"[{base}]"
    if arch == "X86_64":
        if isinstance(index, AsmRegister) and memory.extend:
            return f"{memory.offset or ''}({base}, {_register_text(arch, index.name)},{memory.extend[1] or ''})"
        offset = str(index.value) if isinstance(index, AsmImmediate) and index.value else ""
        return f"{offset}({base})"
    if index is None:
        return f"[{base}]"
    if isinstance(index, AsmRegister):
        extend = ""
        if memory.extend:
            name, amount = memory.extend
            extend = f",{name} #{amount}" if amount else f",{name}"
        return f"[{base},{_register_text(arch, index.name)}{extend}]"
    if memory.writeback == "post":
        return f"[{base}]#{index.value}"
    if not index.value and not memory.writeback:
        return f"[{base}]"
    return f"[{base},#{index.value}]{'!' if memory.writeback else ''}"
