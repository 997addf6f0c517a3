"""corrupted:DATASET: every image of a dataset as it is, and under every corruption at every severity."""

import hashlib
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, field_validator

import zoo
from zoo.data import DataFiles, Dataset, Sample, SampleSequence
from zoo.errors import OptionError, did_you_mean
from zoo.opening import open_dataset
from zoo.options import options_of, split_options
from zoo.remarks import remark
from zoo.specs import BenchmarkSpec, DatasetSpec
from zoo_robust.corruptions.images import corrupted
from zoo_robust.corruptions.severities import CLEAN, SEVERITIES

METRICS = ("corruption-error", "clean-error", "corruption-accuracy")
HOW = "write corrupted:DATASET or corrupted:corruptions=blur+jpeg,severities=1+3:DATASET"
MAY_CHANGE_THE_CLASS = ("rotation", "occlusion")
Variant = tuple[str, int]
"""A corruption and its severity; `clean` and 0 is the image as it is."""


class Chosen(BaseModel, extra="forbid"):
    """Options of `corrupted:`."""

    corruptions: tuple[str, ...] = Field(default=tuple(SEVERITIES), description="Their names, joined by +.")
    severities: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5), description="1 to 5, joined by +.")

    @field_validator("corruptions", mode="before")
    @classmethod
    def _known(cls, written: Any) -> Any:
        names = written.split("+") if isinstance(written, str) else written
        for name in names:
            if name not in SEVERITIES:
                hint = did_you_mean(name, SEVERITIES, f"there are: {', '.join(SEVERITIES)}")
                raise OptionError(f"there is no corruption {name!r}", hint)
        return [name for name in SEVERITIES if name in names]

    @field_validator("severities", mode="before")
    @classmethod
    def _one_to_five(cls, written: Any) -> Any:
        numbers = written.split("+") if isinstance(written, str) else written
        if wrong := [number for number in numbers if str(number) not in tuple("12345")]:
            raise OptionError(f"there is no severity {str(wrong[0])!r}", "there are 1 to 5; the clean image is always there")
        return sorted({int(number) for number in numbers})

    @property
    def variants(self) -> list[Variant]:
        """The clean image, then every corruption with rising severity."""
        return [(CLEAN, 0), *((name, severity) for name in self.corruptions for severity in self.severities)]


def corrupted_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `corrupted:DATASET`. Raises ZooError where that is not of labelled images."""
    chosen, _ = split_options(Chosen, rest, "corrupted")
    base = _base(rest)
    spec = zoo.registry().dataset(base.dataset)
    every = len(chosen.variants)
    what = f"{len(chosen.corruptions)} corruptions at {len(chosen.severities)} severities"
    return spec.model_copy(
        update={
            "name": name,
            "summary": f"{spec.summary.rstrip('.')}: clean, and under {what}.",
            "tasks": ("classify",),
            "target": "zoo_robust.corruptions.dataset:open_corrupted",
            "splits": {split: count and count * every for split, count in spec.splits.items()},
            "held_out": name.removesuffix(spec.name) + spec.held_out if spec.held_out and name.endswith(spec.name) else None,
            "base": spec.name,
        }
    )


def corrupted_benchmark(name: str, rest: str) -> BenchmarkSpec:
    """The benchmark of the same name: on the split that classification on DATASET is scored on."""
    base = _base(rest)
    return BenchmarkSpec(
        name=name,
        summary=f"Classification on {base.dataset} under common corruptions.",
        task="classify",
        modality="image",
        dataset=name,
        split=base.split,
        metrics=METRICS,
        protocol=base.protocol,
    )


def open_corrupted(files: DataFiles, split: str) -> "Corrupted":
    """The samples of a split of the base dataset, each in all variants."""
    base = zoo.registry().dataset(files.spec.base or "")
    opened, chosen = open_dataset(base, split, files.data_dir, files.progress), options_of(Chosen, files.spec.name)
    if moved := [name for name in MAY_CHANGE_THE_CLASS if name in chosen.corruptions]:
        remark(
            f"labels are those of the clean images, which {' and '.join(moved)} may change or hide, as of 6 and 9", stacklevel=2
        )
    return Corrupted(opened, chosen.variants)


class Corrupted(SampleSequence):
    """Every image of `base` so many times in a row as there are variants: images are made when they are read.

    Ids are `ID@clean-0`, `ID@blur-3`. Targets are those of `base`.
    """

    def __init__(self, base: Dataset, variants: list[Variant]) -> None:
        self.base, self.copies, self._variants = base, len(variants), variants
        self.classes = base.classes
        self.ids = [f"{id_}@{corruption}-{severity}" for id_ in base.ids for corruption, severity in variants]
        self.targets = [target for target in base.targets for _ in variants]
        groups = getattr(base, "groups", None) or base.ids
        self.groups = [group for group in groups for _ in variants]
        self._clean = lru_cache(maxsize=16)(base.__getitem__)  # the variants of an image are read one after the other

    def __getitem__(self, index: int, /) -> Sample:
        place, copy = divmod(range(len(self.ids))[index], self.copies)
        clean, (corruption, severity) = self._clean(place), self._variants[copy]
        image = corrupted(clean.input, corruption, severity, clean.id) if severity else clean.input
        return Sample(self.ids[index], image, clean.target)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprint of `base`, the variants, and the numbers of the severities."""
        numbers = {name: SEVERITIES[name] for name, _ in self._variants if name in SEVERITIES}
        return hashlib.sha256(repr((self.base.fingerprint, self._variants, numbers)).encode()).hexdigest()


def _base(rest: str) -> BenchmarkSpec:
    """The benchmark of classification that DATASET is, or has. Raises ZooError where there is none of images with classes."""
    name = split_options(Chosen, rest, "corrupted")[1]
    known = zoo.registry()
    if name.partition(":")[0] == "corrupted":
        raise OptionError(f"{name} is corrupted already", "name the dataset of clean images")
    if "=" in name.partition(":")[0]:
        raise OptionError(f"cannot read the options in corrupted:{rest}", HOW)
    ours = known.knows("dataset", name) or known.knows("benchmark", name)
    if not ours and Path(name).expanduser().exists():
        raise OptionError(f"{name} is a path, and no dataset has that name", f"say what it holds: corrupted:folder:{name}")
    base = known.benchmark(name, tasks=["classify"])
    dataset = known.dataset(base.dataset)
    if base.task != "classify" or "classify" not in dataset.tasks:
        raise OptionError(
            f"{name} is for {base.task}: only images with a class each are corrupted here",
            "take a dataset of task classify: zoo list datasets",
        )
    if dataset.modality != "image":
        hint = "take a dataset of images: zoo list datasets"
        raise OptionError(f"{name} is of modality {dataset.modality}: only images are corrupted", hint)
    return base
