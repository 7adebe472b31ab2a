"""What a command writes on, and the words for a fault of the program itself."""

from __future__ import annotations

from membar_check.report.explain.sheet import Sheet


class Page(Sheet):
    """A sheet that also takes lines of any length."""

    def verbatim(self, line: str) -> None:
        """A line that is not broken."""
        self._out.write(f"{line}\n")


def fault(error: Exception) -> str:
    """A fault that is not the user's, in one line."""
    said = " ".join(str(error).split())
    return f"this command failed, by a fault of the checker: {type(error).__name__}{': ' if said else ''}{said}"
