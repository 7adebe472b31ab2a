"""Tests in kernel C given as text: their program, and what one CPU computes."""

from __future__ import annotations

from membar_check.engine.models import get_macros
from membar_check.program.ir import Instr, Program
from membar_check.program.lower import lower
from membar_check.resources import models_dir
from support.inline import check, parse


def unit(text: str, *threads: str, init: str = "", final: str = "", info: str = "") -> str:
    """A test of these declarations and functions (``text``) and of CPUs with these bodies."""
    bodies = "\n".join(f"P{number}(void)\n{{\n{body}\n}}" for number, body in enumerate(threads))
    return f"C test\n{info}\n{{ {init} }}\nint __kernel_c;\n{text}\n{bodies}\n{final or 'forall (true)'}\n"


def program(text: str) -> Program:
    """The program of a test under the kernel's model."""
    return lower(parse(text), get_macros(models_dir() / "lkmm.def"))


def computed(body: str, text: str = "") -> dict[str, str]:
    """The final values of the locals, those with a name of their own, of a single CPU that has only one execution."""
    made = program(unit(text, body))
    registers = made.threads[0].registers
    names = [name for name in registers if "'" not in name and f"{name}'2" not in registers]
    places = " ".join(f"0:{name};" for name in names)
    verdict = check(unit(text, body, final=f"locations [{places}]\nforall (true)"), "lkmm")
    assert verdict.states is not None and len(verdict.states) == 1, verdict.states
    return {place.split(":")[1]: value for place, value in verdict.states[0]}


def code_of(made: Program, function: str) -> list[Instr]:
    """The instructions of a function."""
    thread = made.threads[0]
    begin = thread.labels[function]
    assert made.kernel is not None
    later = [thread.labels[f.entry] for f in made.kernel.functions.values() if thread.labels[f.entry] > begin]
    return list(thread.code[begin : min(later, default=len(thread.code))])
