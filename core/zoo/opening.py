"""Opening a dataset: from its spec, or its name, to the checked samples of one split."""

import os

from zoo.data import Dataset
from zoo.errors import DataError, ZooError
from zoo.files import DataFiles, Progress
from zoo.specs import DatasetSpec
from zoo.targets import load_target


def dataset(name: str, split: str = "test", data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """The samples of one split of the dataset `name`: `digits`, `data/mnist`, `folder:PATH`, `csv:PATH`."""
    from zoo.registry import registry

    return open_dataset(registry().dataset(name), split, data_dir)


def open_dataset(
    spec: DatasetSpec, split: str, data_dir: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Dataset:
    """The samples of one split. Raises DataError where split or files are absent, altered or not what the spec says."""
    if split not in spec.splits:
        raise DataError(f"{spec.name} has no split {split!r}", f"its splits are: {', '.join(spec.splits)}")
    files = DataFiles(spec, data_dir, progress)
    opener = load_target(spec.target)
    try:
        opened: Dataset = opener(files, split)
    except ZooError:
        raise
    except Exception as error:
        raise DataError(
            f"cannot open split {split!r} of {spec.name}: {type(error).__name__}: {error}",
            f"check its files with: zoo data check {spec.name}",
        ) from error
    _check_samples(spec, split, opened)
    return opened


def _check_samples(spec: DatasetSpec, split: str, opened: Dataset) -> None:
    count, declared = len(opened.ids), spec.splits[split]
    if count != len(opened.targets):
        raise DataError(f"{spec.name} opened with {count} ids but {len(opened.targets)} targets", "its opener is wrong")
    if count == 0 or (declared is not None and count != declared):
        raise DataError(f"split {split!r} of {spec.name} has {count} samples, not {declared or 'at least 1'}")
    if len(set(opened.ids)) != count:
        seen: set[str] = set()
        twice = next(id_ for id_ in opened.ids if id_ in seen or seen.add(id_))  # type: ignore[func-returns-value]
        raise DataError(f"id {twice!r} occurs more than once in split {split!r} of {spec.name}", "ids must be unique")
