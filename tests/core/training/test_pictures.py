"""Pictures of trainings: what is drawn of which, and the same every time."""

from pathlib import Path

import pytest
from PIL import Image

from zoo.training.compare import ComparedTraining, TrainingComparison
from zoo.training.cost import TrainingCost
from zoo.training.pictures import draw_memory, draw_steps, memory, save_pictures
from zoo.training.trace import StepCurve

COST = TrainingCost(
    parameter_bytes=4_000_000,
    gradient_bytes=4_000_000,
    optimizer_bytes=8_000_000,
    activation_bytes=1_000_000,
    activation_peak_bytes=2_000_000,
    flops=None,
    step_seconds=None,
    samples_per_second=None,
    steps=4,
)


def one(name: str, steps: StepCurve | None, cost: TrainingCost | None) -> ComparedTraining:
    return ComparedTraining(name=name, recipe="own/tiny", device="cpu", cost=cost, steps=steps)


def test_pictures_are_the_same_every_time(tmp_path: Path) -> None:
    curve = StepCurve(every=1, losses=(2.0, 1.5, 1.2), rates=(0.1, 0.2, 0.1))
    found = TrainingComparison(trainings=(one("adamw, cosine", curve, COST), one("sgd, cosine", curve, COST)))
    paths = [save_pictures(found, tmp_path / name) for name in ("a", "b")]
    assert [path.name for path in paths[0]] == ["steps.png", "memory.png"]
    assert [path.read_bytes() for path in paths[0]] == [path.read_bytes() for path in paths[1]]
    with Image.open(paths[0][0]) as picture:
        assert picture.size[0] == 760


def test_what_was_not_counted_is_not_drawn(tmp_path: Path) -> None:
    assert save_pictures(TrainingComparison(trainings=(one("own", None, None),)), tmp_path / "none") == []
    assert [path.name for path in save_pictures(TrainingComparison(trainings=(one("own", None, COST),)), tmp_path)] == [
        "memory.png"
    ]


def test_bars_are_in_one_unit_and_add_up() -> None:
    small = COST.model_copy(update={"optimizer_bytes": 0, "activation_bytes": None, "activation_peak_bytes": None})
    texts = [text.text for text in draw_memory({"A  adamw": COST, "B  sgd": small}).texts]
    assert {"A  adamw", "B  sgd", "MB", "18", "8", "parameters", "gradients", "optimizer", "activations"} <= set(texts)
    assert memory(COST)["activations"] == 2_000_000 and "activations" not in memory(small)


def test_trainings_of_several_lengths_share_their_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.training import pictures

    drawn = []
    draw = pictures.line_chart
    monkeypatch.setattr(pictures, "line_chart", lambda *given, **named: drawn.append((given, named)) or draw(*given, **named))
    short = StepCurve(every=2, losses=tuple(float(step) for step in range(2, 13, 2)), rates=(0.1,) * 6)  # the loss is the step
    long = StepCurve(every=3, losses=(3.0, 6.0, 9.0, 12.0), rates=(0.1,) * 4)
    draw_steps({"A  short": short, "B  long": long})
    (lines, *_), named = drawn[0]
    assert named["first"] == named["every"] == 3
    assert lines["B"].values == [3.0, 6.0, 9.0, 12.0]
    assert lines["A"].values == [2.0, 5.0, 8.0, 11.0]  # 2; 4 and 6; 8; 10 and 12
