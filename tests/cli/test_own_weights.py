"""A newcomer's road: one's own fine-tuned weights, or module, on one's own folder, in at most three commands."""

from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from torch import nn

pytestmark = pytest.mark.slow  # a minute or two in all

NAME = "test_efficientnet.r160_in1k"
THREE = ("cat", "dog", "horse")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three classes, four photographs each, of another brightness a class."""
    for number, name in enumerate(THREE):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(4):
            shade = Image.linear_gradient("L").point(lambda value, n=number: value // 4 + 80 * n)
            Image.merge("RGB", (shade,) * 3).resize((180 + i, 170)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def tuned() -> nn.Module:
    """A network of timm whose head has been fitted to tell the three brightnesses."""
    torch.manual_seed(0)
    network: nn.Module = timm.create_model(NAME, pretrained=False, num_classes=3).eval()
    data = timm.data.resolve_model_data_config(network)
    ramp = torch.linspace(0, 63, 160).view(1, 160, 1).expand(3, 160, 160)
    mean, std = (torch.tensor(data[name]).view(3, 1, 1) for name in ("mean", "std"))
    inputs = torch.stack([((ramp + 80 * n) / 255 - mean) / std for n in range(3)])
    with torch.no_grad():
        features = network.forward_head(network.forward_features(inputs), pre_logits=True)
        centres = features - features.mean(0)
        network.get_classifier().weight.copy_(centres * 100)
        network.get_classifier().bias.copy_(-100 * (centres * (features.mean(0) + centres / 2)).sum(1))
    return network


def test_tuned_weights_of_timm_on_a_folder_in_one_command(zoo, photos, tmp_path):
    torch.save({"state_dict": tuned().state_dict(), "epoch": 9}, tmp_path / "tuned.pth")
    run = ("run", f"timm/{NAME}", "--weights", str(tmp_path / "tuned.pth"), "--on", f"folder:{photos}")
    unnamed = zoo(*run)
    assert unnamed.code == 2 and "name them in order by classes" in unnamed.err
    done = zoo(*run, "--classes", "cat,dog,horse")
    assert done.code == 0
    assert f"timm/{NAME} (classes=3; " in done.out.splitlines()[0]
    assert "note timm/" in done.out and "the outputs were named by the caller: cat, dog, horse" in done.out
    (tmp_path / "names.txt").write_text("\n".join(THREE))
    again = zoo(*run, "--classes", str(tmp_path / "names.txt"), "--json")
    assert (again.json["results"][0]["metric"], again.json["results"][0]["value"]) == ("accuracy", 1.0)
    assert again.json["shards"]["reused"] == 1
    assert zoo("results").out.count(f"timm/{NAME}") == 2


def test_the_set_of_weights_is_chosen_on_the_command_line(zoo, photos, tmp_path):
    torch.manual_seed(5)
    other = timm.create_model(NAME, pretrained=False, num_classes=3)
    torch.save({"model": other.state_dict(), "model_ema": tuned().state_dict()}, tmp_path / "two.pth")
    run = ("run", f"timm/{NAME}", "--weights", str(tmp_path / "two.pth"), "--on", f"folder:{photos}", "--classes", "dataset")
    unsaid = zoo(*run)
    assert unsaid.code == 2 and "holds several sets of weights: 'model', 'model_ema'" in unsaid.err
    done = zoo(*run, "--weights-key", "model_ema", "--json")
    assert done.json["results"][0]["value"] == 1.0
    assert "of the weights file 'model_ema' was taken, not 'model'" in done.json["record"]["model"]["notes"]


def test_ones_own_module_with_its_own_preprocessing_in_three_lines(photos):
    import zoo

    network = tuned()
    record = zoo.evaluate(network, f"folder:{photos}", classes="dataset")
    assert record.primary.value == 1.0
    plain = nn.Sequential(network)  # which declares nothing any more
    given = zoo.ImageInput(
        size=(160, 160),
        crop_pct=0.95,
        crop_mode="center",
        interpolation="bicubic",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    same = zoo.evaluate(plain, f"folder:{photos}", classes="dataset", input=given)
    assert [result.value for result in same.results] == [result.value for result in record.results]


def test_a_model_of_the_zoos_own_takes_three_classes(zoo, photos, tmp_path):
    import torchvision

    from zoo.opening.weights import save_state

    torch.manual_seed(0)
    save_state(tmp_path / "r18.safetensors", torchvision.models.resnet18(num_classes=3).state_dict())
    run = ("run", "cnn/resnet18", "--weights", str(tmp_path / "r18.safetensors"), "--on", f"folder:{photos}")
    unnamed = zoo(*run)
    assert unnamed.code == 2 and "--weights FILE" not in unnamed.err and "name them in order by classes" in unnamed.err
    assert zoo(*run, "--classes", "cat,dog,horse", "--limit", "2").code == 0
