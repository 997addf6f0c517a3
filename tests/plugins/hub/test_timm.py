"""timm/NAME: any backbone as an embedder, with timm's own preprocessing and state dict."""

from pathlib import Path

import pytest
import timm
import torch

import zoo
from zoo.errors import ModelError, UnknownNameError, WeightsError
from zoo.imaging.images import prepare_image
from zoo.opening.declared import timm_input
from zoo.opening.weights import save_state
from zoo.plugins.registry import registry
from zoo.specs import ImageInput
from zoo_hub.timm_models import TimmEmbedder

NAME = "test_efficientnet.r160_in1k"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
    save_state(path, timm.create_model(NAME, pretrained=False).state_dict())
    return path


def test_the_spec_carries_what_timm_declares() -> None:
    spec = registry().model("timm/resnet18.a1_in1k")
    assert spec.input == ImageInput(channels=3, size=(224, 224), crop_pct=0.95, crop_mode="center", interpolation="bicubic")
    assert spec.weights["pretrained"].uri == "hf://timm/resnet18.a1_in1k@main/model.safetensors"
    assert list(spec.tasks) == ["classify", "embed"]


def test_features_are_those_of_timm_without_its_classifier(weights: Path) -> None:
    ours = zoo.load(f"timm/{NAME}", task="embed", weights=weights)
    theirs = timm.create_model(NAME, pretrained=False, num_classes=0).eval()
    theirs.load_state_dict(ours.state_dict(), strict=False)
    image = torch.rand(3, 200, 180)
    prepared = prepare_image(image, registry().model(f"timm/{NAME}").input).unsqueeze(0)
    mean, std = (torch.tensor(theirs.pretrained_cfg[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    normalised = (prepared - mean) / std
    with torch.inference_mode():
        assert torch.allclose(ours(prepared), theirs(normalised), atol=1e-5)


def test_a_run_with_a_file_of_weights(weights: Path) -> None:
    record = zoo.evaluate(f"timm/{NAME}", "digits", task="embed", weights=weights, limit=32, metrics=["knn-accuracy:k=3"])
    assert record.task == "embed"
    assert record.model.preprocessing["size"] == [160, 160]


def test_without_a_connection_the_weights_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"model\.safetensors is absent") as caught:
        zoo.evaluate("timm/resnet18.a1_in1k", "digits", task="embed")
    assert "`weights=FILE`" in caught.value.hint


def test_unknown_names_and_tags_answer_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no model 'resnet81'") as caught:
        registry().model("timm/resnet81")
    assert "timm/resnet18" in caught.value.hint
    with pytest.raises(UnknownNameError, match="resnet18 has no weights 'nonsense'") as caught:
        registry().model("timm/resnet18.nonsense")
    assert "resnet18.a1_in1k" in caught.value.hint


def test_preprocessing_of_another_kind_is_refused() -> None:
    declared = {"input_size": (3, 8, 8), "crop_pct": 1.0, "crop_mode": "border", "interpolation": "bicubic"}
    with pytest.raises(ModelError, match="crop border"):
        timm_input("odd", declared)
    with pytest.raises(ModelError, match=r"crop center of 1\.15"):
        timm_input("odd", {**declared, "crop_mode": "center", "crop_pct": 1.15})


def test_weights_of_another_architecture_are_refused(weights: Path) -> None:
    with pytest.raises(WeightsError, match="not those of timm/resnet10t"):
        zoo.load("timm/resnet10t.c3_in1k", task="embed", weights=weights)


def test_the_normalisation_is_no_part_of_the_state() -> None:
    model = TimmEmbedder({"model_name": NAME}, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert model.state_dict().keys() == timm.create_model(NAME, pretrained=False).state_dict().keys()
