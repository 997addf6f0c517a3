"""A sample of ImageNet, to see that a classifier is wired rightly: specs."""

from pathlib import Path

from zoo.specs import BenchmarkSpec, DatasetSpec

IDS = tuple((Path(__file__).parent / "imagenet_ids.txt").read_text(encoding="ascii").split())
"""WordNet ids of the 1,000 classes of ILSVRC 2012, in their order."""

DATASETS: list[DatasetSpec] = [
    DatasetSpec(
        name="imagenet-sample",
        summary="Up to 1,000 images of ImageNet, one a class, picked by hand: a smoke test, not ImageNet. A part is accepted.",
        modality="image",
        target="zoo_data.imagenet:open_sample",
        splits={"test": None},
        classes=IDS,
        folders=("imagenet_sample", "imagenet-sample-images"),
        contents=("images",),
        licence="Unclear: ImageNet's images are for non-commercial research.",
        citation="O. Russakovsky et al. (2015), ImageNet large scale visual recognition challenge, arXiv:1409.0575; "
        "images picked by E. Schwartz",
        homepage="https://github.com/EliSchwartz/imagenet-sample-images",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = [
    BenchmarkSpec(
        name="imagenet-sample",
        summary="Which of ImageNet's 1,000 classes, on one image of some of them: not comparable to top-1 on ImageNet.",
        task="classify",
        modality="image",
        dataset="imagenet-sample",
        metrics=("accuracy", "accuracy:k=5", "nll"),
    ),
]

RESOLVERS: dict[str, str] = {}
