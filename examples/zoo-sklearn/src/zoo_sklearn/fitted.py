"""An estimator of scikit-learn as a classifier of the zoo: what was fitted is arrays, which are its weights."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.errors import ModelError

Array = np.ndarray[Any, Any]
TINY = float(np.finfo(np.float32).tiny)


class Fitted:
    """Features are standardised by mean and scale of the training samples, then classified. Logits are log p(class | x).

    `state_dict` has float64 `mean` and `scale` [d], int64 `seen` [k], the classes that training saw, and what a subclass adds.
    Any other class has the smallest float32 for its probability. Before training all are alike.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.arrays: dict[str, Array] = {}

    def fit(self, x: Array, y: Array, seed: int) -> None:
        """Fit to vectors float64 [n, d] and labels int64 [n]."""
        scale = x.std(axis=0)
        self.arrays = {
            "mean": x.mean(axis=0),
            "scale": np.where(scale > 0, scale, 1.0),
            "seen": np.unique(y),
        }
        self.arrays |= self.fitted((x - self.arrays["mean"]) / self.arrays["scale"], y, seed)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits float32 [b, classes] of images [b, c, h, w] or vectors [b, d]."""
        if not self.arrays:
            return torch.zeros(len(inputs), self.classes, device=inputs.device)
        x = inputs.detach().cpu().flatten(1).double().numpy()
        if x.shape[1] != len(self.arrays["mean"]):
            wanted = len(self.arrays["mean"])
            raise ModelError(f"it was trained on {wanted} features, and these are {x.shape[1]}", "train it on data like these")
        logits = np.full((len(x), self.classes), np.log(TINY))
        logits[:, self.arrays["seen"]] = self.log_probabilities((x - self.arrays["mean"]) / self.arrays["scale"])
        return torch.from_numpy(logits.astype(np.float32)).to(inputs.device)

    def state_dict(self) -> dict[str, Tensor]:
        """All arrays as tensors; before training one that says so."""
        return {name: torch.from_numpy(array) for name, array in self.arrays.items()} or {
            "untrained": torch.zeros(1, dtype=torch.float64)
        }

    def load_state_dict(self, state: dict[str, Tensor], strict: bool = True) -> None:
        """Take the arrays of `state`. Raises KeyError where one is missing, ValueError where they are of more classes."""
        self.arrays = {name: tensor.cpu().numpy() for name, tensor in state.items()}
        if int(self.arrays["seen"].max()) >= self.classes:
            raise ValueError(f"they are of more than {self.classes} classes")
        self.restore()

    def fitted(self, x: Array, y: Array, seed: int) -> dict[str, Array]:
        """What fitting to standardised features gives, by name."""
        raise NotImplementedError

    def restore(self) -> None:
        """Make ready to predict, of the arrays alone."""

    def log_probabilities(self, x: Array) -> Array:
        """log p, float64 [b, k], of the classes that training saw."""
        raise NotImplementedError


class FittedArrays(Fitted):
    """An estimator by its place (`module:Class`) whose fitted state is arrays: the attributes `fitted`."""

    def __init__(self, estimator: str, fitted: Sequence[str], parameters: dict[str, Any], classes: int = 2) -> None:
        super().__init__(classes)
        module, _, name = estimator.partition(":")
        self.attributes = tuple(fitted)
        self.estimator: Any = getattr(import_module(module), name)(**parameters)

    def fitted(self, x: Array, y: Array, seed: int) -> dict[str, Array]:
        self.estimator.fit(x, y)
        return {name: np.asarray(getattr(self.estimator, name), dtype=np.float64) for name in self.attributes}

    def restore(self) -> None:
        for name in self.attributes:
            setattr(self.estimator, name, self.arrays[name])
        self.estimator.classes_ = self.arrays["seen"]
        self.estimator.n_features_in_ = len(self.arrays["mean"])

    def log_probabilities(self, x: Array) -> Array:
        return np.asarray(np.maximum(self.estimator.predict_log_proba(x), np.log(TINY)))
