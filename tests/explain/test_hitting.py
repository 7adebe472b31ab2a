"""The search for cheapest answers, against a look at all choices."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

import pytest

from membar_check.explain.hitting import NOTHING, Choice, HittingSets, Option, OutOfTime, Search, Sites

Shows = Callable[[Choice], bool]


class Asked:
    """An oracle that counts, and gives up after so many questions."""

    def __init__(self, shows: Shows, spoils: Shows = lambda c: False, patience: int = 10_000) -> None:
        self.answer, self.verdict, self.patience = shows, spoils, patience
        self.questions: list[Choice] = []

    def shows(self, choice: Choice) -> bool:
        self.questions.append(choice)
        if len(self.questions) > self.patience:
            raise OutOfTime
        return self.answer(choice)

    def spoils(self, choice: Choice) -> bool:
        return self.verdict(choice)


def singles(*costs: int) -> list[Option]:
    return [Option(n, cost, frozenset({n})) for n, cost in enumerate(costs)]


def needs(*sets: set[int]) -> Shows:
    """It is gone as soon as one of the sets is taken."""
    return lambda choice: not any(s <= choice for s in sets)


def all_choices(options: list[Option]) -> list[Choice]:
    sites: dict[int, list[int | None]] = {}
    for n, option in enumerate(options):
        sites.setdefault(option.site, [None]).append(n)
    return [frozenset(n for n in pick if n is not None) for pick in product(*sites.values())]


def minimal(options: list[Option], good: Shows) -> list[Choice]:
    """All minimal answers, by looking at every choice."""
    sites = Sites(options)
    answers = [c for c in all_choices(options) if good(c)]
    return sorted(
        (a for a in answers if not any(b != a and sites.below(b, a) for b in answers)), key=sites.order
    )


def test_cheapest_of_two() -> None:
    found = Search(singles(5, 2, 2), Asked(needs({0}, {1, 2}))).run(5)
    assert found.answers == (frozenset({1, 2}), frozenset({0}))
    assert found.proven and found.complete and not found.impossible


def test_nothing_to_do() -> None:
    assert Search(singles(1), Asked(lambda c: False)).run(3).answers == (NOTHING,)


def test_no_answer() -> None:
    oracle = Asked(lambda c: True)
    found = Search(singles(1, 1, 1), oracle).run(3)
    assert found.answers == () and found.impossible and found.complete
    assert len(oracle.questions) == 2, "nothing, and everything at once"


def test_no_options() -> None:
    assert Search([], Asked(lambda c: True)).run(1).impossible


def test_stronger_option_is_not_another_answer() -> None:
    weak, strong = Option(0, 2, frozenset({0})), Option(0, 5, frozenset({0, 1}))
    found = Search([weak, strong], Asked(lambda c: not c)).run(5)
    assert found.answers == (frozenset({0}),) and found.complete


def test_stronger_option_where_it_is_needed() -> None:
    weak, strong = Option(0, 2, frozenset({0})), Option(0, 5, frozenset({0, 1}))
    assert Search([weak, strong], Asked(lambda c: 1 not in c)).run(5).answers == (frozenset({1}),)


def test_limit() -> None:
    oracle = Asked(lambda c: not c)
    found = Search(singles(4, 1, 3, 2), oracle).run(2)
    assert found.answers == (frozenset({1}), frozenset({3}))
    assert found.proven and not found.complete


def test_tie_is_broken_by_number_then_by_place() -> None:
    found = Search(singles(1, 1, 2, 2), Asked(needs({0, 1}, {3}, {2}))).run(5)
    assert found.answers == (frozenset({2}), frozenset({3}), frozenset({0, 1}))


def test_spoiled_answers_are_passed_over() -> None:
    oracle = Asked(needs({0}, {1, 2}), lambda c: 0 in c)
    found = Search(singles(1, 3, 3), oracle).run(5)
    assert found.answers == (frozenset({1, 2}),) and found.complete


def test_everything_spoiled() -> None:
    found = Search(singles(1, 3), Asked(lambda c: not c, bool)).run(5)
    assert found.answers == () and found.impossible


def test_risky_option_is_used_where_nothing_else_helps() -> None:
    options = [Option(0, 1, frozenset({0})), Option(1, 9, frozenset({1}), risky=True)]
    assert Search(options, Asked(lambda c: 1 not in c)).run(5).answers == (frozenset({1}),)


@pytest.mark.parametrize("patience", range(12))
def test_out_of_time_proves_nothing(patience: int) -> None:
    found = Search(singles(5, 2, 2, 7), Asked(needs({0}, {1, 2}), patience=patience)).run(5)
    wrong = [a for a in found.answers if needs({0}, {1, 2})(a)]
    assert not wrong and not found.impossible
    assert not (found.proven and set(found.answers) != {frozenset({0}), frozenset({1, 2})})


def test_answer_known_before_the_time_is_over() -> None:
    good = needs({3, 5}, {0})
    tries = [Search(singles(2, 5, 1, 3, 1, 4), Asked(good, patience=n)).run(1) for n in range(30)]
    assert {f.answers for f in tries if not f.proven} == {(), (frozenset({3, 5}),)}
    assert {f.answers for f in tries if f.proven} == {(frozenset({0}),)}


@pytest.mark.parametrize("grain", [2, 5])
def test_coarse_growth_gives_the_same_answers(grain: int) -> None:
    good = needs({0, 5}, {2, 3}, {1, 4, 5})
    options = singles(3, 1, 2, 2, 1, 3)
    fine, coarse = (Search(options, Asked(good), grain=g).run(9) for g in (1, grain))
    assert fine.answers == coarse.answers and len(fine.answers) == 3 and coarse.complete


def test_virtual_option_is_no_answer() -> None:
    options = [
        Option(0, 2, frozenset({0})), Option(0, 2, frozenset({1})), Option(0, 9, frozenset({0, 1, 2, 3})),
        Option(0, 4, frozenset({0, 1, 3}), virtual=True),
    ]  # fmt: skip
    assert Search(options, Asked(lambda c: not c & {2, 3})).run(5).answers == (frozenset({2}),)


def random_options(rng: random.Random) -> list[Option]:
    options: list[Option] = []
    for site in range(rng.randint(1, 5)):
        first, chain, cost = len(options), rng.random() < 0.6, 0
        for level in range(rng.randint(1, 3)):
            includes = range(first, first + level + 1) if chain else (first + level,)
            cost = rng.randint(max(cost, 1), 4) if chain else rng.randint(1, 4)
            options.append(Option(site, cost, frozenset(includes), risky=rng.random() < 0.2))
    return options


@pytest.mark.parametrize("seed", range(60))
def test_all_answers_of_a_random_problem(seed: int) -> None:
    rng = random.Random(seed)
    options = random_options(rng)
    sites = Sites(options)
    choices = all_choices(options)
    enough = [c for c in choices if c and rng.random() < 0.15]
    bad = [c for c in choices if c and rng.random() < 0.03]

    def shows(choice: Choice) -> bool:
        return not any(sites.below(e, choice) for e in enough)

    def spoils(choice: Choice) -> bool:
        return any(sites.below(b, choice) for b in bad)

    expected = minimal(options, lambda c: not shows(c) and not spoils(c))
    found = Search(options, Asked(shows, spoils)).run(1000)
    costs = [sites.cost(a) for a in found.answers]
    assert costs == sorted(costs) and found.proven and found.complete
    assert set(found.answers) == set(expected)
    assert found.impossible == (not expected)


def test_hitting_sets() -> None:
    sites = Sites([Option(0, 3, frozenset({0})), Option(0, 4, frozenset({0, 1})), Option(1, 5, frozenset({2}))])
    hitting = HittingSets(sites)
    assert hitting.cheapest() == NOTHING
    hitting.one_of({0, 1})
    assert hitting.cheapest() == frozenset({0})
    hitting.not_above(frozenset({1}))
    assert hitting.cheapest() == frozenset({0})
    hitting.not_above(frozenset({0}))
    assert hitting.cheapest() is None
