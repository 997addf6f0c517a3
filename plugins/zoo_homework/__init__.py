"""Plugin `homework`: the course's two homeworks as benchmarks with pass marks, and the galaxies of the first."""

from zoo import hookimpl
from zoo.lazy import load_target
from zoo.specs import (
    BenchmarkSpec,
    CommandSpec,
    DataFile,
    DatasetSpec,
    ImageInput,
    ModelSpec,
    Optimizer,
    RecipeSpec,
    Spec,
    SpecKind,
)
from zoo_homework.specs import HomeworkLimits, HomeworkSpec

GALAXIES = (
    "Disturbed",
    "Merging",
    "Round Smooth",
    "In-between Round Smooth",
    "Cigar Shaped Smooth",
    "Barred Spiral",
    "Unbarred Tight Spiral",
    "Unbarred Loose Spiral",
    "Edge-on without Bulge",
    "Edge-on with Bulge",
)


@hookimpl
def zoo_datasets() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            name="galaxy10",
            summary="Galaxy10 DECaLS: 17,736 photographs of galaxies in ten shapes, 256x256 RGB; 2.5 GB.",
            requires=("h5py>=3",),
            modality="image",
            target="zoo_homework.galaxies.dataset:open_galaxy10",
            splits={"train": None, "test": None},
            classes=GALAXIES,
            files=(
                # The hash is the one that the authors publish, in their README and in astroNN's loader.
                DataFile(
                    name="Galaxy10_DECals.h5",
                    sha256="19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
                    urls=(
                        "https://zenodo.org/records/10845026/files/Galaxy10_DECals.h5",
                        "https://www.astro.utoronto.ca/~hleung/shared/Galaxy10/Galaxy10_DECals.h5",
                    ),
                ),
            ),
            folders=("galaxy10", "Galaxy10", "galaxy10_decals"),
            licence="CC-BY-4.0; the images are to be credited to the DESI Legacy Imaging Surveys, the labels to Galaxy Zoo.",
            citation="H. Leung, J. Bovy, Galaxy10 DECaLS, doi:10.5281/zenodo.10845026; M. Walmsley et al. (2022), "
            "Galaxy Zoo DECaLS, doi:10.1093/mnras/stab2093",
            homepage="https://github.com/henrysky/Galaxy10",
        ),
    ]


@hookimpl
def zoo_namespaces() -> list[str]:
    return ["galaxy10"]


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """The dataset `galaxy10:PATH`: a file of the user's own of Galaxy10's structure."""
    namespace, _, path = name.partition(":")
    if kind != "dataset" or namespace != "galaxy10" or not path:
        return None
    spec: Spec = load_target("zoo_homework.galaxies.dataset:galaxy_file_spec")(name, path)
    return spec


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [
        ModelSpec(
            name="galaxy-net",
            summary="A timm backbone for galaxies; in evaluation the mean over the eight turns and mirror images",
            tasks={"classify": "zoo_homework.galaxies.network:GalaxyNet"},
            modality="image",
            config={"backbone": "convnext_tiny", "classes": len(GALAXIES)},
            input=ImageInput(channels=3, size=(224, 224), interpolation="bicubic"),
            paper="Liu et al. 2022, A ConvNet for the 2020s, arXiv:2201.03545; Dieleman, Willett & Dambre 2015, Rotation-"
            "invariant convolutional neural networks for galaxy morphology prediction, arXiv:1503.07077",
        )
    ]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [
        RecipeSpec(
            name="galaxy-net-galaxy10",
            summary="ConvNeXt-T from ImageNet on Galaxy10: flips, rotations, label smoothing, EMA; for one GPU, not yet measured",
            model="homework/galaxy-net",
            dataset="homework/galaxy10",
            trainer="zoo_homework.galaxies.trainer:train",
            epochs=30,
            batch_size=64,
            optimizer=Optimizer(name="adamw", lr=2e-4, weight_decay=0.05),
            label_smoothing=0.1,
            augment=("hflip", "vflip", "affine:degrees=180,share=0.1"),
            ema=0.999,
            clip_norm=1.0,
            options={"pretrained": "convnext_tiny.in12k_ft_in1k"},
            techniques=("training/bf16",),
        )
    ]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [
        BenchmarkSpec(
            name="hw1",
            summary="Homework 1: the shapes of galaxies (Galaxy10 DECaLS); passed with an accuracy above 0.90.",
            task="classify",
            modality="image",
            dataset="galaxy10",
            metrics=("accuracy", "accuracy:k=5", "f1:average=macro", "nll", "ece:bins=15,norm=l1", "confusion"),
            pass_mark="accuracy > 0.9",
        ),
        BenchmarkSpec(
            name="hw2",
            summary="Homework 2: spam among text messages; passed with an F1 of the spam class above 0.90.",
            task="classify",
            modality="text",
            dataset="data/sms-spam",
            metrics=(
                "f1:positive=spam",
                "accuracy",
                "precision:positive=spam",
                "recall:positive=spam",
                "f1:average=macro",
                "nll",
                "ece:bins=15,norm=l1",
                "confusion",
            ),
            pass_mark="f1:positive=spam > 0.9",
        ),
    ]


@hookimpl
def zoo_spec_kinds() -> list[SpecKind]:
    return [
        SpecKind(
            name="homework",
            spec="zoo_homework.specs:HomeworkSpec",
            summary="A benchmark with a pass mark, and what may be handed in for it.",
        )
    ]


@hookimpl
def zoo_homeworks() -> list[HomeworkSpec]:
    return [
        HomeworkSpec(
            name="hw1",
            summary="The shapes of galaxies: accuracy above 0.90 on the test split of Galaxy10 DECaLS.",
            benchmark="homework/hw1",
            limits=HomeworkLimits(wall_seconds=1800, cpu_seconds=3600, memory_bytes=8 << 30),
        ),
        HomeworkSpec(
            name="hw2",
            summary="Spam among text messages: F1 of the spam class above 0.90 on the test split of sms-spam.",
            benchmark="homework/hw2",
            limits=HomeworkLimits(wall_seconds=60, cpu_seconds=30, memory_bytes=4 << 30),
        ),
    ]


@hookimpl
def zoo_commands() -> list[CommandSpec]:
    return [
        CommandSpec(name="grade", summary="Grade a course's homework submissions.", target="zoo_homework.commands:grade"),
        CommandSpec(
            name="homework",
            summary="Homeworks: list them, check a file before handing it in, export a run's predictions.",
            target="zoo_homework.commands:homework",
        ),
    ]
