"""zoo.train by name: weights and record are written whole, found again, and good for a run."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

import zoo
from zoo.errors import ModelError, OptionError, RunError, StoreError, UnknownNameError, WeightsError
from zoo.opening.weights import read_metadata, read_state
from zoo.plugins.registry import registry
from zoo.specs import ImageInput, Optimizer, RecipeSpec
from zoo.training.job import TrainingProgress
from zoo.training.record import TrainingRecord
from zoo.training.run import train

RECIPE = RecipeSpec(
    name="test/mlp-digits",
    summary="A test",
    model="intro/mlp",
    dataset="data/digits",
    epochs=3,
    optimizer=Optimizer(lr=0.005),
    augment=("crop:1",),
    input=ImageInput(size=(8, 8)),
)


def test_weights_and_record_are_written_and_say_the_same(zoo_home: Path) -> None:
    record = train(RECIPE)
    folder = Path(record.weights).parent
    assert folder.parent == zoo_home / "trained"
    assert sorted(path.name for path in folder.iterdir()) == ["curves.png", "lock", "training.json", "weights.safetensors"]
    assert TrainingRecord.model_validate_json((folder / "training.json").read_text()) == record
    assert read_state(Path(record.weights))[1] == record.weights_sha256
    metadata = read_metadata(Path(record.weights))
    assert (metadata["recipe"], metadata["classes"], metadata["config"]) == (
        RECIPE.name,
        str(list("0123456789")).replace("'", '"'),
        "{}",
    )
    assert (record.dataset.trained_on + record.dataset.validated_on, record.dataset.split) == (1437, "train")
    assert (record.recipe, record.overrides, record.resumed_from) == (RECIPE, {}, None)


def test_the_weights_can_be_run_and_score_about_as_validated() -> None:
    record = train(RECIPE, epochs=20)
    run = zoo.evaluate("intro/mlp", "digits", weights=record.weights)
    assert run.primary.value == pytest.approx(record.score, abs=0.06)
    assert run.model.weights_sha256 == record.weights_sha256


def test_a_finished_training_is_found_unless_fresh() -> None:
    first = train(RECIPE)
    steps: list[TrainingProgress] = []
    assert train(RECIPE, progress=steps.append) == first
    assert not steps
    again = train(RECIPE, fresh=True)
    assert again.created != first.created
    assert again.weights_sha256 == first.weights_sha256


def test_altered_weights_are_trained_again() -> None:
    first = train(RECIPE)
    Path(first.weights).write_bytes(b"altered")
    assert train(RECIPE).weights_sha256 == first.weights_sha256
    assert read_state(Path(first.weights))[1] == first.weights_sha256


def test_overrides_are_recorded_and_make_another_training() -> None:
    first, other = train(RECIPE), train(RECIPE, epochs=1, seed=7)
    assert other.overrides == {"epochs": 1, "seed": 7}
    assert (other.recipe.epochs, other.recipe.seed, len(other.history)) == (1, 7, 1)
    assert Path(first.weights).parent != Path(other.weights).parent


def test_parts_of_fields_can_be_overridden_and_the_rest_stays() -> None:
    options = {"label_smoothing": 0.1, "optimizer.lr": 0.5}
    other = train(RECIPE, epochs=1, overrides=options)
    assert other.recipe.label_smoothing == 0.1
    assert other.recipe.optimizer == RECIPE.optimizer.model_copy(update={"lr": 0.5})
    assert other.overrides == {**options, "epochs": 1}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"colour": "red"}, "has no field 'colour'\nits fields are: name, "),
        ({"batchsize": 3}, "has no field 'batchsize'\ndid you mean batch_size"),
        ({"epoch": 3}, "did you mean epochs"),
        ({"optimizer.speed": 3}, "has no part 'speed'\nits fields are: name, lr"),
        ({"optimizer.learning": 3}, "optimizer of test/mlp-digits has no part"),
        ({"input.chanels": 1}, "has no part 'chanels'\ndid you mean channels"),
        ({"config.hiden": [8]}, "intro/mlp takes no config.hiden\ndid you mean config.hidden"),
        ({"batch_size": "many"}, "batch_size of test/mlp-digits: .*, not 'many'"),
    ],
)
def test_a_field_that_no_recipe_has_is_answered_with_the_nearest(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        train(RECIPE, overrides=wrong)


class StopError(Exception):
    """Stands for whatever ends a process."""


def interrupt(progress: TrainingProgress) -> None:
    if progress.epoch == 3:
        raise StopError


@pytest.mark.parametrize("resume", [True, False])
def test_an_interrupted_training_goes_on_unless_told_otherwise(zoo_home: Path, resume: bool) -> None:
    with pytest.raises(StopError):
        train(RECIPE, progress=interrupt)
    assert not list(zoo_home.rglob("training.json"))
    record = train(RECIPE, resume=resume)
    assert record.resumed_from == (2 if resume else None)
    assert record.weights_sha256 == train(RECIPE, fresh=True).weights_sha256


def test_a_death_between_weights_and_record_is_made_good(zoo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("zoo.training.run.environment", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(RECIPE)
    record = train(RECIPE)
    assert record.resumed_from == 3
    assert record.weights_sha256 == train(RECIPE, fresh=True).weights_sha256


def test_a_score_that_is_never_defined_selects_nothing(zoo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.training.job.TrainingJob.validate", lambda self, predict: None)
    with pytest.raises(ModelError, match="accuracy is not defined"):
        train(RECIPE)
    assert not list(zoo_home.rglob("*.safetensors"))


def test_what_a_killed_process_left_half_written_is_removed() -> None:
    folder = Path(train(RECIPE).weights).parent
    (folder / ".checkpoint.pt.0123456789ab.tmp").write_bytes(b"half")
    train(RECIPE)
    assert not list(folder.glob("*.tmp"))


def test_output_gets_a_copy_also_of_a_finished_training(tmp_path: Path) -> None:
    record = train(RECIPE)
    train(RECIPE, output=tmp_path / "new" / "w.safetensors")
    assert (tmp_path / "new" / "w.safetensors").read_bytes() == Path(record.weights).read_bytes()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["w.safetensors"]


def test_an_output_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    never: list[TrainingProgress] = []
    with pytest.raises(OptionError, match="safetensors"):
        train(RECIPE, output=tmp_path / "w.pt", progress=never.append)
    with pytest.raises(StoreError):
        train(RECIPE, output=tmp_path / "file" / "w.safetensors", progress=never.append)
    assert not never


def test_two_at_once_are_refused() -> None:
    folder = Path(train(RECIPE).weights).parent
    with FileLock(folder / "lock"), pytest.raises(RunError, match="another process"):
        train(RECIPE)


def test_an_unusable_home_is_a_store_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="cannot write"):
        train(RECIPE)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 10 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_store_error_and_leaves_nothing_half(zoo_home: Path) -> None:
    registry()  # writes its index, which is not what is tested here
    with full_disk(), pytest.raises(StoreError, match="cannot write"):
        train(RECIPE)
    assert {path.name for path in (zoo_home / "trained").rglob("*") if path.is_file()} <= {"lock"}
    assert train(RECIPE).resumed_from is None


def test_wrong_input_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match="no recipe"):
        train("intro/absent")
    with pytest.raises(OptionError, match=r"epochs of test/mlp-digits: .*, not 0"):
        train(RECIPE, epochs=0)
    with pytest.raises(OptionError, match="augmentation"):
        train(RECIPE.model_copy(update={"augment": ("mirror",)}))
    with pytest.raises(OptionError, match="select a checkpoint"):
        train(RECIPE.model_copy(update={"metric": "confusion"}))
    with pytest.raises(ModelError, match="takes image"):
        train(RECIPE.model_copy(update={"dataset": "data/sms-spam"}))


def test_metadata_of_a_file_do_not_make_it_fit_another_model() -> None:
    record = train(RECIPE, epochs=1)
    with pytest.raises(WeightsError, match="intro/logistic"):
        zoo.evaluate("intro/logistic", "digits", weights=record.weights)


def test_a_download_before_training_is_told_as_epoch_0(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.training import data

    def open_after_download(spec, split, data_dir, progress):  # type: ignore[no-untyped-def]
        progress(5, 10)
        progress(10, None)
        return opened(spec, split, data_dir)

    opened = data.open_dataset
    monkeypatch.setattr(data, "open_dataset", open_after_download)
    steps: list[TrainingProgress] = []
    train(RECIPE, epochs=1, progress=steps.append)
    assert [(step.epoch, step.done, step.total) for step in steps[:2]] == [(0, 5, 10), (0, 10, 0)]
    assert all(step.epoch == 1 for step in steps[2:])
