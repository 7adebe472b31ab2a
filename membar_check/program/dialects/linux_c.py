"""C threads with the Linux kernel's primitives -> IR.

Follows herd7's C semantics: a thread's parameters are the addresses of the globals they name, locals are registers that
start at 0, ``if`` and ``while`` make control dependencies up to their end and not beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from membar_check.diagnostics import InputError, Span
from membar_check.litmus.syntax import (
    CAssign,
    CBinary,
    CBlock,
    CBody,
    CCall,
    CDeclare,
    CExpr,
    CExprStmt,
    CGoto,
    CIf,
    CLabel,
    CName,
    CStmt,
    CUnary,
    CWhile,
    LitmusTest,
    RegisterRef,
)
from membar_check.program.dialects.c_primitives import STATEMENTS, VALUES
from membar_check.program.dialects.c_scopes import rescope
from membar_check.program.dialects.c_values import (
    OPERATORS,
    Env,
    Restart,
    ValueLowering,
    depending,
    negation,
    operation,
    truth,
)
from membar_check.program.ir import Branch, Expr, Goto, Let, Load, Reg, Store, Thread
from membar_check.program.macros import Macros, key_of
from membar_check.values import Address, Value


class LoweredC(NamedTuple):
    """The threads; the values that parameters have as registers; no types, as only those of the init block show."""

    threads: tuple[Thread, ...]
    registers: dict[tuple[int, str], Value]
    types: dict[str, str]


def lower_c(test: LitmusTest, macros: Macros, lkmmv2: bool = True) -> LoweredC:
    """The threads of a C test.  ``lkmmv2`` chooses how read-modify-writes are tagged (see ``c_primitives``).

    Raises InputError with the place in the test for unknown names, macros and primitives, wrong numbers of arguments,
    operands that are no objects in memory, labels that are missing or defined twice, and parameters that the init
    block gives values.
    """
    initialised = [item.place for item in test.init if isinstance(item.place, RegisterRef)]
    threads: list[Thread] = []
    parameters: dict[tuple[int, str], Value] = {}
    for number, body in enumerate(test.bodies):
        assert isinstance(body, CBody)
        for parameter in body.parameters:
            if (number, parameter.name) in parameters:
                raise InputError(f"P{number} has two parameters `{parameter.name}`", parameter.span)
            parameters[number, parameter.name] = Address(parameter.name)
        known = frozenset(place.name for place in initialised if place.thread == number)
        threads.append(lower_thread(number, body, macros, lkmmv2, known))
    for place in initialised:
        if (place.thread, place.name) in parameters:
            raise InputError(
                f"`{place}` is initialised, but it is a parameter of P{place.thread}",
                place.span,
                f"a parameter is always the address of the global `{place.name}`",
            )
    return LoweredC(tuple(threads), parameters, {})


def lower_thread(number: int, body: CBody, macros: Macros, lkmmv2: bool, known: frozenset[str] = frozenset()) -> Thread:
    """One thread.  ``known``: locals that the init block gives values, declared or not."""
    parameters = frozenset(p.name for p in body.parameters)
    assigned = known - parameters
    persistent = False
    while True:
        lowering = ThreadLowering(number, parameters, assigned, macros, lkmmv2, persistent)
        try:
            for statement in body.statements:
                lowering.statement(statement, None)
            break
        except Restart as restart:
            assigned |= {restart.assigned} - {""}
            persistent |= restart.persistent
        except RecursionError:
            assert lowering.span is not None
            raise InputError("this is nested too deeply", lowering.span) from None
    lowering.check_labels()
    if lowering.gotos:
        rescope(lowering.code, lowering.labels)
    names = tuple(sorted(lowering.registers | parameters))
    return Thread(number, tuple(lowering.code), lowering.labels, names)


class ThreadLowering(ValueLowering):
    """Lowering of statements."""

    value_primitives = VALUES
    statement_primitives = STATEMENTS

    def __init__(
        self,
        number: int,
        parameters: frozenset[str],
        assigned: frozenset[str],
        macros: Macros,
        lkmmv2: bool,
        persistent: bool,
    ) -> None:
        super().__init__(number, parameters, assigned, macros, lkmmv2, persistent)
        self.gotos: list[tuple[str, Span]] = []

    def statement(self, statement: CStmt, env: Env | None) -> None:
        """Lower one statement; a macro's statements (``env`` not None) bear the span of the statement that uses it."""
        if env is None:
            self.span = statement.span
        _STATEMENTS[type(statement)](self, statement, env)

    def _declare(self, statement: CDeclare, env: Env | None) -> None:
        if statement.name in self.parameters and statement.name not in self.registers:
            raise Restart(statement.name)
        self.registers.add(statement.name)
        if statement.init is not None:
            self._set(statement.name, self.value(statement.init, env))

    def _assign(self, statement: CAssign, env: Env | None) -> None:
        target, scope = self.resolve(statement.target, env)
        op = OPERATORS[statement.op] if statement.op else ""
        if isinstance(target, CName):
            if target.name in self.parameters and target.name not in self.registers:
                raise Restart(target.name)
            value = self.value(statement.value, env)
            if op:
                value = operation(op, self.variable(target), value)
            self.registers.add(target.name)
            self._set(target.name, value)
            return
        if op:
            addr = self.pointee(target, scope, "an assignment")
            old = self.load(addr)
            value = operation(op, old, self.value(statement.value, env))
        else:
            (addr, value), _ = self.operands((target, statement.value), env, "an assignment")
        self.ops.append(Store(addr, value))
        self.flush()

    def _set(self, name: str, value: Expr) -> None:
        """``name := value``, straight from the read that made the value where there is one."""
        if self.answers:
            value = depending(value, self.answers)
        last = self.ops[-1] if self.ops else None
        if isinstance(last, Load) and isinstance(value, Reg) and last.dst == value.name and value.name != name:
            self.ops[-1] = Load(name, last.addr, last.tags, last.atomic, last.bits, last.lane)
        else:
            self.ops.append(Let(name, value))
        self.flush()

    def _expression(self, statement: CExprStmt, env: Env | None) -> None:
        expr, scope = self.resolve(statement.expr, env)
        if isinstance(expr, CCall):
            name = key_of(expr)
            macro = self.macros.statement(name)
            if macro is not None:
                assert isinstance(macro.body, tuple)
                inner = self.bind(macro, expr, scope)
                for part in macro.body:
                    self.statement(part, inner)
                return
            primitive = self.statement_primitives.get(expr.name)
            if primitive is not None and self.macros.expression(name) is None:
                primitive(self, expr, scope)
                self.flush()
                return
        self.value(expr, scope)
        self.flush()

    def _block(self, statement: CBlock, env: Env | None) -> None:
        for part in statement.body:
            self.statement(part, env)

    # --- control flow ------------------------------------------------------------------------------------------------
    def _if(self, statement: CIf, env: Env | None) -> None:
        otherwise = self.new_label()
        end = self.new_label() if statement.other is not None else otherwise
        self._jump(statement.cond, env, False, otherwise, end)
        self.statement(statement.then, env)
        if statement.other is not None:
            self.ops.append(Goto(end))
            self.place(otherwise)
            self.statement(statement.other, env)
        self.place(end)

    def _while(self, statement: CWhile, env: Env | None) -> None:
        again, end = self.new_label(), self.new_label()
        self.place(again)
        if statement.do_first:
            self.statement(statement.body, env)
            self._jump(statement.cond, env, True, again, end)
        else:
            self._jump(statement.cond, env, False, end, end)
            self.statement(statement.body, env)
            self.ops.append(Goto(again))
        self.place(end)

    def _jump(self, cond: CExpr, env: Env | None, when: bool, target: str, scope: str) -> None:
        """Go to ``target`` if ``cond`` is true (false) for ``when`` True (False), else on; the dependency ends at
        ``scope``."""
        cond, env = self.resolve(cond, env)
        if isinstance(cond, CUnary) and cond.op == "!":
            self._jump(cond.operand, env, not when, target, scope)
        elif isinstance(cond, CBinary) and cond.op in ("&&", "||"):
            if (cond.op == "&&") != when:  # either operand alone decides to jump
                self._jump(cond.left, env, when, target, scope)
                self._jump(cond.right, env, when, target, scope)
            else:
                on = self.new_label()
                self._jump(cond.left, env, not when, on, scope)
                self._jump(cond.right, env, when, target, scope)
                self.place(on)
        else:
            if env is None:
                self.span = cond.span
            value = truth(self.value(cond, env))
            self.ops.append(Branch(value if when else negation(value), target, scope))
            self.flush()

    def _goto(self, statement: CGoto, env: Env | None) -> None:
        self.gotos.append((statement.label, statement.span))
        self.ops.append(Goto(statement.label))
        self.flush()

    def _label(self, statement: CLabel, env: Env | None) -> None:
        self.flush()
        if statement.name in self.labels:
            self.error(f"label `{statement.name}` is defined twice in P{self.number}", statement.span)
        self.place(statement.name)

    def check_labels(self) -> None:
        """Raise InputError at a ``goto`` whose label is missing."""
        for label, span in self.gotos:
            if label not in self.labels:
                raise InputError(f"P{self.number} has no label `{label}`", span)


_STATEMENTS: dict[type, Callable[..., None]] = {
    CDeclare: ThreadLowering._declare,
    CAssign: ThreadLowering._assign,
    CExprStmt: ThreadLowering._expression,
    CIf: ThreadLowering._if,
    CWhile: ThreadLowering._while,
    CBlock: ThreadLowering._block,
    CGoto: ThreadLowering._goto,
    CLabel: ThreadLowering._label,
}
