"""U-Net and its trainer: shapes, augmentations that move image and mask together, and a training that resumes bit for bit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import zoo
from zoo.errors import ModelError
from zoo.specs import Optimizer, RecipeSpec
from zoo.tasks.segment import IGNORE
from zoo.training.job import TrainingProgress
from zoo.training.run import train
from zoo_vision.segmentation_specs import MODELS
from zoo_vision.unet import UNet
from zoo_vision.unet_trainer import cut_pieces, rarity, recoloured


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 41), st.integers(8, 41))
def test_maps_have_the_size_of_their_images_whatever_it_is(height: int, width: int) -> None:
    network = UNet(5, width=2).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, height, width)).shape == (2, 5, height, width)


def test_the_summary_counts_the_parameters() -> None:
    spec = next(spec for spec in MODELS if spec.name == "unet")
    assert f"{sum(p.numel() for p in UNet(**spec.config).parameters()):,} parameters" in spec.summary


def test_every_pixel_is_seen_through_the_bottleneck_and_through_the_shortcut() -> None:
    network = UNet(2, width=8).eval()
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    network(image)[0, 0, 32, 32].backward()
    assert image.grad is not None
    reach = image.grad.abs().sum(dim=(0, 1)) > 0
    assert reach[32, 32] and reach[32, 10] and reach[10, 32]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_image_and_mask_are_cut_alike(seed: int) -> None:
    labels = torch.randint(0, 4, (3, 8, 10), generator=seeded(seed)).repeat_interleave(4, 1).repeat_interleave(4, 2).byte()
    images = (labels[:, None].float() / 4 + 0.1).expand(-1, 3, -1, -1).contiguous()
    pieces, masks = cut_pieces(images, labels, [16, 24], [0.7, 1.4], seeded(seed))
    assert pieces.shape == (3, 3, 16, 24) and masks.shape == (3, 16, 24) and masks.dtype == torch.uint8
    inside = masks != IGNORE
    difference = (pieces[:, 0] - (masks.float() / 4 + 0.1)).abs()
    assert float((difference[inside] < 0.02).float().mean()) > 0.5  # all but where neighbours of another label are mixed in
    assert float(inside.float().mean()) > 0.5


def test_what_lies_outside_is_ignored() -> None:
    labels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    _, masks = cut_pieces(torch.ones(1, 3, 8, 8), labels, [16, 16], [1.0, 1.0 + 1e-6], seeded())
    assert int((masks == 0).sum()) == 64 and int((masks == IGNORE).sum()) == 16 * 16 - 64


def test_colours_change_within_bounds_and_by_the_seed() -> None:
    images = torch.rand(4, 3, 8, 8, generator=seeded())
    changed = recoloured(images, 0.3, seeded(1))
    assert float(changed.min()) >= 0 and float(changed.max()) <= 1
    assert torch.equal(changed, recoloured(images, 0.3, seeded(1)))
    assert not torch.equal(changed, recoloured(images, 0.3, seeded(2)))
    assert torch.allclose(recoloured(images, 0.0, seeded()), images, atol=1e-6)


def test_rare_classes_weigh_more_but_not_without_bound_and_absent_ones_nothing() -> None:
    masks = torch.zeros(1, 100, 100, dtype=torch.uint8)
    masks[0, :20] = 1
    masks[0, 20, 0] = 2
    masks[0, 21] = IGNORE
    weight = rarity(masks, 4)
    assert weight[0] < weight[1] < weight[2] and weight[3] == 0
    assert float(weight.max()) <= 10
    assert float(weight[1] / weight[0]) == pytest.approx((7899 / 2000) ** 0.5, rel=1e-4)


@pytest.fixture
def bars(tmp_path: Path) -> str:
    """Eight images of a bright bar on dark, with masks."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for i in range(8):
        mask = np.zeros((24, 32), np.uint8)
        mask[:, 3 * i : 3 * i + 6] = 1
        mask[0, 0] = IGNORE
        Image.fromarray(mask).save(tmp_path / f"masks/{i}.png")
        Image.fromarray(np.where(mask == 1, 200, 40).astype(np.uint8)).convert("RGB").save(tmp_path / f"images/{i}.png")
    return f"masks:{tmp_path}/images:{tmp_path}/masks"


def recipe(dataset: str, epochs: int = 4) -> RecipeSpec:
    return RecipeSpec(
        name="unet-bars", summary="Bars.", model="vision/unet", task="segment", dataset=dataset, split="test",
        trainer="zoo_vision.unet_trainer:train", config={"classes": 2, "width": 4, "depth": 2}, epochs=epochs, batch_size=2,
        optimizer=Optimizer(lr=1e-2), class_weights="balanced", validation=0.25, metric="miou",
        options={"crop": [16, 24], "scale": [0.9, 1.1], "colour": 0.1},
    )  # fmt: skip


def test_a_recipe_learns_and_its_weights_run_by_themselves(bars: str, tmp_path: Path) -> None:
    output = tmp_path / "unet.safetensors"
    record = train(recipe(bars, epochs=12), output=output)
    assert record.dataset.validated_on == 2 and record.score is not None and record.score > 0.8
    run = zoo.evaluate("vision/unet", bars, weights=output)
    assert run.results[0].value is not None and run.results[0].value > 0.8


def test_an_interrupted_training_ends_with_the_same_weights(bars: str) -> None:
    class StopError(Exception):
        pass

    def stop(progress: TrainingProgress) -> None:
        if progress.epoch == 3:
            raise StopError

    with pytest.raises(StopError):
        train(recipe(bars), progress=stop)
    resumed = train(recipe(bars))
    assert resumed.resumed_from in (2, 3)
    assert train(recipe(bars), fresh=True).weights_sha256 == resumed.weights_sha256


def test_a_classifier_cannot_be_run_on_masks(bars: str) -> None:
    with pytest.raises(ModelError, match="classify"):
        zoo.evaluate("cnn/resnet18", bars)


def constant(label: int, classes: int) -> torch.nn.Module:
    class Constant(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(len(images), classes, 1, 1)
            logits[:, label] = 1
            return logits

    return Constant()


def whole_confusion(maps: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> np.ndarray:
    from sklearn.metrics import confusion_matrix

    true, said = np.concatenate([t.ravel() for t in targets]), np.concatenate([m.ravel() for m in maps])
    counted: np.ndarray = confusion_matrix(true[true != IGNORE], said[true != IGNORE], labels=range(11))
    return counted


@pytest.mark.slow
def test_unet_on_camvid_beats_the_majority_threefold_and_agrees_with_sklearn(real_data: Path, zoo_home: Path) -> None:
    import pyarrow.parquet as pq

    from zoo.tasks import DataInfo, ModelInfo
    from zoo.tasks.segment import Segment

    record = zoo.evaluate("vision/unet", "camvid")
    found = {result.metric: result for result in record.results}
    train_split, val = zoo.dataset("camvid", "train"), zoo.dataset("camvid", "val")
    counts = sum(np.bincount(mask.ravel(), minlength=256)[:11] for mask in train_split.targets)
    majority = zoo.evaluate(constant(int(counts.argmax()), 11), "camvid", classes="dataset").results[0].value
    assert found["miou"].value > 3 * majority

    task = Segment(ModelInfo("x", "image", "dataset"), DataInfo("x", "val", "image", val.classes))
    shards = sorted((zoo_home / "runs" / record.key / "shards").glob("*.parquet"))
    maps = [map_ for shard in shards for map_ in task.decode(pq.read_table(shard))["labels"]]
    matrix = whole_confusion(maps, list(val.targets))
    hits = np.diagonal(matrix)
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    assert found["miou"].value == pytest.approx(iou.mean(), abs=1e-9)
    assert found["iou"].detail["iou"] == pytest.approx(list(iou), abs=1e-9)
    assert found["pixel-accuracy"].value == pytest.approx(hits.sum() / matrix.sum(), abs=1e-9)
