"""Files of the user's own as samples without labels: pictures, texts, rows of tables."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.dataset import Sample, SampleSequence
from zoo.data.tables import Table, read_table
from zoo.data.tabular import table_ids, table_numbers
from zoo.data.texts import decoded
from zoo.data.walking import files_below
from zoo.errors import DataError, ModelError, OptionError, reason_of
from zoo.lazy import load_target
from zoo.remarks import remark
from zoo.specs import ModalitySpec
from zoo.tasks.by_name import declared_modality
from zoo.tasks.declared import MODALITIES, TABLES
from zoo.wording import encodable


@dataclass(frozen=True)
class Item:
    """One input: what it is called, and how it is read."""

    id: str
    read: Callable[[], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encodable(self.id))


class Items(SampleSequence):
    """Inputs as a dataset, each with a target that says nothing: made of the input, as some tasks want one of its size."""

    classes = None
    fingerprint = ""

    def __init__(self, items: Sequence[Item], target: Callable[[Any], Any]) -> None:
        self._items, self._target = items, target
        self.ids = [item.id for item in items]
        self.targets = [None] * len(items)

    def __getitem__(self, index: int, /) -> Sample:
        value = self._items[index].read()
        return Sample(self.ids[index], value, self._target(value))


def gathered(paths: Sequence[str | os.PathLike[str]], modality: str, *, lines: bool = False) -> tuple[list[Item], dict[str, str]]:
    """The inputs in some files and folders, in order, and what cannot be read with the reason.

    A file that is named twice counts once, with a remark. Raises OptionError where no file is named, ModelError where nobody says
    how files of the modality are read.
    """
    if not paths:
        raise OptionError("no file is named", "name files, or folders of them")
    kind = declared_modality(modality)
    if kind.reader is None and modality not in MODALITIES:
        raise ModelError(f"nothing says how a file is read as {modality}", "its ModalitySpec has no `reader`; run a benchmark")
    items: list[Item] = []
    unreadable: dict[str, str] = {}
    for path in _files(paths, kind, unreadable):
        try:
            items += _items(path, kind, lines)
        except (DataError, OSError) as error:
            unreadable[encodable(str(path))] = _reason(error)
    taken: dict[str, int] = {}
    for item in items:
        taken[item.id] = taken.get(item.id, 0) + 1
    if twice := [name for name, count in taken.items() if count > 1]:
        raise DataError(f"two inputs are called {twice[0]!r}", "give each an id of its own")
    return items, unreadable


def _files(paths: Sequence[str | os.PathLike[str]], kind: ModalitySpec, unreadable: dict[str, str]) -> Iterator[Path]:
    seen: set[str] = set()
    twice = 0
    for given in paths:
        if not str(given):
            raise OptionError("an empty name stands among the files", "name files, or folders of them")
        path = Path(given).expanduser()
        found = [path]
        if path.is_dir():
            found = files_below(path, kind.suffixes)
            if not found:
                unreadable[encodable(str(path))] = f"the folder has nothing that ends in {', '.join(sorted(kind.suffixes))}"
        elif not path.exists():
            unreadable[encodable(str(path))] = "there is no such file"
            continue
        for one in found:
            real = os.path.realpath(one)
            twice += real in seen
            if real not in seen:
                yield one
            seen.add(real)
    if twice:
        remark(f"{twice} file{'s were' if twice > 1 else ' was'} named twice, and count{'' if twice > 1 else 's'} once")


def read_picture(path: Path) -> Any:
    """The image in a file, turned as its EXIF says."""
    from zoo.imaging.decoding import read_image

    return read_image(path, upright=True)


def _items(path: Path, kind: ModalitySpec, lines: bool) -> list[Item]:
    """The inputs of one file. Raises DataError or OSError where it cannot be read."""
    if kind.reader is not None:
        read = load_target(kind.reader)
        return [Item(str(path), lambda: read(path))]
    content = path.read_bytes()
    if path.suffix.lower() in TABLES:
        return _rows(path, read_table(content, path.suffix.lower(), path), kind.name)
    if kind.name == "vector":
        raise DataError(f"{path} is no table", f"vectors stand in files that end in {', '.join(TABLES)}")
    text = decoded(content, path)
    if not lines:
        return [_held(str(path), text)]
    return [_held(f"{path}:{number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _rows(path: Path, table: Table, modality: str) -> list[Item]:
    """Texts of the column `text`, or vectors of all columns of numbers but `id` and `label`."""
    ids = [f"{path}:{name}" for name in table_ids(table, path)]
    if modality == "text":
        if "text" not in table.columns:
            raise DataError(f"{path} has no column text; its columns are: {', '.join(table.columns)}", "name it so")
        return [_held(name, str(text)) for name, text in zip(ids, table.columns["text"], strict=True)]
    features = {name: [str(field) for field in fields] for name, fields in table.columns.items() if name not in ("id", "label")}
    if not features:
        raise DataError(f"{path} has no columns of numbers", "name the columns in the first row")
    import torch

    rows = torch.from_numpy(table_numbers(features, table.rows, path))
    return [_held(name, row) for name, row in zip(ids, rows, strict=True)]


def _held(name: str, value: Any) -> Item:
    return Item(name, lambda: value)


def _reason(error: Exception) -> str:
    return (error.strerror or reason_of(error)) if isinstance(error, OSError) else reason_of(error)
