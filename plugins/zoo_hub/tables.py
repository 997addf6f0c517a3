"""hf:PATH: datasets as Hugging Face keeps them, Parquet or Arrow, read without their library."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from zoo.data import DataFiles, Sample, SampleSequence, files_sha256, on_disk
from zoo.errors import DataError
from zoo.options import options_of, split_options
from zoo.specs import DatasetSpec, Modality
from zoo.wording import without_secrets
from zoo_hub.hub_datasets import NAME, dataset_of_hub

SPLIT = re.compile(r"(?:^|[/_.-])(train|training|validation|valid|val|dev|test|testing)(?=$|[/_.-])")
SPLITS = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}
LABELS, INPUTS = ("label", "labels", "target"), ("image", "img", "text", "sentence")
_HOW = "write hf:PATH with a folder of .parquet files, or what save_to_disk made; hf:input=COLUMN,label=COLUMN:PATH names others"


class Columns(BaseModel, extra="forbid"):
    """Options of `hf:`."""

    input: str | None = Field(default=None, description="Column of images or texts. Default: image, img, text or sentence.")
    label: str | None = Field(default=None, description="Column of labels. Default: label, labels or target.")
    config: str | None = Field(default=None, description="Folder of one dataset, where there are several.")


def data_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `hf:PATH`, or of `hf:OWNER/NAME` on the hub; of the files only the schemas are read."""
    columns, path = split_options(Columns, rest, "hf")
    root = _root(path)
    splits = _splits(root, columns.config)
    first = next(iter(splits.values()))[0]
    schema = _schema(first)
    features = _features(schema)
    inputs, label = _chosen(schema.names, features, columns, root)
    return DatasetSpec(
        name=name,
        summary=f"Hugging Face dataset in {without_secrets(path)}.",
        modality=_modality(schema.field(inputs).type, features.get(inputs, {}), inputs, root),
        target="zoo_hub.tables:open_table",
        splits=dict.fromkeys(splits),
        classes=_declared(features.get(label, {})),
        licence="As its publisher says.",
        citation="As its publisher says.",
        path=str(root),
    )


def open_table(files: DataFiles, split: str) -> "HubRows":
    """The rows of a split, images and texts as they stand."""
    root, columns = Path(files.spec.path or ""), options_of(Columns, files.spec.name)
    paths = _splits(root, columns.config)[split]
    schema = _schema(paths[0])
    features = _features(schema)
    inputs, label = _chosen(schema.names, features, columns, root)
    return HubRows(paths, inputs, label, _declared(features.get(label, {})))


class HubRows(SampleSequence):
    """Rows as samples, with ids `row-0`, `row-1`, …; classes are those that the features name, else the labels that occur."""

    def __init__(self, paths: Sequence[Path], inputs: str, label: str, names: tuple[str, ...] | None) -> None:
        self._paths = list(paths)
        tables = [_table(path, [inputs, label]) for path in paths]
        self._inputs = [value for table in tables for value in table.column(inputs)]
        given = [value.as_py() for table in tables for value in table.column(label)]
        self.ids = [f"row-{number}" for number in range(len(given))]
        found = {str(value) for value in given}
        whole = all(text.removeprefix("-").isdecimal() for text in found)
        self.classes = names or tuple(sorted(found, key=lambda text: (int(text), text) if whole else (0, text)))
        place = {name: position for position, name in enumerate(self.classes)}
        self.targets = [self._target(number, value, place, names is not None) for number, value in enumerate(given)]
        if self._inputs and self._is_text:
            self.costs = [len(value.as_py() or "") for value in self._inputs]

    @property
    def _is_text(self) -> bool:
        import pyarrow as pa

        return bool(pa.types.is_string(self._inputs[0].type) or pa.types.is_large_string(self._inputs[0].type))

    def _target(self, number: int, value: Any, place: Mapping[str, int], named: bool) -> int:
        found = value if named and isinstance(value, int) else place.get(str(value), -1)
        if value is None or not 0 <= found < len(self.classes):
            raise DataError(
                f"row {number} has the label {value!r}, which is no class", "a test split without labels cannot be scored"
            )
        return int(found)

    def __getitem__(self, index: int, /) -> Sample:
        value = self._inputs[index].as_py()
        return Sample(self.ids[index], value if isinstance(value, str) else _image(value, index), self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the files, classes and labels."""
        return hashlib.sha256(repr((files_sha256(self._paths), self.classes, self.targets)).encode()).hexdigest()


def _image(value: Any, row: int) -> Any:
    from zoo.imaging import decode, undecodable

    content = value.get("bytes") if isinstance(value, dict) else value
    try:
        if not content:
            raise ValueError("its bytes are not in the table")
        return decode(content, upright=True)
    except Exception as error:
        raise undecodable(f"the image of row {row}", error) from error


def _root(path: str) -> Path:
    """The folder or file; of a name on the hub, where it lies in the cache."""
    given = on_disk(path)
    if given.exists():
        return given
    if not NAME.fullmatch(path):
        raise DataError(f"there is no folder {given}", _HOW)
    return dataset_of_hub(path)


def _splits(root: Path, config: str | None) -> dict[str, list[Path]]:
    """Split to its files; those whose names say no split are `test`. Raises DataError where folders hold several datasets."""
    paths = [root] if root.is_file() else sorted([*root.rglob("*.parquet"), *root.rglob("data-*.arrow")])
    if not paths:
        raise DataError(f"{root} holds no .parquet and no .arrow files", _HOW)
    of: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        of[_config(path.relative_to(root) if path != root else Path())].append(path)
    if (config is not None and config not in of) or (config is None and len(of) > 1):
        names = ", ".join(sorted(filter(None, of))) or "none"
        what = "several configurations" if config is None else f"no configuration {config!r}"
        raise DataError(f"{root} holds {what}", f"it has {names}: hf:config=NAME:PATH")
    chosen = paths if config is None else of[config]
    found: dict[str, list[Path]] = defaultdict(list)
    for path in chosen:
        told = SPLIT.findall(path.relative_to(root).with_suffix("").as_posix() if path != root else "")
        found[SPLITS.get(told[-1], told[-1]) if told else "test"].append(path)
    return dict(found)


def _config(path: Path) -> str:
    """The outermost folder of a file that tells neither a split nor that it holds data: one of several datasets."""
    return next((part for part in path.parts[:-1] if part != "data" and not SPLIT.search(part)), "")


def _schema(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            return pq.read_schema(path)
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_stream(file).schema
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0][:200]}", _HOW) from error


def _table(path: Path, columns: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            return pq.read_table(path, columns=list(columns))
        return pa.ipc.open_stream(pa.memory_map(str(path))).read_all().select(list(columns))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0][:200]}", _HOW) from error


def _features(schema: Any) -> Mapping[str, Any]:
    """What the library of Hugging Face wrote of the columns; empty where it did not write the file."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        return dict(told["info"]["features"])
    except (ValueError, KeyError, TypeError):
        return {}


def _chosen(names: Sequence[str], features: Mapping[str, Any], asked: Columns, root: Path) -> tuple[str, str]:
    """The columns of inputs and labels. Raises DataError with those that there are."""
    typed = {kind: [name for name, told in features.items() if isinstance(told, dict) and told.get("_type") == kind]
             for kind in ("Image", "ClassLabel")}  # fmt: skip
    inputs = asked.input or next((name for name in (*INPUTS, *typed["Image"]) if name in names), None)
    label = asked.label or next((name for name in (*LABELS, *typed["ClassLabel"]) if name in names), None)
    for what, name in (("inputs", inputs), ("labels", label)):
        if name is None or name not in names:
            which = f" {name!r}" if name else ""
            raise DataError(f"{root} has no column of {what}{which}; its columns are: {', '.join(names)}", _HOW)
    assert inputs is not None and label is not None
    return inputs, label


def _modality(kind: Any, feature: Any, column: str, root: Path) -> Modality:
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_struct(kind) or pa.types.is_binary(kind) or (isinstance(feature, dict) and feature.get("_type") == "Image"):
        return "image"
    raise DataError(f"column {column} of {root} is {kind}, neither texts nor images", _HOW)


def _declared(feature: Any) -> tuple[str, ...] | None:
    names = feature.get("names") if isinstance(feature, dict) else None
    return tuple(map(str, names)) if names else None
