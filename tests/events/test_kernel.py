"""Calls, interrupts, locks and objects of kernel C, on programs built by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from membar_check.diagnostics import InputError, Source, Span
from membar_check.engine.choose import compare
from membar_check.engine.masks import MasksEngine
from membar_check.engine.models import ModelRequest, get_model
from membar_check.engine.symbolic import SymbolicEngine
from membar_check.engine.tally import Goal, Tally
from membar_check.events.build import build
from membar_check.events.structure import Structure
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import And, Atom, GlobalRef, Literal, Not, Place, Prop, RegisterRef, Symbol
from membar_check.program.control import (
    Alloc,
    Await,
    Call,
    Flag,
    Free,
    Function,
    Grace,
    Hold,
    Interrupt,
    KernelInfo,
    NamedCondition,
    Return,
    Section,
)
from membar_check.program.ir import (
    Assume,
    Branch,
    Const,
    Expr,
    Goto,
    Instr,
    Let,
    Load,
    Mark,
    Micro,
    Op,
    Program,
    Reg,
    Store,
    Thread,
)
from membar_check.values import Address, CodeLabel, Value

SOURCE = Source("test.litmus", "C t\n{}\nP0(int *x) { }\nexists (x=0)\n" + "\n" * 400)
X, Y = Const(Address("x")), Const(Address("y"))
ONE = Const(1)
ON = Op("eq", (Reg("$__irqs_off"), Const(0)))


@dataclass
class Code:
    """A code image under construction; each instruction stands on a line of its own."""

    code: list[Instr] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    def define(self, name: str, *ops: Micro | str, parameters: tuple[str, ...] = ()) -> None:
        """A function: operations, and labels as text before the operation that they mark."""
        self.labels[name] = len(self.code)
        span = self.span()
        for op in ops:
            if isinstance(op, str):
                self.labels[op] = len(self.code)
            else:
                self.code.append(Instr((op,), self.span()))
        self.code.append(Instr((Return(),), self.span()))
        self.functions[name] = Function(name, name, parameters, span)

    def span(self) -> Span:
        offset = len(SOURCE.text) - 400 + len(self.code)
        return Span(SOURCE, offset, offset)


def atom(place: str, value: int) -> Prop:
    left: Place = RegisterRef(int(place[0]), place[2:]) if place[1:2] == ":" else GlobalRef(place, None)
    return Atom(left, True, Literal(value, str(value)))


def handler(code: Code) -> None:
    """The runtime's side of an interrupt: release and acquire both ways."""
    code.define(
        "__handle_interrupt",
        Load("seen", Reg("csd"), frozenset({"ACQUIRE"})),
        Assume(Op("eq", (Reg("seen"), ONE)), False),
        Call(Reg("function"), (Reg("argument"),)),
        Store(Op("add", (Reg("csd"), ONE)), ONE, frozenset({"RELEASE"})),
        parameters=("csd", "function", "argument"),
    )


def sends(cpu: int, function: str, wait: bool = True) -> tuple[Micro, ...]:
    """What the runtime does to interrupt a CPU, and to wait until it is done."""
    send: tuple[Micro, ...] = (
        Interrupt("csd", Const(cpu), Const(CodeLabel(-1, function)), Const(0)),
        Store(Reg("csd"), ONE, frozenset({"RELEASE"})),
    )
    waits: tuple[Micro, ...] = (
        Await(Reg("csd")),
        Load("done", Op("add", (Reg("csd"), ONE)), frozenset({"ACQUIRE"})),
        Assume(Op("eq", (Reg("done"), ONE)), False),
    )
    return send + waits if wait else send


def structure(
    code: Code,
    cpus: int,
    conditions: dict[str, Prop] | None = None,
    registers: dict[tuple[int, str], Value] | None = None,
    **info: object,
) -> Structure:
    threads = tuple(Thread(i, tuple(code.code), code.labels, (), f"P{i}") for i in range(cpus))
    named = tuple(NamedCondition(name, prop) for name, prop in (conditions or {}).items())
    kernel = KernelInfo(code.functions, cpus, named, interrupts_on=ON, **info)  # type: ignore[arg-type]
    memory: dict[Address, Value] = {Address("x"): 0, Address("y"): 0, Address("l"): 0}
    test = parse_litmus(SOURCE)
    return build(Program(test, threads, memory, {}, registers or {}, {}, (), None, test.condition.prop, kernel), 2)


def run(
    code: Code, cpus: int, conditions: dict[str, Prop] | None = None, model: str = "lkmm", **info: object
) -> Tally:
    """What the masks engine finds; the other engine must find the same."""
    found = get_model(ModelRequest(model, None, None, (), frozenset(), "C" if model == "lkmm" else "AArch64"))
    assert found.compiled is not None
    built = structure(code, cpus, conditions, **info)  # type: ignore[arg-type]
    tally = MasksEngine(found.compiled, built, 1 << 20).run(Goal())
    other = SymbolicEngine(found.compiled, built, 1 << 24).run(Goal())
    assert compare(tally, other, built.program.test.condition.quantifier, Goal()) == ""
    return tally


def kinds(tally: Tally) -> list[str]:
    return sorted({kind for kind, _, _ in tally.findings})


def once(place: Expr, value: int) -> Store:
    return Store(place, Const(value), frozenset({"ONCE"}))


def read(register: str, place: Expr) -> Load:
    return Load(register, place, frozenset({"ONCE"}))


# --- calls -----------------------------------------------------------------------------------------------------------
def test_calls_return_values_and_keep_registers_apart() -> None:
    code = Code()
    code.define("double", Return(Op("add", (Reg("n"), Reg("n")))), parameters=("n",))
    code.define("P0", Let("n", Const(5)), Call(Const(CodeLabel(-1, "double")), (Const(3),), "r"), Let("s", Reg("n")))
    tally = run(code, 1, {"right": And((atom("0:r", 6), atom("0:s", 5)))})
    assert kinds(tally) == ["right"]


def test_a_cpu_register_outlives_the_call() -> None:
    code = Code()
    code.define("off", Let("$__irqs_off", ONE))
    code.define("P0", Call(Const(CodeLabel(-1, "off")), ()))
    assert kinds(run(code, 1)) == ["unbalanced"]


def test_calling_nothing_is_a_null_dereference() -> None:
    code = Code()
    code.define("P0", Call(Const(0), ()), once(X, 1))
    assert kinds(run(code, 1, {"after": atom("x", 1)})) == ["null-dereference"]


def test_a_loop_without_a_way_out_is_an_error() -> None:
    code = Code()
    code.define("P0", "top", Goto("top"))
    with pytest.raises(InputError, match="never ends"):
        structure(code, 1)


def test_known_exit_tests_do_not_count_and_others_do() -> None:
    code = Code()
    code.define(
        "P0", "top", Branch(Op("ge", (Reg("i"), Const(20))), "end", None, "top"), Let("i", Op("add", (Reg("i"), ONE))),
        Goto("top"), "end", once(X, 1),
    )  # fmt: skip
    tally = run(code, 1, {"done": atom("x", 1)})
    assert kinds(tally) == ["done"] and not tally.loop
    code = Code()
    code.define("P0", "top", read("r", X), Branch(Reg("r"), "end", None, "top"), Goto("top"), "end", once(Y, 1))
    code.define("P1", once(X, 1))
    tally = run(code, 2, {"done": atom("y", 1)})
    assert kinds(tally) == ["done"] and tally.loop


# --- interrupts ------------------------------------------------------------------------------------------------------
def message_passing(wait: bool = True) -> Code:
    """P0 writes x, interrupts P1; P1 writes y twice around."""
    code = Code()
    handler(code)
    code.define("note", read("a", X), Store(Const(Address("l")), Reg("a")), parameters=("_",))
    code.define("P0", once(X, 1), *sends(1, "note", wait), read("r0", Y))
    code.define("P1", once(Y, 1), once(Y, 2))
    return code


def test_a_handler_sees_what_was_written_before_it_was_sent() -> None:
    tally = run(message_passing(), 2, {"seen": atom("l", 1), "unseen": atom("l", 0)})
    assert kinds(tally) == ["seen"]


def test_the_sender_sees_what_the_target_did_before_the_handler() -> None:
    """The handler runs before, between and after the target's writes."""
    tally = run(message_passing(), 2, {f"y{v}": atom("0:r0", v) for v in (0, 1, 2)})
    assert kinds(tally) == ["y0", "y1", "y2"]
    paths = structure(message_passing(), 2).paths[1]
    places = {p.activity.notes[-1].text for p in paths if p.activity and p.activity.taken}
    assert len(places) == 3


def test_interrupts_wait_until_they_are_enabled() -> None:
    code = Code()
    handler(code)
    code.define("note", read("a", Y), Store(Const(Address("l")), Reg("a")), parameters=("_",))
    code.define("P0", *sends(1, "note"))
    off, on = Let("$__irqs_off", ONE), Let("$__irqs_off", Const(0))
    code.define("P1", off, once(Y, 1), once(Y, 2), on)
    tally = run(code, 2, {f"y{v}": atom("l", v) for v in (0, 1, 2)})
    assert kinds(tally) == ["y0", "y2"]


def test_waiting_for_each_other_with_interrupts_off_is_a_deadlock() -> None:
    code = Code()
    handler(code)
    code.define("nothing", parameters=("_",))
    off, on = Let("$__irqs_off", ONE), Let("$__irqs_off", Const(0))
    code.define("P0", off, *sends(1, "nothing"), on)
    code.define("P1", off, *sends(0, "nothing"), on)
    assert kinds(run(code, 2)) == ["deadlock"]
    code.define("P1", *sends(0, "nothing"))
    assert kinds(run(code, 2)) == []


def test_an_interrupt_to_a_missing_cpu_is_an_error() -> None:
    code = Code()
    handler(code)
    code.define("nothing", parameters=("_",))
    code.define("P0", *sends(3, "nothing"))
    with pytest.raises(InputError, match="CPU 3, but there are 1 CPUs"):
        structure(code, 1)


# --- locks -----------------------------------------------------------------------------------------------------------
def locks(*names: str) -> tuple[Micro, ...]:
    """Takes the locks in order and drops them again."""
    taken: list[Micro] = []
    dropped: list[Micro] = []
    for name in names:
        place = Const(Address(name))
        taken += [Hold("wait", place), Mark(frozenset({"LK", "LKR"}), place), Mark(frozenset({"LK", "LKW"}), place)]
        taken.append(Hold("held", place))
        dropped = [Hold("dropped", place), Mark(frozenset({"UL"}), place), *dropped]
    return (*taken, *dropped)


def test_two_locks_in_both_orders_deadlock() -> None:
    code = Code()
    code.define("P0", *locks("x", "y"))
    code.define("P1", *locks("y", "x"))
    assert kinds(run(code, 2)) == ["deadlock"]
    code.define("P1", *locks("x", "y"))
    assert kinds(run(code, 2)) == []


def test_taking_a_lock_twice_is_a_deadlock_and_dropping_it_twice_unbalanced() -> None:
    code = Code()
    code.define("P0", *locks("x", "x"))
    assert kinds(run(code, 1)) == ["deadlock"]
    code.define("P0", Hold("dropped", X))
    assert kinds(run(code, 1)) == ["unbalanced"]


# --- objects ---------------------------------------------------------------------------------------------------------
def test_a_freed_object_that_another_cpu_still_reads() -> None:
    code = Code()
    code.define("P0", Alloc("p", Const(2)), Store(X, Reg("p"), frozenset({"ONCE"})), Free(Reg("p")))
    code.define(
        "P1", read("p", X), Branch(Op("eq", (Reg("p"), Const(0))), "end"), read("v", Reg("p")), "end", once(Y, 1)
    )
    tally = run(code, 2)
    assert kinds(tally) == ["use-after-free"] and "data-race" in tally.flags


def test_null_and_bounds() -> None:
    code = Code()
    code.define("P0", read("p", X), read("v", Reg("p")), once(Y, 1))
    assert kinds(run(code, 1, {"after": atom("y", 1)})) == ["null-dereference"]
    code.define("P0", read("p", Op("add", (X, ONE))))
    assert kinds(run(code, 1)) == ["out-of-bounds"]


def test_flags_stop_or_go_on() -> None:
    code = Code()
    code.define("P0", Flag("sleep-in-atomic", "sleeps"), once(X, 1), Flag("oops", "stops", True), once(Y, 1))
    assert kinds(run(code, 1, {"x": atom("x", 1), "y": atom("y", 1)})) == ["oops", "sleep-in-atomic"]


# --- RCU by its law --------------------------------------------------------------------------------------------------
MB = frozenset({"DMB.ISH", "F"})


@pytest.mark.parametrize("grace", [True, False])
def test_a_grace_period_waits_for_readers(grace: bool) -> None:
    """Message passing and store buffering through a grace period, on a hardware model."""
    code = Code()
    waits: tuple[Micro, ...] = (Grace(True, MB), Grace(False, MB)) if grace else ()
    code.define("P0", Section(True, MB), read("r0", X), read("r1", Y), Section(False, MB))
    code.define("P1", Store(Y, ONE), *waits, Store(X, ONE))
    wrong = And((atom("0:r0", 1), atom("0:r1", 0)))
    assert kinds(run(code, 2, {"wrong": wrong}, "aarch64")) == ([] if grace else ["wrong"])
    code.define("P0", Section(True, MB), Store(X, ONE), read("r0", Y), Section(False, MB))
    code.define("P1", Store(Y, ONE), *waits, read("r1", X))
    wrong = And((atom("0:r0", 0), atom("1:r1", 0)))
    assert kinds(run(code, 2, {"wrong": wrong}, "aarch64")) == ([] if grace else ["wrong"])


# --- migration -------------------------------------------------------------------------------------------------------
def migrating(*task: Micro) -> Code:
    """P0's task may leave after any of its operations; the scheduler orders like a message in both directions."""
    code = Code()
    code.define("__migrate_out", Store(Reg("csd"), ONE, frozenset({"RELEASE"})), parameters=("csd",))
    code.define(
        "__migrate_in",
        Load("seen", Reg("csd"), frozenset({"ACQUIRE"})),
        Assume(Op("eq", (Reg("seen"), ONE)), False),
        Let("$current", Reg("task")),
        parameters=("csd", "task"),
    )
    code.define("__migrate_back", Let("$current", Reg("task")), parameters=("task",))
    code.define("P0", *task)
    code.define("P1", once(Y, 1), Let("after", Reg("$current")))
    return code


def test_a_task_goes_on_elsewhere_with_what_it_has_computed() -> None:
    code = migrating(Let("cpu", Reg("$cpu")), once(X, 1), Let("now", Reg("$cpu")), read("seen", Y))
    registers: dict[tuple[int, str], Value] = {
        (0, "$cpu"): 0, (1, "$cpu"): 1, (0, "$current"): Address("t0"), (1, "$current"): Address("t1"),
    }  # fmt: skip
    conditions = {
        "stayed": And((atom("0:cpu", 0), atom("0:now", 0))),
        "moved": And((atom("0:cpu", 0), atom("0:now", 1))),
        "moved-first": atom("0:cpu", 1),
        "late": And((atom("0:now", 1), atom("0:seen", 1))),
        "early": And((atom("0:now", 1), atom("0:seen", 0))),
        "restored": And((atom("0:now", 1), Not(Atom(RegisterRef(1, "after"), True, Symbol("t1", 0))))),
    }
    tally = run(code, 2, conditions, registers=registers, preemptible=ON, migrations=1)
    assert kinds(tally) == ["early", "late", "moved", "moved-first", "stayed"]
    assert kinds(run(code, 2, conditions, registers=registers, preemptible=ON)) == ["stayed"]


def test_what_has_been_read_moves_along() -> None:
    code = migrating(read("a", Y), read("b", Y), Store(X, Op("add", (Reg("a"), Const(10)))))
    tally = run(code, 2, {f"x{v}": atom("x", v) for v in (0, 10, 11)}, preemptible=ON, migrations=1)
    assert kinds(tally) == ["x10", "x11"]
