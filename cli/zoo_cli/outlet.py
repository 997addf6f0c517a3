"""Standard output is the command's: what models, datasets and plugins print while it runs goes to stderr, and steers nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from zoo.wording import harmless


class Aside:
    """Stands for standard output where code of others runs: it looks like it, and what is written goes to stderr.

    `own` is standard output itself, for whoever prints the result.
    """

    def __init__(self, own: TextIO) -> None:
        self.own = own

    def write(self, text: str) -> int:
        """Pass it on to stderr."""
        sys.stderr.write(harmless(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Pass them on to stderr."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)


def own_output() -> TextIO:
    """Where the result is printed."""
    found: TextIO = getattr(sys.stdout, "own", sys.stdout)
    return found


@contextmanager
def strangers_aside() -> Iterator[None]:
    """Within the block `print` of code of others goes to stderr."""
    before = sys.stdout
    if not isinstance(before, Aside):
        sys.stdout = Aside(before)
    try:
        yield
    finally:
        sys.stdout = before
