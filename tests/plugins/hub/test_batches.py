"""What is said of a sample is said of it alone: the same at any batch size, and as its library says it of one sample.

One model of every family, tiny and of random weights: classifiers, detectors, segmenters, sentence encoders and language
models, with tokenizers that pad at the left, at the right, or not at all.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import zoo
from zoo.imaging.images import prepare_image
from zoo.opening.weights import save_state

pytestmark = pytest.mark.slow  # a minute or two in all

TEXTS = ["the cat sat on the mat"[: 3 + 7 * i % 23].strip() + " and dogs bark at night all day long" * (i % 4) for i in range(18)]
SIZES = ((64, 48), (40, 56), (64, 48), (90, 30), (33, 70), (48, 64))
WORDS = sorted({word for text in TEXTS for word in text.split()})
Said = list[dict[str, Any]]


def rows(name: str, data: str, home: Path, batch: int | str, **settings: Any) -> Said:
    """The stored predictions of a run that computes all of them, in the order of the dataset."""
    record = zoo.evaluate(name, data, batch_size=batch, fresh=True, device="cpu", **settings)
    assert record.shards.computed == record.shards.total
    shards = sorted((home / "runs" / record.key / "shards").glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def assert_same(name: str, data: str, home: Path, column: str, alone: Callable[[str], Any], **settings: Any) -> None:
    """`column` of every sample is the same at batch 1, 4, 16 and auto, and what `alone` says of its id."""
    expected: dict[str, torch.Tensor] = {}
    for batch in (1, 4, 16, "auto"):
        for row in rows(name, data, home, batch, **settings):
            want = expected[row["id"]] if row["id"] in expected else torch.as_tensor(alone(row["id"]))
            expected[row["id"]] = want
            torch.testing.assert_close(torch.tensor(row[column], dtype=want.dtype), want, atol=1e-5, rtol=1e-5)
    first, *others = expected.values()
    assert not all(torch.equal(want, first) for want in others)  # else anything would pass


def assert_one(name: str, data: str, home: Path, **settings: Any) -> None:
    """All that is stored of every sample is the same, bit for bit, at batch 1, 4, 16 and auto."""
    single = rows(name, data, home, 1, **settings)
    assert all(rows(name, data, home, batch, **settings) == single for batch in (4, 16, "auto"))


@pytest.fixture
def sentences_of_two_classes(tmp_path: Path) -> str:
    (tmp_path / "texts.csv").write_text("text,label\n" + "".join(f"{text},{'ab'[i % 2]}\n" for i, text in enumerate(TEXTS)))
    return f"csv:{tmp_path}/texts.csv"


@pytest.fixture
def text_of(sentences_of_two_classes: str) -> Callable[[str], str]:
    dataset = zoo.dataset(sentences_of_two_classes)
    return lambda id_: next(sample.input for sample in map(dataset.__getitem__, range(len(dataset.ids))) if sample.id == id_)


def words(folder: Path, side: str, pad: bool) -> None:
    """A tokenizer of whole words that pads at a side, or cannot pad."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *WORDS])}
    own = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    own.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=own, padding_side=side, unk_token="<unk>", eos_token="</s>", **({"pad_token": "<pad>"} if pad else {})
    ).save_pretrained(folder)


SIZE: dict[str, Any] = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
ROBERTA = {**SIZE, "intermediate_size": 32, "max_position_embeddings": 60, "pad_token_id": 1}
GPT = {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 60, "bos_token_id": 0, "eos_token_id": 2}
LLAMA = {**SIZE, "intermediate_size": 32, "bos_token_id": 0, "eos_token_id": 2, "max_position_embeddings": 60}
BART = {
    "vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "pad_token_id": 1,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 60,
    "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": None,
}  # fmt: skip
LONGROPE = {**LLAMA, "pad_token_id": 1, "original_max_position_embeddings": 12, "rope_parameters": {
    "rope_type": "longrope", "rope_theta": 100.0, "short_factor": [1.0] * 4, "long_factor": [3.0] * 4,
    "original_max_position_embeddings": 12,
}}  # fmt: skip
NETWORKS = {
    "Bert": {**ROBERTA, "hidden_act": "gelu"},
    "Roberta": ROBERTA,
    "GPT2": {**GPT, "pad_token_id": 1},
    "GPT2 without a number for padding": {**GPT, "pad_token_id": None},
    "Llama": {**LLAMA, "pad_token_id": 1},
    "Llama without a number for padding": {**LLAMA, "pad_token_id": None},
    "Phi3 whose positions hang on the length": LONGROPE,
    "ConvBert": {**ROBERTA, "embedding_size": 16, "conv_kernel_size": 3},  # its convolutions see what stands beside a text
    "FNet": {key: value for key, value in ROBERTA.items() if key != "num_attention_heads"},  # it mixes all, masked or not
    "Bart": BART,
    "BigBird whose attention hangs on the texts before": {**ROBERTA, "block_size": 2, "num_random_blocks": 1},
}


def tried(*quick: tuple[str, str]) -> Any:
    """Families with the side at which the tokenizer pads: these by default, every one with every side as a slow proof."""
    families = dict.fromkeys(family for family, _ in quick)
    pairs = [(family, side) for family in families for side in ("left", "right", "none")]
    return pytest.mark.parametrize(
        ("family", "side"), [pytest.param(*pair, marks=[] if pair in quick else pytest.mark.slow) for pair in pairs]
    )


def network(folder: Path, family: str, head: str, **config: Any) -> Path:
    """A network of random weights, saved as its library does."""
    import transformers

    torch.manual_seed(0)
    kind = family.split()[0]
    made = getattr(transformers, f"{kind}{head}")(getattr(transformers, f"{kind}Config")(**NETWORKS[family], **config)).eval()
    for parameter in made.parameters():
        parameter.data.mul_(3)  # else all texts are nearly alike
    made.save_pretrained(folder)
    return folder


@tried(
    ("Bert", "left"),
    ("Roberta", "right"),
    ("GPT2", "left"),
    ("GPT2 without a number for padding", "none"),
    ("Llama", "none"),
    ("Llama without a number for padding", "left"),
    ("Phi3 whose positions hang on the length", "left"),
    ("ConvBert", "right"),
    ("FNet", "left"),
    ("Bart", "right"),
    ("BigBird whose attention hangs on the texts before", "right"),
)
def test_text_classifiers(
    family: str, side: str, sentences_of_two_classes: str, text_of: Callable[[str], str], tmp_path: Path, zoo_home: Path
) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = network(
        tmp_path / "model", family, "ForSequenceClassification", id2label={0: "a", 1: "b"}, label2id={"a": 0, "b": 1}
    )
    words(folder, "right" if side == "none" else side, side != "none")
    theirs, known = AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)

    def alone(id_: str) -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = deepcopy(theirs)(**known(text_of(id_), return_tensors="pt")).logits[0]
        return logits

    assert_same(f"hf/{folder}", sentences_of_two_classes, zoo_home, "logits", alone)


@tried(("Bert", "left"), ("Roberta", "left"), ("Llama", "none"), ("FNet", "right"))
def test_sentence_encoders(
    family: str, side: str, sentences_of_two_classes: str, text_of: Callable[[str], str], tmp_path: Path, zoo_home: Path
) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = network(tmp_path / "model", family, "Model")
    words(folder, "right" if side == "none" else side, side != "none")
    theirs, known = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)

    def alone(id_: str) -> torch.Tensor:
        with torch.inference_mode():
            vector: torch.Tensor = theirs(**known(text_of(id_), return_tensors="pt")).last_hidden_state[0].mean(0)
        return vector

    how = {"task": "embed", "metrics": ["knn-accuracy:k=1"]}
    assert_same(f"hf/{folder}", sentences_of_two_classes, zoo_home, "vector", alone, **how)


@tried(("GPT2", "left"), ("Llama without a number for padding", "none"), ("Phi3 whose positions hang on the length", "right"))
def test_language_models(family: str, side: str, tmp_path: Path, zoo_home: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = network(tmp_path / "model", family, "LMHeadModel" if family == "GPT2" else "ForCausalLM")
    words(folder, "right" if side == "none" else side, side != "none")
    (tmp_path / "own.txt").write_text(" ".join(TEXTS))
    theirs, known = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    data, window = f"text:{tmp_path}/own.txt", 200
    dataset = zoo.dataset(data)
    spans = {sample.id: sample.input for sample in map(dataset.__getitem__, range(len(dataset.ids)))}

    def alone(id_: str) -> float:
        text, context = spans[id_].text, spans[id_].context[-(window - len(spans[id_].text)) :]
        before, whole = (known(part, add_special_tokens=False)["input_ids"] for part in (context, context + text))
        tokens = whole if before else [theirs.config.bos_token_id, *whole]
        labels = torch.tensor([[-100] * len(tokens)])
        labels[0, -(len(whole) - len(before)) :] = torch.tensor(whole[len(before) :])
        with torch.inference_mode():
            loss = theirs(input_ids=torch.tensor([tokens]), labels=labels).loss
        return float(loss.double() * (len(whole) - len(before)))

    assert_same(f"hf/{folder}", data, zoo_home, "nll", alone, protocol={"window": window})


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, str]:
    """Six photographs of five sizes: a folder of two classes, boxes of one person in each, and masks of left and right."""
    for name in ("images", "masks", "classes/left", "classes/right"):
        (tmp_path / name).mkdir(parents=True)
    images, objects = [], []
    for i, (width, height) in enumerate(SIZES):
        ramps = (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90 * i))
        picture = Image.merge("RGB", ramps).resize((width, height))
        picture.save(tmp_path / f"images/{i}.png")
        picture.save(tmp_path / "classes" / ("left", "right")[i % 2] / f"{i}.png")
        mask = np.zeros((height, width), np.uint8)
        mask[:, width // 2 :] = 1
        Image.fromarray(mask).save(tmp_path / f"masks/{i}.png")
        images.append({"id": i, "file_name": f"{i}.png", "width": width, "height": height})
        objects.append({"id": i + 1, "image_id": i, "category_id": 1, "bbox": [4, 4, 20, 20], "area": 400, "iscrowd": 0})
    (tmp_path / "classes.txt").write_text("left\nright")
    content = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    return {
        "classify": f"folder:{tmp_path}/classes",
        "detect": f"coco:{tmp_path}/images:{tmp_path}/boxes.json",
        "segment": f"masks:{tmp_path}/images:{tmp_path}/masks",
    }


@pytest.fixture
def images(pictures: dict[str, str]) -> list[torch.Tensor]:
    """The photographs, float [3, h, w] in [0, 1]."""
    folder = Path(pictures["detect"].split(":")[1])
    paths = sorted(folder.iterdir())
    return [torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1).contiguous() / 255 for path in paths]


def detector(name: str, folder: Path, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], Any]:
    """Name and settings of a tiny detector, and it as its library has it: what it says of one image [3, h, w]."""
    import transformers
    from torchvision import models

    if name in ("detr", "yolos"):
        place = request.getfixturevalue("detr") if name == "detr" else yolos(folder)
        body = transformers.AutoModelForObjectDetection.from_pretrained(place).eval()
        processor = transformers.AutoImageProcessor.from_pretrained(place)

        def said(image: torch.Tensor) -> dict[str, torch.Tensor]:
            prepared = processor(images=(image * 255).round().byte(), return_tensors="pt", input_data_format="channels_first")
            found = processor.post_process_object_detection(body(**prepared), 0.0, [tuple(image.shape[1:])])
            boxes: dict[str, torch.Tensor] = found[0]
            return boxes

        return f"hf/{place}", {}, said
    torch.manual_seed(0)
    network = models.get_model(name, weights=None, weights_backbone=None, num_classes=91).eval()
    for parameter in network.parameters():
        parameter.data.mul_(2 if "predictor" in name else 1.1)
    if hasattr(network, "roi_heads"):
        network.roi_heads.box_predictor.cls_score.weight.data.mul_(100)  # else it is sure of nothing, and says nothing
    save_state(folder / "random.safetensors", network.state_dict())
    return f"torchvision/{name}", {"weights": folder / "random.safetensors"}, lambda image: network([image])[0]


def yolos(folder: Path) -> Path:
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    torch.manual_seed(0)
    labels = {"id2label": {0: "N/A", 1: "person"}, "label2id": {"N/A": 0, "person": 1}}
    config = YolosConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=[64, 64], patch_size=16,
        num_detection_tokens=5, **labels,
    )  # fmt: skip
    YolosForObjectDetection(config).save_pretrained(folder)
    YolosImageProcessor(size={"shortest_edge": 48, "longest_edge": 96}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "detr",
        "yolos",
        "ssdlite320_mobilenet_v3_large",
        pytest.param("fasterrcnn_mobilenet_v3_large_320_fpn", marks=pytest.mark.slow),
    ],
)
def test_detectors(
    name: str,
    pictures: dict[str, str],
    images: list[torch.Tensor],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    zoo_home: Path,
) -> None:
    model, settings, said = detector(name, tmp_path, request)
    with torch.inference_mode():
        together, alone = zoo.load(model, task="detect", **settings)(images), [said(image) for image in images]
    assert sum(len(found["boxes"]) for found in alone) >= len(images)
    for ours, theirs in zip(together, alone, strict=True):
        for kind in ("boxes", "scores", "labels"):
            torch.testing.assert_close(getattr(ours, kind), theirs[kind], atol=1e-5, rtol=1e-5)
    assert_one(model, pictures["detect"], zoo_home, **settings)


def test_a_segmenter_of_transformers(
    segformer: Path, pictures: dict[str, str], images: list[torch.Tensor], zoo_home: Path
) -> None:
    from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

    body = AutoModelForSemanticSegmentation.from_pretrained(segformer).eval()
    processor = AutoImageProcessor.from_pretrained(segformer)
    with torch.inference_mode():
        together = zoo.load(f"hf/{segformer}", task="segment")(torch.stack([images[0], images[2]]))
        for ours, image in zip(together, (images[0], images[2]), strict=True):
            theirs = body(**processor(images=(image * 255).byte(), return_tensors="pt")).logits[0]
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert_one(f"hf/{segformer}", pictures["segment"], zoo_home)


@pytest.mark.slow
def test_a_segmenter_of_torchvision(pictures: dict[str, str], tmp_path: Path, zoo_home: Path) -> None:
    from torchvision import models

    torch.manual_seed(0)
    (tmp_path / "classes.txt").write_text("cat\ndog")
    network = models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=21)
    save_state(tmp_path / "random.safetensors", network.state_dict())
    weights = {"weights": tmp_path / "random.safetensors"}
    assert_one("torchvision/lraspp_mobilenet_v3_large", pictures["segment"], zoo_home, **weights)


@pytest.mark.parametrize("library", ["transformers", "timm", "torchvision"])
def test_image_classifiers(
    library: str, pictures: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path, zoo_home: Path
) -> None:
    from torchvision import models

    name, settings = "torchvision/squeezenet1_1@imagenet1k_v1", {}
    if library == "torchvision":
        torch.manual_seed(0)
        network = models.squeezenet1_1(weights=None)
        save_state(tmp_path / "random.safetensors", network.state_dict())
        settings = {"weights": tmp_path / "random.safetensors", "task": "classify"}
        for side, other in (("left", "tench"), ("right", "goldfish")):
            folder = Path(pictures["classify"].split(":")[1])
            (folder / side).rename(folder / other)
    else:
        name = f"hf/{request.getfixturevalue('image_classifier')}" if library == "transformers" else None
        name = name or f"timm/{request.getfixturevalue('timm_folder')}"
    model = zoo.load(name, **{key: value for key, value in settings.items() if key == "weights"})
    dataset = zoo.dataset(pictures["classify"])
    inputs = {sample.id: prepare_image(sample.input, model.zoo_info.input) for sample in map(dataset.__getitem__, range(6))}
    columns = [model.zoo_info.classes.index(one) for one in dataset.classes]

    def alone(id_: str) -> torch.Tensor:
        with torch.inference_mode():
            normal = model.normalise(inputs[id_][None])
            said = model.body(pixel_values=normal).logits if library == "transformers" else model.body(normal)
        return said[0, columns]

    assert_same(name, pictures["classify"], zoo_home, "logits", alone, outputs="dataset", **settings)
