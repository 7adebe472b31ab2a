"""Clauses over Booleans, and the solver that they are given to.

A literal is a nonzero integer: a variable's number, negated for its opposite, as in the DIMACS format; variable 1 is
true.  Clauses stand in one plain list, ended by zeros, and reach the solver as DIMACS text: building Z3's terms one by
one from Python costs many times what solving them does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from membar_check.diagnostics import Inconclusive

TRUE = 1
FALSE = -1
SLICE = 700  # milliseconds of solving after which Python gets to run its signal handlers


class Cnf:
    """A growing set of clauses; ``top`` the number of variables; ``impossible`` once a clause is empty."""

    __slots__ = ("flat", "impossible", "top")

    def __init__(self) -> None:
        self.top = 1
        self.impossible = False
        self.flat: list[int] = [1, 0]

    def variable(self) -> int:
        self.top += 1
        return self.top

    def add(self, literals: Iterable[int]) -> None:
        """One of the literals holds."""
        clause = []
        for x in literals:
            if x == 1:
                return
            if x != -1:
                clause.append(x)
        if not clause:
            clause = [-1]
            self.impossible = True
        self.flat += clause
        self.flat.append(0)

    def conj(self, literals: Iterable[int]) -> int:
        """A literal that holds exactly if all of ``literals`` do."""
        parts = []
        for x in dict.fromkeys(literals):
            if x == FALSE:
                return FALSE
            if x != TRUE:
                parts.append(x)
        if len(parts) < 2:
            return parts[0] if parts else TRUE
        out = self.variable()
        for x in parts:
            self.add((-out, x))
        self.add([-x for x in parts] + [out])
        return out

    def disj(self, literals: Iterable[int]) -> int:
        """A literal that holds exactly if one of ``literals`` does."""
        return -self.conj([-x for x in literals])

    def at_most_one(self, literals: Sequence[int]) -> None:
        for i, a in enumerate(literals):
            for b in literals[i + 1 :]:
                self.add((-a, -b))

    def exactly_one(self, literals: Sequence[int]) -> None:
        self.add(literals)
        self.at_most_one(literals)

    def text(self) -> str:
        """All clauses as DIMACS."""
        return f"p cnf {self.top} {self.flat.count(0)}\n{' '.join(map(str, self.flat))}\n"


class _Calls:
    """Z3's C functions on plain pointers: without a check for errors after each call, and without Python code in the
    conversion of arguments, where an exception raised by a signal handler would be lost."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        import ctypes

        from z3 import z3core

        known = getattr(z3core, name).__defaults__[0].f
        result = ctypes.c_void_p if known.restype not in (None, ctypes.c_int) else known.restype
        plain = (ctypes.c_uint, ctypes.c_int, ctypes.c_char_p)
        arguments = [t if t in plain else ctypes.c_void_p for t in known.argtypes]
        address = ctypes.cast(known, ctypes.c_void_p).value
        assert address is not None
        function: Callable[..., Any] = ctypes.CFUNCTYPE(result, *arguments)(address)
        setattr(self, name, function)
        return function


_CALLS = _Calls()


class _Terms:
    """Z3's terms for literals, made once: a Z3 context costs more than most of the questions asked in it."""

    def __init__(self) -> None:
        import z3

        self.context = z3.Context()
        self.pointer: int = self.context.ref().value
        self.true: int = _CALLS.Z3_mk_true(self.pointer)
        self._boolean: int = _CALLS.Z3_mk_bool_sort(self.pointer)
        self._terms: dict[int, int] = {}
        self._symbols: dict[int, int] = {}

    def term(self, literal: int) -> int:
        """DIMACS variables are constants named by integers."""
        found = self._terms.get(literal)
        if found is None:
            ctx = self.pointer
            if literal < 0:
                found = _CALLS.Z3_mk_not(ctx, self.term(-literal))
            else:
                found = _CALLS.Z3_mk_const(ctx, _CALLS.Z3_mk_int_symbol(ctx, literal), self._boolean)
            _CALLS.Z3_inc_ref(ctx, found)
            self._terms[literal] = found
        return found

    def symbol(self, variable: int) -> int:
        found = self._symbols.get(variable)
        if found is None:
            found = self._symbols[variable] = _CALLS.Z3_get_app_decl(self.pointer, self.term(variable))
        return found


@lru_cache(maxsize=1)
def _terms() -> _Terms:
    return _Terms()


class Solver:
    """A solver that has the clauses of ``cnf`` as they are now."""

    def __init__(self, cnf: Cnf) -> None:
        import z3

        self._terms = _terms()
        self._ctx = self._terms.pointer
        self._solver = z3.SolverFor("QF_FD", ctx=self._terms.context)
        self._solver.set("timeout", SLICE)
        self._raw: int = self._solver.solver.value
        self.load(cnf.text())

    def load(self, dimacs: str) -> None:
        """Adds clauses.  Raises MemoryError."""
        _CALLS.Z3_solver_from_string(self._ctx, self._raw, dimacs.encode())
        if _CALLS.Z3_get_error_code(self._ctx):
            raise MemoryError

    def forbid(self, cases: Sequence[Sequence[int]]) -> None:
        """Excludes what satisfies all literals of one of the cases."""
        top = max((abs(x) for case in cases for x in case), default=1)
        lines = [" ".join([*(str(-x) for x in case), "0"]) if case else "-1 0" for case in cases]
        self.load(f"p cnf {top} {len(cases)}\n" + "\n".join(lines) + "\n")

    def satisfiable(self, assumed: Sequence[int] = ()) -> bool:
        """Whether the clauses and the literals ``assumed`` can hold together.

        Raises MemoryError, and Inconclusive when Z3 gives up for another reason than the time slice.
        """
        import ctypes

        terms = (ctypes.c_void_p * len(assumed))(*(self._terms.term(x) for x in assumed))
        while True:
            if assumed:
                answer = _CALLS.Z3_solver_check_assumptions(self._ctx, self._raw, len(terms), terms)
            else:
                answer = _CALLS.Z3_solver_check(self._ctx, self._raw)
            if answer:
                return bool(answer == 1)
            self._explain_unknown()

    def _explain_unknown(self) -> None:
        reason = self._solver.reason_unknown()
        if "memory" in reason or "memout" in reason:
            raise MemoryError
        if reason == "interrupted from keyboard":
            raise KeyboardInterrupt
        if reason not in ("timeout", "canceled"):
            raise Inconclusive("engine", f"the solver gave no answer: {reason}")

    def values(self, variables: Sequence[int]) -> list[bool]:
        """The values of ``variables`` in the model just found."""
        ctx, interp = self._ctx, _CALLS.Z3_model_get_const_interp
        model = _CALLS.Z3_solver_get_model(ctx, self._raw)
        if not model:
            raise MemoryError
        _CALLS.Z3_model_inc_ref(ctx, model)
        symbol, true = self._terms.symbol, self._terms.true
        out = [interp(ctx, model, symbol(v)) == true for v in variables]
        _CALLS.Z3_model_dec_ref(ctx, model)
        return out
