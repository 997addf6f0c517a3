"""Opening a dataset: from its name or spec to the checked samples of one split; and whether its files are here."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.data.dataset import Dataset
from zoo.data.download import Progress
from zoo.data.files import DataFiles
from zoo.data.hashing import AlteredError, size_fits, verify
from zoo.errors import DataError, ZooError, text_of
from zoo.lazy import load_target
from zoo.plugins.blame import in_plugin
from zoo.requirements import check_requirements
from zoo.specs import DataFile, DatasetSpec
from zoo.wording import encodable

Folder = str | os.PathLike[str] | None
DATASET_MEMBERS = ("ids", "targets", "classes", "fingerprint", "__getitem__", "__len__", "__iter__")


def dataset(name: str, split: str = "test", data_dir: Folder = None) -> Dataset:
    """The samples of one split of the dataset `name`: `digits`, `data/mnist`, `folder:PATH`, `csv:PATH`."""
    from zoo.plugins.registry import registry

    return open_dataset(registry().dataset(name), split, data_dir)


def open_dataset(spec: DatasetSpec, split: str, data_dir: Folder = None, progress: Progress | None = None) -> Dataset:
    """The samples of one split. Raises DataError where split or files are absent, altered, or not what the spec says."""
    if split not in spec.splits:
        raise DataError(f"{spec.name} has no split {split!r}", f"its splits are: {', '.join(spec.splits)}")
    with in_plugin(spec.name):
        check_requirements(spec, DataError)
        opener = load_target(spec.target)
        try:
            opened: Dataset = opener(DataFiles(spec, data_dir, progress), split)
        except ZooError:
            raise
        except Exception as error:
            raise DataError(
                f"cannot open split {split!r} of {spec.name}: {type(error).__name__}: {text_of(error)}",
                f"see whether its files are whole: zoo data check {spec.name}",
            ) from error
        check_samples(spec, split, opened)
    return opened


@dataclass(frozen=True)
class FileStatus:
    """Whether a file of a dataset is here: `path` is where, `size` its bytes there, or those of its download."""

    name: str
    state: Literal["present", "absent", "altered"]
    path: Path | None
    size: int | None


def status(spec: DatasetSpec, data_dir: Folder = None, *, hashes: bool = False) -> list[FileStatus]:
    """What is here of a dataset; nothing is downloaded, and a file is hashed where `hashes` asks for it or its size is not right.

    A member of an archive is here where the archive is. An archive whose members all lie unpacked is not listed.
    A dataset of too many files to declare is one row, its folder's; no hash of it is known.
    """
    files = DataFiles(spec, data_dir)
    if spec.contents:
        what, folder = ", ".join(spec.contents), files.find_folder(*spec.contents)
        if folder is not None:
            return [FileStatus(what, "present", folder / spec.contents[0], None)]
        if not spec.files:
            return [FileStatus(what, "absent", None, None)]
    found = {file.name: files.find(file.name) for file in spec.files}
    members = {file.name: file.member_of for file in spec.files if file.member_of}
    unpacked = set(members.values()) - {archive for name, archive in members.items() if found[name] is None}
    rows = []
    for file in spec.files:
        if file.name in unpacked:
            continue
        held = file if found[file.name] else files.file(members.get(file.name, file.name))
        path = found[held.name]
        if path is None:
            rows.append(FileStatus(file.name, "absent", None, file.size))
            continue
        altered = (hashes or not _size_fits(path, held)) and _is_altered(path, held)
        rows.append(FileStatus(file.name, "altered" if altered else "present", path, path.stat().st_size))
    return rows


def get(spec: DatasetSpec, data_dir: Folder = None, progress: Progress | None = None) -> list[FileStatus]:
    """Fetch and verify whatever is not here yet. Raises DataError for a file that is altered or cannot be fetched."""
    files = DataFiles(spec, data_dir, progress)
    if spec.contents and files.find_folder(*spec.contents):
        return status(spec, data_dir)
    if spec.contents and not spec.files:
        files.folder(*spec.contents)  # which says where to get it
    archives = {file.member_of for file in spec.files}
    for file in spec.files:
        if file.name not in archives:
            files.path(file.name)
    return status(spec, data_dir)


def check(spec: DatasetSpec, data_dir: Folder = None) -> list[FileStatus]:
    """What is here of a dataset, with every hash computed."""
    return status(spec, data_dir, hashes=True)


def own_samples(spec: DatasetSpec, data_dir: Folder = None) -> dict[str, int]:
    """Samples of each split of the user's own data, which is opened. Raises DataError where it is not well."""
    return {split: len(open_dataset(spec, split, data_dir).ids) for split in spec.splits}


def _size_fits(path: Path, file: DataFile) -> bool:
    try:
        return size_fits(path, file)
    except OSError:  # so it cannot be read, which is looked into
        return False


def _is_altered(path: Path, file: DataFile) -> bool:
    try:
        verify(path, file)
    except AlteredError:
        return True
    return False


def check_samples(spec: DatasetSpec, split: str, opened: Dataset) -> None:
    """Raise DataError where the samples are not what the spec says, or not well."""
    if absent := [name for name in DATASET_MEMBERS if not hasattr(opened, name)]:
        raise DataError(
            f"{spec.name} opened as {type(opened).__name__}, which has no {', '.join(absent)}",
            "its opener is wrong: see zoo.data.Dataset; zoo.data.SampleSequence gives length and iteration",
        )
    for what, names in (("id", opened.ids), ("class", opened.classes or ())):
        odd = () if all(map(str.isascii, names)) else names
        if (bad := next((name for name in odd if encodable(name) != name), None)) is not None:
            why = f"{spec.name} has the {what} {bad!r}, which no UTF-8 holds"
            raise DataError(why, "its opener is wrong: see zoo.data.plain")
    count, declared = len(opened.ids), spec.splits[split]
    if count != len(opened.targets):
        raise DataError(f"{spec.name} opened with {count} ids but {len(opened.targets)} targets", "its opener is wrong")
    if count == 0:
        raise DataError(f"split {split!r} of {spec.name} has no samples", "put some data there first")
    if declared is not None and count != declared:
        raise DataError(
            f"split {split!r} of {spec.name} has {count} samples, not the {declared} declared", f"see: zoo data check {spec.name}"
        )
    if len(set(opened.ids)) != count:
        seen: set[str] = set()
        twice = next(name for name in opened.ids if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise DataError(f"id {twice!r} stands for more than one sample of {spec.name}", "every sample needs an id of its own")
