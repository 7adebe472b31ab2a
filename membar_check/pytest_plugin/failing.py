"""What a failed litmus test says: what was expected and observed, the states, and the execution that shows it."""

from __future__ import annotations

from shlex import quote

from membar_check.diagnostics import Inconclusive, MembarError
from membar_check.expectations import Judged, flags_of, observed
from membar_check.pytest_plugin.settings import Settings
from membar_check.records import dataclass
from membar_check.report.gate.offending import offending
from membar_check.runner import check_options
from membar_check.verdict import Failure, Status, Verdict
from membar_check.workers import Work, run_tasks

STATES = 16  # final states listed
WIDTH = 100
_BEYOND = 0.05  # seconds for what is tried beyond the verdict (edits, cores): it is not shown here
_NOTHING_ASKED = "~exists (false)"  # the condition of kernel C that asks for no more than the classes


def head(judged: Judged) -> str:
    """In a line."""
    result = judged.result
    if isinstance(result, Failure) and isinstance(result.error, Inconclusive):
        return f"inconclusive ({result.error.reason}): {result.error.message}"
    if judged.status is Status.INCONCLUSIVE:
        return f"inconclusive (unrolling): {judged.reason}"
    return judged.reason


def failure_text(judged: Judged, model: str | None, settings: Settings) -> str:
    """The whole text; explains the difference as long as the settings allow it."""
    result = judged.result
    if isinstance(result, Failure):
        rendered = result.error.render().replace("with --timeout", "with --membar-timeout")
        return head(judged) + rendered.removeprefix(result.error.message) if _inconclusive(result) else rendered
    parts = [f"{result.file} under {result.model}: {head(judged)}", _facts(judged, result)]
    if judged.status is Status.DIFFERS:
        parts.append(_explained(judged, result, model, settings))
    elif result.loop:
        parts.append(f"a higher bound than {settings.options.unroll} may give an answer: --membar-unroll N")
    return "\n\n".join(part for part in parts if part)


def _inconclusive(failure: Failure) -> bool:
    return isinstance(failure.error, Inconclusive)


def _facts(judged: Judged, verdict: Verdict) -> str:
    facts = [] if verdict.condition_text == _NOTHING_ASKED else [("condition", verdict.condition_text)]
    if judged.expected:
        facts.append(("expected", judged.expected))
    counts = f" ({verdict.positive} positive, {verdict.negative} negative)" if verdict.positive is not None else ""
    facts.append(("observed", f"{observed(verdict)}{counts}"))
    if flags := flags_of(verdict):
        facts.append(("flags", ", ".join(flags)))
    lines = [f"  {name:<10} {text}" for name, text in facts]
    states = [state for state in verdict.states or () if state]
    lines += [f"  {'states':<10} {len(states)}"] if states else []
    lines += [f"    {'; '.join(f'{place}={value}' for place, value in state)}" for state in states[:STATES]]
    if len(states) > STATES:
        lines.append(f"    and {len(states) - STATES} more")
    for finding in verdict.findings or ():
        where = f" ({finding.where.file}:{finding.where.line})" if finding.where is not None else ""
        lines.append(f"  {finding.kind}: {finding.text}{where}" if finding.text else f"  {finding.kind}{where}")
    return "\n".join(lines)


# --- the execution ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be explained; ``outcome`` None: the test's own condition."""

    path: str
    model: str | None
    outcome: str | None


def _explained(judged: Judged, verdict: Verdict, model: str | None, settings: Settings) -> str:
    """The execution that is too many, or why the one that is missed cannot be; in a process of its own, which ends
    when the time is over."""
    command = f"membar-check explain {quote(verdict.file)} --model {quote(model or verdict.model)}"
    if settings.explain <= 0 or settings.explanations <= 0:
        return f"why: {command}"
    settings.explanations -= 1
    question = _Question(verdict.file, model, _outcome(judged, verdict))

    def explain_it(question: _Question) -> str:
        try:
            return _explain(question, settings)
        except MembarError as error:
            return _no_explanation(question, error)
        except MemoryError:
            raise
        except Exception as error:  # the failure is reported all the same
            return f"not explained: a fault ({type(error).__name__}: {error})"

    work: Work[_Question, str] = Work(explain_it, _no_explanation, settings.explain)
    (text,) = run_tasks([question], work, 1)
    return f"{text}\n\nmore: {command}"


def _explain(question: _Question, settings: Settings) -> str:
    from membar_check.engine.api import parse_file
    from membar_check.explain.api import ExplainOptions, explain

    check = check_options(settings.options, question.model)
    test = parse_file(question.path, check.include_dirs)
    options = ExplainOptions(check, question.outcome, seconds=_BEYOND, edits=0, others=0)
    return offending(explain(test, options), WIDTH)


def _no_explanation(question: _Question, error: MembarError) -> str:
    return f"not explained: {error.message}"


def _outcome(judged: Judged, verdict: Verdict) -> str | None:
    """The class or flag that is not expected, None where the difference is about the test's condition."""
    wanted = set(judged.expected.split(","))
    for found in verdict.classes if verdict.findings is not None else ():
        if found not in wanted:
            return found
    if verdict.findings is None and "flags" in judged.reason and verdict.flags:
        return verdict.flags[0]
    return None
