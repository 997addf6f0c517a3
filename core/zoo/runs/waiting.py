"""Records that wait: of runs that were finished while the store's server was away, as files below `ZOO_HOME` until it is back.

Each is the record's document, in a folder of its store. So a finished run is never lost, and its predictions are not taken for
those of a run that nobody finished.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from zoo.home import writing, zoo_home
from zoo.runs.database import place_of
from zoo.wording import counted

PAUSES = (0.25, 0.5, 1.0, 2.0)
"""Seconds between the tries to write a record."""

Put = Callable[[str], None]
"""Writes a record's document to the store."""


def patiently(put: Put) -> Put:
    """The same, tried again while the server is away, at longer and longer intervals; in the end what it raised last."""

    def tried(document: str) -> None:
        for number, pause in enumerate((*PAUSES, 0.0)):
            try:
                put(document)
                return
            except OperationalError:
                if number == len(PAUSES):
                    raise
                time.sleep(pause)
            except IntegrityError:
                if not number:
                    raise
                return  # the try before had reached the server, whose answer was lost

    return tried


def keep(url: str, run_id: str, document: str, reason: str) -> None:
    """Let a record wait for the store at `url`, which stands here without its password. Raises StoreError."""
    path = _folder(url) / f"{run_id}.json"
    with writing(path) as temporary:
        temporary.write_text(document, encoding="utf-8")
    warnings.warn(
        f"the store {url} is away ({reason}): the record of run {run_id} waits in {path}, and is written when the store is "
        "opened again",
        stacklevel=4,
    )


def deliver(url: str, put: Put) -> None:
    """Write to the store what waits for it, and say so. What cannot be written goes on waiting."""
    done, left = 0, []
    for path in _files(url):
        try:
            put(path.read_text(encoding="utf-8"))
        except IntegrityError:  # another process was faster
            pass
        except FileNotFoundError:
            continue
        except (SQLAlchemyError, ValidationError, OSError, UnicodeError) as error:
            left.append(f"{path}: {type(error).__name__}")
            continue
        path.unlink(missing_ok=True)
        done += 1
    if done:
        told = f"{counted(done, 'record')} that waited for the store {url}"
        warnings.warn(f"{told} {'is' if done == 1 else 'are'} in it now", stacklevel=4)
    if left:
        told = f"{counted(len(left), 'record')} could not be written to the store {url}"
        warnings.warn(f"{told}, and wait on: {left[0]}", stacklevel=4)


def how_many() -> int:
    """Records that wait for whichever store."""
    return len(list((zoo_home() / "waiting").glob("*/*.json")))


def keys(url: str) -> dict[str, str]:
    """The keys of the runs whose records wait for a store, and when each record was made."""
    found = {}
    for path in _files(url):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            found[str(document["key"])] = str(document["created"])
        except (OSError, ValueError, KeyError, TypeError):  # written meanwhile, or damaged, which delivering says
            continue
    return found


def _folder(url: str) -> Path:
    return zoo_home() / "waiting" / hashlib.sha256(place_of(url).encode()).hexdigest()[:16]


def _files(url: str) -> list[Path]:
    return sorted(_folder(url).glob("*.json"))
