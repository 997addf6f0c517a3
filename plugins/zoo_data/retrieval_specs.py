"""Retrieval, verification and one-shot: specs of the standard datasets. Any labelled dataset is a retrieval set besides."""

from zoo.specs import BenchmarkSpec, DataFile, DatasetSpec

RETRIEVAL_METRICS = (
    "recall-at-k:k=1",
    "recall-at-k:k=5",
    "map-at-r",
    "knn-accuracy:k=5",
    "nmi",
    "ami",
    "roc-auc",
    "eer",
    "tar-at-far:far=0.01",
)
VERIFICATION_METRICS = ("eer", "roc-auc", "tar-at-far:far=0.01", "tar-at-far:far=0.001")

OMNIGLOT = "https://raw.githubusercontent.com/brendenlake/omniglot/057f034baf2ecb8530bc5710e5a23584d2a519cc/python"
LAKE = (
    "B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum (2015), Human-level concept learning through probabilistic program "
    "induction, Science 350, doi:10.1126/science.aab3050"
)


def _archive(name: str, path: str, size: int, sha256: str) -> DataFile:
    return DataFile(name=name, sha256=sha256, size=size, urls=(f"{OMNIGLOT}/{path}",))


# Hashes and sizes: measured on the files of that commit.
RUNS = _archive(
    "all_runs.zip", "one-shot-classification/all_runs.zip", 352_787,
    "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325",
)  # fmt: skip
BACKGROUND = (
    _archive("images_background_small1.zip", "images_background_small1.zip", 1_319_022,
             "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"),
    _archive("images_background_small2.zip", "images_background_small2.zip", 1_580_917,
             "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"),
)  # fmt: skip

DATASETS: list[DatasetSpec] = [
    DatasetSpec(
        name="omniglot",
        summary="Handwritten characters, 105x105; 136 of five alphabets to train, 106 of three other alphabets to test.",
        modality="image",
        tasks=("embed",),
        target="zoo_data.omniglot:open_omniglot",
        splits={"train": 2720, "test": 2120},
        files=BACKGROUND,
        folders=("omniglot", "omniglot/python", "omniglot-py"),
        licence="MIT",
        citation=LAKE,
        homepage="https://github.com/brendenlake/omniglot",
    ),
    DatasetSpec(
        name="omniglot-one-shot",
        summary="20 runs of one-shot classification: 20 drawings each, to tell apart by one drawing of each of 20 characters.",
        modality="image",
        tasks=("embed",),
        target="zoo_data.omniglot:open_one_shot",
        splits={"test": 800},
        files=(RUNS,),
        folders=("omniglot", "omniglot/python/one-shot-classification", "omniglot/python", "omniglot-py"),
        licence="MIT",
        citation=LAKE,
        homepage="https://github.com/brendenlake/omniglot",
    ),
    DatasetSpec(
        name="orl-faces",
        summary="400 photographs of the faces of 40 people, 92x112 grey.",
        modality="image",
        target="zoo_data.faces:open_faces",
        splits={"test": 400},
        folders=("orl_faces", "orl-faces", "att_faces"),
        contents=("s1", "s40"),
        licence="No licence is stated; AT&T Laboratories Cambridge ask for credit.",
        citation="F. Samaria, A. Harter (1994), Parameterisation of a stochastic model for human face identification, "
        "doi:10.1109/ACV.1994.341300",
        homepage="https://cam-orl.co.uk/facedatabase.html",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = [
    BenchmarkSpec(
        name="omniglot",
        summary="Retrieval of characters of three alphabets that training never saw.",
        task="embed",
        modality="image",
        dataset="omniglot",
        metrics=RETRIEVAL_METRICS,
    ),
    BenchmarkSpec(
        name="omniglot-one-shot",
        summary="One-shot classification within an alphabet, 20 ways, 20 runs; alphabets of neither background set.",
        task="embed",
        modality="image",
        dataset="omniglot-one-shot",
        metrics=("one-shot-accuracy",),
    ),
    BenchmarkSpec(
        name="orl-faces",
        summary="Retrieval: photographs of the same person.",
        task="embed",
        modality="image",
        dataset="orl-faces",
        metrics=RETRIEVAL_METRICS,
    ),
    BenchmarkSpec(
        name="orl-faces-verification",
        summary="Verification: do two photographs show one person?",
        task="embed",
        modality="image",
        dataset="orl-faces",
        metrics=VERIFICATION_METRICS,
    ),
]

RESOLVERS: dict[str, str] = {}
