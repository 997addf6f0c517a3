"""What pixels a user's own module is given: what it declares, what the caller says, or raw ones with a word about it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn

import zoo
from zoo.errors import ModelError
from zoo.imaging.normalise import Normalised
from zoo.opening.own import own_model
from zoo.specs import ImageInput, ModelSpec, RecipeSpec

NAME = "test_efficientnet.r160_in1k"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network(**settings: object) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = timm.create_model(NAME, pretrained=False, num_classes=2, **settings).eval()
    return made


def photograph(width: int, height: int) -> Image.Image:
    ramps = (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90))
    return Image.merge("RGB", ramps).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def sides(tmp_path: Path) -> str:
    """Four photographs of two classes, of which timm's transform takes the centre crop alone."""
    for name, width in (("left", 200), ("right", 240)):
        (tmp_path / "sides" / name).mkdir(parents=True)
        for i in range(2):
            photograph(width + i, 168).save(tmp_path / "sides" / name / f"{i}.png")
    return f"folder:{tmp_path / 'sides'}"


class Seen(nn.Module):
    """Remembers what it is given."""

    images: torch.Tensor

    def __init__(self, seen: list[torch.Tensor]) -> None:
        super().__init__()
        self.seen = seen

    def __deepcopy__(self, memo: object) -> "Seen":
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images)
        return images.flatten(1)[:, :2]


def logits_of(record: zoo.RunRecord) -> np.ndarray:
    import pyarrow.parquet as pq

    from zoo.home import zoo_home

    (shard,) = (zoo_home() / "runs" / record.key / "shards").glob("*.parquet")
    table = pq.read_table(shard).sort_by("id")
    return np.array(table["logits"].to_pylist(), dtype=np.float32)


def test_a_module_of_timm_is_given_what_timm_gives_it(sides: str) -> None:
    net = network()
    record = zoo.evaluate(net, sides, classes="dataset")
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(net), is_training=False)
    root = Path(sides.removeprefix("folder:"))
    batch = torch.stack([transform(Image.open(path)) for path in sorted(root.rglob("*.png"))])
    with torch.inference_mode():
        theirs = net(batch).numpy()
    assert np.allclose(logits_of(record), theirs, atol=1e-5)
    assert record.model.preprocessing == {
        "channels": 3, "size": [160, 160], "crop_pct": 0.95, "crop_mode": "center", "crop_offset": "round",
        "interpolation": "bicubic", "mean": list(MEAN), "std": list(STD),
    }  # fmt: skip
    (note,) = record.model.notes
    assert "160x160 (bicubic, the centre crop of 0.95), normalised by" in note and "as its pretrained_cfg declares" in note


def test_what_the_caller_says_goes_before_what_the_module_declares() -> None:
    def wanted(**said: object) -> ImageInput:
        found = own_model(network(), input=ImageInput(**said), modality="image").info.input  # type: ignore[arg-type]
        assert found is not None
        return found

    assert (wanted(size=(64, 64)).size, wanted(size=(64, 64)).mean) == ((64, 64), MEAN)
    assert wanted(size=(64, 64), crop_mode="squash").crop_mode == "squash"
    assert wanted(mean=(0.5,) * 3, std=(0.5,) * 3).mean == (0.5,) * 3
    assert wanted(mean=None, std=None).mean is None


def test_a_module_that_declares_nothing_gets_raw_pixels_and_says_so(sides: str) -> None:
    seen: list[torch.Tensor] = []
    with pytest.warns(UserWarning, match=r"Seen declares no preprocessing.* at their own sizes, in \[0, 1\], not normalised"):
        record = zoo.evaluate(Seen(seen), sides, classes="dataset", batch_size=1)
    assert seen[0].shape[2] == 168 and 0 <= seen[0].min() <= seen[0].max() <= 1
    assert record.model.notes == (
        "Seen declares no preprocessing, so it was given images at their own sizes, in [0, 1], not normalised",
    )


def test_given_pixels_are_not_warned_of_and_are_normalised(sides: str) -> None:
    raw: list[torch.Tensor] = []
    normal: list[torch.Tensor] = []
    with warnings.catch_warnings(action="error", category=UserWarning):
        warnings.filterwarnings("ignore", message=".*cannot be told in full")
        zoo.evaluate(Seen(raw), sides, classes="dataset", key="raw", input=zoo.ImageInput(size=(32, 32)))
        given = zoo.ImageInput(size=(32, 32), mean=MEAN, std=STD)
        record = zoo.evaluate(Seen(normal), sides, classes="dataset", key="normal", input=given)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    assert torch.allclose(normal[0], (raw[0] - mean) / std, atol=1e-6)
    assert "normalised by mean (0.485, 0.456, 0.406)" in record.model.notes[0]


def test_other_pixels_are_other_runs(sides: str) -> None:
    net = network()
    keys = {
        zoo.evaluate(net, sides, classes="dataset", **more).key
        for more in ({}, {"input": ImageInput(size=(96, 96))}, {"input": ImageInput(mean=(0.5,) * 3, std=(0.5,) * 3)})
    }
    assert len(keys) == 3


def test_attacks_stay_in_the_range_of_pixels_before_the_normalisation() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    given = zoo.ImageInput(channels=1, size=(8, 8), mean=(0.5,), std=(0.25,))
    record = zoo.evaluate("robust/fgsm", "digits", aux={"victim": net}, classes="dataset", input=given, limit=16)
    assert record.aux["victim"].preprocessing is not None and record.aux["victim"].preprocessing["mean"] == [0.5]
    inside = nn.Sequential(Normalised(nn.Identity(), (0.5,), (0.25,)), net)  # the same by hand
    by_hand = zoo.evaluate(
        "robust/fgsm",
        "digits",
        aux={"victim": inside},
        classes="dataset",
        input=zoo.ImageInput(channels=1, size=(8, 8)),
        limit=16,
    )
    assert [result.value for result in record.results] == [result.value for result in by_hand.results]


def test_one_channel_of_a_module_that_declares_three_is_refused() -> None:
    with pytest.raises(ModelError, match="declares 3 channels in its pretrained_cfg, but its first layer takes 1"):
        own_model(network(in_chans=1), modality="image")
    given = ImageInput(size=(96, 96), mean=(0.5,), std=(0.2,))
    assert own_model(network(in_chans=1), input=given, modality="image").info.input == given


def test_what_takes_no_prepared_images_is_left_alone() -> None:
    for task, modality in (("detect", "image"), ("generate", "image"), ("classify", "text")):
        with warnings.catch_warnings(action="error"):
            model = own_model(nn.Linear(2, 2), task=task, modality=modality)  # type: ignore[arg-type]
        assert (model.info.input, model.notes) == (None, ())


@pytest.mark.parametrize(
    "said",
    [
        {"mean": (0.5,)},
        {"mean": (0.5, 0.5), "std": (0.5, 0.5)},
        {"mean": (0.5,) * 3, "std": (0.5,)},
        {"mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)},
        {"mean": (0.5,) * 3, "std": (0.0,) * 3},
        {"channels": 1, "mean": (0.5,) * 3, "std": (0.5,) * 3},
    ],
)
def test_a_normalisation_that_cannot_be_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImageInput(**said)  # type: ignore[arg-type]


def test_a_model_by_name_normalises_itself() -> None:
    given = ImageInput(mean=(0.5,) * 3, std=(0.5,) * 3)
    assert given.channels == 3
    common = {"name": "x/y", "summary": "A net."}
    with pytest.raises(ValidationError, match="part of its network"):
        ModelSpec(**common, tasks={"classify": "torch.nn:Linear"}, modality="image", input=given)
    with pytest.raises(ValidationError, match="part of its network"):
        RecipeSpec(**common, model="x/y", dataset="data/digits", input=given)


def test_lists_of_images_are_normalised_one_by_one() -> None:
    images = [torch.rand(3, 4, 5), torch.rand(3, 2, 2)]
    first, second = Normalised(lambda given: given, MEAN, STD)(images)
    assert first.shape == (3, 4, 5) and second.shape == (3, 2, 2)
    assert torch.allclose(first[0], (images[0][0] - MEAN[0]) / STD[0])
