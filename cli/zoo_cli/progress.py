"""Progress on a terminal, on stderr; nothing at all in a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(unit: str = "samples") -> "Iterator[Callable[..., None] | None]":
    """A function `show(stage, done, total, note="")` that draws a bar, or None where nobody looks at it.

    `done` and `total` count `unit`s, which are bytes where the unit is "bytes"; a total of None is unknown.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30)]
    columns += [*_counters(unit), TextColumn("[dim]{task.fields[note]}"), TimeRemainingColumn(), TextColumn("[dim]left")]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar: Any = None
        stage = ""

        def show(now: str, done: int, total: int | None, note: str = "") -> None:
            nonlocal bar, stage
            if bar is None or now != stage:
                if bar is not None:
                    bars.remove_task(bar)
                bar, stage = bars.add_task(now, total=total, completed=done, note=note), now
            bars.update(bar, completed=done, total=total, note=note)

        yield show


def _counters(unit: str) -> list[Any]:
    from rich.progress import DownloadColumn, MofNCompleteColumn, Task, TextColumn, TransferSpeedColumn

    if unit == "bytes":
        return [DownloadColumn(), TransferSpeedColumn()]

    class Rate(TextColumn):
        """Units a second, of what this process did: what was found done counts for nothing."""

        def __init__(self) -> None:
            super().__init__("")

        def render(self, task: Task) -> Any:
            from rich.text import Text

            return Text(f"{task.speed:,.0f} {unit}/s" if task.speed else "", style="cyan")

    return [MofNCompleteColumn(), Rate()]
