"""Values as Booleans: what reads return, what is left in registers and memory, and where a proposition holds.

Each read has one Boolean for each value that it may return.  Values that would justify themselves (out of thin air) are
excluded as :mod:`membar_check.events.valuation` excludes them: they are undetermined, and no execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from membar_check.diagnostics import Inconclusive
from membar_check.engine.choices import Choices, Impossible
from membar_check.engine.cnf import FALSE, TRUE, Cnf
from membar_check.engine.cycles import cyclic_part, forbid_cycles
from membar_check.engine.outcome import Cell, Observed, matching, operand_values, type_of, variables
from membar_check.events.structure import Applied, ReadOf, Symbolic, reads_in
from membar_check.litmus.syntax import And, Atom, GlobalRef, Implies, Not, Prop, RegisterRef
from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.values import Address, Value

MAX_VALUES = 1024  # values of one read
MAX_COMBINATIONS = 1 << 14  # of the values of reads that an expression depends on

Known = Value | None  # None: there is no value
Literals = dict[Known, int]


def compute(value: Symbolic, reads: Mapping[int, Known]) -> Known:
    """A symbolic value where the reads return ``reads``; None where it has none."""
    if isinstance(value, ReadOf):
        return reads[value.event]
    if not isinstance(value, Applied):
        return value
    args = []
    for a in value.args:
        v = compute(a, reads)
        if v is None:
            return None
        args.append(v)
    try:
        return evaluate(value.op, tuple(args))
    except Undetermined:
        return None


class Contents:
    """``choices`` are finished here, once the sources that cannot give a demanded value are dropped.

    Raises Impossible where a path's demands cannot be met, Inconclusive where there are too many values.
    """

    def __init__(self, cnf: Cnf, choices: Choices) -> None:
        self.cnf = cnf
        self.choices = choices
        self.program = choices.structure.program
        self.stored: dict[int, Symbolic] = {}
        self.loaded: dict[int, Symbolic] = {}
        for place, e in choices.structure.initial.items():
            self.stored[e] = self.program.memory.get(place, 0)
        for path in choices.paths:
            self.stored.update(path.stored)
            self.loaded.update(path.loaded)
        self.domain: dict[int, set[Value]] = {}
        self._analyse()
        choices.finish()
        self._reads: dict[int, Literals] = {}
        self._symbols: dict[Symbolic, Literals] = {}
        self._cells: dict[Cell, Literals] = {}
        self._declare()
        self._demand()
        self._forbid_circles()

    # --- which values ---
    def _analyse(self) -> None:
        """The values that each read may return: determined after at most as many steps as there are reads."""
        reads = {r: at.reads[r] for at in self.choices.locations for r in at.reads}
        wanted: dict[int, list[bool | Value]] = {}
        for path in self.choices.paths:
            for value, expected in path.constraints:
                if isinstance(value, ReadOf):
                    wanted.setdefault(value.event, []).append(expected)
        domain: dict[int, set[Value]] = {r: set() for r in reads}
        for _ in range(len(reads) + 1):
            changed = False
            for r, sources in reads.items():
                new: set[Value] = set()
                for w in sources:
                    new |= self._may_store(w, domain)
                new = {v for v in new if all(_agrees(v, x) for x in wanted.get(r, ()))}
                if len(new) > MAX_VALUES:
                    raise Inconclusive("engine", "a read has too many possible values for the z3 engine")
                if new != domain[r]:
                    domain[r] = new
                    changed = True
            if not changed:
                break
        for r, sources in reads.items():
            keep = [w for w in sources if self._may_store(w, domain) & domain[r]]
            if not keep:
                raise Impossible
            self.choices.drop_sources(r, keep)
        self.domain = domain

    def _may_store(self, write: int, domain: dict[int, set[Value]]) -> set[Value]:
        value = self.stored[write]
        if not isinstance(value, ReadOf | Applied):
            return {value}
        return {v for _, v in self._combinations(value, domain) if v is not None}

    def _combinations(
        self, value: Symbolic, domain: dict[int, set[Value]]
    ) -> list[tuple[dict[int, Known], Known]]:
        """What the value is for each combination of the values of the reads that it depends on."""
        reads = sorted(reads_in(value))
        count = 1
        for r in reads:
            count *= len(domain[r])
        if count > MAX_COMBINATIONS:
            raise Inconclusive("engine", "an expression has too many possible values for the z3 engine")
        out = []
        for values in product(*(_sorted(domain[r]) for r in reads)):
            case: dict[int, Known] = dict(zip(reads, values, strict=True))
            out.append((case, compute(value, case)))
        return out

    # --- the values of reads ---
    def _declare(self) -> None:
        for r, values in self.domain.items():
            sources = self.choices.place_of[r].reads[r]
            self._reads[r] = self._name_values(r, sources, _sorted(values))
        for r in self.domain:
            self._connect(r)

    def _name_values(self, read: int, sources: list[int], values: list[Value]) -> Literals:
        """The literals of a read's values: those of its sources where they alone decide."""
        if len(values) == 1:
            return {values[0]: TRUE}
        rf = self.choices.rf
        if any(isinstance(self.stored[w], ReadOf | Applied) for w in sources):
            return {v: self.cnf.variable() for v in values}
        return {v: self.cnf.disj(rf[w, read] for w in sources if self.stored[w] == v) for v in values}

    def _connect(self, read: int) -> None:
        """A read returns what its source stores."""
        mine = self._reads[read]
        sources = self.choices.place_of[read].reads[read]
        symbolic = [w for w in sources if isinstance(self.stored[w], ReadOf | Applied)]
        if not symbolic:
            return
        for w in sources:
            self._select(self.choices.rf[w, read], self.literals(self.stored[w]), mine)
        self.cnf.exactly_one(list(mine.values()))

    def _select(self, selector: int, source: Literals, target: Literals) -> None:
        """If ``selector`` holds, the target has the value of the source."""
        for v, x in source.items():
            self.cnf.add((-selector, -x, target.get(v, FALSE)))

    def literals(self, value: Symbolic) -> Literals:
        """For each value that a symbolic value may have, the literal that says so; exactly one of them holds."""
        if isinstance(value, ReadOf):
            return self._reads[value.event]
        if not isinstance(value, Applied):
            return {value: TRUE}
        found = self._symbols.get(value)
        if found is None:
            cases: dict[Known, list[int]] = {}
            for case, result in self._combinations(value, self.domain):
                condition = self.cnf.conj(self._reads[r][v] for r, v in case.items())
                cases.setdefault(result, []).append(condition)
            found = {v: TRUE if len(cases) == 1 else self.cnf.disj(xs) for v, xs in cases.items()}
            self._symbols[value] = found
        return found

    def of_event(self, event: int) -> Literals | None:
        """The values of an access, or of an event that carries one; None if there is none."""
        e = self.choices.structure.events[event]
        if e.is_write:
            return self.literals(self.stored[event])
        if e.is_read:
            return self._reads[event]
        return self.literals(self.loaded[event]) if event in self.loaded else None

    # --- demands ---
    def _demand(self) -> None:
        """What the paths decided is so, and every value that they store or keep is determined."""
        for path in self.choices.paths:
            for value, expected in path.constraints:
                for v, x in self.literals(value).items():
                    if v is None or not _agrees(v, expected):
                        if x == TRUE:
                            raise Impossible
                        self.cnf.add((-x,))
            for value in (*path.stored.values(), *path.registers.values()):
                if isinstance(value, Applied):
                    self.cnf.add((-self.literals(value).get(None, FALSE),))

    def _forbid_circles(self) -> None:
        supports: dict[tuple[int, int], list[int]] = {}
        for (w, r), x in self.choices.rf.items():
            for source in reads_in(self.stored[w]):
                supports.setdefault((source, r), []).append(x)
        graph: dict[int, dict[int, object]] = {r: {} for r in self.domain}
        for a, b in supports:
            graph[a][b] = None
        forbid_cycles(self.cnf, ((a, b, self.cnf.disj(supports[a, b])) for a, b in cyclic_part(graph)))

    # --- the end ---
    def cell(self, cell: Cell) -> Literals:
        """For each final value of a register or memory cell its literal; exactly one of them holds."""
        found = self._cells.get(cell)
        if found is None:
            found = self._register(cell) if isinstance(cell, RegisterRef) else self._memory(cell)
            self._cells[cell] = found
        return found

    def _register(self, cell: RegisterRef) -> Literals:
        for path in self.choices.paths:
            registers = variables(path, cell.thread)
            if registers is not None:
                start = self.program.registers.get((cell.thread, cell.name), 0)
                return self.literals(registers.get(cell.name, start))
        return {None: TRUE}

    def _memory(self, cell: Address) -> Literals:
        choices = self.choices
        initial = choices.structure.initial.get(cell)
        if initial is None:
            return {self.program.memory.get(cell, 0): TRUE}
        writers = [e for e in choices.place_of[initial].order if choices.last(e) != FALSE]
        nothing: dict[Value | None, int] = {None: TRUE}
        sources = [(choices.last(e), self.literals(self.stored[e]) if e in self.stored else nothing) for e in writers]
        values = list(dict.fromkeys(v for _, literals in sources for v in literals))
        if len(values) == 1:
            return {values[0]: TRUE}
        if all(len(literals) == 1 for _, literals in sources):
            return {v: self.cnf.disj(x for x, literals in sources if v in literals) for v in values}
        out: Literals = {v: self.cnf.variable() for v in values}
        for x, literals in sources:
            self._select(x, literals, out)
        self.cnf.exactly_one(list(out.values()))
        return out

    # --- propositions ---
    def holds(self, prop: Prop, observed: Observed) -> int:
        """The literal of a proposition about the final state."""
        if isinstance(prop, Atom):
            x = self._equal(prop, observed)
            return x if prop.equal else -x
        if isinstance(prop, Not):
            return -self.holds(prop.operand, observed)
        if isinstance(prop, Implies):
            return self.cnf.disj((-self.holds(prop.left, observed), self.holds(prop.right, observed)))
        parts = [self.holds(p, observed) for p in prop.operands]
        return self.cnf.conj(parts) if isinstance(prop, And) else self.cnf.disj(parts)

    def _equal(self, atom: Atom, observed: Observed) -> int:
        cells = observed.cells(atom.left)
        if isinstance(atom.right, RegisterRef | GlobalRef):
            others = observed.cells(atom.right)
            if len(cells) != len(others):
                return FALSE
            return self.cnf.conj(self._same(self.cell(a), self.cell(b)) for a, b in zip(cells, others, strict=True))
        wanted = operand_values(atom.right)
        if len(wanted) != len(cells):
            return FALSE
        ctype = type_of(self.program, atom.left)
        return self.cnf.conj(self._matching(self.cell(c), v, ctype) for c, v in zip(cells, wanted, strict=True))

    def _same(self, a: Literals, b: Literals) -> int:
        return self.cnf.disj(self.cnf.conj((x, b[v])) for v, x in a.items() if v is not None and v in b)

    def _matching(self, found: Literals, wanted: Value, ctype: str) -> int:
        numbered = {v: 1 << i for i, v in enumerate(found) if v is not None}
        mask = matching(numbered, wanted, ctype)
        return self.cnf.disj(x for i, x in enumerate(found.values()) if mask >> i & 1)


def _agrees(value: Value, expected: bool | Value) -> bool:
    """Whether a value is what a constraint demands."""
    return (value != 0) == expected if isinstance(expected, bool) else value == expected


def _sorted(values: Iterable[Value]) -> list[Value]:
    return sorted(values, key=lambda v: (isinstance(v, int), v if isinstance(v, int) else 0, str(v)))


__all__ = ["Contents", "Known", "Literals", "compute"]
