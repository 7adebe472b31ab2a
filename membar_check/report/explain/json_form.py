"""An explanation as one JSON document.

``tool``, ``version``, ``form`` (1: this one), then the attributes of
:class:`~membar_check.explain.explanation.Explanation` under their names, with all records as objects under the names of
their attributes and tuples as lists.  Three things differ:

* a final state is an object, ``{"0:r1": "0", "[x]": "1"}``, in the order of the log; ``matrix`` is one as well, from
  model to verdict;
* an event has ``where`` besides (``P1 line 14``);
* events are referred to by their position in the ``events`` of the execution at hand: in ``relations`` (lists of
  ``[source, target]`` by name), in gaps and rows of the timeline, which belong to ``execution``, and in the derivations
  of the ``cycle`` of a group, which belong to its ``example``.

Further members may follow, such as ``certificate``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from membar_check import __version__
from membar_check.explain.explanation import EventView, Explanation
from membar_check.records import fields, is_record
from membar_check.report.explain import Settings

FORM = 1
_PAIRS = frozenset(("state", "matrix"))


def write(explanation: Explanation, settings: Settings) -> str:
    return json.dumps(document(explanation, settings.extra), ensure_ascii=False, indent=1) + "\n"


def document(explanation: Explanation, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document as data, ``extra`` members last.  Raises ValueError where one of them has a name that is taken."""
    whole = {"tool": "membar-check", "version": __version__, "form": FORM, **_record(explanation)}
    for name, value in (extra or {}).items():
        if name in whole:
            raise ValueError(f"the member {name!r} of the document is taken")
        whole[name] = value
    return whole


def _record(record: object) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in fields(record):
        value = getattr(record, name)
        if name in _PAIRS:
            result[name] = dict(value)
        elif name == "states":
            result[name] = [dict(state) for state in value]
        else:
            result[name] = _data(value)
    if isinstance(record, EventView):
        result["where"] = record.where
    return result


def _data(value: object) -> Any:
    if is_record(value):
        return _record(value)
    if isinstance(value, Mapping):
        return {str(key): _data(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_data(item) for item in value]
    return value
