"""The default trainer learns, selects the best epoch on validation, and resumes bit for bit, even after kill -9."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import ImageColor
from tiny_training import FULL, TinyNet, digits, make_job
from torch import nn

from zoo.charts import COLOURS
from zoo.data.dataset import ArrayDataset
from zoo.errors import ModelError, UnknownNameError
from zoo.seeds import seed_everything
from zoo.specs import Optimizer
from zoo.training import loop
from zoo.training.curves import HEIGHT, WIDTH, draw_curves
from zoo.training.job import Epoch, TrainingJob, TrainingProgress, TrainResult

State = dict[str, torch.Tensor]


def same(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


class InterruptionError(Exception):
    """Stands for whatever ends a process."""


def train_until(job: TrainingJob, epoch: int) -> None:
    """Train, and stop in the middle of the epoch after `epoch`."""

    def stop(progress: TrainingProgress) -> None:
        if progress.epoch > epoch:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        loop.train(replace(job, progress=stop))


def test_it_learns(tmp_path: Path) -> None:
    result = loop.train(make_job(tmp_path, epochs=8))
    assert result.score > 0.8
    assert result.history[-1].loss < result.history[0].loss / 2
    assert [epoch.epoch for epoch in result.history] == list(range(1, 9))


RESUMED: dict[str, dict[str, object]] = {
    "plain": {},
    "full": FULL,
    "sgd": {"optimizer": Optimizer(name="sgd", lr=0.05)},
    "lamb": {"optimizer": Optimizer(name="lamb", lr=0.01)},
}


@pytest.mark.parametrize("recipe", RESUMED.values(), ids=RESUMED)
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path: Path, recipe: dict[str, object]) -> None:
    whole = loop.train(make_job(tmp_path / "whole", **recipe))
    job = make_job(tmp_path / "torn", **recipe)
    train_until(job, 1)
    torch.rand(7)  # the state of the global generator at the resume must not matter
    train_until(job, 3)
    resumed = loop.train(job)
    assert resumed.resumed_from == 3
    assert same(resumed.state, whole.state)
    assert [(e.loss, e.score) for e in resumed.history] == [(e.loss, e.score) for e in whole.history]


class Replacing(nn.Module):
    """Puts a new network in place of its own when it is loaded, as wrappers of other libraries' models do."""

    def __init__(self) -> None:
        super().__init__()
        self.body = TinyNet()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)

    def load_state_dict(self, state_dict: State, strict: bool = True, assign: bool = False) -> object:  # type: ignore[override]
        self.body = TinyNet()
        return super().load_state_dict(state_dict, strict)


def test_a_model_that_replaces_its_network_when_loaded_resumes_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingJob, "build_model", lambda self: seed_everything(0, "parameters") and Replacing())
    whole = loop.train(make_job(tmp_path / "whole", ema=0.9))
    job = make_job(tmp_path / "torn", ema=0.9)
    train_until(job, 2)
    assert same(loop.train(job).state, whole.state)


@pytest.mark.slow
def test_kill_9_in_the_middle_of_an_epoch_loses_no_bit(tmp_path: Path) -> None:
    def start(folder: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(Path(__file__).with_name("tiny_training.py")), str(tmp_path / folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    whole, torn = start("whole"), start("torn")
    assert torn.stdout is not None
    for line in torn.stdout:
        if line.split()[0] == "4":  # the first report of epoch 4: a checkpoint of epoch 3 exists, epoch 4 is under way
            break
    torn.kill()
    torn.wait()
    output, expected = start("torn").communicate()[0], whole.communicate()[0]
    assert "resumed after epoch 3" in output
    assert output.splitlines()[-1] == expected.splitlines()[-1]  # SHA-256 of the weights
    assert len(expected.splitlines()[-1]) == 64


def test_the_earliest_best_epoch_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.5, 0.8, 0.8, 0.6])
    monkeypatch.setattr(TrainingJob, "validate", lambda self, predict: next(scores))
    states: dict[int, State] = {}
    job = make_job(tmp_path)
    monkeypatch.setattr(loop.Loop, "save", lambda self, epoch: states.update({epoch: _current(self)}))
    result = loop.train(job)
    assert (result.epoch, result.score) == (2, 0.8)
    assert same(result.state, states[2])
    assert not same(result.state, states[4])


def _current(self: loop.Loop) -> State:
    return {key: value.clone() for key, value in self.scored_model.state_dict().items()}


def test_lower_may_be_better_and_an_undefined_score_is_worst(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    assert job.better(0.9, 0.8)
    assert not job.better(0.8, 0.8)
    assert job.better(0.0, None)
    assert not job.better(None, 0.0)
    assert not job.better(None, None)
    job = replace(job, direction="lower")
    assert job.better(0.8, 0.9)
    assert job.better(1e9, None)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    first, again, other = (
        loop.train(make_job(tmp_path / name, epochs=1, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(first.state, again.state)
    assert not same(first.state, other.state)


def test_validation_sees_what_evaluation_sees(tmp_path: Path) -> None:
    """The reported score is the accuracy of the kept weights on the validation samples, counted by hand."""
    job = make_job(tmp_path)
    result = loop.train(job)
    model = job.build_model()
    model.load_state_dict(result.state)
    logits = model.eval()(torch.stack([sample.input for sample in job.validation]))
    hits = (logits.argmax(1) == torch.tensor(job.validation.targets)).float().mean()
    assert result.score == pytest.approx(hits.item(), abs=1e-6)


def test_text_is_trained_on_as_strings(tmp_path: Path) -> None:
    texts = ["x" * (i % 10) + "y" * 12 * (i % 2) for i in range(60)]
    data = ArrayDataset(texts, [i % 2 for i in range(60)], [f"t{i}" for i in range(60)], ("short", "long"))
    job = make_job(tmp_path, "Lengths", data, "text", epochs=20, optimizer=Optimizer(lr=0.3), class_weights="balanced")
    assert loop.train(job).score == 1.0


def test_a_diverging_training_says_so_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="diverged in epoch 1") as caught:
        loop.train(make_job(tmp_path, "Broken"))
    assert "learning rate" in caught.value.hint
    assert not list(tmp_path.glob("*.pt"))


def test_a_model_that_is_no_module_needs_a_trainer_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a torch\.nn\.Module"):
        loop.train(make_job(tmp_path, "NoModule"))


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="int4"):
        loop.train(make_job(tmp_path, options={"precision": "int4"}))


def test_bf16_trains_and_keeps_float32_weights(tmp_path: Path) -> None:
    result = loop.train(make_job(tmp_path, epochs=2, options={"precision": "bf16"}))
    assert {value.dtype for key, value in result.state.items() if "num_batches" not in key} == {torch.float32}
    assert loop.train(make_job(tmp_path / "fp32", epochs=1)).history  # a second precision in one process works


@pytest.mark.parametrize("damage", ["another key", "truncated"])
def test_a_checkpoint_that_does_not_fit_is_ignored_with_a_note(tmp_path: Path, damage: str) -> None:
    notes: list[str] = []
    job = replace(make_job(tmp_path), progress=lambda progress: notes.append(progress.note))
    whole = loop.train(make_job(tmp_path / "whole"))
    train_until(job, 2)
    if damage == "truncated":
        path = tmp_path / "checkpoint.pt"
        path.write_bytes(path.read_bytes()[:-100])
    else:
        job = replace(job, key="other")
    result: TrainResult = loop.train(job)
    assert result.resumed_from is None
    assert same(result.state, whole.state)
    assert any("begins anew" in note for note in notes)


def test_a_last_batch_of_one_sample_does_not_break_batch_normalisation(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs=1)
    assert loop.train(make_job(tmp_path / "b", epochs=1, batch_size=len(job.train.ids) - 1)).history


def test_caching_in_memory_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = loop.train(make_job(tmp_path / "a", epochs=2))
    monkeypatch.setattr("zoo.training.prepared.MEMORY_LIMIT", 0)
    assert same(loop.train(make_job(tmp_path / "b", epochs=2)).state, cached.state)


def test_training_never_reads_a_validation_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(tmp_path, epochs=1)
    assert set(job.train.ids).isdisjoint(job.validation.ids)
    assert set(job.train.ids) | set(job.validation.ids) == set(digits().ids)


class Centres(nn.Module):
    """A loss with parameters of its own, as of metric learning."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(10))

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs @ self.weight, targets)


class OwnLoop(loop.Loop):
    """A trainer that has its own loss and draws its own batches."""

    def build_loss(self) -> nn.Module:
        return Centres()

    def draw(self, generator: torch.Generator) -> list[torch.Tensor]:
        return [torch.randint(len(self.data), (16,), generator=generator) for _ in range(self.batches)]


def test_a_trainer_may_have_its_own_loss_and_batches_and_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = OwnLoop(make_job(tmp_path / "whole"))
    result = whole.run()
    assert not torch.equal(whole.loss.weight, torch.eye(10))
    first = OwnLoop(make_job(tmp_path / "torn"))
    first.run_epoch(1)
    first.save(1)
    resumed = OwnLoop(make_job(tmp_path / "torn"))
    assert same(resumed.run().state, result.state)
    assert torch.equal(resumed.loss.weight, whole.loss.weight)
    assert "weight" not in result.state


class SelectiveLoop(loop.Loop):
    """Measures how large the first bias is, and keeps the epoch where it is smallest."""

    def further_scores(self) -> dict[str, float]:
        return {"bias": float(self.scored_model.head[2].bias[0]), "done": self.done}

    def merit(self, epoch: Epoch) -> float:
        return -epoch.scores["bias"]


def test_a_trainer_may_measure_more_and_select_by_it_and_resumes_bit_for_bit(tmp_path: Path) -> None:
    result = SelectiveLoop(make_job(tmp_path / "whole")).run()
    biases = [epoch.scores["bias"] for epoch in result.history]
    assert result.epoch == 1 + biases.index(min(biases))
    assert result.score == result.history[result.epoch - 1].score
    assert float(result.state["head.2.bias"][0]) == min(biases)
    batches = 8  # of 32, of the 240 samples that are not held out
    assert [epoch.scores["done"] for epoch in result.history] == [(n * batches - 1) / (4 * batches) for n in range(1, 5)]
    first = SelectiveLoop(make_job(tmp_path / "torn"))
    first.run_epoch(1)
    first.save(1)
    resumed = SelectiveLoop(make_job(tmp_path / "torn")).run()
    assert same(resumed.state, result.state)
    assert [epoch.scores for epoch in resumed.history] == [epoch.scores for epoch in result.history]


def test_all_scores_of_a_training_are_drawn_each_in_its_colour() -> None:
    rising = [Epoch(epoch=n, loss=1 / n, score=n / 4, seconds=1, scores={"robust-accuracy": 1 - n / 4}) for n in range(1, 4)]
    lower = [draw_curves(epochs, "accuracy").crop((0, HEIGHT, WIDTH, 2 * HEIGHT)) for epochs in (rising, _without(rising))]
    coloured = [{colour for _, colour in panel.getcolors(WIDTH * HEIGHT)} for panel in lower]
    first, second = (ImageColor.getrgb(colour) for colour in COLOURS[:2])
    assert second in coloured[0] and second not in coloured[1]
    assert first in coloured[0] & coloured[1]


def _without(epochs: list[Epoch]) -> list[Epoch]:
    return [epoch.model_copy(update={"scores": {}}) for epoch in epochs]
