"""From the text of an engine to the engine: `here`, `local:N`, `ray`, `ray:ADDRESS`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from zoo.engines.base import Engine
from zoo.engines.here import Here
from zoo.errors import OptionError

_HELD: ContextVar[Engine | None] = ContextVar("engine", default=None)
HOW = "write here, local:N for N processes of this machine, ray, or ray:ADDRESS"


def checked_engine(text: str) -> str:
    """The text of an engine, which is not started by that. Raises OptionError where it is none."""
    kind, colon, rest = text.partition(":")
    if text == "here" or text == "ray" or (kind == "ray" and rest):
        return text
    if kind == "local" and rest.isdecimal() and int(rest) >= 1:
        return f"local:{int(rest)}"
    if kind == "local" and (not colon or rest):
        raise OptionError(f"`engine` {text!r} does not say how many processes", "write local:2 for two")
    raise OptionError(f"there is no engine {text!r}", HOW)


@contextmanager
def one_engine(text: str) -> Iterator[Engine]:
    """The engine of a text, ended with the block; within the block, the same to all who ask for it, so that its workers stay."""
    text, held = checked_engine(text), _HELD.get()
    if held is not None and held.text == text:
        yield held
        return
    engine = _opened(text)
    token = _HELD.set(engine)
    try:
        yield engine
    finally:
        _HELD.reset(token)
        engine.close()


def _opened(text: str) -> Engine:
    kind, _, rest = text.partition(":")
    if kind == "local":
        from zoo.engines.local import Local

        return Local(int(rest))
    if kind == "ray":
        from zoo.engines.ray_ import Ray

        return Ray(rest)
    return Here()
