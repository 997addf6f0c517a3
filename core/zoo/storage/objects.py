"""Objects: files below an address, each there whole or not at all, though no store need have a rename or tell the truth.

A file `00000.parquet` is written once, under a name of its own content (`00000-1f0c….parquet`), and then counts by a marker,
`00000.json`, which says that name and the SHA-256. Who reads believes what has that hash, and nothing else: half an upload, a
marker that is cut short or of another writer, all are as if they were not there. Of two writers the last marker counts.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from zoo.storage.address import failed, joined, opened, scheme_of, trying

AGAIN = 3
"""Times that a file is read which is not what its marker says: a reading may be cut short, too."""
BUCKETS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss")
"""Schemes of stores that have no folders but buckets."""
SMALL = 4096
"""Bytes of what is read again once it is written: the marker of an earlier content is as long as that of a later one."""
AT_FIRST = 10.0
"""Seconds of patience with an address that is asked for the first time."""


class _CutShortError(OSError):
    """A store holds other bytes than were written, or sent others than it holds."""


@dataclass(frozen=True)
class Objects:
    """The files below an address; names are relative to it, with `/`. All methods raise OptionError and StoreError."""

    address: str
    patience: float | None = None
    """Seconds for which the store is asked again and again; None: as long as `address` has it."""

    def asked_first(self) -> "Objects":
        """The same for the first question, to which there may be no answer because the address is wrong."""
        return replace(self, patience=AT_FIRST)

    def names(self) -> set[str]:
        """Names of all files that are there, whole or not."""
        files, root = opened(self.address)
        try:
            found = trying(lambda: list(files.find(root)), self.patience)
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise failed("read", self.address, error) from error
        start = len(files._strip_protocol(root).rstrip("/")) + 1
        return {str(files._strip_protocol(path))[start:] for path in found}

    def put(self, name: str, content: bytes) -> None:
        """Write a file under a name of its own, then its marker; what an earlier marker named is then removed."""
        digest = hashlib.sha256(content).hexdigest()
        before, own = self._marked(name), named(name, digest)
        self.write(own, content)
        marker = json.dumps({"file": own, "sha256": digest, "size": len(content)}).encode()
        self.write(marker_of(name), marker)
        if before is not None and before["file"] != own:
            with suppress(Exception):  # it counts for nothing any more
                self._do("remove", before["file"], lambda files, path: files.rm_file(path))

    def get(self, name: str) -> bytes | None:
        """The content of a file that was `put`; None where there is none that is whole."""
        marker = self._marked(name)
        return None if marker is None else self.read(marker["file"], marker["sha256"])

    def clear(self) -> None:
        """Remove all that is there: markers first, so that nothing that is left counts, however far this comes."""
        for name in sorted(self.names(), key=lambda name: (not name.endswith(".json"), name)):
            with suppress(FileNotFoundError):  # another was faster
                self._do("remove", name, lambda files, path: files.rm_file(path))

    def write(self, name: str, content: bytes) -> None:
        """Write one object under its own name, and see that the store has it: a small one whole, of any other as many bytes."""

        def wholly(files: Any, path: str) -> None:
            try:
                files.pipe_file(path, content)
            except FileNotFoundError:
                if scheme_of(self.address) in BUCKETS:  # which are not made unasked
                    raise
                files.makedirs(files._parent(path), exist_ok=True)
                files.pipe_file(path, content)
            try:
                small = len(content) <= SMALL
                kept = files.cat_file(path) == content if small else files.info(path)["size"] == len(content)
            except FileNotFoundError:
                kept = False
            if not kept:
                raise _CutShortError(f"it does not hold the {len(content):,} bytes that were written")

        self._do("write", name, wholly)

    def read(self, name: str, sha256: str | None = None) -> bytes | None:
        """The content of an object; None where it is absent, or not of that hash."""
        for _ in range(AGAIN):
            try:
                content: bytes = self._do("read", name, lambda files, path: files.cat_file(path))
            except FileNotFoundError:
                return None
            if sha256 is None or hashlib.sha256(content).hexdigest() == sha256:
                return content
        return None

    def _marked(self, name: str) -> dict[str, Any] | None:
        """What the marker of a file says; None where there is none that can be read."""
        content = self.read(marker_of(name))
        try:
            told = json.loads(content or b"")
            good = PurePosixPath(told["file"]).parent == PurePosixPath(name).parent and isinstance(told["sha256"], str)
        except (ValueError, KeyError, TypeError):
            return None
        return told if good else None

    def _do(self, what: str, name: str, call: Callable[[Any, str], Any]) -> Any:
        """Call the store about one object, again while that may help. Raises FileNotFoundError where none is there."""
        address = joined(self.address, name)
        files, path = opened(address)
        try:
            return trying(lambda: call(files, path), self.patience)
        except FileNotFoundError as error:
            if what != "write":
                raise
            raise failed(what, address, error) from error
        except Exception as error:
            raise failed(what, address, error) from error


def named(name: str, sha256: str) -> str:
    """The name under which a content of this hash is written: `shards/00000-1f0c9a….parquet`."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{sha256[:16]}{path.suffix}"))


def marker_of(name: str) -> str:
    """The name of a file's marker: `shards/00000.json`."""
    return str(PurePosixPath(name).with_suffix(".json"))
