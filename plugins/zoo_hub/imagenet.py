"""The classes of ImageNet: every library calls them otherwise, but WordNet's ids of them, `n01440764`, are the same for all.

`imagenet_classes.tsv` has id and name of the 1,000 classes of ILSVRC 2012, in the order of the ids, which all libraries keep.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def imagenet_1k() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and ids of the 1,000 classes."""
    lines = (Path(__file__).parent / "imagenet_classes.tsv").read_text(encoding="utf-8").splitlines()
    ids, names = zip(*(line.split("\t") for line in lines), strict=True)
    return names, ids


def ids_of(names: Sequence[str]) -> tuple[str, ...] | None:
    """WordNet ids where `names` are the 1,000 classes in their order, under whatever library's names; else None.

    Known they are by their first words: torchvision says `tench`, most models of the hub `tench, Tinca tinca`.
    """
    known, ids = imagenet_1k()
    same = len(names) == len(known) and all(
        a.startswith(b) or b.startswith(a.partition(",")[0]) for a, b in zip(names, known, strict=True)
    )
    return ids if same else None


@cache
def timm_classes(count: int) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Names and WordNet ids of the part of ImageNet that timm trains models of so many classes on; None where there is none."""
    import timm

    data: Any = timm.data
    subset = data.infer_imagenet_subset({"num_classes": count})
    if subset is None:
        return None
    info = data.ImageNetInfo(subset)
    return tuple(info.label_descriptions()), tuple(info.label_names())
