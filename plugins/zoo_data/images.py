"""Clean pictures, which a benchmark spoils and a model restores: the standard sets, and images:PATH, the user's own."""

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data import SUFFIXES, DataFiles, Sample, SampleSequence, files_below, files_sha256, on_disk, plain
from zoo.errors import DataError, OptionError
from zoo.imaging import read_image
from zoo.specs import BenchmarkSpec, DatasetSpec
from zoo.wording import without_secrets

if TYPE_CHECKING:
    from torch import Tensor

_NAMED = re.compile(r"(?:(?P<gray>gray-)?noise(?P<sigma>\d+(?:\.\d+)?)|x(?P<scale>\d+)):(?P<path>.+)", re.DOTALL)
_HOW = "write images:noise25:PATH, images:gray-noise25:PATH or images:x3:PATH"


def images_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `images:PATH`, the pictures in a folder or one picture; nothing is looked at yet.

    What a benchmark's name says of the pictures (`images:noise25:PATH`) is none of the dataset's business.
    """
    named = _NAMED.fullmatch(rest)
    path = named["path"] if named else rest
    root = on_disk(path)
    if not root.exists():
        raise DataError(f"there is no folder and no picture {root}", _HOW)
    if root.is_file() and root.suffix.lower() not in SUFFIXES:
        raise DataError(f"{root} is no picture by its suffix", f"pictures end in: {', '.join(sorted(SUFFIXES))}")
    return DatasetSpec(
        name=name,
        summary=f"Pictures in {without_secrets(path)}.",
        modality="image",
        tasks=("generate",),
        target="zoo_data.images:open_images",
        splits={"test": None},
        licence="The user's own.",
        citation="The user's own.",
        path=str(root),
    )


def images_benchmark(name: str, rest: str) -> BenchmarkSpec:
    """The benchmark `images:noise25:PATH` (noise of 25 grey levels), `images:gray-noise25:PATH` (on grey pictures) or
    `images:x3:PATH` (three times smaller). Raises OptionError where it says not what is done to the pictures.
    """
    named = _NAMED.fullmatch(rest)
    if named is None:
        raise OptionError(f"{name!r} does not say how the pictures are spoilt before they are restored", _HOW)
    path, scale = named["path"], named["scale"]
    metrics: tuple[str, ...] = ("psnr-gray", "ssim-gray") if named["gray"] else ("psnr-rgb", "psnr-y", "ssim-y")
    if scale:
        metrics = tuple(f"{metric}:border={scale}" for metric in ("psnr-y", "ssim-y", "psnr-rgb"))
    degrade = f"bicubic:{scale}" if scale else f"noise:{named['sigma']}"
    return BenchmarkSpec(
        name=name,
        summary=f"Restoring the pictures in {path} after {degrade}.",
        task="generate",
        modality="image",
        dataset=f"images:{path}",
        metrics=metrics,
        protocol={"degrade": degrade, "grey": bool(named["gray"])},
    )


def open_images(files: DataFiles, split: str) -> "Pictures":
    """The user's pictures, RGB, turned as their EXIF says. Ids are paths below PATH, with `/`, and give the order."""
    root = Path(files.spec.path or "")
    if root.is_file():
        return Pictures({plain(root.name): root})
    found = {plain(path.relative_to(root).as_posix()): path for path in files_below(root, SUFFIXES)}
    if not found:
        raise DataError(f"{root} has no pictures", f"pictures end in: {', '.join(sorted(SUFFIXES))}")
    return Pictures(dict(sorted(found.items())))


def open_pictures(files: DataFiles, split: str) -> "Pictures":
    """The RGB pictures that a spec declares, ids their names without suffix (and without `_GT`, as Set5 has it)."""
    return Pictures(_declared(files))


def open_grey_pictures(files: DataFiles, split: str) -> "Pictures":
    """The grey pictures that a spec declares."""
    return Pictures(_declared(files), channels=1)


class Pictures(SampleSequence):
    """Pictures uint8 [3, h, w], or [1, h, w] where all are grey; the target of each is itself.

    One that cannot be decoded raises DataError when it is read, not before.
    """

    classes = None

    def __init__(self, paths: dict[str, Path], channels: int = 3) -> None:
        self._paths = paths
        self._channels = channels
        self.ids = list(paths)
        self.targets = _Targets(self)

    def __getitem__(self, index: int, /) -> Sample:
        picture = self.target(index)
        return Sample(self.ids[index], picture, picture)

    def target(self, index: int) -> "Tensor":
        """The picture at a position."""
        return read_image(self._paths[self.ids[index]], upright=True)[: self._channels]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, channels, and the content of every file."""
        digest = hashlib.sha256(repr((self.ids, self._channels)).encode())
        for found in files_sha256(self._paths.values()):
            digest.update(bytes.fromhex(found))
        return digest.hexdigest()


class _Targets(Sequence[Any]):
    """The pictures of a dataset, each read when it is asked for."""

    def __init__(self, dataset: Pictures) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        return self._dataset.target(index)


def _declared(files: DataFiles) -> dict[str, Path]:
    return {Path(file.name).stem.removesuffix("_GT"): files.path(file.name) for file in files.spec.files}
