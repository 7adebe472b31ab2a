"""All tests of a given number of accesses a thread, and all their executions, as literals.

Each access is a place that one of the forms of its dialect fills; between two accesses of a thread (with critical
sections: also before the first and after the last) there is room for one fence.  Locations, dependencies, reads-from
and coherence are free.  What the tests look like is the same for all models; what events they have is not.
"""

from __future__ import annotations

from itertools import combinations, permutations

from membar_check.engine.cnf import FALSE, TRUE
from membar_check.records import dataclass
from membar_check.synth.encode_forms import Template
from membar_check.synth.encode_gates import Gates, Rows
from membar_check.synth.vocabulary import Form, Vocabulary


@dataclass(frozen=True, slots=True)
class Filling:
    """A form at a place: the whole of it, or for a read-modify-write its read (``half`` 0) or its write (1)."""

    form: Form
    half: int = 0

    @property
    def kind(self) -> str:
        return ("R", "W")[self.half] if self.form.kind == "RMW" else self.form.kind


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for a fence in ``thread``, before access number ``before`` (after the last: the number of accesses)."""

    thread: int
    before: int


class Space:
    """``sizes``: the numbers of accesses of the threads; ``forms``: those of the search, each with one template a
    model; ``kinds`` of dependencies; ``brackets``: the kind of critical sections that take part, "" for none;
    ``flags``: the tests are for what flags say of them."""

    def __init__(
        self, vocabulary: Vocabulary, forms: dict[Form, tuple[Template, ...]], sizes: tuple[int, ...], locations: int,
        kinds: tuple[str, ...], brackets: str, flags: bool,
    ) -> None:  # fmt: skip
        self.vocabulary = vocabulary
        self.kind_of_sections = vocabulary.brackets.get(brackets)
        only = self.kind_of_sections.only if self.kind_of_sections is not None else None
        if only is not None and flags and self.kind_of_sections is not None:
            only = (*only, *self.kind_of_sections.flagged)
        known = {f: t for f, t in forms.items() if f.brackets in ("", brackets)}
        self.forms = {f: t for f, t in known.items() if only is None or f.brackets or str(f) in only}
        self.sizes = sizes
        self.locations = locations
        self.brackets = brackets
        self.gates = Gates()
        self.threads = [t for t, size in enumerate(sizes) for _ in range(size)]
        self.count = len(self.threads)
        self.starts = [sum(sizes[:t]) for t in range(len(sizes))]
        self.fillings: list[dict[Filling, int]] = []
        self.slots: dict[Slot, dict[Form, int]] = {}
        self._acquired: dict[tuple[Slot, Slot], int] = {}
        self.at: list[list[int]] = []
        self.rf: Rows = {}
        self.co: Rows = {}
        self.dependencies: dict[str, Rows] = {kind: {} for kind in kinds if only is None}  # ctrl: the access
        self._fill_places()
        self._fill_slots()
        self._place()
        self._depend()
        self._communicate()
        if self.kind_of_sections is not None:
            self._balance()
            self._limit(self.kind_of_sections.most)
            if self.kind_of_sections.exclusive:
                self._acquire()

    def initial(self, location: int) -> int:
        """The event of a location's initial write."""
        return self.count + location

    def mates(self, i: int) -> range:
        """The accesses of the same thread that come later."""
        t = self.threads[i]
        return range(i + 1, self.starts[t] + self.sizes[t])

    def read(self, i: int) -> int:
        return self.kind(i, "R")

    def write(self, i: int) -> int:
        return self.kind(i, "W")

    def kind(self, i: int, kind: str) -> int:
        """The literal of an access's being a read or a write."""
        return self.gates.any(x for f, x in self.fillings[i].items() if f.kind == kind)

    def paired(self, i: int) -> int:
        """The literal of "access i is the read of a read-modify-write, the next access its write"."""
        return self.gates.any(x for f, x in self.fillings[i].items() if f.form.kind == "RMW" and f.half == 0)

    # --- what a test has ---
    def branched(self, i: int) -> list[int]:
        """The literals of a branch before access i."""
        kinds = [rows for kind, rows in self.dependencies.items() if kind.endswith("ctrl")]
        return [row[i] for rows in kinds for row in rows.values() if i in row]

    def _fill_places(self) -> None:
        g = self.gates
        for i, t in enumerate(self.threads):
            here: dict[Filling, int] = {}
            for form in self.forms:
                if form.kind in ("R", "W"):
                    here[Filling(form)] = g.variable()
                elif form.kind == "RMW":
                    if i > self.starts[t]:
                        here[Filling(form, 1)] = self.fillings[i - 1][Filling(form, 0)]
                    if i + 1 < self.starts[t] + self.sizes[t]:
                        here[Filling(form, 0)] = g.variable()
            g.exactly_one(list(here.values()))
            self.fillings.append(here)

    def _fill_slots(self) -> None:
        g = self.gates
        for t, (start, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            for before in range(start, start + size + 1):
                outer = before in (start, start + size)
                if outer and not self.brackets:
                    continue
                unfit = ("", "end", "within") if before == start else ("", "begin", "within") if outer else ()
                here: dict[Form, int] = {}
                for form in self.forms:
                    if form.kind == "F" and form.role not in unfit:
                        here[form] = g.variable()
                        self._beside(form, before, here[form], outer)
                g.at_most_one(list(here.values()))
                if not outer:
                    for x in here.values():
                        g.demand(-self.paired(before - 1), -x)
                self.slots[Slot(t, before)] = here

    def _beside(self, form: Form, before: int, x: int, outer: bool) -> None:
        """A fence that belongs to a read-modify-write stands beside one."""
        side = self.vocabulary.beside.get(form.fences[0])
        if side is not None:
            place = before if side == "before" else before - 2
            ends = side == "before" and before + 1 >= self.count
            self.gates.demand(-x, FALSE if outer or ends or place < 0 else self.paired(place))

    def _place(self) -> None:
        g = self.gates
        for i in range(self.count):
            here = [g.variable() if at <= i else FALSE for at in range(self.locations)]
            g.exactly_one([x for x in here if x != FALSE])
            for at in range(1, self.locations):  # a location is used first after the one with the number before
                g.demand(-here[at], *(self.at[j][at - 1] for j in range(i)))
            self.at.append(here)
        self.same: Rows = {}
        for i in range(self.count):
            for j in range(self.count):
                both = [g.conj(self.at[i][at], self.at[j][at]) for at in range(self.locations)]
                self.same.setdefault(i, {})[j] = TRUE if i == j else g.any(both)
        for i in range(self.count - 1):
            g.demand(-self.paired(i), self.same[i][i + 1])

    def _depend(self) -> None:
        g = self.gates
        for i in range(self.count):
            read = self.read(i)
            silent = g.any(x for f, x in self.fillings[i].items() if f.form.tags & self.vocabulary.silent)
            for j in self.mates(i):
                own = [x for f, x in self.fillings[j].items() if f.form.kind == "RMW"]
                for kind, rows in self.dependencies.items():
                    x = rows.setdefault(i, {})[j] = g.variable()
                    g.demand(-x, read)
                    g.demand(-x, -silent)
                    if kind.endswith("data"):
                        g.demand(-x, self.write(j))
                    if not kind.endswith("ctrl"):
                        for y in own:
                            g.demand(-x, -y)
                    elif j > 0:
                        g.demand(-x, -self.paired(j - 1))
        for rows in self.dependencies.values():
            for j in range(self.count):
                g.at_most_one([row[j] for row in rows.values() if j in row])

    def _communicate(self) -> None:
        g, n = self.gates, self.count
        for r in range(n):
            sources = []
            for w in range(n):
                if w != r and w not in self.mates(r):  # no candidate reads what its own thread writes later
                    x = self.rf.setdefault(w, {})[r] = g.variable()
                    g.demand(-x, self.write(w))
                    g.demand(-x, self.read(r))
                    g.demand(-x, self.same[w][r])
                    sources.append(x)
            for at in range(self.locations):
                if self.at[r][at] != FALSE:
                    x = self.rf.setdefault(self.initial(at), {})[r] = g.variable()
                    g.demand(-x, self.read(r))
                    g.demand(-x, self.at[r][at])
                    sources.append(x)
            g.demand(-self.read(r), *sources)
            g.at_most_one(sources)
        for a in range(n):
            for b in range(a + 1, n):
                both = g.conj(self.write(a), self.write(b), self.same[a][b])
                first = g.variable()
                self.co.setdefault(a, {})[b] = g.conj(both, first)
                self.co.setdefault(b, {})[a] = g.conj(both, -first)
        for a in range(n):
            for b in range(n):
                for c in range(n):
                    if a != b != c != a:
                        g.demand(-self.co[a][b], -self.co[b][c], self.co[a][c])
            for at in range(self.locations):
                x = g.conj(self.write(a), self.at[a][at])
                if x != FALSE:
                    self.co.setdefault(self.initial(at), {})[a] = x

    # --- critical sections ---
    def acquired(self, first: Slot, second: Slot) -> int:
        """The literal of "the object is taken first at the one place", of two."""
        if first.thread == second.thread:
            return TRUE if first.before < second.before else FALSE
        return self._acquired.get((first, second), FALSE)

    def taken(self, slot: Slot, thing: str) -> int:
        """The literal of "a critical section of that object begins at the place"."""
        here = self.slots[slot]
        return self.gates.any(x for f, x in here.items() if f.role in ("begin", "within") and self._ends(f)[1] == thing)

    def _ends(self, form: Form) -> tuple[str, str]:
        """The first and the last object that a form is about, "" for none."""
        things = [name for name in self.forms[form][0].objects if name] or [""]
        return things[0], things[-1]

    def _things(self) -> list[str]:
        return list(dict.fromkeys(self._ends(f)[1] for f in self.forms if f.role in ("begin", "within")))

    def _takes(self, slot: Slot) -> int:
        return self.gates.any(self.taken(slot, thing) for thing in self._things())

    def _limit(self, most: int | None) -> None:
        """Not more sections than so many."""
        if most is not None:
            places = [x for slot in self.slots if (x := self._takes(slot)) != FALSE]
            self.gates.demand(-self.gates.at_least(places, most + 1)[most])

    def _acquire(self) -> None:
        """Orders critical sections; those of one object in two threads so that the order can be seen: one of them
        accesses what the other has accessed before it."""
        g = self.gates
        places = [slot for slot in self.slots if self._takes(slot) != FALSE]
        for first, second in combinations(places, 2):
            if first.thread != second.thread:
                x = self._acquired[first, second] = g.variable()
                self._acquired[second, first] = -x
        for (first, second), x in self._acquired.items():
            seen = [
                g.conj(self._held(a, first), self._held(b, second), self._communicates(a, b))
                for a in range(self.count) if self.threads[a] == first.thread
                for b in range(self.count) if self.threads[b] == second.thread
            ]  # fmt: skip
            for thing in self._things():
                g.demand(-self.taken(first, thing), -self.taken(second, thing), -x, *seen)
        for a, b, c in permutations(places, 3):
            g.demand(-self.acquired(a, b), -self.acquired(b, c), self.acquired(a, c))

    @staticmethod
    def _role(here: dict[Form, int], *roles: str) -> list[int]:
        return [x for f, x in here.items() if f.role in roles]

    def _held(self, access: int, slot: Slot) -> int:
        """The literal of an access's being in the critical section that begins at a place."""
        if access < slot.before:
            return FALSE
        between = [self.slots[Slot(slot.thread, i)] for i in range(slot.before + 1, access + 1)]
        ends = [x for here in between for x in self._role(here, "end", "within")]
        return self.gates.all([self._takes(slot), *(-x for x in ends)])

    def _communicates(self, a: int, b: int) -> int:
        """The literal of rf, co or fr from one access to another."""
        g = self.gates
        fr = [g.conj(row.get(a, FALSE), self.co[w].get(b, FALSE)) for w, row in self.rf.items()]
        return g.any([self.rf.get(a, {}).get(b, FALSE), self.co[a][b], *fr])

    def _balance(self) -> None:
        """Critical sections open and close and do not nest; what stands within or outside of one does so."""
        g = self.gates
        for t in range(len(self.sizes)):
            inside = dict.fromkeys(self._things(), FALSE)
            for slot, here in self.slots.items():
                if slot.thread != t:
                    continue
                free = g.all(-x for x in inside.values())
                for form, x in here.items():
                    where = {"begin": free, "outside": free}.get(form.role, inside.get(self._ends(form)[0], FALSE))
                    if form.role:
                        g.demand(-x, where)
                left = g.any(self._role(here, "end", "within"))
                inside = {name: g.disj(self.taken(slot, name), g.conj(x, -left)) for name, x in inside.items()}
            g.demand(-g.any(inside.values()))

    # --- what makes a test large ---
    def costs(self) -> list[int]:
        """Literals of all that a test could do without: fences, dependencies, annotations, read-modify-writes."""
        out = [x for here in self.slots.values() for x in here.values()]
        out += [x for rows in self.dependencies.values() for row in rows.values() for x in row.values()]
        for here in self.fillings:
            out += [x for f, x in here.items() if not f.form.plain and f.half == 0]
            out += [x for f, x in here.items() if f.form.kind == "RMW" and f.half == 0]
        return out

    def calm(self) -> int:
        """The literal of "no location is written twice"."""
        return self.gates.all(-x for a in range(self.count) for x in self.co.get(a, {}).values())

    def uses(self) -> dict[Form, int]:
        """For each form the literal of its being used anywhere."""
        places: dict[Form, list[int]] = {form: [] for form in self.forms}
        for here in self.fillings:
            for f, x in here.items():
                places[f.form].append(x)
        for slot in self.slots.values():
            for form, x in slot.items():
                places[form].append(x)
        return {form: self.gates.any(xs) for form, xs in places.items()}

    def choices(self) -> list[int]:
        """The literals that make a test and its execution."""
        out = [x for here in self.fillings for x in here.values()]
        out += [x for slot in self.slots.values() for x in slot.values()]
        out += [x for place in self.at for x in place if x not in (TRUE, FALSE)]
        for rows in (*self.dependencies.values(), self.rf, self.co):
            out += [x for row in rows.values() for x in row.values() if x not in (TRUE, FALSE)]
        return list(dict.fromkeys(out))
