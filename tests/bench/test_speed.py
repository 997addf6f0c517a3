"""Speed as ratios within one process: `pytest tests/bench --benchmark-only -n 0`. Nothing here asserts a time.

Each benchmark times the bare loop and `zoo.evaluate` in turn, several times, and prints the ratio of medians.
"""

import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets, models, transforms

import zoo
from zoo.specs import ImageInput

ROUNDS = 9
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalised(nn.Module):
    """A network with its normalisation inside, as a model of Deepzoo has it."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body((images - self.mean) / self.std)


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """512 synthetic JPEGs of 256 x 256 pixels in two classes: smooth random fields, which compress like photographs."""
    root = tmp_path_factory.mktemp("jpegs")
    generator = torch.Generator().manual_seed(0)
    for i in range(512):
        field = torch.rand(1, 3, 32, 32, generator=generator)
        pixels = nn.functional.interpolate(field, (256, 256), mode="bicubic").clamp(0, 1)[0]
        folder = root / f"class{i % 2}"
        folder.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        Image.fromarray((pixels * 255).byte().permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=90)
        (folder / f"{i:04d}.jpg").write_bytes(buffer.getvalue())
    return root


def test_resnet18_on_a_jpeg_folder(benchmark: Any, jpegs: Path) -> None:
    torch.manual_seed(0)
    body = models.resnet18(num_classes=2).eval()
    image_input = ImageInput(channels=3, size=(224, 224), crop_mode="center", crop_pct=0.875, interpolation="bilinear")
    kept: dict[str, torch.Tensor] = {}

    def bare() -> None:
        kept["bare"] = _bare_folder_loop(body, jpegs)

    def ours() -> None:
        record = zoo.evaluate(
            Normalised(body), f"folder:{jpegs}", classes="dataset", input=image_input, batch_size=64, fresh=True
        )
        kept["zoo"] = _stored_logits(record)

    _compare(benchmark, bare, ours)
    worst = float((kept["bare"] - kept["zoo"]).abs().max())
    benchmark.extra_info["largest difference of logits"] = worst
    print(f"largest difference of logits: {worst:.2e}")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("sliced", [False, True], ids=["samples", "slices"])
def test_lenet5_on_mnist(benchmark: Any, real_data: Path, sliced: bool, threads: int) -> None:
    """Against loops that open the same data: over samples, as a DataLoader has it, and over slices of one array."""
    network = zoo.load("cnn/lenet5@mnist")

    def bare() -> None:
        test = zoo.dataset("mnist")
        images = torch.stack([test[i].input for i in range(len(test.ids))])
        batches = images.split(256) if sliced else (batch for (batch,) in DataLoader(TensorDataset(images), batch_size=256))
        with torch.inference_mode():
            for batch in batches:
                network(batch.float() / 255).argmax(1)

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _compare(benchmark, bare, lambda: zoo.evaluate("cnn/lenet5@mnist", "mnist", batch_size=256, fresh=True))
    finally:
        torch.set_num_threads(before)


def _bare_folder_loop(body: nn.Module, root: Path) -> torch.Tensor:
    """What one writes by hand: ImageFolder, PIL transforms, DataLoader, no_grad, contiguous."""
    transform = transforms.Compose(
        [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    )
    loader = DataLoader(datasets.ImageFolder(str(root), transform), batch_size=64)
    with torch.no_grad():
        return torch.cat([body(images) for images, _ in loader])


def _stored_logits(record: zoo.RunRecord) -> torch.Tensor:
    import pyarrow.parquet as pq

    from zoo.home import zoo_home

    folder = zoo_home() / "runs" / record.key
    return torch.cat([torch.tensor(pq.read_table(folder / part.path)["logits"].to_pylist()) for part in record.artifacts])


def _compare(benchmark: Any, bare: Callable[[], None], ours: Callable[[], None]) -> None:
    """Time both in turn; the benchmark's own figure is ours, the ratio of medians goes beside it."""
    bare(), ours()
    times: dict[str, list[float]] = {"bare": [], "zoo": []}
    for _ in range(ROUNDS):
        for name, run in (("bare", bare), ("zoo", ours)):
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    benchmark.extra_info.update(medians, ratio=medians["bare"] / medians["zoo"])
    print(f"\nbare {medians['bare']:.3f} s, zoo {medians['zoo']:.3f} s: {medians['bare'] / medians['zoo']:.2f} times as fast")
    benchmark.pedantic(ours, rounds=1)
