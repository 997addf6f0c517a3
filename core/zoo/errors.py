"""Every error that a user of Deepzoo may meet: what is wrong, and what to do next."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from zoo.wording import encodable, without_secrets

__all__ = [
    "AmbiguousNameError",
    "CatalogueError",
    "DataError",
    "ModelError",
    "NotScoredError",
    "OptionError",
    "PluginError",
    "PredictionError",
    "RunError",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
    "ZooError",
    "did_you_mean",
    "reason_of",
]


class ZooError(Exception):
    """Base of all errors that are not bugs of ours.

    `message` says what is wrong, `hint` what to do next, both without the secrets of their addresses. The command line
    prints both and exits with `exit_code`.
    """

    exit_code = 2
    altered = False
    """Whether a file is there, or should be with what is installed, and is not what was declared."""
    plugin = ""
    """Id of the plugin by others whose code it came from, where its message says so."""

    def __init__(self, message: str, hint: str = "") -> None:
        message, hint = without_secrets(message), without_secrets(hint)
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.message = message
        self.hint = hint


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean A or B?` with the nearest of what is known, and what follows it; that alone where nothing is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known))
    return " ".join(filter(None, (f"did you mean {' or '.join(near)}?" if near else "", otherwise)))


def reason_of(error: BaseException) -> str:
    """What an error says, in one line: a ZooError's message, any other's first line, or its class where it says nothing."""
    text = error.message if isinstance(error, ZooError) else text_of(error)
    return text.splitlines()[0] if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """What an error says, as UTF-8 can hold it; nothing where even that raises, as that of somebody else's class may."""
    try:
        return encodable(str(error).strip())
    except BaseException as another:
        if isinstance(another, KeyboardInterrupt) and is_pressed(another):
            raise
        return ""


class UnknownNameError(ZooError):
    """No entry has this name; the nearest ones are in `candidates`."""

    def __init__(self, message: str, hint: str = "", candidates: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.candidates = tuple(candidates)


class AmbiguousNameError(UnknownNameError):
    """Several entries have this bare name; `candidates` are their full names."""


class OptionError(ZooError):
    """An option or a combination of options that cannot be."""


class PluginError(ZooError):
    """A plugin, or one of its specs, cannot be used."""


class CatalogueError(ZooError):
    """`registry.yaml`, ours or the user's own, is not valid."""


class DataError(ZooError):
    """A dataset that is absent, altered or malformed."""


class WeightsError(ZooError):
    """Weights that are absent, altered, unsafe, or not those of the model."""


class ModelError(ZooError):
    """A model that cannot be built, does not fit the benchmark, or raises."""


class PredictionError(ModelError):
    """A model returned something that its task forbids; `ids` are the samples."""

    def __init__(self, message: str, hint: str = "", ids: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.ids = tuple(ids)


class RunError(ZooError):
    """A run that cannot start or go on, through no fault of the model."""


class NotScoredError(ZooError):
    """A run whose predictions no metric can score. They are kept, but there is no record."""


class StoreError(ZooError):
    """The state below `ZOO_HOME` cannot be read or written."""


def is_pressed(error: KeyboardInterrupt) -> bool:
    """Whether the user interrupted, rather than code that raises KeyboardInterrupt itself: its last step was then a `raise`."""
    from opcode import opmap

    found: BaseException | None = error
    seen: list[BaseException] = []
    while found is not None and not any(found is one for one in seen):
        seen.append(found)
        last = found.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        code = last.tb_frame.f_code.co_code if last is not None else b""
        raised = last is not None and last.tb_lasti < len(code) and code[last.tb_lasti] == opmap["RAISE_VARARGS"]
        if isinstance(found, KeyboardInterrupt) and not raised:
            return True
        found = found.__cause__ or found.__context__
    return False


@contextmanager
def no_exit(who: str, kind: type[ZooError] = ModelError) -> Iterator[None]:
    """Foreign code in the block may raise, but not end the process: SystemExit and its like become an error that names it."""
    try:
        yield
    except (Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        said = f"{type(error).__name__}: {text_of(error)}" if text_of(error) else type(error).__name__
        raise kind(f"{who} raised {said} instead of an answer", "remove its sys.exit(); ZOO_DEBUG=1 shows where") from error
