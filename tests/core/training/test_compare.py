"""Trainings side by side: found by name, told apart by techniques, and by nothing that was not measured."""

import json
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from zoo.specs import RecipeSpec
from zoo.training.compare import compared, difference
from zoo.training.cost import Expected, TrainingCost
from zoo.training.found import is_training, named_trainings
from zoo.training.job import Epoch
from zoo.training.record import TrainingData, TrainingRecord
from zoo.training.run import train

COST = TrainingCost(
    parameter_bytes=400,
    gradient_bytes=400,
    optimizer_bytes=800,
    activation_bytes=1000,
    flops=10,
    step_seconds=0.01,
    samples_per_second=100.0,
    steps=5,
    expected={"optimizer": Expected(bytes=800, formula="2 states × 4 bytes × 100 parameters")},
)


def record(
    key: str = "a" * 64, score: float = 0.9, bounds: tuple[float, float] | None = (0.85, 0.93), **changes: Any
) -> TrainingRecord:
    recipe = RecipeSpec(name="own/tiny", summary="A test", model="own/net", dataset="own/data", **changes.pop("recipe", {}))
    return TrainingRecord(
        key=key,
        created="2026-01-01T00:00:00.000+00:00",
        recipe=recipe,
        overrides={},
        dataset=TrainingData(name="own/data", split="train", fingerprint="f" * 64, trained_on=90, validated_on=10),
        history=(Epoch(epoch=1, loss=1.0, score=score, seconds=1.0),),
        epoch=1,
        score=score,
        ci_low=bounds[0] if bounds else None,
        ci_high=bounds[1] if bounds else None,
        interval="Wilson" if bounds else "none: too few",
        weights="w.safetensors",
        weights_sha256="0" * 64,
        cost=COST,
        device="cpu",
        threads=1,
        seconds=1.0,
        resumed_from=None,
        environment={"deepzoo": "0", "python": "3", "platform": "p", "packages": {}},
        **changes,
    )


def kept(home: Path, made: TrainingRecord) -> Path:
    """A record where trainings are kept."""
    folder = home / "trained" / f"own-tiny-{made.key[:12]}"
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(made.model_dump_json())
    return folder


def test_a_difference_has_an_interval_of_both_scores() -> None:
    """Newcombe 1998, Table II, method 10 without continuity correction: 56/70 less 48/80 is 0.2 [0.0524, 0.3339]."""
    from zoo.metrics import wilson

    bounds = [wilson(56, 70), wilson(48, 80)]
    found = difference(record(score=56 / 70, bounds=bounds[0][:2]), record(score=48 / 80, bounds=bounds[1][:2]))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert found.is_told_apart and found.method == "MOVER, the same validation samples"


def test_a_difference_without_an_interval_is_none_to_rely_on() -> None:
    found = difference(record(score=0.99, bounds=None), record(score=0.1))
    assert found.value == pytest.approx(0.89) and found.low is None and not found.is_told_apart
    assert found.method == "none: a score of the two has no interval"


def test_scores_of_other_data_or_metrics_are_not_compared() -> None:
    assert difference(record(recipe={"metric": "nll"}), record()).value is None
    data = TrainingData(name="own/data", split="train", fingerprint="0" * 64, trained_on=90, validated_on=10)
    assert difference(record().model_copy(update={"dataset": data}), record()).value is None
    seeds = difference(record(recipe={"seed": 1}), record())
    assert seeds.low is not None and seeds.method == "MOVER, other validation samples"


def test_what_differs_beside_techniques_is_said() -> None:
    first = record()
    second = record("b" * 64, recipe={"epochs": 3, "techniques": ("training/bf16",), "optimizer": {"name": "sgd", "lr": 0.1}})
    rows = compared([first, second]).trainings
    assert [one.name for one in rows] == ["adamw, cosine", "sgd, cosine, bf16"]
    assert rows[0].differs == () and rows[0].difference is None
    assert rows[1].differs == ("epochs 3, not 10", "optimizer.lr 0.1, not 0.001")
    assert compared([first, record("c" * 64, recipe={"techniques": ("training/bf16",)})]).trainings[1].differs == ()


def test_a_training_is_found_by_key_path_and_recipe(zoo_home: Path) -> None:
    first, second = record("ab12" + "0" * 60), record("cd34" + "0" * 60).model_copy(update={"created": "2026-01-02"})
    folder = kept(zoo_home, first)
    kept(zoo_home, second)
    for name in ("ab12", first.key[:12], first.key, str(folder), str(folder / "training.json"), str(folder / "w.safetensors")):
        (folder / "w.safetensors").touch()
        assert named_trainings(name) == [first], name
        assert is_training(name)
    assert [one.key for one in named_trainings("own/tiny")] == [first.key, second.key]
    assert [one.key for one in named_trainings("cd34", "own/tiny")] == [second.key, first.key]  # each once
    assert is_training("intro/mlp-digits") and is_training("mlp-digits")
    assert not any(map(is_training, ("own/other", "ef56", "intro/mlp", "cnn/lenet5@mnist")))


def test_a_copy_of_weights_is_known_by_its_content(zoo_home: Path, tmp_path: Path) -> None:
    import hashlib

    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(b"weights")
    with pytest.raises(UnknownNameError, match="not of a training that is kept here"):
        named_trainings(str(copy))
    made = record().model_copy(update={"weights_sha256": hashlib.sha256(b"weights").hexdigest()})
    kept(zoo_home, made)
    assert named_trainings(str(copy)) == [made]


def test_what_is_no_training_is_refused(zoo_home: Path) -> None:
    kept(zoo_home, record("ab121" + "0" * 59))
    kept(zoo_home, record("ab122" + "0" * 59))
    with pytest.raises(AmbiguousNameError, match="'ab12' is ambiguous") as caught:
        named_trainings("ab12")
    assert "own-tiny-ab1220000000" in caught.value.hint
    with pytest.raises(UnknownNameError, match="there is no training 'ffff'"):
        named_trainings("ffff")
    with pytest.raises(UnknownNameError, match="intro/mlp-digits has not been trained here"):
        named_trainings("intro/mlp-digits")
    with pytest.raises(UnknownNameError, match="there is no file"):
        named_trainings("absent.safetensors")


def test_a_run_is_told_from_a_training() -> None:
    run = zoo.evaluate("intro/logistic", "digits", limit=20)
    with pytest.raises(OptionError, match=r"is a run of intro/logistic.*, not a training"):
        named_trainings(run.run_id)


def test_a_record_of_another_version_is_refused_by_name_and_passed_over_in_a_list(zoo_home: Path) -> None:
    good, old = kept(zoo_home, record("ab12" + "0" * 60)), kept(zoo_home, record("cd34" + "0" * 60))
    content = json.loads((old / "training.json").read_text())
    (old / "training.json").write_text(json.dumps({**content, "schema_version": 0}))
    with pytest.raises(OptionError, match="no record of a training by this version"):
        named_trainings("cd34")
    with pytest.warns(UserWarning, match="and left out"):
        assert len(named_trainings("own/tiny")) == 1
    assert named_trainings(str(good))


def test_two_real_trainings(zoo_home: Path) -> None:
    first = train("intro/mlp-digits", epochs=1)
    second = train("intro/mlp-digits", epochs=1, techniques=["sgd"])
    found = zoo.compare_trainings(first.key[:12], second.weights)
    assert found == zoo.compare_trainings("intro/mlp-digits")
    one, two = found.trainings
    assert one.cost is not None and two.cost is not None
    assert one.cost.optimizer_bytes == pytest.approx(2 * two.cost.optimizer_bytes, abs=8 * 6)
    assert one.cost.expected["optimizer"].bytes == one.cost.optimizer_bytes
    assert one.ci_low is not None and one.ci_high is not None and one.ci_low < (one.score or 0) < one.ci_high
    assert one.interval and two.difference is not None and two.difference.low is not None
    assert two.differs == ()
