"""Where Deepzoo keeps its state and finds data: `ZOO_HOME`, `ZOO_STORE`, `ZOO_DATA_DIR`, or what a caller says instead."""

import errno
import os
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import OptionError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cache_dir", "data_dirs", "using", "writing", "zoo_home"]


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the errors that space would cure."""


_chosen: ContextVar[dict[str, str]] = ContextVar("home", default={})  # noqa: B039 - it is never changed, but replaced
"""What `using` says in place of the variables, by their names."""


@contextmanager
def using(home: str | os.PathLike[str] | None = None, store: str | os.PathLike[str] | None = None) -> "Iterator[None]":
    """Within the block, and on this thread alone, `home` stands for `ZOO_HOME` and `store` for `ZOO_STORE`; None: as before.

    A store is a URL of SQLAlchemy, or the path of a SQLite file. One that was set for the process, or by an outer block, is that
    of its own home: a block that names another home, and no store, has the store of that home.
    """
    chosen = dict(_chosen.get())
    if home is not None:
        chosen |= {"ZOO_HOME": str(Path(home).expanduser().absolute()), "ZOO_STORE": ""}
    if store is not None:
        text = os.fspath(store)
        chosen["ZOO_STORE"] = text if "://" in text else f"sqlite:///{Path(text).expanduser().absolute()}"
    token = _chosen.set(chosen)
    try:
        yield
    finally:
        _chosen.reset(token)


def variable(name: str) -> str:
    """`ZOO_HOME` or `ZOO_STORE` as it is here: what `using` says, else that of the environment; empty where there is none."""
    chosen = _chosen.get()
    return chosen[name] if name in chosen else os.environ.get(name, "")


def passed_on() -> dict[str, str]:
    """What `using` says here, as variables of the environment of a process that this one starts."""
    return dict(_chosen.get())


def zoo_home() -> Path:
    """The folder of all state: `ZOO_HOME`, else the platform's user data folder. Not created here."""
    if home := variable("ZOO_HOME"):
        return Path(home).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("deepzoo", appauthor=False))


def data_dirs(data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Folders in which datasets may already lie, in order: the given one, then those of `ZOO_DATA_DIR` (a path list).

    Raises OptionError where the given one is no folder. One of `ZOO_DATA_DIR` that is none costs a warning and is passed
    over: the variable may be left over, or its disk not mounted, and what is asked for may not need it.
    """
    given = [Path(data_dir)] if data_dir else []
    for folder in given:
        if not folder.is_dir():
            raise OptionError(f"`data_dir` {folder}: there is no such folder", "name the folder that holds the datasets' folders")
    named = [Path(part).expanduser() for part in os.environ.get("ZOO_DATA_DIR", "").split(os.pathsep) if part]
    for folder in named:
        if not folder.is_dir():
            import warnings  # stacklevel 1: one line of ours, so one warning a process

            warnings.warn(f"ZOO_DATA_DIR names {folder}, and there is no such folder", stacklevel=1)
    return given + [folder for folder in named if folder.is_dir()]


def offline_forced() -> bool:
    """Whether `ZOO_OFFLINE` forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "0") not in ("", "0")


def cache_dir(name: str) -> Path:
    """A folder below `ZOO_HOME` for what can be made again: `index`, `data`, `weights`, `pictures`. Not created here."""
    return zoo_home() / "cache" / name


def state_file() -> Path:
    """Where it is kept which plugins are disabled."""
    return zoo_home() / "plugins.json"


def plugin_folders() -> list[Path]:
    """Folders whose `.py` files are plugins: `plugins` below `ZOO_HOME`, then those of `ZOO_PLUGIN_PATH` (a path list)."""
    named = [part for part in os.environ.get("ZOO_PLUGIN_PATH", "").split(os.pathsep) if part]
    folders = [zoo_home() / "plugins", *(Path(part).expanduser().absolute() for part in named)]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


@contextmanager
def writing(path: Path) -> "Iterator[Path]":
    """A temporary path beside `path`, moved onto it when the block ends well and removed when it does not.

    So a reader sees the whole file or none, whenever the process dies. Raises StoreError where the disk refuses.
    """
    with scratch(path) as temporary:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)


@contextmanager
def scratch(path: Path) -> "Iterator[Path]":
    """A temporary file beside `path`, which whoever asked for it moves there; removed when the block does not end well.

    One that nobody moves is cleared away with the folder's next lock. Raises StoreError where the disk refuses.
    """
    # Not by tempfile, whose files nobody else may read, and which takes as long to import as everything else here.
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        with _refusing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            open(temporary, "xb").close()
            yield temporary
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _refusing(path: Path) -> "Iterator[None]":
    """What the disk refuses to write there, as a StoreError."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        inway = next((part for part in (path, *path.parents) if part.exists()), path)
        what = f"{inway} is {'a folder' if inway.is_dir() else 'a file, not a folder'}"
        raise StoreError(f"cannot write {path}: {what}", "name another place, or set ZOO_HOME to another folder") from error
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}",
            f"{'free some space' if error.errno in FULL else 'make it writable'}, or set ZOO_HOME to another folder",
        ) from error
