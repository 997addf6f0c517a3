"""A classifier, and the same with one fault each."""

import pickle
import socket
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor


class Base(torch.nn.Module):
    """Logits [b, 10] of images [b, 1, 8, 8]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1), persistent=False)

    def logits(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10] * 3


class Sound(Base):
    """What the others would be without their fault."""

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images)


class Nondeterministic(Base):
    """Draws from the global generator."""

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images) + torch.rand(len(images), 10)


class BatchDependent(Base):
    """Normalises by the batch."""

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images - images.mean(0))


class Networked(Base):
    """Asks the network, and hides that it failed."""

    def forward(self, images: Tensor) -> Tensor:
        with suppress(OSError):
            socket.create_connection(("example.org", 80), timeout=1)
        return self.logits(images)


class Nan(Base):
    """Returns NaN."""

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images) / 0 * 0


class WrongShape(Base):
    """Returns a class too few."""

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images)[:, :9]


class Raising(Base):
    """Raises."""

    def forward(self, images: Tensor) -> Tensor:
        raise RuntimeError("no batch for me")


class Training(Base):
    """Learns while it predicts."""

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return self.logits(images)


class Pickling(Base):
    """Reads a pickle."""

    def forward(self, images: Tensor) -> Tensor:
        pickle.loads(pickle.dumps(Path("/tmp")))
        return self.logits(images)
