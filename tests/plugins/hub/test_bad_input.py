"""Names that lead nowhere, and folders that are not whole, not safe or of nothing that we run: what is said, and at once."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import torch

import zoo
from zoo.data.spans import Span
from zoo.errors import ModelError, UnknownNameError, WeightsError
from zoo.plugins.registry import registry


def copied(folder: Path, to: Path, **config: object) -> Path:
    """A copy, with some of its config.json changed."""
    shutil.copytree(folder, to)
    if config:
        path = to / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return to


@pytest.mark.parametrize("namespace", ["hf", "diffusers"])
def test_a_repository_that_is_absent_offline_is_named_with_how_to_get_it(
    namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    for name in ("owner/absent", "owner/absent@v1"):
        with pytest.raises(WeightsError, match="owner/absent is no folder and not in the hub's cache, and ZOO_OFFLINE") as caught:
            registry().model(f"{namespace}/{name}")
        assert "hf download owner/absent --local-dir FOLDER" in caught.value.hint


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_without_a_network_the_hub_is_asked_once(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refused(address: tuple[str, int], *_: object, **__: object) -> None:
        asked.append(address)
        raise ConnectionRefusedError("no network")

    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if proxy:
        monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setattr(socket, "create_connection", refused)
    with pytest.raises(WeightsError, match="the hub cannot be asked: no connection"):
        registry().model("hf/owner/absent")
    assert len(asked) == 1


def test_what_is_neither_folder_nor_repository(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="neither a folder nor a repository"):
        registry().model("hf/no/such/folder at all")
    with pytest.raises(UnknownNameError, match="there is no folder"):
        registry().model(f"hf/{tmp_path}/absent")


@pytest.mark.parametrize(("name", "meant"), [("timm:resnet18", "timm/resnet18"), ("hf:o/r", "hf/o/r"), ("timm/", "timm/NAME")])
def test_a_colon_for_a_slash_is_seen(name: str, meant: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry().model(name)
    assert caught.value.hint == f"did you mean {meant}?"


@pytest.mark.parametrize("namespace", ["hf", "timm", "diffusers"])
def test_a_folder_without_a_config_says_what_is_missing(namespace: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match=r"no config\.json|no architecture of timm|no model_index\.json"):
        registry().model(f"{namespace}/{tmp_path}")


def test_a_damaged_config_says_so(image_classifier: Path, tmp_path: Path) -> None:
    folder = copied(image_classifier, tmp_path / "cut")
    (folder / "config.json").write_text((image_classifier / "config.json").read_text()[:50])
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        registry().model(f"hf/{folder}")


@pytest.mark.parametrize("kind", ["image_classifier", "text_classifier", "detr", "segformer", "sentences", "language_model"])
def test_pickled_weights_are_never_read(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = copied(request.getfixturevalue(kind), tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"no model\.safetensors, only pytorch_model\.bin: pickles"):
        registry().model(f"hf/{folder}")


def test_pickled_weights_of_timm_and_diffusers_are_never_read(timm_folder: Path, pipeline: Path, tmp_path: Path) -> None:
    timm, drawing = copied(timm_folder, tmp_path / "timm"), copied(pipeline, tmp_path / "ddpm")
    (timm / "model.safetensors").rename(timm / "pytorch_model.bin")
    (drawing / "unet/diffusion_pytorch_model.safetensors").rename(drawing / "unet/diffusion_pytorch_model.bin")
    for name, found in ((f"timm/{timm}", "pytorch_model"), (f"diffusers/{drawing}", "diffusion_pytorch_model")):
        with pytest.raises(WeightsError, match=rf"only {found}\.bin: pickles"):
            registry().model(name)


def test_an_index_of_files_that_are_absent_or_elsewhere_is_refused(language_model: Path, tmp_path: Path) -> None:
    folder = copied(language_model, tmp_path / "parts")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    for named, said in (
        ({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}, "lacks model-00002"),
        ({"weight_map": {"a": "../model.safetensors"}}, "names no safetensors files beside it"),
        ({"weight_map": {"a": "pytorch_model.bin"}}, "names no safetensors files beside it"),
        ({"weights": []}, "names no safetensors files beside it"),
    ):
        (folder / "model.safetensors.index.json").write_text(json.dumps(named))
        with pytest.raises(WeightsError, match=said):
            registry().model(f"hf/{folder}")


@pytest.mark.parametrize("kind", ["image_classifier", "text_classifier", "detr", "segformer", "sentences", "language_model"])
def test_code_of_a_folder_is_never_run(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    asks = {"model_type": "mine", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    folder = copied(request.getfixturevalue(kind), tmp_path / "evil", **asks)
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="asks for code that comes with it"):
        zoo.load(f"hf/{folder}")
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that nobody may ask, though nothing forbids it."""
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, lambda *_: pytest.fail("the network was asked"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the network was asked"))


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("kind", ["language_model", "text_classifier", "sentences"])
def test_a_model_of_texts_without_a_tokenizer_says_so(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = shutil.copytree(request.getfixturevalue(kind), tmp_path / "model")
    for pattern in ("*token*", "vocab*"):
        for file in folder.glob(pattern):
            file.unlink()
    with pytest.raises(ModelError, match="has no tokenizer") as caught:
        zoo.evaluate(f"hf/{folder}", "tiny-shakespeare", limit=2)  # before its text is looked for
    assert "tokenizer.json" in str(caught.value.hint)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    "kind",
    ["image_classifier", "text_classifier", "detr", "segformer", "sentences", "language_model", "timm_folder", "pipeline"],
)
def test_a_whole_folder_is_run_without_a_network(kind: str, request: pytest.FixtureRequest) -> None:
    namespace = {"timm_folder": "timm", "pipeline": "diffusers"}.get(kind, "hf")
    name = f"{namespace}/{request.getfixturevalue(kind)}"
    model = zoo.load(name, task=next(iter(registry().model(name).tasks)))
    with torch.inference_mode():
        if kind in ("text_classifier", "sentences"):
            model(["the cat", "a dog"])
        elif kind == "language_model":
            model.span_likelihood([Span("to be", "or not ")])
        elif kind in ("detr", "segformer"):
            model(torch.rand(1, 3, 40, 40))


@pytest.mark.usefixtures("unasked")
def test_a_backbone_by_name_is_not_looked_for_on_the_hub(detr: Path, tmp_path: Path) -> None:
    folder = copied(detr, tmp_path / "named", backbone="owner/absent", backbone_config=None, use_pretrained_backbone=False)
    with pytest.raises(ModelError, match="cannot build the detector"):
        zoo.load(f"hf/{folder}", task="detect")


def test_code_of_a_pipeline_is_never_run(pipeline: Path, tmp_path: Path) -> None:
    folder = copied(pipeline, tmp_path / "evil")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "unet": ["evil", "Net"]}))
    (folder / "unet/evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match=r"asks for code that comes with it \(unet\)"):
        registry().model(f"diffusers/{folder}")
    assert not (tmp_path / "ran").exists()


def test_code_that_is_not_run_is_told_of_where_transformers_knows_the_model(image_classifier: Path, tmp_path: Path) -> None:
    folder = copied(image_classifier, tmp_path / "own", auto_map={"AutoModelForImageClassification": "mine.Model"})
    with pytest.warns(UserWarning, match="brings code of its own .*never run: transformers' ViTForImageClassification"):
        registry().model(f"hf/{folder}")


def test_what_no_task_takes_is_named(text_classifier: Path, pipeline: Path, tmp_path: Path) -> None:
    folder = copied(text_classifier, tmp_path / "asked", architectures=["BertForQuestionAnswering"])
    with pytest.raises(ModelError, match="is a BertForQuestionAnswering, which no task here takes"):
        registry().model(f"hf/{folder}")
    with pytest.raises(ModelError, match="a pipeline of diffusers") as caught:
        registry().model(f"hf/{pipeline}")
    assert caught.value.hint == f"name it so: diffusers/{pipeline}"
    index = json.loads((pipeline / "model_index.json").read_text())
    drawing = copied(pipeline, tmp_path / "two")
    for changed, said in (
        ({"_class_name": "StableVideoDiffusionPipeline"}, "is a StableVideoDiffusionPipeline that needs image"),
        ({"scheduler": [None, None]}, "is a DDPMPipeline that has no scheduler"),
        ({"unet": ["diffusers", "UNet9DModel"]}, "is a DDPMPipeline, UNet9DModel, which diffusers .* has not"),
    ):
        (drawing / "model_index.json").write_text(json.dumps({**index, **changed}))
        with pytest.raises(ModelError, match=said):
            registry().model(f"diffusers/{drawing}")


def test_a_benchmark_of_another_task_says_which_tasks_the_model_has(segformer: Path, sides: str) -> None:
    with pytest.raises(ModelError, match="serves the tasks classify, embed, not segment"):
        zoo.evaluate(f"hf/{segformer}", sides)
    with pytest.raises(ModelError, match=f"is a benchmark of task classify; hf/{segformer} has: segment"):
        zoo.evaluate(f"hf/{segformer}", "digits")


def test_classes_that_the_dataset_has_not_are_named(image_classifier: Path) -> None:
    with pytest.raises(ModelError, match="no output for 10 of the 10 classes of data/digits") as caught:
        zoo.evaluate(f"hf/{image_classifier}", "digits")
    assert "right, left, neither" in caught.value.hint


def test_a_configuration_that_changes_meanwhile_is_seen(image_classifier: Path, tmp_path: Path) -> None:
    from zoo.opening.models import build_model

    folder = copied(image_classifier, tmp_path / "model")
    spec = registry().model(f"hf/{folder}")
    copied(image_classifier, tmp_path / "other", num_hidden_layers=2)
    shutil.copy(tmp_path / "other/config.json", folder / "config.json")
    with pytest.raises(ModelError, match="has changed meanwhile"):
        build_model(spec, "classify", {})
