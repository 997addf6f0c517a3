"""Write `weights/mlp-digits.onnx`, the network of `intro/mlp@digits` as a graph: python tools/export_digits.py"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import zoo
from zoo.data import DIGITS

TARGET = Path(__file__).parents[1] / "src" / "zoo_onnx" / "weights" / "mlp-digits.onnx"


def main() -> None:
    """Pixels into [-1, 1], then Gemm and Relu for each layer; class names in the metadata."""
    network: Any = zoo.load("intro/mlp@digits")
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    layers = sorted({name.rpartition(".")[0] for name in state}, key=lambda name: int(name.rpartition(".")[2]))
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Mul", ["flat", "two"], ["doubled"]),
        helper.make_node("Sub", ["doubled", "one"], ["centred"]),
    ]
    held = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in {"one": 1, "two": 2}.items()]
    before = "centred"
    for i, layer in enumerate(layers):
        held += [numpy_helper.from_array(np.asarray(state[f"{layer}.{part}"]), f"{part}{i}") for part in ("weight", "bias")]
        nodes.append(helper.make_node("Gemm", [before, f"weight{i}", f"bias{i}"], [f"layer{i}"], transB=1))
        before = f"layer{i}"
        if i < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [before], [f"relu{i}"]))
            before = f"relu{i}"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8])
    logits = helper.make_tensor_value_info(before, TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(nodes, "mlp-digits", [image], [logits], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"classes": json.dumps(DIGITS)})
    onnx.checker.check_model(model)
    TARGET.write_bytes(model.SerializeToString())
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET)


if __name__ == "__main__":
    main()
