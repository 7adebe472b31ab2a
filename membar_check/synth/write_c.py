"""Shapes in the Linux kernel's C: marked and plain accesses, fences and RCU by name, read-modify-writes by xchg()."""

from __future__ import annotations

from membar_check.diagnostics import InputError
from membar_check.synth.shape import LOCATIONS, Access, Fence, Line, Shape

_ORDERS = {"MB": "", "ACQUIRE": "_acquire", "RELEASE": "_release", "ONCE": "_relaxed"}
_BEGIN, _END = "srcu_read_lock", "srcu_read_unlock"
COOKIE = "idx"  # the register between them
_NAMES = {"ACQ": "ACQUIRE", "REL": "RELEASE"}


def write_c(shape: Shape) -> tuple[str, list[str]]:
    """The initial state and the threads, and the atoms of the condition about registers.

    Raises InputError for what C has no primitive for.
    """
    threads = [_Thread(number, line) for number, line in enumerate(shape.threads)]
    texts = [thread.text() for thread in threads]
    return "\n".join(["{}", "", *texts]), [atom for thread in threads for atom in thread.atoms]


def tag_of(access: Access) -> str:
    """The one annotation that counts, ``""`` for a plain access.  Raises InputError where there are two."""
    names = {_NAMES.get(tag.upper(), tag.upper()) for tag in access.tags}
    strong = names - {"ONCE"}
    if len(strong) > 1:
        raise InputError(f"found an access that is {' and '.join(sorted(strong))}, expected one annotation")
    return min(strong, default="ONCE" if names else "")


def _type_of(function: str) -> str:
    """What a primitive is called with a pointer to."""
    return "struct srcu_struct" if "srcu" in function else "spinlock_t"


class _Thread:
    """Writes one thread; ``atoms`` are filled by :meth:`text`."""

    def __init__(self, number: int, line: Line) -> None:
        self.number = number
        self.line = line
        self.atoms: list[str] = []
        self.registers: dict[int, str] = {}  # of the read at this index
        self.values: dict[str, int] = {}  # that the condition wants
        self.halves = dict(line.rmw)

    def text(self) -> str:
        body: list[str] = []
        ends = set(self.halves.values())
        for index, item in enumerate(self.line.items):
            if isinstance(item, Fence):
                body.append(f"\t{self.fence(item.name)};")
            elif index not in ends:
                body += self.guarded(index, self.statement(index, item))
        used = sorted({a.location for a in self.line.items if isinstance(a, Access)})
        calls = [item.name.removesuffix(")").partition("(") for item in self.line.items if isinstance(item, Fence)]
        things = sorted({f"{_type_of(name)} *{thing}" for name, _, thing in calls if thing})
        head = f"P{self.number}({', '.join([*[f'int *{LOCATIONS[location]}' for location in used], *things])})"
        cookie = [COOKIE] if any(name == _BEGIN for name, _, _ in calls) else []
        declared = [f"\tint {register};" for register in (*self.registers.values(), *cookie)]
        return "\n".join([head, "{", *declared, *([""] if declared else []), *body, "}", ""])

    @staticmethod
    def fence(name: str) -> str:
        """The call; what begins an SRCU section returns what its end wants."""
        function, _, thing = name.removesuffix(")").partition("(")
        if function == _BEGIN:
            return f"{COOKIE} = {name}"
        return f"{function}({thing}, {COOKIE})" if function == _END else f"{function}({thing})"

    def sources(self, kind: str, *targets: int) -> list[str]:
        """The registers that the items depend on."""
        found = []
        for dependency in sorted(self.line.dependencies, key=lambda d: d.source):
            if dependency.kind == kind and dependency.target in targets:
                if dependency.source not in self.registers:
                    raise InputError(f"thread {self.number}: {kind} dependency from a value that no register has")
                found.append(self.registers[dependency.source])
        return list(dict.fromkeys(found))

    def guarded(self, index: int, statement: str) -> list[str]:
        """The statement under the branches that it depends on."""
        targets = (index, self.halves.get(index, index))
        for dependency in self.line.dependencies:
            if dependency.target in targets and dependency.kind not in ("addr", "data", "ctrl"):
                raise InputError(f"C has no dependency `{dependency.kind}`, expected addr, data or ctrl")
        lines = [f"\t{statement}"]
        for register in reversed(self.sources("ctrl", *targets)):
            lines = [f"\tif ({register} == {self.values[register]}) {{", *[f"\t{line}" for line in lines], "\t}"]
        return lines

    def pointer(self, location: int, *targets: int) -> str:
        """The address: ``x``, or ``x + (r0 ^ r0)`` where it is computed from what was read."""
        zeros = [f"({register} ^ {register})" for register in self.sources("addr", *targets)]
        return " + ".join([LOCATIONS[location], *zeros])

    def value(self, value: int, *targets: int) -> str:
        zeros = [f"({register} ^ {register})" for register in self.sources("data", *targets)]
        return " + ".join([*zeros, str(value)])

    def statement(self, index: int, item: Access) -> str:
        if index in self.halves:
            return self.exchange(index, item)
        pointer, tag = self.pointer(item.location, index), tag_of(item)
        place = f"*({pointer})" if " " in pointer else f"*{pointer}"
        if item.kind == "R":
            texts = {"": place, "ONCE": f"READ_ONCE({place})", "ACQUIRE": f"smp_load_acquire({pointer})"}
            self.choose(texts, tag, item)
            return f"{self.target(index, item)} = {texts[tag]};"
        value = self.value(item.value, index)
        texts = {
            "": f"{place} = {value};",
            "ONCE": f"WRITE_ONCE({place}, {value});",
            "RELEASE": f"smp_store_release({pointer}, {value});",
        }
        self.choose(texts, tag, item)
        return texts[tag]

    def choose(self, texts: dict[str, str], tag: str, item: Access) -> None:
        if tag not in texts:
            expected = ", ".join([name or "plain" for name in texts])
            what = "a read" if item.kind == "R" else "a write"
            raise InputError(f"thread {self.number}: {what} that is {tag}, expected {expected}")

    def target(self, index: int, item: Access) -> str:
        """The register of a read; its value goes to the condition."""
        register = f"r{len(self.registers)}"
        self.registers[index] = register
        self.values[register] = item.value
        self.atoms.append(f"{self.number}:{register}={item.value}")
        return register

    def exchange(self, index: int, read: Access) -> str:
        """A read-modify-write: xchg() and its kind; atomic_add() where the read is NORETURN."""
        end = self.halves[index]
        write = self.line.items[end]
        assert isinstance(write, Access)
        if end != index + 1:
            raise InputError(f"thread {self.number}: something between the halves of a read-modify-write")
        pointer = self.pointer(read.location, index, end)
        tags = {tag for tag in (tag_of(read), tag_of(write)) if tag not in ("", "ONCE")}
        if len(tags) > 1:
            raise InputError(f"thread {self.number}: a read-modify-write that is {' and '.join(sorted(tags))}")
        tag = min(tags, default="ONCE")
        if tag == "NORETURN":
            if self.sources("data", end):
                raise InputError(f"thread {self.number}: data dependency to an operation that returns nothing")
            change = write.value - read.value
            return f"atomic_{'add' if change >= 0 else 'sub'}({abs(change)}, {pointer});"
        if tag not in _ORDERS:
            raise InputError(f"thread {self.number}: a read-modify-write that is {tag}")
        value = self.value(write.value, end)
        return f"{self.target(index, read)} = xchg{_ORDERS[tag]}({pointer}, {value});"
