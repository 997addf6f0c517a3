"""Detection: specs of the standard datasets, and of the user's own files."""

from zoo.specs import BenchmarkSpec, DataFile, DatasetSpec
from zoo.tasks import COCO_METRICS

_COCO_CLASSES = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking meter, "
    "bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, "
    "frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, "
    "wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, "
    "chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, "
    "toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush"
)
COCO_CLASSES = tuple(_COCO_CLASSES.split(", "))
"""The 80 things of COCO in the order of their category ids, of which ten in 1..90 are not used."""


def _coco_archive(name: str, folder: str, size: int, sha256: str, md5: str) -> DataFile:
    return DataFile(
        name=name,
        sha256=sha256,
        size=size,
        md5=md5,
        urls=(
            f"https://s3.amazonaws.com/images.cocodataset.org/{folder}/{name}",
            f"http://images.cocodataset.org/{folder}/{name}",
        ),
    )


# The publisher gives no hashes. These, and the sizes, are given alike by several independent public evaluations of COCO.
COCO = (
    _coco_archive(
        "annotations_trainval2017.zip",
        "annotations",
        252_907_541,
        "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        "f4bbac642086de4f52a3fdda2de5fa2c",
    ),
    _coco_archive(
        "val2017.zip",
        "zips",
        815_585_330,
        "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        "442b8da7639aecaf257c1dceb8ba8c80",
    ),
    DataFile(
        name="annotations/instances_val2017.json",
        sha256="e8c7f7908f1d7278341fae127d0da654f102f11bd7b21d8aeefa635b8c810b6f",
        size=19_987_840,
        member_of="annotations_trainval2017.zip",
    ),
)

DATASETS: list[DatasetSpec] = [
    DatasetSpec(
        name="coco",
        summary="COCO 2017, the 5,000 validation images: 36,781 boxes of 80 classes.",
        modality="image",
        tasks=("detect",),
        target="zoo_data.coco:open_coco",
        splits={"val2017": 5000},
        classes=COCO_CLASSES,
        files=COCO,
        folders=("coco", "COCO", "coco2017"),
        licence="Annotations CC-BY-4.0; each image has a Flickr licence of its own.",
        citation="T.-Y. Lin et al. (2014), Microsoft COCO: Common objects in context, arXiv:1405.0312",
        homepage="https://cocodataset.org",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = [
    BenchmarkSpec(
        name="coco",
        summary="Boxes of 80 classes in everyday scenes: the twelve numbers of the COCO evaluation.",
        task="detect",
        modality="image",
        dataset="coco",
        split="val2017",
        metrics=COCO_METRICS,
    ),
]

RESOLVERS: dict[str, str] = {
    "coco": "zoo_data.coco:coco_spec",
    "voc": "zoo_data.voc:voc_spec",
    "yolo": "zoo_data.yolo:yolo_spec",
}
"""Namespace of dynamic names to the function (name, path) -> DatasetSpec."""
