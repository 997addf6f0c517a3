"""Fine-tuning by name: the head is replaced, the rest is taken over, and the file runs by itself."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.opening.models import build_model
from zoo.opening.weights import read_metadata, read_state, save_state
from zoo.training.job import TrainingProgress
from zoo.training.run import train
from zoo_hub.finetune_trainer import taken_over

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]  # a minute or two in all

NETWORK = "timm/test_resnet"
SMALL = {"input.channels": 3, "input.size": [32, 32]}


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """Images of three colours, with a split of their own to score."""
    for split, count in (("train", 10), ("test", 4)):
        for place, name in enumerate(("blue", "green", "red")):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                colour = [20 + 5 * i, 30, 40]
                colour[2 - place] = 200 + i
                Image.new("RGB", (40, 36), tuple(colour)).save(folder / f"{i}.png")
    return f"folder:{tmp_path}/photos"


def finetuned(model: str, dataset: str, pretrained: object = False, told: list[str] | None = None, **changes: object):
    def progress(step: TrainingProgress) -> None:
        if told is not None and step.note:
            told.append(step.note)

    overrides = {"options.pretrained": pretrained, **changes}
    return train("hub/finetune", model=model, dataset=dataset, overrides=overrides, device="cpu", progress=progress)


def test_a_network_of_timm_learns_own_classes_and_runs_by_its_file_alone(photos: str, tmp_path: Path) -> None:
    told: list[str] = []
    record = finetuned(NETWORK, photos, told=told, epochs=6, **SMALL, **{"optimizer.lr": 3e-3, "batch_size": 8})
    assert told == [f"{NETWORK} begins with random weights"]
    metadata = read_metadata(Path(record.weights))
    assert json.loads(metadata["config"]) == {"classes": 3}
    assert json.loads(metadata["classes"]) == ["blue", "green", "red"]
    run = zoo.evaluate(NETWORK, photos, weights=record.weights)
    assert run.primary.n == 12 and run.primary.value > 0.9
    with pytest.raises(WeightsError):  # the head of the published network has 1,000 outputs
        zoo.load("timm/test_vit", weights=record.weights)


def test_all_but_the_head_is_taken_over_and_what_is_new_is_said(photos: str, tmp_path: Path) -> None:
    spec = zoo.registry().model(NETWORK)
    torch.manual_seed(1)
    published = build_model(spec, "classify", {})
    save_state(tmp_path / "published.safetensors", published.state_dict())
    told: list[str] = []
    frozen = {"optimizer.lr": 1e-12, "optimizer.weight_decay": 0.0, "epochs": 1}
    record = finetuned(NETWORK, photos, str(tmp_path / "published.safetensors"), told, **SMALL, **frozen)
    assert told == [f"weights of published.safetensors, but new, for the 3 classes of {photos}: fc.weight, fc.bias"]
    state, _ = read_state(Path(record.weights))
    before = published.state_dict()
    assert {name for name in state if state[name].shape != before[name].shape} == {"fc.weight", "fc.bias"}
    same = [name for name in state if name.endswith("conv1.weight")]
    assert same and all(torch.allclose(state[name], before[name], atol=1e-6) for name in same)
    assert all(torch.equal(state[name], before[name]) for name in state if "running_" in name)


def test_statistics_of_batches_are_learnt_where_that_is_asked_for_or_nothing_is_begun_with(photos: str, tmp_path: Path) -> None:
    published = build_model(zoo.registry().model(NETWORK), "classify", {})
    file = str(save_state(tmp_path / "published.safetensors", published.state_dict()) and tmp_path / "published.safetensors")
    for asked in ({"pretrained": file, "options.keep_statistics": False}, {"pretrained": False}):
        state, _ = read_state(Path(finetuned(NETWORK, photos, epochs=1, **SMALL, **asked).weights))  # type: ignore[arg-type]
        before = published.state_dict()
        assert not any(torch.equal(state[name], before[name]) for name in state if name.endswith("running_var"))


def test_an_interrupted_training_ends_with_the_same_weights(photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finetuned(NETWORK, photos, epochs=3, ema=0.9, **SMALL)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "other"))

    def kill(step: TrainingProgress) -> None:
        if step.epoch == 3:
            raise KeyboardInterrupt

    asked = {"options.pretrained": False, "epochs": 3, "ema": 0.9, **SMALL}
    with pytest.raises(KeyboardInterrupt):
        train("hub/finetune", model=NETWORK, dataset=photos, overrides=asked, device="cpu", progress=kill)
    resumed = train("hub/finetune", model=NETWORK, dataset=photos, overrides=asked, device="cpu")
    assert (resumed.resumed_from, resumed.weights_sha256) == (2, whole.weights_sha256)


def test_a_network_of_torchvision_too(photos: str) -> None:
    record = finetuned("torchvision/shufflenet_v2_x0_5", photos, epochs=1, **SMALL)
    assert record.recipe.config == {"classes": 3}
    assert zoo.evaluate("torchvision/shufflenet_v2_x0_5", photos, weights=record.weights).primary.n == 12


@pytest.fixture
def messages(tmp_path: Path) -> str:
    rows = [
        f"{'spam' if i % 3 == 0 else 'ham'},{'dogs bark all night' if i % 3 == 0 else 'the cat sat on a mat'}" for i in range(45)
    ]
    (tmp_path / "own.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    return f"csv:{tmp_path}/own.csv"


def test_a_classifier_of_texts_gets_the_classes_of_a_table(text_classifier: Path, messages: str) -> None:
    told: list[str] = []
    name = f"hf/{text_classifier}"
    record = finetuned(name, messages, True, told, epochs=20, **{"optimizer.lr": 0.02})
    assert told[0].startswith(f"weights of {name}@pretrained, but new, for the 2 classes of {messages}: ")
    assert len(record.dataset.held_out) == 9
    with pytest.warns(UserWarning, match="36 of these 45 samples"):
        run = zoo.evaluate(name, messages, weights=record.weights)
    assert run.primary.value == 1.0


def test_a_masked_language_model_gets_a_head(tmp_path: Path, text_classifier: Path, messages: str) -> None:
    from transformers import AutoConfig, BertForMaskedLM

    folder = tmp_path / "mlm"
    folder.mkdir()
    for path in text_classifier.iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            (folder / path.name).write_bytes(path.read_bytes())
    network = BertForMaskedLM(AutoConfig.from_pretrained(text_classifier))
    network.save_pretrained(folder)
    told: list[str] = []
    record = finetuned(f"hf/{folder}", messages, True, told, epochs=1, **{"optimizer.lr": 1e-12, "optimizer.weight_decay": 0.0})
    assert "classifier.bias, classifier.weight" in told[0] and "embeddings" not in told[0]
    state, _ = read_state(Path(record.weights))
    taken, own = state["bert.embeddings.word_embeddings.weight"], network.state_dict()["bert.embeddings.word_embeddings.weight"]
    assert torch.allclose(taken, own, atol=1e-6)
    with pytest.raises(ModelError, match="does not say which class each of its outputs is"):
        zoo.evaluate(f"hf/{folder}", messages)


def test_absent_weights_say_how_to_begin_without(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"options\.pretrained=false"):
        finetuned(NETWORK, photos, True, epochs=1, **SMALL)
    assert not zoo_files("*.safetensors")


def zoo_files(pattern: str) -> list[Path]:
    from zoo.home import zoo_home

    return list((zoo_home() / "trained").rglob(pattern))


def test_weights_of_another_network_are_refused(photos: str, tmp_path: Path) -> None:
    save_state(tmp_path / "other.safetensors", {"fc.weight": torch.zeros(3, 4)})
    with pytest.raises(WeightsError, match="not those of"):
        finetuned(NETWORK, photos, str(tmp_path / "other.safetensors"), epochs=1, **SMALL)


def test_an_unknown_option_is_answered_with_the_nearest(photos: str) -> None:
    with pytest.raises(OptionError, match="did you mean pretrained"):
        finetuned(NETWORK, photos, epochs=1, **SMALL, **{"options.pretraine": True})


def test_tensors_of_another_shape_stay_as_they_are() -> None:
    network = torch.nn.Linear(2, 3)
    before = network.bias.detach().clone()
    assert taken_over(network, {"weight": torch.ones(3, 2), "bias": torch.ones(4)}) == ["bias"]
    assert torch.equal(network.weight, torch.ones(3, 2)) and torch.equal(network.bias, before)
