"""Remarks: what a reader of a score must know of how its data were read. A warning at once, and kept in the record."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from zoo.wording import encodable, without_secrets

__all__ = ["remark"]

Heard = dict[str, None]
"""Texts in the order in which they were first heard."""
_listening: ContextVar[Heard | None] = ContextVar("listening", default=None)


def remark(text: str, stacklevel: int = 2) -> None:
    """Warn, and let the record of the run or training that goes on keep it. `stacklevel` as of `warnings.warn`.

    For openers, models and tasks that had to take something for something: which files were passed over, how corners of boxes
    were read, which end of a text was left out.
    """
    text = encodable(without_secrets(text))
    heard = _listening.get()
    if heard is not None:
        heard[text] = None
    warnings.warn(text, stacklevel=stacklevel + 1)


@contextmanager
def hearing(heard: Heard | None) -> Iterator[Heard]:
    """Where the remarks of the block go, on this thread. What an outer block hears then, this one does not."""
    heard = {} if heard is None else heard
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


def listening() -> Heard | None:
    """Where remarks go here, to be handed to another thread; None where nobody keeps them."""
    return _listening.get()
