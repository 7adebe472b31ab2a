"""From the syntax tree of a test to its program: the registry of dialects."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from membar_check.diagnostics import Source, Unsupported
from membar_check.litmus.syntax import CBody, LitmusTest, RegisterRef
from membar_check.litmus.text import describe
from membar_check.program.initial import cut_to_types, initial_state, resolve_final
from membar_check.program.ir import ControlOp, Program, Thread

if TYPE_CHECKING:
    from membar_check.program.control import KernelInfo
    from membar_check.program.macros import Macros

_ASSEMBLY = {
    "X86": "membar_check.program.dialects.x86",
    "X86_64": "membar_check.program.dialects.x86",
    "AArch64": "membar_check.program.dialects.aarch64",
    "RISCV": "membar_check.program.dialects.riscv",
    "PPC": "membar_check.program.dialects.ppc",
}
"""Architecture to the module whose ``lower(test)`` gives the program; imported when needed."""


def lower(test: LitmusTest, macros: Macros | None = None, lkmmv2: bool = True, watch: bool = False) -> Program:
    """The program of a test.  ``macros`` (those of a ``.def`` file) and ``lkmmv2`` (how read-modify-writes are tagged)
    matter for C only, ``watch`` for kernel C: the program notes which ways out of its conditions are taken.

    Raises InputError for code that is wrong, and for a condition, filter or location list that names a register,
    thread or location that does not exist; Unsupported for an instruction or construct that the checker lacks.
    """
    if test.kernel is not None:
        from membar_check.program.kernel.unit import lower_kernel

        return lower_kernel(test, macros or _no_macros(), lkmmv2, watch)
    if test.arch == "C":
        return _lower_c(test, macros, lkmmv2)
    module = _ASSEMBLY.get(test.arch)
    if module is None:
        raise Unsupported(f"architecture {describe(test.arch)} is not supported", test.name_span)
    program: Program = import_module(module).lower(test)
    return program


def _no_macros() -> Macros:
    from membar_check.program.macros import Macros

    return Macros({}, {}, Source("<no macros>", ""))


def _lower_c(test: LitmusTest, macros: Macros | None, lkmmv2: bool) -> Program:
    """Threads from the C dialect, initial state and final part as for all dialects."""
    from membar_check.program.dialects.linux_c import lower_c

    lowered = lower_c(test, macros or _no_macros(), lkmmv2)
    variables = [frozenset(thread.registers) for thread in lowered.threads]
    initialised = {(i.place.thread, i.place.name) for i in test.init if isinstance(i.place, RegisterRef)}

    def register_name(thread: int, name: str) -> str | None:
        return name if name in variables[thread] or (thread, name) in initialised else None

    parameters = [p.name for body in test.bodies if isinstance(body, CBody) for p in body.parameters]
    state = initial_state(test, register_name, parameters)
    cut_to_types(test, state)
    locations, filtered, condition = resolve_final(test, state, register_name)
    return Program(
        test=test,
        threads=lowered.threads,
        memory=state.memory,
        arrays=state.arrays,
        registers=lowered.registers | state.registers,
        types=lowered.types | state.types,
        locations=locations,
        filter=filtered,
        condition=condition,
        kernel=_law(lowered.threads),
    )


def _law(threads: tuple[Thread, ...]) -> KernelInfo | None:
    """What threads need that obey the law of RCU by themselves, for models that know nothing of it; else None."""
    operations = (op for thread in threads for instruction in thread.code for op in instruction.ops)
    if not any(isinstance(op, ControlOp) for op in operations):
        return None
    from membar_check.program.control import KernelInfo

    return KernelInfo({}, len(threads))
