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
from zoo.reports.kinds.view import View
from zoo.reports.seen import drawn_by_core

BYTES = 24_000_000
"""Of the pictures that are kept of one dataset, at the most: of more, those that were drawn last."""


class Drawn:
    """Pictures of a view's samples, packed for the page, by id."""

    def __init__(self, view: View) -> None:
        self._path = _path(view)
        self._known: dict[str, dict[str, Any]] = {}
        self._new: dict[str, dict[str, Any]] = {}
        if self._path is not None:
            with suppress(OSError, ValueError, TypeError):
                found = json.loads(self._path.read_bytes())
                self._known = {name: one for name, one in dict(found).items() if isinstance(one, dict)}

    def get(self, name: str) -> dict[str, Any] | None:
        """The picture of a sample; None where it was not drawn."""
        return self._new.get(name) or self._known.get(name)

    def add(self, name: str, picture: dict[str, Any]) -> None:
        """A picture that was drawn."""
        self._new[name] = picture

    def keep(self) -> None:
        """Keep them for the next report; where the disk refuses, it draws them again."""
        if self._path is None or not self._new:
            return
        kept = json.dumps({**self._known, **self._new})
        if len(kept) > BYTES:
            kept = json.dumps(self._new)
        with suppress(StoreError), writing(self._path) as temporary:
            temporary.write_text(kept, encoding="utf-8")


def _path(view: View) -> Path | None:
    """Where they are kept; None where they depend on more than is known: a doubted opener, a plugin that draws."""
    data = view.run.data
    if data is None or not data.identity or type(view).own is not View.own or not drawn_by_core(data.info.modality):
        return None
    said = [data.identity, type(view).__name__, core_sha256("metrics", "runs")]
    return cache_dir("pictures") / f"{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}.json"
