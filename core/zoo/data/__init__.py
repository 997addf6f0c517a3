"""Datasets: samples of a split, the files that they are made of, and how those are found, fetched and known."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "AlteredError",
    "ArrayDataset",
    "DataFiles",
    "Dataset",
    "Sample",
    "Span",
    "cut_spans",
    "file_sha256",
    "files_sha256",
    "hub_reachable",
    "offline_forced",
    "unzip",
]

if TYPE_CHECKING:
    from zoo.data.dataset import ArrayDataset, Dataset, Sample
    from zoo.data.download import hub_reachable
    from zoo.data.files import DataFiles, offline_forced
    from zoo.data.hashing import AlteredError, unzip
    from zoo.data.spans import Span, cut_spans
    from zoo.identity.files import file_sha256, files_sha256
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.data.dataset": ["ArrayDataset", "Dataset", "Sample"],
            "zoo.data.download": ["hub_reachable"],
            "zoo.data.files": ["DataFiles", "offline_forced"],
            "zoo.data.hashing": ["AlteredError", "unzip"],
            "zoo.data.spans": ["Span", "cut_spans"],
            "zoo.identity.files": ["file_sha256", "files_sha256"],
        },
    )
