"""How two models differ: on given tests, and by the smallest tests that tell them apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from membar_check.cat.primitives import DIALECT_SETS
from membar_check.diagnostics import InputError, MembarError, Source
from membar_check.engine.api import CheckOptions, parse_file
from membar_check.engine.models import (
    DEFAULT_MODELS,
    DEFAULT_VARIANTS,
    Model,
    ModelRequest,
    dialects_of,
    find_model,
    get_model,
)
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass, replace
from membar_check.resources import model_names, models_dir
from membar_check.synth.compare import (
    EQUAL,
    INCOMPARABLE,
    STRONGER,
    UNKNOWN,
    WEAKER,
    TestComparison,
    compare_test,
    judge,
    together,
)
from membar_check.synth.encode_parting import Graphs
from membar_check.synth.finder import MOST_LOCKED, Bound, Finder, Found, Goal, OutOfTime
from membar_check.synth.naming import test_name
from membar_check.synth.shape import Shape
from membar_check.synth.vocabulary import architectures
from membar_check.synth.write import write_shape

OLD, NEW = 0, 1
Begin = Callable[[Finder, Sequence[Goal]], None]


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """``seconds`` for the search; ``flags``: whether tests whose flags differ are looked for: None if no test up to the
    bound tells the models apart by what it allows, True in any case, False never; ``onwards``: with one difference
    found, the other direction is searched up to the bound and not only as far as tests are as small."""

    bound: Bound = Bound()
    seconds: float = 100.0
    flags: bool | None = None
    onwards: bool = False
    check: CheckOptions = CheckOptions(hash=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that one model allows and the other forbids (with ``flag``: one raises, the other does not).

    ``side``: which of them allows it, 0 the old one, 1 the new one; ``axioms``: the checks of the other that object;
    ``text``: the litmus test, whose condition is the execution.
    """

    side: int
    shape: Shape
    text: str
    axioms: tuple[str, ...]
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole answer.

    ``relation`` of the new model to the old one, by all tests looked at: equal, weaker, stronger, incomparable, or
    unknown, where nothing was found and the search is not complete.  ``tests``: those that were given.
    ``differences``: at most one a side and flag, the smallest there is.  ``searched``: in no test of up to so many
    accesses within the bound is there anything that was not found; ``flags``: those that were looked for, and
    ``flagged`` the same for them; ``complete``: this is the bound.  ``left_out``: what the search does not know,
    ``left``: what it gave up, in words.
    """

    old: str
    new: str
    arch: str
    relation: str
    tests: tuple[TestComparison, ...]
    differences: tuple[Difference, ...]
    bound: Bound
    searched: int
    flags: tuple[str, ...]
    flagged: int
    complete: bool
    left_out: tuple[str, ...]
    left: tuple[str, ...]
    vocabulary: tuple[str, ...]
    seconds: float

    @property
    def differ(self) -> bool:
        """Whether anything tells the models apart."""
        return bool(self.differences) or any(t.changed for t in self.tests)

    @property
    def exit_status(self) -> int:
        """0 equal up to the bound, 1 they differ, 2 some test is wrong, 3 nothing was found but not everything was
        searched or has an answer; the gravest of them, 2, then 1, then 3."""
        if any(t.broken for t in self.tests):
            return 2
        if self.differ:
            return 1
        return 0 if self.complete and not any(t.relation == UNKNOWN for t in self.tests) else 3


# --- models ----------------------------------------------------------------------------------------------------------
def load_models(old: str, new: str, dialect: str | None, options: CheckOptions) -> tuple[tuple[Model, Model], str]:
    """Both models, for the tests of one dialect, and that dialect.

    A model given by its path takes the bell and macro files beside it, else those that are named, else those of the
    other model.  Without ``dialect``: the first of the dialects in which both load that the models say most about.
    Raises InputError.
    """
    if dialect is not None:
        if dialect not in architectures():
            known = ", ".join(architectures())
            raise InputError(f"no tests can be written for the dialect '{dialect}'", hint=f"known: {known}")
        return _load_pair(old, new, dialect, options), dialect
    best: tuple[tuple[bool, int, int], str] | None = None
    problem: MembarError | None = None
    for number, arch in enumerate(_candidates(old, new, options)):
        try:
            said = [_said(model, arch) for model in _load_pair(old, new, arch, options)]
        except MembarError as error:
            problem = problem or error
            continue
        rank = ((0 in said, -max(said), number), arch)
        best = rank if best is None else min(best, rank)
    if best is None:
        raise problem or InputError(
            f"the models {old} and {new} have no dialect in common", hint="--dialect names one: the tests' architecture"
        )
    return _load_pair(old, new, best[1], options), best[1]


def _candidates(old: str, new: str, options: CheckOptions) -> list[str]:
    """The dialects in which both models may load, those first whose default model one of them is."""
    paths = [find_model(name, options.include_dirs) for name in (old, new)]
    names = [p.stem if p.parent == models_dir() else "" for p in paths]
    known = [dialects_of(name) if name in model_names() else None for name in names]
    usual = [arch for arch, model in DEFAULT_MODELS.items() if model in {p.stem for p in paths}]
    order = [*(a for a in usual if a != "C"), *(a for a in usual if a == "C"), *DEFAULT_MODELS]
    return [a for a in dict.fromkeys(order) if a in architectures() and all(k is None or a in k for k in known)]


def _said(model: Model, arch: str) -> int:
    """What a model says about a dialect: 2 it names something of it, 1 it names nothing of any dialect, 0 only
    something of others."""
    if model.compiled is None or (model.bell is not None and arch != "C"):
        return 0
    find = model.compiled.graph.find
    own = DIALECT_SETS.get(model.request.dialect, frozenset())
    if model.bell is not None or any(find("prim", name) is not None for name in own - {"A", "LKW", "LKR"}):
        return 2
    others = (name for sets in DIALECT_SETS.values() for name in sets - own)
    return 0 if any(find("prim", name) is not None for name in others) else 1


def _load_pair(old: str, new: str, arch: str, options: CheckOptions) -> tuple[Model, Model]:
    requests = [_request(name, arch, options) for name in (old, new)]
    if arch == "C":
        requests = [_completed(mine, other) for mine, other in (requests, requests[::-1])]
    return get_model(requests[0]), get_model(requests[1])


def _request(name: str, arch: str, options: CheckOptions) -> ModelRequest:
    variants = frozenset(options.variants) | DEFAULT_VARIANTS
    path = find_model(name, options.include_dirs)
    beside = [path.with_suffix(suffix).is_file() for suffix in (".bell", ".def")]
    bell = None if beside[0] else options.bell
    macros = None if beside[1] else options.macros
    return ModelRequest(name, bell, macros, options.include_dirs, variants, arch)


def _completed(mine: ModelRequest, other: ModelRequest) -> ModelRequest:
    """A model of the user's without bell and macro files of its own gets those of the model it is compared with."""
    assert mine.model is not None and other.model is not None
    path, its_path = find_model(mine.model, mine.include_dirs), find_model(other.model, other.include_dirs)
    if path.parent == models_dir():
        return mine
    files = {}
    for key, suffix, known in (("bell", ".bell", mine.bell), ("macros", ".def", mine.macros)):
        if known is None and not path.with_suffix(suffix).is_file() and its_path.with_suffix(suffix).is_file():
            files[key] = str(its_path.with_suffix(suffix))
    return replace(mine, **files) if files else mine


# --- comparing -------------------------------------------------------------------------------------------------------
def compare_models(
    old: Model,
    new: Model,
    arch: str,
    options: DiffOptions,
    tests: Sequence[LitmusTest] = (),
    begin: Begin | None = None,
) -> Comparison:
    """Compares two loaded models on ``tests`` and on all tests of ``arch`` up to the bound.

    ``begin`` is called with the search and its goals before it begins, and may say where there is nothing to find.
    Raises Unsupported for models that cannot be searched; what there was no time for is said in the result.
    """
    start = time.monotonic()
    models = (old, new)
    told = tuple(compare_test(test, models, options.check) for test in tests)
    finder = Finder(models, arch, options.bound, confirmer(models, options), start + options.seconds)
    finder.patience = options.seconds / 6
    hunt = _Hunt(finder, options, begin)
    hunt.go([Goal(NEW), Goal(OLD)])
    searched, ended = hunt.searched, hunt.ended
    whole = ended and not hunt.late and not _given_up(finder)
    flags: tuple[str, ...] = ()
    if options.flags or (options.flags is None and hunt.ended and not hunt.found):
        flags = _flags(finder)
    if flags:
        hunt.go([Goal(side, name) for name in flags for side in (NEW, OLD)])
    differences = tuple(_difference(f) for f in hunt.found)
    left = (*hunt.late, *_given_up(finder), *_other_checks(finder))
    whole = whole and (bool(differences) or not left)
    return Comparison(
        _label(old), _label(new), arch, _relation(told, differences, whole), told, differences, options.bound,
        searched, flags, hunt.searched if flags else 0, ended and hunt.ended and not left,
        _left_out(finder, bool(flags)), left, _made_of(finder, bool(flags)), time.monotonic() - start,
    )  # fmt: skip


class _Hunt:
    """A search as far as time allows.

    ``found`` in all; of the last time: ``searched``, as for :class:`Comparison`, and whether it ``ended`` at the bound;
    ``late``: where the time was over, in words.
    """

    def __init__(self, finder: Finder, options: DiffOptions, begin: Begin | None) -> None:
        self._finder = finder
        self._options = options
        self._begin = begin
        self.found: list[Found] = []
        self.searched = 0
        self.ended = False
        self.late: tuple[str, ...] = ()

    def go(self, goals: Sequence[Goal]) -> None:
        """Looks for the goals, all of them about outcomes or all about flags."""
        self.searched = 0
        if self._begin is not None:
            self._begin(self._finder, goals)
        try:
            for step in self._finder.search(goals, self._options.onwards):
                if isinstance(step, int):
                    self.searched = step
                else:
                    self.found.append(step)
        except OutOfTime:
            what = "flags of tests" if goals[0].flag else "tests"
            where = f"{what} of {self.searched + 1} accesses"
            self.late = (*self.late, f"the time of {self._options.seconds:g} s was over at {where}",)
        self.ended = self.searched >= self._options.bound.accesses


def _label(model: Model) -> str:
    return model.name if model.path.parent == models_dir() else str(model.request.model)


def _relation(tests: Sequence[TestComparison], differences: Sequence[Difference], complete: bool) -> str:
    sides = {d.side for d in differences if not d.flag}
    by_search = {frozenset(): EQUAL, frozenset({NEW}): WEAKER, frozenset({OLD}): STRONGER}
    relation = together([by_search.get(frozenset(sides), INCOMPARABLE), *(t.relation for t in tests)])
    known = complete and all(t.relation != UNKNOWN for t in tests)
    return UNKNOWN if relation == EQUAL and not known else relation


def _difference(found: Found) -> Difference:
    text = write_shape(found.shape, test_name(found.shape))
    return Difference(found.goal.side, found.shape, text, found.axioms, found.goal.flag)


def _given_up(finder: Finder) -> tuple[str, ...]:
    kinds = finder.vocabulary.brackets
    why = "what the search proposed did not show the difference as a test"
    refused = [
        f"tests with {' + '.join(map(str, sizes))} accesses were given up: {why}"
        for sizes in finder.progress.left
    ]
    late = [
        f"tests with {' + '.join(map(str, sizes))} accesses and {kinds[brackets].title} took too long"
        for sizes, brackets in dict.fromkeys(finder.progress.late)
    ]
    return (*refused, *late)


def _other_checks(finder: Finder) -> tuple[str, ...]:
    """Checks that are neither axioms nor flags, and that no test is looked for by."""
    first, second = (model.compiled for model in finder.models)
    assert first is not None and second is not None  # the finder has refused other models
    names = Graphs((first, second)).differing_checks(("undefined_unless", "assert"))
    return tuple([f"the models differ in the check {name}, which no test is searched for" for name in names])


def _made_of(finder: Finder, flags: bool) -> tuple[str, ...]:
    """The forms and dependencies of the tests; ``flags``: they were looked for as well."""
    kinds = {"", *finder.brackets(), *(finder.brackets(True) if flags else ())}
    forms = {**finder.forms_for(False), **(finder.forms_for(True) if flags else {})}
    return (*[str(form) for form in forms if form.brackets in kinds], *finder.kinds)


def _left_out(finder: Finder, flags: bool) -> tuple[str, ...]:
    """What the dialect's table has and the search leaves out; ``flags``: they were looked for as well."""
    out = list(finder.vocabulary.left_out)
    brackets = {*finder.brackets(), *(finder.brackets(True) if flags else ())}
    for name, kind in finder.vocabulary.brackets.items():
        if name not in brackets:
            out.append(f"{kind.title}, which are no part of both models")
            continue
        where = "tests of one thread"
        if finder.bound.accesses > (most := finder.most_with_sections()):
            where += f" or of more than {most} accesses"
        if kind.only is not None:
            where += f" or of more than {MOST_LOCKED} in a thread"
        out.append(f"{kind.title} in {where}")
        if name in finder.progress.passed:
            out.append(f"{kind.title} beside what was found")
        if flags and not finder.most_with_sections(True):
            out.append(f"{kind.title} where only flags differ")
    missing = [str(form) for form in finder.missing if form.brackets in ("", *brackets)]
    if missing:
        out.append(f"what not both models have: {', '.join(missing)}")
    if finder.kinds:
        out.append("address and data dependencies into read-modify-writes, two dependencies of a kind into one access")
    return tuple(out)


def _flags(finder: Finder) -> tuple[str, ...]:
    """The flags that may differ: those whose definitions do, and all where the models see other events."""
    first, second = (model.compiled for model in finder.models)
    assert first is not None and second is not None  # the finder has refused other models
    if all(old == new for old, new in finder.forms.values()):
        return Graphs((first, second)).flags()
    checks = (*first.checks, *second.checks)
    return tuple(sorted({check.name for check in checks if check.prefix == "flag" and check.name}))


class confirmer:
    """Checks a shape as a test under both models, in the ordinary way."""

    def __init__(self, models: tuple[Model, Model], options: DiffOptions) -> None:
        self._models = models
        self._check = options.check

    def __call__(self, shape: Shape, goal: Goal) -> bool:
        try:
            test = parse_litmus(Source("found.litmus", write_shape(shape, "found")), ())
            first = judge(test, self._models[goal.side], self._check, reach=not goal.flag)
            if not (goal.flag in first.flags if goal.flag else first.reached):
                return False
            other = judge(test, self._models[1 - goal.side], self._check, reach=not goal.flag)
            return not (goal.flag in other.flags if goal.flag else other.reached)
        except InputError:
            return False


def prepare(
    old: str, new: str, dialect: str | None, tests: Sequence[str], options: DiffOptions
) -> tuple[tuple[Model, Model], str, tuple[LitmusTest, ...]]:
    """Models, dialect and tests from their names and paths.  Raises InputError."""
    parsed = tuple(parse_file(path, options.check.include_dirs) for path in tests)
    if dialect is None and parsed:
        dialects = sorted({test.arch for test in parsed})
        if len(dialects) > 1:
            raise InputError(f"the tests are of several dialects: {', '.join(dialects)}", hint="give those of one")
        dialect = dialects[0]
    models, arch = load_models(old, new, dialect, options.check)
    for test in parsed:
        if test.arch != arch:
            raise InputError(f"{test.source.name}: found a test for {test.arch}, expected one for {arch}")
    return models, arch, parsed


def diff(old: str, new: str, dialect: str | None, tests: Sequence[str], options: DiffOptions) -> Comparison:
    """As :func:`compare_models`, from names or paths.  Raises InputError."""
    models, arch, parsed = prepare(old, new, dialect, tests, options)
    return compare_models(*models, arch, options, parsed)
