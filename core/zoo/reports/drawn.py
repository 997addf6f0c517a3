"""What was drawn of samples before: a report on the same data again opens none of them.

Kept below `ZOO_HOME` of samples that are shown whatever runs say of them, under the data's content, the code that opens them
and that of the core, which draws.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.home import cache_dir, writing
from zoo.identity.code import core_sha256
from zoo.identity.installed import versions
from zoo.reports.kinds.view import View
from zoo.reports.seen import drawn_by_core

BYTES = 24_000_000
"""Of the pictures that are kept of one dataset, at the most: of more, those that were drawn last."""

Packed = dict[str, Any]
"""A picture as the page's script reads it."""


class Drawn:
    """Pictures of a view's samples, by id; None of one that cannot be drawn."""

    def __init__(self, view: View) -> None:
        self._path, self._stamp = _place(view)
        self._known: dict[str, Packed] = _read(self._path, self._stamp) if self._path else {}
        self._new: dict[str, Packed | None] = {}

    def __contains__(self, name: str) -> bool:
        """Whether it was tried to draw a sample."""
        return name in self._new or name in self._known

    def get(self, name: str) -> Packed | None:
        """The picture of a sample; None where there is none."""
        return self._new.get(name) or self._known.get(name)

    def add(self, name: str, picture: Packed | None) -> None:
        """A picture that was drawn, or None where that failed, or there is nothing to be seen."""
        self._new[name] = picture

    def keep(self) -> None:
        """Keep them for the next report; where the disk refuses, it draws them again."""
        made = {name: picture for name, picture in self._new.items() if picture is not None}
        if self._path is None or not made:
            return
        kept: dict[str, Packed] = {}
        used = 0
        for name, picture in (made | {name: one for name, one in self._known.items() if name not in made}).items():
            used += len(json.dumps([name, picture]))
            if used > BYTES:
                break
            kept[name] = picture
        with suppress(StoreError), writing(self._path) as temporary:
            temporary.write_text(json.dumps([self._stamp, kept]), encoding="utf-8")


def _read(path: Path, stamp: str) -> dict[str, Packed]:
    """What is kept there, if it is of that stamp."""
    with suppress(OSError, ValueError, TypeError):
        found, pictures = json.loads(path.read_bytes())
        if found == stamp:
            return {name: one for name, one in dict(pictures).items() if isinstance(one, dict)}
    return {}


def _place(view: View) -> tuple[Path | None, str]:
    """The file of a view's data, and what its content hangs on; no file where that is more than is known."""
    data = view.run.data
    if data is None or not data.identity or type(view).own is not View.own or not drawn_by_core(data.info.modality):
        return None, ""
    named = json.dumps([data.info.name, data.info.split, type(view).__name__])
    core, libraries = core_sha256("metrics", "runs"), versions(("numpy", "pillow"))
    said = json.dumps([data.identity, data.info.modality, core, libraries])
    folder, file = cache_dir("pictures"), hashlib.sha256(named.encode()).hexdigest()[:16]
    return folder / f"{file}.json", hashlib.sha256(said.encode()).hexdigest()
