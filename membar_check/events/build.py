"""From a program to its event structure: paths of all threads, initial writes, possible values."""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.diagnostics import Inconclusive, Unsupported
from membar_check.events.faults import Fault, refuse_faults
from membar_check.events.numbering import Numbering
from membar_check.events.paths import State, ThreadRunner
from membar_check.events.possible import (
    MAX_VALUES,
    Possible,
    flatten,
    possible_values,
    reads_of,
    satisfiable,
    satisfiable_together,
)
from membar_check.events.structure import INIT_THREAD, Path, Structure, Symbolic
from membar_check.program.ir import Program
from membar_check.values import Address, Value


def analyse(paths: Iterable[Path | Fault], memory: dict[Address, Value]) -> Possible:
    """The values that each location may ever hold, by iteration from the initial ones.

    Paths that end in a fault count: where they go on depends on what they have stored before.
    """
    known: Possible = {a: frozenset((v,)) for a, v in memory.items()}
    stores = [(p, p.address[e], v) for p in paths for e, v in p.stored.items()]
    changed = True
    while changed:
        changed = False
        for path, place, value in stores:
            old = known.get(place, frozenset((memory.get(place, 0),)))
            if old is None:
                continue
            more = possible_values(value, path.address, known, memory)
            new = None if more is None else old | more
            if new is not None and len(new) > MAX_VALUES:
                new = None
            if new != old or place not in known:
                known[place] = new
                changed = True
    return known


def build(program: Program, unroll: int, registers: bool = False) -> Structure:
    """The event structure of ``program``; backward jumps are taken at most ``unroll`` times.  ``registers``: with the
    events of registers (:mod:`membar_check.events.registers`).

    Raises Inconclusive if a thread has too many paths or an address cannot be bounded.
    """
    known: Possible = {a: frozenset((v,)) for a, v in program.memory.items()}
    while True:
        asked = _Asked(known, program.memory)
        addresses = asked.addresses
        numbering = Numbering()
        faults: list[Fault] = []
        if program.kernel is None:
            runners = [ThreadRunner(program, t, numbering, addresses, unroll, registers) for t in program.threads]
            paths = [r.paths() for r in runners]
            faults = [f for r in runners for f in r.faults]
        else:
            from membar_check.events.kernel_build import kernel_paths

            numbering, paths, faults = kernel_paths(program, addresses, unroll)
        possible = analyse([*(p for thread in paths for p in thread), *faults], program.memory)
        if asked.stays(possible):
            break
        known = possible
    structure = _assemble(program, numbering, paths, possible)
    if faults:
        kept = [path for thread in structure.paths for path in thread]
        refuse_faults(faults, kept, numbering.places, possible, program.memory)
    if not registers:
        return structure
    from membar_check.events.registers import with_registers

    return with_registers(structure)


class _Asked:
    """What was asked of the possible values while paths were enumerated: if nothing of it changes, nor do the paths."""

    def __init__(self, known: Possible, memory: dict[Address, Value]) -> None:
        self.known = known
        self.memory = memory
        self._answers: dict[tuple[Symbolic, tuple[Address, ...]], frozenset[Value] | None] = {}
        self._listed: dict[frozenset[Value], list[Value]] = {}

    def addresses(self, value: Symbolic, st: State) -> list[Value]:
        """The possible values, in a fixed order; raises Inconclusive where they cannot be listed."""
        key = (value, tuple([st.address[r] for r in reads_of(value)]))
        if key in self._answers:
            found = self._answers[key]
        else:
            found = self._answers[key] = possible_values(value, st.address, self.known, self.memory)
        if found is None:
            raise Inconclusive("engine", "the possible values of an address cannot be listed")
        listed = self._listed.get(found)
        if listed is None:
            listed = self._listed[found] = flatten(found)
        return listed

    def stays(self, possible: Possible) -> bool:
        """Whether every answer would be the same with these possible values."""
        return possible == self.known or all(
            possible_values(value, dict(zip(reads_of(value), places, strict=True)), possible, self.memory) == found
            for (value, places), found in self._answers.items()
        )


def _assemble(program: Program, numbering: Numbering, paths: list[tuple[Path, ...]], possible: Possible) -> Structure:
    """Adds the initial writes and drops paths that no read value can satisfy.

    Kernel C has many objects: there only cells that are accessed have an initial write.
    """
    _refuse_mixed_sizes(program, numbering, paths, possible)
    touched = dict.fromkeys(program.memory if program.kernel is None else ())
    for thread in paths:
        for path in thread:
            touched.update(dict.fromkeys(path.address.values()))
    initial = {
        a: numbering.event(INIT_THREAD, frozenset(("W", "IW")), (a,), None, 32) for a in sorted(touched)
    }
    memory = program.memory
    kept = tuple(
        tuple(p for p in thread if satisfiable(p.constraints, p.address, possible, memory)) for thread in paths
    )
    return Structure(program, tuple(numbering.events), kept, initial, possible)


def _refuse_mixed_sizes(
    program: Program, numbering: Numbering, paths: list[tuple[Path, ...]], possible: Possible
) -> None:
    """Raises Unsupported where a location is accessed in more than one size, or beside its start."""
    sizes: dict[Address, int] = {}
    arrays = program.arrays
    for thread in paths:
        for path in thread:
            for e, place in path.address.items():
                event = numbering.events[e]
                if program.kernel is None and place.index != 0 and not 0 <= place.index < arrays.get(place.name, 0):
                    if not satisfiable_together(path.constraints, path.address, possible, program.memory):
                        break
                    cells = arrays.get(place.name)
                    where = "beside the start of" if cells is None else f"outside the {cells} cells of"
                    hint = "declare an array in the init block"
                    raise Unsupported(f"an access {where} {place.name}", event.span, hint)
                cell = program.cell_bits(place.name)
                if event.is_access and cell not in (0, event.bits):
                    what = f"an access of {event.bits} bits to {place}, a cell of {cell} bits"
                    raise Unsupported(what, event.span, "mixed-size accesses are not supported")
                if event.is_access and sizes.setdefault(place, event.bits) != event.bits:
                    what = f"accesses of {sizes[place]} and of {event.bits} bits to {place}"
                    raise Unsupported(what, event.span, "mixed-size accesses are not supported")
