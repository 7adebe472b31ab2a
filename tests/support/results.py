"""Results made by hand, for tests of reports and of the command line."""

from __future__ import annotations

from membar_check.diagnostics import Inconclusive, InputError, Source, Span
from membar_check.litmus.syntax import And, Condition, Quantifier
from membar_check.verdict import Edge, Failure, State, Verdict, Witness, WitnessEvent


def state(**places: int) -> State:
    """A final state; ``P0_r1`` stands for ``0:r1``, other names for globals."""
    return tuple(
        (name[1:].replace("_", ":") if name.startswith("P") else f"[{name}]", str(value))
        for name, value in places.items()
    )


def verdict(
    test: str = "SB",
    *,
    quantifier: Quantifier = Quantifier.EXISTS,
    positive: int | None = 1,
    negative: int | None = 3,
    states: tuple[State, ...] | None = None,
    model: str = "x86-tso",
    flags: tuple[str, ...] = (),
    loop: bool = False,
    undefined: bool = False,
    reached: bool | None = None,
    counter_reached: bool | None = None,
    witness: Witness | None = None,
    file: str = "",
    reach: bool = False,
) -> Verdict:
    if states is None:
        states = tuple(state(P0_EAX=a, P1_EAX=b) for a in (0, 1) for b in (0, 1))
    return Verdict(
        test=test,
        file=file or f"litmus/{test}.litmus",
        arch="X86",
        model=model,
        engine="masks",
        condition=Condition(quantifier, And(())),
        condition_text=f"{quantifier.value} (0:EAX=0 /\\ 1:EAX=0)",
        states=None if reach else states,
        positive=positive,
        negative=negative,
        flags=flags,
        loop=loop,
        undefined=undefined,
        reached=bool(positive) if reached is None else reached,
        counter_reached=bool(negative) if counter_reached is None else counter_reached,
        hash="0123456789abcdef0123456789abcdef",
        candidates=4,
        cpu_seconds=0.00123,
        witness=witness,
    )


def failure(name: str = "bad", *, inconclusive: bool = False) -> Failure:
    path = f"litmus/{name}.litmus"
    if inconclusive:
        return Failure(name, path, "x86-tso", Inconclusive("time-out", f"{path}: no answer: time-out after 3 s"))
    source = Source(path, "X86 bad\n{ x=; }\n")
    error = InputError("found `;`, expected a value", Span(source, 12, 13), "write `x=0;`")
    return Failure(name, path, "x86-tso", error)


def store_buffering() -> Witness:
    """Both reads see the initial values."""
    events = (
        WitnessEvent(-1, "W x=0", "", 0),
        WitnessEvent(-1, "W y=0", "", 0),
        WitnessEvent(0, "W x=1", "MOV [x],$1", 5),
        WitnessEvent(0, "R y=0", "MOV EAX,[y]", 6),
        WitnessEvent(1, "W y=1", "MOV [y],$1", 5),
        WitnessEvent(1, "R x=0", "MOV EAX,[x]", 6),
    )
    edges = (
        Edge("rf", 0, 5),
        Edge("rf", 1, 3),
        Edge("co", 0, 2),
        Edge("co", 1, 4),
        Edge("fr", 3, 4),
        Edge("fr", 5, 2),
        Edge("po", 2, 3),
        Edge("po", 4, 5),
    )
    return Witness(events, edges, state(P0_EAX=0, P1_EAX=0))


def four_threads() -> Witness:
    """A crowded picture: four threads of ten events, edges of all kinds between all columns."""
    events = [WitnessEvent(-1, f"W {name}=0", "", 0) for name in "xyz"]
    for thread in range(4):
        for row in range(10):
            kind = ("W[once] x=1", "R[acquire] y=1", "F[mb]", "R[once] z=0", "W[release] y=2")[(row + thread) % 5]
            text = ("WRITE_ONCE(*x, 1);", "r1 = smp_load_acquire(y);", "smp_mb();")[(row * 7 + thread) % 3]
            events.append(WitnessEvent(thread, kind, text, 4 + row))

    def at(thread: int, row: int) -> int:
        return 3 + thread * 10 + row

    edges = [
        Edge("rf", 0, at(3, 1)),
        Edge("rf", 1, at(1, 0)),
        Edge("rf", 2, at(0, 2)),
        Edge("rfe", at(0, 0), at(1, 1)),
        Edge("rfe", at(1, 4), at(2, 2)),
        Edge("rfe", at(2, 6), at(3, 3)),
        Edge("rfe", at(0, 5), at(3, 5)),
        Edge("rfe", at(3, 7), at(0, 8)),
        Edge("rfi", at(0, 3), at(0, 6)),
        Edge("co", at(0, 4), at(1, 3)),
        Edge("co", at(1, 3), at(3, 9)),
        Edge("co", at(2, 8), at(1, 8)),
        Edge("fre", at(2, 3), at(0, 4)),
        Edge("fre", at(3, 2), at(2, 5)),
        Edge("fre", at(1, 6), at(0, 1)),
        Edge("fre", at(2, 9), at(3, 8)),
        Edge("addr", at(0, 1), at(0, 3)),
        Edge("data", at(1, 1), at(1, 4)),
        Edge("ctrl", at(1, 1), at(1, 7)),
        Edge("rmw", at(2, 4), at(2, 5)),
        Edge("data", at(2, 4), at(2, 5)),
        Edge("addr", at(3, 3), at(3, 4)),
        Edge("mb", at(2, 0), at(2, 2)),
        Edge("ctrl", at(3, 5), at(3, 9)),
    ]
    return Witness(tuple(events), tuple(edges), state(P0_r1=0, P1_r1=1, P2_r1=0, P3_r1=1, x=1, y=2))
