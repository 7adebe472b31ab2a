"""The tests: a litmus file under a model, and an expectation without a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from membar_check.diagnostics import InputError, Span
from membar_check.engine.api import lower_for, model_request, parse_file
from membar_check.engine.models import get_model
from membar_check.expectations import Judged, observed
from membar_check.pytest_plugin.settings import Settings, settings_of
from membar_check.runner import Job, Plan, TestFile, check_options, run_plan
from membar_check.verdict import Failure, Status


class NotAsExpected(Exception):
    """A test that gave something else than expected, or no answer: ``head`` in a line, ``text`` whole."""

    def __init__(self, head: str, text: str) -> None:
        super().__init__(text)
        self.head = head


class _Item(pytest.Item):
    """Shows failures of a check as the text that is made for them."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.add_marker("litmus")

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if not isinstance(excinfo.value, NotAsExpected):
            return super().repr_failure(excinfo, style)
        shown = excinfo.getrepr(style="value")
        crash = getattr(shown, "reprcrash", None)
        if crash is not None:
            crash.message = excinfo.value.head  # what the summary and JUnit XML print
        return shown


class LitmusItem(_Item):
    """One file under one model (None: that of its dialect)."""

    def __init__(self, *, model: str | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.model = model

    def setup(self) -> None:
        """Reads what the check needs: what is wrong with an input is an error, no failed test."""
        options = check_options(settings_of(self.config).options, self.model)
        try:
            test = parse_file(self._path(), options.include_dirs)
            lower_for(test, get_model(model_request(test, options)), options)
        except InputError as error:
            raise pytest.fail.Exception(error.render(), pytrace=False) from None
        except Exception:  # the check meets it again, and there it is judged
            pass

    def runtest(self) -> None:
        settings = settings_of(self.config)
        judged = self._check(settings)
        if not isinstance(judged.result, Failure):
            verdict = judged.result
            self.user_properties += [("model", verdict.model), ("observed", observed(verdict))]
            if verdict.warnings:
                self.add_report_section("call", "warnings of the model", "\n".join(verdict.warnings))
        if judged.status is not Status.AS_EXPECTED:
            from membar_check.pytest_plugin.failing import failure_text, head

            raise NotAsExpected(head(judged), failure_text(judged, self.model, settings))

    def _check(self, settings: Settings) -> Judged:
        path = self._path()
        plan = Plan((Job(TestFile(path, os.path.basename(path)), self.model),), (), (), settings.expectations)
        ((_, judged),) = run_plan(plan, settings.options)
        return judged

    def _path(self) -> str:
        from membar_check.pytest_plugin.collecting import shown

        return shown(self.path)


class StrayItem(_Item):
    """An entry of a file of expected verdicts whose test is not there."""

    def __init__(self, *, span: Span | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.span = span

    def runtest(self) -> None:
        error = InputError("an entry, but there is no such test", self.span)
        raise NotAsExpected(error.message, error.render())
