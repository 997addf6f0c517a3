"""Restoration: denoising and super-resolution. Specs of models, benchmarks and recipes."""

from typing import Any

from zoo.specs import BenchmarkSpec, ModelSpec, Optimizer, RecipeSpec, Weights

DNCNN = "https://github.com/SaoYan/DnCNN-PyTorch/raw/6b0804951484eadb7f1ea24e8e5c9ede9bea485b/logs"
VDSR = "https://github.com/twtygqyy/pytorch-vdsr/raw/514b021044018baf909e79f48392783daa592888/model/model_epoch_50.pth"


def _model(name: str, summary: str, target: str, paper: str, **more: Any) -> ModelSpec:
    tasks = {"generate": f"zoo_vision.{target}"}
    return ModelSpec(name=name, summary=summary, tasks=tasks, modality="image", paper=paper, **more)


def _dncnn(kind: str, sha256: str, noise: str) -> Weights:
    return Weights(
        uri=f"{DNCNN}/DnCNN-{kind}/net.pth",
        file=f"DnCNN-{kind}.pth",
        sha256=sha256,
        licence="GPL-3.0-only",
        source=f"SaoYan 2018, DnCNN-PyTorch, trained on 400 grey pictures of Berkeley's with noise of sigma {noise}",
    )


DNCNN_PAPER = "Zhang, Zuo, Chen, Meng & Zhang 2017, Beyond a Gaussian denoiser, arXiv:1608.03981"

MODELS: list[ModelSpec] = [
    _model("identity", "The degraded picture as it is, pixels repeated where it is to grow", "classical:Identity", ""),
    _model(
        "bicubic",
        "Bicubic enlarging as MATLAB's imresize, the baseline of super-resolution",
        "classical:Bicubic",
        "Keys 1981, Cubic convolution interpolation for digital image processing, doi:10.1109/TASSP.1981.1163711",
    ),
    _model(
        "non-local-means",
        "Non-local means denoising by scikit-image, which is told the level of the noise",
        "classical:NonLocalMeans",
        "Buades, Coll & Morel 2005, A non-local algorithm for image denoising, doi:10.1109/CVPR.2005.38",
        requires=("scikit-image>=0.22",),
    ),
    _model(
        "dncnn",
        "DnCNN-S for noise of sigma 25: 17 layers, 556,032 parameters",
        "dncnn:DnCNN",
        DNCNN_PAPER,
        config={"depth": 17},
        weights={"sigma25": _dncnn("S-25", "65f0f0ea16d667274a75a7eec19950b22e752007c8a3147831b2d5441bd62920", "25")},
    ),
    _model(
        "dncnn-blind",
        "DnCNN-B for noise of unknown level: 20 layers, 667,008 parameters",
        "dncnn:DnCNN",
        DNCNN_PAPER,
        config={"depth": 20},
        weights={"blind": _dncnn("B", "dc25406eff05b9f4d1b30084a7a774e458e963f67d4a0ad1d2d9efbef4325b39", "0 to 55")},
    ),
    _model(
        "vdsr",
        "VDSR, which adds the detail that bicubic enlarging by 2, 3 or 4 lacks: 20 layers, 664,704 parameters",
        "vdsr:VDSR",
        "Kim, Lee & Lee 2016, Accurate image super-resolution using very deep convolutional networks, arXiv:1511.04587",
        weights={
            "291": Weights(
                uri=VDSR,
                file="vdsr_epoch50.safetensors",
                converted=True,
                sha256="a6206f681664359f53e1419d2231b3f8dcb3652cce4a2bb7fee1f291c9a9fc39",
                licence="MIT",
                source="twtygqyy 2018, pytorch-vdsr, trained on 291 pictures; the tensors of that pickled module as safetensors",
            )
        },
    ),
    _model(
        "espcn",
        "ESPCN, which enlarges 3 times by sub-pixel convolution: 3 layers, 22,729 parameters",
        "espcn:ESPCN",
        "Shi et al. 2016, Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural "
        "network, arXiv:1609.05158",
        config={"scale": 3},
        weights={
            "x3": Weights.shipped(
                "vision/espcn-x3",
                "9c9df9fd9236078d5744a2629724140cf383a5bf2b8577bba42fff873c9dc8f0",
                note="on pictures in the public domain or under CC0",
                config={"scale": 3},
            )
        },
    ),
]


def _denoise(dataset: str, summary: str) -> BenchmarkSpec:
    return BenchmarkSpec(
        name=f"{dataset}-sigma25",
        summary=summary,
        task="generate",
        modality="image",
        dataset=f"data/{dataset}",
        metrics=("psnr-gray", "ssim-gray"),
        protocol={"degrade": "noise:25"},
    )


def _enlarge(scale: int) -> BenchmarkSpec:
    return BenchmarkSpec(
        name=f"set5-x{scale}",
        summary=f"Enlarging 5 pictures {scale} times, from MATLAB's bicubic reduction.",
        task="generate",
        modality="image",
        dataset="data/set5",
        metrics=tuple(f"{metric}:border={scale}" for metric in ("psnr-y", "ssim-y", "psnr-rgb")),
        protocol={"degrade": f"bicubic:{scale}"},
    )


BENCHMARKS: list[BenchmarkSpec] = [
    _denoise("set12", "Removing Gaussian noise of 25 grey levels from 12 grey pictures."),
    _denoise("bsd68", "Removing Gaussian noise of 25 grey levels from 68 grey pictures."),
    *(_enlarge(scale) for scale in (2, 3, 4)),
]

RECIPES: list[RecipeSpec] = [
    RecipeSpec(
        name="espcn-x3",
        summary="ESPCN for scale 3 on seven photographs in the public domain: Adam, minutes",
        model="vision/espcn",
        task="generate",
        benchmark="vision/set5-x3",
        dataset="data/photographs",
        trainer="zoo_vision.espcn_trainer:train",
        config={"scale": 3},
        epochs=40,
        batch_size=16,
        optimizer=Optimizer(name="adam", lr=2e-3),
        schedule="cosine",
        validation=0.2,
        metric="psnr-y:border=3",
        options={"patch": 20, "steps": 150, "zoom": [1.0, 0.7, 0.5, 0.35]},
    ),
]
