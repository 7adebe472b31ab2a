"""The pytest plugin: ``pytest litmus/`` checks the ``.litmus`` files there, each under its models, as tests.

Only hooks and options are here; what they need is imported when the first file is collected, because pytest loads this
module in every run.  How the plugin is used: ``docs/ci.md``.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from membar_check.pytest_plugin.collecting import Folder, LitmusFile

SUFFIX = ".litmus"
EXPECTED = "expected.txt"
COLLECT = ("auto", "always", "never")
MODEL_OPTION = "--model"
_ASKED = "membar_asked"
_GIVEN = ("membar_models", "membar_all_models", "membar_expected", "membar_include", "membar_unroll", "membar_timeout")
_SET = ("membar_models", "membar_include", "membar_unroll", "membar_timeout")


# --- options ---------------------------------------------------------------------------------------------------------
def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("membar-check", "litmus tests (membar-check)")
    group.addoption(
        "--membar-model", dest="membar_models", metavar="M|PATH", action="append", default=[],
        help="a bundled memory model or a cat file; may be given several times (default: that of each test's dialect). "
        "--model is the same, where no other plugin or conftest.py has an option of that name",
    )  # fmt: skip
    group.addoption(
        "--membar-all-models", action="store_true", default=False,
        help="each litmus test under every model that its expected.txt names for it",
    )  # fmt: skip
    group.addoption("--membar-expected", metavar="FILE", help="expected verdicts, instead of the expected.txt files")
    group.addoption(
        "--membar-include", dest="membar_include", metavar="DIR", action="append", default=[],
        help="where to look for models, headers and macros",
    )  # fmt: skip
    group.addoption("--membar-unroll", metavar="N", help="loop bound (default 2)")
    group.addoption("--membar-timeout", metavar="S", help="seconds a litmus test may take; over it, it fails")
    group.addoption(
        "--membar-explain", metavar="S", default="2",
        help="seconds for the explanation of a failure (default 2); 0: none",
    )  # fmt: skip
    parser.addini("membar_models", "models of litmus tests, or `all`: those that expected.txt names", "args")
    parser.addini("membar_include", "folders in which models, headers and macros are looked for", "paths")
    parser.addini("membar_unroll", "loop bound of litmus tests")
    parser.addini("membar_timeout", "seconds a litmus test may take")
    parser.addini(
        "membar_collect",
        "which .litmus files are tests: auto (those below paths given on the command line), always, never",
        default="auto",
    )


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, Any, Any]:
    result = yield
    _add_model_option(parser)  # the name is a common one: whoever defines it in a conftest.py has it
    return result


def _add_model_option(parser: pytest.Parser) -> None:
    """Adds ``--model`` unless somebody has it."""
    groups = [*getattr(parser, "_groups", ()), getattr(parser, "_anonymous", None)]
    taken = {name for group in groups if group is not None for option in group.options for name in option.names()}
    if MODEL_OPTION not in taken:
        parser.getgroup("membar-check").addoption(
            MODEL_OPTION, dest="membar_models", metavar="M|PATH", action="append", default=[],
            help="the same as --membar-model",
        )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "litmus: a litmus test, checked under a memory model by membar-check")
    collect = config.getini("membar_collect")
    if collect not in COLLECT:
        raise pytest.UsageError(f"membar_collect = {collect}: expected one of {', '.join(COLLECT)}")
    if wanted(config) and (any(map(config.getoption, _GIVEN)) or any(map(config.getini, _SET))):
        from membar_check.pytest_plugin.settings import settings_of

        settings_of(config)  # what is wrong ends the run before anything is collected


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of xdist whether paths were given: it is always started with some."""
    node.workerinput[_ASKED] = _paths_given(node.config)


# --- collecting ------------------------------------------------------------------------------------------------------
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> LitmusFile | Folder | None:
    if file_path.suffix == SUFFIX:
        if wanted(parent.config):
            from membar_check.pytest_plugin.collecting import LitmusFile

            return LitmusFile.from_parent(parent, path=file_path)
    elif file_path.name == EXPECTED and wanted(parent.config) and any(file_path.parent.glob(f"*{SUFFIX}")):
        from membar_check.pytest_plugin.collecting import Folder

        return Folder.from_parent(parent, path=file_path)
    return None


def wanted(config: pytest.Config) -> bool:
    """Whether ``.litmus`` files are tests in this run."""
    collect = config.getini("membar_collect")
    return collect == "always" or (collect == "auto" and _paths_given(config))


def _paths_given(config: pytest.Config) -> bool:
    """Whether paths stand on the command line, rather than in ``testpaths`` or nowhere."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        return bool(worker.get(_ASKED))
    return config.args_source is pytest.Config.ArgsSource.ARGS
