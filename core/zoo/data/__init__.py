"""Datasets: samples of a split, the files that they are made of, and how those are found, fetched and known."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "CLOTHES",
    "DIGITS",
    "SHAKESPEARE",
    "SUFFIXES",
    "AlteredError",
    "ArrayDataset",
    "Block",
    "DataFiles",
    "Dataset",
    "EncodingError",
    "Sample",
    "SampleSequence",
    "Span",
    "Table",
    "TableError",
    "by_key",
    "character_codes",
    "cut_spans",
    "decoded",
    "file_sha256",
    "files_below",
    "files_sha256",
    "folders_in",
    "hub_errors",
    "hub_reachable",
    "offline_forced",
    "on_disk",
    "package_path",
    "parted",
    "plain",
    "pointer_problem",
    "read_header",
    "read_lines",
    "read_table",
    "table_dataset",
    "table_modality",
    "unzip",
    "walk",
]

if TYPE_CHECKING:
    from zoo.data.copies import on_disk, parted
    from zoo.data.dataset import ArrayDataset, Block, Dataset, Sample, SampleSequence
    from zoo.data.download import hub_errors, hub_reachable
    from zoo.data.files import DataFiles, package_path
    from zoo.data.hashing import AlteredError, unzip
    from zoo.data.known_classes import CLOTHES, DIGITS
    from zoo.data.pointers import pointer_problem
    from zoo.data.spans import Span, cut_spans
    from zoo.data.tables import Table, TableError, read_header, read_table
    from zoo.data.tabular import table_dataset, table_modality
    from zoo.data.texts import SHAKESPEARE, EncodingError, character_codes, decoded, read_lines
    from zoo.data.walking import SUFFIXES, by_key, files_below, folders_in, plain, walk
    from zoo.home import offline_forced
    from zoo.identity.files import file_sha256, files_sha256
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.data.copies": ["on_disk", "parted"],
            "zoo.data.dataset": ["ArrayDataset", "Block", "Dataset", "Sample", "SampleSequence"],
            "zoo.data.download": ["hub_errors", "hub_reachable"],
            "zoo.data.files": ["DataFiles", "package_path"],
            "zoo.data.hashing": ["AlteredError", "unzip"],
            "zoo.data.known_classes": ["CLOTHES", "DIGITS"],
            "zoo.data.pointers": ["pointer_problem"],
            "zoo.data.spans": ["Span", "cut_spans"],
            "zoo.data.tables": ["Table", "TableError", "read_header", "read_table"],
            "zoo.data.tabular": ["table_dataset", "table_modality"],
            "zoo.data.texts": ["SHAKESPEARE", "EncodingError", "character_codes", "decoded", "read_lines"],
            "zoo.data.walking": ["SUFFIXES", "by_key", "files_below", "folders_in", "plain", "walk"],
            "zoo.home": ["offline_forced"],
            "zoo.identity.files": ["file_sha256", "files_sha256"],
        },
    )
