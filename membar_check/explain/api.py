"""The one entrance to explanations: an outcome of a test under a model, explained whole."""

from __future__ import annotations

import time

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions
from membar_check.explain.allowed import choose, one_a_state, tell
from membar_check.explain.case import Case, Survey
from membar_check.explain.edits.table import Table, load_table
from membar_check.explain.explanation import EditView, Explanation, SourceText
from membar_check.explain.forbidden import Reasons, reasons
from membar_check.explain.outcome import Outcome
from membar_check.explain.whatif import Question, question
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass, replace
from membar_check.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """``outcome``: the number of a state, a class, a flag or a condition (None: the test's own); ``models``: those of
    the matrix; ``costs``: a table of edits of the user's; ``seconds``: for what is tried beyond the verdict,
    ``matrix_seconds`` for the matrix; ``edits``: at most so many are shown; ``others``: so many further executions;
    ``derive``: with a derivation for each pair of each relation of the executions told."""

    check: CheckOptions
    outcome: str | None = None
    models: tuple[str, ...] = ()
    costs: str | None = None
    seconds: float = 3.0
    edits: int = 8
    others: int = 8
    derive: bool = False
    matrix_seconds: float = 10.0


Matrix = tuple[tuple[str, str], ...]


def explain(test: LitmusTest, options: ExplainOptions) -> Explanation:
    """Raises InputError, Unsupported and Inconclusive as a check does; what there was no time for is named in
    ``Explanation.limits``."""
    deadline = time.process_time() + options.seconds
    case = Case(test, options.check, options.outcome)
    case.derive = options.derive
    outcome = case.outcome()
    survey = case.survey(outcome)
    table = load_table(test.arch, options.costs)
    known = frozenset((*case.verdict.classes, *case.verdict.flags))
    asked = question(outcome, options.outcome, _state(case, outcome), known)
    deadline = max(deadline, time.process_time() + options.seconds / 3)
    limits: list[str] = []
    if not survey.whole and not survey.allowed:
        limits.append("candidates that break coherence at one location, or the atomicity of one read-modify-write, are "
                      "not listed")  # fmt: skip
    base = _head(case, outcome, survey)
    if base.cut:
        limits.append("executions were cut at the unrolling bound; --unroll N looks further")
    if survey.allowed:
        return _allowed(base, case, survey, asked, table, options, deadline, limits)
    return _forbidden(base, case, survey, asked, table, options, deadline, limits)


def _state(case: Case, outcome: Outcome) -> State | None:
    return case.observed.state(outcome.raw) if outcome.kind == "state" else None


def _head(case: Case, outcome: Outcome, survey: Survey) -> Explanation:
    test = case.original
    verdict = case.verdict
    return Explanation(
        test.name, test.source.name, test.arch, case.model.name, case.named.title,
        verdict.condition_text, words_of(verdict), outcome.text, survey.allowed, sources_of(test),
        verdict.states or (), verdict.classes, cut=verdict.loop and not survey.allowed,
    )  # fmt: skip


def words_of(verdict: Verdict) -> str:
    """The verdict in a word or two: of kernel C the classes of outcome."""
    if verdict.findings is not None:
        return ", ".join(verdict.classes) or "clean"
    word = verdict.observation.value if verdict.states is not None else verdict.word
    return " ".join([word, *verdict.flags])


def sources_of(test: LitmusTest) -> tuple[SourceText, ...]:
    """The test's file, and the headers of kernel C but those of the runtime."""
    headers = test.kernel.headers if test.kernel is not None else ()
    own = [SourceText(name, text) for name, text in headers if not name.startswith("<")]
    return (SourceText(test.source.name, test.source.text), *own)


def _allowed(
    base: Explanation, case: Case, survey: Survey, asked: Question, table: Table, options: ExplainOptions,
    deadline: float, limits: list[str],
) -> Explanation:  # fmt: skip
    from membar_check.explain.suggest import advice, suggestions

    told = tell(choose(case, survey.shown), base.outcome)
    hint = advice(told, asked.outcome)
    edits, sentence = ([], "") if hint else suggestions(case, told, asked, table, options.edits, deadline)
    if sentence:
        limits.append(sentence)
    together = () if edits or hint else _together(case, options, table, deadline)
    others = one_a_state(case, options.others, told.view.state)
    matrix = _matrix(asked, case, True, options, limits)
    return replace(
        base, execution=told.view, timeline=told.timeline, story=told.story, gaps=told.gaps, axioms=told.axioms,
        edits=tuple(edits), together=together, advice=hint, others=tuple(others), matrix=matrix, limits=tuple(limits),
        definitions=told.definitions,
    )  # fmt: skip


def _together(case: Case, options: ExplainOptions, table: Table, deadline: float) -> tuple[EditView, ...]:
    """The cheapest set of edits that forbids the outcome, if it is found in the time that is left."""
    from membar_check.explain.repair import repair

    left = deadline - time.process_time()
    if left <= 0:
        return ()
    found = repair(
        case.original, options.check, (), table=table, outcome=options.outcome, limit=1, seconds=left
    )  # fmt: skip
    if not found.fixes:
        return ()
    return tuple(replace(edit, effects=found.fixes[0].effects) for edit in found.fixes[0].edits)


def _forbidden(
    base: Explanation, case: Case, survey: Survey, asked: Question, table: Table, options: ExplainOptions,
    deadline: float, limits: list[str],
) -> Explanation:  # fmt: skip
    found: Reasons = reasons(case, survey, asked, table, deadline)
    limits += found.limits
    others = one_a_state(case, options.others)
    matrix = _matrix(asked, case, False, options, limits)
    first = found.groups[0].example if found.groups else None
    return replace(
        base, execution=first, timeline=found.timeline, groups=found.groups, core=found.core,
        others=tuple(others), matrix=matrix, limits=tuple(limits), definitions=found.definitions,
    )  # fmt: skip


def _matrix(asked: Question, case: Case, allowed: bool, options: ExplainOptions, limits: list[str]) -> Matrix:
    """What models say of the same outcome: ``options.models``, asked for as long as ``options.matrix_seconds``."""
    out: list[tuple[str, str]] = []
    deadline = time.process_time() + options.matrix_seconds
    for model in options.models:
        if model == case.model.name:
            out.append((model, _word(allowed)))
            continue
        if time.process_time() > deadline:
            limits.append(f"the matrix stops before {model}: the time was over")
            break
        try:
            shown = asked.shows(case.original, replace(options.check, model=model))
        except Inconclusive as reason:
            out.append((model, f"inconclusive: {reason.message}"))
        except InputError as error:
            out.append((model, f"cannot say: {error.message}"))
        else:
            out.append((model, _word(shown)))
    return tuple(out)


def _word(shown: bool) -> str:
    return "allowed" if shown else "forbidden"
