"""What each form becomes under a model: found out by building the events of a test that has nothing else.

So the macros of a ``.def`` file, the tags of a bell file and the instructions of a dialect mean here exactly what they
mean when a test is checked.
"""

from __future__ import annotations

from membar_check.cat.dag import CompiledModel, Node
from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.engine.api import CheckOptions, lower_for
from membar_check.engine.models import Model
from membar_check.events.build import build
from membar_check.events.structure import Event, Path
from membar_check.litmus.parser import parse_litmus
from membar_check.records import dataclass
from membar_check.synth.shape import LOCATIONS, Access, Fence, Line, Shape
from membar_check.synth.vocabulary import Form, Vocabulary
from membar_check.synth.write import write_shape

Sets = frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """The events of an access under one model: its own, and a fence before it and one behind it where the macros of the
    model put one."""

    own: Sets
    before: Sets | None = None
    after: Sets | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """``parts``: of an access one, of a read-modify-write the read and the write; ``relations``: those between these
    two, ``po`` and ``same-instance`` with them; ``fences``: the events of a fence, in order, ``objects``: what each of
    them is about, "" for nothing."""

    parts: tuple[Part, ...]
    relations: Sets = frozenset()
    fences: tuple[Sets, ...] = ()
    objects: tuple[str, ...] = ()


def template(form: Form, vocabulary: Vocabulary, model: Model) -> Template | None:
    """What ``form`` becomes under ``model``; None where the search does not know its events, or where the model's
    macros do not know it."""
    try:
        if form.kind == "F":
            return _fence(form, vocabulary, model)
        path, events = _events(_line(form), vocabulary.arch, model)
    except InputError:
        return None
    accesses = [e for e in path.events if events[e].is_access]
    if len(accesses) != (2 if form.kind == "RMW" else 1):
        return None
    first, last = path.events.index(accesses[0]), path.events.index(accesses[-1])
    before, after = path.events[:first], path.events[last + 1 :]
    if len(before) > 1 or len(after) > 1 or last - first != len(accesses) - 1:
        return None
    front = events[before[0]].sets if before else None
    back = events[after[0]].sets if after else None
    if form.kind != "RMW":
        return Template((Part(events[accesses[0]].sets, front, back),))
    pair = (accesses[0], accesses[1])
    read, write = events[pair[0]], events[pair[1]]
    names = {name for name, pairs in path.relations.items() if pair in pairs}
    if read.instance == write.instance:
        names.add("same-instance")
    if read.instance != write.instance or vocabulary.arch == "C":  # as in the engines' program order
        names.add("po")
    return Template((Part(read.sets, front), Part(write.sets, None, back)), frozenset(names))


def _fence(form: Form, vocabulary: Vocabulary, model: Model) -> Template | None:
    """The events of a fence.  What ends or interrupts a critical section stands behind what begins one."""
    opening: tuple[str, ...] = ()
    if form.role in ("end", "within"):
        opening = next(f.fences for f in vocabulary.forms if f.brackets == form.brackets and f.role == "begin")
    first = _alone(opening, vocabulary, model) if opening else ((), ())
    sets, objects = _alone((*opening, *form.fences), vocabulary, model)
    own = slice(len(first[0]), None)
    known = all(name != "" or not s & {"R", "W"} for s, name in zip(sets, objects, strict=True))
    return Template((), fences=sets[own], objects=objects[own]) if known else None


def _alone(fences: tuple[str, ...], vocabulary: Vocabulary, model: Model) -> tuple[tuple[Sets, ...], tuple[str, ...]]:
    """The events of some fences, with their objects, in a test that has only a write besides."""
    path, events = _events(Line((*map(Fence, fences), Access("W", 0, 1))), vocabulary.arch, model)
    places = [path.address[e].name if e in path.address else "" for e in path.events]
    mine = [number for number, name in enumerate(places) if name != LOCATIONS[0]]
    return tuple([events[path.events[n]].sets for n in mine]), tuple([places[n] for n in mine])


def _line(form: Form) -> Line:
    """A thread that has nothing but an access."""
    if form.kind == "RMW":
        return Line((Access("R", 0, 0, form.tags), Access("W", 0, 1, form.written)), rmw=((0, 1),))
    return Line((Access("R", 0, 0, form.tags) if form.kind == "R" else Access("W", 0, 1, form.tags),))


def _events(line: Line, arch: str, model: Model) -> tuple[Path, tuple[Event, ...]]:
    test = parse_litmus(Source("<form>", write_shape(Shape(arch, (line,)), "form")), ())
    structure = build(lower_for(test, model, CheckOptions()), 1)
    return structure.paths[0][0], structure.events


# --- forms that no model can tell apart ------------------------------------------------------------------------------
def known_forms(
    vocabulary: Vocabulary, models: tuple[Model, ...]
) -> tuple[dict[Form, tuple[Template, ...]], tuple[Form, ...]]:
    """The forms that all models have, with their templates; and those that are left out because one has not."""
    out: dict[Form, tuple[Template, ...]] = {}
    missing: list[Form] = []
    for form in vocabulary.forms:
        found = tuple([t for t in (template(form, vocabulary, model) for model in models) if t is not None])
        if len(found) == len(models):
            out[form] = found
        else:
            missing.append(form)
    return out, tuple(missing)


def distinct_forms(
    forms: dict[Form, tuple[Template, ...]], models: tuple[Model, ...], flags: bool
) -> dict[Form, tuple[Template, ...]]:
    """Those of ``forms`` that the models can tell apart (``flags``: by flags, too), the plainest of each kind.  Of
    critical sections all are kept or none: what begins one needs what ends it."""
    features = [_features(_compiled(model), flags) for model in models]
    out: dict[Form, tuple[Template, ...]] = {}
    seen: set[object] = set()
    of_use = {""}  # kinds of critical sections
    for form, known in forms.items():
        pairs = list(zip(known, features, strict=True))
        signature = (form.kind, form.brackets, form.role, *(_signature(t, f) for t, f in pairs))
        seen_by_some = form.kind != "F" or any(_matters(t, f) for t, f in pairs)
        if seen_by_some:
            of_use.add(form.brackets)
        if signature not in seen and (seen_by_some or form.brackets):
            seen.add(signature)
            out[form] = known
    return {form: known for form, known in out.items() if form.brackets in of_use}


def _compiled(model: Model) -> CompiledModel:
    if model.compiled is None:
        raise Unsupported(f"the model {model.name} can only be interpreted, not searched: {model.why}")
    return model.compiled


def _features(model: CompiledModel, flags: bool) -> tuple[Node, ...]:
    """The sets that relations and checks look at, as far as they are made of sets of events only."""
    out: dict[int, Node] = {}
    seen: set[int] = set()
    roots: list[Node | None] = [check.node for check in model.checks if flags or check.prefix == ""]
    roots += [*model.base.static, *model.base.dynamic]
    while roots:
        n = roots.pop()
        if n is None or n.id in seen:
            continue
        seen.add(n.id)
        if n.kind == "S" and _pure(n):
            out[n.id] = n
        else:
            roots += model.graph.groups[n.name.split("/")[0]].bodies if n.op == "fix" else n.args
    return tuple(out[i] for i in sorted(out))


def _pure(n: Node) -> bool:
    if n.op == "prim":
        return n.name != "FW"
    return n.op in ("all", "empty", "or", "and", "minus") and all(a is not None and _pure(a) for a in n.args)


def _contains(n: Node, sets: Sets) -> bool:
    if n.op == "prim":
        return n.name in sets
    if n.op in ("all", "empty"):
        return n.op == "all"
    inner = [_contains(a, sets) for a in n.args if a is not None]
    if n.op == "minus":
        return inner[0] and not inner[1]
    return any(inner) if n.op == "or" else all(inner)


def _signature(t: Template, features: tuple[Node, ...]) -> object:
    def of(sets: Sets | None) -> object:
        return None if sets is None else frozenset(n.id for n in features if _contains(n, sets))

    parts = tuple((of(p.own), of(p.before), of(p.after)) for p in t.parts)
    return t.relations, parts, tuple(map(of, t.fences)), t.objects


def _matters(t: Template, features: tuple[Node, ...]) -> bool:
    """Whether a fence is in any set that is looked at."""
    return any(_contains(n, own) for own in t.fences for n in features)
