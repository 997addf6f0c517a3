"""Showing how far a run is to whoever looks, where the caller does not want to be told himself."""

from collections.abc import Iterator
from contextlib import contextmanager

from zoo.bars import progress_bar
from zoo.runs.progress import Progress, ProgressCallback


@contextmanager
def telling(progress: ProgressCallback | bool | None) -> Iterator[ProgressCallback | None]:
    """Whom a run tells how far it is: the caller; nobody where that is False; else a bar, where somebody looks at one."""
    if callable(progress):
        yield progress
    elif progress is False:
        yield None
    else:
        with progress_bar() as show:

            def tell(step: Progress) -> None:
                assert show is not None
                if step.stage == "downloading":
                    show("downloading MiB", step.done >> 20, step.total >> 20 or None)
                else:
                    found = f"{step.reused:,} found done" if step.reused else ""
                    show(step.stage, step.done, step.total, found, step.left)

            yield None if show is None else tell
