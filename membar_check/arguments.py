"""How the command line is parsed: parsers that start quickly and complain in one line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

USAGE_ERROR = 2


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Knows the width of the terminal without the modules that argparse asks, which it does for every option."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=columns() - 2)


def columns() -> int:
    """The width of the terminal, or what ``COLUMNS`` says, or 80."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with where to read more, and not the whole usage.

    ``intermixed``: positional arguments may also stand between and behind options.
    """

    intermixed = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        if not self.intermixed:
            return super().parse_known_args(args, namespace)
        self.intermixed = False  # argparse calls this method for each of its two passes
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.intermixed = True

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\ntry '{self.prog} --help'\n")


def value(convert: Callable[[str], object]) -> Callable[[str], object]:
    """``convert`` for argparse: its ValueError becomes the message."""

    def converter(text: str) -> object:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return converter


# --- models ----------------------------------------------------------------------------------------------------------
def add_include_option(parser: argparse._ActionsContainer) -> None:
    """The option ``-I``: folders, in ``include_dirs``."""
    parser.add_argument(
        "-I", dest="include_dirs", metavar="DIR", action="append", default=[], help="where to look for files"
    )


def add_model_options(
    group: argparse._ActionsContainer,
    conf: bool = True,
    variants: bool = True,
    bell: str = "a bell file: the tags of instructions",
    macros: str = "a .def file: the primitives of C tests",
) -> None:
    """The options that say which files belong to a model: ``-I``, ``--bell``, ``--macros``, ``--conf`` (where ``conf``)
    and ``--variant`` (where ``variants``; see :func:`checked_variants`).  ``bell`` and ``macros``: their help."""
    add_include_option(group)
    group.add_argument("--bell", metavar="F", help=bell)
    group.add_argument("--macros", metavar="F", help=macros)
    if conf:
        group.add_argument("--conf", metavar="CFG", help="a herd7 configuration that names model, bell and macros")
    if variants:
        group.add_argument(
            "--variant", dest="variants", metavar="V", action="append", default=[], help="turn on a variant"
        )


def checked_variants(parsed: argparse.Namespace) -> tuple[str, ...]:
    """The variants that were turned on.  Raises InputError for one that there is not."""
    given: tuple[str, ...] = tuple(parsed.variants)
    if given:  # what knows them is not loaded for nothing
        from membar_check.cat.conditions import require_variant

        for variant in given:
            require_variant(variant)
    return given
