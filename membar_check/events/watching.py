"""Which ways out of watched conditions a path of kernel C takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from membar_check.diagnostics import Inconclusive
from membar_check.events.kernel_state import KernelState
from membar_check.events.paths import Addresses, State
from membar_check.events.structure import Applied, Symbolic
from membar_check.program.control import Watch
from membar_check.program.ir import Expr

if TYPE_CHECKING:
    from membar_check.events.kernel import KernelRunner


class Watcher:
    """Splits paths where a watched condition may be true and false; their executions together stay the same."""

    def __init__(self, runner: KernelRunner) -> None:
        self.runner = runner

    def step(self, st: KernelState, op: Watch) -> list[State] | None:
        """Notes the way that the path takes, if it comes to evaluate the condition."""
        for cond, wanted in op.guards:
            found = self._truth(st, op, cond)
            if isinstance(found, list):
                return found
            if found != wanted:
                return None
        found = self._truth(st, op, op.cond)
        if isinstance(found, list):
            return found
        way = (op.site, found == op.same)
        if way not in st.ways:
            st.ways |= {way}
        return None

    def _truth(self, st: KernelState, op: Watch, cond: Expr) -> bool | list[State]:
        value = self.runner.evaluate(st, cond)
        if isinstance(value, list):
            return _again(op, value)
        known = self._follows(st, value.value)
        if known is not None:
            if isinstance(value.value, Applied) and value.value not in st.decided:
                st.decided[value.value] = known
                st.choices += 1  # as much as the program's own branch on it would count
            return known
        known = foreseen(value.value, st, self.runner.addresses)
        if known is not None:
            return known
        forks: list[State] = []
        for expected in (False, True):
            new = st.copy()
            self.runner.demand(new, value.value, expected)
            new.decided[Applied("eq", (value.value, 0))] = not expected
            forks.append(new)
        return _again(op, forks)

    def _follows(self, st: KernelState, value: Symbolic) -> bool | None:
        """Whether a value is not 0, as far as that follows from what the path has decided."""
        known = self.runner.known(st, value)
        if known is not None or not isinstance(value, Applied):
            return known
        if value.op in ("eq", "ne") and value.args[1] == 0:
            inner = self._follows(st, value.args[0])
            return None if inner is None else inner == (value.op == "ne")
        if value.op not in ("land", "lor"):
            return None
        decisive = value.op == "lor"
        parts = [self._follows(st, a) for a in value.args]
        return decisive if decisive in parts else None if None in parts else not decisive


def _again(op: Watch, forks: list[State]) -> list[State]:
    """Each path goes on with the operation once more."""
    for fork in forks:
        fork.queue = (op, *fork.queue)
    return forks


def foreseen(value: Symbolic, st: State, addresses: Addresses) -> bool | None:
    """Whether a value can only be other than 0, or only be 0; None where both may be or too many are possible."""
    try:
        found = {v != 0 for v in addresses(value, st)}
    except Inconclusive:
        return None
    return found.pop() if len(found) == 1 else None
