"""Observing: plugins are told how a run or a training goes. Whatever one of them does, it costs itself, and nothing else."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from zoo.errors import is_pressed
from zoo.identity.watching import unwatched
from zoo.plugins.blame import raised
from zoo.plugins.registry import Registry
from zoo.turns import draws_kept

if TYPE_CHECKING:
    from zoo.runs.record import RunStart
    from zoo.training.record import TrainingStart

P = TypeVar("P")


class Observers:
    """The plugins that watch one run, or one training, of which they are told as `subject` ("run" or "training").

    One that raises is warned of once, and told nothing more. What it reads, opens and draws is no part of any key, and random
    numbers go on as if it had not been there.
    """

    def __init__(self, entries: Registry, events: str, subject: str) -> None:
        self._entries, self._events, self._subject = entries, events, subject
        self._manager: Any = None
        self._found: dict[str, list[Any]] = {}
        self._silent: set[str] = set()
        self._started: Any = None

    def started(self, what: "RunStart | TrainingStart") -> None:
        """It begins."""
        self._started = what
        self.tell("started", **{self._subject: what})

    def tell(self, event: str, **facts: Any) -> None:
        """Call all who implement the hook `zoo_<events>_<event>`."""
        hook = f"zoo_{self._events}_{event}"
        for implementation in self._implementations(hook):
            name = str(implementation.plugin_name)
            if name in self._silent:
                continue
            try:
                with unwatched(), draws_kept():
                    implementation.function(**{fact: facts[fact] for fact in implementation.argnames})
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) and is_pressed(error):
                    raise
                self._silent.add(name)
                warnings.warn(f"{self._entries.index.title(name)}: its {hook} {raised(error)}", stacklevel=2)

    def watched(self, progress: "Callable[[P], None] | None") -> "Callable[[P], None] | None":
        """What tells whoever asked, and then the observers, how far it is, once it has started."""
        if not self._implementations(f"zoo_{self._events}_progress"):
            return progress

        def told(step: P) -> None:
            if progress is not None:
                progress(step)
            if self._started is not None:
                self.tell("progress", **{self._subject: self._started, "progress": step})

        return told

    @contextmanager
    def failing(self) -> "Iterator[None]":
        """What the block raises after the start, an interruption too, is told of, and goes on."""
        try:
            yield
        except BaseException as error:
            if self._started is not None:
                self.tell("failed", **{self._subject: self._started, "error": error})
            raise

    def _implementations(self, hook: str) -> list[Any]:
        if hook not in self._found:
            self._found[hook] = []
            try:
                self._manager = self._manager or self._entries.observers()
                self._found[hook] = getattr(self._manager.hook, hook).get_hookimpls()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                warnings.warn(f"no plugin was told of {hook}: {type(error).__name__}: {error}", stacklevel=2)
        return self._found[hook]
