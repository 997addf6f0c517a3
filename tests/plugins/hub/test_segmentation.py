"""Segmenters by name: of torchvision and of SegFormer's kind, with random weights from a file, and without any."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import ModelError, UnknownNameError, WeightsError
from zoo.opening.datasets import open_dataset
from zoo.opening.weights import save_state
from zoo_hub.segmentation import TransformersSegmenter, resolve_torchvision
from zoo_hub.transformers_models import resolve

LRASPP = "torchvision/lraspp_mobilenet_v3_large"
VOC = (
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def pictures(folder: Path, classes: tuple[str, ...]) -> str:
    """A dataset of two images of different sizes, their left half of the first class and their right half of the second."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(classes))
    for i, (width, height) in enumerate(((64, 48), (40, 56))):
        Image.linear_gradient("L").resize((width, height)).convert("RGB").save(folder / f"images/{i}.png")
        mask = np.zeros((height, width), np.uint8)
        mask[:, width // 2 :] = 1
        Image.fromarray(mask).save(folder / f"masks/{i}.png")
    return f"masks:{folder}/images:{folder}/masks"


@pytest.fixture(scope="module")
def lraspp_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torchvision import models

    torch.manual_seed(0)
    network = models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=21)
    path = tmp_path_factory.mktemp("lraspp") / "random.safetensors"
    save_state(path, network.state_dict())
    return path


def test_torchvision_declares_weights_classes_and_size_without_a_network() -> None:
    spec = zoo.registry().model(LRASPP)
    assert spec.tasks == {"segment": "zoo_hub.segmentation:TorchvisionSegmenter"}
    weights = spec.weights["coco_with_voc_labels_v1"]
    assert weights.uri == "https://download.pytorch.org/models/lraspp_mobilenet_v3_large-d234d4ea.pth"
    assert weights.classes == VOC
    assert spec.config["shorter"] == 520


def test_absent_weights_are_named_by_their_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(WeightsError) as caught:
        zoo.evaluate(LRASPP, pictures(tmp_path, VOC))
    assert "https://download.pytorch.org/models/lraspp_mobilenet_v3_large-d234d4ea.pth" in caught.value.hint


def test_a_torchvision_segmenter_runs_with_weights_of_a_file(tmp_path: Path, lraspp_weights: Path) -> None:
    record = zoo.evaluate(LRASPP, pictures(tmp_path, VOC), weights=lraspp_weights)
    assert record.model.name == LRASPP
    assert record.results[0].metric == "miou"
    assert record.results[0].n == 2


def test_weights_of_another_segmenter_are_refused(tmp_path: Path, lraspp_weights: Path) -> None:
    with pytest.raises(WeightsError, match="not those of torchvision/fcn_resnet50"):
        zoo.evaluate("torchvision/fcn_resnet50", pictures(tmp_path, VOC), weights=lraspp_weights)


def test_a_segmenter_without_the_datasets_classes_is_refused(tmp_path: Path, lraspp_weights: Path) -> None:
    with pytest.raises(ModelError, match=r"no output for 1 of the 2 classes of masks:.*: submarine"):
        zoo.evaluate(LRASPP, pictures(tmp_path, ("car", "submarine")), weights=lraspp_weights)


def test_every_segmenter_of_torchvision_has_the_parameters_of_its_weights() -> None:
    from torchvision import models

    for name in models.list_models(module=models.segmentation):
        spec = resolve_torchvision(f"torchvision/{name}", name)
        assert spec is not None
        with torch.device("meta"):
            ours = models.get_model(name, weights_backbone=None, num_classes=21, **spec.config["config"])
        assert sum(p.numel() for p in ours.parameters()) == models.get_model_weights(name).DEFAULT.meta["num_params"]


def test_a_name_that_torchvision_lacks_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="has no model 'unet'"):
        zoo.registry().model("torchvision/unet")


def test_a_segformer_of_a_folder_says_what_transformers_says(tmp_path: Path, segformer: Path, zoo_home: Path) -> None:
    import pyarrow.parquet as pq
    from transformers import AutoImageProcessor, SegformerForSemanticSegmentation

    from zoo.tasks import DataInfo, ModelInfo
    from zoo.tasks.segment import Segment

    name = pictures(tmp_path, ("left", "right"))
    record = zoo.evaluate(f"hf/{segformer}", name, outputs="dataset")
    task = Segment(ModelInfo("x", "image", "dataset"), DataInfo("x", "test", "image", ("left", "right")))
    found = task.decode(pq.read_table(zoo_home / "runs" / record.key / "shards/00000.parquet"))["labels"]
    network = SegformerForSemanticSegmentation.from_pretrained(segformer).eval()
    processor = AutoImageProcessor.from_pretrained(segformer)
    dataset = open_dataset(zoo.registry().dataset(name), "test")
    for i, id_ in enumerate(dataset.ids):
        image = Image.open(tmp_path / f"images/{id_}.png")
        with torch.inference_mode():
            logits = network(**processor(images=image, return_tensors="pt")).logits[
                :, 1:
            ]  # without "tree", which is not asked for
        resized = torch.nn.functional.interpolate(logits, (image.height, image.width), mode="bilinear", align_corners=False)
        assert (resized.argmax(1)[0].numpy() == found[i]).mean() > 0.999


def test_a_folders_spec_says_what_it_holds(segformer: Path) -> None:
    spec = resolve("hf/x", str(segformer))
    assert spec is not None
    assert (spec.weights["pretrained"].classes, list(spec.tasks)) == (("tree", "left", "right"), ["segment"])


def test_weights_that_lack_a_parameter_are_refused(segformer: Path) -> None:
    from safetensors.torch import load_file

    state = load_file(segformer / "model.safetensors")
    state.pop("decode_head.classifier.bias")
    with pytest.raises(WeightsError, match=r"1 missing \(decode_head\.classifier\.bias\)"):
        TransformersSegmenter(str(segformer)).load_state_dict(state)
