"""An execution told: its timeline and its story in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from membar_check.explain import phrases
from membar_check.explain.explanation import ExecutionView, Gap, NoteView, Pair, Row
from membar_check.explain.gaps import why_not_kept
from membar_check.explain.moments import Moments

SHORT = 16  # a story of more steps than this puts what a thread does in one go into one sentence
TOGETHER = 3  # so many steps at most
LONG = 10  # of a story of more steps than this those are left out that no other thread takes part in
FEW = 3  # fewer accesses in a row than this are left out without a word
PLAIN = "Nothing is reordered here: this is an ordinary interleaving."

_Step = tuple[int, ...] | NoteView  # what a thread does on one line, or a note


def timeline(view: ExecutionView, order: Sequence[int], gaps: Sequence[Gap] = ()) -> tuple[Row, ...]:
    """The rows of an execution in the given order: one for what a thread does on one line, one for each note.

    ``gaps``: of the accesses that another overtakes those to name.
    """
    now = Moments(view, order, gaps)
    rows = []
    for step in _steps(now):
        if isinstance(step, NoteView):
            rows.append(Row(step.thread, step.place, step.text, (), True))
            continue
        event = view.events[step[0]]
        text = ", ".join(dict.fromkeys(_row_text(now, e) for e in step))
        rows.append(Row(event.thread, event.place, text, step))
    return tuple(rows)


def story(
    view: ExecutionView,
    order: Sequence[int],
    gaps: Sequence[Gap],
    ordered: frozenset[Pair],
    outcome: str = "",
) -> tuple[str, ...]:
    """The execution in sentences, in the given order.

    ``ordered`` as for :func:`gaps.gaps`; ``outcome``: what the last sentence says that this is, in the test's words.
    Accesses that no other thread can notice are named in passing; fences are told where they explain a gap.
    """
    start = [] if gaps else [PLAIN]
    return (*start, *_Story(Moments(view, order, gaps), ordered).sentences(), *_end(view, outcome))


def _end(view: ExecutionView, outcome: str) -> list[str]:
    parts = phrases.ending(view.state)
    if outcome:
        return [f"At the end {parts}: this is the outcome {outcome}." if parts else f"This is the outcome {outcome}."]
    return [f"At the end {parts}."] if parts else []


# --- steps and rows --------------------------------------------------------------------------------------------------
def _steps(now: Moments) -> Iterator[_Step]:
    """What threads do in the order of the telling, the events of one line together, and the notes between."""
    notes = list(now.view.notes)
    last = {now.orders.thread(e): e for e in now.order}
    run: list[int] = []
    for e in now.order:
        thread = now.orders.thread(e)
        if thread < 0:
            continue
        due = [n for n in notes if n.thread == thread and n.before <= e]
        if run and (due or not _joins(now, run[-1], e)):
            yield tuple(run)
            run = []
        yield from due
        run.append(e)
        notes = [n for n in notes if n not in due]
        after = [n for n in notes if n.thread == thread] if last[thread] == e else []
        if after:
            yield tuple(run)
            yield from after
            run, notes = [], [n for n in notes if n not in after]
    if run:
        yield tuple(run)
    yield from notes


def _joins(now: Moments, a: int, b: int) -> bool:
    same = now.view.events[a].place == now.view.events[b].place
    return b == a + 1 and same and now.orders.thread(a) == now.orders.thread(b)


def _row_text(now: Moments, e: int) -> str:
    event = now.view.events[e]
    if event.kind == "F":
        return phrases.fence_words(event)
    head, details = now.action(e), []
    if event.kind == "R":
        origin = now.origin(e)
        if origin.startswith("from"):
            head = f"{head} {origin}"
        elif origin:
            details.append(origin)
        missed, waiting = now.missed(e), now.waiting(e)
        if missed is not None:
            details.append(f"{now.owned(missed, True)} is not seen")
        elif waiting is not None:
            details.append(f"{now.owned(waiting, True)} is not visible yet")
    elif event.kind == "W":
        over, outlived = now.overwritten(e, True), now.outlived(e)
        details += [f"overwrites {over}"] if over else []
        details += [f"{now.owned(outlived, True)} overwrites it"] if outlived is not None else []
    if event.kind in ("R", "W"):
        details += _moved(now, e)
        head = f"{head} {now.freed(e)}".rstrip()
    return f"{head} ({'; '.join(details)})" if details else head


def _moved(now: Moments, e: int) -> list[str]:
    passed = now.passed(e)
    if passed and not now.hidden(e):
        return [f"ahead of {now.place(passed[0])}"]
    if now.delayed(e):
        return ["visible only now" if now.view.events[e].kind == "W" else "only now"]
    return []


# --- the story -------------------------------------------------------------------------------------------------------
class _Story:
    def __init__(self, now: Moments, ordered: frozenset[Pair]) -> None:
        self.now = now
        self.explained: set[int] = set()  # delayed accesses of which it has been said why they may be
        self.events = now.view.events
        self.ordered = ordered
        self.noticed = self._noticed()
        self.told: list[tuple[int, str]] = []  # steps of one thread that go into one sentence

    def _noticed(self) -> set[int]:
        """The accesses that matter to more than one thread: of locations that several use and one writes."""
        accesses = [i for i, e in enumerate(self.events) if e.thread >= 0 and e.kind in ("R", "W")]
        users: dict[str, set[int]] = {}
        for i in accesses:
            users.setdefault(self.events[i].variable, set()).add(self.events[i].thread)
        written = {self.events[i].variable for i in accesses if self.events[i].kind == "W"}
        shared = {v for v, threads in users.items() if len(threads) > 1 and v in written}
        if not shared:
            return set(accesses)
        return {i for i in accesses if self.events[i].variable in shared and not self.now.announced(i)}

    def _communicates(self, e: int) -> bool:
        """Whether another thread's access gives or takes the value, or overwrites it, or is overwritten."""
        orders = self.now.orders
        if self.events[e].kind == "R":
            others = {orders.source.get(e, e), *orders.newer(e)}
        else:
            others = {*orders.later.get(e, ()), *orders.readers.get(e, ()), self.now.before.get(e, e)}
            others |= {r for r, event in enumerate(self.events) if event.kind == "R" and orders.newer(r)[:1] == (e,)}
        return any(self.events[o].thread not in (-1, self.events[e].thread) for o in others)

    # --- sentences ---
    def sentences(self) -> list[str]:
        steps = list(_steps(self.now))
        if sum(1 for s in steps if self._tells(s)) > LONG:
            self.noticed = {e for e in self.noticed if self._special(e) or self._communicates(e)}
        together = TOGETHER if sum(1 for s in steps if self._tells(s)) > SHORT else 1
        out: list[str] = []
        quiet: list[int] = []
        for step in steps:
            if not self._tells(step):
                quiet += [e for e in step if self._silent(e)] if isinstance(step, tuple) else []
                continue
            simple = self._simple(step) if isinstance(step, tuple) else None
            thread = step.thread if isinstance(step, NoteView) else self.events[step[0]].thread
            if simple is None or not self.told or self.told[0][0] != thread or len(self.told) >= together:
                out += self._flush()
            if quiet:
                out += [*self._flush(), *self._in_passing(quiet)]
                quiet = []
            if simple is not None:
                self.told.append((thread, simple))
            elif isinstance(step, NoteView):
                out.append(self._note(step))
            else:
                out += [self._sentence(e) for e in step if e in self.noticed]
        return [*out, *self._flush(), *self._in_passing(quiet)]

    def _flush(self) -> list[str]:
        told, self.told = self.told, []
        return [f"P{told[0][0]} " + ", then ".join(text for _, text in told) + "."] if told else []

    def _tells(self, step: _Step) -> bool:
        if isinstance(step, NoteView):
            return True
        return any(e in self.noticed or self._section(e) for e in step)

    def _section(self, e: int) -> bool:
        """Whether the event is a lock's, or begins or ends an RCU section or a grace period."""
        event = self.events[e]
        return event.kind == "-" or (event.kind == "F" and any("rcu" in tag.lower() for tag in event.tags))

    def _silent(self, e: int) -> bool:
        return self.now.orders.is_access(e) and not self.now.announced(e)

    def _in_passing(self, quiet: Sequence[int]) -> list[str]:
        """What threads do for themselves, a sentence each."""
        out = []
        for thread in sorted({self.events[e].thread for e in quiet}):
            places = [self.events[e].place for e in quiet if self.events[e].thread == thread]
            if len(places) < FEW:
                continue
            out.append(f"P{thread} runs {phrases.lines(places, self.now.main)}; no other thread depends on it.")
        return out

    def _note(self, note: NoteView) -> str:
        says_where = " before line " in note.text or note.text.endswith("at the end") or not note.place.line
        where = "" if says_where else f" ({phrases.say(note.place, self.now.main)})"
        return f"{note.text.rstrip('.')}{where}."

    def _simple(self, step: tuple[int, ...]) -> str | None:
        """What happens in the step, if nothing about it is surprising: ``writes x = 1 at line 6``."""
        events = [e for e in step if e in self.noticed or self._section(e)]
        wanted = [e for e in events if self.events[e].action.startswith("wants ")]
        events = [e for e in events if e not in wanted] or wanted
        if any(self._special(e) for e in events if e in self.noticed):
            return None
        parts = []
        for e in events:
            action, origin = self.now.action(e), self.now.origin(e) if self.events[e].kind == "R" else ""
            action = f"runs {action}" if self.events[e].kind == "F" else action
            parts.append(f"{action} ({origin})" if origin else action)
        text, place = phrases.joined(list(dict.fromkeys(parts))), self.now.place(step[0])
        text = f"{text} ({place})" if self.now.handshake(step[0]) else f"{text} at {place}"
        return ", ".join([text, *dict.fromkeys(after for e in events for after in self._over(e))])

    def _over(self, e: int) -> list[str]:
        """What stood before where the access writes, and that its memory is freed."""
        over = self.now.overwritten(e) if self.events[e].kind == "W" else ""
        freed = self.now.freed(e) if self.events[e].kind in ("R", "W") else ""
        return [*([f"over {over}"] if over else []), *([freed] if freed else [])]

    def _special(self, e: int) -> bool:
        now = self.now
        if now.overtaken(e) or now.delayed(e):
            return True
        if self.events[e].kind == "W":
            return now.outlived(e) is not None
        return now.missed(e) is not None or now.waiting(e) is not None

    def _sentence(self, e: int) -> str:
        """One access, with what is surprising about it."""
        text = self._read(e) if self.events[e].kind == "R" else self._write(e)
        passed = self.now.passed(e)
        return f"{text}{self._ahead(e, passed)}." if passed and not self.now.hidden(e) else f"{text}."

    def _read(self, e: int) -> str:
        now = self.now
        missed, waiting, origin = now.missed(e), now.waiting(e), now.origin(e)
        head = f"P{self.events[e].thread} {now.action(e)}"
        head = f"Only now {head}" if now.delayed(e) else head
        if missed is not None:
            return f"{head} at {now.place(e)} {self._although(e, missed)}"
        text = f"{head} ({origin}) at {now.place(e)}" if origin else f"{head} at {now.place(e)}"
        text = ", ".join([text, *self._over(e)])
        if waiting is not None and not now.overtaken(e):
            text += f": {now.owned(waiting)} is not visible yet"
        return text

    def _write(self, e: int) -> str:
        now, outlived, over = self.now, self.now.outlived(e), self.now.overwritten(e)
        if now.overtaken(e):
            text = f"{now.owned(e)} becomes visible"
        elif now.delayed(e):
            text = f"Only now {now.owned(e)} becomes visible"
        else:
            text = f"P{self.events[e].thread} {now.action(e)} at {now.place(e)}"
        text += f" and overwrites {over}" if over else ""
        if outlived is not None:
            text += (
                f", but {now.owned(outlived)}, although earlier, overwrites it: the order of the writes to "
                f"{self.events[e].variable} need not be the order in which they happen"
            )
        return text

    def _ahead(self, e: int, passed: Sequence[int]) -> str:
        """Which accesses of its thread the access overtakes, and why it may."""
        last = phrases.earlier(self.events[passed[-1]], self.events[e])
        if self.events[passed[0]].kind == "W":
            parts = [f"{phrases.content(self.events[a])} {self.now.of_line(a)}" for a in passed]
            text = f" before its own {phrases.joined(parts)}{last}"
            text += "" if self.events[e].kind == "W" else " become visible" if len(passed) > 1 else " becomes visible"
        else:
            parts = [f"{self.events[a].variable} at {self.now.place(a)}" for a in passed]
            text = f" before its own read{'s' if len(passed) > 1 else ''} of {phrases.joined(parts)}{last}"
        text = text.rstrip(",")
        free = [a for a in passed if (a, e) not in self.ordered]
        new = [a for a in free if (a, e) in self.now.gaps or a not in self.explained]
        self.explained.update(new)
        reasons = dict.fromkeys(why_not_kept(self.now.orders, a, e) for a in new)
        return f"{text}: {phrases.joined(list(reasons))}" if reasons else text

    def _although(self, read: int, missed: int) -> str:
        """Which write the read does not see and why."""
        readers = self.now.readers(missed, read)
        seen = f"already visible to P{readers[0]}" if readers else "already written"
        thread = self.events[read].thread
        return f"although {self.now.owned(missed)} is {seen}, because that write has not reached P{thread} yet"
