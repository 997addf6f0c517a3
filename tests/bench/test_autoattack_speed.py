"""AutoAttack on fgsm.pth, first 200 MNIST images, beside pyautoattack in one process: `pytest tests/bench --benchmark-only -n 0`.

Both take all images as one batch, on one thread. The reference has the network as it is loaded, ours as a run has it (frozen,
channels-last), with everything else that the core does of a batch.
What is printed is the ratio of the medians of CPU time, which does not hang on who else uses the machine, and what each stage
left; nothing asserts a time. AUTOATTACK_IMAGES=1000 takes as many instead.
"""

import logging
import os
import re
import statistics
import time
from typing import Any

import pytest
import torch

import zoo
from zoo.devices import on_device
from zoo.tasks.attack.contract import Threat, Victim
from zoo.tasks.attack.verify import attack_batch
from zoo.tasks.base import Batch
from zoo_robust.attacks.autoattack import AutoAttack

ROUNDS, EPS = 3, 0.3
COUNT = int(os.environ.get("AUTOATTACK_IMAGES", "200"))
HALF_A_POINT = 0.005


def test_autoattack_beside_pyautoattack(benchmark: Any, real_data: Any, caplog: Any) -> None:
    pyautoattack = pytest.importorskip("pyautoattack")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    test = zoo.dataset("mnist")
    images, labels = torch.stack([test[i].input for i in range(COUNT)]).float() / 255, torch.tensor(test.targets[:COUNT])
    theirs = zoo.load("robust/small-convnet@mnist-fast").eval()
    victim = Victim(on_device(zoo.load("robust/small-convnet@mnist-fast").eval(), torch.device("cpu")), "fgsm.pth", 10, None)
    batch = Batch([str(i) for i in range(COUNT)], images, labels.tolist(), list(range(COUNT)))

    def reference() -> list[float]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="auto-attack"):
            attack = pyautoattack.AutoAttack(theirs, norm="Linf", eps=EPS, seed=0)
            attack.run_standard_evaluation(images, labels, batch_size=COUNT)
        told = [re.search(r"robust accuracy after \S+: ([\d.]+)%", record.getMessage()) for record in caplog.records]
        return [float(found[1]) / 100 for found in told if found]

    def ours() -> list[float]:
        found = attack_batch(AutoAttack(), "robust/autoattack", victim, batch, Threat("linf", EPS))
        right = int((found.clean.argmax(1) == labels).sum())
        felled = [found.stages.felled_by.count(stage) for stage in found.stages.names]
        return [(right - sum(felled[: place + 1])) / COUNT for place in range(len(felled))]

    times: dict[str, list[float]] = {"pyautoattack": [], "zoo": []}
    left = {}
    for _ in range(ROUNDS):
        for name, run in (("pyautoattack", reference), ("zoo", ours)):
            started = time.process_time()
            left[name] = run()
            times[name].append(time.process_time() - started)
    torch.set_num_threads(threads)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["pyautoattack"] / medians["zoo"]
    benchmark.extra_info.update(medians, ratio=ratio, left=left)
    print(f"\nrobust accuracy after each stage: {left}")
    print(f"pyautoattack {medians['pyautoattack']:.1f} s, zoo {medians['zoo']:.1f} s of CPU: {ratio:.2f} times as fast; {times}")
    assert abs(left["zoo"][-1] - left["pyautoattack"][-1]) <= HALF_A_POINT + 1e-9
    benchmark.pedantic(ours, rounds=1)
