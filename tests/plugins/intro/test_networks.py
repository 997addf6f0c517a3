"""The networks of topic 1: shapes, sizes, batch invariance."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import zoo
from zoo.imaging.images import prepare_image
from zoo_intro import mlp_numpy, networks

BUILDERS = [
    (networks.Logistic, {"inputs": 64, "classes": 10}, 650),
    (networks.MLP, {"inputs": 64, "hidden": [64, 64], "classes": 10}, 8970),
    (networks.MLP, {"inputs": 784, "hidden": [256, 128, 100], "classes": 10}, 247_766),
    (mlp_numpy.MLP, {"inputs": 64, "hidden": [64, 64], "classes": 10}, 8970),
]


@pytest.mark.parametrize(("build", "config", "count"), BUILDERS)
def test_parameter_count(build: type, config: dict[str, Any], count: int) -> None:
    assert sum(value.numel() for value in build(**config).state_dict().values()) == count


@pytest.mark.parametrize(("build", "config", "count"), BUILDERS)
def test_logits_do_not_depend_on_the_batch(build: type, config: dict[str, Any], count: int) -> None:
    torch.manual_seed(0)
    side = int(config["inputs"] ** 0.5)
    model, batch = build(**config), torch.rand(33, 1, side, side)
    with torch.inference_mode():
        whole = model(batch)
        single = torch.cat([model(image[None]) for image in batch])
    assert whole.shape == (33, 10)
    assert whole.dtype == torch.float32
    assert torch.allclose(whole, single, atol=1e-5)


@pytest.mark.parametrize("name", ["intro/logistic", "intro/mlp", "intro/mlp-numpy"])
def test_larger_images_in_colour_are_made_to_fit_and_those_of_digits_stay_what_they_are(name: str) -> None:
    want = zoo.registry().model(name).input
    digit, photo = torch.rand(1, 8, 8), torch.randint(0, 256, (3, 28, 40), dtype=torch.uint8)
    assert torch.equal(prepare_image(digit, want), digit)
    assert zoo.load(name)(prepare_image(photo, want)[None]).shape == (1, 10)


@pytest.mark.parametrize("name", ["intro/logistic", "intro/mlp", "intro/mlp-numpy"])
def test_a_folder_of_the_user_s_own_images_is_scored(name: str, tmp_path: Path) -> None:
    digits = zoo.dataset("digits", "test")
    for i in range(60):
        image = Image.fromarray((digits[i].input[0].numpy() * 255).round().astype("uint8"))
        (folder := tmp_path / "own" / str(digits.targets[i])).mkdir(parents=True, exist_ok=True)
        image.resize((80, 80), Image.Resampling.NEAREST).convert("RGB").save(folder / f"{i}.png")
    assert zoo.evaluate(name, f"folder:{tmp_path / 'own'}").primary.value > 0.9
