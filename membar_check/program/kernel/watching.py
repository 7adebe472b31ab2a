"""Conditions of kernel C that are watched: what coverage counts as branches."""

from __future__ import annotations

from membar_check.diagnostics import Span
from membar_check.litmus.kernel_c import in_runtime
from membar_check.program.control import Watch, Way
from membar_check.program.ir import Const, Expr
from membar_check.program.kernel import tree as t


class Watching:
    """The ways out of the conditions of one function, if they are ``wanted``; ``dead``: where no execution can get to.

    ``guards``: what has to hold, or not, for the expression that is being lowered to be evaluated at all, as operands
    without effects are lowered without branches.
    """

    def __init__(self, function: t.FunctionBody) -> None:
        self.function = function
        self.wanted = False
        self.dead = 0
        self.guards: list[tuple[Expr, bool]] = []
        self.ways: list[Way] = []
        self._sites: dict[int, str] = {}

    def condition(self, expr: t.Expr, value: Expr, same: bool = True) -> list[Watch]:
        """To be executed where ``expr`` is asked; ``value`` is its truth, or for ``same`` False its contrary."""
        if not self._counts(expr.span) or isinstance(expr, t.Number):
            return []
        site = self._sites.get(id(expr))
        if site is None:
            site = self._sites[id(expr)] = self._new()
            for true, word in ((False, "false"), (True, "true")):
                self._add(site, true, expr.span, f"`{self.function.text_of(expr)}` as {word}")
        return [Watch(site, value, same, tuple(self.guards))]

    def case(self, value: Expr | None, span: Span, text: str) -> list[Watch]:
        """To be executed before a way out of a ``switch`` is taken if ``value`` is not 0 (None: in any case)."""
        if not self._counts(span):
            return []
        site = self._new()
        self._add(site, True, span, text)
        return [Watch(site, Const(1) if value is None else value)]

    def _add(self, site: str, true: bool, span: Span, text: str) -> None:
        """One more way; what one macro expands to stands at one place, so those that look alike are numbered."""
        number = 1
        while any(way.span == span and way.text == _numbered(text, number) for way in self.ways):
            number += 1
        self.ways.append(Way(site, true, span, _numbered(text, number)))

    def _counts(self, span: Span) -> bool:
        return self.wanted and not self.dead and not in_runtime(span)

    def _new(self) -> str:
        return f"{self.function.name}.{len(self.ways)}"


def _numbered(text: str, number: int) -> str:
    return text if number == 1 else f"{text} (number {number} at this place)"


def decides_nothing(expr: t.Expr) -> bool:
    """Whether an expression is ``&&`` or ``||``, perhaps compared with 0: their operands decide, not they."""
    while isinstance(expr, t.Operation) and expr.name in ("eq", "ne") and is_zero(expr.args[1]):
        expr = expr.args[0]
    return isinstance(expr, t.Logical)


def is_zero(expr: t.Expr) -> bool:
    return isinstance(expr, t.Number) and expr.value == 0
