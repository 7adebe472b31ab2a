"""What a test is expected to give, and whether it did.

Three sources, the first that speaks decides: a line of a file of expected verdicts (its format:
``docs/expected-verdicts.md``), the ``Result:`` comment that the Linux kernel's tests carry, the quantifier of the
test's own condition.
"""

from __future__ import annotations

import os
import re

from membar_check.diagnostics import InputError, Source, Span
from membar_check.litmus.syntax import Quantifier
from membar_check.records import dataclass
from membar_check.verdict import NO_EXECUTION, UNREACHED, Failure, Observation, Result, Status, Verdict

FILE_NAME = "expected.txt"
UNDEFINED_FLAG = "*undef*"
CLEAN = "clean"
DEADLOCKED = "deadlock"
"""The class of outcome of kernel C where everyone waits."""

# The gravest first: what the exit status of a run reports when several apply.
GRAVITY = (Status.ERROR, Status.DIFFERS, Status.INCONCLUSIVE, Status.AS_EXPECTED)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one test should give under one model; None: not said, so not compared.

    ``origin`` names the source in words.  ``classes``: of a test in kernel C, sorted; empty: clean.  ``flags`` are
    sorted.  ``races`` None: the data-race flag is not compared (only used where ``flags`` is None).
    """

    origin: str
    observation: Observation | None
    states: int | None = None
    positive: int | None = None
    negative: int | None = None
    flags: tuple[str, ...] | None = None
    races: bool | None = None
    classes: tuple[str, ...] | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """A parsed file: ``models`` it declares to be complete for, ``entries`` by file name (as written) and model."""

    path: str
    models: tuple[str, ...]
    entries: dict[tuple[str, str], Expectation]

    def models_of(self, name: str) -> tuple[str, ...]:
        """The models that have an entry for the file, in the order of the lines."""
        return tuple(model for file, model in self.entries if file == name)


@dataclass(frozen=True, slots=True)
class Judged:
    """A result with its judgement: ``expected`` in a word or two ("" where the quantifier decides), ``reason`` why the
    status is not ``AS_EXPECTED`` ("" where it is)."""

    result: Result
    status: Status
    expected: str = ""
    reason: str = ""


# --- files of expected verdicts --------------------------------------------------------------------------------------
_OBSERVATIONS = {item.value: item for item in Observation}
_COUNTS = ("states", "positive", "negative")
_WORD = re.compile(r"\S+")


def read_expected(path: str) -> ExpectedFile:
    """Reads a file of expected verdicts.  Raises InputError, with the position, for whatever is wrong with it."""
    try:
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
    except OSError as error:
        raise InputError(f"{path}: cannot read expected verdicts: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected verdicts are not text (byte {error.start} is no UTF-8)") from error
    return parse_expected(Source(path, text))


def parse_expected(source: Source) -> ExpectedFile:
    """Parses the text of a file of expected verdicts.  Raises InputError."""
    models: tuple[str, ...] = ()
    entries: dict[tuple[str, str], Expectation] = {}
    offset = 0
    for line in source.text.splitlines(keepends=True):
        content = line.partition("#")[0] if line.lstrip().startswith("#") else re.split(r"\s#", line, maxsplit=1)[0]
        words = [
            (match[0], Span(source, offset + match.start(), offset + match.end())) for match in _WORD.finditer(content)
        ]
        offset += len(line)
        if not words:
            continue
        if words[0][0] == "models":
            if entries or models:
                raise InputError("the `models` line stands once, before all entries", words[0][1])
            if len(words) == 1:
                raise InputError("expected the names of models after `models`", words[0][1])
            models = tuple(word for word, _ in words[1:])
            continue
        file, model, expectation = _entry(words)
        if (file, model) in entries:
            raise InputError(f"a second entry for {file} under {model}", words[0][1])
        if models and model not in models:
            known = ", ".join(models)
            raise InputError(f"found the model {model}, expected one of the `models` line: {known}", words[1][1])
        entries[(file, model)] = expectation
    return ExpectedFile(source.name, models, entries)


def _entry(words: list[tuple[str, Span]]) -> tuple[str, str, Expectation]:
    """One line ``FILE MODEL OBSERVATION [states=N] [positive=N] [negative=N] [flags=A,B]``."""
    shape = "FILE MODEL Never|Sometimes|Always|clean|CLASS,... [states=N] [positive=N] [negative=N] [flags=A,B]"
    if len(words) < 3:
        raise InputError(f"the line ends too early, expected {shape}", words[-1][1])
    (file, file_span), (model, _), (word, word_span) = words[:3]
    if os.path.isabs(file) or not file.endswith(".litmus"):
        raise InputError(f"found {file!r}, expected the name of a .litmus file beside this one", file_span)
    classes = _classes(word)
    if word not in _OBSERVATIONS and classes is None:
        what = f"found {word!r}, expected Never, Sometimes or Always, or for kernel C `clean` or classes of outcome"
        raise InputError(what, word_span)
    counts: dict[str, int] = {}
    flags: tuple[str, ...] | None = None
    for text, span in words[3:]:
        key, equals, value = text.partition("=")
        if not equals or key not in (*_COUNTS, "flags"):
            raise InputError(f"found {text!r}, expected states=N, positive=N, negative=N or flags=A,B", span)
        if key in counts or (key == "flags" and flags is not None):
            raise InputError(f"{key} is given twice", span)
        if key == "flags":
            flags = tuple(sorted(value.split(",")))
            if "" in flags:
                raise InputError("found an empty flag, expected names separated by commas", span)
        elif not value.isascii() or not value.isdigit():
            raise InputError(f"found {value!r}, expected a number", span)
        else:
            counts[key] = int(value)
    observation = _OBSERVATIONS.get(word)
    origin = os.path.basename(file_span.source.name)
    span = file_span.to(words[-1][1])
    return file, model, Expectation(
        origin,
        observation,
        states=counts.get("states"),
        positive=counts.get("positive"),
        negative=counts.get("negative"),
        flags=flags if classes is not None else flags or (),
        classes=classes,
        span=span,
    )


_CLASS = rf"[a-z][a-z0-9-]*|{UNREACHED}@[\w.+-]+:\d+"


def _classes(word: str) -> tuple[str, ...] | None:
    """``clean``, or classes separated by commas; None if it is neither."""
    if word == CLEAN:
        return ()
    names = word.split(",")
    if any(name.capitalize() in _OBSERVATIONS for name in names):
        return None
    return tuple(sorted(set(names))) if all(re.fullmatch(_CLASS, name) for name in names) else None


# --- the kernel's comment --------------------------------------------------------------------------------------------
_RESULT = re.compile(r"^[ \t]*\(?\*[ \t]*Result:[ \t]*(\w+|[^\s*)]\S*|)([^\n]*)", re.MULTILINE)
_OPEN, _DEADLOCK = "Maybe", "DEADLOCK"


def result_comment(source: Source) -> Expectation | None:
    """The expectation in the first ``Result:`` comment line of a test, as the kernel's scripts read it, or None.

    ``Maybe`` leaves the observation open, ``DEADLOCK`` means that no execution ends, a trailing ``DATARACE`` that the
    model flags a data race.  Raises InputError for another word.
    """
    if "Result:" not in source.text:
        return None
    match = _RESULT.search(source.text)
    if match is None:
        return None
    word = match[1]
    span = Span(source, match.start(1), max(match.end(1), match.start(1) + 1))
    if word not in (*_OBSERVATIONS, _OPEN, _DEADLOCK):
        known = ", ".join((*_OBSERVATIONS, _OPEN))
        what = f"found {word!r} after `Result:`" if word else "found nothing after `Result:`"
        raise InputError(f"{what}, expected {known} or {_DEADLOCK}", span, _RESULT_HINT)
    races = "DATARACE" in match[2].split()
    if word == _DEADLOCK:
        return Expectation("Result comment", Observation.NEVER, positive=0, negative=0, races=races, span=span)
    return Expectation("Result comment", _OBSERVATIONS.get(word), races=races, span=span)


_RESULT_HINT = "a comment line that begins so says what the test is expected to give; write other things otherwise"


# --- judging ---------------------------------------------------------------------------------------------------------
def flags_of(verdict: Verdict) -> tuple[str, ...]:
    """All flags in the order of the log, ``*undef*`` among them where a check for defined behaviour failed."""
    flags = set(verdict.flags) | ({UNDEFINED_FLAG} if verdict.undefined else set())
    return tuple(sorted(flags, key=lambda flag: (flag != UNDEFINED_FLAG, flag)))


def judge(result: Result, expectation: Expectation | None) -> Judged:
    """The status of a result.  A verdict that only a higher unrolling bound could confirm is INCONCLUSIVE, but a
    difference that no further execution can take back is DIFFERS all the same."""
    if isinstance(result, Failure):
        conclusive = result.error.exit_status == Status.ERROR.value
        return Judged(result, Status.ERROR if conclusive else Status.INCONCLUSIVE, reason=result.error.message)
    if expectation is None:
        return _judge_quantifier(result)
    return _judge_expectation(result, expectation)


def _judge_quantifier(verdict: Verdict) -> Judged:
    if verdict.classes:
        return Judged(verdict, Status.DIFFERS, CLEAN, f"found {_listed(verdict.classes)}")
    if verdict.undefined:
        return Judged(verdict, Status.DIFFERS, reason="the behaviour is undefined")
    # An execution that was found stays; one that was not found may lie beyond the unrolling bound.
    exists = verdict.condition.quantifier is Quantifier.EXISTS
    if verdict.loop and verdict.holds != exists:
        return Judged(verdict, Status.INCONCLUSIVE, reason=_CUT)
    if verdict.holds:
        return Judged(verdict, Status.AS_EXPECTED)
    return Judged(verdict, Status.DIFFERS, reason=f"the condition ({verdict.condition.quantifier.value}) does not hold")


_CUT = "executions were cut at the unrolling bound"


def _judge_expectation(verdict: Verdict, expectation: Expectation) -> Judged:
    word = expectation.observation.value if expectation.observation else "Maybe"
    if expectation.classes is not None:
        word = _listed(expectation.classes, CLEAN)
    final, tentative = _differences(verdict, expectation)
    if final or (tentative and not verdict.loop):
        return Judged(verdict, Status.DIFFERS, word, "; ".join(final + tentative))
    if tentative or (verdict.loop and _may_change(verdict, expectation)):
        return Judged(verdict, Status.INCONCLUSIVE, word, _CUT)
    return Judged(verdict, Status.AS_EXPECTED, word)


def _differences(verdict: Verdict, expectation: Expectation) -> tuple[list[str], list[str]]:
    """The differences: those that stand whatever happens, and those that executions beyond the bound could mend."""
    final: list[str] = []
    tentative: list[str] = []
    wanted = expectation.observation
    if wanted is not None and not _agrees(verdict, wanted):
        too_many = (wanted is Observation.NEVER and verdict.reached) or (
            wanted is Observation.ALWAYS and verdict.counter_reached
        )
        text = f"expected {wanted.value} ({expectation.origin}), observed {observed(verdict)}"
        (final if too_many else tentative).append(text)
    if expectation.classes is not None:
        _compare_classes(verdict, expectation.classes, final, tentative)
    elif verdict.findings is not None:
        _refuse_classes(verdict, expectation, final)
    found = {
        "states": None if verdict.states is None else len(verdict.states),
        "positive": verdict.positive,
        "negative": verdict.negative,
    }
    for key in _COUNTS:
        want, have = getattr(expectation, key), found[key]
        if want is not None and have is not None and want != have:
            (final if have > want else tentative).append(f"expected {want} {key}, found {have}")
    if expectation.flags is None and verdict.undefined:
        final.append("the behaviour is undefined")
    flags = flags_of(verdict)
    if verdict.states is not None:  # a query for reachability need not meet every flagged execution
        if expectation.flags is not None and set(flags) != set(expectation.flags):
            extra = set(flags) - set(expectation.flags)
            text = f"expected flags {_listed(expectation.flags)}, found {_listed(flags)}"
            (final if extra else tentative).append(text)
        if expectation.flags is None and expectation.races is not None:
            racy = "data-race" in flags
            if racy != expectation.races:
                text = "a data race that is not expected" if racy else "the expected data race is not there"
                (final if racy else tentative).append(text)
    return final, tentative


def _compare_classes(verdict: Verdict, wanted: tuple[str, ...], final: list[str], tentative: list[str]) -> None:
    """All classes must be as expected; ``unreached-code``, which is information, only where it is expected: somewhere,
    or at the place named."""
    if verdict.findings is None:
        final.append("expected classes of outcome, but this is no test in kernel C")
        return
    have = set(verdict.classes)
    for finding in verdict.findings:
        if finding.kind == UNREACHED and finding.where is not None:
            place = f"{UNREACHED}@{os.path.basename(finding.where.file)}:{finding.where.line}"
            have |= {UNREACHED, place} & set(wanted)
    if have != set(wanted):
        text = f"expected {_listed(wanted, CLEAN)}, found {_listed(tuple(sorted(have)), CLEAN)}"
        (final if have - set(wanted) else tentative).append(text)


def _refuse_classes(verdict: Verdict, expectation: Expectation, final: list[str]) -> None:
    """Where an expectation does not speak of classes of outcome none may be found, but for flags, which are compared as
    flags, and for what it means that no execution ends, if that is expected."""
    found = set(verdict.classes) - set(flags_of(verdict))
    if expectation.positive == expectation.negative == 0:
        found -= {NO_EXECUTION, DEADLOCKED}
    if found:
        final.append(f"expected {CLEAN}, found {_listed(tuple(sorted(found)))}")


def _agrees(verdict: Verdict, wanted: Observation) -> bool:
    if verdict.states is not None:
        return verdict.observation is wanted
    if verdict.condition.quantifier is Quantifier.FORALL:  # the query was for a counter-example
        return verdict.counter_reached == (wanted is not Observation.ALWAYS)
    return verdict.reached == (wanted is not Observation.NEVER)


def _may_change(verdict: Verdict, expectation: Expectation) -> bool:
    """Whether executions beyond the bound could turn an agreement with the expectation into a difference."""
    return expectation.classes is not None or expectation.observation in (Observation.NEVER, Observation.ALWAYS)


def observed(verdict: Verdict) -> str:
    """What a verdict is compared by, in the notation of files of expected verdicts: the observation, of kernel C the
    classes found; of a query for reachability only what it answers.  For a reader: :func:`verdict.in_words`."""
    if verdict.findings is not None:
        return _listed(verdict.classes, CLEAN)
    if verdict.states is not None:
        return verdict.observation.value
    if verdict.condition.quantifier is Quantifier.FORALL:
        return "violated" if verdict.counter_reached else "holds"
    return "reachable" if verdict.reached else "unreachable"


def _listed(flags: tuple[str, ...], nothing: str = "none") -> str:
    return ",".join(flags) or nothing
