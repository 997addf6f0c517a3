"""Shards are written beside the model where that is worth it, and are kept whatever then becomes of the model."""

import threading
import time

import pytest
import torch

import zoo
from zoo.runs.record import RunRecord
from zoo.runs.writing import Writer


def slow() -> str:
    time.sleep(0.05)
    return threading.current_thread().name


def quick() -> str:
    return threading.current_thread().name


def test_a_shard_is_there_before_the_next_where_writing_takes_little() -> None:
    with Writer[str](idle=True) as writer:
        assert [shard for shard, _ in writer.write(0, computed=100.0, write=slow)] == [0]
        assert [shard for shard, _ in writer.write(1, computed=100.0, write=slow)] == [1]
        assert not list(writer.rest())


def test_a_shard_is_written_beside_the_model_where_writing_takes_long() -> None:
    with Writer[str](idle=True) as writer:
        assert [shard for shard, _ in writer.write(0, computed=0.01, write=slow)] == [0]
        assert not list(writer.write(1, computed=0.01, write=slow))
        assert [shard for shard, _ in writer.write(2, computed=0.01, write=slow)] == [1]
        ((shard, thread),) = writer.rest()
        assert shard == 2
        assert thread.startswith("zoo-write")


def test_it_is_not_where_the_model_takes_all_cores() -> None:
    with Writer[str](idle=False) as writer:
        assert [[shard for shard, _ in writer.write(i, computed=0.0, write=quick)] for i in range(3)] == [[0], [1], [2]]


def test_what_a_writing_raises_is_raised_where_it_is_waited_for() -> None:
    def full() -> str:
        raise OSError("no space left on device")

    with Writer[str](idle=True) as writer:
        list(writer.write(0, computed=0.0, write=slow))
        assert not list(writer.write(1, computed=0.0, write=full))
        with pytest.raises(OSError, match="no space"):
            list(writer.rest())


def test_what_is_written_for_nobody_is_forgotten() -> None:
    forgotten: list[str] = []
    with pytest.raises(KeyboardInterrupt), Writer[str](idle=True, forget=forgotten.append) as writer:
        list(writer.write(0, computed=0.0, write=slow))
        assert not list(writer.write(1, computed=0.0, write=slow))
        raise KeyboardInterrupt
    assert len(forgotten) == 1


failing = {"at": 25.0}


class Failing(torch.nn.Module):
    """Fails at a sample."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x == failing["at"]).any()):
            raise ValueError("no")
        return torch.cat([x, -x], 1)


def test_a_run_that_fails_keeps_the_shard_that_was_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.runs.writing.BESIDE", -1.0)
    monkeypatch.setattr("zoo.tasks.classify.Classify.shard_size", 8)
    inputs, labels = torch.arange(32.0).unsqueeze(1), torch.arange(32) % 2

    def run() -> RunRecord:
        return zoo.evaluate(Failing(), (inputs, labels), classes="dataset", key="one", batch_size=4, device="cpu")

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with pytest.raises(zoo.ZooError, match="no"):
            run()
        monkeypatch.setitem(failing, "at", 99.0)
        assert run().shards.model_dump() == {"total": 4, "computed": 1, "reused": 3}
    finally:
        torch.set_num_threads(threads)
