"""Training on the user's own data: classes follow the data, a share is held out, and what cannot be is said before a step."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.data.dataset import ArrayDataset
from zoo.errors import DataError, ModelError, OptionError, ZooError
from zoo.opening.weights import read_metadata
from zoo.specs import ImageInput, Optimizer, RecipeSpec
from zoo.training.job import TrainingProgress
from zoo.training.record import TrainingRecord
from zoo.training.run import train

RECIPE = RecipeSpec(
    name="test/mlp-own",
    summary="A test",
    model="intro/mlp",
    dataset="data/digits",
    epochs=6,
    batch_size=8,
    optimizer=Optimizer(lr=0.01),
    input=ImageInput(channels=1, size=(8, 8)),
)
TEXTS = RECIPE.model_copy(update={"name": "test/bag-own", "model": "sequence/ngram-bag", "input": None, "epochs": 1})


def images(folder: Path, counts: dict[str, int], side: int = 8) -> str:
    """Classes of images that differ in brightness."""
    for level, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.new("L", (side, side), 80 * level + i).save(folder / name / f"{i}.png")
    return f"folder:{folder}"


@pytest.fixture
def three(tmp_path: Path) -> str:
    return images(tmp_path / "three", {"dark": 20, "grey": 10, "white": 10})


@pytest.fixture
def table(tmp_path: Path) -> str:
    rows = [f"{'spam' if i % 4 == 0 else 'ham'},{'win now' if i % 4 == 0 else 'see you'} {i}" for i in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    return f"csv:{tmp_path}/own.csv"


def attempt(wrong: type[ZooError], match: str, home: Path, recipe: RecipeSpec = RECIPE, **changes: object) -> None:
    """A training that must end before its first step, and leave nothing that might be taken for a result."""
    steps: list[TrainingProgress] = []
    with pytest.raises(wrong, match=match) as caught:
        train(recipe, progress=steps.append, **changes)  # type: ignore[arg-type]
    assert caught.value.hint and "--" not in caught.value.hint
    assert not [step for step in steps if step.done]
    assert {path.name for path in (home / "trained").rglob("*") if path.is_file()} <= {"lock"}


def test_a_model_gets_as_many_outputs_as_the_data_have_classes(three: str, tmp_path: Path) -> None:
    record = train(RECIPE, dataset=three, epochs=60, output=tmp_path / "w.safetensors")
    assert record.recipe.config == {"classes": 3}
    metadata = read_metadata(tmp_path / "w.safetensors")
    assert json.loads(metadata["classes"]) == ["dark", "grey", "white"]
    run = zoo.evaluate("intro/mlp", three, weights=tmp_path / "w.safetensors")
    assert run.primary.value == 1.0


def test_the_config_of_a_bundled_training_stays_as_it_was() -> None:
    assert train(RECIPE, epochs=1).recipe.config == {}


def test_a_number_of_classes_that_the_data_have_not_is_refused(three: str, zoo_home: Path) -> None:
    attempt(OptionError, "config.classes is 4, but .* has 3 classes", zoo_home, dataset=three, overrides={"config.classes": 4})
    assert train(RECIPE, dataset=three, epochs=1, overrides={"config.classes": 3}).dataset.trained_on


def test_a_fifth_of_every_class_is_held_out_and_named(three: str) -> None:
    record = train(RECIPE, dataset=three, epochs=1)
    held_out = record.dataset.held_out
    assert sorted(id_.partition("/")[0] for id_ in held_out) == 4 * ["dark"] + 2 * ["grey"] + 2 * ["white"]
    assert record.dataset.trained_on + record.dataset.validated_on + len(held_out) == 40
    assert json.loads(read_metadata(Path(record.weights))["held_out"]) == list(held_out)
    assert TrainingRecord.model_validate_json(Path(record.weights).with_name("training.json").read_text()) == record


def test_what_is_held_out_hangs_neither_on_recipe_nor_seed(three: str) -> None:
    first, other = (train(RECIPE, dataset=three, epochs=1, seed=seed) for seed in (1, 2))
    assert first.dataset.held_out == other.dataset.held_out
    assert first.weights_sha256 != other.weights_sha256


def test_a_run_on_what_was_trained_on_says_so(three: str) -> None:
    record = train(RECIPE, dataset=three, epochs=1)
    with pytest.warns(UserWarning, match="32 of these 40 samples of folder:.* were at hand when weights.safetensors was trained"):
        zoo.evaluate("intro/mlp", three, weights=record.weights)


def test_a_folder_with_splits_of_its_own_holds_nothing_out(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    for split in ("train", "test"):
        images(tmp_path / "own" / split, {"dark": 10, "white": 10})
    own = f"folder:{tmp_path}/own"
    record = train(RECIPE, dataset=own, epochs=60)
    assert (record.dataset.held_out, record.dataset.scored_on, record.dataset.trained_on) == ((), own, 18)
    assert zoo.evaluate("intro/mlp", own, weights=record.weights).primary.value > 0.8
    assert not [warning for warning in recwarn if "at hand" in str(warning.message)]


def test_texts_of_a_table_are_held_out_too(table: str) -> None:
    record = train(TEXTS, dataset=table)
    assert (record.dataset.trained_on, record.dataset.validated_on, len(record.dataset.held_out)) == (29, 3, 8)
    assert zoo.evaluate("sequence/ngram-bag", table, weights=record.weights).primary.n == 40


def test_one_class_is_nothing_to_learn(tmp_path: Path, zoo_home: Path) -> None:
    own = images(tmp_path / "one", {"dark": 8})
    attempt(DataError, "has samples of one class only, 'dark'", zoo_home, dataset=own)


def test_fewer_samples_than_classes_are_refused(tmp_path: Path, zoo_home: Path) -> None:
    rows = "\n".join(f"{i},text {i}" for i in range(3))
    (tmp_path / "few.csv").write_text(f"label,text\n{rows}\n")
    attempt(DataError, "nothing can be held out of 3", zoo_home, TEXTS, dataset=f"csv:{tmp_path}/few.csv")
    own = images(tmp_path / "few" / "train", {"a": 1, "b": 1})
    for name in "cde":
        (tmp_path / "few" / "train" / name).mkdir()
    attempt(DataError, "has 2 samples, fewer than its 5 classes", zoo_home, dataset=own.removesuffix("/train"))


def test_a_class_without_samples_is_named(tmp_path: Path, zoo_home: Path) -> None:
    images(tmp_path / "own" / "train", {"a": 5, "b": 5})
    images(tmp_path / "own" / "test", {"a": 5, "c": 5})
    with pytest.warns(UserWarning, match="no sample of 1 of its 3 classes, which are not learnt: c"):
        record = zoo.train("cnn/lenet5-digits", dataset=f"folder:{tmp_path}/own", epochs=1)
    assert record.recipe.config["classes"] == 3


def test_images_of_several_sizes_need_an_input(tmp_path: Path, zoo_home: Path) -> None:
    images(tmp_path / "own", {"a": 9, "b": 9})
    Image.new("L", (9, 7)).save(tmp_path / "own" / "b" / "odd.png")
    own, recipe = f"folder:{tmp_path}/own", RECIPE.model_copy(update={"input": ImageInput(channels=1)})
    attempt(DataError, r"differ in size: \S+ is \[1, \d, \d\] and \S+ is \[1, \d, \d\]", zoo_home, recipe, dataset=own)
    assert train(recipe, dataset=own, epochs=1, overrides={"input.size": [8, 8]}).dataset.trained_on


def test_a_corrupt_image_is_named(tmp_path: Path, zoo_home: Path) -> None:
    images(tmp_path / "own", {"a": 9, "b": 9})
    for path in (tmp_path / "own" / "a").iterdir():
        path.write_bytes(b"no image")
    attempt(DataError, r"sample a/\d.png cannot be used: cannot decode", zoo_home, dataset=f"folder:{tmp_path}/own")


@pytest.mark.parametrize("target", [-1, 10, 255])
def test_a_label_out_of_range_is_named(target: int, zoo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ArrayDataset(torch.rand(20, 1, 8, 8), [i % 10 for i in range(20)], [f"s{i}" for i in range(20)], tuple("0123456789"))
    data.targets[7] = target
    monkeypatch.setattr("zoo.training.data.open_dataset", lambda *_: data)
    attempt(DataError, f"sample s7 of data/digits has target {target}, which is none of its 10 classes", zoo_home)


def test_data_of_another_task_are_named_as_such(tmp_path: Path, zoo_home: Path) -> None:
    for name in ("images", "masks"):
        images(tmp_path, {name: 4})
    masks = f"masks:{tmp_path}/images:{tmp_path}/masks"
    attempt(ModelError, "trains to classify, but masks:.* is for: segment", zoo_home, dataset=masks)
    attempt(ModelError, "intro/mlp takes image, but data/sms-spam is text", zoo_home, dataset="data/sms-spam")


def test_a_sampler_on_data_without_real_images_to_compare_with_is_told_so(zoo_home: Path) -> None:
    recipe = zoo.registry().recipe("generative/ddpm-mnist").model_copy(update={"dataset": "data/digits"})
    attempt(ModelError, "trains to generate, but data/digits is for: classify, embed", zoo_home, recipe)


def test_an_absent_split_names_those_that_there_are(three: str, zoo_home: Path) -> None:
    attempt(DataError, "has no split 'val'; its splits are: ", zoo_home, dataset=three, overrides={"split": "val"})


def test_a_model_with_a_fixed_number_of_outputs_does_not_fit(three: str, zoo_home: Path) -> None:
    recipe = RECIPE.model_copy(update={"input": ImageInput(channels=3, size=(8, 8))})
    attempt(ModelError, "intro/mlp does not fit folder:.*shapes", zoo_home, recipe, dataset=three)


def test_a_metric_of_another_task_is_refused(zoo_home: Path) -> None:
    attempt(OptionError, "metric miou is for segment; test/mlp-own trains to classify", zoo_home, overrides={"metric": "miou"})


def test_who_trains_names_what_the_recipe_leaves_open(zoo_home: Path) -> None:
    attempt(OptionError, "test/mlp-own leaves the model to whoever trains", zoo_home, overrides={"model": ""})
    attempt(OptionError, "test/mlp-own leaves the dataset to whoever trains", zoo_home, overrides={"dataset": ""})
