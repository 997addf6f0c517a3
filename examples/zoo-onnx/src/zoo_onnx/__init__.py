"""Classifiers in ONNX: any file as `onnx:PATH`, and as `onnx/NAME` those in the folder `onnx` of a data folder."""

from zoo import hookimpl
from zoo.data import DIGITS
from zoo.specs import ImageInput, ModelSpec, Spec, Weights

MLP = ModelSpec(
    name="digits-mlp",
    summary="The perceptron intro/mlp on digits, as ONNX",
    tasks={"classify": "zoo_onnx.session:OnnxClassifier"},
    modality="image",
    input=ImageInput(channels=1, size=(8, 8)),
    options="zoo_onnx.session:Options",
    inputs="numpy",
    weights_as="file",
    weights={
        "digits": Weights(
            uri="pkg:zoo_onnx/weights/mlp-digits.onnx",
            sha256="91d3e22e12e7ad633e99827d26a5c6e169f102b26770aaf9e41888c12f365c8f",
            licence="Apache-2.0",
            source="intro/mlp@digits of deepzoo, written by tools/export_digits.py",
            classes=DIGITS,
        )
    },
    paper="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors, doi:10.1038/323533a0",
)


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [MLP]


@hookimpl
def zoo_namespaces() -> list[str]:
    return ["onnx"]


@hookimpl
def zoo_names(namespace: str) -> tuple[str, list[Spec]] | None:
    """The files below the folder `onnx` of every data folder."""
    if namespace != "onnx":
        return None
    from zoo_onnx.files import listed

    return "onnxruntime", list(listed())


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """The spec of a file: `onnx:PATH` or `onnx/NAME`."""
    if kind != "model" or not name.startswith(("onnx:", "onnx/")):
        return None
    from zoo_onnx.files import resolve

    return resolve(name)
