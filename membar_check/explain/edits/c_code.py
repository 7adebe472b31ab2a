"""The edits of C, plain or in kernel C: fences and accesses that are statements or calls, and plain accesses."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from membar_check.diagnostics import Source
from membar_check.explain.edits import c_text
from membar_check.explain.edits.c_text import Operand
from membar_check.explain.edits.edit import Option, Places, Point, Site
from membar_check.explain.edits.lvalues import Access, plain_accesses
from membar_check.explain.edits.statements import (
    Call,
    Function,
    Statement,
    calls,
    declared,
    is_name,
    own_source,
    walk,
)
from membar_check.explain.edits.table import PLAIN, Fence, Table
from membar_check.litmus.kernel_preprocess import Piece

Loops = tuple[tuple[int, int], ...]
"""The tokens of the loops around a statement, outermost first."""


class Code(NamedTuple):
    """A test's C.  ``tokens``; ``functions``: those to edit, with the thread that runs each, -1 for any; ``handlers``:
    names of functions that are called by what cannot be edited; ``entered``: of those where a statement at their
    beginning or end is not the same as one beside a single call; ``shared``: of objects that threads share;
    ``defined``: of functions, whose arguments are values; ``silent``: of those whose calls make no access; ``words``:
    all tokens of the functions to edit."""

    tokens: list[Piece]
    functions: tuple[tuple[int, Function], ...]
    handlers: frozenset[str]
    entered: frozenset[str]
    shared: frozenset[str]
    defined: frozenset[str]
    silent: frozenset[str]
    words: frozenset[str]

    def arguments(self, names: frozenset[str]) -> dict[str, set[str]]:
        """The first arguments of the calls of these functions, in order, with the names in them."""
        found: dict[str, set[str]] = {}
        for _, function in self.functions if names & self.words else ():
            for call in calls(self.tokens, function.body.first, function.body.last):
                if self.tokens[call.name].text in names and call.arguments:
                    first, last = call.arguments[0]
                    texts = [self.tokens[index].text for index in range(first, last + 1)]
                    found["".join(texts)] = {text for text in texts if is_name(text)}
        return found


def places(code: Code, table: Table) -> Places:
    """All that can be edited in the functions of a test."""
    sites: list[Site] = []
    points: list[Point] = []
    for thread, function in code.functions:
        reader = _Function(code, table, thread, function)
        sites += reader.sites()
        points += reader.points()
    return Places(tuple(sites), tuple(points))


class _Function:
    """Reads one function."""

    def __init__(self, code: Code, table: Table, thread: int, function: Function) -> None:
        self.code = code
        self.tokens = code.tokens
        self.table = table
        self.thread = thread
        self.function = function
        self.statements = walk(function.body)
        body = function.body
        self.calls = calls(self.tokens, body.first, body.last)
        self.names = {call.name: self.tokens[call.name].text for call in self.calls}
        shared = code.shared - self._locals()
        stores = frozenset(form.name for form in table.forms.values() if form.access == "store")
        self.plain = plain_accesses(self.tokens, self.statements, self.calls, shared, code.defined, stores)
        quiet = code.silent | table.fences.keys()
        events = [call.name for call in self.calls if self.names[call.name] not in quiet]
        self.events = sorted([*events, *(access.first for access in self.plain)])

    def _locals(self) -> set[str]:
        """Names that mean something else here than at file scope: parameters and what is declared."""
        opened = self.function.first + 1
        names = {self.tokens[index].text for index in range(opened, self.function.body.first)}
        for each in self.statements:
            if each.kind == "declare":
                names |= declared(self.tokens, each)
        return names | {f"{name}[" for name in names}

    # --- what stands there -------------------------------------------------------------------------------------------
    def sites(self) -> list[Site]:
        free = {part.first for each in self.statements if each.kind == "block" for part in _free(each)}
        found = [
            site
            for each in self.statements
            if each.kind == "simple" and (site := self._fence(each, each.first in free)) is not None
        ]
        wholes = {each.first: each for each in self.statements if each.kind == "simple"}
        for call in self.calls:
            if self.names[call.name] in self.table.forms and (site := self._form(call, wholes.get(call.name))):
                found.append(site)
        found += [site for access in self.plain if (site := self._plain(access)) is not None]
        return sorted(found, key=lambda site: site.start)

    def _fence(self, whole: Statement, free: bool) -> Site | None:
        """The fence that a statement is.  ``free``: C does not want a statement there."""
        tokens, first, last = self.tokens, whole.first, whole.last
        name = tokens[first].text
        fence = self.table.fences.get(name)
        if fence is None or tokens[first + 1].text != "(" or tokens[last - 1].text != ")" or tokens[last].macro:
            return None
        source = tokens[last].span.source
        used = tokens[first]
        if used.span.source is not source or (used.macro and not _whole_use(tokens, first, last)):
            return None
        start, end = used.span.start, tokens[last].span.end
        drop = c_text.remove(source, start, end) if free else (c_text.put(source, start, end, ";"),)
        weaker, stronger = (
            tuple(Option(other, f"{other}()", (c_text.put(source, start, end, f"{other}();"),)) for other in others)
            for others in (self.table.weaker(name), self.table.stronger(name))
        )
        shown = " ".join(source.text[start : end - 1].split())
        return Site(self.thread, source, start, end, name, "", shown, weaker, stronger, drop)

    def _form(self, call: Call, whole: Statement | None) -> Site | None:
        tokens = self.tokens
        source = own_source(tokens, call.name, call.closed)
        form = self.table.forms[self.names[call.name]]
        wanted = {"load": 1, "store": 2}.get(form.access, len(call.arguments))
        if source is None or len(call.arguments) != wanted or tokens[call.opened].macro:
            return None
        if any(tokens[last + 1].macro for _, last in call.arguments):
            return None
        statement = whole is not None and whole.last == call.closed + 1 and not tokens[whole.last].macro
        operand = self._operand(source, call)
        written = c_text.Written(source, call, tokens, operand, statement)
        sides = [
            tuple(
                Option(other, *made)
                for other in others
                if (made := written.into(form, self.table.forms.get(other), other)) is not None
            )
            for others in (self.table.weaker(form.name), self.table.stronger(form.name))
        ]
        start, end = tokens[call.name].span.start, tokens[call.closed].span.end
        shown = " ".join(source.text[start:end].split())
        return Site(self.thread, source, start, end, form.name, form.access, shown, sides[0], sides[1], None)

    def _operand(self, source: Source, call: Call) -> Operand:
        """The first argument of a call; all between its delimiters, as a macro's tokens say little of their extent."""
        if not call.arguments:
            at = self.tokens[call.opened].span.end
            return Operand(at, at, "", at)
        first, last = call.arguments[0]
        return c_text.operand(
            source, self.tokens, first, last, self.tokens[first - 1].span.end, self.tokens[last + 1].span.start
        )

    def _plain(self, access: Access) -> Site | None:
        tokens = self.tokens
        source = own_source(tokens, access.first, access.last)
        if source is None:
            return None
        start, end = tokens[access.first].span.start, tokens[access.last].span.end
        operand = c_text.operand(source, tokens, access.first, access.last, start, end)
        if access.stored is None:
            kind, stop, shown = "load", end, source.text[start:end]
            rewrite = c_text.load_of(source, operand)
        else:
            kind = "store"
            equal, semicolon = access.stored
            if own_source(tokens, equal, semicolon) is not source or tokens[equal + 1].macro:
                return None
            stop = tokens[semicolon].span.start
            shown = source.text[start:stop]
            rewrite = c_text.store_of(source, operand, tokens[equal + 1].span.start, stop)
        options = tuple(
            Option(other, *rewrite(self.table.forms[other])) for other in self.table.stronger(PLAIN, kind)
        )
        shown = " ".join(shown.split())
        return Site(self.thread, source, start, stop, PLAIN, kind, shown, (), options, None)

    # --- where something can be inserted -----------------------------------------------------------------------------
    def points(self) -> list[Point]:
        found: list[Point] = []
        name = self.function.name
        ends = name in self.code.handlers or (name in self.code.entered and bool(self.events))
        self._block(self.function.body, (), ends, found)
        return sorted(found, key=lambda point: point.start)

    def _block(self, block: Statement, loops: Loops, entered: bool, found: list[Point]) -> None:
        """The points of a block and of what is inside.  ``entered``: what stands first in it is not the same as what
        stands before it."""
        ends = block is self.function.body and entered
        fresh = entered  # something has happened since the last point that is offered
        items = block.parts
        for index in range(len(items) + 1):
            before = items[index - 1] if index else None
            after = items[index] if index < len(items) else None
            if before is not None:
                fresh = fresh or self._happens(before)
                if before.kind == "jump":
                    continue
            last = before.last if before is not None else block.first
            settled = after is None or after.kind != "declare" or self._happens(after)
            between = after is not None or ends
            main = fresh and settled and between and (ends or self._matters(last, loops))
            point = self._point(block, index, last, main)
            if point is not None:
                found.append(point)
                fresh = fresh and not main
        for item in items:
            self._inside(item, loops, found)

    def _inside(self, item: Statement, loops: Loops, found: list[Point]) -> None:
        """The points inside a statement of a block."""
        if item.kind == "block":
            self._block(item, loops, False, found)
        elif item.kind in ("branch", "loop"):
            entered = self._events_in(*item.head) or item.kind == "loop"
            inner = (*loops, (item.first, item.last)) if item.kind == "loop" else loops
            for part in item.parts:
                if part.kind == "block":
                    self._block(part, inner, entered, found)
                    continue
                main = entered and self._happens(part) and self._matters(part.first - 1, inner)
                if part.kind in ("simple", "jump", "empty") and (point := self._braced(item, part, main)) is not None:
                    found.append(point)
                self._inside(part, inner, found)

    def _events_in(self, first: int, last: int) -> bool:
        at = bisect_left(self.events, first)
        return at < len(self.events) and self.events[at] <= last

    def _happens(self, item: Statement) -> bool:
        return item.kind == "label" or self._events_in(item.first, item.last)

    def _matters(self, last: int, loops: Loops) -> bool:
        """Whether something happens both before and after the token ``last``."""
        body = self.function.body
        if any(item.kind == "jump" and self.tokens[item.first].text == "goto" for item in self.statements):
            return bool(self.events)
        if any(self._events_in(first, end) for first, end in loops):
            return True
        return self._events_in(body.first, last) and self._events_in(last + 1, body.last)

    def _point(self, block: Statement, index: int, last: int, main: bool) -> Point | None:
        """The point behind token ``last``, before statement ``index`` of a block."""
        tokens = self.tokens
        before = block.parts[index - 1] if index else None
        after = block.parts[index] if index < len(block.parts) else None
        piece = tokens[last]
        following = tokens[after.first if after is not None else block.last]
        source = piece.span.source
        if piece.macro or (following.span.source is source and following.span.start < piece.span.end):
            return None
        indent = c_text.indent(source, tokens[block.first].span, tokens[(before or after or block).first].span)
        whole = before is not None and before.kind in ("simple", "declare")
        begin = tokens[before.first].span if before is not None and whole else piece.span
        at = begin.start if begin.source is source else piece.span.start
        here = following.span.source is source
        end = following.span.start if here else piece.span.end
        start, stop, head, tail = c_text.gap(source, piece.span.end, end, indent)
        side = "after" if whole or after is None or not here else "before"
        fences = self._fences(before, after, self._beside(block, index))
        return Point(self.thread, source, at, piece.span.end, end, side, start, stop, head, tail, main, fences)

    def _braced(self, item: Statement, part: Statement, main: bool) -> Point | None:
        """The point before the only statement of a branch or loop, which gets braces."""
        tokens = self.tokens
        closed = tokens[part.first - 1]  # the parenthesis, `else` or `do` before it
        source = own_source(tokens, item.first, part.last)
        first = tokens[part.first].span
        if source is None or closed.macro or first.source is not source or first.start < closed.span.end:
            return None
        start, stop, head, tail, end = c_text.braces(
            source, tokens[item.first].span.start, closed.span.end, first.start, tokens[part.last].span.end
        )
        fences = self._fences(None, part, frozenset())
        return Point(
            self.thread, source, closed.span.start, closed.span.end, first.start, "before", start, stop, head, tail,
            main, fences, extra=(end,),
        )  # fmt: skip

    def _beside(self, block: Statement, index: int) -> frozenset[str]:
        """The fences before and after statement ``index`` of a block that no event stands in between."""
        found: set[str] = set()
        for items in (reversed(block.parts[:index]), block.parts[index:]):
            for item in items:
                if item.kind not in ("simple", "declare", "empty") or self._happens(item):
                    break
                found.add(self.tokens[item.first].text)
        return frozenset(found & self.table.fences.keys())

    def _fences(self, before: Statement | None, after: Statement | None, beside: frozenset[str]) -> tuple[str, ...]:
        """The fences that the table lets stand between two statements, where ``beside`` already stand."""
        offered = (fence for fence in self.table.fences.values() if fence.add and self._fits(fence, before, after))
        return tuple(
            written for fence in offered if self.table.adds(fence.name, beside) for written in self._written(fence)
        )

    def _written(self, fence: Fence) -> list[str]:
        """A fence as it is called: with each argument that this function could give it."""
        if not fence.argument:
            return [fence.name]
        own = {self.tokens[index].text for index in range(self.function.first, self.function.body.last)}
        return [f"{fence.name}({text})" for text, names in self.code.arguments(fence.argument).items() if names <= own]

    def _fits(self, fence: Fence, before: Statement | None, after: Statement | None) -> bool:
        if fence.where and not fence.where & self.code.words:
            return False
        if fence.after and not (before is not None and self._calls(before, fence.after)):
            return False
        return not fence.before or (after is not None and self._calls(after, fence.before))

    def _calls(self, item: Statement, names: frozenset[str]) -> bool:
        if item.kind not in ("simple", "declare"):
            return False
        return any(self.tokens[i].text in names for i in range(item.first, item.last) if is_name(self.tokens[i].text))


def _free(block: Statement) -> tuple[Statement, ...]:
    """The statements of a block without one that ends it behind a label."""
    labelled = len(block.parts) > 1 and block.parts[-2].kind == "label"
    return block.parts[:-1] if labelled else block.parts


def _whole_use(tokens: list[Piece], first: int, last: int) -> bool:
    """Whether the tokens before ``last`` are all that one use of a macro expands to."""
    use = tokens[first].span
    if any(not tokens[i].macro or tokens[i].span != use for i in range(first, last)):
        return False
    return first == 0 or not tokens[first - 1].macro or tokens[first - 1].span != use
