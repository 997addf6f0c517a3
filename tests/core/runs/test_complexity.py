"""What a model takes is in every run's record: counted once, of one sample, whatever the batch size and the resuming."""

import json

import pytest
import torch

import zoo
from zoo.runs import RunRecord


def run(model, **settings):
    return zoo.evaluate(model, "toy/vectors", **{"classes": "dataset", "key": "toy", **settings})


def test_parameters_and_operations_of_a_sample_are_those_by_hand(toy):
    network = toy.Linear()
    found = run(network).complexity
    weight = next(p for p in network.parameters() if p.ndim == 2)
    assert found.parameters == sum(p.numel() for p in network.parameters())
    assert found.flops == 2 * weight.numel()
    assert found.sample and found.note == ""


def test_they_hang_neither_on_the_batch_size_nor_on_what_was_found_done(toy, zoo_home):
    first = run(toy.Linear(), batch_size=7)
    again = run(toy.Linear())
    assert again.shards.computed == 0
    assert first.complexity == again.complexity
    shard = sorted((zoo_home / "runs" / first.key / "shards").iterdir())[0]
    shard.unlink()
    assert run(toy.Linear()).complexity == first.complexity
    assert run(toy.Linear(), batch_size=64, fresh=True).complexity == first.complexity


def test_a_rerun_of_shards_without_counts_computes_nothing(toy, zoo_home):
    first = run(toy.Linear())
    (zoo_home / "runs" / first.key / "complexity.json").unlink()
    again = run(toy.Linear())
    assert (again.shards.computed, again.complexity) == (0, None)
    assert [one.value for one in again.results] == [one.value for one in first.results]


def test_records_of_before_read_as_they_did(toy):
    old = json.loads(run(toy.Linear()).model_dump_json())
    del old["complexity"]
    assert RunRecord.model_validate(old).complexity is None


def test_a_model_that_cannot_be_counted_is_run_all_the_same_and_the_record_says_why(toy):
    class Shy(toy.Linear):
        """Raises whenever somebody looks at its operations."""

        def forward(self, inputs):
            if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
                raise RuntimeError("not while you look")
            return super().forward(inputs)

    found = run(Shy())
    assert found.complexity.flops is None
    assert "not while you look" in found.complexity.note
    assert found.primary.value == run(toy.Linear(), key="other").primary.value


def test_what_computes_outside_of_torch_has_no_figure(toy):
    network = toy.Linear()
    matrix, bias = (next(p for p in network.parameters() if p.ndim == n).detach().numpy() for n in (2, 1))

    def numbers(inputs):
        return torch.from_numpy(inputs.cpu().numpy() @ matrix.T + bias)

    found = run(numbers, key=None).complexity
    assert (found.parameters, found.flops) == (None, None)
    assert "operations are not known" in found.note and "parameters are not known" in found.note


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_of_a_network_in_eight_bits_the_record_says_that_nobody_counts(toy):
    pytest.importorskip("torchao")
    found = zoo.evaluate("intro/mlp@digits", "digits", precision="int8-weight-only", limit=64).complexity
    assert found.parameters == 8970
    assert found.flops is None and "int8-weight-only" in found.note


def test_of_an_attack_none_is_counted():
    found = zoo.evaluate("robust/fgsm", "digits", limit=8, aux={"victim": "intro/mlp@digits"}, protocol={"eps": 0.1}).complexity
    assert (found.parameters, found.flops) == (None, None)
    assert "hangs on the sample" in found.note
