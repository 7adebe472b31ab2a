"""The kernel's primitives on hardware: every rule of the macro files, by a test that a wrong rule would fail, and the
promise that they all make together: what the kernel's model forbids no processor does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membar_check.diagnostics import InputError, Unsupported
from membar_check.engine.api import CheckOptions, check_file
from membar_check.engine.models import DEFAULT_VARIANTS, ModelRequest, get_model
from membar_check.resources import models_dir
from membar_check.verdict import Verdict
from support.inline import check, kernel

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT.parent / "shared" / "corpus" / "lkmm"
PLAIN_RACES = frozenset({"data-race", "mixed-accesses"})

# Columns of the tables below: model, and macros where they are not the model's own.
HARDWARE = (("aarch64", ""), ("aarch64", "aarch64-llsc.def"), ("x86-tso", ""), ("riscv", ""))
LOCALS = "int r0; int r1; int r2;"


def on(model: str, macros: str, text: str) -> Verdict:
    return check(text, model, macros=str(models_dir() / macros) if macros else None)


def store_buffering(between: str) -> str:
    """``between`` stands between a write and a read; the other thread has a full barrier there, and needs its match."""
    first = f"{LOCALS} WRITE_ONCE(*x, 1); {between}; r0 = READ_ONCE(*y);"
    second = f"{LOCALS} WRITE_ONCE(*y, 1); smp_mb(); r0 = READ_ONCE(*x);"
    return kernel("", (first, second), "exists (0:r0=0 /\\ 1:r0=0)")


def writing(last: str) -> str:
    """``last`` makes y 1 after x was made 1, for a reader that keeps its order."""
    return kernel(
        "", (f"{LOCALS} WRITE_ONCE(*x, 1); {last};", f"{LOCALS} r0 = READ_ONCE(*y); smp_mb(); r1 = READ_ONCE(*x);"),
        "exists (1:r0=1 /\\ 1:r1=0)",
    )  # fmt: skip


def reading(first: str, seen: str = "1:r0=1") -> str:
    """``first`` reads y before x is read, both made 1 in the other order; ``seen``: that it saw the 1."""
    return kernel(
        "", ("WRITE_ONCE(*x, 1); smp_mb(); WRITE_ONCE(*y, 1);", f"{LOCALS} {first}; r1 = READ_ONCE(*x);"),
        f"exists ({seen} /\\ 1:r1=0)",
    )  # fmt: skip


def load_buffering(thread: str, seen: str = "0:r0=1") -> str:
    """``thread`` reads y and then makes x 1, the other thread in the other order."""
    other = f"{LOCALS} r0 = READ_ONCE(*x); smp_mb(); WRITE_ONCE(*y, 1);"
    return kernel("", (f"{LOCALS} {thread};", other), f"exists ({seen} /\\ 1:r0=1)")


def locked(enter: str, leave: str = "") -> str:
    """Two sections under the lock z; the second thread enters by ``enter``."""
    first = "spin_lock(z); WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1); spin_unlock(z);"
    second = f"{LOCALS} {enter} r0 = READ_ONCE(*y); r1 = READ_ONCE(*x); {leave}"
    return kernel("", (first, second), "exists (1:r0=1 /\\ 1:r1=0)")


def inside(enter: str, entered: str = "") -> str:
    """A write of a section, entered by ``enter``, happens in the middle of the other thread's section."""
    first = f"{LOCALS} spin_lock(z); r0 = READ_ONCE(*x); r1 = READ_ONCE(*x); spin_unlock(z);"
    return kernel("", (first, f"{LOCALS} {enter} WRITE_ONCE(*x, 1);"), f"exists ({entered}0:r0=0 /\\ 0:r1=1)")


def taken(look: str, answer: int) -> str:
    """``look`` finds the lock z taken, which happened after x was made 1."""
    first = "WRITE_ONCE(*x, 1); smp_mb(); spin_lock(z);"
    second = f"{LOCALS} r0 = {look}; r1 = READ_ONCE(*x);"
    return kernel("", (first, second), f"exists (1:r0={answer} /\\ 1:r1=0)")


# N never, S sometimes, in the order of HARDWARE.
CASES = [
    # single accesses
    (reading("r0 = READ_ONCE(*y)"), "SSNS"),
    (reading("r0 = smp_load_acquire(y)"), "NNNN"),
    (reading("r0 = rcu_dereference(*y)"), "SSNS"),
    (reading("r0 = atomic_read(y)"), "SSNS"),
    (reading("r0 = atomic_read_acquire(y)"), "NNNN"),
    (writing("WRITE_ONCE(*y, 1)"), "SSNS"),
    (writing("smp_store_release(y, 1)"), "NNNN"),
    (writing("rcu_assign_pointer(*y, 1)"), "NNNN"),
    (writing("atomic_set(y, 1)"), "SSNS"),
    (writing("atomic_set_release(y, 1)"), "NNNN"),
    (writing("smp_store_mb(*y, 1)"), "SSNS"),
    (store_buffering("smp_store_mb(*z, 1)"), "NNNN"),
    (
        kernel(
            "",
            (
                "int r0; smp_store_release(x, 1); r0 = smp_load_acquire(y);",
                "int r0; smp_store_release(y, 1); r0 = smp_load_acquire(x);",
            ),
            "exists (0:r0=0 /\\ 1:r0=0)",
        ),
        "NNSS",  # arm64 keeps a release and a later acquire in order, which the kernel does not ask for
    ),
    (load_buffering("r0 = READ_ONCE(*y); WRITE_ONCE(*x, 1)"), "SSNS"),
    (load_buffering("r0 = smp_load_acquire(y); WRITE_ONCE(*x, 1)"), "NNNN"),
    (load_buffering("r0 = READ_ONCE(*y); smp_store_release(x, 1)"), "NNNN"),
    (store_buffering("r2 = smp_load_acquire(z)"), "SSSS"),
    (store_buffering("smp_store_release(z, 1)"), "SSSS"),
    # barriers
    (load_buffering("r0 = READ_ONCE(*y); smp_rmb(); WRITE_ONCE(*x, 1)"), "NNNS"),
    (load_buffering("r0 = READ_ONCE(*y); smp_wmb(); WRITE_ONCE(*x, 1)"), "SSNS"),
    (store_buffering("smp_mb()"), "NNNN"),
    (store_buffering("smp_rmb()"), "SSSS"),
    (store_buffering("smp_wmb()"), "SSSS"),
    (store_buffering("barrier()"), "SSSS"),
    (store_buffering("smp_mb__before_atomic()"), "NNSN"),
    (store_buffering("smp_mb__after_atomic()"), "NNSN"),
    (store_buffering("smp_mb__after_spinlock()"), "NNSN"),
    (store_buffering("smp_mb__after_unlock_lock()"), "SSSS"),
    (store_buffering("smp_mb__before_atomic(); atomic_inc(z)"), "NNNN"),
    (store_buffering("atomic_inc(z); smp_mb__after_atomic()"), "NNNN"),
    (store_buffering("spin_lock(z); smp_mb__after_spinlock()"), "NNNN"),
    (store_buffering("spin_unlock(z); spin_lock(z); smp_mb__after_unlock_lock()"), "NNNN"),
    (writing("smp_mb__after_unlock_lock(); WRITE_ONCE(*y, 1)"), "SSNS"),
    (reading("r0 = READ_ONCE(*y); smp_mb__after_unlock_lock()"), "SSNS"),
    (writing("smp_wmb(); WRITE_ONCE(*y, 1)"), "NNNN"),
    (writing("smp_rmb(); WRITE_ONCE(*y, 1)"), "SSNS"),
    (writing("barrier(); WRITE_ONCE(*y, 1)"), "SSNS"),
    (reading("r0 = READ_ONCE(*y); smp_rmb()"), "NNNN"),
    (reading("r0 = READ_ONCE(*y); smp_wmb()"), "SSNS"),
    (reading("r0 = READ_ONCE(*y); barrier()"), "SSNS"),
    # atomics without a result: smp_rmb() does not wait for the read of STADD
    (store_buffering("atomic_inc(z)"), "SSNS"),
    (store_buffering("set_bit(0, z)"), "SSNS"),
    (writing("atomic_inc(y)"), "SSNS"),
    (reading("atomic_add(2, y)", "y=3"), "SSNS"),
    (reading("atomic_add(2, y); smp_rmb()", "y=3"), "SNNN"),
    # atomics that fail
    (store_buffering("r2 = cmpxchg(z, 5, 6)"), "SSNS"),
    (reading("r0 = cmpxchg(y, 5, 6)"), "NSNS"),
    (reading("r0 = cmpxchg_acquire(y, 5, 6)"), "NNNS"),
    (reading("r0 = cmpxchg_relaxed(y, 5, 6)"), "SSNS"),
    (store_buffering("r2 = atomic_add_unless(z, 1, 0)"), "SSSS"),
    (reading("r2 = atomic_add_unless(y, 1, 1)", "y=1 /\\ 1:r2=0"), "SSNS"),
    # add_unless() that succeeds
    (writing("r2 = atomic_add_unless(y, 1, 5)"), "NNNN"),
    (reading("r0 = atomic_add_unless(y, 1, 0)"), "NNNN"),
    # locks
    (writing("spin_lock(y)"), "SSNS"),
    (writing("r2 = spin_trylock(y)"), "SSNS"),
    (
        kernel(
            "",
            (
                f"{LOCALS} WRITE_ONCE(*x, 1); r0 = spin_is_locked(y);",
                f"{LOCALS} WRITE_ONCE(*y, 1); smp_mb(); r0 = READ_ONCE(*x);",
            ),
            "exists (0:r0=0 /\\ 1:r0=0)",
        ),
        "SSSS",
    ),
    (locked("spin_lock(z);"), "NNNN"),
    (locked("spin_lock(z);", "spin_unlock(z);"), "NNNN"),
    (locked("r2 = spin_trylock(z); if (r2) {", "}"), "NNNN"),
    (inside("spin_lock(z);"), "NNNN"),
    (inside("r2 = spin_trylock(z);", "1:r2=1 /\\ "), "NNNN"),
    (inside("r2 = spin_is_locked(z);"), "SSSS"),
    (locked("r2 = READ_ONCE(*z);"), "SSNS"),
    (store_buffering("spin_lock(z)"), "SSNS"),
    (store_buffering("spin_unlock(z)"), "SSSS"),
    (load_buffering("r0 = READ_ONCE(*y); spin_unlock(z); WRITE_ONCE(*x, 1)"), "SSNN"),
    (
        kernel(
            "z=1",
            (f"{LOCALS} r0 = READ_ONCE(*x); spin_unlock(z);", f"{LOCALS} r0 = READ_ONCE(*z); WRITE_ONCE(*x, 1 - r0);"),
            "exists (0:r0=1)",
        ),
        "NNNN",
    ),
    (store_buffering("r2 = spin_trylock(z)"), "SSNS"),
    (taken("spin_trylock(z)", 0), "SSNS"),
    (taken("spin_is_locked(z)", 1), "SSNS"),
]
# Operations with all four orders: text with %s for the order, what the condition must see when y was 1 before.
OPERATIONS = (
    ("r0 = xchg%s(V, 1)", "1:r0=1"),
    ("r0 = cmpxchg%s(V, E, 1)", "1:r0=1"),
    ("r0 = atomic_add_return%s(1, V)", "1:r0=2"),
    ("r0 = atomic_fetch_add%s(1, V)", "1:r0=1"),
    ("r0 = atomic_fetch_or%s(1, V)", "1:r0=1"),
    ("r0 = atomic64_inc_return%s(V)", "1:r0=2"),
    ("r0 = atomic_long_xchg%s(V, 1)", "1:r0=1"),
)
ORDERS = (("", "NNNN", "NNNN", "NNNN"), ("_acquire", "SSNS", "SSNS", "NNNN"), ("_release", "SSNS", "NNNN", "SSNS"),
          ("_relaxed", "SSNS", "SSNS", "SSNS"))  # fmt: skip


def operations() -> list[tuple[str, str]]:
    """Each operation with each order, in all shapes."""
    found = []
    for text, seen in OPERATIONS:
        for order, buffering, after, before in ORDERS:
            fresh = (text % order).replace("E", "0")  # finds 0
            later = (text % order).replace("E", "1").replace("V", "y")  # finds the 1 of y
            found += [
                (store_buffering(fresh.replace("r0", "r2").replace("V", "z")), buffering),
                (writing(fresh.replace("V", "y")), after),
                (reading(later, seen), before),
                (load_buffering(f"r0 = READ_ONCE(*y); {fresh.replace('r0', 'r2').replace('V', 'x')}"), after),
                (load_buffering(f"{later}; WRITE_ONCE(*x, 1)", f"0{seen[1:]}"), before),
            ]
    for call in (
        "atomic_dec_and_test(z)",
        "test_and_set_bit(1, z)",
        "atomic_add_unless(z, 1, 5)",
        "atomic_inc_return(z)",
    ):
        found.append((store_buffering(f"r2 = {call}"), "NNNN"))
    return found


CASES += operations()


@pytest.mark.parametrize(("text", "expected"), CASES, ids=lambda value: value if len(value) == 4 else "")
def test_rules(text: str, expected: str) -> None:
    found = "".join(on(model, macros, text).observation.value[0] for model, macros in HARDWARE)
    assert found == expected, text


def test_failed_and_successful_exchanges_return_what_was_there() -> None:
    text = kernel(
        "x=1", ("int r0; int r1; r0 = cmpxchg(x, 0, 2); r1 = cmpxchg(x, 1, 3);",), "forall (0:r0=1 /\\ 0:r1=1 /\\ x=3)"
    )
    for model, macros in HARDWARE:
        verdict = on(model, macros, text)
        assert verdict.holds and verdict.states is not None and len(verdict.states) == 1


def test_the_result_of_a_compare_and_swap_may_be_had_before_the_comparison() -> None:
    """A CAS that succeeds may hand on its operand: an address made from that does not wait for the read (Arm ARM)."""
    writer = "WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*z, 1);"
    reader = "int r0; int r1; r0 = cmpxchg_relaxed(z, 1, 2); r1 = READ_ONCE(*(x + (r0 & 0)));"
    text = kernel("int x[2]", (writer.replace("*x", "x[0]"), reader), "exists (1:r0=1 /\\ 1:r1=0)")
    assert on("aarch64", "", text).reached
    assert not on("aarch64", "aarch64-llsc.def", text).reached


def test_a_lock_that_nobody_leaves_is_taken_once() -> None:
    text = kernel("", ("spin_lock(z);", "spin_lock(z);"), "exists (true)")
    for model, macros in HARDWARE:
        assert not on(model, macros, text).reached


# --- RCU
READER = "int r0; int r1; rcu_read_lock(); r0 = READ_ONCE(*x); r1 = READ_ONCE(*y); rcu_read_unlock();"


@pytest.mark.parametrize(("model", "macros"), HARDWARE)
@pytest.mark.parametrize(
    ("wait", "reached"), [("synchronize_rcu()", False), ("synchronize_rcu_expedited()", False), ("smp_mb()", True)]
)
def test_grace_periods(model: str, macros: str, wait: str, reached: bool) -> None:
    reader = READER.replace("*x", "*t").replace("*y", "*x").replace("*t", "*y")  # y, then x
    text = kernel("", (reader, f"WRITE_ONCE(*y, 1); {wait}; WRITE_ONCE(*x, 1);"), "exists (0:r0=0 /\\ 0:r1=1)")
    assert on(model, macros, text).reached == reached


@pytest.mark.parametrize(("model", "macros"), HARDWARE)
def test_sleepable_rcu_is_refused(model: str, macros: str) -> None:
    with pytest.raises(Unsupported) as caught:
        on(
            model,
            macros,
            kernel("", ("(int *x) int r0; r0 = srcu_read_lock(x); srcu_read_unlock(x, r0);",), "exists (true)"),
        )
    assert "srcu-lock" in caught.value.message and "lkmm" in caught.value.hint
    assert caught.value.span is not None and caught.value.span.text.startswith("r0 = srcu_read_lock")


# --- what belongs together
@pytest.mark.parametrize(
    ("model", "dialect"), [("aarch64", "AArch64"), ("x86-tso", "X86"), ("riscv", "RISCV"), ("lkmm", "C"), ("sc", "C")]
)
def test_a_model_brings_its_macros_and_its_dialect(model: str, dialect: str) -> None:
    found = get_model(ModelRequest(model, None, None, (), DEFAULT_VARIANTS, "C"))
    assert found.request.dialect == dialect
    assert found.macros == models_dir() / ("lkmm.def" if dialect == "C" else f"{model}.def")


def test_a_model_without_macros_for_the_kernel_says_so() -> None:
    with pytest.raises(InputError):
        check(store_buffering("smp_mb()"), "power")


# --- the promise
def violates(path: Path) -> str:
    """What hardware does that the kernel's model forbids; "" where it does nothing of that kind."""
    reference = check_file(str(path), CheckOptions(model="lkmm", hash=False))
    if PLAIN_RACES & set(reference.flags):
        return ""
    assert reference.states is not None
    for model, macros in (*HARDWARE, ("sc", "")):
        options = CheckOptions(model=model, macros=str(models_dir() / macros) if macros else None, hash=False)
        try:
            verdict = check_file(str(path), options)
        except Unsupported:
            continue
        assert verdict.states is not None
        extra = set(verdict.states) - set(reference.states)
        if extra:
            return f"{model} {macros}: {sorted(extra)[0]}"
    return ""


@pytest.mark.parametrize("path", sorted((ROOT / "litmus" / "c").glob("*.litmus")), ids=lambda path: path.stem)
def test_what_the_kernel_forbids_no_processor_does(path: Path) -> None:
    assert violates(path) == ""


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus")
def test_the_same_on_a_sample_of_the_corpus() -> None:
    lines = (CORPUS / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    paths = [CORPUS / json.loads(line)["file"] for line in lines[::23]]
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        if len(text) < 2000 and text.count("synchronize") < 2:  # grace periods multiply, and small tests say as much
            assert violates(path) == "", path.name
