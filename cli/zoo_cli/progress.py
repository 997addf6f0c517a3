"""Progress on a terminal, on stderr: the bars of the core."""

from zoo.bars import progress_bar

__all__ = ["progress_bar"]
