"""PGD-20 on a ResNet-18 at 32x32, batch 64, beside torchattacks in one process: `pytest tests/bench --benchmark-only -n 0`.

Once where no sample falls, so that both take the same 20 gradients of all 64, and once where half of them fall at the first
step and leave. What is printed is the ratio of medians; nothing asserts a time.

Install torchattacks with `pip install --no-deps torchattacks`.
"""

import statistics
import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.devices import on_device
from zoo.opening.models import build_model
from zoo.tasks.attack.contract import Threat, Victim
from zoo.tasks.attack.verify import margins
from zoo_robust.attacks.pgd import Pgd

ROUNDS, BATCH, STEPS = 5, 64, 20
EPS, STEP = 8 / 255, 2 / 255


class OnePixel(nn.Module):
    """A network whose logit of class 0 also hangs on the first pixel, so that it can be told who falls when: at 0.5."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        steep = 2000 * (images[:, 0, 0, 0] - 0.5)
        return torch.cat([logits[:, :1] + steep[:, None], logits[:, 1:]], dim=1)


@pytest.mark.parametrize("falling", [0, BATCH // 2], ids=["equal-work", "half-fall-at-once"])
def test_pgd_beside_torchattacks(benchmark: Any, falling: int) -> None:
    torchattacks = pytest.importorskip("torchattacks")
    import zoo

    torch.manual_seed(0)
    network = OnePixel(build_model(zoo.registry().model("cnn/resnet18"), "classify", {"classes": 10})).eval()
    images, labels = torch.rand(BATCH, 3, 32, 32), torch.zeros(BATCH, dtype=torch.long)
    images[:, 0, 0, 0] = 0.9
    images[:falling, 0, 0, 0] = 0.5 + STEP / 2
    other = torchattacks.PGD(network, eps=EPS, alpha=STEP, steps=STEPS, random_start=False)
    # The victim as a run has it: frozen, convolutions channels-last, on a copy of its own.
    frozen = OnePixel(build_model(zoo.registry().model("cnn/resnet18"), "classify", {"classes": 10})).eval()
    frozen.load_state_dict(network.state_dict())
    victim, mine = Victim(on_device(frozen, torch.device("cpu")), "resnet18", 10, None), Pgd(step_size=STEP, random_start=False)
    threat, seeds = Threat("linf", EPS), list(range(BATCH))
    attacked = mine(victim, images, labels, threat, seeds)
    assert (margins(victim(images), labels) > 0).all()
    assert int((margins(victim(attacked.inputs), labels) <= 0).sum()) == falling
    assert attacked.gradients.tolist() == [2] * falling + [STEPS] * (BATCH - falling)

    runs = {"torchattacks": lambda: other(images, labels), "zoo": lambda: mine(victim, images, labels, threat, seeds)}
    runs["torchattacks"]()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["torchattacks"] / medians["zoo"]
    benchmark.extra_info.update(medians, ratio=ratio)
    print(f"\ntorchattacks {medians['torchattacks']:.2f} s, zoo {medians['zoo']:.2f} s: {ratio:.2f} times as fast")
    benchmark.pedantic(runs["zoo"], rounds=1)
