"""On a GPU: samples lie there before they are asked for, and the predictions are those of a CPU."""

import pytest
import torch
from tests.core.runs.test_together import data, task

import zoo
from zoo.devices import carrier
from zoo.runs.loading import Reading, Threads, load_batches

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of CUDA, and there is none")


def test_batches_lie_on_the_gpu_before_they_are_asked_for():
    carry = carrier(torch.device("cuda"))
    _, *carried = load_batches(Reading(data(), task()), [range(8)], 2, 0, Threads(1, 1), carry)
    _, *plain = load_batches(Reading(data(), task()), [range(8)], 2, 0, Threads(1, 1))
    for there, here in zip(carried, plain, strict=True):
        assert there.batch.inputs.is_cuda
        assert torch.equal(there.batch.inputs.cpu(), here.batch.inputs)


def test_what_there_is_no_room_for_stays_where_it_is(monkeypatch):
    def full(self, *_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    carry, tensor = carrier(torch.device("cuda")), torch.ones(3)
    monkeypatch.setattr(torch.Tensor, "to", full)
    assert carry(tensor) is tensor


def test_many_batches_on_the_gpu_are_predicted_as_on_the_cpu():
    there, here = (zoo.evaluate("cnn/lenet5", "digits", device=device, batch_size=8) for device in ("cuda", "cpu"))
    assert there.execution.device.startswith("cuda")
    assert there.primary.value == pytest.approx(here.primary.value, abs=0.003)
    logits = [torch.tensor(zoo.runs.stored_predictions(record)["logits"].to_pylist()) for record in (there, here)]
    torch.testing.assert_close(logits[0], logits[1], atol=1e-3, rtol=1e-3)


def test_a_batch_that_does_not_fit_is_halved():
    free, _ = torch.cuda.mem_get_info()

    class Hungry(torch.nn.Module):
        def forward(self, x):
            torch.empty(len(x) * (free // 100), dtype=torch.uint8, device=x.device)
            return torch.stack([x[:, 0], x[:, 1]], 1)

    inputs = torch.randn(512, 4, generator=torch.Generator().manual_seed(0))
    record = zoo.evaluate(Hungry(), (inputs, inputs[:, :2].argmax(1)), classes="dataset", device="cuda")
    assert record.primary.value == 1.0
    assert record.execution.batch_size == 64
