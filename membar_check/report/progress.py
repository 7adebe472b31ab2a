"""How far a long run is: a bar on the error stream where that is a terminal, nothing elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PATIENCE = 1.0  # seconds that a run may take before a bar appears; most are over by then
REFRESH = 0.1  # seconds between redraws


class Progress:
    """Counts finished tests, and prints messages without tearing the bar.

    The bar is drawn when a test ends and has no thread of its own: the run forks worker processes.
    """

    def __init__(self, err: TextIO, total: int, wanted: bool) -> None:
        self._err = err
        self._total = total
        self._wanted = wanted and total > 1 and err.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._done = 0
        self._bar: tuple[RichProgress, TaskID] | None = None

    def advance(self, name: str) -> None:
        """One more test is done: the one called ``name``."""
        self._done += 1
        now = time.monotonic()
        if not self._wanted or now - self._started < PATIENCE or now - self._drawn < REFRESH:
            return
        self._drawn = now
        if self._bar is None:
            self._bar = self._start()
        bar, task = self._bar
        bar.update(task, completed=self._done, name=name[-40:])
        bar.refresh()

    def message(self, text: str) -> None:
        """Prints a message on the error stream, above the bar."""
        if self._bar is not None:
            self._bar[0].console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._err.write(text + "\n")
            self._err.flush()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def _start(self) -> tuple[RichProgress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        class Name(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(str(task.fields.get("name", "")), style="dim")

        progress = RichProgress(
            TextColumn("checking"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            Name(),
            console=Console(file=self._err),
            transient=True,
            auto_refresh=False,
        )
        progress.start()
        return progress, progress.add_task("", total=self._total, completed=self._done, name="")
