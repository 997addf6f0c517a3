"""Profiles: what is counted is what can be worked out by hand; what is measured follows its protocol."""

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.profiling.measuring import percentiles

LENET = 2 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10)
QUICK = {"warmup": 1, "repetitions": 3, "batch_size": 2, "device": "cpu"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A few calls of each batch size will do."""
    monkeypatch.setattr("zoo.profiling.measuring.ENOUGH", 0.0)


def profiled(model, **settings):
    return zoo.profile(model, **{**QUICK, **settings}).profiles[0]


def test_lenet_counts_as_by_hand():
    found = profiled("cnn/lenet5@mnist")
    assert (found.model, found.parameters, found.flops) == ("cnn/lenet5@mnist", 61706, LENET)
    assert found.parameter_bytes == 4 * 61706
    assert (found.protocol.input, found.protocol.dtype, found.protocol.repetitions) == ("float32 1x28x28", "float32", 3)
    assert [one.batch_size for one in found.tried] == [2]
    assert [one.how for one in found.memory] == ["counted", "counted"]
    assert found.latency.p50 > 0 and found.latency.p99 is None


def test_memory_is_parameters_inputs_and_what_is_alive_at_most():
    class Chain(nn.Module):
        def forward(self, images):
            wide = images.flatten(1).repeat(1, 4)  # of 4 * 64 numbers, alive while the next is made
            return (wide + 1)[:, :10]

    found = profiled(Chain(), classes=[str(i) for i in range(10)], input=zoo.ImageInput(size=(8, 8), channels=1))
    one, two = found.memory
    assert one.bytes == 4 * 64 + 2 * 4 * 4 * 64  # beside the checks, which make less
    assert two.bytes == 2 * one.bytes


def test_percentiles_are_of_nearest_rank_and_not_said_of_too_few():
    seconds = [float(i) for i in range(100, 0, -1)]
    assert percentiles(seconds).model_dump() == {"p50": 50.0, "p90": 90.0, "p99": 99.0}
    assert percentiles(seconds[:10]).model_dump() == {"p50": 95.0, "p90": 99.0, "p99": None}
    assert percentiles([2.0, 1.0]).model_dump() == {"p50": 1.0, "p90": None, "p99": None}


def test_batches_grow_until_throughput_falls(monkeypatch):
    monkeypatch.setattr("zoo.profiling.measuring.Bench.seconds", lambda _, batch: 0.002 if len(batch) <= 8 else 0.02 * len(batch))
    found = profiled("cnn/lenet5@mnist", batch_size="auto")
    assert [one.batch_size for one in found.tried] == [1, 2, 4, 8, 16]
    assert (found.best_batch, found.throughput) == (8, 4000)
    assert found.ended == "at 16 throughput fell"


def test_where_memory_ends_larger_batches_are_not_tried(monkeypatch):
    monkeypatch.setattr("zoo.profiling.measuring.FALLEN", 0.0)

    class Greedy(nn.Module):
        def forward(self, images):
            if len(images) > 8:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return torch.zeros(len(images), 10)

    found = profiled(Greedy(), batch_size="auto")
    assert [one.batch_size for one in found.tried] == [1, 2, 4, 8]
    assert found.ended == "a batch of 16 ran out of memory"
    with pytest.raises(ModelError, match="ran out of memory"):
        profiled(Greedy(), batch_size=16)


def test_of_a_batch_that_would_not_fit_into_memory_nothing_is_tried(monkeypatch):
    monkeypatch.setattr("zoo.profiling.measuring.FALLEN", 0.0)
    monkeypatch.setattr("zoo.profiling.measuring.free_memory", lambda: 2**20)
    found = profiled("cnn/lenet5@mnist", batch_size="auto")
    assert found.tried[-1].batch_size < 64
    assert "would need" in found.ended


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 0}, "batch size 0"),
        ({"batch_size": "many"}, "batch size 'many'"),
        ({"repetitions": 0}, "`repetitions` must be at least 1"),
        ({"threads": 0}, "`threads` must be at least 1"),
        ({"warmup": -1}, "`warmup` must be at least 0"),
        ({"device": "abacus"}, "no device 'abacus'"),
        ({"precision": "fp3"}, "there is no precision 'fp3'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(OptionError, match=said):
        profiled("cnn/lenet5", **settings)


def test_a_model_that_takes_nothing_that_can_be_made_up_is_refused_with_what_to_do():
    class Picky(nn.Module):
        def forward(self, images):
            raise ValueError("only on Sundays")

    with pytest.raises(ModelError, match=r"takes none of the samples that can be made up.*only on Sundays") as caught:
        profiled(Picky())
    assert "`on`" in caught.value.hint


def test_what_an_attack_costs_is_asked_on_a_benchmark():
    with pytest.raises(ModelError, match="up to its victim"):
        profiled("robust/pgd")


def test_of_several_models_one_that_fails_costs_its_own_row():
    found = zoo.profile("cnn/lenet5@mnist", "no/such", "intro/mlp@digits", **QUICK)
    assert [one.model for one in found.profiles] == ["cnn/lenet5@mnist", "intro/mlp@digits"]
    assert [one.model for one in found.failures] == ["no/such"]


def test_the_number_of_threads_is_as_before():
    before = torch.get_num_threads()
    assert profiled("cnn/lenet5@mnist", threads=1).protocol.threads == 1
    assert torch.get_num_threads() == before


def test_weights_that_there_are_none_of_are_no_random_ones():
    with pytest.raises(WeightsError, match="nosuch"):
        profiled("cnn/lenet5@nosuch")


@pytest.mark.slow
def test_of_a_model_without_weights_here_the_counts_are_those_of_random_parameters():
    found = profiled("cnn/resnet18", repetitions=1, batch_size=1)
    assert (found.parameters, found.flops) == (11_689_512, 3_628_146_688)  # 1.814 G multiply-adds, as published
    assert any("random parameters" in note for note in found.notes)


@pytest.mark.parametrize("outputs", [2, 300])
def test_a_network_of_ones_own_is_profiled_however_many_outputs_it_has(outputs):
    found = profiled(nn.Sequential(nn.Flatten(), nn.Linear(64, outputs)))
    assert (found.parameters, found.flops) == (65 * outputs, 2 * 64 * outputs)


@pytest.mark.slow
def test_a_wrapper_counts_what_it_asks_of_its_part():
    plain, whole = profiled("cnn/lenet5@mnist"), profiled("robust/smoothed(cnn/lenet5@mnist)", options={"n": 10})
    assert whole.parameters == plain.parameters
    assert whole.flops % plain.flops == 0 and whole.flops >= 10 * plain.flops


@pytest.mark.slow
def test_texts_are_timed_in_turn_and_the_profile_says_of_which_the_counts_are():
    found = profiled("sequence/gru@sms-spam")
    assert "text of" in found.protocol.input
    assert any("times of all in turn" in note for note in found.notes)
    assert found.flops > 0


def test_on_a_benchmark_its_samples_are_taken_and_an_attack_says_that_they_differ():
    found = profiled("robust/fgsm", on="digits", aux={"victim": "intro/mlp@digits"}, protocol={"eps": 0.1})
    assert (found.task, found.benchmark) == ("attack", "data/digits")
    assert found.flops > 2 * 64 * 64
    assert any("may fall sooner" in note for note in found.notes)


def test_what_computes_outside_of_torch_has_neither_operations_nor_memory():
    found = profiled("intro/mlp-numpy@digits")
    assert (found.parameters, found.flops, found.memory) == (8970, None, ())
    assert any("operations are not known" in note for note in found.notes)
    assert any("memory is not known" in note for note in found.notes)
