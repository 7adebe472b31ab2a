"""The masks engine: pruning, chunks, picks, values, flags and limits must not change what is found."""

from __future__ import annotations

import pytest

from membar_check.cat.dag import PickChoice
from membar_check.cat.monotone import Monotone
from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine import masks, prune
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.masks import MasksEngine
from membar_check.engine.picks import expand
from membar_check.engine.symbolic import SymbolicEngine
from membar_check.engine.tally import Goal
from membar_check.events.orders import Digit
from membar_check.events.space import Chunk, Space, blocks, chunks
from membar_check.events.valuation import Valuation
from support.inline import (
    LIMIT,
    assembly,
    check,
    compiled,
    counts,
    interpret,
    judge_compiled,
    kernel,
    loaded,
    prepared,
    states,
    structure_of,
    summary,
)

BIG = assembly(
    "X86",
    "",
    [
        "MOV [x],$1; MOV [y],$1; MOV EAX,[z]; MOV [w],$1; MOV [z],$2",
        "MOV [y],$2; MOV [z],$1; MOV [w],$2; MOV EAX,[x]; MOV EBX,[w]",
        "MOV EAX,[y]; MOV EBX,[z]; MOV ECX,[w]; MOV EDX,[x]; MOV ESI,[y]; MOV EDI,[z]",
    ],
    "exists (0:EAX=0 /\\ 1:EAX=0)",
)
RSW = assembly(
    "RISCV",
    "0:x6=z; 0:x7=x; 1:x6=x; 1:x7=y; 1:x8=z;",
    [
        "ori x5,x0,1; sw x5,0(x6); fence rw,rw; sw x5,0(x7)",
        "lw x5,0(x6); xor x9,x5,x5; add x10,x7,x9; lw x11,0(x10); lw x12,0(x7); xor x13,x12,x12; add x14,x8,x13;"
        "lw x15,0(x14)",
    ],
    "exists (1:x5=1 /\\ 1:x15=0)",
)
TRYLOCKS = kernel(
    "",
    ["(spinlock_t *l, int *x) int r0; r0 = spin_trylock(l); if (r0) { WRITE_ONCE(*x, 1); spin_unlock(l); }"] * 3,
    "exists (0:r0=0 /\\ 1:r0=0)",
)
IS_LOCKED = kernel(
    "",
    [
        "(spinlock_t *l) spin_lock(l); spin_unlock(l);",
        "(spinlock_t *l) spin_lock(l); spin_unlock(l);",
        "(spinlock_t *l) int r0; r0 = spin_is_locked(l);",
    ],
    "exists (2:r0=1)",
)


# --- pruning ---------------------------------------------------------------------------------------------------------
def size_of(text: str, model: str | None = None) -> int:
    structure, found = prepared(text, model)
    assert found.compiled is not None
    return sum(s.size for s in MasksEngine(found.compiled, structure, LIMIT).space.skeletons())


@pytest.mark.parametrize(("model", "expected"), [("sc", (3, 0, 1156)), ("x86-tso", (4, 604, 1540))])
def test_pruning_a_large_test(model: str, expected: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert size_of(BIG, model) > prune.SMALL
    pruned = check(BIG, model)
    assert counts(pruned) == expected
    monkeypatch.setattr(masks, "SMALL", 1 << 40)
    plain = check(BIG, model)
    assert (plain.states, counts(plain)) == (pruned.states, expected)
    assert pruned.candidates < plain.candidates


@pytest.mark.parametrize(
    "check_text",
    [
        "empty ((W * W) & loc & ext) \\ (co | co^-1)",
        "empty ([R]; po-loc; [R]) \\ (po-loc | rf^-1; rf)",
        "empty (R \\ range(rf)) * R",
        "empty W \\ (IW | range(co))",
        "acyclic po \\ (po; rf; po) | rf | co | fr",
        "empty (fr \\ fr) | (rmw \\ (fr; co))",
    ],
)
def test_checks_that_hold_only_when_all_is_known(check_text: str) -> None:
    """What a check takes away may be known later than what it takes it away from."""
    model = compiled(f"let fr = rf^-1; co\nacyclic po | rf | co | fr\n{check_text}")
    structure = structure_of(BIG)
    tally = judge_compiled(model, structure)
    assert (tally.positive, tally.negative) == (0, 1156)


def test_reads_of_one_write_may_be_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counts(check(RSW)) == (4, 1, 3)
    monkeypatch.setattr(masks, "SMALL", 0)
    assert counts(check(RSW)) == (4, 1, 3)


@pytest.mark.parametrize("size", [1, 2, 1 << 12])
def test_pruning_keeps_the_last_writes(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = ["MOV [x],$1; MOV [y],$2", "MOV [y],$1; MOV [x],$2"]
    text = assembly("X86", "", threads, "exists (x=1 /\\ y=1)")
    monkeypatch.setattr(masks, "SMALL", 0)
    monkeypatch.setattr(prune, "CHUNK", size)
    verdict = check(text, "sc")
    assert counts(verdict) == (3, 0, 3)
    assert states(verdict) == {"[x]=1; [y]=2", "[x]=2; [y]=1", "[x]=2; [y]=2"}


def test_survivors_break_no_monotone_check() -> None:
    structure, found = prepared(BIG)
    model = found.compiled
    assert model is not None and model.order is not None
    checks = Monotone(model).checks(model)
    assert checks
    (skeleton,) = Space(structure, True, None, model.atomic).skeletons()
    survivors = list(prune.pruned_blocks(model, checks, structure, skeleton))
    assert 0 < sum(b.size for b in survivors) < skeleton.size
    for block in survivors:
        chunk = Chunk(structure, [block])
        evaluator = Evaluator(model, chunk, Valuation(chunk), {model.order.result.name: chunk.co})
        assert not any(evaluator.failing(k.test, k.node, chunk.full) for k in checks)


def test_flattened_variants_keep_every_choice() -> None:
    one = Digit(2, {(0, 1): 1, (2, 1): 2}, {}, {})
    two = Digit(3, {(0, 3): 1, (2, 3): 6}, {}, {2: 7})
    other = Digit(1, {(0, 1): 1, (0, 3): 1}, {(0, 2): 1}, {0: 1})
    flat = prune.flatten(((one, two), (other,)))
    assert flat.radix == 7
    assert flat.rf == {(0, 1): 0b1010101, (2, 1): 0b0101010, (0, 3): 0b1000011, (2, 3): 0b0111100}
    assert flat.co == {(0, 2): 0b1000000}
    assert flat.last == {2: 0b0111111, 0: 0b1000000}
    assert prune.flatten(((one,),)) is one


def test_locations_too_wide_to_join_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MAX_FLAT", 10), ("MAX_JOINED", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(prune, name, value)
            assert counts(check(BIG, "sc")) == (3, 0, 1156)


# --- chunks ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 4, 7])
@pytest.mark.parametrize("text", [RSW, TRYLOCKS, IS_LOCKED], ids=["RSW", "TRYLOCKS", "IS_LOCKED"])
def test_the_borders_of_chunks_do_not_matter(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    structure, found = prepared(text)
    assert found.compiled is not None
    whole = judge_compiled(found.compiled, structure)
    monkeypatch.setattr(masks, "blocks", lambda skeleton: blocks(skeleton, size))
    monkeypatch.setattr(masks, "chunks", lambda space, blocks_of: chunks(space, blocks_of, size))
    parts = judge_compiled(found.compiled, structure)
    assert summary(parts) == summary(whole)
    assert parts.candidates == whole.candidates


def test_more_candidates_than_the_limit() -> None:
    structure, found = prepared(BIG, "sc")
    assert found.compiled is not None
    with pytest.raises(Inconclusive, match="more than 10 candidates") as caught:
        MasksEngine(found.compiled, structure, 10).run(Goal())
    assert caught.value.reason == "engine"
    assert "z3" in caught.value.hint


# --- picks -----------------------------------------------------------------------------------------------------------
def test_picks_give_every_event_one_edge() -> None:
    model = compiled(
        "with p from cross(map (fun r -> map (fun w -> w ++ 0) ((W * (r ++ 0)) & loc)) R)\n"
        "let fr = rf^-1; co\nacyclic po-loc | rf | co | fr"
    )
    text = assembly("X86", "", ["MOV [x],$1; MOV EAX,[x]", "MOV EAX,[x]; MOV [y],$1"], "exists (0:EAX=1)")
    structure = structure_of(text)
    (choice,) = [c for c in model.choices if isinstance(c, PickChoice)]
    (run,) = chunks(Space(structure, True))
    chunk = Chunk(structure, run)
    evaluator = Evaluator(model, chunk, Valuation(chunk), {})
    targets, pairs = evaluator.set_of(choice.targets), evaluator.relation(choice.pairs)
    wide, picked, valid = expand(chunk, [(choice, targets, pairs)])
    (edges,) = picked.values()
    assert wide.count == 4 * chunk.count and valid == wide.full
    seen = set()
    for number in range(wide.count):
        here = frozenset((a, b) for a, row in edges.items() for b, m in row.items() if m >> number & 1)
        assert sorted(b for _, b in here) == sorted(targets)
        assert all(b in pairs[a] for a, b in here)
        seen.add((number % chunk.count, here))
    assert len(seen) == wide.count
    assert judge_compiled(model, structure).positive == 8


def test_picks_of_events_that_are_not_there_are_made_once() -> None:
    """Two failed trylocks choose among the acquisitions; paths without them have nothing to choose."""
    assert counts(check(TRYLOCKS)) == (4, 1, 20)
    assert counts(check(IS_LOCKED)) == (2, 4, 6)


def test_too_many_picks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("membar_check.engine.picks.LIMIT", 3)
    with pytest.raises(Inconclusive, match="with the choices of the model are too many"):
        check(IS_LOCKED)


# --- checks with prefixes --------------------------------------------------------------------------------------------
SB = assembly("X86", "", ["MOV [x],$1; MOV EAX,[y]", "MOV [y],$1; MOV EAX,[x]"], "exists (0:EAX=0 /\\ 1:EAX=0)")
FR = "let fr = rf^-1; co\n"


def test_flags_are_raised_by_consistent_executions_only() -> None:
    text = FR + "acyclic po | rf | co | fr as sc\nflag ~empty [R]; fr; [W] as f\nflag ~acyclic po | fr | rf as weak"
    tally = judge_compiled(compiled(text), structure_of(SB))
    assert (tally.positive, tally.negative, tally.flags, tally.undefined) == (0, 3, {"f"}, False)
    text = FR + "flag ~acyclic po | fr | rf as weak\nflag empty rf as none\nflag acyclic po as straight"
    tally = judge_compiled(compiled(text), structure_of(SB))
    assert (tally.positive, tally.negative, tally.flags) == (1, 3, {"weak", "straight"})
    text = FR + "flag ~acyclic po | fr | rf as weak\nacyclic po | rf | co | fr as sc"
    assert judge_compiled(compiled(text), structure_of(SB)).flags == set()


def test_undefined_behaviour_is_kept_apart() -> None:
    tally = judge_compiled(compiled(FR + "undefined_unless acyclic po | fr | rf as defined"), structure_of(SB))
    assert (tally.positive, tally.negative, tally.undefined) == (1, 3, True)
    text = FR + "acyclic po | rf | co | fr\nundefined_unless acyclic po | fr | rf as defined"
    assert not judge_compiled(compiled(text), structure_of(SB)).undefined
    text = FR + "undefined_unless acyclic po | fr | rf as defined\nacyclic po | rf | co | fr"
    assert not judge_compiled(compiled(text), structure_of(SB)).undefined


def test_negated_checks_and_assertions() -> None:
    tally = judge_compiled(compiled(FR + "~acyclic po | fr | rf"), structure_of(SB))
    assert (tally.positive, tally.negative) == (1, 0)
    judge_compiled(compiled(FR + "assert acyclic po as fine"), structure_of(SB))
    with pytest.raises(InputError, match="assertion sc fails"):
        judge_compiled(compiled(FR + "assert acyclic po | fr | rf as sc"), structure_of(SB))


def test_filters_drop_executions_before_flags() -> None:
    text = SB.replace("exists", "filter (0:EAX=1 \\/ 1:EAX=1)\nexists")
    tally = judge_compiled(compiled(FR + "flag ~acyclic po | fr | rf as weak"), structure_of(text))
    assert (tally.positive, tally.negative, tally.flags) == (0, 3, set())


def test_why_a_candidate_is_no_execution() -> None:
    model = compiled(FR + "acyclic po | rf | co | fr as sc")
    structure = structure_of(SB)
    engine = MasksEngine(model, structure, LIMIT)
    (run,) = chunks(Space(structure, True))
    chunk = Chunk(structure, run)
    assert model.order is not None
    assert engine.blame(chunk, {model.order.result.name: chunk.co}) == "sc"


# --- coherence that must extend a given order -------------------------------------------------------------------------
THROUGH_UNLOCKS = """
let W = W | LKW
let base = co0 | ([IW]; loc; [LKW]) | ([LKW]; po-loc; [UL]) | ([UL]; po-loc; [W])
with co from generate_orders(W, base)
"""
OBSERVED_TOO = THROUGH_UNLOCKS.replace("with", "let base = base | (rf; po-loc; [UL])\nwith")


@pytest.mark.parametrize("model", [THROUGH_UNLOCKS, OBSERVED_TOO])
def test_an_order_given_through_events_that_are_not_ordered(model: str) -> None:
    """Two sections of a thread are ordered only through the unlock, which itself is not in coherence."""
    structure = structure_of(
        kernel("", ["(spinlock_t *l) spin_lock(l); spin_unlock(l); spin_lock(l);"] * 2, "exists (l=0)")
    )
    tally = judge_compiled(compiled(model, "C", "cross.cat"), structure)
    assert (tally.positive, tally.negative) == (6, 0)
    assert summary(tally) == summary(interpret(loaded(model, "cross.cat"), structure))


@pytest.mark.parametrize(
    ("base", "executions"),
    [("co0", 6), ("co0 | [W]; po & loc; [W]", 3), ("co0 | (([W]; po & loc; [W])^-1)", 3), ("co0 | loc & (W * W)", 0)],
)
def test_an_order_given_among_the_writes(base: str, executions: int) -> None:
    """Coherence extends it, although no check of the model asks for SC per location."""
    structure = structure_of(assembly("X86", "", ["MOV [x],$1; MOV [x],$2", "MOV [x],$3"], "forall (true)"))
    model = f"with co from generate_orders(W, {base})"
    tally = judge_compiled(compiled(model, first="cross.cat"), structure)
    assert (tally.positive, tally.negative) == (executions, 0)
    assert summary(tally) == summary(interpret(loaded(model, "cross.cat"), structure))


@pytest.mark.parametrize(
    ("base", "executions"),
    [
        ("(([W]; po; [F]) | ([F]; po; [W])) \\ id", 3),
        ("(([F]; po; [W]) | ([W]; po; [F])) \\ id", 3),
        ("[W]; po; [F]", 6),
        ("[F]; po; [W]", 6),
    ],
)
def test_an_order_given_through_fences(base: str, executions: int) -> None:
    threads = ["MOV [x],$1", "MOV [x],$2; MFENCE; MOV [x],$3"]
    structure = structure_of(assembly("X86", "", threads, "forall (true)"))
    model = f"with co from generate_orders(W, co0 | ({base}))"
    tally = judge_compiled(compiled(model, first="cross.cat"), structure)
    assert (tally.positive, tally.negative) == (executions, 0)
    assert summary(tally) == summary(interpret(loaded(model, "cross.cat"), structure))


@pytest.mark.parametrize(
    ("thread", "base", "executions"),
    [
        ("MOV EAX,[x]; MOV [x],$2", "rf; [R]; po & loc; [W]", 3),
        ("MOV [x],$2; MOV EAX,[x]", "([W]; po & loc; [R]; rf^-1) \\ id", 3),
        ("MOV [x],$2; MOV EAX,[x]", "[W]; po & loc; [R]; rf^-1", 1),
        ("MOV [x],$2; MOV EAX,[x]", "rf; [R]; po & loc; [W]", 6),
        ("MOV EAX,[x]; MFENCE; MOV [x],$2", "rf; [R]; po; [F]", 4),
        ("MOV EAX,[x]; MOV [y],$2", "rf; [R]; po; [W]", 2),
        ("MOV [y],$1; MOV [x],$2", "([W]; po; [W]) \\ loc", 2),
        ("MOV EAX,[x]", "W * W", 0),
        ("MOV EAX,[x]", "[W]; loc; [IW]", 0),
    ],
)
def test_an_order_of_the_writes_given_by_what_is_read(thread: str, base: str, executions: int) -> None:
    structure = structure_of(assembly("X86", "", ["MOV [x],$1", thread], "forall (true)"))
    model = f"with co from generate_orders(W, co0 | ({base}))"
    graph = compiled(model, first="cross.cat")
    tally = judge_compiled(graph, structure)
    assert (tally.positive, tally.negative) == (executions, 0)
    assert summary(tally) == summary(interpret(loaded(model, "cross.cat"), structure))
    assert summary(tally) == summary(SymbolicEngine(graph, structure, LIMIT).run(Goal()))


def test_the_predefined_coherence_prefix() -> None:
    """``pco`` has what two reads say of the order of the writes they take from, and that final writes come last."""
    threads = ["MOV [x],$1", "MOV [x],$2", "MOV EAX,[x]; MOV EBX,[x]"]
    structure = structure_of(assembly("X86", "", threads, "exists (x=1)"))
    for text, executions in (("irreflexive pco; co", 12), ("empty ([W \\ FW]; loc; [FW]) \\ pco", 18)):
        tally = judge_compiled(compiled(text), structure)
        assert tally.positive + tally.negative == executions
        assert summary(tally) == summary(interpret(loaded(text), structure))


# --- primitive relations ----------------------------------------------------------------------------------------------
def test_initial_writes_are_in_no_thread() -> None:
    """They are outside of every thread: external to the others' events, neither internal nor external to each other."""
    text = """let others = _ \\ IW
flag ~empty ([IW]; int) | (int; [IW]) as inside
flag ~empty [IW]; ext; [IW] as between
flag ~empty ((IW * others) | (others * IW)) \\ ext as with_others"""
    assert judge_compiled(compiled(text), structure_of(SB)).flags == set()
