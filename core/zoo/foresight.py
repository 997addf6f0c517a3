"""How long something will go on, by how fast it went so far."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Foresight:
    """Tells how many seconds are left, when it is told how large a share is done.

    What was done before the first call counts for nothing: it was found, not made. `after` are seconds that something else will
    take behind it, where they are known.
    """

    def __init__(self, after: float = 0.0, clock: Clock = time.monotonic) -> None:
        self.after = after
        self._clock = clock
        self._first: tuple[float, float] | None = None

    def left(self, share: float) -> float | None:
        """Seconds from now on to the end, at a share in [0, 1]; None before anything was done."""
        now = self._clock()
        if self._first is None:
            self._first = (now, share)
        began, found = self._first
        if share <= found or now <= began:
            return None if share < 1 else self.after
        return (now - began) * (1 - share) / (share - found) + self.after
