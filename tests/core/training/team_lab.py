"""Trainings of small models in two processes, many after each other, as starting PyTorch takes longest. A script: each of its
processes trains all, and the first writes what came of them."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tiny_training import digits, make_job
from torch import distributed

from zoo.errors import OptionError
from zoo.specs import Optimizer
from zoo.training.loop import Loop, train

ARCHITECTURES = ("Convolutions", "Attention", "Recurrent")
OPTIMIZERS = ("sgd", "lars", "adopt", "madgrad")
PARALLEL = ("data-parallel", "zero-1", "zero-2", "zero-3")
# eps: the keys' biases of an attention have a gradient of 0, and Adam would make steps of how it is rounded
STEPS: dict[str, Any] = {"epochs": 5, "batch_size": 33, "schedule": "constant", "data": digits(150)}  # 20 steps; 33 or 21 samples
STEPS["optimizer"] = Optimizer(name="adamw:eps=1e-4", lr=0.01)
FEW: dict[str, Any] = {"epochs": 1, "batch_size": 21, "schedule": "constant", "data": digits(100)}

TOGETHER: dict[str, dict[str, Any]] = {
    "zero-3 with checkpointing": {"model": "Attention", "techniques": ("zero-3", "activation-checkpointing")},
    "zero-2 with accumulation": {"model": "Attention", "techniques": ("zero-2", "gradient-accumulation:3")},
    "data-parallel with accumulation": {"model": "Convolutions", "techniques": ("data-parallel", "gradient-accumulation:3")},
    "zero-1 with an average": {"model": "Perceptron", "techniques": ("zero-1",), "ema": 0.9},
    "zero-1 with novograd": {"model": "Perceptron", "techniques": ("zero-1",), "optimizer": Optimizer(name="novograd", lr=0.01)},
    "zero-2 with clipping": {"model": "Perceptron", "techniques": ("zero-2",), "clip_norm": 0.1},
    "zero-3 with augmentation": {"model": "Perceptron", "techniques": ("zero-3",), "augment": ("crop:1", "noise:0.1")},
}


class Own(Loop):
    """Takes the network apart."""

    def batch_loss(self, inputs: Any, targets: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self.loss(self.accelerator.unwrap_model(self.model).layers(inputs), targets)


def cases() -> dict[str, dict[str, Any]]:
    """What to train, by name."""
    found: dict[str, dict[str, Any]] = {}
    for model in ARCHITECTURES:
        found |= {f"{model} by {name}": {"model": model, "techniques": (name,), **STEPS} for name in PARALLEL}
    found |= {name: {**STEPS, **FEW, **case} for name, case in TOGETHER.items()}
    for name in OPTIMIZERS:
        settings = {"model": "Perceptron", "optimizer": Optimizer(name=name, lr=0.01)}
        found[f"{name} by zero-3"] = {**settings, "techniques": ("zero-3",), **FEW}
    return found


if __name__ == "__main__":
    rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
    results = {name: train(replace(make_job(folder / name, **case), processes=size, rank=rank)) for name, case in cases().items()}
    try:
        Own(replace(make_job(folder / "own", "Perceptron", techniques=("zero-3",)), processes=size, rank=rank))
    except OptionError as error:
        refused = error.message
    if rank == 0:
        told = {name: (result.state, result.cost.model_dump()) for name, result in results.items()}
        torch.save({"refused": refused, **told}, folder / "results.pt")
