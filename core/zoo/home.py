"""Where Deepzoo keeps its state and finds data: `ZOO_HOME`, `ZOO_DATA_DIR`."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


def zoo_home() -> Path:
    """The folder of all state: `ZOO_HOME`, else the platform's user data folder. Not created here."""
    if home := os.environ.get("ZOO_HOME"):
        return Path(home).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("deepzoo", appauthor=False))


def data_dirs(data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Folders in which datasets may already lie, in order: the given one, then `ZOO_DATA_DIR` (a path list)."""
    given = [Path(data_dir)] if data_dir else []
    return given + [Path(part) for part in os.environ.get("ZOO_DATA_DIR", "").split(os.pathsep) if part]


def cache_dir(name: str) -> Path:
    """A folder below `ZOO_HOME` for what can be made again: `index`, `data`, `weights`. Not created here."""
    return zoo_home() / "cache" / name


@contextmanager
def writing(path: Path) -> "Iterator[Path]":
    """A temporary path beside `path`, moved onto it when the block ends well and removed when it does not.

    So a reader sees the whole file or none, whenever the process dies. Raises StoreError where the disk refuses.
    """
    # Not by tempfile, whose files nobody else may read, and which takes as long to import as everything else here.
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        open(temporary, "xb").close()
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}",
            "free some space or make it writable, or set ZOO_HOME to another folder",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
