"""One's own fine-tuned weights under a name of another library: logits are the library's own, classes those of the user."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torchvision.transforms.v2 import functional as transforms

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.imaging.images import prepare_image
from zoo.opening.composing import named_model
from zoo.opening.models import Model
from zoo.opening.weights import save_state
from zoo.opening.weights_choice import Choice
from zoo.specs import ModelSpec
from zoo_hub import timm_models, torchvision_models, transformers_models

pytestmark = pytest.mark.slow  # a minute or two in all

SMALL = "test_efficientnet.r160_in1k"
THREE = ("cat", "dog", "horse")
RESOLVERS = {"timm": timm_models.resolve, "torchvision": torchvision_models.resolve, "hf": transformers_models.resolve}


def photograph(width: int = 240, height: int = 181) -> Image.Image:
    """A smooth colourful image, which torchvision and PIL resize bilinearly to the same bytes."""
    ramps = (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90))
    return Image.merge("RGB", ramps).resize((width, height), Image.Resampling.BICUBIC)


def settled(network: torch.nn.Module) -> torch.nn.Module:
    """With statistics of batch normalisation that are not those that it starts with."""
    torch.manual_seed(1)
    network.train()
    with torch.no_grad():
        network(torch.randn(2, 3, 64, 64))
    return network.eval()


def tuned_timm(classes: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    return settled(timm.create_model(SMALL, pretrained=False, num_classes=classes))


@pytest.fixture
def animals(tmp_path: Path) -> str:
    """Two photographs of each of three animals."""
    for number, name in enumerate(THREE):
        (tmp_path / "animals" / name).mkdir(parents=True)
        for i in range(2):
            photograph(170 + 20 * i, 190 + number).save(tmp_path / "animals" / name / f"{i}.png")
    return f"folder:{tmp_path / 'animals'}"


def spec(name: str) -> ModelSpec:
    return RESOLVERS[name.partition("/")[0]](name, name.partition("/")[2])


def opened(name: str, path: Path, task: str = "classify", classes: Sequence[str] | None = None) -> Model:
    return named_model(spec(name), task, Choice(file=path, classes=classes))


def ours(name: str, path: Path, image: Image.Image) -> torch.Tensor:
    model, pixels = opened(name, path), torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)
    with torch.inference_mode():
        logits: torch.Tensor = model.load()(prepare_image(pixels, model.info.input).unsqueeze(0))
    return logits


FORMATS = {
    "state.pth": lambda net: net.state_dict(),
    "lightning.ckpt": lambda net: {"state_dict": {f"net.{key}": value for key, value in net.state_dict().items()}},
    "compiled.pt": lambda net: {f"module._orig_mod.{key}": value for key, value in net.state_dict().items()},
    "train.bin": lambda net: {"epoch": 2, "model_state_dict": net.state_dict(), "best_acc": np.float64(0.9)},
    "ema": lambda net: {"params_ema": net.state_dict()},
}


@pytest.mark.parametrize("name", [*FORMATS, "model.safetensors"])
def test_a_tuned_network_of_timm_gives_the_logits_of_timm(tmp_path: Path, name: str) -> None:
    network = tuned_timm()
    if name in FORMATS:
        torch.save(FORMATS[name](network), tmp_path / name)
    else:
        save_state(tmp_path / name, network.state_dict())
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network), is_training=False)
    image = photograph(200, 168)  # of which the crop alone is taken: bicubic resizing differs between libraries by a byte
    with torch.inference_mode():
        theirs = network(transform(image).unsqueeze(0))
    assert torch.allclose(ours(f"timm/{SMALL}", tmp_path / name, image), theirs, atol=1e-5)


@pytest.mark.parametrize("name", ["mnasnet0_5", "squeezenet1_1", "mobilenet_v3_small"])
def test_a_tuned_network_of_torchvision_gives_the_logits_of_torchvision(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    network = settled(torchvision.models.get_model(name, weights=None, num_classes=3))
    torch.save(network.state_dict(), tmp_path / "tuned.pth")
    with warnings.catch_warnings(action="ignore"):
        transform = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
    with torch.inference_mode():
        theirs = network(transform(photograph()).unsqueeze(0))
    assert torch.allclose(ours(f"torchvision/{name}", tmp_path / "tuned.pth", photograph()), theirs, atol=1e-5)


@pytest.mark.parametrize("name", ["mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"])
def test_mnasnet_whose_weights_have_versions_loads(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    save_state(tmp_path / "w.safetensors", network.state_dict())  # which has no place for versions
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        theirs = network(transforms.normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        for file in ("w.pth", "w.safetensors"):
            assert torch.equal(opened(f"torchvision/{name}", tmp_path / file).load()(images), theirs)


def test_heads_of_all_kinds_follow_the_file(tmp_path: Path) -> None:
    """A linear layer in each library's place, two heads of one network, and a convolution."""
    torch.manual_seed(0)
    for name in ("timm/test_vit", "timm/test_convnext", "timm/test_byobnet", "torchvision/squeezenet1_0"):
        library, _, rest = name.partition("/")
        network = (
            timm.create_model(rest, num_classes=5) if library == "timm" else torchvision.models.get_model(rest, num_classes=5)
        )
        torch.save(network.state_dict(), tmp_path / "five.pth")
        model = opened(name, tmp_path / "five.pth")
        assert (dict(model.config), model.info.classes) == ({"classes": 5}, None), name


def test_the_auxiliary_heads_of_googlenet_may_be_there_or_not(tmp_path: Path) -> None:
    """torchvision's published weights have them, and a network made from these has not."""
    torch.manual_seed(0)
    for classes, auxiliary in ((1000, True), (5, False)):
        network = torchvision.models.googlenet(num_classes=classes, aux_logits=auxiliary, init_weights=False).eval()
        network.transform_input = True
        torch.save(network.state_dict(), tmp_path / "g.pth")
        images = torch.rand(1, 3, 64, 64)
        with torch.inference_mode():
            theirs = network(transforms.normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
            assert torch.equal(opened("torchvision/googlenet", tmp_path / "g.pth").load()(images), theirs)


def test_detectors_and_segmenters_too(tmp_path: Path) -> None:
    models = torchvision.models
    detector = models.get_model("fasterrcnn_mobilenet_v3_large_320_fpn", weights=None, weights_backbone=None, num_classes=4)
    torch.save(detector.state_dict(), tmp_path / "d.pth")  # of which boxes have four numbers a class
    name = "torchvision/fasterrcnn_mobilenet_v3_large_320_fpn"
    model = opened(name, tmp_path / "d.pth", "detect", ("background", *THREE))
    assert (model.info.classes, dict(model.config)) == (("background", *THREE), {"classes": 4})
    segmenter = models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=4)
    torch.save(segmenter.state_dict(), tmp_path / "s.pth")
    model = opened("torchvision/lraspp_mobilenet_v3_large", tmp_path / "s.pth", "segment")
    assert dict(model.config) == {"classes": 4}


def test_a_tuned_classifier_of_transformers_has_the_labels_of_its_file(text_classifier: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(text_classifier, num_labels=3)
    network = AutoModelForSequenceClassification.from_config(config).eval()
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    name = f"hf/{text_classifier}"
    model = zoo.load(name, weights=tmp_path / "pytorch_model.bin", classes=("x", "y", "z"))
    again = zoo.load(name)
    with torch.inference_mode():
        tokens = {key: torch.tensor(value) for key, value in again.reader.tokens(["the cat sat"]).items()}
        assert torch.allclose(model(["the cat sat"]), network(**tokens).logits, atol=1e-6)


def test_eight_bit_integers_are_no_weights_of_any_library(tmp_path: Path, text_classifier: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    networks = {
        f"timm/{SMALL}": tuned_timm(),
        "torchvision/squeezenet1_1": torchvision.models.squeezenet1_1(num_classes=3),
        f"hf/{text_classifier}": AutoModelForSequenceClassification.from_pretrained(text_classifier),
    }
    for name, network in networks.items():
        quantised = {
            key: (value * 50).to(torch.int8) if value.ndim > 1 and value.is_floating_point() else value
            for key, value in network.state_dict().items()
        }
        torch.save(quantised, tmp_path / "q.pth")
        with pytest.raises(WeightsError, match="is int8 instead of float32"):
            opened(name, tmp_path / "q.pth").load()


def test_the_head_of_timm_is_never_left_at_random(tmp_path: Path) -> None:
    """timm drops a head of another number of classes; under the names of older files, too."""
    state = tuned_timm().state_dict()
    torch.save({key: value for key, value in state.items() if not key.startswith("classifier")}, tmp_path / "headless.pth")
    with pytest.raises(WeightsError, match=r"missing \(classifier\.weight, classifier\.bias\)"):
        opened(f"timm/{SMALL}", tmp_path / "headless.pth").load()


def test_a_run_says_what_it_was_told_and_what_it_took(tmp_path: Path, animals: str) -> None:
    path = tmp_path / "tuned.pth"
    torch.save({"state_dict": tuned_timm().state_dict(), "state_dict_ema": tuned_timm().state_dict()}, path)
    with pytest.raises(WeightsError, match="'state_dict', 'state_dict_ema'"):
        zoo.evaluate(f"timm/{SMALL}", animals, weights=path, classes=THREE)
    record = zoo.evaluate(f"timm/{SMALL}", animals, weights=path, weights_key="state_dict_ema", classes="Cat,DOG,horse")
    assert record.model.label.startswith(f"timm/{SMALL} (classes=3; ")
    taken, named, spelled = record.model.notes
    assert taken == "of the weights file 'state_dict_ema' was taken, not 'state_dict'"
    assert named == "the outputs were named by the caller: Cat, DOG, horse"
    assert spelled.endswith("Cat as cat, DOG as dog")


def test_outputs_without_names_ask_for_them(tmp_path: Path, animals: str) -> None:
    torch.save(tuned_timm().state_dict(), tmp_path / "tuned.pth")
    with pytest.raises(ModelError, match="does not say which class each of its outputs is") as caught:
        zoo.evaluate(f"timm/{SMALL}", animals, weights=tmp_path / "tuned.pth")
    assert "name them in order by classes" in caught.value.hint
    for name in (f"timm/{SMALL}", "cnn/resnet18"):
        with pytest.raises(OptionError, match="has 3 outputs here, but classes names 2"):
            state = tuned_timm() if name != "cnn/resnet18" else torchvision.models.resnet18(num_classes=3)
            torch.save(state.state_dict(), tmp_path / "tuned.pth")
            zoo.evaluate(name, animals, weights=tmp_path / "tuned.pth", classes="a,b")
    with pytest.raises(OptionError, match="has 1000 outputs here, but classes names 3"):
        zoo.evaluate(f"timm/{SMALL}", animals, classes=THREE)


def test_a_folder_of_timm_without_names_of_classes_takes_them(tmp_path: Path, animals: str) -> None:
    from timm.models import save_for_hf

    save_for_hf(tuned_timm(), str(tmp_path / "saved"), safe_serialization=True)
    assert list(spec(f"timm/{tmp_path / 'saved'}").tasks) == ["embed", "classify"]
    record = zoo.evaluate(f"timm/{tmp_path / 'saved'}", animals, classes=THREE)
    assert (record.task, record.dataset.samples) == ("classify", 6)


def test_labels_that_say_nothing_are_named_by_the_user(text_classifier: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(text_classifier, tmp_path / "labels")
    config = json.loads((tmp_path / "labels/config.json").read_text())
    (tmp_path / "texts.csv").write_text("text,label\nthe cat sat,ham\ndogs bark at night,spam\n")
    data = f"csv:{tmp_path / 'texts.csv'}"
    for labels, accepted in ((("LABEL_0", "LABEL_1"), False), (("0", "1"), False), (("SPAM", "Ham"), True)):
        config |= {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
        (tmp_path / "labels/config.json").write_text(json.dumps(config))
        name = f"hf/{tmp_path / 'labels'}"
        if accepted:
            record = zoo.evaluate(name, data)
            assert "SPAM as spam, Ham as ham" in record.model.notes[0]
        else:
            with pytest.raises(ModelError, match="no output for 2 of the 2 classes"):
                zoo.evaluate(name, data)
        named = zoo.evaluate(name, data, classes=["spam", "ham"])
        assert named.results == zoo.evaluate(f"hf/{text_classifier}", data).results
