"""Progress where somebody looks: a bar on a terminal's stderr, or one line in a notebook; nothing at all in a pipe."""

import html
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from zoo.wording import harmless

Show = Callable[..., None]
"""`show(stage, done, total, note="", left=None)`: `total` None is unknown, `left` are seconds to the end of everything."""
NARROW = 90
"""Columns of a terminal on which there is no room for a rate."""
EVERY = 0.2
"""Seconds between two looks of a notebook."""
_screen = threading.RLock()
"""Of several threads at work the first has the bar."""


@contextmanager
def progress_bar(unit: str = "samples") -> Iterator[Show | None]:
    """What draws a bar, or None where nobody looks at it, another thread has one, or `ZOO_PROGRESS` is 0.

    `done` and `total` count `unit`s, which are bytes where the unit is "bytes".
    """
    off = os.environ.get("ZOO_PROGRESS", "") in ("0", "off", "no")
    shown = None if off else _notebook() if in_notebook() else _terminal(unit) if sys.stderr.isatty() else None
    if shown is None or not _screen.acquire(blocking=False):
        yield None
        return
    try:
        with shown as show:
            yield show
    finally:
        _screen.release()


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    return type(import_module("IPython").get_ipython()).__name__ == "ZMQInteractiveShell"


def time_left(seconds: float | None) -> str:
    """`0:03:10 left`."""
    if seconds is None:
        return "-:--:-- left"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} left"


@contextmanager
def _terminal(unit: str) -> Iterator[Show]:
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Left(TextColumn):
        """Time left for the whole, where it is known; else for the stage."""

        def __init__(self) -> None:
            super().__init__("")

        def render(self, task: Task) -> Text:
            left = task.fields["left"]
            return Text(time_left(task.time_remaining if left is None else left), style="cyan")

    class Bars(Progress):
        """A bar, and below it what it is about: so that both have room on 80 columns."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.fields["note"]:
                    yield Text(f"  {task.fields['note']}", style="dim", no_wrap=True, overflow="ellipsis")

    console = Console(stderr=True)
    columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=20)]
    columns += [*_counters(unit, narrow=console.width < NARROW), Left()]
    with Bars(*columns, console=console, transient=True) as bars:
        bar: Any = None
        stage = ""

        def show(now: str, done: int, total: int | None, note: str = "", left: float | None = None) -> None:
            nonlocal bar, stage
            now, note = harmless(now), harmless(note)
            if bar is None or now != stage:
                if bar is not None:
                    bars.remove_task(bar)
                bar, stage = bars.add_task(now, total=total, completed=done, note=note, left=left), now
            bars.update(bar, completed=done, total=total, note=note, left=left)

        yield show


def _counters(unit: str, *, narrow: bool) -> list[Any]:
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

    return [MofNCompleteColumn(), *([] if narrow else [Rate()])]


@contextmanager
def _notebook() -> Iterator[Show]:
    """One line that is written anew. By hand, since what rich and tqdm draw there asks for further packages."""
    display = import_module("IPython.display")
    html_of = display.HTML
    shown = display.display(html_of(""), display_id=True)
    last = 0.0

    def show(stage: str, done: int, total: int | None, note: str = "", left: float | None = None) -> None:
        nonlocal last
        if shown is None or (time.monotonic() - last < EVERY and done != total):
            return
        last = time.monotonic()
        far = f"{done:,} of {total:,}" if total else f"{done:,}"
        bar = f'<progress value="{done}" max="{total}"></progress> ' if total else ""
        told = ", ".join(filter(None, (f"{stage} {far}", note, time_left(left) if left is not None else "")))
        shown.update(html_of(f"{bar}{html.escape(told)}"))

    try:
        yield show
    finally:
        if shown is not None:
            shown.update(html_of(""))
