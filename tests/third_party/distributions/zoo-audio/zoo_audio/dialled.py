"""Datasets of recordings: numbers dialled from a seed, and files of one's own."""

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
import torch

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.errors import DataError
from zoo_audio.waves import NOISE, dialled, read

COUNTS = {"train": 64, "test": 240}
SEEDS = {"train": 1_000_000, "test": 2_000_000}


class Recordings(SampleSequence):
    """Recordings that lie in memory."""

    classes = None

    def __init__(self, ids: list[str], waves: list[torch.Tensor], texts: list[str], groups: list[Any] | None = None) -> None:
        self.ids, self.waves, self.targets, self.groups = ids, waves, texts, groups
        self.costs = [len(samples) for samples in waves]

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(repr((self.ids, self.targets)).encode())
        for samples in self.waves:
            digest.update(samples.numpy().tobytes())
        return digest.hexdigest()

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], self.waves[index], self.targets[index])


def synthesised(files: DataFiles, split: str) -> Recordings:
    """Numbers of one to three words, each of two to four keys; sample i has the i-th strength of noise, in turn."""
    ids, waves, texts = [], [], []
    for i in range(COUNTS[split]):
        rng = np.random.default_rng(SEEDS[split] + i)
        words = ["".join(rng.choice(list("0123456789*#"), rng.integers(2, 5))) for _ in range(rng.integers(1, 4))]
        ids.append(f"{split}-{i:03}")
        texts.append(" ".join(words))
        waves.append(dialled(texts[-1], noise=NOISE[i % len(NOISE)], seed=SEEDS[split] + i))
    return Recordings(ids, waves, texts)


def recorded(files: DataFiles, split: str) -> Recordings:
    """The files that a table names: a line each of name, tab, transcript."""
    table = files.folder(f"{split}.tsv") / f"{split}.tsv"
    lines = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines() if line.strip()]
    if bad := [number for number, line in enumerate(lines, 1) if len(line) != 2]:
        raise DataError(f"line {bad[0]} of {table} is no name, tab and transcript", "write one line a recording")
    return Recordings([name for name, _ in lines], [read(table.parent / name) for name, _ in lines], [text for _, text in lines])
