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
from membar_check.synth.shape import Access, Fence, Line, Shape
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
    two; ``fences``: the events of a fence, in order."""

    parts: tuple[Part, ...]
    relations: Sets = frozenset()
    fences: tuple[Sets, ...] = ()


def template(form: Form, arch: str, model: Model) -> Template | None:
    """What ``form`` becomes under ``model``; None where the search does not know its events, or where the model's
    macros do not know it."""
    try:
        path, events = _events(form, arch, model)
    except InputError:
        return None
    accesses = [e for e in path.events if events[e].is_access]
    if form.kind == "F":
        if len(accesses) != 1:
            return None
        return Template((), fences=tuple([events[e].sets for e in path.events if e != accesses[0]]))
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
    names = frozenset(name for name, pairs in path.relations.items() if pair in pairs)
    return Template((Part(events[pair[0]].sets, front), Part(events[pair[1]].sets, None, back)), names)


def _events(form: Form, arch: str, model: Model) -> tuple[Path, tuple[Event, ...]]:
    write = Access("W", 0, 1, form.written if form.kind == "RMW" else form.tags)
    if form.kind == "F":
        line = Line((*map(Fence, form.fences), Access("W", 0, 1)))
    elif form.kind == "RMW":
        line = Line((Access("R", 0, 0, form.tags), write), rmw=((0, 1),))
    else:
        line = Line((Access("R", 0, 0, form.tags) if form.kind == "R" else write,))
    text = write_shape(Shape(arch, (line,)), "form")
    test = parse_litmus(Source(f"<{form}>", text), ())
    structure = build(lower_for(test, model, CheckOptions()), 1)
    return structure.paths[0][0], structure.events


# --- forms that no model can tell apart ------------------------------------------------------------------------------
def distinct_forms(
    vocabulary: Vocabulary, models: tuple[Model, ...]
) -> tuple[dict[Form, tuple[Template, ...]], tuple[Form, ...]]:
    """The forms that the models can tell apart, the plainest of each kind, with their templates; and those that are
    left out because a model does not have them."""
    features = [_features(_compiled(model)) for model in models]
    out: dict[Form, tuple[Template, ...]] = {}
    missing: list[Form] = []
    seen: set[object] = set()
    for form in vocabulary.forms:
        found = [template(form, vocabulary.arch, model) for model in models]
        known = tuple(t for t in found if t is not None)
        if len(known) < len(models):
            missing.append(form)
            continue
        pairs = list(zip(known, features, strict=True))
        signature = (form.kind, form.brackets, form.role, *(_signature(t, f) for t, f in pairs))
        if signature in seen or (form.kind == "F" and not any(_orders(t, f) for t, f in pairs)):
            continue
        seen.add(signature)
        out[form] = known
    return out, tuple(missing)


def _compiled(model: Model) -> CompiledModel:
    if model.compiled is None:
        raise Unsupported(f"the model {model.name} can only be interpreted, not searched: {model.why}")
    return model.compiled


def _features(model: CompiledModel) -> tuple[Node, ...]:
    """The sets that relations and checks look at, as far as they are made of sets of events only."""
    out: dict[int, Node] = {}
    seen: set[int] = set()
    roots: list[Node | None] = [check.node for check in model.checks]
    roots += [*model.base.static, *model.base.dynamic]
    for group in model.graph.groups.values():
        roots += group.bodies
    while roots:
        n = roots.pop()
        if n is None or n.id in seen:
            continue
        seen.add(n.id)
        if n.kind == "S" and _pure(n):
            out[n.id] = n
        else:
            roots += n.args
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

    return t.relations, tuple((of(p.own), of(p.before), of(p.after)) for p in t.parts), tuple(map(of, t.fences))


def _orders(t: Template, features: tuple[Node, ...]) -> bool:
    """Whether a fence is in a set that not all fences are in."""
    anonymous = frozenset({"F"})
    return any(_contains(n, own) != _contains(n, anonymous) for own in t.fences for n in features)
