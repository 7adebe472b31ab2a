"""Makes certificates: why an outcome is allowed or forbidden, so that it can be checked without the engines.

The format is described in ``docs/certificates.md``; :mod:`membar_check.explain.verify` checks certificates.
"""

from __future__ import annotations

import time
from typing import Any

from membar_check import __version__
from membar_check.engine.api import CheckOptions, model_request
from membar_check.explain.facts import Search
from membar_check.explain.verify import VERSION, event_table
from membar_check.explain.verify_cover import Cover
from membar_check.explain.verify_fact import Candidate, Fact, Judge
from membar_check.explain.verify_prop import doubt_of_name, prop_json, read_prop
from membar_check.explain.verify_subject import Asked, read_subject, subject_json
from membar_check.litmus.printer import show_prop
from membar_check.litmus.syntax import LitmusTest, Prop


def certify(
    path: str, test: LitmusTest, options: CheckOptions, prop: Prop, outcome_text: str, seconds: float
) -> dict[str, Any]:
    """The certificate, as JSON data, for the final states in which ``prop`` holds.

    ``path``: the file of the test as the user named it; ``prop`` with canonical register names, as those of
    :class:`membar_check.program.ir.Program`; ``outcome_text``: what the outcome is called, where the test says so.
    Raises Inconclusive where no certificate is found within ``seconds``, InputError and Unsupported as a check does.
    """
    start = time.monotonic()
    request = model_request(test, options)
    asked = Asked(
        path, test.source.text, request.model, request.bell, request.macros, request.include_dirs,
        tuple(sorted(request.variants)), options.unroll,
    )  # fmt: skip
    subject = read_subject(asked)
    cover = Cover(subject.scenes)
    judge = Judge(subject.scenes, subject.model, prop)
    found = Search(judge, cover, seconds - (time.monotonic() - start)).run()
    written = read_prop(prop_json(prop))
    shown = show_prop(subject.program.test.arch, written)
    name = shown if doubt_of_name(subject.program, outcome_text, written) else outcome_text
    return {
        "certificate": "membar-check",
        "version": VERSION,
        "tool": __version__,
        "claim": "forbidden" if found.witness is None else "allowed",
        "outcome": {"name": name, "text": shown, "proposition": prop_json(prop)},
        **subject_json(subject),
        "paths": [len(thread) for thread in subject.structure.paths],
        "events": event_table(subject),
        **_proof(found.witness, found.facts),
    }


def _proof(witness: Candidate | None, facts: tuple[Fact, ...]) -> dict[str, Any]:
    if witness is None:
        return {"facts": [fact_json(fact) for fact in facts]}
    return {
        "witness": {
            "paths": list(witness.paths),
            "rf": [list(edge) for edge in sorted(witness.rf)],
            "co": [list(edge) for edge in sorted(witness.co)],
            "choices": {name: [list(edge) for edge in edges] for name, edges in sorted(witness.choices.items())},
        }
    }


def fact_json(fact: Fact) -> dict[str, Any]:
    """A fact as certificates write it."""
    out: dict[str, Any] = {
        "kind": fact.kind,
        "paths": {str(t): sorted(numbers) for t, numbers in sorted(fact.paths.items())},
        "rf": [list(edge) for edge in fact.rf],
        "co": [list(edge) for edge in fact.co],
    }
    if fact.kind == "axiom":
        out |= {"axiom": fact.axiom, "cycle": list(fact.cycle)}
    return out
