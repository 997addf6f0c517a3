"""Restoration: specs of the standard sets of clean pictures, and of the user's own.

Their benchmarks, which say how the pictures are spoilt, stand in plugin `vision`.
"""

from zoo.specs import BenchmarkSpec, DatasetSpec
from zoo_data.restoration_files import BSD68, PHOTOGRAPHS, SET5, SET12

DATASETS: list[DatasetSpec] = [
    DatasetSpec(
        name="set12",
        summary="12 grey pictures on which denoising is measured: 7 of 256x256, 5 of 512x512.",
        modality="image",
        tasks=("generate",),
        target="zoo_data.images:open_grey_pictures",
        splits={"test": 12},
        files=SET12,
        folders=("set12_bsd68/Set12", "Set12", "set12"),
        licence="Unclear: pictures of various origin that research passes on.",
        citation="K. Zhang, W. Zuo, Y. Chen, D. Meng, L. Zhang (2017), Beyond a Gaussian denoiser, arXiv:1608.03981",
        homepage="https://github.com/cszn/DnCNN",
    ),
    DatasetSpec(
        name="bsd68",
        summary="68 natural pictures, grey, 481x321 or 321x481, of the Berkeley segmentation dataset.",
        modality="image",
        tasks=("generate",),
        target="zoo_data.images:open_grey_pictures",
        splits={"test": 68},
        files=BSD68,
        folders=("set12_bsd68/Set68", "BSD68", "bsd68", "Set68"),
        licence="Unclear: Berkeley gives its pictures for non-commercial research and education.",
        citation="S. Roth, M. J. Black (2009), Fields of experts, doi:10.1007/s11263-008-0197-6",
        homepage="https://github.com/cszn/DnCNN",
    ),
    DatasetSpec(
        name="set5",
        summary="5 RGB pictures on which super-resolution is measured, 228x344 to 512x512.",
        modality="image",
        tasks=("generate",),
        target="zoo_data.images:open_pictures",
        splits={"test": 5},
        files=SET5,
        folders=("set5", "Set5"),
        licence="Unclear: pictures of various origin that research passes on.",
        citation="M. Bevilacqua, A. Roumy, C. Guillemot, M.-L. Alberi Morel (2012), Low-complexity single-image "
        "super-resolution based on nonnegative neighbor embedding, doi:10.5244/C.26.135",
        homepage="https://github.com/twtygqyy/pytorch-vdsr",
    ),
    DatasetSpec(
        name="photographs",
        summary="7 photographs in the public domain or under CC0; come with scikit-image. To train small restorers.",
        modality="image",
        tasks=("generate",),
        target="zoo_data.images:open_pictures",
        splits={"train": 7},
        files=PHOTOGRAPHS,
        licence="Public domain and CC0-1.0, picture by picture as scikit-image states it.",
        citation="S. van der Walt et al. (2014), scikit-image: image processing in Python, doi:10.7717/peerj.453",
        homepage="https://scikit-image.org/docs/stable/api/skimage.data.html",
        requires=("scikit-image>=0.22",),
    ),
]

BENCHMARKS: list[BenchmarkSpec] = []

RESOLVERS: dict[str, str] = {"images": "zoo_data.images:images_spec"}
"""Namespace of dynamic names to the function (name, path) -> DatasetSpec."""

BENCHMARK_RESOLVERS: dict[str, str] = {"images": "zoo_data.images:images_benchmark"}
"""Namespace of dynamic names that are benchmarks by themselves to the function (name, rest) -> BenchmarkSpec."""
