"""Several processes train what one would, divide what they say, and end together whatever becomes of one of them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from team_lab import ARCHITECTURES, PARALLEL, cases
from tiny_training import make_job

import zoo
from zoo.errors import OptionError
from zoo.training import launch, loop
from zoo.training.job import TrainingProgress
from zoo.training.launch import Member, Part, ProcessDiedError
from zoo.training.plan import Asked
from zoo.training.team import Team

DIGITS: dict[str, Any] = {"recipe": "intro/mlp-digits", "device": "cpu"}


def close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    """Equal but for rounding."""
    assert found.keys() == expected.keys()
    return all(torch.allclose(found[key], expected[key], rtol=0, atol=2e-6) for key in expected)


@pytest.mark.slow
def test_two_processes_train_as_one() -> None:
    settings: dict[str, Any] = {**DIGITS, "epochs": 2, "overrides": {"batch_size": 61}}  # the last batch has 13 samples
    one = zoo.train(**settings)
    expected = load_file(one.weights)
    assert zoo.train(**settings, processes=2).created == one.created  # equal, so it is not trained again
    several = zoo.train(**settings, processes=2, fresh=True)
    assert several.key == one.key and several.differs == one.differs == "" and several.doubt == ""
    assert (several.processes, several.parallel) == (2, "training/data-parallel")
    assert close(load_file(several.weights), expected)
    assert [epoch.loss for epoch in several.history] == pytest.approx([epoch.loss for epoch in one.history], rel=1e-5)
    assert several.score == pytest.approx(one.score, rel=1e-5)
    assert several.cost is not None
    sent = several.cost.parameter_bytes + 4 * len(expected)  # all gradients, and a number each that says who has one
    assert several.cost.communication_bytes == round(2 * 1 / 2 * sent)


def test_a_process_without_a_sample_of_its_own_takes_part_without_weight(tmp_path: Path) -> None:
    made = loop.Loop(make_job(tmp_path, "Plain"))
    made.team = Team(replace(made.job, processes=3, rank=1))
    assert made._pieces(2) == [(0, 1, 0.0)]
    assert made._pieces(7) == [(2, 5, 3 / 7)]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("batch", [1, 2, 4, 7, 64])
def test_shares_are_a_whole_batch(tmp_path: Path, size: int, batch: int) -> None:
    shares = [Team(replace(make_job(tmp_path), processes=size, rank=rank)).share(batch) for rank in range(size)]
    assert [place for start, stop in shares for place in range(start, stop)] == list(range(batch))
    assert max(stop - start for start, stop in shares) <= -(-batch // size)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"processes": 0}, "is 0"),
        ({"processes": 33}, "33 processes cannot share a batch of 32"),
        ({"processes": 2, "techniques": ["zero-1", "data-parallel"]}, "are each a training's only parallel"),
        ({"processes": 2, "techniques": ["zero-1", "lamb"]}, "looks at all parameters together"),
        ({"processes": 2, "techniques": ["zero-3", "muon"]}, "looks at whole matrices"),
        ({"processes": 2, "techniques": ["zero-2", "adafactor"]}, "looks at whole matrices"),
        ({"processes": 2, "techniques": ["zero-2"], "overrides": {"ema": 0.9}}, "moving average"),
        ({"processes": 2, "device": "meta"}, "cannot train on meta"),
    ],
)
def test_what_processes_cannot_share_is_refused_before_any_is_started(
    asked: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_started", lambda part: pytest.fail("a process was started"))
    with pytest.raises(zoo.ZooError, match=message):
        zoo.train(**{**DIGITS, **asked})


def test_an_optimizer_that_takes_matrices_one_by_one_can_be_divided_by_them() -> None:
    from zoo.training.techniques import chosen, with_techniques

    registry = zoo.registry()
    for name in ("muon", "adafactor", "lars"):
        recipe = with_techniques(registry, registry.recipe("intro/mlp-digits"), [name, "zero-1"], [])
        chosen(registry, recipe).check("cpu", recipe)


def test_float16_is_refused_where_gradients_are_divided() -> None:
    from zoo_training.parallel import FullyShard

    recipe = zoo.registry().recipe("intro/mlp-digits").model_copy(update={"techniques": ("training/fp16",)})
    with pytest.raises(OptionError, match="fp16 scales gradients"):
        FullyShard(stage=2).check(recipe, lambda parameters: torch.optim.AdamW(parameters))


def test_one_process_says_that_nothing_is_divided() -> None:
    with pytest.warns(UserWarning, match="training/zero-1 does nothing in one process"):
        record = zoo.train(**DIGITS, epochs=1, techniques=["zero-1"])
    assert record.processes == 1 and record.parallel == "" and any("does nothing" in text for text in record.remarks)


def test_samples_that_are_compared_cannot_be_shared_out(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="so processes cannot share a batch"):
        loop.Loop(replace(make_job(tmp_path, "Plain", class_weights="balanced"), processes=2))


def test_a_batch_norm_gets_two_samples_in_every_process(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="a batch of 3 leaves some of 2 processes one sample") as caught:
        loop.Loop(replace(make_job(tmp_path, batch_size=79), processes=2))  # 240 samples
    assert "`processes`" in caught.value.hint


def test_a_record_says_what_hangs_on_the_number_of_processes(tmp_path: Path) -> None:
    assert loop.train(make_job(tmp_path / "plain", "Plain", epochs=1)).differs == ""
    differs = loop.train(make_job(tmp_path / "tiny", epochs=1)).differs
    assert differs is not None and "batch norms" in differs and "dropout" in differs


def test_a_process_ends_when_the_one_that_started_it_does(tmp_path: Path) -> None:
    recipe = zoo.registry().recipe("intro/mlp-digits")
    asked = Asked({}, "cpu", processes=2)
    alone = launch._started(Part(recipe, asked, "", 0, str(tmp_path / "meeting"), 1))  # the other never comes
    alone.told.close()
    try:
        assert alone.process.wait(timeout=60) == 1
    finally:
        alone.process.kill()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of the trainings of `team_lab`."""
    folder = tmp_path_factory.mktemp("lab")
    here = Path(__file__).parent
    command = [sys.executable, "-W", "ignore", str(here / "team_lab.py")]
    environment = launch._environment()
    both = [subprocess.Popen([*command, str(rank), "2", str(folder)], env=environment) for rank in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    return torch.load(folder / "results.pt")


@pytest.mark.slow
@pytest.mark.parametrize("name", cases())
def test_stages_and_what_goes_with_them_train_as_one_process(name: str, lab: dict[str, Any], tmp_path: Path) -> None:
    case = cases()[name]
    techniques = tuple(text for text in case["techniques"] if text not in PARALLEL)
    alone = loop.train(make_job(tmp_path, **{**case, "techniques": techniques}))
    state, cost = lab[name]
    assert close(state, alone.state)
    assert alone.cost is not None and cost["activation_bytes"] < 0.6 * alone.cost.activation_bytes


@pytest.mark.slow
@pytest.mark.parametrize("model", ARCHITECTURES)
def test_stages_divide_one_thing_after_another_and_zero_1_changes_no_digit(model: str, lab: dict[str, Any]) -> None:
    states, costs = zip(*(lab[f"{model} by {name}"] for name in PARALLEL), strict=True)
    assert all(torch.equal(states[1][key], states[0][key]) for key in states[0])
    assert close(states[2], states[0]) and close(states[3], states[0])  # gathered elsewhere in memory, by other kernels
    parameters, gradients, optimizer, sent = (
        [cost[f"{kind}_bytes"] for cost in costs] for kind in ("parameter", "gradient", "optimizer", "communication")
    )
    assert parameters[1] == parameters[0] and gradients[1] == gradients[0]
    assert optimizer[1] < optimizer[0]
    for stage in (2, 3):  # rows are whole, so a part may be a little more than half
        assert parameters[stage] < 0.56 * parameters[0] and gradients[stage] < 0.56 * gradients[0]
        assert optimizer[stage] < 0.56 * optimizer[0]
    whole = 2 * parameters[2]  # with the rows that make it even
    assert sent[2] == whole
    assert sent[3] == 1.5 * whole


@pytest.mark.slow
def test_a_trainer_that_takes_the_network_apart_cannot_have_its_parameters_divided(lab: dict[str, Any]) -> None:
    assert "does more with the network than call it" in lab["refused"]


@pytest.mark.slow
def test_a_killed_process_ends_all_and_another_number_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {**DIGITS, "epochs": 4, "overrides": {"batch_size": 128}, "techniques": ["zero-1"]}
    whole = zoo.train(**settings, processes=2)
    expected = load_file(whole.weights)
    members: list[Member] = []
    started = launch._started
    monkeypatch.setattr(launch, "_started", lambda part: members.append(started(part)) or members[-1])

    def kill(step: TrainingProgress) -> None:
        if step.epoch == 3:
            members[1].process.kill()

    with pytest.raises(ProcessDiedError, match=r"process 1 of 2 .* was killed by SIGKILL") as caught:
        zoo.train(**settings, processes=2, fresh=True, progress=kill)
    assert "the same command goes on" in caught.value.hint
    assert all(member.process.poll() is not None for member in members)
    (Path(whole.weights).parent / "training.json").unlink()  # `fresh` has left the one before
    notes: list[str] = []
    resumed = zoo.train(**settings, processes=2, progress=lambda step: notes.append(step.note))
    assert resumed.resumed_from == 2 and "resumed after epoch 2" in notes
    found = load_file(resumed.weights)
    assert all(torch.equal(found[key], expected[key]) for key in expected)
