"""What a certificate is about: the test and the model that it names, read anew and checked against its digests."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from membar_check.diagnostics import Source
from membar_check.engine.models import DEFAULT_VARIANTS, ModelRequest, get_macros, get_model
from membar_check.engine.models import Model as FoundModel
from membar_check.events.build import build
from membar_check.events.structure import Structure
from membar_check.explain.verify_cat import Interpreter, Model
from membar_check.explain.verify_primitives import declared_tags
from membar_check.explain.verify_terms import Undecided
from membar_check.explain.verify_world import Scenes, World
from membar_check.litmus.parser import parse_litmus
from membar_check.program.ir import Program
from membar_check.program.lower import lower
from membar_check.records import dataclass
from membar_check.resources import models_dir


@dataclass(frozen=True, slots=True)
class Asked:
    """Which test under which model: what a certificate says of them, but for the digests."""

    file: str
    text: str
    model: str | None
    bell: str | None
    macros: str | None
    include_dirs: tuple[str, ...]
    variants: tuple[str, ...]
    unroll: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A test and a model, ready to be judged.  ``headers``, ``files``: (name, digest) of what was read for them."""

    asked: Asked
    program: Program
    structure: Structure
    scenes: Scenes
    model: Model
    model_name: str
    headers: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]


def digest(text: str | bytes) -> str:
    """The SHA-256 of a text, as certificates write it."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def read_subject(asked: Asked) -> Subject:
    """Reads the test from its text and the model from its files.

    Raises InputError and Unsupported where they cannot be read, and Inconclusive at the limits of the event structure.
    """
    test = parse_litmus(Source(asked.file, asked.text), asked.include_dirs)
    variants = frozenset(asked.variants) | DEFAULT_VARIANTS
    found = get_model(ModelRequest(asked.model, asked.bell, asked.macros, asked.include_dirs, variants, test.arch))
    if test.arch == "C":
        macros = get_macros(found.macros) if found.macros else None
        program = lower(test, macros, lkmmv2=_tags_both_halves(found))
    else:
        program = lower(test)
    structure = build(program, asked.unroll, found.registers)
    loaded, bell = found.load()
    front = loaded.prelude or (bell.prelude if bell else ())
    statements = front + (bell.body if bell else ()) + loaded.body
    model = Model(statements, found.request.dialect, variants, declared_tags(statements))
    names = [*loaded.files, *(bell.files if bell else ()), *([str(found.macros)] if found.macros else ())]
    files = tuple((_shown(name), digest(Path(name).read_bytes())) for name in dict.fromkeys(names))
    headers = test.kernel.headers if test.kernel is not None else ()
    subject = Subject(
        asked, program, structure, Scenes(structure), model, found.name,
        tuple((name, digest(text)) for name, text in headers), files,
    )  # fmt: skip
    _find_ordered(subject)
    return subject


def _tags_both_halves(model: FoundModel) -> bool:
    """Whether read-modify-writes carry their tag on both halves: as the variants say, else as the macros do."""
    variants = {v.lower() for v in model.request.variants}
    if "lkmmv2" in variants or "lkmmv1" in variants or model.macros is None:
        return "lkmmv2" in variants
    return get_macros(model.macros).mentions("{MB}")


def _shown(name: str) -> str:
    """The name of a model's file: bundled ones without their folder."""
    path = Path(name)
    return f"<models>/{path.name}" if path.parent.resolve() == models_dir().resolve() else name


def _find_ordered(subject: Subject) -> None:
    """Finds out which events the model's coherence orders, and whether each initial write comes first.

    What may be ordered must be so wherever it is: that is looked at, for each of its locations, along all paths that
    have it there.  A model of which that cannot be said may choose any coherence.
    """
    scenes, structure = subject.scenes, subject.structure
    starts = frozenset(structure.initial.values())
    scene = scenes.scene({}, ())
    found = None if scene is None else _run(subject.model, World(scene, (), ()))
    if scene is None or found is None or found.orders is None or not starts <= found.orders.members.low:
        return
    first = True
    ordered = found.orders.members.high - starts
    for e in sorted(ordered):
        thread = structure.events[e].thread
        for place in sorted(scene.places[e]):
            there = frozenset(i for i, p in enumerate(structure.paths[thread]) if p.address.get(e) == place)
            part = scenes.scene({thread: there}, ())
            other = None if part is None else _run(subject.model, World(part, (), ()))
            if other is None or other.orders is None or other.order_domain is not found.order_domain:
                return
            if e not in other.orders.members.low:
                return
            first = first and (structure.initial[place], e) in other.orders.known.low
    scenes.settle(ordered, first, found.order_domain)


def _run(model: Model, world: World) -> Interpreter:
    """The interpreter after the choice of coherence."""
    interpreter = Interpreter(model, world)
    with suppress(Undecided):
        for _ in interpreter.checks():
            if interpreter.orders is not None:
                break
    return interpreter


def subject_json(subject: Subject) -> dict[str, Any]:
    """The parts of a certificate that name the test and the model."""
    asked = subject.asked
    return {
        "test": {
            "name": subject.program.test.name,
            "file": asked.file,
            "text": asked.text,
            "sha256": digest(asked.text),
            "headers": [{"name": name, "sha256": sha} for name, sha in subject.headers],
        },
        "model": {
            "name": subject.model_name,
            "asked": asked.model,
            "bell": asked.bell,
            "macros": asked.macros,
            "variants": list(asked.variants),
            "files": [{"name": name, "sha256": sha} for name, sha in subject.files],
        },
        "include_dirs": list(asked.include_dirs),
        "unroll": asked.unroll,
    }
