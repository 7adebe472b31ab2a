"""Why pairs are in relations of the model, why not, and what breaks its checks: in the model's own names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.masks import MasksEngine
from membar_check.events.executions import extract
from membar_check.events.space import Chunk, blocks, chunks
from membar_check.explain.cycles import broken, ordered
from membar_check.explain.derivation import Deriver, leaves, renumber, renumber_cycle
from membar_check.explain.explanation import CycleView, Derivation
from membar_check.explain.missing import Missing
from support.derivers import derivers, load
from support.inline import LIMIT, assembly, kernel, parse, prepare

MOST = 8  # candidates of each test

TESTS = [
    ("c/SB+mbs", None), ("c/SB+mbs", "sc"), ("c/SB+mbs", "x86-tso"), ("c/SB+mbs", "aarch64"), ("c/SB+mbs", "riscv"),
    ("c/MP+wmb+rmb", None), ("c/MP+locks", None), ("c/MP+plain-data", None), ("c/IRIW+mbs", None),
    ("c/RCU+reader+gp", None), ("c/RCU+nested", None), ("c/RCU+reader+gp", "sc"), ("c/SRCU+reader+gp", None),
    ("c/LB+datas", None), ("c/SB+xchgs", None), ("c/WRC+data+rmb", None), ("c/SB+after-spinlock", None),
    ("x86/SB", None), ("x86/SB", "sc"), ("x86/IRIW", None), ("x86/SB+lock-inc", None), ("aarch64/SB+rel-acqs", None),
    ("aarch64/MP+dmb.sy+addr", None), ("aarch64/LB+csel-data", None), ("aarch64/MP+dmb.sy+ctrl-isb", None),
    ("aarch64/exclusive-inc", None), ("riscv-SB", None), ("riscv-MP", None), ("ppc-MP", None), ("ppc-IRIW", None),
]  # fmt: skip


@lru_cache(maxsize=32)
def forbidden(name: str, model: str | None = None, axiom: str = "") -> tuple[Deriver, tuple[CycleView, ...]]:
    """The first candidate that breaks a check (the one named)."""
    for deriver, says in derivers(load(name), model):
        if says and axiom in ("", *says):
            return deriver, broken(deriver)
    raise AssertionError("nothing is forbidden")


def lines(deriver: Deriver, d: Derivation) -> tuple[str, int, int]:
    return d.relation, deriver.words.line(d.source), deriver.words.line(d.target)


def tree(d: Derivation) -> str:
    """``hb(ppo(fence(wmb(po))))``"""
    inner = ", ".join(tree(x) for x in d.because)
    return d.relation + (f"({inner})" if inner else "")


# --- every pair of every relation ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "model"), TESTS)
def test_every_pair_has_a_sound_derivation(name: str, model: str | None) -> None:
    seen = 0
    for deriver, _ in derivers(load(name), model):
        seen += 1
        if seen > MOST:
            break
        events = sorted(deriver.chunk.present)
        for relation in deriver.names():
            if deriver.is_set(relation):
                continue
            pairs = deriver.pairs(relation)
            for a, b in pairs:
                found = deriver.why(relation, a, b)
                assert found is not None and (found.relation, found.source, found.target) == (relation, a, b)
                sound(deriver, found)
            outside = next(((a, b) for a in events for b in events if (a, b) not in pairs), None)
            if outside is not None:
                assert deriver.why(relation, *outside) is None
    assert seen


def sound(deriver: Deriver, d: Derivation, depth: int = 0) -> None:
    """Sequences join, what is derived is derived from something, and base relations hold."""
    assert depth < 40
    if not d.because:
        assert d.rule == "base", d
        name = d.relation.removesuffix("^-1")
        ends = (d.target, d.source) if name != d.relation else (d.source, d.target)
        if name in deriver.names():
            assert ends in deriver.pairs(name), d
        return
    assert d.rule in ("is one of", "is", "both", "in sequence", "a chain of", "inverse of"), d
    if d.rule in ("in sequence", "a chain of"):
        assert (d.because[0].source, d.because[-1].target) == (d.source, d.target), d
        assert all(x.target == y.source for x, y in zip(d.because, d.because[1:], strict=False)), d
    elif d.rule == "inverse of":
        assert (d.because[0].target, d.because[0].source) == (d.source, d.target), d
    else:
        assert all((x.source, x.target) == (d.source, d.target) for x in d.because), d
    for x in d.because:
        sound(deriver, x, depth + 1)


@pytest.mark.parametrize(("name", "model"), TESTS)
def test_broken_checks_are_those_of_the_engine(name: str, model: str | None) -> None:
    for number, (deriver, says) in enumerate(derivers(load(name), model)):
        if number > 40:
            break
        views = broken(deriver)
        assert {v.axiom for v in views} == says
        for view in views:
            for step in view.steps:
                sound(deriver, step)
            if view.test != "empty":
                ring = zip(view.steps, view.steps[1:] + view.steps[:1], strict=True)
                assert all(x.target == y.source for x, y in ring), view
                events = [s.source for s in view.steps]
                assert len(set(events)) == len(events), "no event twice"


# --- in the words of the models --------------------------------------------------------------------------------------
def test_happens_before_because_of_a_fence() -> None:
    _, views = forbidden("c/MP+wmb+rmb")
    (view,) = views
    assert (view.axiom, view.test, view.defined) == ("happens-before", "acyclic", "lkmm-axioms.cat:74")
    assert [tree(s) for s in view.steps] == [
        "hb(ppo(fence(rmb(po))))",
        "hb(prop(overwrite(fr), cumul-fence(wmb(po)), rfe))",
    ]
    rmb = view.steps[0].because[0].because[0].because[0]
    assert (rmb.rule, rmb.defined, rmb.note) == ("in sequence", "lkmm-axioms.cat:30", "smp_rmb() in line 20")
    fr = leaves(view.steps[1])[0]
    assert (fr.relation, fr.rule, fr.note) == ("fr", "base", "reads the initial value")


def test_propagation_under_full_barriers() -> None:
    _, views = forbidden("c/SB+mbs")
    assert [tree(s) for s in views[0].steps] == ["pb(prop(overwrite(fr)), strong-fence(mb(po)))"] * 2


def test_recursive_definitions_of_rcu() -> None:
    deriver, (view,) = forbidden("c/RCU+reader+gp")
    assert (view.axiom, view.test) == ("rcu", "irreflexive")
    assert [lines(deriver, s) for s in view.steps] == [("prop", 14, 20), ("rcu-fence", 20, 14)]
    order = view.steps[1].because[1]
    assert lines(deriver, order) == ("rcu-order", 21, 12)
    assert [d.relation for d in order.because] == ["linked", "rcu-back"]
    assert order.because[0].defined == "lkmm.bell:76"
    assert tree(order.because[1]).startswith("rcu-back(rcu-rscs(inside(")


def test_sequential_consistency_needs_four_edges() -> None:
    _, (view,) = forbidden("x86/SB", "sc")
    assert [tree(s) for s in view.steps] in (["step(po)", "step(fr)"] * 2, ["po", "fr"] * 2)


def test_store_buffers_drained_by_a_fence() -> None:
    deriver, (view,) = forbidden("x86/SB+mfences")
    assert view.axiom == "tso"
    assert [tree(s) for s in view.steps] == ["drained(po)", "fr"] * 2
    assert view.steps[0].note == f"MFENCE in line {deriver.words.line(view.steps[0].source) + 1}"


def test_release_and_acquire_of_armv8() -> None:
    _, (view,) = forbidden("aarch64/SB+rel-acqs")
    assert view.axiom == "external"
    assert [tree(s) for s in view.steps] == ["local-order(one-way(po))", "observed(fre)"] * 2
    (one_way,) = view.steps[0].because
    assert one_way.defined.startswith("aarch64.cat:") and "STLR" in one_way.note and "LDAR" in one_way.note


def test_an_address_dependency_of_armv8() -> None:
    _, (view,) = forbidden("aarch64/MP+dmb.sy+addr")
    assert [tree(s) for s in view.steps] == [
        "local-order(barrier(po))", "observed(rfe)", "local-order(dependency(addr))", "observed(fre)",
    ]  # fmt: skip


def test_a_fence_of_riscv() -> None:
    _, (view,) = forbidden("riscv-SB")
    assert view.axiom == "global-memory-order"
    steps = [s for s in view.steps if s.relation != "fr"]
    between = steps[0]
    while "fence" not in between.note:
        (between,) = between.because
    assert "fence rw,rw in line" in between.note


def test_propagation_of_power() -> None:
    _, views = forbidden("ppc-IRIW")
    assert [v.axiom for v in views] == ["propagation"]
    names = {d.relation for s in views[0].steps for d in all_of(s)}
    assert {"ffence", "po"} <= names


def all_of(d: Derivation) -> Iterator[Derivation]:
    yield d
    for x in d.because:
        yield from all_of(x)


def test_locks() -> None:
    _, views = forbidden("c/MP+locks")
    names = {d.relation for v in views for s in v.steps for d in all_of(s)}
    assert names & {"unlock-lock", "acquire", "release", "po-loc", "rfe", "fr"}


def test_cycles_begin_with_the_first_thread() -> None:
    for name in ("c/SB+mbs", "x86/SB+mfences", "aarch64/SB+rel-acqs"):
        deriver, views = forbidden(name)
        threads = [deriver.evaluator.events[s.source].thread for s in views[0].steps]
        assert threads[0] == min(threads)


# --- a model of one's own --------------------------------------------------------------------------------------------
def own(tmp_path: Path, body: str) -> str:
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "own.cat"
    path.write_text(f'"own"\ninclude "cos.cat"\n{body}')
    return str(path)


def test_checks_that_demand_something(tmp_path: Path) -> None:
    model = own(tmp_path, "~empty rf & po as needed\nflag ~empty po as flagged\nempty fre as none\n")
    views = {v.axiom: v for d, _ in derivers(load("x86/SB"), model) for v in broken(d)}
    assert set(views) == {"needed", "none"}
    assert (views["needed"].test, views["needed"].steps) == ("~empty", ())
    assert [s.relation for s in views["none"].steps] == ["fre"]
    assert views["none"].defined == "own.cat:5"


def test_an_empty_set_and_a_check_without_name(tmp_path: Path) -> None:
    model = own(tmp_path, "empty range(fre)\n")
    found = [v for d, _ in derivers(load("x86/SB"), model) for v in broken(d)]
    assert {v.axiom for v in found} == {"empty range(fre)"}
    assert all(s.source == s.target and s.rule == "base" for v in found for s in v.steps)


def test_a_chain_is_a_shortest_one(tmp_path: Path) -> None:
    model = own(tmp_path, "let com = rf | co | fr\nlet hops = (po | com)+\nacyclic po | com as sc\n")
    deriver, _ = forbidden("x86/SB", model)
    x = next(e for e in deriver.chunk.present if lines_of(deriver, e) == (0, "W"))
    other = next(e for e in deriver.chunk.present if lines_of(deriver, e) == (1, "R"))
    found = deriver.why("hops", x, other)
    assert found is not None and found.rule == "a chain of"
    assert [tree(d) for d in found.because] == ["po", "com(fr)", "po"]


def lines_of(deriver: Deriver, e: int) -> tuple[int, str]:
    event = deriver.evaluator.events[e]
    return event.thread, "W" if event.is_write else "R"


def test_recursion_is_well_founded(tmp_path: Path) -> None:
    """Each of the two definitions is in the other, so that a careless explanation would go in a circle."""
    model = own(tmp_path, "let rec a = rfe | b | a; po\nand b = fre | a | b; b\nacyclic a as round\n")
    for deriver, _ in derivers(load("x86/SB"), model):
        for pair in deriver.pairs("b"):
            found = deriver.why("b", *pair)
            assert found is not None
            sound(deriver, found)


def test_differences_and_filters_are_notes(tmp_path: Path) -> None:
    body = "let apart = po \\ loc\nlet same = po & loc\nlet pairs = (W * R) & po\nlet none = ~rf & po\nempty 0\n"
    model = own(tmp_path, body)
    deriver, _ = next(derivers(load("x86/SB"), model))
    for name, note in (("apart", "not in loc"), ("none", "not in rf")):
        (a, b), *_ = sorted(deriver.pairs(name))
        found = deriver.why(name, a, b)
        assert found is not None and (tree(found), found.note) == (f"{name}(po)", note)
    (a, b), *_ = sorted(deriver.pairs("pairs"))
    assert tree(deriver.why("pairs", a, b) or Derivation("", 0, 0, "")) == "pairs(po)"


def test_fences_in_a_product_of_sets(tmp_path: Path) -> None:
    """As in models written for herd7: the fence is the end of a pair of program order, not a step of its own."""
    body = "let fenced = po & (_ * MFENCE); po\nlet hb = [W]; fenced; [R]\nacyclic hb | rf | co | fr as hb\n"
    model = own(tmp_path, body)
    deriver, (view,) = forbidden("x86/SB+mfences", model)
    (a, b), *_ = sorted(deriver.pairs("hb"))
    found = deriver.why("hb", a, b)
    assert found is not None and tree(found) == "hb(fenced(po))"
    assert found.because[0].note == f"MFENCE in line {deriver.words.line(a) + 1}"
    assert [tree(s) for s in view.steps] == ["hb(fenced(po))", "fr"] * 2
    before = consistent("x86/SB", model)
    (x, y), *_ = sorted((a, b) for a, b in before.pairs("po") if a in before.members("W"))
    missing = before.why_not("fenced", x, y)
    assert missing is not None and missing.reason == "no MFENCE between"


def test_a_coherence_order_that_the_model_does_not_admit(tmp_path: Path) -> None:
    path = tmp_path / "own.cat"
    path.write_text('"own"\ninclude "cross.cat"\nlet seen = rf; po-loc; [W]\nwith co from generate_cos(co0 | seen)\n')
    text = assembly("X86", "", ["MOV [x],$1", "MOV EAX,[x]; MOV [x],$2"], "exists (1:EAX=1)")
    views = [v for deriver, _ in derivers(parse(text), str(path)) for v in broken(deriver)]
    assert views and {(v.axiom, v.test) for v in views} == {("coherence order", "acyclic")}
    assert {tuple(tree(s) for s in v.steps) for v in views} == {("seen(rf, po-loc)", "co")}


def test_atomicity(tmp_path: Path) -> None:
    """The candidates are those of a model that does not ask for it: others never see what breaks it."""
    model = own(tmp_path, "empty 0\n")
    test = parse(assembly("X86", "", ["LOCK INC [x]", "LOCK INC [x]"], "exists (x=1)"))
    traced = prepare(test, own(tmp_path / "atomic", "empty rmw & (fre; coe) as atomic\n"))[1].traced()
    views = [v for d, _ in derivers(test, model) for v in broken(Deriver(traced, d.chunk, {"0": d.chunk.co}))]
    assert {v.axiom for v in views} == {"atomic"}
    assert all(tree(s) == "rmw & (fre; coe)(rmw, fre; coe(fre, coe))" for v in views for s in v.steps)


def test_kernel_c() -> None:
    deriver, (view,) = forbidden("kernel-c/lookup-takes-reference")
    assert (view.axiom, view.test) == ("plain-coherence", "empty")
    (step,) = view.steps
    sound(deriver, step)
    assert step.relation == "wr-incoh"
    assert {"rcu-fence", "rcu-order", "rcu-rscs", "rw-xb"} <= {d.relation for d in all_of(step)}
    locks = [d for d in all_of(step) if d.relation == "rcu-rscs"]
    assert " of kernel.h" in deriver.words.source(locks[0].source), "lines of the runtime are not those of the test"


# --- what is missing -------------------------------------------------------------------------------------------------
def reasons(missing: Missing) -> list[str]:
    inner = [r for p in missing.parts for r in reasons(p)]
    return inner or [missing.reason]


def consistent(name: str, model: str | None = None) -> Deriver:
    """A candidate in which the outcome that is asked for happens: no check is broken, and most is stale."""
    found = [d for d, says in derivers(load(name), model) if not says]
    return max(found, key=lambda d: len(d.pairs("fre")))


def reads(deriver: Deriver) -> list[int]:
    return sorted((e for e in deriver.chunk.present if deriver.evaluator.events[e].is_read), key=deriver.words.line)


def test_a_missing_fence() -> None:
    deriver = consistent("c/MP+wmb+po")
    first, second = reads(deriver)
    found = deriver.why_not("hb", first, second)
    assert found is not None and found.relation == "hb"
    said = reasons(found)
    assert "no Rmb between" in said and "no Mb between" in said
    assert f"the read of y in line {deriver.words.line(first)} is not in Acquire" in said
    assert "the address of the second does not depend on the first" in said
    assert not any("thread" in r for r in said), "what cannot be helped is left out"


def test_missing_parts_of_base_relations() -> None:
    deriver = consistent("c/SB")
    (a, b) = reads(deriver)
    x, y = deriver.words.line(a), deriver.words.line(b)
    for name, reason in (
        ("po", "they are in different threads"),
        ("loc", f"y (line {x}) and x (line {y}) are different locations"),
        ("int", "they are in different threads"),
        ("rf", f"the read of y in line {x} is no write"),
        ("addr", "the address of the second does not depend on the first"),
    ):
        found = deriver.why_not(name, a, b)
        assert found is not None and (found.reason, found.parts) == (reason, ())


def test_nothing_is_missing_of_what_is_there() -> None:
    deriver = consistent("c/SB")
    (a, b), *_ = sorted(deriver.pairs("po"))
    assert deriver.why_not("po", a, b) is None
    assert deriver.why_not("W", min(deriver.members("W")), 0) is None


def test_a_set_without_the_event() -> None:
    deriver = consistent("c/SB")
    a, _ = reads(deriver)
    found = deriver.why_not("Acquire", a, a)
    assert found is not None and found.reason == f"the read of y in line {deriver.words.line(a)} is not in Acquire"


@pytest.mark.parametrize(("name", "model"), TESTS)
def test_what_is_missing_is_said_of_every_pair(name: str, model: str | None) -> None:
    deriver, _ = next(derivers(load(name), model))
    events = sorted(deriver.chunk.present)[:5]
    for relation in deriver.names():
        pairs = deriver.pairs(relation)
        for a in events:
            for b in events if not deriver.is_set(relation) else (a,):
                found = deriver.why_not(relation, a, b)
                assert (found is None) == ((a, b) in pairs)
                assert found is None or all(reasons(found)), f"{relation} {a} {b}"


# --- the rest --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "model", "kept"),
    [("x86/SB", None, 0), ("x86/SB", "sc", 2), ("x86/SB+mfences", None, 2), ("x86/LB", None, 2), ("x86/MP", None, 2)],
)
def test_program_order_that_is_kept(name: str, model: str | None, kept: int) -> None:
    deriver = consistent(name, model)
    accesses = deriver.members("R") | deriver.members("W")
    pairs = {(a, b) for a, b in deriver.pairs("po") if a in accesses and b in accesses}
    assert len(pairs) == 2
    assert len(pairs & ordered(deriver.evaluator, deriver.traced.model.checks)) == kept


def test_checks_of_single_locations_order_nothing() -> None:
    """Power lets reads of one location be swapped where nothing but the axiom of single locations forbids it."""
    threads = ["li r2,1; stw r2,0(r1)", "lwz r2,0(r1); lwz r4,0(r1)"]
    for deriver, says in derivers(parse(assembly("PPC", "0:r1=x; 1:r1=x", threads, "exists (1:r2=1)"))):
        first, second = sorted(reads(deriver))
        assert (first, second) in deriver.pairs("po-loc")
        assert says or (first, second) not in ordered(deriver.evaluator, deriver.traced.model.checks)


def test_renumbering() -> None:
    _, (view,) = forbidden("c/MP+wmb+rmb")
    moved = renumber_cycle(view, lambda e: e + 100)
    assert [s.source for s in moved.steps] == [s.source + 100 for s in view.steps]
    assert renumber(moved.steps[0], lambda e: e - 100) == view.steps[0]
    assert all(leaf.source >= 100 for leaf in leaves(moved.steps[1]))


def test_names_that_the_model_does_not_have() -> None:
    deriver = consistent("c/SB")
    with pytest.raises(InputError, match="has nothing called 'hbb'") as caught:
        deriver.why("hbb", 0, 1)
    assert caught.value.hint == "did you mean 'hb'?"
    with pytest.raises(InputError, match="nothing called"):
        deriver.why_not("zzzzzz", 0, 1)


def test_only_single_candidates() -> None:
    structure, found = prepare(load("c/SB"))
    assert found.compiled is not None
    engine = MasksEngine(found.compiled, structure, LIMIT)
    chunk = Chunk(structure, next(iter(chunks(engine.space, blocks))))
    with pytest.raises(ValueError, match="one candidate"):
        Deriver(found.traced(), chunk, {})


def test_words_of_the_caller() -> None:
    threads = ["WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*y, 1);", "int r0 = READ_ONCE(*y);"]
    test = parse(kernel("", threads, "exists (1:r0=1)"))
    structure, found = prepare(test)
    assert found.compiled is not None
    engine = MasksEngine(found.compiled, structure, LIMIT)
    chunk, choices, _ = next(engine.choose(Chunk(structure, next(iter(chunks(engine.space, blocks))))))
    single, picked = extract([(chunk, choices, 1)])
    deriver = Deriver(found.traced(), single, picked, show=lambda a: f"<{a}>", say=lambda e: f"event {e}")
    ((a, b),) = deriver.pairs("wmb")
    found_why = deriver.why("wmb", a, b)
    assert found_why is not None and found_why.note.startswith("event ")
    assert deriver.words.place(a) == "<x>"
