"""A sheet of text of a given width, filled from top to bottom: headings, items with hanging indents, tables.

Layout is rich's; without colours the result is plain text.  No meaning hangs on a style.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

Part = str | tuple[str, str]  # text, or text with its style
Parts = str | Sequence[Part]

HEADING = "bold"
SOURCE = "cyan"
RELATION = "bold blue"
NOTE = "bold magenta"
GOOD = "green"
QUIET = "dim"

# Blanks that no line is broken at: "line 6", "P0 line 6", "x = 1".  They travel as a character of no meaning.
_GLUE = "\ue000"
_GLUED = re.compile(r"(?<=\bP\d) (?=line \d)|(?<=\bline) (?=\d)|(?<=\w) (?== -?\w)|(?<= =) (?=-?\w)")


class Sheet:
    """Takes the parts of a report; :meth:`text` is the whole."""

    def __init__(self, width: int, colour: bool) -> None:
        from rich.console import Console

        self.width = width
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def blank(self) -> None:
        self._out.write("\n")

    def heading(self, text: str) -> None:
        """A heading with an empty line before it."""
        self.blank()
        self.item([(text, HEADING)])

    def item(self, parts: Parts, *, bullet: Part = "", indent: int = 0, hang: int = 0) -> None:
        """A paragraph; lines after the first are indented by the width of the bullet and ``hang`` more."""
        text, style = (bullet, "") if isinstance(bullet, str) else bullet
        first = " " * indent + text
        for line in self.wrapped(parts, self.width, first, " " * (len(first) + hang)):
            if style:
                line.stylize(style, indent, len(first))
            self._console.print(line, soft_wrap=True)
            style = ""

    def wrapped(self, parts: Parts, width: int, first: str = "", rest: str = "") -> list[Text]:
        """The lines of a paragraph that is ``width`` wide, with what stands before the first and the others."""
        from rich.text import Text

        whole = Text.assemble(*(_glued(part) for part in ([parts] if isinstance(parts, str) else parts)))
        room = max(width - max(len(first), len(rest)), 12)
        lines = []
        for number, line in enumerate(whole.wrap(self._console, room, overflow="fold")):
            line.rstrip()
            lines.append(Text.assemble(rest if number else first, line))
        return lines

    def table(self, heads: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[Sequence[Text]]]) -> None:
        """Columns of fixed widths with rules between them; a cell is its lines."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.MINIMAL, show_edge=False, pad_edge=False, padding=(0, 1), header_style=HEADING)
        for head, width in zip(heads, widths, strict=True):
            table.add_column(head, width=width, no_wrap=True)
        for row in rows:
            table.add_row(*(Text("\n").join(cell) for cell in row))
        self._console.print(table)

    def text(self) -> str:
        whole = self._out.getvalue().replace(_GLUE, " ")
        return "\n".join(line.rstrip() for line in whole.split("\n"))


def _glued(part: Part) -> Any:
    if isinstance(part, str):
        return _GLUED.sub(_GLUE, part)
    return _GLUED.sub(_GLUE, part[0]), part[1]
