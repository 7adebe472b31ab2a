"""Where control dependencies end in threads that use ``goto``.

Without ``goto`` a branch's dependency ends at the end of its ``if`` or loop.  With it, that is the first instruction
which every way from the branch to the end of the thread passes: the branch's immediate postdominator (Ferrante,
Ottenstein, Warren, "The program dependence graph and its use in optimization", TOPLAS 1987).
"""

from __future__ import annotations

from membar_check.program.ir import Branch, Goto, Halt, Instr
from membar_check.records import replace


def rescope(code: list[Instr], labels: dict[str, int]) -> None:
    """Give every branch of ``code`` the scope that its control flow implies; adds labels for them."""
    behind = _postdominators(code, labels)
    for at, instr in enumerate(code):
        last = instr.ops[-1]
        if not isinstance(last, Branch):
            continue
        strict = behind[at] & ~(1 << at)
        scope = None
        for end in _members(strict):
            if behind[end] == strict:
                scope = f".end{end}"
                labels[scope] = end
                break
        code[at] = Instr((*instr.ops[:-1], replace(last, scope=scope)), instr.span)


def _postdominators(code: list[Instr], labels: dict[str, int]) -> list[int]:
    """For each instruction, and the end of the thread, the set (as bits) of those that every way on passes."""
    count = len(code)
    following = [_following(code[at], at, labels, count) for at in range(count)]
    everything = (1 << (count + 1)) - 1
    behind = [everything] * count + [1 << count]
    changed = True
    while changed:
        changed = False
        for at in reversed(range(count)):
            common = everything
            for next_ in following[at]:
                common &= behind[next_]
            common |= 1 << at
            if common != behind[at]:
                behind[at] = common
                changed = True
    return behind


def _following(instr: Instr, at: int, labels: dict[str, int], count: int) -> tuple[int, ...]:
    last = instr.ops[-1]
    if isinstance(last, Goto):
        return (labels[last.target],)
    if isinstance(last, Branch):
        return at + 1, labels[last.target]
    return (count,) if isinstance(last, Halt) else (at + 1,)


def _members(bits: int) -> list[int]:
    return [index for index in range(bits.bit_length()) if bits >> index & 1]
