"""Statements of kernel C, and whole functions, -> instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from membar_check.diagnostics import InputError, Span
from membar_check.program.control import Arm, Flag, Function, Return, Way
from membar_check.program.dialects.c_scopes import rescope
from membar_check.program.ir import Branch, Const, Expr, Goto, Halt, Instr, Let, Op, Reg
from membar_check.program.kernel import tree as t
from membar_check.program.kernel.intrinsics import count
from membar_check.program.kernel.lowering import SLOT, ExpressionLowering
from membar_check.program.kernel.temporaries import outlive
from membar_check.program.kernel.types import VOID
from membar_check.program.macros import Macros
from membar_check.records import replace

RESULT = "&ret"
EXIT = "exit"


class Lowered(NamedTuple):
    """The code of one function; ``labels`` and ``arms`` count from its beginning."""

    function: Function
    code: tuple[Instr, ...]
    labels: dict[str, int]
    arms: tuple[Arm, ...]
    ways: tuple[Way, ...] = ()


def lower_function(
    function: t.FunctionBody, number: int, slot: Expr | None, macros: Macros, lkmmv2: bool, nonblocking: bool,
    watch: bool = False,
) -> Lowered:  # fmt: skip
    """The instructions of a function.

    ``slot``: which copy of its locals in memory an activation has (None: there is one); ``nonblocking``: it is
    documented never to block; ``watch``: its conditions are watched.  Raises InputError for macros and primitives used
    wrongly, labels that are missing, and a function that ends without the value that it has to return.
    """
    lowering = FunctionLowering(function, number, slot is not None, macros, lkmmv2)
    lowering.watching.wanted = watch
    lowering.labels[function.name] = 0
    if slot is not None and function.memory:
        lowering.ops.append(Let(SLOT, slot))
        lowering.flush()
    if nonblocking:
        lowering.ops.append(count(1))
        lowering.flush()
    for variable in function.parameters:
        lowering.enter(variable)
    lowering.run(function.body)
    lowering.end(nonblocking)
    _scopes(lowering, function.name)
    outlive(lowering.code)
    parameters = tuple(lowering.incoming(v) for v in function.parameters)
    entry = Function(function.name, function.name, parameters, function.span)
    return Lowered(entry, tuple(lowering.code), lowering.labels, tuple(lowering.arms), tuple(lowering.watching.ways))


def _scopes(lowering: FunctionLowering, name: str) -> None:
    """Let every control dependency end where all ways on meet."""
    before = set(lowering.labels)
    rescope(lowering.code, lowering.labels)
    for label in set(lowering.labels) - before:
        lowering.labels[name + label] = lowering.labels.pop(label)
    for at, instr in enumerate(lowering.code):
        last = instr.ops[-1]
        if isinstance(last, Branch) and last.scope is not None:
            lowering.code[at] = Instr((*instr.ops[:-1], replace(last, scope=name + last.scope)), instr.span)


class FunctionLowering(ExpressionLowering):
    """Lowering of the statements of one function."""

    def __init__(self, function: t.FunctionBody, number: int, many: bool, macros: Macros, lkmmv2: bool) -> None:
        super().__init__(function, number, many, macros, lkmmv2)
        self.arms: list[Arm] = []
        self.breaks: list[str] = []
        self.continues: list[str] = []
        self.endless: list[str | None] = []  # of the loops around: the heads of those that only their bodies leave
        self.cases: dict[int, str] = {}
        self.switches: list[str] = []

    def label(self, name: str) -> str:
        """A label of the source, or the exit, under its name in the image."""
        return f"{self.function.name}:{name}"

    def incoming(self, variable: t.Variable) -> str:
        """The register in which an argument arrives."""
        return f"&{variable.register}" if variable.in_memory else variable.register

    def enter(self, variable: t.Variable) -> None:
        """Put a parameter whose address is taken into memory."""
        if variable.in_memory:
            target = t.Local(variable, variable.type, variable.span)
            arrived = t.Variable("", variable.type, self.incoming(variable), 0, variable.span)
            value = t.Local(arrived, variable.type, variable.span)
            self.assignment(t.Assign(target, value, variable.type, variable.span), False)
            self.flush()

    def end(self, nonblocking: bool) -> None:
        """What follows the body."""
        self.flush()
        of = self.function.result
        if of != VOID and self.reachable():
            raise InputError(
                f"`{self.function.name}` can end without returning its `{of}`",
                self.function.span,
                "end it with a `return`",
            )
        self.place(self.label(EXIT))
        self.span = self.function.span
        if nonblocking:
            self.ops.append(count(-1))
        self.ops.append(Return(None if of == VOID else Reg(RESULT)))
        self.flush()
        self.check_labels()

    def check_labels(self) -> None:
        for label, span in self.gotos:
            if self.label(label) not in self.labels:
                raise InputError(f"`{self.function.name}` has no label `{label}`", span)

    def reachable(self) -> bool:
        """Whether some way through the code so far gets to where it ends."""
        end = len(self.code)
        seen: set[int] = set()
        todo = [0]
        while todo:
            at = todo.pop()
            if at == end:
                return True
            if at in seen:
                continue
            seen.add(at)
            last = self.code[at].ops[-1]
            if isinstance(last, Goto | Branch) and last.target in self.labels:
                todo.append(self.labels[last.target])
            if not isinstance(last, Goto | Halt) and not (isinstance(last, Flag) and last.stop):
                todo.append(at + 1)
        return False

    def falls(self) -> bool:
        """Whether control may come to the next instruction from above."""
        if not self.code or len(self.code) in self.labels.values():
            return True
        last = self.code[-1].ops[-1]
        return not (isinstance(last, Goto | Halt) or (isinstance(last, Flag) and last.stop))

    # --- statements
    def run(self, stmt: t.Stmt) -> None:
        """Lower one statement."""
        self.flush()
        if not isinstance(stmt, t.Block):
            self.span = stmt.span
        _RUNS[type(stmt)](self, stmt)
        self.flush()

    def _evaluate(self, stmt: t.Evaluate) -> None:
        self.discard(stmt.expr)

    def _sequence_of(self, stmt: t.Block) -> None:
        for part in stmt.body:
            self.run(part)

    def _way(self, stmt: t.Stmt | None, span: Span, text: str) -> None:
        """One way out of a branch of the source; noted if it does anything."""
        begin = len(self.code)
        if stmt is not None:
            self.run(stmt)
        if len(self.code) > begin and not self.watching.dead and text:
            self.arms.append(Arm(begin, span, text))

    def _if_else(self, stmt: t.If) -> None:
        otherwise, end = self.new_label(), self.new_label()
        constant = stmt.cond.value != 0 if isinstance(stmt.cond, t.Number) else None
        loop = self.endless[-1] if self.endless and (_leaves(stmt.then) or _leaves(stmt.other)) else None
        self.jump(stmt.cond, False, otherwise, loop)
        self.watching.dead += constant is False
        self._way(stmt.then, stmt.then.span, "" if constant else f"the body of `{stmt.text}`")
        self.watching.dead -= constant is False
        leaves = not self.falls()
        if stmt.other is None:
            self.place(otherwise)
            if leaves and constant is None and not self.watching.dead:
                self.arms.append(Arm(len(self.code), stmt.span, f"what follows `{stmt.text}`"))
            return
        self.ops.append(Goto(end))
        self.place(otherwise)
        self.watching.dead += constant is True
        self._way(stmt.other, stmt.other.span, "" if constant is False else f"the `else` of `{stmt.text}`")
        self.watching.dead -= constant is True
        self.place(end)

    def _loop(self, stmt: t.Loop) -> None:
        again, onward, end = self.new_label(), self.new_label(), self.new_label()
        endless = stmt.cond is None or (isinstance(stmt.cond, t.Number) and stmt.cond.value != 0)
        self.breaks.append(end)
        self.continues.append(onward)
        self.endless.append(again if endless else None)
        self.place(again)
        if stmt.cond is not None and not stmt.do_first:
            self.jump(stmt.cond, False, end, again)
        self._way(stmt.body, stmt.body.span, "" if endless or stmt.do_first else f"the body of `{stmt.text}`")
        self.place(onward)
        self.span = stmt.span
        if stmt.next is not None:
            self.discard(stmt.next)
            self.flush()
        if stmt.cond is None or not stmt.do_first:
            self.ops.append(Goto(again))
        else:
            self.jump(stmt.cond, True, again, again)
        self.breaks.pop()
        self.continues.pop()
        self.endless.pop()
        self.place(end)

    def _switch(self, stmt: t.Switch) -> None:
        value = self.tree(stmt.value)
        if not isinstance(value, Reg):
            value = self.hold(value)
        end = self.new_label()
        default = end
        for case in stmt.cases:
            label = self.cases[case.key] = self.new_label()
            if case.value is None:
                default = label
            else:
                chosen = Op("eq", (value, Const(case.value)))
                self.ops += self.watching.case(chosen, case.span, f"`case {case.value}` of `{stmt.text}`")
                self.ops.append(Branch(chosen, label))
                self.flush()
        last = next((case for case in stmt.cases if case.value is None), None)
        text = "no `case`" if last is None else "`default`"
        self.ops += self.watching.case(None, (last or stmt).span, f"{text} of `{stmt.text}`")
        self.ops.append(Goto(default))
        self.flush()
        self.breaks.append(end)
        self.switches.append(stmt.text)
        self.run(stmt.body)
        self.switches.pop()
        self.breaks.pop()
        self.place(end)

    def _case(self, stmt: t.Case) -> None:
        self.place(self.cases[stmt.key])
        if not self.watching.dead:
            text = "`default`" if stmt.value is None else f"`case {stmt.value}`"
            self.arms.append(Arm(len(self.code), stmt.span, f"{text} of `{self.switches[-1]}`"))

    def _break(self, stmt: t.Break) -> None:
        self.ops.append(Goto(self.breaks[-1]))

    def _continue(self, stmt: t.Continue) -> None:
        self.ops.append(Goto(self.continues[-1]))

    def _return(self, stmt: t.Return) -> None:
        if stmt.value is not None:
            if isinstance(stmt.value, t.CallFunction):
                self.call(stmt.value, RESULT)
            else:
                self._set(RESULT, self.tree(stmt.value))
        self.ops.append(Goto(self.label(EXIT)))

    def _jump_to(self, stmt: t.Goto) -> None:
        self.gotos.append((stmt.label, stmt.span))
        self.ops.append(Goto(self.label(stmt.label)))

    def _named_place(self, stmt: t.Label) -> None:
        self.place(self.label(stmt.name))


def _leaves(stmt: t.Stmt | None, inner: bool = False) -> bool:
    """Whether a statement may leave the loop around it; ``inner``: it is inside a further loop or ``switch``."""
    if isinstance(stmt, t.Return | t.Goto):
        return True
    if isinstance(stmt, t.Break):
        return not inner
    if isinstance(stmt, t.Block):
        return any(_leaves(part, inner) for part in stmt.body)
    if isinstance(stmt, t.If):
        return _leaves(stmt.then, inner) or _leaves(stmt.other, inner)
    return isinstance(stmt, t.Loop | t.Switch) and _leaves(stmt.body, True)


_RUNS: dict[type, Callable[..., None]] = {
    t.Evaluate: FunctionLowering._evaluate,
    t.Block: FunctionLowering._sequence_of,
    t.If: FunctionLowering._if_else,
    t.Loop: FunctionLowering._loop,
    t.Switch: FunctionLowering._switch,
    t.Case: FunctionLowering._case,
    t.Break: FunctionLowering._break,
    t.Continue: FunctionLowering._continue,
    t.Return: FunctionLowering._return,
    t.Goto: FunctionLowering._jump_to,
    t.Label: FunctionLowering._named_place,
}
