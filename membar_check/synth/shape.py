"""Small tests as data: threads of accesses and fences, and the one execution that the test asks about.

What :mod:`membar_check.synth.write` turns into litmus text and what searches and generators produce.  A shape fixes an
execution: each write has a value of its own at its location (1, 2 ... in coherence order, 0 is initial), each read the
value of the write that it reads from, so the condition of the test is exactly "this execution".
"""

from __future__ import annotations

from membar_check.records import dataclass

LOCATIONS = "xyzabcdefgh"


@dataclass(frozen=True, slots=True)
class Access:
    """``kind`` R or W at location number ``location``; ``value`` read or written; ``tags``: annotations as the model
    of the dialect names them (``A`` ``L`` ``Q``, ``Acq`` ``Rel``, ``ACQUIRE`` ``RELEASE`` ``ONCE``; none for plain)."""

    kind: str
    location: int
    value: int
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fence:
    """``name``: the fence as assembly or C writes it: ``DMB SY``, ``MFENCE``, ``fence rw,rw``, ``lwsync``,
    ``smp_mb``, ``rcu_read_lock``, ``synchronize_rcu``."""

    name: str


Item = Access | Fence


@dataclass(frozen=True, slots=True)
class Dependency:
    """From the read at index ``source`` of a thread's items to the access at ``target``; ``kind``: addr, data, ctrl,
    or ctrl with a fence behind the branch (``ctrl+isb``, ``ctrl+isync``, ``ctrl+fence.i``); with ``pick-`` in front the
    value only selects (AArch64's CSEL)."""

    kind: str
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Line:
    """One thread.  ``rmw``: pairs of indices of a read and the write of the same read-modify-write."""

    items: tuple[Item, ...]
    dependencies: tuple[Dependency, ...] = ()
    rmw: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """``arch`` as the header of a litmus test spells it (C, AArch64, X86, X86_64, RISCV, PPC)."""

    arch: str
    threads: tuple[Line, ...]

    @property
    def accesses(self) -> int:
        """The number of reads and writes."""
        return sum(isinstance(item, Access) for line in self.threads for item in line.items)

    @property
    def size(self) -> tuple[int, int, int, int]:
        """What makes a test small, most important first: accesses, threads, fences with dependencies and
        read-modify-writes, annotations."""
        extra = sum(isinstance(item, Fence) for line in self.threads for item in line.items)
        extra += sum(len(line.dependencies) + len(line.rmw) for line in self.threads)
        tags = sum(len(item.tags) for line in self.threads for item in line.items if isinstance(item, Access))
        return self.accesses, len(self.threads), extra, tags
