"""What ``repair`` and ``slim`` found, in text and as JSON.

The JSON documents are ``{"tool", "version", "command", ...}`` with the members of
:class:`~membar_check.explain.repair.Repair` and :class:`~membar_check.explain.slim.Slimmed`, records as objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from membar_check import __version__
from membar_check.explain.explanation import EditView, Effect
from membar_check.explain.repair import Fix, Repair
from membar_check.explain.slim import Slimmed, Slimming, Stay
from membar_check.litmus.text import counted
from membar_check.records import fields, is_record

FORMATS = ("text", "json")
_Result = TypeVar("_Result", Repair, Slimmed)


def render_repair(result: Repair, format: str = "text") -> str:
    """The answers in a format of :data:`FORMATS`, ended by a line break.  Raises ValueError for other formats."""
    return _render(result, format, "repair", _repair_text)


def render_slim(result: Slimmed, format: str = "text") -> str:
    """The ways to slim in a format of :data:`FORMATS`, ended by a line break.  Raises ValueError for other formats."""
    return _render(result, format, "slim", _slim_text)


def _render(result: _Result, format: str, command: str, text: Callable[[_Result], Iterable[str]]) -> str:
    if format == "text":
        return "\n".join(text(result)) + "\n"
    if format != "json":
        raise ValueError(f"no format {format!r} for {command}; there are {', '.join(FORMATS)}")
    document = {"tool": "membar-check", "version": __version__, "command": command, **_plain(result)}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _plain(value: Any) -> Any:
    if is_record(value):
        return {name: _plain(getattr(value, name)) for name in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


# --- repair ----------------------------------------------------------------------------------------------------------
def _repair_text(result: Repair) -> list[str]:
    lines = [f"{result.file} under {', '.join(result.models)}"]
    if not result.outcome or not result.shown:
        what = f"already impossible: {result.outcome}" if result.outcome else "nothing is wrong"
        return [*lines, f"Nothing to repair, {what}", *_limits(result.limits)]
    lines.append(f"To become impossible: {result.outcome}{_where(result.shown, result.models)}")
    lines += [f"To stay possible: {text}" for text in result.kept]
    lines.append(_repair_head(result))
    for number, fix in enumerate(result.fixes, 1):
        lines += ["", *_fix(number, fix, len(result.models) > 1)]
    return [*lines, *_limits(result.limits)]


def _where(shown: Sequence[str], models: Sequence[str]) -> str:
    return "" if len(shown) == len(models) else f" (possible now under {', '.join(shown)})"


def _repair_head(result: Repair) -> str:
    tried = f"{counted(result.considered, 'edit')} considered, {counted(result.checks, 'check')}"
    if not result.fixes:
        sure = result.proven and result.complete
        return f"{'No set of edits does it' if sure else 'No answer was found, which proves nothing'}: {tried}"
    first = "the first is as cheap as can be" if result.proven else "not proven to be the cheapest"
    more = "" if not result.proven else "; there are no others" if result.complete else "; there may be more"
    return f"{counted(len(result.fixes), 'minimal answer')}, {first}{more}: {tried}"


def _fix(number: int, fix: Fix, several: bool) -> list[str]:
    lines = [f"{number}. cost {fix.cost:g}"]
    needed = {need.edit: need.model for need in fix.needs}
    for edit in fix.edits:
        alone = f"; without it {needed[edit.command]} shows the outcome" if several and len(fix.edits) > 1 else ""
        lines.append(f"   {edit.text}  (`{edit.command}`, {edit.cost:g}{alone})")
    return [*lines, f"   checked anew: {_effects(fix.effects)}", *_diff(fix.diff)]


# --- slim ------------------------------------------------------------------------------------------------------------
def _slim_text(result: Slimmed) -> list[str]:
    lines = [f"{result.file} under {', '.join(result.models)}"]
    tried = f"{counted(result.considered, 'place')} considered, {counted(result.checks, 'check')}"
    if not result.slimmings:
        return [*lines, f"Nothing was found, which proves nothing: {tried}", *_limits(result.limits)]
    if not result.considered:
        return [*lines, "There are no fences and no annotations to do without", *_limits(result.limits)]
    best = result.slimmings[0]
    if not best.edits:
        sure = "Everything is needed" if result.proven else "Nothing is known to be superfluous"
        return [*lines, f"{sure}: {tried}", *_stays(best.stays), *_limits(result.limits)]
    sure = "nothing saves more" if result.proven else "not proven to be the most that can be saved"
    lines.append(f"Nothing new is possible without what follows, all together; {sure}: {tried}")
    for number, way in enumerate(result.slimmings, 1):
        lines += ["", *_slimming(number, way, len(result.slimmings) > 1)]
    return [*lines, *_limits(result.limits)]


def _slimming(number: int, way: Slimming, several: bool) -> list[str]:
    head = f"{number}. saves {way.saved:g}" if several else f"Saves {way.saved:g}"
    lines = [head, *(f"   {_edit(edit)}" for edit in way.edits)]
    return [*lines, f"   checked anew: {_effects(way.effects)}", *_stays(way.stays), *_diff(way.diff)]


def _edit(edit: EditView) -> str:
    return f"{edit.text}  (`{edit.command}`, saves {-edit.cost:g})"


def _stays(stays: Sequence[Stay]) -> list[str]:
    """What stays and why; places with the same reason together."""
    groups: dict[tuple[str, str, str], list[Stay]] = {}
    for stay in stays:
        changed = stay.level if stay.level == stay.was else f"{stay.level} for {stay.was}"
        groups.setdefault((changed, stay.because, stay.model), []).append(stay)
    if not groups:
        return []
    lines = ["   Needed, each for what appears when it alone is made weaker:"]
    for (level, because, model), found in groups.items():
        files = {stay.place.file for stay in found}
        places = ", ".join(_place(stay, len(files) > 1 or stay.place.file.endswith(".h")) for stay in found)
        lines.append(f"     {level} in {places}: {because}{f' ({model})' if model else ''}")
    return lines


def _place(stay: Stay, named: bool) -> str:
    file = stay.place.file.rsplit("/", 1)[-1]
    return f"{file}:{stay.place.line}" if named else f"line {stay.place.line}"


# --- both ------------------------------------------------------------------------------------------------------------
def _effects(effects: Sequence[Effect]) -> str:
    return ", ".join(f"{effect.model} {effect.detail}" for effect in effects)


def _diff(diff: str) -> list[str]:
    return ["", *diff.rstrip("\n").split("\n")] if diff else []


def _limits(limits: Sequence[str]) -> list[str]:
    return ["", *(f"Note: {limit}" for limit in limits)] if limits else []
