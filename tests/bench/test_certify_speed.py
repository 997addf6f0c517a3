"""Seconds an image of IBP, Fast-Lin and CROWN on Wong and Kolter's network, L-infinity eps 0.1.

`pytest tests/bench/test_certify_speed.py --benchmark-only -n 0`, on real images and weights. What is printed is CPU
time of one thread, so that neighbours count little. Nothing asserts a time.
"""

import time
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.imaging.images import prepare_image
from zoo.tasks import Threat, Victim
from zoo_robust.certificates.certifiers import Crown, FastLin, Ibp

IMAGES, ROUNDS = 64, 3
CERTIFIERS = {
    "ibp": Ibp(),
    "fast-lin, interval": FastLin(intermediate="interval"),
    "fast-lin": FastLin(),
    "crown": Crown(),
}


@pytest.mark.parametrize("name", CERTIFIERS)
def test_seconds_an_image(benchmark: Any, name: str, real_data: Path) -> None:
    torch.set_num_threads(1)
    network = zoo.load("robust/small-convnet@mnist-convex")
    data = zoo.dataset("mnist")
    images = torch.stack([prepare_image(data[i].input, network.zoo_info.input) for i in range(IMAGES)])
    labels, victim = torch.tensor(data.targets[:IMAGES]), Victim(network.eval(), "small-convnet", 10, None)
    taken = []

    def certify() -> Any:
        started = time.process_time()
        made = CERTIFIERS[name].certify(victim, images, labels, Threat("linf", 0.1), [0] * IMAGES)
        taken.append((time.process_time() - started) / IMAGES)
        return made

    found = benchmark.pedantic(certify, rounds=ROUNDS)
    proved = int((found.radius > 0).sum())
    benchmark.extra_info.update(seconds_an_image=min(taken), certified=proved)
    print(f"\n{name}: {1000 * min(taken):.1f} ms of CPU an image, {proved} of {IMAGES} certified")
