"""Detectors by name: of torchvision and of the DETR family, with random weights from a file, and without any."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import UnknownNameError, WeightsError
from zoo.opening.weights import save_state
from zoo_hub.detection import TransformersDetector, resolve_torchvision
from zoo_hub.transformers_models import resolve

SSDLITE = "torchvision/ssdlite320_mobilenet_v3_large"


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    """A detection dataset of two images of different sizes with one person."""
    (tmp_path / "images").mkdir()
    images = []
    for i, (width, height) in enumerate(((64, 48), (40, 56))):
        Image.linear_gradient("L").resize((width, height)).convert("RGB").save(tmp_path / f"images/{i}.png")
        images.append({"id": i, "file_name": f"{i}.png", "width": width, "height": height})
    person = {"id": 1, "image_id": 0, "category_id": 1, "bbox": [4, 4, 20, 30], "area": 600, "iscrowd": 0}
    content = {"images": images, "annotations": [person], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    return f"coco:{tmp_path}/images:{tmp_path}/boxes.json"


@pytest.fixture(scope="module")
def ssdlite_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torchvision import models

    torch.manual_seed(0)
    network = models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=91)
    path = tmp_path_factory.mktemp("ssdlite") / "random.safetensors"
    save_state(path, network.state_dict())
    return path


def test_torchvision_declares_weights_and_classes_without_a_network() -> None:
    spec = zoo.registry().model(SSDLITE)
    assert spec.tasks == {"detect": "zoo_hub.detection:TorchvisionDetector"}
    weights = spec.weights["coco_v1"]
    assert weights.uri == "https://download.pytorch.org/models/ssdlite320_mobilenet_v3_large_coco-a79551df.pth"
    assert weights.classes is not None
    assert (len(weights.classes), weights.classes[1]) == (91, "person")


def test_absent_weights_are_named_by_their_address(pictures: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(WeightsError) as caught:
        zoo.evaluate(SSDLITE, pictures)
    assert "https://download.pytorch.org/models/ssdlite320_mobilenet_v3_large_coco-a79551df.pth" in caught.value.hint


def test_a_torchvision_detector_runs_with_weights_of_a_file(pictures: str, ssdlite_weights: Path) -> None:
    record = zoo.evaluate(SSDLITE, pictures, weights=ssdlite_weights)
    assert record.model.name == SSDLITE
    assert record.results[0].n == 2
    assert record.results[0].value is not None


def test_weights_of_another_detector_are_refused(pictures: str, ssdlite_weights: Path) -> None:
    with pytest.raises(WeightsError, match="not those of torchvision/retinanet_resnet50_fpn"):
        zoo.evaluate("torchvision/retinanet_resnet50_fpn", pictures, weights=ssdlite_weights)


def test_every_detector_of_torchvision_can_be_named() -> None:
    from torchvision import models

    for name in models.list_models(module=models.detection):
        spec = resolve_torchvision(f"torchvision/{name}", name)
        assert spec is not None
        assert all("person" in (weights.classes or ()) for weights in spec.weights.values())


def test_the_oldest_weights_keep_the_epsilon_of_their_training() -> None:
    spec = resolve_torchvision("torchvision/fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn")
    assert spec is not None
    assert spec.weights["coco_v1"].config == {"frozen_eps": 0.0}
    newer = resolve_torchvision("torchvision/fasterrcnn_resnet50_fpn_v2", "fasterrcnn_resnet50_fpn_v2")
    assert newer is not None
    assert newer.weights["coco_v1"].config == {}


def test_a_name_that_torchvision_lacks_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="has no model 'yolo'"):
        zoo.registry().model("torchvision/yolo")


def test_a_detr_of_a_folder_runs_as_transformers_runs_it(pictures: str, detr: Path, zoo_home: Path) -> None:
    import pyarrow.parquet as pq
    from transformers import AutoImageProcessor, DetrForObjectDetection

    record = zoo.evaluate(f"hf/{detr}", pictures, batch_size=1)
    found = pq.read_table(zoo_home / "runs" / record.key / "shards/00000.parquet").to_pylist()
    network, processor = DetrForObjectDetection.from_pretrained(detr).eval(), AutoImageProcessor.from_pretrained(detr)
    folder = Path(pictures.split(":")[1])
    for row in found:
        image = Image.open(folder / row["id"])
        with torch.inference_mode():
            said = network(**processor(images=image, return_tensors="pt"))
        expected = processor.post_process_object_detection(said, 0.0, [(image.height, image.width)])[0]
        persons = expected["boxes"][expected["labels"] == 1].clamp(min=0).minimum(torch.tensor([image.width, image.height] * 2))
        ours = torch.tensor([[box[corner] for corner in ("x1", "y1", "x2", "y2")] for box in row["boxes"]]).reshape(-1, 4)
        assert torch.allclose(ours, persons, atol=1e-2)


def test_a_folders_spec_says_what_it_holds(detr: Path) -> None:
    spec = resolve("hf/x", str(detr))
    assert spec is not None
    assert (spec.weights["pretrained"].classes, list(spec.tasks)) == (("N/A", "person", "dog"), ["detect"])


def test_weights_that_lack_a_parameter_are_refused(detr: Path) -> None:
    from safetensors.torch import load_file

    state: dict[str, Any] = load_file(detr / "model.safetensors")
    state.pop("class_labels_classifier.bias")
    with pytest.raises(WeightsError, match=r"1 missing \(class_labels_classifier\.bias\)"):
        TransformersDetector(str(detr)).load_state_dict(state)
