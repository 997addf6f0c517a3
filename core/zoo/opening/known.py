"""What is known of data since they were last opened: enough to see that a run is finished, without opening them again.

Kept below `ZOO_HOME` of data that lie in memory, under the content of their files, the code that opens them, and the versions of
what that requires. Whatever an opener was seen to read beside these, nothing is kept.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.data.dataset import ArrayDataset, Block, Dataset, Sample, SampleSequence, block_of
from zoo.data.files import DataFiles
from zoo.errors import RunError, ZooError
from zoo.identity.code import Code
from zoo.identity.files import file_sha256, remembered, session
from zoo.identity.watching import Watch
from zoo.remarks import hearing, remark
from zoo.specs import DatasetSpec
from zoo.wording import without_secrets

MOST = 100_000
"""Samples of which it is kept: of more, reading it again takes as long as opening the data."""


class Known(SampleSequence):
    """A dataset as it was when it was opened. Its samples are read of the data themselves, which are opened for the first."""

    def __init__(self, facts: dict[str, Any], reopen: Callable[[], Dataset]) -> None:
        self.ids: list[str] = facts["ids"]
        self.targets: list[int] = facts["targets"]
        self.classes: tuple[str, ...] = tuple(facts["classes"])
        self.fingerprint: str = facts["fingerprint"]
        self.groups: list[Any] | None = facts["groups"]
        if facts["costs"] is not None:
            self.costs: list[int] = facts["costs"]
        self._reopen = reopen

    @cached_property
    def opened(self) -> Dataset:
        """The data themselves. Raises RunError where they are not what they were."""
        found = self._reopen()
        if found.fingerprint != self.fingerprint:
            raise RunError("the data changed while the run was planned", "run it again")
        return found

    def __getitem__(self, index: int, /) -> Sample:
        return self.opened[index]

    def block(self, positions: Sequence[int]) -> Block | None:
        """The samples at some positions."""
        return block_of(self.opened, positions)


def known_or_opened(spec: DatasetSpec, split: str, data_dir: Any, code: Code, reopen: Callable[[], Dataset]) -> Dataset:
    """The samples of a split: as they are known, else opened by `reopen`, and kept where nothing but `code` and files decides."""
    files = _files(spec, data_dir) if split in spec.splits else None
    if files is None or code.doubt:
        return reopen()
    opened: list[Dataset] = []

    def facts() -> dict[str, Any] | None:
        opened.append(reopen())
        found = _facts(opened[0])
        # What it reads is seen when it is opened once more, as the libraries that it takes read much when they are imported.
        watch = Watch({*map(os.path.realpath, files), *code.files})
        with warnings.catch_warnings(), hearing(None) as heard:
            warnings.simplefilter("ignore")
            with watch:
                again = reopen() if found else opened[0]
        same = again.fingerprint == opened[0].fingerprint
        return {**found, "remarks": list(heard)} if found and same and not watch.doubt() else None

    with session():
        said = [spec.model_dump(mode="json"), split, code.identity, [file_sha256(file) for file in files]]
    stamp = hashlib.sha256(json.dumps(said).encode()).hexdigest()  # a name may be an address with a signature
    found = remembered(f"samples of {without_secrets(spec.name)} {split}", stamp, facts)
    if found is None or opened:
        return opened[0] if opened else reopen()
    for text in found["remarks"]:
        remark(text)
    return Known(found, reopen)


def _files(spec: DatasetSpec, data_dir: Any) -> list[Path] | None:
    """The files that hold the data; None where they are not all here, or are too many to be declared."""
    try:
        found = [DataFiles(spec, data_dir).find(file.name) for file in spec.files]
    except ZooError:
        return None
    if spec.path is not None:
        found.append(Path(spec.path) if Path(spec.path).is_file() else None)
    return None if spec.contents or None in found else [path for path in found if path is not None]


def _facts(dataset: Dataset) -> dict[str, Any] | None:
    """What is kept of a dataset; None of one that is more than it."""
    if type(dataset) is not ArrayDataset or len(dataset) > MOST:
        return None
    groups = None if dataset.groups is None else list(dataset.groups)
    if groups is not None and not all(isinstance(group, (str, int)) for group in groups):
        return None
    names = ("ids", "targets", "classes", "fingerprint")
    costs = getattr(dataset, "costs", None)
    return {**{name: getattr(dataset, name) for name in names}, "groups": groups, "costs": costs}
