"""The data of a report of the gate, by the name that this floor uses.

They are defined below, in :mod:`membar_check.report.gate.data`, because the reports stand on a lower floor.  Modules of
``report/gate/`` import them from there.
"""

from __future__ import annotations

from membar_check.report.gate.data import (
    Distinguished,
    GateItem,
    GateReport,
    Kind,
    ModelChange,
    Position,
    Record,
)

__all__ = ["Distinguished", "GateItem", "GateReport", "Kind", "ModelChange", "Position", "Record"]
