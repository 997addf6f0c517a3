"""A step that runs out of memory names what would help, by how many bytes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_training import make_job

from zoo.devices import out_of_memory
from zoo.errors import ModelError, RunError
from zoo.training import loop

CPU = "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


def failing(error: BaseException) -> object:
    """Raises in the first step that sees a whole batch; small ones go through."""

    def batch_loss(self: loop.Loop, inputs: torch.Tensor, targets: torch.Tensor, generator: object) -> torch.Tensor:
        if len(inputs) > 4:
            raise error
        found: torch.Tensor = self.loss(self.model(inputs), targets)
        return found

    return batch_loss


@pytest.mark.parametrize("error", [RuntimeError(CPU), MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")])
def test_techniques_are_named_with_what_they_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    plain = loop.train(make_job(tmp_path / "a", epochs=1)).cost
    parts = loop.train(make_job(tmp_path / "b", epochs=1, techniques=("gradient-accumulation",))).cost
    assert plain is not None and parts is not None
    monkeypatch.setattr(loop.Loop, "batch_loss", failing(error))
    with pytest.raises(RunError, match="ran out of memory in a step of 32 samples on cpu") as caught:
        loop.train(make_job(tmp_path / "c", epochs=1))
    assert "parameters 2.8 kB, gradients 2.8 kB, optimizer 5.6 kB, activations 99.9 kB" in caught.value.message
    saved = plain.activation_bytes - parts.activation_bytes  # type: ignore[operator]
    assert f"training/gradient-accumulation saves about {saved / 1000:.1f} kB" in caught.value.hint
    assert re.search(r"training/bf16 saves about [\d.]+ kB", caught.value.hint)
    assert re.search(r"training/(sgd|lars) saves about 2.8 kB", caught.value.hint)  # Adam's second state, and its steps
    assert caught.value.hint.endswith("or lower `batch_size`")


def test_a_technique_that_cannot_be_had_is_not_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.Loop, "batch_loss", failing(MemoryError()))
    with pytest.raises(RunError) as caught:  # a loss that weighs classes cannot go in parts; TinyNet has no repeated blocks
        loop.train(make_job(tmp_path, epochs=1, class_weights="balanced"))
    assert "accumulation" not in caught.value.hint and "checkpointing" not in caught.value.hint


def test_another_error_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.Loop, "batch_loss", failing(RuntimeError("shapes do not match")))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        loop.train(make_job(tmp_path, epochs=1))
    assert not out_of_memory(ValueError(CPU))


@pytest.mark.slow
def test_memory_that_really_runs_out() -> None:
    script = """
import resource, psutil, torch, zoo
torch.set_num_threads(1)
zoo.profile_training("cnn/lenet5-digits", steps=4)
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 50_000_000, -1))
try:
    zoo.profile_training("cnn/lenet5-digits", steps=4, overrides={"batch_size": 1290})
except zoo.ZooError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "RunError cnn/lenet5-digits ran out of memory in a step of 1,290 samples" in done.stdout
    assert "training/gradient-accumulation saves about 47." in done.stdout


def test_a_training_whose_updates_are_all_skipped_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accelerate.Accelerator.optimizer_step_was_skipped", property(lambda _: True))
    with pytest.raises(ModelError, match=r"learns nothing: all 45 updates so far were skipped") as caught:
        loop.train(make_job(tmp_path, model="Plain", epochs=9, batch_size=16, techniques=("bf16",)))
    assert "leave training/bf16 out" in caught.value.hint


def test_a_training_some_of_whose_updates_are_skipped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = iter([True] * 39 + [False] * 1000)
    monkeypatch.setattr("accelerate.Accelerator.optimizer_step_was_skipped", property(lambda _: next(skipped)))
    cost = loop.train(make_job(tmp_path, model="Plain", epochs=3, batch_size=16)).cost
    assert cost is not None and (cost.skipped, cost.steps) == (39, 45)


def test_divergence_says_which_precision_to_leave_out(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the loss is nan") as caught:
        loop.train(make_job(tmp_path / "cast", model="Broken", techniques=("bf16",)))
    assert "or leave training/bf16 out" in caught.value.hint
    with pytest.raises(ModelError) as plain:
        loop.train(make_job(tmp_path / "plain", model="Broken"))
    assert "leave" not in plain.value.hint
