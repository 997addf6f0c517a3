"""Writing: shards to their files, beside the model where it is worth it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from zoo.identity.watching import unwatched

Made = TypeVar("Made")
BESIDE = 0.05
"""Share of a shard's time from which on its writing goes on beside the model: less is not worth a shard where the model dies."""


@dataclass(frozen=True)
class _Going(Generic[Made]):
    shard: int
    computed: float
    """Seconds that the shard took, its loading and all, before it was written."""
    written: "Future[tuple[Made, float]]"


class Writer(Generic[Made]):
    """Writes shards on a thread of its own, one at a time.

    A shard is there before the next is begun; only where the model leaves a core `idle`, and writing takes a notable share of the
    time, it goes on beside it.
    """

    def __init__(self, idle: bool, forget: Callable[[Made], None] = lambda made: None) -> None:
        """`forget` is told of a shard that was written for nobody, as whoever waited for it was interrupted."""
        self._idle, self._forget = idle, forget
        self._pool = ThreadPoolExecutor(1, "zoo-write")
        self._going: _Going[Made] | None = None
        self._beside = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._pool.shutdown()
        going, self._going = self._going, None
        if going is not None and going.written.exception() is None:
            self._forget(going.written.result()[0])

    def write(self, shard: int, computed: float, write: Callable[[], Made]) -> Iterator[tuple[int, Made]]:
        """Begin to write a shard that took so many seconds; gives the one before, and where that is worth nothing this one."""
        yield from self.rest()
        self._going = _Going(shard, computed, self._pool.submit(copy_context().run, _timed, write))
        if not self._beside:
            yield from self.rest()

    def ready(self) -> Iterator[tuple[int, Made]]:
        """The shard that is written by now."""
        if self._going is not None and self._going.written.done():
            yield from self.rest()

    def rest(self) -> Iterator[tuple[int, Made]]:
        """The shard that is still on its way, once it is written. Raises what its writing raised."""
        if (going := self._going) is None:
            return
        made, seconds = going.written.result()
        self._going = None
        self._beside = self._idle and seconds > BESIDE * (going.computed + seconds)
        yield going.shard, made


@unwatched()
def _timed(write: Callable[[], Made]) -> tuple[Made, float]:
    started = time.perf_counter()
    made = write()
    return made, time.perf_counter() - started
