"""The networks of topic 1: shapes, sizes, batch invariance."""

import pytest
import torch

from zoo_intro import mlp_numpy, networks

BUILDERS = [
    (networks.Logistic, {"inputs": 64, "classes": 10}, 650),
    (networks.MLP, {"inputs": 64, "hidden": [64, 64], "classes": 10}, 8970),
    (mlp_numpy.MLP, {"inputs": 64, "hidden": [64, 64], "classes": 10}, 8970),
]


@pytest.mark.parametrize(("build", "config", "count"), BUILDERS)
def test_parameter_count(build: type, config: dict[str, object], count: int) -> None:
    assert sum(value.numel() for value in build(**config).state_dict().values()) == count


@pytest.mark.parametrize(("build", "config", "count"), BUILDERS)
def test_logits_do_not_depend_on_the_batch(build: type, config: dict[str, object], count: int) -> None:
    torch.manual_seed(0)
    model, batch = build(**config), torch.rand(33, 1, 8, 8)
    with torch.inference_mode():
        whole = model(batch)
        single = torch.cat([model(image[None]) for image in batch])
    assert whole.shape == (33, 10)
    assert whole.dtype == torch.float32
    assert torch.allclose(whole, single, atol=1e-5)
