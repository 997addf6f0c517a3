"""csv:PATH: the user's own texts or vectors, a row per sample; PATH may be an address, such as https://host/table.csv."""

from pathlib import Path

from zoo.data import DataFiles, Dataset, on_disk, read_header, read_table, table_dataset, table_modality
from zoo.errors import DataError
from zoo.options import split_options
from zoo.remarks import remark
from zoo.specs import DatasetSpec
from zoo.wording import without_secrets
from zoo_data.holdout import SPLITS, HoldOut, part_of, scored_on

BEGINNING = 1 << 20
"""Bytes of a file that are read for its header."""


def table_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `csv:PATH`; only the header is read.

    With columns `text` and `label` the samples are texts, and other columns are passed over; with `label` but no `text`
    they are vectors of all other columns, which must be numbers. A column `id` names the samples. The split `test` is all
    rows, and `train` all but a fifth of every class; `csv:holdout=0.2:PATH` holds that fifth out as `test`.
    """
    options, path = split_options(HoldOut, rest, "csv")
    table = on_disk(path)
    header = read_header(_content(table, BEGINNING), table.suffix, table)
    return DatasetSpec(
        name=name,
        summary=f"Rows of {without_secrets(path)}.",
        modality=table_modality(header, table),
        target="zoo_data.table:open_table",
        splits=dict.fromkeys(SPLITS),
        licence="The user's own.",
        citation="The user's own.",
        path=str(table),
        held_out=None if options.holdout else scored_on(name),
    )


def open_table(files: DataFiles, split: str) -> Dataset:
    """Texts or vectors, as `zoo.data.table_dataset` has them; rows without an id are `row-N`, where the header is row 1."""
    path = Path(files.spec.path or "")
    table = read_table(_content(path), path.suffix, path)
    if table.passed_over:
        remark(f"columns of {path} passed over: {', '.join(table.passed_over)}", stacklevel=2)
    return part_of(table_dataset(table, path), split, files.spec.name)


def _content(table: Path, most: int = -1) -> bytes:
    try:
        with open(table, "rb") as file:
            return file.read(most)
    except OSError as error:
        raise DataError(f"cannot read {table}: {error.strerror or error}", "write csv:PATH with a file that is there") from error
