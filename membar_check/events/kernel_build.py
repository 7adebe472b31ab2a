"""The paths of all CPUs of a kernel C test: what one hands to another is found by iteration."""

from __future__ import annotations

from itertools import product

from membar_check.diagnostics import Inconclusive
from membar_check.events.activity import Episode, Token
from membar_check.events.faults import Fault
from membar_check.events.kernel import KernelRunner
from membar_check.events.kernel_state import Incoming
from membar_check.events.numbering import Numbering
from membar_check.events.paths import Addresses
from membar_check.events.structure import Path
from membar_check.program.ir import Program
from membar_check.values import Value

MAX_ROUNDS = 12
MAX_FAMILIES = 20_000


def kernel_paths(
    program: Program, addresses: Addresses, unroll: int
) -> tuple[Numbering, list[tuple[Path, ...]], list[Fault]]:
    """The paths of each CPU, the numbering of their events, and where operations may have no value.

    Runs all CPUs again until no new interrupt is sent, no other lock is found at which one may wait for ever, and no
    other grace period or critical section.
    Raises Inconclusive where that does not end.
    """
    incoming = {t.number: Incoming() for t in program.threads}
    contended: frozenset[Value] = frozenset()
    episodes: frozenset[Episode] = frozenset()
    objects: dict[str, int] = {}
    numbering = Numbering()
    done: dict[int, tuple[object, KernelRunner, tuple[Path, ...]]] = {}
    for _ in range(MAX_ROUNDS):
        for t in program.threads:
            given = (incoming[t.number], contended, episodes)
            if t.number not in done or done[t.number][0] != given:
                runner = KernelRunner(program, t, numbering, addresses, unroll, *given, objects)
                done[t.number] = (given, runner, runner.paths())
        runners = [done[t.number][1] for t in program.threads]
        paths = [done[t.number][2] for t in program.threads]
        arriving = {t.number: _incoming(t.number, paths) for t in program.threads}
        blocking = frozenset().union(*(r.blocking for r in runners))
        found = frozenset(e for r in runners for e in r.episodes)
        found = found if any(e.grace for e in found) else frozenset()
        if arriving == incoming and blocking <= contended and found <= episodes:
            return numbering, paths, [f for r in runners for f in r.faults]
        incoming, contended, episodes = arriving, contended | blocking, episodes | found
    raise Inconclusive("engine", "interrupts that send interrupts do not come to an end")


def _incoming(target: int, paths: list[tuple[Path, ...]]) -> Incoming:
    """What the paths of the other CPUs may hand to ``target``."""
    sent: list[set[frozenset[Token]]] = []
    for thread in paths:
        if thread and thread[0].thread != target:
            sets = {
                frozenset(k for k in p.activity.sent if k.target == target) for p in thread if p.activity is not None
            }
            sent.append(sets)
    total = 1
    for sets in sent:
        total *= len(sets)
    if total > MAX_FAMILIES:
        raise Inconclusive("engine", f"{total} combinations of interrupts may reach CPU {target}")
    families = frozenset(frozenset().union(*together) for together in product(*sent))
    tokens = tuple(sorted(frozenset().union(*families), key=repr))
    return Incoming(tokens, families)
