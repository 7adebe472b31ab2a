"""A shape as litmus text that herd7 and this checker read alike.

The condition of the test is exactly the execution that the shape fixes: the values of all reads, and the last value of
each location with several writes.  Where these leave the coherence order open, a further thread reads the location
(:func:`observed`).
"""

from __future__ import annotations

from itertools import permutations

from membar_check.diagnostics import InputError
from membar_check.records import replace
from membar_check.synth.shape import LOCATIONS, Access, Dependency, Line, Shape

MOST_ORDERED = 7  # writes at one location whose orders are tried; more are always observed


def write_shape(shape: Shape, name: str, about: str = "", cycle: str = "") -> str:
    """The text of the test ``name``; ends with a newline.

    ``about``: one line of documentation; ``cycle``: the edges that the test was made from.  Raises InputError for
    shapes that are no test (see :func:`check_shape`) or that the dialect cannot say.
    """
    check_shape(shape)
    whole = observed(shape)
    if shape.arch == "C":
        from membar_check.synth.write_c import write_c

        body, atoms = write_c(whole)
    else:
        from membar_check.synth.write_asm import write_assembly

        body, atoms = write_assembly(whole)
    lines = [f"{shape.arch} {name}"]
    if about or cycle:
        lines.append(f'"{about or cycle}"')
    if cycle:
        lines.append(f"Orig={cycle}")
    fallible = _fallible(shape)
    atoms += [
        f"{LOCATIONS[location]}={last}" if shape.arch == "C" else f"[{LOCATIONS[location]}]={last}"
        for location, last in sorted(last_values(whole).items())
        if last > 1 or location in fallible
    ]
    condition = " /\\ ".join(atoms) if atoms else "true"
    return "\n".join([*lines, "", body, f"exists ({condition})", ""])


def last_values(shape: Shape) -> dict[int, int]:
    """For each location that is written, how many writes there are: the value of the last in coherence order."""
    last: dict[int, int] = {}
    for access in accesses(shape):
        if access.kind == "W":
            last[access.location] = max(last.get(access.location, 0), access.value)
    return last


def accesses(shape: Shape) -> tuple[Access, ...]:
    """All reads and writes, thread by thread."""
    return tuple([item for line in shape.threads for item in line.items if isinstance(item, Access)])


# --- what is no test -------------------------------------------------------------------------------------------------
def check_shape(shape: Shape) -> None:
    """Raises InputError, with the thread and the place, for a shape that fixes no execution."""
    if not shape.threads:
        raise InputError("a test without threads, expected at least one")
    written: dict[int, list[int]] = {}
    for access in accesses(shape):
        if access.kind not in ("R", "W") or not 0 <= access.location < len(LOCATIONS):
            raise InputError(f"found {access}, expected R or W at one of {len(LOCATIONS)} locations")
        if access.kind == "W":
            written.setdefault(access.location, []).append(access.value)
    for location, values in sorted(written.items()):
        if sorted(values) != list(range(1, len(values) + 1)):
            found = ", ".join(map(str, values))
            raise InputError(f"{LOCATIONS[location]} is given {found}, expected each of 1 to {len(values)} once")
    for access in accesses(shape):
        if access.kind == "R" and not 0 <= access.value <= len(written.get(access.location, ())):
            raise InputError(f"a read of {LOCATIONS[access.location]} finds {access.value}, which no write puts there")
    for number, line in enumerate(shape.threads):
        _check_line(number, line)


def _check_line(number: int, line: Line) -> None:
    for dependency in line.dependencies:
        source, target = _access(line, dependency.source), _access(line, dependency.target)
        if source is None or target is None or source.kind != "R" or dependency.source >= dependency.target:
            raise InputError(f"thread {number}: {_show(dependency)} does not lead from a read to a later access")
        kind = dependency.kind.removeprefix("pick-")
        if kind == "data" and target.kind != "W":
            raise InputError(f"thread {number}: {_show(dependency)} leads to a read, expected a write")
        if kind not in ("addr", "data") and not kind.startswith("ctrl"):
            raise InputError(f"thread {number}: found {_show(dependency)}, expected addr, data or ctrl")
    for read, write in line.rmw:
        first, second = _access(line, read), _access(line, write)
        if first is None or second is None or (first.kind, second.kind) != ("R", "W") or read >= write:
            raise InputError(f"thread {number}: a read-modify-write of items {read} and {write}, expected R then W")
        if first.location != second.location:
            raise InputError(f"thread {number}: a read-modify-write of two locations, expected one")
    ends = [index for pair in line.rmw for index in pair]
    if len(set(ends)) != len(ends):
        raise InputError(f"thread {number}: an access is in two read-modify-writes")


def _access(line: Line, index: int) -> Access | None:
    item = line.items[index] if 0 <= index < len(line.items) else None
    return item if isinstance(item, Access) else None


def _show(dependency: Dependency) -> str:
    return f"the dependency {dependency.kind} from item {dependency.source} to item {dependency.target}"


# --- what the condition cannot say -----------------------------------------------------------------------------------
def observed(shape: Shape) -> Shape:
    """The shape with one more thread for each location whose coherence order its reads and last value leave open.

    The thread reads all values but the last in coherence order, which is as far as coherence of reads pins it.
    """
    tags = frozenset({"ONCE"}) if shape.arch == "C" else frozenset[str]()
    extra = []
    for location, last in sorted(last_values(shape).items()):
        if (last >= 3 and _is_open(shape, location, last)) or _is_hidden(shape, location, last):
            extra.append(Line(tuple([Access("R", location, value, tags) for value in range(1, last)])))
    return replace(shape, threads=(*shape.threads, *extra)) if extra else shape


def _is_open(shape: Shape, location: int, last: int) -> bool:
    """Whether another order than 1, 2 ... with the same last value is coherent with what the threads read."""
    if last > MOST_ORDERED:
        return True
    threads = [[a for a in line.items if isinstance(a, Access) and a.location == location] for line in shape.threads]
    pairs = [
        (first.value, second.kind, second.value)
        for thread in threads
        for index, first in enumerate(thread)
        for second in thread[index + 1 :]
    ]
    atomic = [
        (first.value, second.value)
        for line in shape.threads
        for read, write in line.rmw
        if isinstance(first := line.items[read], Access) and isinstance(second := line.items[write], Access)
        if first.location == location
    ]
    if any(value + 1 != following for value, following in atomic):
        atomic = []  # the test asks for the violation
    for order in permutations(range(1, last)):
        place = {value: at for at, value in enumerate((0, *order, last))}
        if order != tuple(range(1, last)) and _is_coherent(pairs, atomic, place):
            return True
    return False


def _is_coherent(pairs: list[tuple[int, str, int]], atomic: list[tuple[int, int]], place: dict[int, int]) -> bool:
    """SC per location: nobody sees, or writes, something older than what the thread saw or wrote before."""
    for value, later_kind, later in pairs:
        strict = later_kind == "W"
        if place[later] < place[value] or (strict and value == later):
            return False
    return all(place[value] + 1 == place[following] for value, following in atomic)


def _fallible(shape: Shape) -> dict[int, set[int]]:
    """By location what store-conditionals write whose success no register shows: Power's."""
    found: dict[int, set[int]] = {}
    for line in shape.threads if shape.arch == "PPC" else ():
        for _, write in line.rmw:
            item = line.items[write]
            if isinstance(item, Access):
                found.setdefault(item.location, set()).add(item.value)
    return found


def _is_hidden(shape: Shape, location: int, last: int) -> bool:
    """Whether such a write may have failed although all reads and the last value are as wanted."""
    seen = {a.value for a in accesses(shape) if a.kind == "R" and a.location == location} | {last}
    return not _fallible(shape).get(location, set()) <= seen
