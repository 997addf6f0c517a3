"""One run of every task with models of folders alone, with the network forbidden; each leaves a whole record."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.runs.record import RunRecord


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")


def assert_whole(record: RunRecord, task: str, model: str, samples: int) -> None:
    """The record of a run says what ran, on what, how, and how well; and the store has it."""
    assert (record.task, record.model.name, record.dataset.samples) == (task, model, samples)
    assert record.results and record.primary.n > 0
    assert record.model.source_sha256 and record.dataset.fingerprint and record.artifacts
    assert record.execution.device == "cpu" and record.cost.seconds > 0
    assert "torch" in record.environment.packages and record.environment.python
    assert record.shards.computed == record.shards.total > 0
    assert zoo.Store().record(record.run_id) == record


def test_classify_images_of_transformers(image_classifier: Path, sides: str) -> None:
    record = zoo.evaluate(f"hf/{image_classifier}", sides, device="cpu")
    assert_whole(record, "classify", f"hf/{image_classifier}", 6)
    assert record.model.preprocessing is not None and record.model.preprocessing["size"] == [16, 16]
    assert record.model.weights_sha256


def test_classify_texts_of_transformers(text_classifier: Path) -> None:
    record = zoo.evaluate(f"hf/{text_classifier}", "sms-spam", limit=32, device="cpu")
    assert_whole(record, "classify", f"hf/{text_classifier}", 32)


@pytest.mark.parametrize("namespace", ["timm", "hf"])
def test_classify_and_embed_with_a_folder_of_timm(timm_folder: Path, sides: str, namespace: str) -> None:
    name = f"{namespace}/{timm_folder}"
    assert_whole(zoo.evaluate(name, sides, device="cpu"), "classify", name, 6)
    assert_whole(zoo.evaluate(name, sides, task="embed", device="cpu"), "embed", name, 6)


def test_detect(detr: Path, tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(tmp_path / "0.png")
    images = [{"id": 0, "file_name": "0.png", "width": 64, "height": 48}]
    person = {"id": 1, "image_id": 0, "category_id": 1, "bbox": [4, 4, 20, 30], "area": 600, "iscrowd": 0}
    content = {"images": images, "annotations": [person], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    record = zoo.evaluate(f"hf/{detr}", f"coco:{tmp_path}:{tmp_path}/boxes.json", device="cpu")
    assert_whole(record, "detect", f"hf/{detr}", 1)


def test_segment(segformer: Path, tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    (tmp_path / "classes.txt").write_text("left\nright")
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(tmp_path / "images/0.png")
    Image.fromarray(np.eye(30, 40, dtype=np.uint8)).save(tmp_path / "masks/0.png")
    record = zoo.evaluate(f"hf/{segformer}", f"masks:{tmp_path}/images:{tmp_path}/masks", device="cpu")
    assert_whole(record, "segment", f"hf/{segformer}", 1)


def test_embed(sentences: Path) -> None:
    record = zoo.evaluate(f"hf/{sentences}", "sms-spam", limit=32, metrics=["recall-at-k:k=1"], device="cpu")
    assert_whole(record, "embed", f"hf/{sentences}", 32)


def test_attack_with_a_victim_of_a_folder(image_classifier: Path, sides: str) -> None:
    victim = f"hf/{image_classifier}"
    settings = {"options": {"steps": 5}, "protocol": {"eps": "8/255"}}
    record = zoo.evaluate("robust/pgd", sides, aux={"victim": victim}, device="cpu", **settings)
    assert_whole(record, "attack", "robust/pgd", 6)
    assert record.aux["victim"].name == victim and record.aux["victim"].weights_sha256
    scores = {result.metric: result.value for result in record.results}
    assert scores["gradients"] and scores["gradients"] > 0  # they reach the pixels through its normalisation


def test_generate_likelihood_of_texts(language_model: Path, real_data: Path) -> None:
    record = zoo.evaluate(f"hf/{language_model}", "tiny-shakespeare", limit=40, device="cpu")
    assert_whole(record, "generate", f"hf/{language_model}", 40)
    bits = next(result.value for result in record.results if result.metric == "bits-per-character")
    assert bits == pytest.approx(np.log2(257), abs=0.3)  # of random weights: all characters are alike


def test_generate_images(pipeline: Path, real_data: Path) -> None:
    record = zoo.evaluate(f"diffusers/{pipeline}", "mnist-samples", limit=8, options={"steps": 3}, device="cpu")
    assert_whole(record, "generate", f"diffusers/{pipeline}", 8)
    assert record.model.options["steps"] == 3 and record.model.weights_sha256
