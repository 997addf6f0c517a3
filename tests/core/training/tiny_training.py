"""Models small enough to train in a test, and jobs on the digits that scikit-learn carries. Run as a script, it trains one."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from zoo.data.dataset import ArrayDataset, Dataset
from zoo.metrics.classify import Accuracy
from zoo.specs import ModelSpec, Optimizer, RecipeSpec
from zoo.tasks import DataInfo, ModelInfo
from zoo.tasks.classify import Classify
from zoo.training.job import TrainingJob, TrainingProgress
from zoo.training.split import Subset, split_validation


class TinyNet(nn.Module):
    """Has all that could spoil an exact resume: batch statistics, dropout, an integer buffer."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(channels * 16, 10))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images))


class Plain(nn.Module):
    """Linear: nothing in it depends on the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.flatten(1))


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 33), nn.Tanh(), nn.Linear(33, 10))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class Convolutions(nn.Module):
    """Without batch norms."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 7, 3), nn.GroupNorm(1, 7), nn.ReLU(), nn.Conv2d(7, 5, 3), nn.ReLU())
        self.head = nn.Linear(80, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images).flatten(1))


class Attention(nn.Module):
    """A Transformer over the rows of an image, in blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(8, 8))
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 15, dropout=0.0, batch_first=True) for _ in range(3))
        self.head = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        rows = images[:, 0] + self.place
        for block in self.blocks:
            rows = block(rows)
        return self.head(rows.flatten(1))


class Recurrent(nn.Module):
    """An LSTM over the rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 11, batch_first=True)
        self.head = nn.Linear(11, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.lstm(images[:, 0])[0][:, -1])


class Lengths(nn.Module):
    """Tells texts by their length."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 2)

    def forward(self, texts: list[str]) -> Tensor:
        return self.linear(torch.tensor([[len(text) / 10] for text in texts]))


class Broken(nn.Module):
    """Its loss is NaN from the start."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(float("nan")))

    def forward(self, images: Tensor) -> Tensor:
        return self.weight * images.flatten(1)[:, :10]


class NoModule:
    """A callable without parameters of PyTorch."""

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10]


@cache
def digits(samples: int = 300) -> ArrayDataset:
    found = load_digits()
    images = torch.from_numpy(found.images[:samples] / 16).float().unsqueeze(1)
    return ArrayDataset(images, found.target[:samples].tolist(), [f"d{i:03}" for i in range(samples)], tuple("0123456789"))


def make_job(
    folder: Path, model: str = "TinyNet", data: Dataset | None = None, modality: str = "image", **recipe: Any
) -> TrainingJob:
    """A job for a model of this file."""
    data = data or digits()
    defaults = {"epochs": 4, "batch_size": 32, "optimizer": Optimizer(name="adamw", lr=0.01), "validation": 0.2}
    spec = RecipeSpec(name="tiny", summary="A test", model=model, dataset="tiny", **{**defaults, **recipe})
    trained, validated = split_validation(data, spec.validation, spec.seed)
    info = DataInfo("tiny", "train", modality, tuple(data.classes or ()))
    return TrainingJob(
        recipe=spec,
        model=ModelSpec(name=model, summary="A test", tasks={"classify": f"tiny_training:{model}"}, modality=modality),
        task=Classify(ModelInfo(model, modality, "dataset", spec.input), info),
        train=Subset(data, trained),
        validation=Subset(data, validated),
        metric=Accuracy(),
        direction="higher",
        fingerprint=data.fingerprint,
        folder=folder,
        key=repr(spec),
    )


FULL = {
    "augment": ("crop:1", "affine:degrees=10,share=0.1"),
    "ema": 0.9,
    "schedule": "onecycle",
    "label_smoothing": 0.1,
    "clip_norm": 1.0,
}

if __name__ == "__main__":
    from dataclasses import replace

    from zoo.opening.weights import save_state
    from zoo.training.loop import train

    def tell(progress: TrainingProgress) -> None:
        print(progress.epoch, progress.done, progress.score, progress.note, flush=True)

    job = replace(make_job(Path(sys.argv[1]), epochs=6, batch_size=8, **FULL), progress=tell)
    print(save_state(job.folder / "weights.safetensors", train(job).state))
