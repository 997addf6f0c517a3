"""Turns: what a process has only once is one thread's at a time: the global random generators, and torch's flags.

Whoever builds a model, asks it for a batch, or takes a step of training has a turn meanwhile. Reading samples, waiting, scoring
and storing need none, and a run whose predictions are all there takes none.
"""

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

_turn = threading.RLock()


def turn() -> AbstractContextManager[Any]:
    """Within the block no other thread has a turn. A thread that has one may take another inside."""
    return _turn


@contextmanager
def draws_kept() -> Iterator[None]:
    """After the block the global generators are as they were, of those that are loaded: what it draws is nobody else's affair."""
    with _turn:
        before = states()
        try:
            yield
        finally:
            restore(before)


class Generators:
    """The global generators of Python, NumPy and torch as one run has them.

    They begin at the run's own seed, and go on from turn to turn where they stopped, whatever others draw in between; outside of
    the run's turns they are as if it had not been there.
    """

    def __init__(self, seed: int, drawn: Callable[[], None] | None = None) -> None:
        """`drawn` is called at the end of a turn in which something was drawn."""
        self._seed, self._drawn = seed, drawn
        self._states: dict[str, Any] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn with these generators."""
        with draws_kept():
            if self._states is None:
                seed_all(self._seed)
                self._states = states()
            else:
                restore(self._states)
            before = self._states
            try:
                yield
            finally:
                self._states = states()
                if self._drawn is not None and drew(before, self._states):
                    self._drawn()


def seed_all(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch, on all its devices."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def states() -> dict[str, Any]:
    """States of the global generators of what is loaded, on the devices that are in use."""
    found: dict[str, Any] = {"random": random.getstate()}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and hasattr(numpy, "random"):
        found["numpy"] = numpy.random.get_state()
    if torch is not None and hasattr(torch, "get_rng_state"):
        found["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def restore(before: dict[str, Any]) -> None:
    """Set the generators back to states of before."""
    random.setstate(before["random"])
    if "numpy" in before:
        sys.modules["numpy"].random.set_state(before["numpy"])
    if "torch" in before:
        sys.modules["torch"].set_rng_state(before["torch"])
    if "cuda" in before:
        sys.modules["torch"].cuda.set_rng_state_all(before["cuda"])


def drew(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a generator that there was before has another state now."""
    first, second = comparable(before), comparable(after)
    return any(second[name] != state for name, state in first.items())


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """States as values that can be compared."""
    told = dict(found)
    if "numpy" in told:
        kind, words, *rest = told["numpy"]
        told["numpy"] = (kind, words.tobytes(), *rest)
    if "torch" in told:
        told["torch"] = told["torch"].numpy().tobytes()
    if "cuda" in told:
        told["cuda"] = [state.numpy().tobytes() for state in told["cuda"]]
    return told
