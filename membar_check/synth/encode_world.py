"""The tests of a space as one model sees them: which events there are, and the primitive sets and relations."""

from __future__ import annotations

from membar_check.engine.cnf import FALSE, TRUE
from membar_check.synth.encode_forms import Part
from membar_check.synth.encode_gates import Members, Rows
from membar_check.synth.encode_model import World
from membar_check.synth.encode_space import Filling, Slot, Space
from membar_check.synth.vocabulary import Form

LOCKING = frozenset({"LKR", "LKW", "UL"})  # the event sets of a spin lock's events
_POSITIONS = {"UL": 0, "LKR": 1, "LKW": 2}  # of a place for fences; others come behind


def world_of(space: Space, model: int) -> World:
    """The primitives under the model of that number."""
    return _View(space, model).world()


class _View:
    """Numbers the events as one model sees them: accesses, initial writes, then fences in the order of the program."""

    def __init__(self, space: Space, model: int) -> None:
        self.space = space
        self.model = model
        self.events: Members = {}
        self.sets: dict[str, Members] = {}
        self.order: list[list[int]] = [[] for _ in space.sizes]
        self.place: dict[int, int] = {}  # fence -> the access that it stands before, or belongs to
        self.things: dict[str, int] = {}  # what critical sections are about -> its initial write
        self.held: dict[int, tuple[Slot, dict[str, int]]] = {}  # an event about one -> where, and which it is about
        self._free = space.count + space.locations

    def world(self) -> World:
        s = self.space
        for i in range(s.count):
            self._enter(i, [(x, self._part(f).own) for f, x in s.fillings[i].items()])
        for at in range(s.locations):
            self._enter(s.initial(at), [(TRUE, frozenset({"IW", "W"}))])
        for t in range(len(s.sizes)):
            self._thread(t)
        for name in dict.fromkeys(name for _, things in self.held.values() for name in things):
            self.things[name] = self._free
            self._enter(self._free, [(TRUE, frozenset({"IW", "W"}))])
            self._free += 1
        co = self._with_locks()
        rf, passed = self._sections(co)
        relations = {
            "po": self._program_order(), "loc": self._locations(), "int": self._threads(True),
            "ext": self._threads(False), "id": {e: {e: x} for e, x in self.events.items()}, "rf": rf,
        }  # fmt: skip
        for kind, rows in s.dependencies.items():
            relations[kind] = self._control(rows) if kind.endswith("ctrl") else rows
        relations["data"] = s.gates.join([relations.get("data", {}), passed])
        for name, rows in self._pairs().items():  # a read-modify-write may depend on itself
            relations[name] = s.gates.join([rows, relations.get(name, {})])
        return World(self.events, self.sets, {name: rows for name, rows in relations.items() if rows}, co)

    def _with_locks(self) -> Rows:
        """Coherence, also of the acquisitions of locks: the order of two places is the same for all models."""
        s, g = self.space, self.space.gates
        co = {a: dict(row) for a, row in s.co.items()}
        takers = [(e, slot, things) for e, (slot, things) in self.held.items() if self._is(e, "LKW") != FALSE]
        for a, first, mine in takers:
            for name, x in mine.items():
                co.setdefault(self.things[name], {})[a] = g.conj(self._is(a, "LKW"), x)
            for b, second, its in takers:
                if first != second:
                    same = g.any(g.conj(x, its.get(name, FALSE)) for name, x in mine.items())
                    both = (self._is(a, "LKW"), self._is(b, "LKW"), same, s.acquired(first, second))
                    co.setdefault(a, {})[b] = g.conj(*both)
        return co

    def _sections(self, co: Rows) -> tuple[Rows, Rows]:
        """Reads-from and data of sections that are read and written like memory, of which a test has one: what begins
        it reads the initial value, which what ends it stores again.  Coherence is completed."""
        g = self.space.gates
        rf, data = {w: dict(row) for w, row in self.space.rf.items()}, Rows()
        for e, (slot, things) in self.held.items():
            for name, x in things.items():
                read, write = g.conj(self._is(e, "R"), x), g.conj(self._is(e, "W"), x)
                if read != FALSE:
                    rf.setdefault(self.things[name], {})[e] = read
                if write != FALSE:
                    co.setdefault(self.things[name], {})[e] = write
                    for begin, (place, _) in self.held.items():
                        if place.thread == slot.thread and place.before < slot.before:
                            data.setdefault(begin, {})[e] = g.conj(self._is(begin, "R"), write)
        return rf, data

    def _is(self, e: int, name: str) -> int:
        """The literal of an event's being in a set."""
        return self.sets.get(name, {}).get(e, FALSE)

    def _part(self, f: Filling) -> Part:
        return self.space.forms[f.form][self.model].parts[f.half]

    def _enter(self, e: int, ways: list[tuple[int, frozenset[str] | None]]) -> bool:
        """An event that is there in some ways, with the sets that it is then in."""
        g = self.space.gates
        ways = [(x, sets) for x, sets in ways if sets is not None]
        present = TRUE if e < self.space.count + self.space.locations else g.any(x for x, _ in ways)
        if present == FALSE:
            return False
        self.events[e] = present
        collected: dict[str, list[int]] = {}
        for x, sets in ways:
            for name in sorted(sets or ()):
                collected.setdefault(name, []).append(x)
        for name, xs in collected.items():
            whole = len(xs) == len(ways)
            self.sets.setdefault(name, {})[e] = present if whole else g.any(xs)
        return True

    def _fence(self, thread: int, access: int, ways: list[tuple[int, frozenset[str] | None]]) -> int | None:
        e = self._free
        if not self._enter(e, ways):
            return None
        self._free += 1
        self.order[thread].append(e)
        self.place[e] = access
        return e

    def _slot(self, slot: Slot, here: dict[Form, int]) -> None:
        """The events of a place for fences.  Each kind of a lock's events has a position of its own, so that it is
        known of most events that they are not of the other kinds."""
        ways: dict[int, list[tuple[int, frozenset[str] | None]]] = {}
        about: dict[int, dict[str, list[int]]] = {}
        for f, x in here.items():
            position = 0
            template = self.space.forms[f][self.model]
            for sets, thing in zip(template.fences, template.objects, strict=True):
                position = max(position, _POSITIONS.get(min(sets & LOCKING, default=""), 3))
                ways.setdefault(position, []).append((x, sets))
                if thing:
                    about.setdefault(position, {}).setdefault(thing, []).append(x)
                position += 1
        for position in sorted(ways):
            e = self._fence(slot.thread, slot.before, ways[position])
            if e is not None and position in about:
                self.held[e] = (slot, {name: self.space.gates.any(xs) for name, xs in about[position].items()})

    def _thread(self, t: int) -> None:
        s = self.space
        slots = {slot.before: here for slot, here in s.slots.items() if slot.thread == t}
        for i in range(s.starts[t], s.starts[t] + s.sizes[t] + 1):
            if i in slots:
                self._slot(Slot(t, i), slots[i])
            if i < s.starts[t] + s.sizes[t]:
                self._fence(t, i, [(x, self._part(f).before) for f, x in s.fillings[i].items()])
                self.order[t].append(i)
                self._fence(t, i, [(x, self._part(f).after) for f, x in s.fillings[i].items()])

    def _program_order(self) -> Rows:
        """All of a thread in order, but for the halves of an instruction that both reads and writes."""
        g = self.space.gates
        out: Rows = {}
        for order in self.order:
            for k, a in enumerate(order):
                for b in order[k + 1 :]:
                    out.setdefault(a, {})[b] = g.conj(self.events[a], self.events[b])
        for i in range(self.space.count - 1):
            apart = [x for x, names in self._instructions(i) if "po" not in names]
            if apart:
                out[i][i + 1] = g.conj(out[i][i + 1], -g.any(apart))
        return out

    def _instructions(self, i: int) -> list[tuple[int, frozenset[str]]]:
        """The read-modify-writes that access i may begin: a literal, and the relations between the halves."""
        s = self.space
        halves = [(f.form, x) for f, x in s.fillings[i].items() if f.form.kind == "RMW" and f.half == 0]
        return [(x, s.forms[form][self.model].relations) for form, x in halves]

    def _locations(self) -> Rows:
        s = self.space
        out: Rows = {i: dict(s.same[i]) for i in range(s.count)}
        for at in range(s.locations):
            e = s.initial(at)
            out[e] = {e: TRUE}
            for i in range(s.count):
                if s.at[i][at] != FALSE:
                    out[e][i] = out[i][e] = s.at[i][at]
        g = s.gates
        about = {e: things for e, (_, things) in self.held.items()} | {e: {o: TRUE} for o, e in self.things.items()}
        for a, mine in about.items():
            for b, its in about.items():
                same = (x if a == b else g.conj(x, its.get(name, FALSE)) for name, x in mine.items())
                out.setdefault(a, {})[b] = g.any(same)
        return {a: {b: x for b, x in row.items() if x != FALSE} for a, row in out.items()}

    def _threads(self, same: bool) -> Rows:
        g = self.space.gates
        home = {e: t for t, order in enumerate(self.order) for e in order}
        home |= {e: -1 for e in self.events if e not in home}
        out: Rows = {}
        for a, x in self.events.items():
            for b, y in self.events.items():
                if (home[a] == home[b] >= 0) if same else home[a] != home[b]:
                    out.setdefault(a, {})[b] = g.conj(x, y)
        return out

    def _control(self, branches: Rows) -> Rows:
        """From a read to all that comes after a branch, which stands before an access and before its fence; in C only
        to the access, which is all that the branch encloses."""
        s, g = self.space, self.space.gates
        out: Rows = {}
        if s.vocabulary.encloses:
            for r, row in branches.items():
                for j, x in row.items():
                    targets = out.setdefault(r, {})
                    targets[j] = g.disj(targets.get(j, FALSE), x)
                    if j + 1 in row:
                        targets[j + 1] = g.conj(x, s.paired(j))
            return out
        for r, row in branches.items():
            for e in self.order[s.threads[r]]:
                if e == r:
                    continue
                before = [x for j, x in row.items() if j <= self.place.get(e, e)]
                if before:
                    out.setdefault(r, {})[e] = g.conj(g.any(before), self.events[e])
        return out

    def _pairs(self) -> dict[str, Rows]:
        """``rmw`` and its kinds, and which events are of one instruction."""
        s, g = self.space, self.space.gates
        out: dict[str, dict[int, dict[int, list[int]]]] = {}
        for i in range(s.count - 1):
            for x, names in self._instructions(i):
                for name in sorted(names - {"po"}):
                    out.setdefault(name, {}).setdefault(i, {}).setdefault(i + 1, []).append(x)
        rows: dict[str, Rows] = {
            name: {a: {b: g.any(xs) for b, xs in row.items()} for a, row in pairs.items()}
            for name, pairs in out.items()
        }
        together = rows.setdefault("same-instance", {})
        for a, row in list(together.items()):
            for b, x in list(row.items()):
                together.setdefault(b, {})[a] = x
        for e, x in self.events.items():
            together.setdefault(e, {})[e] = x
        return rows
