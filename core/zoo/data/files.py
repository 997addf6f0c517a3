"""Files of datasets and weights: found, or fetched, and known by their hash before anything is parsed."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from zoo.data.download import DownloadError, Progress, download, download_from_hub
from zoo.data.hashing import AlteredError, verified_content, verify
from zoo.data.places import cached_path, find_file, find_folder, in_package
from zoo.errors import DataError, WeightsError, ZooError
from zoo.home import data_dirs, offline_forced, writing
from zoo.specs import DataFile, DatasetSpec
from zoo.storage.address import is_address
from zoo.units import size_of

Kind = Literal["weights", "data"]
_ERRORS: dict[Kind, type[ZooError]] = {"weights": WeightsError, "data": DataError}


def fetch(
    uri: str,
    *,
    sha256: str | None,
    name: str,
    kind: Kind = "weights",
    size: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """The file at `pkg:package/path`, `file:path`, `http(s)://...`, `hf://repo@revision/file`, or an address such as
    `s3://bucket/file`, with this hash and size.

    Downloads lie in the cache below `ZOO_HOME`, by hash. Raises WeightsError or DataError, by kind, where the file is
    absent, cannot be fetched, or is another one; a download that is another one is removed.
    """
    file = DataFile(name=name, sha256=sha256, size=size, urls=(uri,))
    path = _locate(uri, file, kind, name, f"FOLDER/{kind}/{name} and set ZOO_DATA_DIR=FOLDER", progress)
    try:
        verify(path, file)
    except AlteredError as error:
        if uri.startswith("hf:"):
            _remove_from_hub(path)
        raise _altered(path, name, error, error.hint or "use the file that was declared", kind) from error
    return path


class DataFiles:
    """The files of one dataset: bundled, in a data folder, in the cache, or downloaded, looked for in this order."""

    def __init__(
        self,
        spec: DatasetSpec,
        data_dir: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        offline: bool | None = None,
    ) -> None:
        self.spec = spec
        self._roots = data_dirs(data_dir)
        self.data_dir = data_dir
        self.progress = progress
        self._offline = offline
        self._verified: dict[str, Path] = {}

    def path(self, name: str) -> Path:
        """Where a file lies, verified when first asked for. Raises DataError where it is absent or altered."""
        if name not in self._verified:
            file = self.file(name)
            path = self.find(name) or self._obtain(file)
            try:
                verify(path, file)
            except AlteredError as error:
                raise self._altered(path, file, error) from error
            self._verified[name] = path
        return self._verified[name]

    def read(self, name: str) -> bytes:
        """Content of a file, decompressed where it is declared gzipped; the hash is that of the very bytes returned."""
        file = self.file(name)
        path = self.find(name) or self._obtain(file)
        try:
            return verified_content(path, file)
        except AlteredError as error:
            raise self._altered(path, file, error) from error

    def find(self, name: str) -> Path | None:
        """Where a file lies, unverified; None where it would have to be downloaded or unpacked."""
        file = self.file(name)
        bundled = [url for url in file.urls if url.startswith("pkg:")]
        if bundled:
            return package_path(bundled[0].removeprefix("pkg:"))
        return find_file(file, self.spec.folders, self._roots)

    def folder(self, *inside: str) -> Path:
        """Where a dataset of too many files to declare lies: the first of its folders that holds all of `inside`.

        `inside` are files and folders, by relative path. Raises DataError where no data folder has them.
        """
        if found := self.find_folder(*inside):
            return found
        what = ", ".join(inside)
        raise DataError(
            f"{self.spec.name} is absent: no data folder has {' or '.join(self.spec.folders)} with {what}",
            f"get it from {self.spec.homepage} and put {what} into {self._place()}",
        )

    def find_folder(self, *inside: str) -> Path | None:
        """The first of the dataset's folders that holds all of `inside`; None where there is none."""
        return find_folder(self.spec.folders, inside, self._roots)

    def file(self, name: str) -> DataFile:
        """What the spec says of a file."""
        for file in self.spec.files:
            if file.name == name:
                return file
        raise DataError(f"{self.spec.name} declares no file {name!r}", "its spec or its opener is wrong")

    def _obtain(self, file: DataFile) -> Path:
        """Download a file, from the first of its addresses that has it, or unpack it."""
        if file.member_of is not None:
            self._unpack(file.member_of)
            return cached_path(file)
        what, place = self._what(file), self._place(file.name)
        failure: ZooError = DataError(f"{what} is absent, and no address of it is known", f"put it at {place}")
        for position, url in enumerate(file.urls):
            try:
                return _locate(url, file, "data", what, place, self.progress, self._offline)
            except DataError as error:
                failure = failure if position else error
        raise failure

    def _unpack(self, name: str) -> None:
        """Put the members of an archive into the cache, all in one pass."""
        from zoo.data.archives import unpack

        members = {file.name: file for file in self.spec.files if file.member_of == name}

        def store(member: str, content: bytes) -> None:
            with writing(cached_path(members[member])) as path:
                path.write_bytes(content)

        unpack(self.path(name), {member: file.size for member, file in members.items()}, store)

    def _place(self, name: str = "") -> str:
        folder = self.spec.folders[0] if self.spec.folders else self.spec.name.rpartition("/")[2]
        if self._roots:
            return str(self._roots[0] / folder / name)
        return f"{Path('FOLDER', folder, name)} and set ZOO_DATA_DIR=FOLDER"

    def _what(self, file: DataFile) -> str:
        return f"{file.name} of {self.spec.name}"

    def _cure(self, path: Path, error: AlteredError) -> str:
        """What to do about an altered file; one of the user's own is never removed."""
        if error.hint:
            return error.hint
        if any(path.is_relative_to(root) for root in self._roots):
            return f"put the declared file in its place, or move it elsewhere and fetch that: zoo data get {self.spec.name}"
        return f"move it elsewhere, then: zoo data get {self.spec.name}"

    def _altered(self, path: Path, file: DataFile, error: AlteredError) -> ZooError:
        return _altered(path, self._what(file), error, self._cure(path, error), "data")


def package_path(name: str, kind: Kind = "data") -> Path:
    """Path of `package/path/in/package`, without importing the package. Raises DataError or WeightsError without one."""
    if path := in_package(name):
        return path
    package, _, rest = name.partition("/")
    error = _ERRORS[kind](f"there is no file {rest!r} in the package {package!r}", f"is {package} installed whole?")
    error.altered = True
    raise error


def _locate(
    uri: str, file: DataFile, kind: Kind, what: str, place: str, progress: Progress | None, offline: bool | None = None
) -> Path:
    """Where the file at a URI lies, downloaded where it must be. A download is verified, any other file is not."""
    scheme, _, rest = uri.partition(":")
    if scheme == "pkg":
        return package_path(rest, kind)
    if scheme == "file":
        if (path := Path(rest).expanduser()).is_file():
            return path
        raise _ERRORS[kind](f"there is no file {path}", "give the path of a file that is there")
    if scheme not in ("hf", "http", "https") and is_address(uri):
        return _copied(uri, kind, what)
    offline = offline_forced() if offline is None else offline
    path = cached_path(file, kind)
    try:
        if scheme == "hf":
            return download_from_hub(uri, offline=offline)
        if scheme not in ("http", "https"):
            raise DownloadError("an address begins with pkg:, file:, https://, hf://, or a scheme of fsspec's: s3://, gs://")
        if not path.is_file():
            if offline:
                raise DownloadError("ZOO_OFFLINE forbids it" if offline_forced() else "offline")
            download(uri, path, lambda part: verify(part, file), size=file.size, progress=progress)
        return path
    except DownloadError as error:
        amount = f" ({size_of(file.size)})" if file.size is not None else ""
        raise _ERRORS[kind](
            f"{what} is absent and cannot be downloaded: {error}", f"get {uri}{amount} and put it at {place}"
        ) from error
    except AlteredError as error:
        raise _altered(uri, what, error, "the download was removed; try again, or get the file elsewhere", kind) from error


def _copied(uri: str, kind: Kind, what: str) -> Path:
    """A copy of the file at an address that fsspec knows."""
    from zoo.data.copies import on_disk

    try:
        return on_disk(uri)
    except ZooError as error:
        raise _ERRORS[kind](f"{what} is absent and cannot be fetched: {error.message}", error.hint) from error


def _altered(where: Path | str, what: str, error: AlteredError, hint: str, kind: Kind) -> ZooError:
    found = _ERRORS[kind](f"{where} is not {what}, as declared: {error}", hint)
    found.altered = True
    return found


def _remove_from_hub(path: Path) -> None:
    """Remove a file and what its link leads to, so that it is fetched again."""
    for part in (path.resolve(), path):
        with suppress(OSError):
            part.unlink(missing_ok=True)
