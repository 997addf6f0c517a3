"""Three architectures small enough to train in a test, and their training by hand."""

from collections.abc import Callable

import timm
import torch
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Texts(nn.Module):
    """A Transformer over numbers, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3)
        self.output = nn.Linear(16, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.output(self.encoder(self.embedding(tokens)).mean(1))
        return logits


def vit() -> nn.Module:
    return timm.create_model("vit_tiny_patch16_224", img_size=32, depth=4, num_classes=5, drop_path_rate=0.2)


def resnet() -> nn.Module:
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes=5, channels=(8, 16, 32, 64))


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "vit": (vit, lambda: torch.rand(4, 3, 32, 32)),
    "resnet": (resnet, lambda: torch.rand(4, 3, 32, 32)),
    "transformer": (Texts, lambda: torch.randint(50, (4, 12))),
}


def trained(network: nn.Module, inputs: Callable[[], Tensor], steps: int) -> dict[str, Tensor]:
    """The state after some steps of AdamW with one sequence of draws."""
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(network(inputs()), torch.tensor([0, 1, 2, 3])).backward()
        optimizer.step()
    return network.state_dict()
