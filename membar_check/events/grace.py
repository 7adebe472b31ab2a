"""RCU by its law, for models that know nothing of RCU.

For each grace period and each read-side critical section of another CPU, the section begins after the grace period
began or it ends before the grace period ends, and that orders what comes before and after like full barriers on both
sides (Alglave, Maranget, McKenney, Parri, Stern, ASPLOS 2018, "the RCU guarantee").  Which of the two holds is a choice
of the candidate; it is made by a message, a store that a load of the other CPU must see, between full barriers.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from membar_check.events.activity import Episode, Pact
from membar_check.events.kernel_state import KernelState
from membar_check.events.paths import State
from membar_check.events.structure import ReadOf
from membar_check.program.control import Grace, Section
from membar_check.values import Address

if TYPE_CHECKING:
    from membar_check.events.kernel import KernelRunner


class Law:
    """Runs the beginnings and ends of grace periods and sections; ``others``: those of other CPUs."""

    def __init__(self, runner: KernelRunner, others: frozenset[Episode]) -> None:
        self.runner = runner
        self.thread = runner.thread.number
        self.graces = [e for e in sorted(others) if e.grace and e.thread != self.thread]
        self.sections = [e for e in sorted(others) if not e.grace and e.thread != self.thread]

    def section(self, st: KernelState, op: Section) -> list[State] | None:
        """Nested sections count as one, the outermost."""
        if op.begin:
            st.depth += 1
            if st.depth > 1:
                return None
            if st.episode(False) is None:
                return self._fork(st, op, False, self.graces)
            self._begin(st, op)
            return None
        st.depth -= 1
        if st.depth == 0:
            section = st.close(False)
            early = [p for p in st.pacts if p.section == section and not p.late]
            if early:
                self._fence(st, op)
            for p in early:
                self._tell(st, p)
        return None

    def grace(self, st: KernelState, op: Grace) -> list[State] | None:
        if op.begin:
            if st.episode(True) is None:
                return self._fork(st, op, True, self.sections)
            self._begin(st, op)
            return None
        grace = st.close(True)
        heard = [p for p in st.pacts if p.grace == grace and not p.late]
        for p in heard:
            self._hear(st, p)
        if heard or any(p.grace == grace for p in st.pacts):
            self._fence(st, op)
        return None

    def _fork(self, st: KernelState, op: Section | Grace, grace: bool, partners: list[Episode]) -> list[State]:
        """One state for each way to order the new episode and its possible partners, of which some may not be."""
        episode = Episode(grace, self.thread, self._label(st))
        forks: list[State] = []
        for choice in product((None, True, False), repeat=len(partners)):
            new = st.copy()
            new.open(episode)
            for partner, late in zip(partners, choice, strict=True):
                if late is not None:
                    new.pacts += (Pact(episode, partner, late) if grace else Pact(partner, episode, late),)
            new.queue = (op, *new.queue)
            if isinstance(op, Section):
                new.depth -= 1
            forks.append(new)
        return forks

    def _begin(self, st: KernelState, op: Section | Grace) -> None:
        """What the beginning of an open episode does, once its order is chosen."""
        if isinstance(op, Grace):
            late = [p for p in st.pacts if p.grace == st.episode(True) and p.late]
            self._fence(st, op)
            for p in late:
                self._tell(st, p)
            return
        late = [p for p in st.pacts if p.section == st.episode(False) and p.late]
        for p in late:
            self._hear(st, p)
        if late:
            self._fence(st, op)

    def _label(self, st: KernelState) -> str:
        return f"{st.pc - 1}.{st.visits[st.pc - 1]}"

    @staticmethod
    def _place(p: Pact) -> Address:
        kind = "late" if p.late else "early"
        return Address(f"{kind}@P{p.grace.thread}.{p.grace.label}@P{p.section.thread}.{p.section.label}")

    def _fence(self, st: KernelState, op: Section | Grace) -> None:
        self.runner.emit(st, op.fence | {"F"})

    def _tell(self, st: KernelState, p: Pact) -> None:
        event = self.runner.emit(st, frozenset("W"))
        st.address[event] = self._place(p)
        st.stored[event] = 1

    def _hear(self, st: KernelState, p: Pact) -> None:
        event = self.runner.emit(st, frozenset("R"))
        st.address[event] = self._place(p)
        self.runner.demand(st, ReadOf(event), 1)
