"""Cleaning: choosing pieces that may go, and removing them so that a kill leaves nothing half there."""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from zoo.disk.pieces import PARTS, Piece, pieces
from zoo.errors import StoreError
from zoo.home import zoo_home
from zoo.runs.store import Store
from zoo.runs.stored import remove_shards
from zoo.units import age_of, bytes_of

State = Literal["would go", "gone", "in use"]


@dataclass(frozen=True)
class Removal:
    """A piece that goes, why, and what became of it."""

    piece: Piece
    reason: str
    state: State = "would go"


@dataclass(frozen=True)
class Cleaning:
    """What a cleaning removes, or would remove, and what stays."""

    removals: tuple[Removal, ...]
    kept: tuple[Piece, ...]
    dry: bool
    elsewhere: tuple[Path, ...] = ()
    """Folders of `ZOO_HOME` that are links, and so left alone."""

    @property
    def freed(self) -> int:
        """Bytes that are freed, or would be."""
        return sum(one.piece.bytes for one in self.removals if one.state != "in use")

    @property
    def left(self) -> int:
        """Bytes that runs and trainings take afterwards."""
        busy = sum(one.piece.bytes for one in self.removals if one.state == "in use")
        return busy + sum(piece.bytes for piece in self.kept)


def clean(
    *,
    older_than: str | timedelta | None = None,
    max_size: str | int | None = None,
    trainings: bool = False,
    shards: bool = False,
    yes: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Cleaning:
    """Free disk below `ZOO_HOME`: say what would go, or with `yes` remove it.

    By itself that is what no record tells of: predictions of runs that were never finished, trainings that were not, and what an
    earlier cleaning left when it was killed. With `older_than` ("30d") it is what nobody wrote or scored for so long, predictions
    of finished runs, too; with `max_size` ("5GB") also the oldest ones beyond so many bytes. Of finished runs the record stays
    with its scores; running again computes the predictions anew. Weights of finished trainings go only where `trainings` says so,
    and never where no age or size is given.

    Predictions that are kept at an address, where others may read them, go with the run's folder only where `shards` says so.
    What is in use at this moment is left alone, and so is all else that lies outside of `ZOO_HOME`. `progress` is told how many
    of how many pieces are done. Raises OptionError, and StoreError where the store cannot be read, for then nothing is known, or
    an address refuses.
    """
    age = age_of(older_than, "older_than") if isinstance(older_than, str) else older_than
    most = bytes_of(max_size, "max_size") if isinstance(max_size, str) else max_size
    store = Store(writing=False)
    found = list(pieces(store))
    chosen = _chosen(found, age, most, trainings)
    going = {removal.piece.path for removal in chosen}
    kept = tuple(piece for piece in found if piece.path not in going)
    links = tuple(folder for folder in (zoo_home() / part for part in PARTS) if folder.is_symlink())
    if not yes:
        return Cleaning(tuple(chosen), kept, dry=True, elsewhere=links)
    done: list[Removal] = []
    for number, removal in enumerate(chosen, 1):
        done.append(replace(removal, state=_remove(removal.piece, store, shards)))
        if progress is not None:
            progress(number, len(chosen))
    return Cleaning(tuple(done), kept, dry=False, elsewhere=links)


def _chosen(found: Sequence[Piece], age: timedelta | None, most: int | None, trainings: bool) -> list[Removal]:
    now = datetime.now(UTC)
    chosen = {
        piece.path: Removal(piece, "left by a cleaning that was killed" if piece.kind == "remains" else "no record")
        for piece in found
        if not piece.known and (piece.kind == "remains" or age is None or now - piece.used > age)
    }
    free = [piece for piece in found if piece.known and (piece.kind == "run" or trainings)]
    if age is not None:
        for piece in free:
            if now - piece.used > age:
                chosen[piece.path] = Removal(piece, "old")
    if most is not None:
        total = sum(piece.bytes for piece in found if piece.path not in chosen)
        for piece in sorted(free, key=lambda piece: piece.used):
            if total > most and piece.path not in chosen:
                chosen[piece.path] = Removal(piece, "beyond the size")
                total -= piece.bytes
    return list(chosen.values())


def _remove(piece: Piece, store: Store, shards: bool) -> State:
    """Move a folder aside under its lock, in one step, then empty it: a kill leaves the whole, or what no run takes for one."""
    if piece.kind == "remains":
        _empty(piece.path)
        return "gone"
    lock = FileLock(piece.path / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return "in use"
    except OSError as error:
        if not piece.path.exists():  # another cleaning was faster
            return "gone"
        raise StoreError(f"cannot write {piece.path}: {error.strerror}", "make it writable") from error
    try:
        if not piece.known and _is_known(piece, store):  # it was finished in the meantime
            return "in use"
        if shards:
            remove_shards(piece.path)
        (piece.path / "training.json").unlink(missing_ok=True)  # from here on it is no finished training
        aside = piece.path.with_name(f".gone-{os.urandom(6).hex()}")
        piece.path.rename(aside)
        _empty(aside)
    except OSError as error:
        raise StoreError(f"cannot remove {piece.path}: {error.strerror}", "make it writable") from error
    finally:
        lock.release()
    return "gone"


def _is_known(piece: Piece, store: Store) -> bool:
    return store.has_key(piece.path.name) if piece.kind == "run" else (piece.path / "training.json").is_file()


def _empty(folder: Path) -> None:
    """Remove a folder with all that is in it; links go, what they lead to stays."""
    if zoo_home() not in folder.parents or folder.is_symlink():
        raise StoreError(f"{folder} is not below {zoo_home()}, so it is not removed")
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
