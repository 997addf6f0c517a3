"""The convolutional networks: sizes of the papers, parity with torchvision, published weights, batch invariance."""

import io
import zipfile
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.transforms.functional import pil_to_tensor

from zoo.imaging import Normalise
from zoo.lazy import load_target
from zoo.opening.weights import find_weights, load_state, read_state
from zoo_cnn import MODELS
from zoo_cnn.alexnet import AlexNet
from zoo_cnn.lenet import LeNet5
from zoo_cnn.resnet import CifarResNet, ResNet
from zoo_cnn.two_conv import TwoConv

SPECS = {spec.name: spec for spec in MODELS}


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("lenet5", 61_706),
        ("two-conv", 50_794),
        ("resnet14", 172_218),
        ("alexnet", 61_100_840),
        ("resnet18", 11_689_512),
        ("resnet50", 25_557_032),
        ("resnet20", 269_722),  # 0.27M in table 6 of the paper
        ("resnet32", 464_154),  # 0.46M
    ],
)
def test_every_spec_builds_a_network_of_the_papers_size(name: str, count: int) -> None:
    with torch.device("meta"):
        assert parameters(load_target(SPECS[name].tasks["classify"])(**SPECS[name].config)) == count


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_resnet_is_torchvisions(depth: int) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, f"resnet{depth}")().eval()
    assert_same(ResNet(depth), theirs, torch.rand(2, 3, 96, 96))


def test_alexnet_is_torchvisions() -> None:
    torch.manual_seed(0)
    assert_same(AlexNet(), torchvision.models.alexnet().eval(), torch.rand(2, 3, 224, 224))


def assert_same(mine: nn.Module, theirs: nn.Module, images: torch.Tensor) -> None:
    state = theirs.state_dict()
    for name, value in state.items():  # running statistics that are not 0 and 1, so that they matter
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    mine.load_state_dict(state, strict=True)
    with torch.inference_mode():
        assert torch.allclose(mine.eval()(images), theirs(Normalise()(images)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "expected"), [("resnet20", 0.8103), ("resnet32", 0.8256)])
def test_published_cifar_weights_load_strictly(name: str, expected: float, real_data: Path) -> None:
    model, weights = CifarResNet(**SPECS[name].config), SPECS[name].weights["cifar10"]
    state, _ = read_state(find_weights(weights, real_data), sha256=weights.sha256)
    load_state(model, state, name)
    images, labels = every_nth_test_image(real_data, 20)
    with torch.inference_mode():
        accuracy = (model.eval()(images).argmax(1) == labels).double().mean().item()
    # The whole lossy test set gives `expected`; of 500 images the standard error is 0.018.
    assert abs(accuracy - expected) < 0.05


def every_nth_test_image(real_data: Path, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    classes = SPECS["resnet20"].weights["cifar10"].classes
    with zipfile.ZipFile(real_data / "cifar10_jpeg" / "cifar10_test_jpeg.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::step]
        images = [pil_to_tensor(Image.open(io.BytesIO(archive.read(name)))) for name in names]
    return torch.stack(images).float() / 255, torch.tensor([classes.index(name.split("/")[-2]) for name in names])


@pytest.mark.parametrize(
    ("model", "size", "channels"),
    [
        (LeNet5(), 28, 1),
        (LeNet5(activation="tanh", pool="average"), 28, 1),
        (TwoConv(), 28, 1),
        (CifarResNet(20), 32, 3),
        (CifarResNet(14, mean=(0.286,), std=(0.353,)), 28, 1),
        (ResNet(18, classes=7), 64, 3),
        (AlexNet(classes=7), 64, 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_logits_depend_on_neither_batch_nor_call(model: nn.Module, size: int, channels: int) -> None:
    torch.manual_seed(0)
    images = torch.rand(5, channels, size, size)
    model.eval()
    with torch.inference_mode():
        whole, again = model(images), model(images)
        single = torch.cat([model(image[None]) for image in images])
    assert torch.equal(whole, again)
    assert torch.allclose(whole, single, atol=1e-5)
    assert torch.allclose(whole, model(images.to(memory_format=torch.channels_last)), atol=1e-5)


def test_option_a_shortcuts_have_no_parameters_and_double_the_channels() -> None:
    shortcut = CifarResNet(20).layer2[0].downsample
    assert parameters(shortcut) == 0
    assert not shortcut.state_dict()
    x = torch.rand(2, 16, 8, 8)
    y = shortcut(x)
    assert torch.equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert not y[:, :8].any()
    assert not y[:, 24:].any()


def test_cifar_depth_must_be_6n_plus_2() -> None:
    with pytest.raises(ValueError, match="6n \\+ 2"):
        CifarResNet(18)
