"""The cheapest choices of options that make something impossible, found by implicit hitting sets.

A *choice* takes at most one option at each site.  Options of a site are ordered by what they include, and choices site
by site.  What is asked about (*it*) is monotone: where a choice shows it, so does every choice below.  Two facts drive
the search, as in Ignatiev, Previti, Liffiton and Marques-Silva, "Smallest MUS extraction with minimal hitting set
dualization" (2015), with costs:

* if a choice G shows it, every answer takes an option that goes beyond G at its site: a *clause*, the stronger the
  higher G;
* the cheapest choice that meets all clauses known so far costs no more than any answer; if it does not show it, it is
  the cheapest answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from membar_check.records import dataclass

Choice = frozenset[int]  # numbers of options
NOTHING: Choice = frozenset()


class OutOfTime(Exception):
    """The time for a search is over."""


@dataclass(frozen=True, slots=True)
class Option:
    """``site``: where, at most one option is taken there.  ``cost``: positive.  ``includes``: the numbers of the
    options of this site that do no more than this one, its own among them.  ``risky``: it is likely to make more
    impossible than it should, so that not all such options are tried together with everything else.  ``virtual``: it is
    no option of an answer, but what several of them together would be; to ask about it saves to ask about each.
    ``kind``: options of one kind are likely to do the same."""

    site: int
    cost: int
    includes: frozenset[int]
    risky: bool = False
    virtual: bool = False
    kind: str = ""


class Oracle(Protocol):
    """What knows the answers; both may raise :class:`OutOfTime`."""

    def shows(self, choice: Choice) -> bool:
        """Whether it is still possible."""

    def spoils(self, choice: Choice) -> bool:
        """Whether something else is wrong with the choice, and with all choices above it."""


@dataclass(frozen=True, slots=True)
class Found:
    """``answers``: minimal choices that do not show it, by cost.  ``proven``: there is nothing cheaper than the first
    and nothing between them.  ``complete``: there are no other answers.  ``spoiled``: choices that do not show it and
    are no answers, for the oracle's reasons.  ``asked``: how often the oracle was.  ``short``: all options that are not
    risky together still show it."""

    answers: tuple[Choice, ...]
    proven: bool
    complete: bool
    spoiled: tuple[Choice, ...]
    asked: int
    short: bool = False

    @property
    def impossible(self) -> bool:
        """Whether there is no answer at all."""
        return self.complete and not self.answers


class Sites:
    """The options of a search, site by site."""

    def __init__(self, options: Sequence[Option]) -> None:
        self.options = options
        self.at: dict[int, list[int]] = {}
        for number, option in enumerate(options):
            self.at.setdefault(option.site, []).append(number)
        for numbers in self.at.values():  # the strongest first
            numbers.sort(key=lambda n: (-len(options[n].includes), options[n].cost, n))
        kinds: dict[tuple[int, str], list[int]] = {}
        for number, option in enumerate(options):
            if not option.risky and not option.virtual:
                kinds.setdefault((option.cost, option.kind), []).append(number)
        self.kinds = [kinds[key] for key in sorted(kinds)]

    def cost(self, choice: Choice) -> int:
        return sum(self.options[n].cost for n in choice)

    def order(self, choice: Choice) -> tuple[int, int, int]:
        """Cheaper before dearer, fewer before more, earlier before later."""
        return self.cost(choice), len(choice), sum(choice)

    def below(self, lower: Choice, upper: Choice) -> bool:
        """Whether ``upper`` includes all that ``lower`` does."""
        return all(any(n in self.options[m].includes for m in upper) for n in lower)

    def beyond(self, choice: Choice) -> frozenset[int]:
        """The options that the choice does not include."""
        inside: set[int] = set().union(*(self.options[n].includes for n in choice))
        return frozenset(range(len(self.options))) - inside

    def with_option(self, choice: Choice, number: int) -> Choice:
        site = self.options[number].site
        return frozenset(n for n in choice if self.options[n].site != site) | {number}

    def without(self, choice: Choice, sites: Iterable[int]) -> Choice:
        gone = set(sites)
        return frozenset(n for n in choice if self.options[n].site not in gone)

    def join(self, choice: Choice, others: Iterable[int]) -> Choice:
        """The choice with the least at each site that also includes the others; without those for which there is
        nothing such that is not risky."""
        out = {self.options[n].site: n for n in choice}
        for n in others:
            site = self.options[n].site
            here = out.get(site)
            if here is None:
                out[site] = n
                continue
            both = [m for m in self.at[site] if {n, here} <= self.options[m].includes]
            safe = [m for m in both if not self.options[m].risky or m in (n, here)]
            if safe:
                out[site] = min(safe, key=lambda m: (len(self.options[m].includes), m))
        return frozenset(out.values())

    def raised(self, choice: Choice, sites: Iterable[int], risky: bool = False) -> Choice:
        """The choice with the strongest option at each of the sites that includes what the choice has there."""
        out = choice
        for site in sites:
            for number in self.stronger(out, site, risky)[:1]:
                out = self.with_option(out, number)
        return out

    def stronger(self, choice: Choice, site: int, risky: bool) -> list[int]:
        """The options of a site that include what the choice has there, the strongest first; without ``risky`` ones
        unless they are asked for."""
        here = [n for n in choice if self.options[n].site == site]
        found = [n for n in self.at[site] if all(h in self.options[n].includes for h in here)]
        return [n for n in found if risky or not self.options[n].risky or n in here]


class HittingSets:
    """Z3's view: clauses (one of these options), and answers known already, above which nothing is looked for."""

    def __init__(self, sites: Sites, most_risky: int | None = None) -> None:
        import z3

        self.sites = sites
        self.z3: Any = z3
        self.solver: Any = z3.Optimize()
        options = sites.options
        self.taken: list[Any] = [z3.Bool(f"o{n}") for n in range(len(options))]
        self.had: list[Any] = [z3.Bool(f"h{n}") for n in range(len(options))]  # taken, or something stronger
        for numbers in sites.at.values():
            if len(numbers) > 1:
                self.solver.add(z3.AtMost(*(self.taken[n] for n in numbers), 1))
        for n, option in enumerate(options):
            self.solver.add(*(z3.Implies(self.taken[n], self.had[m]) for m in sorted(option.includes)))
        risky = [self.taken[n] for n, option in enumerate(options) if option.risky]
        if most_risky is not None and len(risky) > most_risky:
            self.solver.add(z3.AtMost(*risky, most_risky))
        # The order of choices (Sites.order) in one weight.
        ranks = len(options) * (len(options) + 1) + 1
        for n, option in enumerate(options):
            weight = (option.cost * (len(options) + 1) + 1) * ranks + n
            if option.virtual:
                self.solver.add(z3.Not(self.taken[n]))
            else:
                self.solver.add_soft(z3.Not(self.taken[n]), str(weight))

    def one_of(self, options: Iterable[int]) -> None:
        self.solver.add(self.z3.Or(*(self.taken[n] for n in sorted(options))))

    def not_above(self, choice: Choice) -> None:
        self.solver.add(self.z3.Or(*(self.z3.Not(self.had[n]) for n in sorted(choice))))

    def cheapest(self, seconds: float | None = None) -> Choice | None:
        """The cheapest choice that is left; None if there is none.  Raises OutOfTime."""
        if seconds is not None:
            self.solver.set("timeout", max(1, int(seconds * 1000)))
        answer = self.solver.check()
        if answer == self.z3.unsat:
            return None
        if answer != self.z3.sat:
            raise OutOfTime
        model = self.solver.model()
        return frozenset(n for n, t in enumerate(self.taken) if self.z3.is_true(model.eval(t)))


class Search:
    """One search.  ``remaining``: gives the seconds that are left, None for no limit.  ``grain``: so many options that
    fail together are not tried singly, where the oracle is slow.  ``most_risky``: at most so many risky options in an
    answer."""

    def __init__(
        self, options: Sequence[Option], oracle: Oracle, remaining: Any = lambda: None, grain: int = 1,
        most_risky: int | None = None,
    ) -> None:  # fmt: skip
        self.grain = grain
        self.most_risky = most_risky
        self.sites = Sites(options)
        self.oracle = oracle
        self.remaining = remaining
        self.asked = 0
        self._short = False
        self._spoiled: list[Choice] = []
        self._showing: list[Choice] = []
        self._silent: list[Choice] = []

    def run(self, limit: int) -> Found:
        """Up to ``limit`` answers, the cheapest first."""
        answers: list[Choice] = []
        pending: list[Choice] = []
        try:
            if not self._shows(NOTHING):
                return self._found([NOTHING], True, True)
            pending += self._first()
            if not self.sites.beyond(self._grown(NOTHING)):
                return self._found([], True, True)
            complete = self._enumerate(limit, answers, pending)
        except OutOfTime:
            return self._found([*answers, *pending], False, False)
        return self._found(answers, True, complete)

    def _found(self, answers: list[Choice], proven: bool, complete: bool) -> Found:
        return Found(tuple(answers), proven, complete, tuple(self._spoiled), self.asked, self._short)

    def _enumerate(self, limit: int, answers: list[Choice], pending: list[Choice]) -> bool:
        """Adds answers in order; whether there are no more.  ``pending``: known already, not yet proven cheapest."""
        hitting = HittingSets(self.sites, self.most_risky)
        for choice in self._showing:
            hitting.one_of(self.sites.beyond(choice))
        while len(answers) < limit:
            best = hitting.cheapest(self.remaining())
            if best is None:
                return True
            if pending and self.sites.order(pending[0]) <= self.sites.order(best):
                best = pending[0]
            elif self._helps_little(best) or self._shows(best):
                hitting.one_of(self.sites.beyond(self._grown(best)))
                continue
            elif self._fresh_spoils(best):
                self._set_aside(best, hitting)
                continue
            pending[:] = [p for p in pending if not self.sites.below(best, p)]
            answers.append(best)
            hitting.not_above(best)
        return hitting.cheapest(self.remaining()) is None

    def _helps_little(self, choice: Choice) -> bool:
        """Whether a choice with a risky option, of which there are many that cost the same, shows it even with all that
        is known to be of no use."""
        if not any(self.sites.options[n].risky for n in choice):
            return False
        return self._joined(choice) != choice

    def _first(self) -> list[Choice]:
        """An answer that need not be the cheapest, from options that are not risky."""
        top = self.sites.raised(NOTHING, sorted(self.sites.at))
        if self._shows(top):
            self._short = True
            self._grown(top)
            return []
        answer = self._shrunk(top)
        if any(self.sites.options[n].virtual for n in answer) or self._fresh_spoils(answer):
            return []
        return [answer]

    def _set_aside(self, choice: Choice, hitting: HittingSets) -> None:
        """Looks no longer at a spoiled choice and what is above it; at no single option that is spoiled alone."""
        alone = [frozenset({n}) for n in sorted(choice)]
        found = [c for c in alone if len(choice) > 1 and self._fresh_spoils(c)] or [choice]
        for spoiled in found:
            self._spoiled.append(spoiled)
            hitting.not_above(spoiled)

    # --- asking ---
    def _fresh_spoils(self, choice: Choice) -> bool:
        self.asked += 1
        return self.oracle.spoils(choice)

    def _shows(self, choice: Choice) -> bool:
        if any(self.sites.below(choice, known) for known in self._showing):
            return True
        if any(self.sites.below(known, choice) for known in self._silent):
            return False
        self.asked += 1
        shows = self.oracle.shows(choice)
        (self._showing if shows else self._silent).append(choice)
        return shows

    # --- growing what shows it, shrinking what does not ---
    def _grown(self, choice: Choice) -> Choice:
        """A choice above ``choice``, which shows it: high, though not always as high as it can be.

        Weak options first: where one is too much, a stronger one at the same place need not be asked about.
        """
        out = self._joined(choice)
        for group in self.sites.kinds:
            out = self._raise(out, group)
        self._showing = [c for c in self._showing if not self.sites.below(c, out)] + [out]
        return out

    def _joined(self, choice: Choice) -> Choice:
        """The choice together with one that is known to show it, if they show it together."""
        for known in sorted(self._showing, key=len)[-2:]:
            both = self.sites.join(known, sorted(choice))
            if self.sites.below(choice, both) and self._shows(both):
                return both
        return choice

    def _raise(self, choice: Choice, numbers: list[int]) -> Choice:
        """The choice with as many of the options as it still shows it with; a few that fail together are not told
        apart."""
        higher = self.sites.join(choice, numbers)
        if higher == choice or self._shows(higher):
            return higher
        if len(numbers) <= self.grain:
            return choice
        half = len(numbers) // 2
        return self._raise(self._raise(choice, numbers[:half]), numbers[half:])

    def _shrunk(self, choice: Choice) -> Choice:
        """A choice below ``choice``, which does not show it, such that no option can be missed or weakened."""
        out = self._shrink(choice, sorted(self.sites.at))
        for number in sorted(out, key=lambda n: -self.sites.options[n].cost):
            options = self.sites.options
            weaker = [n for n in options[number].includes if n != number and not options[n].virtual]
            for other in sorted(weaker, key=lambda n: (self.sites.options[n].cost, n)):
                lower = self.sites.with_option(out, other)
                if not self._shows(lower):
                    out = lower
                    break
        return out

    def _shrink(self, choice: Choice, sites: list[int]) -> Choice:
        """Takes away as many of the sites as can be missed."""
        sites = [s for s in sites if any(self.sites.options[n].site == s for n in choice)]
        if not sites:
            return choice
        fewer = self.sites.without(choice, sites)
        if not self._shows(fewer):
            return fewer
        if len(sites) == 1:
            return choice
        half = len(sites) // 2
        return self._shrink(self._shrink(choice, sites[:half]), sites[half:])
