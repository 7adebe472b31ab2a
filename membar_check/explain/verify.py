"""Checks certificates (``docs/certificates.md``) without the engines that give verdicts.

Shared with the rest of the checker are the parsers, the lowering of the test, its event structure and the reference
interpreter.  Each fact is judged on its own, by a model interpreter that goes through the syntax tree of cat; that the
facts cover every candidate is one propositional query.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

from membar_check.diagnostics import InputError
from membar_check.engine.models import DEFAULT_VARIANTS
from membar_check.explain.verify_cover import Cover
from membar_check.explain.verify_execution import MOST_ORDERS, consistent, orders, whole
from membar_check.explain.verify_fact import KINDS, Candidate, Fact, Judge, ended, impossible, passes
from membar_check.explain.verify_prop import doubt_of_name, read_prop, unknown_places
from membar_check.explain.verify_subject import Asked, Subject, read_subject, subject_json
from membar_check.explain.verify_values import Values
from membar_check.explain.verify_world import Edge
from membar_check.litmus.printer import show_prop
from membar_check.litmus.syntax import Prop
from membar_check.records import dataclass

VERSION = 1
MOST_PROBLEMS = 20  # problems that are listed


@dataclass(frozen=True, slots=True)
class Verification:
    """``ok``: the claim is proven; ``claim``: allowed or forbidden; ``outcome``: what it is called, ``proposition``:
    what it is; ``facts``: how many of each kind; ``limits``: what the claim does not speak of; ``problems``: why the
    certificate is refused.  The last two in sentences."""

    ok: bool
    claim: str
    test: str
    model: str
    outcome: str
    proposition: str
    facts: dict[str, int]
    seconds: float
    limits: tuple[str, ...]
    problems: tuple[str, ...]


def verify_certificate(data: object) -> Verification:
    """Checks a certificate, as JSON data.

    Raises InputError for what is no certificate or cannot be read any more, Inconclusive where it is too large.
    """
    start = time.monotonic()
    certificate = _Certificate(data)
    subject = read_subject(certificate.asked)
    problems = _identity(certificate.data, subject)
    problems += _outcome(certificate, subject)
    if not problems:
        judge = Judge(subject.scenes, subject.model, certificate.outcome)
        cover = Cover(subject.scenes)
        if certificate.witness is not None:
            problems += _refuse_witness(certificate.witness, judge, cover)
        else:
            problems += _refuse_facts(certificate.facts, judge, cover)
    counts = Counter(fact.kind for fact in certificate.facts)
    return Verification(
        not problems, certificate.claim, subject.program.test.name, _model_text(subject), certificate.name,
        show_prop(subject.program.test.arch, certificate.outcome), dict(sorted(counts.items())),
        time.monotonic() - start, _limits(subject), tuple(problems[:MOST_PROBLEMS]),
    )  # fmt: skip


def _model_text(subject: Subject) -> str:
    more = sorted(subject.model.variants - DEFAULT_VARIANTS)
    return subject.model_name + (f" with {', '.join(more)}" if more else "")


def _limits(subject: Subject) -> tuple[str, ...]:
    if any(path.cut for thread in subject.structure.paths for path in thread):
        return (f"loops are followed {subject.asked.unroll} times at most: what takes longer is not spoken of",)
    return ()


def verify_main(path: str, out: TextIO) -> int:
    """Checks the certificate in a file and prints the result: 0 where it is proven, 1 where it is refused.

    Raises InputError for what cannot be read or is no certificate.
    """
    result = verify_certificate(read_certificate(path))
    lines = [f"Test     {result.test}", f"Model    {result.model}"]
    named = "" if result.outcome == result.proposition else f"{result.outcome}: "
    lines += [f"Outcome  {named}{result.proposition}", f"Claim    {result.claim}"]
    if result.facts:
        listed = ", ".join(f"{count} {kind}" for kind, count in result.facts.items())
        lines.append(f"Facts    {sum(result.facts.values())}: {listed}")
    lines += [f"Limit    {limit}" for limit in result.limits]
    lines.append(f"{'Verified' if result.ok else 'Refused'} in {result.seconds:.2f} s")
    lines += [f"  {problem}" for problem in result.problems]
    print("\n".join(lines), file=out)
    return 0 if result.ok else 1


def read_certificate(path: str) -> object:
    """The JSON data of a file; of an explanation in JSON, its certificate.  Raises InputError."""
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8", hint="certificates are JSON files") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: is no JSON: {error}", hint="`explain --format json` writes certificates") from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply for a certificate") from error
    if isinstance(data, dict) and isinstance(data.get("certificate"), dict):
        return data["certificate"]
    if isinstance(data, dict) and isinstance(data.get("certificate_missing"), str):
        raise InputError(f"{path}: the explanation has no certificate: {data['certificate_missing']}")
    return data


# --- reading ---------------------------------------------------------------------------------------------------------
class _Certificate:
    """The parts of a certificate.  Raises InputError for what is missing or of a wrong type."""

    def __init__(self, data: object) -> None:
        if not isinstance(data, dict) or data.get("certificate") != "membar-check":
            raise InputError("this is no certificate", hint="`explain --format json` writes certificates")
        if data.get("version") != VERSION:
            raise InputError(f"the certificate is of version {data.get('version')!r}, expected {VERSION}")
        self.data: dict[str, Any] = data
        self.claim = _text(data, "claim")
        if self.claim not in ("allowed", "forbidden"):
            raise InputError(f"the certificate claims {self.claim!r}, expected `allowed` or `forbidden`")
        test, model, outcome = _part(data, "test"), _part(data, "model"), _part(data, "outcome")
        self.asked = Asked(
            _text(test, "file"), _text(test, "text"), _perhaps(model, "asked"), _perhaps(model, "bell"),
            _perhaps(model, "macros"), _texts(data, "include_dirs"), _texts(model, "variants"), _number(data, "unroll"),
        )  # fmt: skip
        self.name = _text(outcome, "name")
        self.text = _text(outcome, "text")
        self.outcome: Prop = read_prop(outcome.get("proposition"))
        self.witness = _witness(_part(data, "witness")) if self.claim == "allowed" else None
        found = data.get("facts", ())
        if self.claim == "forbidden" and not isinstance(found, list):
            raise InputError("the certificate has no list of facts")
        self.facts = tuple(_fact(fact) for fact in found) if self.claim == "forbidden" else ()


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise InputError(f"the certificate has no part `{name}`")
    return found


def _text(data: dict[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str):
        raise InputError(f"the certificate has no text `{name}`")
    return found


def _perhaps(data: dict[str, Any], name: str) -> str | None:
    return None if data.get(name) is None else _text(data, name)


def _texts(data: dict[str, Any], name: str) -> tuple[str, ...]:
    found = data.get(name)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InputError(f"the certificate has no list of texts `{name}`")
    return tuple(found)


def _number(data: dict[str, Any], name: str) -> int:
    found = data.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise InputError(f"the certificate has no number `{name}`")
    if found < 1:
        raise InputError(f"the certificate has {found} as `{name}`, expected 1 or more")
    return found


def _numbers(found: object, name: str) -> tuple[int, ...]:
    if not isinstance(found, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in found):
        raise InputError(f"the certificate has no list of numbers `{name}`")
    return tuple(found)


def _edges(found: object, name: str) -> tuple[Edge, ...]:
    if not isinstance(found, list):
        raise InputError(f"the certificate has no list of edges `{name}`")
    edges = tuple(_numbers(edge, name) for edge in found)
    if not all(len(edge) == 2 for edge in edges):
        raise InputError(f"the certificate has something else than pairs of events in `{name}`")
    return tuple((edge[0], edge[1]) for edge in edges)


def _fact(data: object) -> Fact:
    if not isinstance(data, dict) or data.get("kind") not in KINDS:
        raise InputError(f"the certificate has a fact of an unknown kind, expected one of: {', '.join(KINDS)}")
    paths: dict[int, frozenset[int]] = {}
    for thread, numbers in _part(data, "paths").items():
        if not thread.isascii() or not thread.isdigit():
            raise InputError(f"the certificate has a fact about a thread `{thread}`")
        paths[int(thread)] = frozenset(_numbers(numbers, "paths"))
    rf, co = _edges(data.get("rf"), "rf"), _edges(data.get("co"), "co")
    if data["kind"] != "axiom":
        return Fact(data["kind"], paths, rf, co)
    return Fact("axiom", paths, rf, co, _text(data, "axiom"), _numbers(data.get("cycle"), "cycle"))


def _witness(data: dict[str, Any]) -> Candidate:
    choices = {name: _edges(edges, "choices") for name, edges in _part(data, "choices").items()}
    paths = _numbers(data.get("paths"), "paths")
    return Candidate(paths, _edges(data.get("rf"), "rf"), _edges(data.get("co"), "co"), choices)


# --- checking --------------------------------------------------------------------------------------------------------
def event_table(subject: Subject) -> list[dict[str, Any]]:
    """What the numbers of events stand for: thread, place in the source, locations, and the sets that models know."""
    places: dict[int, set[str]] = {e: {str(a)} for a, e in subject.structure.initial.items()}
    for thread in subject.structure.paths:
        for path in thread:
            for e, place in path.address.items():
                places.setdefault(e, set()).add(str(place))
    out = []
    for event in subject.structure.events:
        entry: dict[str, Any] = {"event": event.number, "thread": event.thread}
        if event.span is not None:
            entry["line"] = event.span.line
            if event.span.source.name != subject.asked.file:
                entry["file"] = event.span.source.name
        entry["at"] = sorted(places.get(event.number, ()))
        out.append({**entry, "sets": sorted(event.sets)})
    return out


def _identity(data: dict[str, Any], subject: Subject) -> list[str]:
    """What the certificate says of the test and the model, and is not so."""
    found = subject_json(subject)
    problems = []
    if data["test"].get("sha256") != found["test"]["sha256"]:
        problems.append("the text of the test is not the one that was certified: its digest differs")
    if data["test"].get("name") != found["test"]["name"]:
        problems.append("the test has another name")
    if data["test"].get("headers") != found["test"]["headers"]:
        problems.append("the headers of the test are not those of the certificate")
    if data["model"].get("files") != found["model"]["files"] or data["model"].get("name") != found["model"]["name"]:
        problems.append("the files of the model are not those of the certificate")
    if data.get("paths") != [len(thread) for thread in subject.structure.paths]:
        problems.append("the threads of the test have other paths than the certificate says")
    if data.get("events") != event_table(subject):
        problems.append("the events of the test are not those of the certificate")
    return problems


def _outcome(certificate: _Certificate, subject: Subject) -> list[str]:
    program = subject.program
    missing = unknown_places(program, certificate.outcome)
    if missing:
        return [f"the outcome names what the test does not have: {', '.join(missing)}"]
    if certificate.text != show_prop(program.test.arch, certificate.outcome):
        return ["the text of the outcome and its proposition differ"]
    doubt = doubt_of_name(program, certificate.name, certificate.outcome)
    return [doubt] if doubt else []


def _refuse_witness(witness: Candidate, judge: Judge, cover: Cover) -> list[str]:
    """Why a witness is no execution with the outcome."""
    if not cover.admits(witness):
        return ["the witness is no candidate: its paths, sources and orders do not fit together"]
    paths = {t: frozenset((i,)) for t, i in enumerate(witness.paths)}
    world = judge.world(Fact("axiom", paths, witness.rf, witness.co))
    if world is None or not whole(world):
        return ["the witness leaves something open"]
    problems = []
    values = Values(world)
    if ended(world):
        problems.append("a path of the witness does not run to its end")
    if impossible(world):
        problems.append("the values that the witness reads do not agree with its paths")
    if judge.filter is not None and values.holds(judge.filter) is not True:
        problems.append("the final state of the witness is filtered out")
    if values.holds(judge.outcome) is not True:
        problems.append("the final state of the witness is not the outcome")
    if orders(world) > MOST_ORDERS and not witness.choices:
        fine = passes(judge.model, world)
    else:
        fine = consistent(judge.model, world, witness.choices) is not None
    if not fine:
        problems.append("the witness breaks a check of the model")
    return problems


def _refuse_facts(facts: tuple[Fact, ...], judge: Judge, cover: Cover) -> list[str]:
    """Which facts are not shown to be true, and what they leave uncovered."""
    problems = []
    for number, fact in enumerate(facts):
        unknown = cover.unknown(fact)
        doubt = f"it names {unknown}, which no candidate has" if unknown else judge.doubt(fact)
        if doubt:
            problems.append(f"fact {number} ({fact.kind}) is not proven: {doubt}")
        else:
            cover.exclude(fact)
    rest = cover.remaining()
    if rest is not None and not problems:
        problems.append(f"the facts do not cover every candidate: one takes paths {list(rest.paths)}")
    return problems
