"""Baselines in use: read for a run, compared by what they cover, and brought up to date."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from membar_check.diagnostics import InputError
from membar_check.gate.baseline import VERSION, Baseline, Recorded, read_baseline, write_baseline
from membar_check.gate.changed import models_of
from membar_check.gate.compare import cut_short
from membar_check.gate.keys import Keyed, Keys
from membar_check.gate.models import safe_parts
from membar_check.gate.report_data import GateItem, Kind
from membar_check.options import RunOptions
from membar_check.records import replace
from membar_check.verdict import Status


def open_baseline(path: str, run: RunOptions, update: bool, notes: list[str]) -> Baseline:
    """The baseline at ``path``; with ``update`` an empty one where there is none that counts, which ``notes`` say.

    Raises InputError for one that is not to be believed, or is for other options.
    """
    wanted = settings(run)
    if update and not os.path.isdir(os.path.dirname(path) or os.curdir):
        raise InputError(f"{path}: cannot be written: there is no such folder")
    if update and not os.path.exists(path):
        return Baseline(path, wanted)
    try:
        baseline = read_baseline(path)
    except InputError as error:
        if not update:
            raise
        notes.append(f"the old baseline is not believed, all of it is recorded anew: {error.render()}")
        return Baseline(path, wanted)
    if baseline.options != wanted:
        if not update:
            raise InputError(
                f"{path}: recorded with {_shown(baseline.options)}, but this run is with {_shown(wanted)}",
                hint="give the same options, or record anew with --update",
            )
        notes.append("the baseline was recorded with other options, all of it is recorded anew")
        return Baseline(path, wanted)
    if baseline.version < VERSION and not update:
        notes.append(f"{path}: of version {baseline.version}, so conditions are not compared; `--update` records them")
    return baseline


def settings(run: RunOptions) -> dict[str, str]:
    """The options that what is recorded depends on, by name."""
    given = {"unroll": str(run.unroll), "variant": ",".join(sorted(set(run.variants)))}
    for name in ("bell", "macros", "conf"):
        given[name] = os.path.basename(getattr(run, name) or "")
    return {name: value for name, value in given.items() if value}


def _shown(options: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(options.items())) or "no options"


def covers(run: RunOptions, path: str, model: str) -> bool:
    """Whether the arguments of the run name this test under this model."""
    if run.models and model not in {os.path.splitext(os.path.basename(name))[0] for name in run.models}:
        return False
    for argument in run.paths:
        inside = os.path.relpath(path, argument)
        if inside == os.curdir or inside.split(os.sep)[0] != os.pardir:
            return True
    return False


# --- bringing it up to date ------------------------------------------------------------------------------------------
def update(path: str, run: RunOptions, keyed: Sequence[Keyed], keys: Keys, items: Sequence[GateItem]) -> list[GateItem]:
    """Records what was found; the items with what they count for after that.

    What other processes have recorded in the meantime stays, where this run does not cover it.  Raises InputError.
    """
    with _alone(path):
        baseline = open_baseline(path, run, True, [])
        after = [_recorded(baseline, item) for item in items]
        for model, one in models_of(keyed).items():
            digest = keys.model_digest(one)
            known = baseline.models.get(model)
            if one.used is None or (known is not None and known.digest == digest):
                continue
            mine = (covers(run, baseline.path_of(file), name) for file, name in baseline.records if name == model[0])
            if known is None or all(mine):
                baseline.models[model] = Recorded(digest, safe_parts(one.used))
        used = {model for _, model in baseline.records}
        baseline.models = {name: model for name, model in baseline.models.items() if name[0] in used}
        write_baseline(baseline)
    return after


def _recorded(baseline: Baseline, item: GateItem) -> GateItem:
    """Puts a result into the baseline, where there is one; the item with what it then counts for."""
    name = baseline.name_of(item.file), item.model
    if item.new is not None and item.new.conclusive and not cut_short(item.new):
        baseline.records[name] = item.new
        return replace(item, status=Status.AS_EXPECTED)
    if item.kind is Kind.MISSING and item.source == "baseline":
        baseline.records.pop(name, None)
        return replace(item, status=Status.AS_EXPECTED)
    return item


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Holds the folder of the file, so that of several processes one at a time brings it up to date."""
    folder = os.path.dirname(path) or os.curdir
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
