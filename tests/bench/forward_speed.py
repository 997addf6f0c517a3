"""The forward pass of a run as the network is written, with normalisations folded, and compiled besides: CPU seconds.

    python tests/bench/forward_speed.py mobilenet_v3_large efficientnet_b0:160 --rounds 5

A network is one of torchvision by name, perhaps with the side of its images; its weights are drawn. All three are asked in turn,
on one thread of one process, for batches of 32 as a run asks for them; each figure is a median.
"""

import argparse
import copy
import statistics
import time

import torch
from torchvision import models

import zoo
from zoo.opening.techniques import open_technique
from zoo.plugins.registry import registry
from zoo.runs.fusing import fuse
from zoo.runs.predicting import Predictor
from zoo.seeds import SampleSeeds
from zoo.tasks import DataInfo, ModelInfo
from zoo.tasks.base import Batch
from zoo.tasks.classify import Classify

SIZE = 32


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for named in asked.networks:
        name, _, side = named.partition(":")
        _measure(name, int(side or 224), asked.rounds)


def _measure(name: str, side: int, rounds: int) -> None:
    torch.manual_seed(0)
    network = getattr(models, name)(num_classes=10).eval()
    batch = _batch(side)
    kinds = {"written": _predictor(network), "folded": _predictor(network), "compiled": _predictor(network)}
    folded = [fuse(kinds[kind], _batch(side, 2)) for kind in ("folded", "compiled")]
    open_technique(registry(), "compile").built.apply(kinds["compiled"].model)
    kinds["compiled"].compiled = SIZE
    started = time.perf_counter()
    outputs = {kind: _asked(predictor, batch) for kind, predictor in kinds.items()}
    first = time.perf_counter() - started
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, predictor in kinds.items():
            began = time.process_time()
            _asked(predictor, batch)
            seconds[kind].append(time.process_time() - began)
    medians = {kind: statistics.median(found) for kind, found in seconds.items()}
    written = outputs["written"]
    apart = max(float((outputs[kind] - written).abs().max() / (written.max() - written.min())) for kind in kinds)
    print(
        f"{name} at {side}: {folded[0]} folded; "
        + ", ".join(f"{kind} {took:.3f} s ({medians['written'] / took:.2f} times)" for kind, took in medians.items())
        + f"; {first:.0f} s for the first batches; logits apart by {apart:.1e} of their range",
        flush=True,
    )


def _batch(side: int, count: int = SIZE) -> Batch:
    images = torch.rand(SIZE, 3, side, side, generator=torch.Generator().manual_seed(1))[:count]
    ids = [str(place) for place in range(count)]
    return Batch(ids, images.contiguous(memory_format=torch.channels_last), [0] * count, SampleSeeds(0, ids))


def _predictor(network: torch.nn.Module) -> Predictor:
    classes = tuple(map(str, range(10)))
    task = Classify(ModelInfo("net", None, classes, zoo.ImageInput()), DataInfo("images", "test", "image", classes))
    return Predictor(task, copy.deepcopy(network), torch.device("cpu"), "fp32", SIZE, may_halve=False)


def _asked(predictor: Predictor, batch: Batch) -> torch.Tensor:
    return torch.cat([found for _, found in predictor(batch)])


if __name__ == "__main__":
    main()
