"""From an ONNX file to a spec: what it takes, what it gives, what its classes are called. Nothing in it is run for that."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.data import file_sha256
from zoo.errors import UnknownNameError, WeightsError
from zoo.home import data_dirs
from zoo.specs import ImageInput, Modality, ModelSpec, Weights

Gives = Literal["logits", "probabilities"]
THROUGH = ("Cast", "Identity", "Reshape", "Squeeze", "Flatten")
"""Operators that change no number."""
PROBABLE = ("Softmax", "Normalizer", "TreeEnsembleClassifier", "SVMClassifier")
"""Operators whose result is probabilities."""


@dataclass(frozen=True)
class Facts:
    """What a graph says of itself."""

    input: str
    shape: tuple[int | None, ...]
    """Of its input; None for what is open."""
    type: int
    """Of its input's elements, a `TensorProto.DataType`."""
    modality: Modality
    channels_last: bool
    output: str
    outputs: int | None
    gives: Gives
    classes: tuple[str, ...] | None

    @property
    def batch(self) -> int | None:
        """The only number of samples that it takes at once; None for any."""
        return self.shape[0]

    @property
    def image(self) -> ImageInput | None:
        """Channels and size of its images, where they are fixed."""
        if self.modality != "image":
            return None
        channels, height, width = self.shape[3:] + self.shape[1:3] if self.channels_last else self.shape[1:]
        return ImageInput(channels=1 if channels == 1 else 3, size=(height, width) if height and width else None)


def resolve(name: str) -> ModelSpec:
    """The spec of the file that a name means. Raises UnknownNameError or WeightsError."""
    path = _located(name)
    facts = facts_of(path.read_bytes(), path.name)
    return ModelSpec(
        name=name,
        summary=f"Classifier of {facts.modality}s in {path.name}",
        tasks={"classify": "zoo_onnx.session:OnnxClassifier"},
        modality=facts.modality,
        input=facts.image,
        options="zoo_onnx.session:Options",
        inputs="numpy",
        weights_as="file",
        weights={
            "file": Weights(
                uri=f"file:{path}",
                sha256=file_sha256(path),
                licence="As its publisher says.",
                source=path.name,
                classes=facts.classes,
            )
        },
    )


def listed() -> Iterator[ModelSpec]:
    """The specs of the files below the folder `onnx` of every data folder; those that are no classifier are passed over."""
    for folder in data_dirs():
        for path in sorted((folder / "onnx").rglob("*.onnx")):
            try:
                yield resolve(f"onnx/{path.relative_to(folder / 'onnx').with_suffix('').as_posix()}")
            except (UnknownNameError, WeightsError):
                continue


def facts_of(content: bytes, what: str) -> Facts:
    """What the graph in a file says of itself. Raises WeightsError where it is no classifier that can be run here."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise WeightsError(f"{what} is no ONNX file, or not whole: {error}", "get or export it again") from error
    graph = model.graph
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer):
        hint = "save it as one file: onnx.save(model, path, save_as_external_data=False)"
        raise WeightsError(f"{what} keeps its weights in other files, which no hash of it covers", hint)
    held = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in held]
    if len(inputs) != 1:
        raise WeightsError(f"{what} takes {len(inputs)} inputs, and a classifier takes one", "export it with one input")
    shape = _shape(inputs[0])
    modality, last = _modality(shape, inputs[0].type.tensor_type.elem_type, what)
    output = _scores(graph, what)
    return Facts(
        inputs[0].name,
        shape,
        inputs[0].type.tensor_type.elem_type,
        modality,
        last,
        output.name,
        _shape(output)[-1],
        _gives(graph, output.name),
        _classes({prop.key: prop.value for prop in model.metadata_props}),
    )


def _located(name: str) -> Path:
    """`onnx:PATH`, or `onnx/NAME` below the folder `onnx` of a data folder. Raises UnknownNameError."""
    rest = name[len("onnx:") :]
    if name.startswith("onnx:"):
        path = Path(rest).expanduser().absolute()
        if path.is_file():
            return path
        raise UnknownNameError(f"there is no file {path}", "name one that is there: onnx:PATH.onnx")
    folders = [folder / "onnx" for folder in data_dirs()]
    for folder in folders:
        for path in (folder / rest, folder / f"{rest}.onnx"):
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path.absolute()
    where = " or ".join(map(str, folders)) or "any data folder, since ZOO_DATA_DIR names none"
    raise UnknownNameError(f"there is no {rest}.onnx below {where}", f"put it there, or name it by its path: onnx:{rest}.onnx")


def _shape(value: Any) -> tuple[int | None, ...]:
    sides = value.type.tensor_type.shape.dim
    return tuple(side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in sides)


def _modality(shape: tuple[int | None, ...], element: int, what: str) -> tuple[Modality, bool]:
    """What its input is, and of an image whether its channels come last."""
    import onnx

    if element == onnx.TensorProto.STRING:
        return "text", False
    if len(shape) == 4 and shape[1] in (1, 3):
        return "image", False
    if len(shape) == 4 and shape[3] in (1, 3):
        return "image", True
    if len(shape) == 2:
        return "vector", False
    raise WeightsError(
        f"{what} takes an input of shape {[side or '?' for side in shape]}, which is neither images, vectors nor strings",
        "export it with an input [n, 1 or 3, height, width], [n, d], or strings [n]",
    )


def _scores(graph: Any, what: str) -> Any:
    """The output with a score a class: the first one of floating-point numbers [n, classes]."""
    import onnx

    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    found = next((one for one in graph.output if one.type.tensor_type.elem_type in kinds and len(_shape(one)) == 2), None)
    if found is None:
        hint = "export scores, not labels; with skl2onnx: options={'zipmap': False}"
        raise WeightsError(f"{what} has no output of floating-point numbers [n, classes]", hint)
    return found


def _gives(graph: Any, output: str) -> Gives:
    """Whether an output is probabilities, by the operator that makes it."""
    made_by = {name: node for node in graph.node for name in node.output}
    node = made_by.get(output)
    while node is not None and node.op_type in THROUGH:
        node = made_by.get(node.input[0])
    if node is None:
        return "logits"
    transforms = {attribute.name: attribute.s for attribute in node.attribute}
    linear = node.op_type == "LinearClassifier" and transforms.get("post_transform", b"NONE") in (b"SOFTMAX", b"LOGISTIC")
    return "probabilities" if node.op_type in PROBABLE or linear else "logits"


def _classes(told: dict[str, str]) -> tuple[str, ...] | None:
    """Class names in order, where the file's metadata has them under `classes`: as JSON, or between commas."""
    text = told.get("classes", "")
    try:
        names = json.loads(text)
    except ValueError:
        names = [name.strip() for name in text.split(",")] if text else None
    return tuple(map(str, names)) if isinstance(names, list) else None
