"""The page of an explanation: ``render_page`` gives one HTML document that needs no network and nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from membar_check.explain.explanation import Derivation, Explanation
from membar_check.report.drawing import STYLES
from membar_check.report.page.content import BADGES, Content, Shown, derivations, reduced, state_text

_TEMPLATES = Path(__file__).resolve().parent / "templates"
MAXIMUM_PAIRS = 240  # pairs of a derived relation that can be told apart in a picture; the script draws no more
_MEANINGS = {
    "po": "program order",
    "co": f"{STYLES['co'].meaning} (within a thread only against program order)",
    "fr": f"{STYLES['fr'].meaning} (within a thread only against program order)",
    "cycle": "the cycle that a check of the model forbids",
    "gap": "an order that the model does not keep",
}


def render_page(explanation: Explanation) -> str:
    """The explanation as the text of an HTML file.

    Same explanation, same text.  Raises nothing for any explanation whose pairs are numbers of its events.
    """
    import jinja2

    content = Content(explanation)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    base, derived = _relations(content)
    return environment.get_template("page.html.j2").render(
        explanation=explanation,
        content=content,
        badge="allowed" if explanation.allowed else "forbidden",
        badges=BADGES,
        fixes=[s for s in content.switches if _forbids(s.effects, explanation.model)] if explanation.allowed else [],
        tabs=_tabs(content),
        base=base,
        derived=derived,
        meanings={name: style.meaning for name, style in STYLES.items()} | _MEANINGS,
        styles=STYLES,
        state_text=state_text,
        css=(_TEMPLATES / "page.css").read_text("utf-8"),
        script=(_TEMPLATES / "page.js").read_text("utf-8"),
        data=_embedded(_data(content)),
    )


def _forbids(effects: tuple[tuple[str, str, str], ...], model: str) -> bool:
    return any(badge == "forbidden" for name, badge, _ in effects if name == model)


def _tabs(content: Content) -> list[tuple[str, str]]:
    """The panels that have something to say: id and caption."""
    explanation = content.explanation
    tabs = [("story", "Story"), ("timeline", "Timeline"), ("why", "Why"), ("what-if", "What if")]
    if not explanation.story:
        tabs = [("why", "Why"), ("timeline", "Timeline"), ("what-if", "What if")]
    tabs += [("executions", "Executions"), ("relations", "Relations"), ("matrix", "Models")]
    empty = {"timeline": not explanation.timeline, "what-if": not content.switches, "matrix": not explanation.matrix}
    return [(key, name) for key, name in tabs if not empty.get(key, False)]


def _relations(content: Content) -> tuple[list[str], list[str]]:
    """The names of base relations in the order of a legend, and those of the others, sorted."""
    base: dict[str, None] = {}
    named: set[str] = set()
    for shown in content.executions:
        base |= dict.fromkeys(shown.view.base)
        named |= {name for name, pairs in shown.view.relations.items() if pairs}
    return [name for name in base if name in named], sorted(named - set(base))


# --- what the script reads -------------------------------------------------------------------------------------------
def _data(content: Content) -> dict[str, Any]:
    explanation = content.explanation
    return {
        "badge": "allowed" if explanation.allowed else "forbidden",
        "model": explanation.model,
        "badges": BADGES,
        "maximum": MAXIMUM_PAIRS,
        "executions": {shown.key: _execution(content, shown) for shown in content.executions},
        "switches": {
            switch.key: {
                "text": switch.edit.text.replace("`", ""),
                "shows": switch.shows,
                "file": content.file_index(switch.file),
                "removed": [number for number, _ in switch.removed],
                "added": switch.added,
                "effects": {model: (badge, detail) for model, badge, detail in switch.effects},
            }
            for switch in content.switches
        },
    }


def _execution(content: Content, shown: Shown) -> dict[str, Any]:
    view = shown.view
    return {
        "role": shown.role,
        "state": state_text(view.state),
        "events": [
            {
                "name": event.name,
                "where": content.where(event),
                "line": content.anchor(event.place),
                "action": event.action,
                "tags": list(event.tags),
                "text": event.place.text,
            }
            for event in view.events
        ],
        "relations": {name: (len(pairs), reduced(pairs)) for name, pairs in _derived(shown)},
        "trees": {
            f"{relation} {source} {target}": [
                (line.depth, line.relation, line.source, line.target, line.rule, line.defined)
                for line in content.lines(derivation, view)
            ]
            for (relation, source, target), derivation in known_derivations(content, shown).items()
        },
    }


def _derived(shown: Shown) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    view = shown.view
    return [(name, pairs) for name, pairs in sorted(view.relations.items()) if name not in view.base and pairs]


def known_derivations(content: Content, shown: Shown) -> dict[tuple[str, int, int], Derivation]:
    """Derivations to tell by relation and ends: those of cycles, and those that the view or, for its own execution,
    the explanation brings along (``derivations``: a mapping or a collection)."""
    told: list[Any] = [getattr(shown.view, "derivations", ())]
    if shown.key == content.key(content.explanation.execution):
        told.append(getattr(content.explanation, "derivations", ()))
    found: dict[tuple[str, int, int], Derivation] = {}
    for group in told:
        for derivation in group.values() if isinstance(group, Mapping) else group:
            found[(derivation.relation, derivation.source, derivation.target)] = derivation
    return found | derivations(shown.view.broken)


def _embedded(value: object) -> str:
    """JSON that can stand inside of a script element: nothing in it looks like markup."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
