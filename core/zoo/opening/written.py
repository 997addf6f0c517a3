"""A network of the user's own by where it is written, `./net.py:Net` or `package.module:attr`: class, factory or instance."""

import copy
import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from zoo.errors import ModelError, WeightsError, ZooError, did_you_mean, no_exit, reason_of
from zoo.opening.weights import load_state
from zoo.opening.weights_own import OwnFile, dict_of, open_own, outputs_parameter
from zoo.seeds import seeded
from zoo.turns import turn

_FILE = re.compile(r"(?P<where>.+\.py)(?::(?P<attr>.*))?", re.DOTALL)
_NO_LETTER = re.compile(r"\W")
_MODULE = re.compile(r"(?P<where>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<attr>[A-Za-z_]\w*)")


@dataclass(frozen=True)
class Written:
    """What was found there, built, with its weights, and what is to be said of it."""

    module: Any
    name: str
    """`net.py:Net`, as records have it behind `local/`."""
    file: OwnFile | None
    notes: tuple[str, ...]


def is_written(text: Any) -> bool:
    """Whether a model's name says where its code is written; a namespace that a plugin has reserved (`timm:`) is its own."""
    if not isinstance(text, str):
        return False
    if _FILE.fullmatch(text):
        return True
    from zoo.plugins.registry import registry

    return _MODULE.fullmatch(text) is not None and registry().index.dynamic_plugin(text) is None


def open_written(
    text: str,
    *,
    weights: Path | None = None,
    weights_key: str | None = None,
    allow_pickle: bool = False,
    outputs: int | None = None,
    outputs_meant: bool = False,
) -> Written:
    """Import what a text names, build it, and load the weights, if a file is given.

    `outputs` is the number of classes, which a target gets that has a parameter for it (`num_classes`, …) without a default, or
    with one where they are `outputs_meant`; a file of weights says it by itself. What the code raises is told as its own.
    Raises ModelError, WeightsError.
    """
    found = _FILE.fullmatch(text) or _MODULE.fullmatch(text)
    assert found is not None
    where, attr = found["where"], found["attr"] or ""
    with turn():  # a module that another thread imports at this moment is half of itself
        module = _module(where)
    name = f"{Path(where).name}:{attr}" if where.endswith(".py") else text
    build, parameter = _builder(_attribute(module, where, attr), where, attr, outputs, outputs_meant)
    if weights is None:
        with seeded(0, name):  # what nobody sets is drawn alike every time
            built = build()
        notes = (f"parameters are as {name} makes them, under seed 0: no `weights` were given",) if dict_of(built) else ()
        return Written(built, name, None, notes)
    file = open_own(weights, build, parameter, weights_key, allow_pickle)
    with seeded(0, name):
        built = build(**({parameter: file.outputs} if parameter and file.outputs is not None else {}))
    own = dict_of(built)
    if not own:
        raise WeightsError(f"{name} has no parameters that weights could be loaded into", "leave `weights` out")
    load_state(built, file.read(own), name)
    return Written(built, name, file, file.notes)


def _module(where: str) -> ModuleType:
    """The module of a file or of a dotted name; the working directory, or the file's own folder, is looked in first."""
    if not where.endswith(".py"):
        try:
            with _code_of(where), _path_first(Path.cwd()):
                return importlib.import_module(where)
        except ModuleNotFoundError as error:
            if error.name and (where == error.name or where.startswith(f"{error.name}.")):
                raise ModelError(
                    f"there is no module {error.name!r}, here or among what is installed", "write ./FILE.py:NAME for a file"
                ) from error
            raise _told(where, error) from error
    path = Path(where).expanduser().absolute()
    try:
        source = path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ModelError(f"cannot read {where}: {reason}", "write ./FILE.py:NAME with a file that is there") from error
    digest = hashlib.sha256(str(path).encode() + source).hexdigest()[:8]
    name = f"{_NO_LETTER.sub('_', path.stem)}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = sys.modules[name] = ModuleType(name)  # as an import does, before it runs: dataclasses and pickles look there
    module.__file__ = str(path)
    try:
        with _code_of(where), _path_first(path.parent):
            exec(compile(source, str(path), "exec"), vars(module))  # not what Python cached of it: that may be older
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _attribute(module: ModuleType, where: str, attr: str) -> Any:
    """What is called so in the module. Raises ModelError with what there is."""
    if attr and hasattr(module, attr):
        return getattr(module, attr)
    own = [name for name, value in vars(module).items() if not name.startswith("_") and _is_own(value, module)]
    known = f"it has: {', '.join(own)}" if own else "it defines nothing that can be called"
    if not attr:
        example = f"write {where}:{own[0] if own else 'NAME'}"
        raise ModelError(f"{where} does not say which of its networks is meant", f"{example}; {known}")
    raise ModelError(f"{where} has no {attr!r}", did_you_mean(attr, own, known))


def _is_own(value: Any, module: ModuleType) -> bool:
    return callable(value) and (getattr(value, "__module__", None) == module.__name__ or hasattr(value, "state_dict"))


def _builder(
    value: Any, where: str, attr: str, outputs: int | None, outputs_meant: bool
) -> tuple[Callable[..., Any], str | None]:
    """What builds the network, and its parameter for the number of outputs, if it has one. An instance is copied."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        if not callable(value):
            raise ModelError(
                f"{attr} of {where} is of {type(value).__name__}, and no network", "name a class, factory or network"
            )
        return (lambda: copy.deepcopy(value)), None
    parameter, given = outputs_parameter(value), {}
    needed = _required(value)
    if parameter and outputs is not None and (parameter in needed or outputs_meant):
        given[parameter] = outputs
    if missing := [name for name in needed if name not in given]:
        how = "name the `classes`, and it gets their number; " if parameter in missing else ""
        raise ModelError(
            f"{attr} of {where} needs arguments: {', '.join(missing)}",
            f"{how}give them defaults, or name a function without any that builds it",
        )

    def build(**more: Any) -> Any:
        with _code_of(where):
            built = value(**{**given, **more})
        if not callable(built):
            raise ModelError(f"{attr} of {where} made a {type(built).__name__}, which is no network", "return the network")
        return built

    return build, parameter


def _required(value: Any) -> list[str]:
    """Names of the parameters that have no default."""
    try:
        known = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in known if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]


@contextmanager
def _code_of(where: str) -> Iterator[None]:
    """What the user's code raises becomes a ModelError that says so, with the line."""
    try:
        with no_exit(where):
            yield
    except (ZooError, ModuleNotFoundError) as error:
        if isinstance(error, ZooError) or not where.endswith(".py"):
            raise
        raise _told(where, error) from error
    except Exception as error:
        raise _told(where, error) from error


def _told(where: str, error: Exception) -> ModelError:
    if isinstance(error, SyntaxError):
        place = f", line {error.lineno}" if error.lineno else ""
        return ModelError(f"{where} is no valid Python{place}: {error.msg}", "correct it")
    named = Path(where).name if where.endswith(".py") else where.rpartition(".")[2] + ".py"
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename).name == named]
    place = f", line {lines[-1]}," if lines else ""
    return ModelError(
        f"{where}{place} raised {type(error).__name__}: {reason_of(error)}", "this is in your code; ZOO_DEBUG=1 shows where"
    )


@contextmanager
def _path_first(folder: Path) -> Iterator[None]:
    """The folder before all others, as Python has that of a program; only while the code is imported."""
    text = str(folder)
    sys.path.insert(0, text)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if text in sys.path:
            sys.path.remove(text)
