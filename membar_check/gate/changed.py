"""Which models have changed, against a baseline or against what they were, and which tests tell."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from membar_check.diagnostics import MembarError
from membar_check.gate.against import Changed, OldModels, changed_models, minimal_test, size_of, smallest_test
from membar_check.gate.baseline import Baseline, Name
from membar_check.gate.judging import Check
from membar_check.gate.keys import Keyed, Keys
from membar_check.gate.models import changes, parts_of
from membar_check.gate.report_data import Distinguished, GateItem, Kind, ModelChange
from membar_check.gate.store import Store
from membar_check.options import RunOptions
from membar_check.records import replace


def models_of(keyed: Sequence[Keyed]) -> dict[Name, Keyed]:
    """The models of some checks, by name and dialect, each with a check that uses it."""
    found: dict[Name, Keyed] = {}
    for one in keyed:
        if one.used is not None:
            found.setdefault((one.model, one.used.request.dialect), one)
    return found


# --- against a baseline ----------------------------------------------------------------------------------------------
def recorded_changes(
    baseline: Baseline, keyed: Sequence[Keyed], keys: Keys, notes: list[str]
) -> tuple[ModelChange, ...]:
    """Where models differ from those that a baseline has recorded.  ``notes``: takes what cannot be told."""
    found: list[ModelChange] = []
    for name, one in sorted(models_of(keyed).items()):
        recorded = baseline.models.get(name)
        if recorded is None or one.used is None or recorded.digest == keys.model_digest(one):
            continue
        try:
            found += changes(name[0], recorded.parts, parts_of(one.used))
        except MembarError as error:
            notes.append(f"{name[0]}: what changed in it cannot be told: {error.message}")
    return tuple(dict.fromkeys(found))


def smallest_items(model_changes: Sequence[ModelChange], items: Sequence[GateItem]) -> tuple[Distinguished, ...]:
    """For each changed model the smallest test that shows it."""
    found = []
    for model in dict.fromkeys(change.model for change in model_changes):
        shown = [i for i in items if i.model == model and i.kind in (Kind.BROKEN, Kind.CHANGED, Kind.FIXED)]
        if shown:
            first = min(shown, key=lambda item: size_of(item.file))
            found.append(Distinguished(model, file=first.file, text="; ".join(first.changes[:2])))
    return tuple(found)


def recorded_now(baseline: Baseline, keyed: Sequence[Keyed], keys: Keys) -> frozenset[Name]:
    """The models, by name and dialect, that a baseline has recorded as they are now."""
    return frozenset(
        name
        for name, one in models_of(keyed).items()
        if name in baseline.models and baseline.models[name].digest == keys.model_digest(one)
    )


# --- against what they were ------------------------------------------------------------------------------------------
class Against:
    """The models of some checks as they were at ``where``: a context, which keeps copies of them.  ``accepted``: the
    models, by name and dialect, that may have changed.

    Raises InputError for what is neither a folder nor a revision, and for old models that cannot be read.
    """

    def __init__(
        self, where: str, keyed: Sequence[Keyed], keys: Keys, accepted: frozenset[Name] = frozenset()
    ) -> None:
        self._keys = keys
        self._stack = ExitStack()
        with ExitStack() as opened:
            old = opened.enter_context(OldModels(where))
            self._changed: list[Changed] = list(changed_models(keyed, old, keys, accepted))
            self._stack = opened.pop_all()

    def __enter__(self) -> Against:
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    @property
    def changes(self) -> tuple[ModelChange, ...]:
        """What differs, by parts."""
        return tuple(dict.fromkeys(part for changed in self._changed for part in changed.parts))

    def tests(
        self, keyed: Sequence[Keyed], checks: Sequence[Check], run: RunOptions, store: Store, seconds: float
    ) -> tuple[Distinguished, ...]:
        """The smallest of the checked tests on which each model differs from what it was, and a minimal one, searched
        for in so many seconds, of one dialect for each model; where some dialects are accepted, of one of the others
        too."""
        told = [(one, check.record) for one, check in zip(keyed, checks, strict=True)]
        found: list[Distinguished] = []
        searched: set[tuple[str, bool]] = set()
        for changed in self._changed:
            if changed.old is None and not changed.unread:
                continue
            of_tree = smallest_test(changed, told, run, store, self._keys)
            if of_tree is not None:
                found.append(replace(of_tree, accepted=changed.accepted))
            kind = changed.new.name, changed.accepted
            if kind in searched:
                continue
            by_search = minimal_test(changed, seconds)
            if by_search.litmus:
                searched.add(kind)
            found.append(replace(by_search, accepted=changed.accepted))
        return tuple(dict.fromkeys(found))
