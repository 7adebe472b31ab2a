"""The one entrance to the engines: checks a litmus file under a model."""

from __future__ import annotations

import os
import stat
import time
from bisect import bisect
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from membar_check.diagnostics import InputError, Source
from membar_check.engine.choose import Answer, run_engine
from membar_check.engine.models import (
    DEFAULT_VARIANTS,
    Model,
    ModelRequest,
    find_file,
    find_model,
    get_macros,
    get_model,
)
from membar_check.engine.tally import Goal
from membar_check.events.build import build
from membar_check.litmus.hash import test_hash
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.printer import show_condition, show_prop
from membar_check.litmus.syntax import LitmusTest, Quantifier
from membar_check.program.ir import Program
from membar_check.program.lower import lower
from membar_check.records import dataclass, replace
from membar_check.verdict import NO_EXECUTION, UNREACHED, Finding, Step, Verdict, Witness

if TYPE_CHECKING:
    from membar_check.program.config import HerdConfig


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What to check with; see ``membar-check run --help`` for the meaning of each."""

    model: str | None = None
    include_dirs: tuple[str, ...] = ()
    bell: str | None = None
    macros: str | None = None
    conf: str | None = None
    variants: tuple[str, ...] = ()
    unroll: int = 2
    engine: str = "auto"
    reach: bool = False
    witness: bool = False
    hash: bool = True


def check_file(path: str, options: CheckOptions) -> Verdict:
    """Checks one litmus file.

    Raises InputError (also for files that cannot be read), Unsupported, Inconclusive.
    """
    return check_test(parse_file(path, options.include_dirs), options)


def parse_file(path: str, include_dirs: tuple[str, ...]) -> LitmusTest:
    """The parsed test.  Tests that include headers are kept for the next models, as long as their headers stay.

    Raises InputError (also for files that cannot be read) and Unsupported.
    """
    text = read_text(path)
    if "#include" not in text:
        return parse_litmus(Source(path, text), include_dirs)
    folder = os.getcwd()
    test = _remembered(path, text, include_dirs, folder)
    if test.kernel is not None and any(_changed(*header) for header in test.kernel.headers):
        _remembered.cache_clear()
        test = _remembered(path, text, include_dirs, folder)
    return test


@lru_cache(maxsize=4)
def _remembered(path: str, text: str, include_dirs: tuple[str, ...], folder: str) -> LitmusTest:
    """``folder``: in which relative names are looked for."""
    return parse_litmus(Source(path, text), include_dirs)


def _changed(path: str, text: str) -> bool:
    """Whether a header is not what it was; those of the installation stay."""
    if path.startswith("<"):
        return False
    try:
        return Path(path).read_text("utf-8") != text
    except (OSError, UnicodeDecodeError):
        return True


def read_text(path: str) -> str:
    """The text of an input file.  Raises InputError if it cannot be read or is no text."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
            raise InputError(f"{path}: is no regular file", hint="only files are read, no devices or pipes")
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        what = f"{path}:{line}:{column}: byte 0x{data[error.start]:02x} is no UTF-8, expected a text file"
        raise InputError(what, hint="litmus tests are text files in UTF-8") from error


def check_test(test: LitmusTest, options: CheckOptions) -> Verdict:
    """Checks a parsed test; errors as :func:`check_file`."""
    start = time.process_time()
    request = model_request(test, options)
    model = get_model(request)
    program = lower_for(test, model, options)
    structure = build(program, options.unroll, model.registers)
    goal = Goal(not options.reach, options.witness, options.reach)
    verdict = make_verdict(program, model, run_engine(options.engine, model, structure, goal), options)
    return replace(verdict, cpu_seconds=time.process_time() - start)


def model_request(test: LitmusTest, options: CheckOptions) -> ModelRequest:
    """Which model the options (and the configuration file they name) ask for.  Raises InputError."""
    return request_for(test.arch, options)


def request_for(arch: str, options: CheckOptions) -> ModelRequest:
    """Which model the options (and the configuration file they name) ask for, for tests of an architecture.

    Raises InputError.
    """
    model, bell, macros = options.model, options.bell, options.macros
    include_dirs = options.include_dirs
    variants = set(options.variants)
    if options.conf:
        config, include_dirs = _configuration(options.conf, options)
        model = model or config.model or None
        bell = bell or config.bell or None
        macros = macros or config.macros or None
        variants |= set(config.variants)
    return ModelRequest(model, bell, macros, include_dirs, frozenset(variants) | DEFAULT_VARIANTS, arch)


def check_names(options: CheckOptions) -> None:
    """Raises InputError where the options name a model, bell, macro or configuration file that does not exist, before
    any test is looked at."""
    include_dirs = options.include_dirs
    if options.conf:
        _, include_dirs = _configuration(options.conf, options)
    if options.model:
        find_model(options.model, include_dirs)
    if options.bell:
        find_file(options.bell, include_dirs, "bell")
    if options.macros:
        find_file(options.macros, include_dirs, "macro")


def _configuration(name: str, options: CheckOptions) -> tuple[HerdConfig, tuple[str, ...]]:
    """The configuration of that name, and the folders in which files are looked for.

    Raises InputError, at the line of the configuration, for what it names and does not exist.
    """
    from membar_check.cat.conditions import require_variant
    from membar_check.program.config import read_config

    config = read_config(_find_conf(name, options.include_dirs))
    folders = [str(config.directory), *(str(config.directory / d) for d in config.includes), *config.includes]
    include_dirs = (*options.include_dirs, *folders)
    for variant in config.variants:
        require_variant(variant, config.where["variant"])
    try:
        key = "model"
        if config.model and not options.model:
            find_model(config.model, include_dirs)
        key = "bell"
        if config.bell and not options.bell:
            find_file(config.bell, include_dirs, "bell")
        key = "macros"
        if config.macros and not options.macros:
            find_file(config.macros, include_dirs, "macro")
    except InputError as error:
        raise InputError(error.message, config.where.get(key), error.hint) from None
    return config, include_dirs


def _find_conf(name: str, include_dirs: tuple[str, ...]) -> Path:
    for candidate in (Path(name), *(Path(d) / name for d in include_dirs)):
        if candidate.is_file():
            return candidate
    return Path(name)


def lower_for(test: LitmusTest, model: Model, options: CheckOptions, watch: bool = False) -> Program:
    """The program of a test, with the macros and tagging that the model wants; ``watch`` as in
    :func:`membar_check.program.lower.lower`."""
    if test.arch != "C":
        return lower(test)
    macros = get_macros(model.macros) if model.macros else None
    return lower(test, macros, lkmmv2=_tags_both_halves(model), watch=watch)


def _tags_both_halves(model: Model) -> bool:
    """Whether the model is written for read-modify-writes that carry their tag on both halves (lkmmv2).

    The variant says so; without it, the tags of the macro file do: upper-case ``MB`` belongs to that style.
    """
    if "lkmmv2" in {v.lower() for v in model.request.variants}:
        return True
    if "lkmmv1" in {v.lower() for v in model.request.variants} or model.macros is None:
        return False
    return get_macros(model.macros).mentions("{MB}")


def make_verdict(program: Program, model: Model, answer: Answer, options: CheckOptions) -> Verdict:
    """The verdict from what an engine found."""
    test, tally = program.test, answer.tally
    counted = not options.reach and tally.counted
    return Verdict(
        test=test.name,
        file=test.source.name,
        arch=test.arch,
        model=model.name,
        engine=answer.engine,
        condition=test.condition,
        condition_text=show_condition(test.arch, test.condition.quantifier, program.condition),
        states=None if options.reach else answer.observed.sorted_states(tally.states),
        positive=tally.positive if counted else None,
        negative=tally.negative if counted else None,
        flags=tuple(sorted(tally.flags)),
        loop=tally.loop,
        undefined=tally.undefined,
        reached=tally.positive > 0,
        counter_reached=tally.negative > 0,
        hash=test_hash(test) if options.hash else "",
        candidates=tally.candidates,
        cpu_seconds=0.0,
        witness=_witness(program, answer) if options.witness else None,
        warnings=model.compiled.warnings if model.compiled else (),
        findings=_findings(program, answer) if program.test.kernel is not None else None,
        besides=_besides(program),
    )


def _besides(program: Program) -> str:
    """The filter and the named conditions of a test, a line each."""
    test = program.test
    lines = [] if program.filter is None else [f"filter ({show_prop(test.arch, program.filter)})"]
    if test.kernel is not None:
        lines += sorted(f"{name}: exists ({show_prop(test.arch, prop)})" for name, prop, _ in test.kernel.conditions)
    return "\n".join(lines)


def _findings(program: Program, answer: Answer) -> tuple[Finding, ...]:
    """What was found, with the model's flags as classes, and, in the functions that some execution enters, the branches
    that none takes."""
    assert program.kernel is not None
    found = [f for _, f in sorted(answer.tally.findings.items(), key=lambda item: (item[0][0], str(item[0][1:])))]
    if not answer.tally.executions and not answer.tally.loop:
        found.append(Finding(NO_EXECUTION, "no execution is possible, so nothing was checked", None))
    found += [answer.tally.raised.get(flag, Finding(flag, "", None)) for flag in sorted(answer.tally.flags)]
    entries = sorted({thread.labels[f.entry] for thread in program.threads for f in program.kernel.functions.values()})
    entered = [pc in answer.tally.visited for pc in entries]
    for arm in program.kernel.arms:
        function = bisect(entries, arm.pc) - 1
        if arm.pc not in answer.tally.visited and (function < 0 or entered[function]):
            where = Step(arm.span.text, arm.span.source.name, arm.span.line)
            found.append(Finding(UNREACHED, f"no execution takes {arm.text}", where))
    return tuple(found)


def _witness(program: Program, answer: Answer) -> Witness | None:
    """The execution to draw: one that satisfies the proposition, for ``forall`` one that does not."""
    from membar_check.engine.witness import draw

    tally = answer.tally
    wants_counter = program.test.condition.quantifier is Quantifier.FORALL
    found = (tally.counter or tally.shown) if wants_counter else (tally.shown or tally.counter)
    return draw(found, answer.observed) if found is not None else None
