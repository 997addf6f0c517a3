"""The vision Transformers: timm's parameters and logits, sizes, positions, and what does not fit."""

import pytest
import timm
import torch
from torch import nn

import zoo
from zoo.data import CLOTHES, DIGITS
from zoo.errors import ModelError
from zoo.imaging import Normalise
from zoo.lazy import load_target
from zoo_vit import MODELS, RECIPES, SMALL
from zoo_vit.convnet import ConvNet
from zoo_vit.vit import VisionTransformer, VisionTransformerFeatures

SPECS = {spec.name: spec for spec in MODELS}


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vit-b16", 86_567_656),
        ("vit-mini", 172_490),
        ("convnet-mini", 168_810),
    ],
)
def test_every_spec_builds_a_network_of_the_size_that_it_says(name: str, count: int) -> None:
    with torch.device("meta"):
        assert parameters(load_target(SPECS[name].tasks["classify"])(**SPECS[name].config)) == count
    assert f"{count:,} parameters" in SPECS[name].summary


@pytest.mark.slow
def test_vit_b16_is_timms() -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("vit_base_patch16_224", pretrained=False).eval()
    mine = VisionTransformer(**SPECS["vit-b16"].config).eval()
    mine.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(mine(images), theirs(Normalise((0.5,), (0.5,))(images)), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("size", "patch"), [(32, 8), (28, 4)])
def test_a_small_one_is_timms_too(size: int, patch: int) -> None:
    torch.manual_seed(0)
    theirs = timm.models.VisionTransformer(
        img_size=size, patch_size=patch, in_chans=1, num_classes=7, embed_dim=24, depth=3, num_heads=3, mlp_ratio=2.0
    ).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)  # so that none is 0 or 1
    settings = {"classes": 7, "size": size, "patch": patch, "channels": 1, "dim": 24, "depth": 3, "heads": 3, "mlp_ratio": 2.0}
    mine, features = VisionTransformer(**settings).eval(), VisionTransformerFeatures(**settings).eval()
    for network in (mine, features):
        network.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.rand(3, 1, size, size)
    normal = mine.normalise(images)
    with torch.inference_mode():
        torch.testing.assert_close(mine(images), theirs(normal), atol=1e-5, rtol=1e-5)
        pooled = theirs.forward_head(theirs.forward_features(normal), pre_logits=True)
        torch.testing.assert_close(features(images), pooled, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("network", [VisionTransformer(**SMALL), ConvNet()], ids=["vit", "convnet"])
def test_logits_depend_on_neither_batch_nor_layout(network: nn.Module) -> None:
    torch.manual_seed(0)
    images = torch.rand(5, 1, 28, 28)
    network.eval()
    with torch.inference_mode():
        whole = network(images)
        single = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(whole, single, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(whole, network(images.to(memory_format=torch.channels_last)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("positions", "count"), [("learned", 172_490), ("sinusoidal", 169_290), ("sinusoidal-2d", 169_290)])
def test_positions_tell_patches_apart(positions: str, count: int) -> None:
    torch.manual_seed(0)
    network = VisionTransformer(**{**SMALL, "positions": positions}).eval()
    assert parameters(network) == count
    assert isinstance(network.pos_embed, nn.Parameter) is (positions == "learned")
    assert "pos_embed" in network.state_dict()
    assert not torch.allclose(*shuffled(network), atol=1e-4)


def test_without_positions_an_image_is_a_bag_of_patches() -> None:
    torch.manual_seed(0)
    torch.testing.assert_close(*shuffled(VisionTransformer(**{**SMALL, "positions": "none"}).eval()), atol=1e-5, rtol=0)


def shuffled(network: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of images, and of the same with their patches in another order."""
    patches = torch.rand(2, 49, 1, 4, 4)
    images = [
        part.view(2, 7, 7, 4, 4).permute(0, 1, 3, 2, 4).reshape(2, 1, 28, 28)
        for part in (patches, patches[:, torch.randperm(49)])
    ]
    with torch.inference_mode():
        return network(images[0]), network(images[1])


@pytest.mark.parametrize("change", [{"patch": 5}, {"patch": 56}, {"patch": 0}, {"size": 30}])
def test_an_image_that_patches_do_not_divide_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ModelError, match="does not divide into patches"):
        VisionTransformer(**{**SMALL, **change})


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ModelError, match="reads images of 28x28, not 32x28"):
        VisionTransformer(**SMALL)(torch.rand(1, 1, 32, 28))


def test_unknown_positions_are_refused() -> None:
    with pytest.raises(ModelError, match="learned, sinusoidal"):
        VisionTransformer(**{**SMALL, "positions": "rotary"})


def test_a_recipe_with_another_patch_is_refused_before_it_trains(zoo_home: object) -> None:
    with pytest.raises(ModelError, match="28x28 does not divide into patches of 5x5"):
        zoo.train("vit/vit-mini-mnist", overrides={"dataset": "data/digits", "config.patch": 5, "share": 0.5}, epochs=1)


def test_both_networks_are_trained_alike() -> None:
    recipes = {recipe.name: recipe.model_dump(exclude={"name", "summary", "model"}) for recipe in RECIPES}
    assert recipes["vit-mini-mnist"] == recipes["convnet-mini-mnist"]
    other = recipes["convnet-mini-fashion-mnist"]
    as_the_table = {"epochs": 20, "batch_size": 128, "augment": ("hflip", "crop:2")}  # what the README sets
    mine = recipes["vit-mini-fashion-mnist"] | as_the_table
    mine["optimizer"] = mine["optimizer"] | {"lr": 0.002}
    assert mine == other


def test_class_names_are_the_datasets() -> None:
    assert zoo.registry().dataset("mnist").classes == DIGITS
    assert zoo.registry().dataset("fashion-mnist").classes == CLOTHES
