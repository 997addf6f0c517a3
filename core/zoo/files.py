"""Files of datasets and weights: found, or fetched, and known by their hash before anything is parsed."""

import gzip
import hashlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from zoo.errors import DataError
from zoo.home import data_dirs
from zoo.specs import DataFile, DatasetSpec

Progress = Callable[[int, int | None], None]
"""Called with bytes done so far and bytes in all, where they are known."""


class DataFiles:
    """The files of one dataset, each verified when it is first asked for."""

    def __init__(
        self, spec: DatasetSpec, data_dir: str | os.PathLike[str] | None = None, progress: Progress | None = None
    ) -> None:
        self.spec = spec
        self.progress = progress
        self._folders = [root / folder for root in data_dirs(data_dir) for folder in spec.folders]

    def read(self, name: str) -> bytes:
        """Content of a file, decompressed where it is declared gzipped; the hash checked is that of these very bytes."""
        file = self._file(name)
        path = self._find(file)
        raw = path.read_bytes()
        content = gzip.decompress(raw) if file.gzip else raw
        found = hashlib.sha256(content).hexdigest()
        if file.sha256 and found != file.sha256:
            raise DataError(f"{path} is not {name} of {self.spec.name}: SHA-256 {found}, expected {file.sha256}")
        return content

    def _file(self, name: str) -> DataFile:
        return next(file for file in self.spec.files if file.name == name)

    def _find(self, file: DataFile) -> Path:
        for url in file.urls:
            if url.startswith("pkg:"):
                return package_path(url.removeprefix("pkg:"))
        for folder in self._folders:
            for name in (file.name, *file.aliases):
                if (folder / name).is_file():
                    return folder / name
        raise DataError(f"{file.name} of {self.spec.name} is absent")


def package_path(name: str) -> Path:
    """Path of `package/path/in/package`, without importing the package. Raises DataError where there is none."""
    package, _, rest = name.partition("/")
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (path := Path(folder) / rest).is_file():
            return path
    raise DataError(f"no file {rest!r} in package {package!r}", f"is {package} installed whole?")
