"""Pieces: the folders of runs and trainings below `ZOO_HOME`, each with what it takes and whether something is known of it."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from zoo.errors import StoreError
from zoo.home import zoo_home
from zoo.runs.store import Store
from zoo.runs.stored import marked_in

KEY = re.compile(r"[0-9a-f]{32}")
GONE = re.compile(r"\.gone-[0-9a-f]{12}")
"""What was being removed when a cleaning was killed: it is no longer anybody's."""

PARTS = ("runs", "trained")
"""Folders of `ZOO_HOME` that hold pieces."""

Kind = Literal["run", "training", "remains"]


@dataclass(frozen=True)
class Piece:
    """A folder that can be removed as a whole.

    A run's holds its predictions and figures, a training's its weights and checkpoints. `known` says whether a record tells of
    it: of a run one in the store, of a training its `training.json`. `used` is when it was last written, or a record of it made.
    """

    kind: Kind
    path: Path
    bytes: int
    used: datetime
    known: bool
    shards_at: str = ""
    """Address, without secrets, at which a run's predictions are kept; empty where they are in the folder."""


def pieces(store: Store) -> Iterator[Piece]:
    """All pieces of this `ZOO_HOME`. A link is none: what it leads to is somebody else's. Raises StoreError."""
    keys = store.keys()
    for path in _folders(zoo_home() / "runs"):
        if KEY.fullmatch(path.name):
            size, used = _taken(path)
            made = datetime.fromisoformat(keys[path.name]) if path.name in keys else used
            yield Piece("run", path, size, max(used, made), path.name in keys, marked_in(path))
    for path in _folders(zoo_home() / "trained"):
        if not path.name.startswith("."):
            size, used = _taken(path)
            yield Piece("training", path, size, used, (path / "training.json").is_file())
    for part in PARTS:
        for path in _folders(zoo_home() / part):
            if GONE.fullmatch(path.name):
                size, used = _taken(path)
                yield Piece("remains", path, size, used, False)


def _folders(parent: Path) -> list[Path]:
    """The folders in one, by name; none where it is itself a link, and so perhaps elsewhere."""
    try:
        if parent.is_symlink():
            return []
        with os.scandir(parent) as inside:
            return sorted(Path(entry.path) for entry in inside if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot read {parent}: {error.strerror}", "make it readable, or set ZOO_HOME to another") from error


def _taken(folder: Path) -> tuple[int, datetime]:
    """Bytes on disk of a folder with all that is in it, and when something of it was last written. Links are not followed."""
    size, used = 0, 0.0
    for root, _, names in os.walk(folder, followlinks=False):
        for name in ("", *names):
            try:
                status = os.lstat(Path(root) / name)
            except OSError:  # gone meanwhile
                continue
            if name != "lock":
                used = max(used, status.st_mtime if stat.S_ISREG(status.st_mode) else 0.0)
            size += status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size
    used = used or os.lstat(folder).st_mtime
    return size, datetime.fromtimestamp(used, UTC)
