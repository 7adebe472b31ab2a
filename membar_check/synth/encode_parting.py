"""Where two models part: what an execution must have so that they can judge it differently at all.

Two models that are mostly the same differ at a few places of their graphs.  If these places have the same value in an
execution, everything above them has, and both models accept it or neither does.  A question that also demands a
difference at one of these places is the same question, and a much smaller one: the solver need not find out by itself
that there is nothing to look for without the primitive that it is all about.  Where one graph only lacks what the other
has, the other accepts nothing that this one rejects: relations grow with their parts, and shrink with what is taken
away from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from membar_check.cat.dag import CheckNode, CompiledModel, Node, OrderChoice
from membar_check.cat.specialise import specialise
from membar_check.engine.cnf import FALSE, TRUE
from membar_check.records import dataclass
from membar_check.synth.encode_forms import Template
from membar_check.synth.encode_model import Matrices

SMALLER, BIGGER, OTHER = -1, 1, 0
"""How the new value of a place is to the old one, whatever the execution."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place where the graphs differ: ``old`` and ``new`` have what both have and, besides, ``extra[0]`` and
    ``extra[1]``; where ``extra`` is None they are to be compared whole.  ``effect``: BIGGER if the new model can only
    reject more for it, SMALLER if only less."""

    old: Node
    new: Node
    extra: tuple[tuple[Node, ...], tuple[Node, ...]] | None
    effect: int


class Graphs:
    """Two models, the old and the new one, side by side."""

    def __init__(self, models: tuple[CompiledModel, CompiledModel]) -> None:
        self._models = models
        self._keys: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._numbers: dict[object, int] = {}
        self._parts_of: dict[tuple[int, int, int], bool] = {}
        self.comparable = self._choices(0) is not None and self._choices(0) == self._choices(1)

    def same(self, prefixes: Sequence[str]) -> bool:
        """Whether all checks of these prefixes, and what coherence extends, are the same."""
        return self.comparable and not list(self._base()) and all(
            self._titles(0, prefix) == self._titles(1, prefix) for prefix in prefixes
        )  # fmt: skip

    def flags(self) -> tuple[str, ...]:
        """The names of the flags that are not the same, sorted."""
        checks = [check for model in self._models for check in model.checks]
        names = {check.name for check in checks if check.prefix == "flag" and check.name}
        return tuple([n for n in sorted(names) if self._titles(0, "flag", n) != self._titles(1, "flag", n)])

    def differing_checks(self, prefixes: Sequence[str]) -> tuple[str, ...]:
        """The names of the checks of these prefixes that are not the same, sorted."""
        found: set[str] = set()
        for prefix in prefixes:
            old, new = (self._titles(number, prefix) for number in (0, 1))
            keys = [key for key in (*old, *new) if old.get(key) != new.get(key)]
            checks = {**self._checks(0, prefix, ""), **self._checks(1, prefix, "")}
            found |= {checks[key].name or checks[key].test for key in keys}
        return tuple(sorted(found))

    def _titles(self, number: int, prefix: str, name: str = "") -> dict[object, int]:
        return {key: self._key(number, check.node) for key, check in self._checks(number, prefix, name).items()}

    def differing(self, flag: str = "") -> Iterator[Place | tuple[int, CheckNode]]:
        """The places, and the checks that only one of the models has, with that one's number; of what decides whether
        an execution is accepted, and of a flag."""
        for prefix, name in (("", ""), *((("flag", flag),) if flag else ())):
            old, new = (self._checks(number, prefix, name) for number in (0, 1))
            for key in dict.fromkeys((*old, *new)):
                if key in old and key in new:
                    yield from self._aligned(old[key].node, new[key].node, -1 if old[key].negated else 1, set())
                else:
                    yield (0, old[key]) if key in old else (1, new[key])
        yield from self._base()

    def _checks(self, number: int, prefix: str, name: str) -> dict[object, CheckNode]:
        """The checks of a model; several of one name are told apart by their order."""
        out: dict[object, CheckNode] = {}
        for check in self._models[number].checks:
            if check.prefix == prefix and (not name or check.name == name):
                title = (check.name, check.test, check.negated)
                out[title, sum(key[0] == title for key in out)] = check  # type: ignore[index]
        return out

    def _choices(self, number: int) -> tuple[object, ...] | None:
        """What a model chooses, as far as the tests can have it: coherence; None where it chooses more."""
        choices = self._models[number].choices
        orders = [choice for choice in choices if isinstance(choice, OrderChoice)]
        if len(orders) < len(choices):
            return None
        return tuple([(order.result.name, self._key(number, order.members)) for order in orders])

    def _base(self) -> Iterator[Place]:
        """Places in what coherence has to extend."""
        old, new = ([*model.base.static, *model.base.dynamic] for model in self._models)
        mine, its = self._without_common(old, new)
        if len(mine) == len(its):
            for a, b in zip(mine, its, strict=True):
                yield from self._aligned(a, b, 1, set())
        else:
            for number, nodes in enumerate((mine, its)):
                nothing = self._models[1 - number].graph.empty
                for n in nodes:
                    yield Place(nothing, n, None, BIGGER) if number else Place(n, nothing, None, SMALLER)

    def _key(self, number: int, n: Node) -> int:
        """A number for what a node means: equal in both graphs for equal nodes."""
        known = self._keys[number]
        if n.id not in known:
            parts: list[object] = [None if a is None else self._key(number, a) for a in n.args]
            name: object = n.name
            if n.op in ("or", "and"):
                parts.sort(key=str)
            elif n.op == "fix":
                group, index = n.name.split("/")
                found = self._models[number].graph.groups[group]
                name = (tuple([v.name for v in found.variables]), index)
                parts = [self._key(number, body) for body in found.bodies]
            kind = "" if n.op == "empty" else n.kind
            known[n.id] = self._numbers.setdefault((n.op, kind, name, tuple(parts)), len(self._numbers))
        return known[n.id]

    def _without_common(self, old: Sequence[Node], new: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        mine, its = ({self._key(number, n): n for n in nodes} for number, nodes in enumerate((old, new)))
        return [n for k, n in mine.items() if k not in its], [n for k, n in its.items() if k not in mine]

    def _aligned(self, old: Node, new: Node, sign: int, seen: set[tuple[int, int, int]]) -> Iterator[Place]:
        """The lowest places below two nodes where they differ; none if they are the same."""
        if self._key(0, old) == self._key(1, new) or (old.id, new.id, sign) in seen:
            return
        seen.add((old.id, new.id, sign))
        if old.kind != new.kind and "empty" not in (old.op, new.op):
            yield Place(old, new, None, OTHER)
        elif "or" in (old.op, new.op):
            mine, its = self._without_common(_parts(old), _parts(new))
            if len(mine) == len(its) == 1:
                yield from self._aligned(mine[0], its[0], sign, seen)
            else:
                effect = self._change(old, new) if mine and its else SMALLER if mine else BIGGER
                yield Place(old, new, (tuple(mine), tuple(its)), sign * effect)
        elif old.op == new.op == "and":
            mine, its = self._without_common(_parts(old, "and"), _parts(new, "and"))
            if len(mine) == len(its) == 1:
                yield from self._aligned(mine[0], its[0], sign, seen)
            else:
                yield Place(old, new, None, sign * self._change(old, new))
        elif old.op == new.op == "fix":
            yield from self._recursive(old, new, sign)
        elif old.op == new.op and _fits(old, new):
            for number, (a, b) in enumerate(zip(old.args, new.args, strict=True)):
                if a is not None and b is not None:
                    yield from self._aligned(a, b, -sign if old.op == "minus" and number else sign, seen)
        else:
            yield Place(old, new, None, sign * self._change(old, new))

    def _recursive(self, old: Node, new: Node, sign: int) -> Iterator[Place]:
        """Places in the bodies of two recursive definitions; where one depends on what is being defined, the member of
        the definition as a whole."""
        mine, its = (
            model.graph.groups[n.name.split("/")[0]] for model, n in zip(self._models, (old, new), strict=True)
        )
        same = [v.name for v in mine.variables] == [v.name for v in its.variables]
        same = same and old.name.split("/")[1] == new.name.split("/")[1]
        if not same or any(_takes_away(body) for body in (*mine.bodies, *its.bodies)):
            yield Place(old, new, None, OTHER)
            return
        inner = [p for a, b in zip(mine.bodies, its.bodies, strict=True) for p in self._aligned(a, b, sign, set())]
        if any(p.old.variables or p.new.variables for p in inner):
            effects = {p.effect for p in inner}
            yield Place(old, new, None, effects.pop() if len(effects) == 1 else OTHER)
        else:
            yield from inner

    def _change(self, old: Node, new: Node) -> int:
        """How the value of one operation is to that of another."""
        if self._below(1, new, old):
            return SMALLER
        return BIGGER if self._below(0, old, new) else OTHER

    def _below(self, number: int, a: Node, b: Node) -> bool:
        """Whether a value in one graph (of that number) is always part of a value in the other; False if that cannot be
        seen."""
        if self._key(number, a) == self._key(1 - number, b) or a.op == "empty":
            return True
        if a.variables or b.variables or a.kind != b.kind:
            return False
        known = (number, a.id, b.id)
        if known not in self._parts_of:
            self._parts_of[known] = self._is_below(number, a, b)
        return self._parts_of[known]

    def _is_below(self, number: int, a: Node, b: Node) -> bool:
        def below(x: Node | None, y: Node | None) -> bool:  # None stands for everything
            return y is None or (x is not None and self._below(number, x, y))

        if a.op == "or" or b.op == "and":
            parts = [(x, b) for x in a.args] if a.op == "or" else [(a, y) for y in b.args]
            return all(below(x, y) for x, y in parts)
        if b.op == "or" and any(below(a, y) for y in b.args):
            return True
        if (a.op in ("and", "minus") and any(below(x, b) for x in a.args[: 1 if a.op == "minus" else None])) or (
            a.op == "restrict" and below(a.args[1], b)
        ):
            return True
        if a.op == b.op == "minus":
            (x, less), (y, more) = a.args, b.args
            assert less is not None and more is not None
            return below(x, y) and self._below(1 - number, more, less)
        if a.op == b.op and a.op in _GROWING:
            return all(below(x, y) for x, y in zip(a.args, b.args, strict=True))
        return b.op == "plus" and below(a, b.args[0])


class Parting:
    """Both models over one space of tests; ``views`` the old and the new one.

    ``comparable``: the models see the same events and make the same choices; if not, nothing is known.
    """

    def __init__(self, views: tuple[Matrices, Matrices]) -> None:
        self._views = views
        self._graphs = Graphs((views[0].model, views[1].model))
        self.comparable = views[0].world == views[1].world and self._graphs.comparable

    def possible(self, side: int, flag: str = "") -> int:
        """A literal that holds of every execution that model number ``side`` accepts and the other rejects (with
        ``flag``: that both accept with the flag for one only, or that one of them accepts)."""
        effects = {OTHER, BIGGER, SMALLER} if flag else {OTHER, SMALLER if side else BIGGER}
        found: list[int] = []
        for differing in self._graphs.differing(flag):
            if isinstance(differing, Place):
                found += self._differing(differing) if differing.effect in effects else ()
                continue
            number, check = differing
            kept = self._views[number].holds(check)  # of a flag: it is raised
            if check.prefix or (BIGGER if number else SMALLER) in effects:
                found.append(kept if check.prefix else -kept)
        return self._views[0].gates.any(dict.fromkeys(found))

    def _differing(self, place: Place) -> Iterator[int]:
        g = self._views[0].gates
        nodes = (place.old, place.new)
        if len({n.kind for n in nodes if n.op != "empty"}) > 1:  # a set and a relation: there is nothing to compare
            yield TRUE
            return
        sets = any(n.kind == "S" and n.op != "empty" for n in nodes)
        whole = [self._cells(number, [n], sets) for number, n in enumerate(nodes)]
        extra = whole if place.extra is None else [self._cells(i, part, sets) for i, part in enumerate(place.extra)]
        for number in (0, 1):
            for cell, x in extra[number].items():
                yield g.conj(x, -whole[1 - number].get(cell, FALSE))

    def _cells(self, number: int, nodes: Sequence[Node], sets: bool) -> dict[object, int]:
        """The union of nodes, by event or by pair of events."""
        view, g = self._views[number], self._views[number].gates
        if sets:
            members = [view.set_of(n) for n in nodes]
            return {e: g.any(m.get(e, FALSE) for m in members) for m in members for e in m}
        rows = g.join([view.relation(n) for n in nodes])
        return {(a, b): x for a, row in rows.items() for b, x in row.items()}


def _parts(n: Node, op: str = "or") -> tuple[Node, ...]:
    return tuple([a for a in n.args if a is not None]) if n.op == op else () if n.op == "empty" else (n,)


def _fits(old: Node, new: Node) -> bool:
    """Whether two operations of one kind differ in their operands only, and grow with them."""
    where = [[a is None for a in n.args] for n in (old, new)]
    return old.op in _GROWING and where[0] == where[1]


_GROWING = frozenset({"domain", "range", "id", "prod", "seq", "plus", "inv", "restrict", "minus"})


def _takes_away(n: Node) -> bool:
    """Whether a value that is being defined is taken away from something in its definition."""
    return bool(n.variables) and (
        n.op not in (*_GROWING, "or", "and", "var")
        or (n.op == "minus" and n.args[1] is not None and bool(n.args[1].variables))
        or any(_takes_away(a) for a in n.args if a is not None)
    )


def tests_tell(
    models: tuple[CompiledModel, CompiledModel],
    templates: Sequence[Sequence[Template]],
    kinds: Sequence[str],
    flags: bool,
) -> bool:
    """Whether tests can tell the models apart at all that are made of forms with these templates (one a model) and of
    dependencies of these kinds.  False only where they cannot."""
    if any(pair[0] != pair[1] for pair in templates):
        return True
    present = {"IW", "rmw", *kinds}
    for template in (pair[0] for pair in templates):
        present |= template.relations
        events = [*template.fences, *(sets for p in template.parts for sets in (p.own, p.before, p.after))]
        present |= {name for sets in events if sets is not None for name in sets}
    small = [specialise(model, frozenset(present)) for model in models]
    return not Graphs((small[0], small[1])).same(("", "flag") if flags else ("",))
