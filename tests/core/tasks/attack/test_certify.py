"""Benchmarks that certify: what the core checks of a certificate, and that nobody takes an attack for one."""

import math

import pyarrow as pa
import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError, PredictionError
from zoo.tasks import Attacked, Certified, DataInfo, ModelInfo, task_class
from zoo.tasks.attack.certify import Certify, certify_batch
from zoo.tasks.attack.contract import Threat, Victim
from zoo.tasks.attack.task import Attack
from zoo.tasks.base import Batch

TWO = DataInfo("data/two", "test", "image", ("a", "b"))


class Bright(nn.Module):
    """Logits (s, -s) for s = mean pixel - 0.5: the radius of an image in L-infinity is |s|."""

    def forward(self, images):
        s = images.flatten(1).mean(1) - 0.5
        return torch.stack([s, -s], dim=1)


class Exact:
    """Radii as they are of `Bright`."""

    def certify(self, victim, inputs, labels, threat, seeds):
        s = inputs.double().flatten(1).mean(1) - 0.5
        return Certified(torch.where(labels == 0, s, -s).clamp_min(0))


def batch(*levels, labels=None):
    images = torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()
    return Batch([f"s{i}" for i in range(len(levels))], images, labels or [0] * len(levels), list(range(len(levels))))


def saying(*radii, **more):
    class Says:
        def certify(self, victim, inputs, labels, threat, seeds):
            return Certified(torch.tensor(radii, dtype=torch.float64), **more)

    return Says()


def run(model, data, eps=0.1):
    return certify_batch(model, "mine", Victim(Bright(), "bright", 2, None), data, Threat("linf", eps))


def task(protocol=None):
    made = Certify(ModelInfo("m", "image", None), TWO, protocol or {}, {"victim": ModelInfo("v", None, "dataset")})
    made.bind({"victim": Bright()})
    return made


def test_the_protocol_says_whether_a_benchmark_attacks_or_certifies():
    assert task_class("attack").suited("image", {}, ()) is Attack
    assert task_class("attack").suited("image", {"kind": "certify"}, ("victim",)) is Certify


def test_all_samples_are_certified_those_that_the_victim_gets_wrong_included():
    found = run(Exact(), batch(0.9, 0.2, 0.52))
    assert found.radius.tolist() == pytest.approx([0.4, 0.0, 0.02], abs=1e-7)
    assert found.predicted.tolist() == [0, 1, 0] and found.limit.tolist() == [math.inf] * 3
    assert found.radius.dtype == torch.float64 and (found.clean[:, 0] > 0).tolist() == [True, False, True]


def test_a_tie_names_no_class():
    assert run(saying(0.0), batch(0.5)).predicted.tolist() == [-1]


def test_a_radius_may_be_infinite():
    assert run(saying(math.inf), batch(0.9)).radius.tolist() == [math.inf]


@pytest.mark.parametrize(
    ("model", "says", "ids"),
    [
        (saying(0.1, math.nan, 0.0), "a radius that is NaN", ("s1",)),
        (saying(0.1, -0.1, -1.0), "a negative radius", ("s1", "s2")),
        (saying(0.1, 0.0, 0.0, limit=0.05), "a radius above 0.05", ("s0",)),
        (saying(0.1, 0.1, 0.1), "where the victim is wrong on the clean input itself", ("s1",)),
        (saying(0.1, 0.1, 0.1, predicted=torch.tensor([0, -1, 0])), "abstains and certifies", ("s1",)),
        (saying(0.1, 0.1, 0.1, predicted=torch.tensor([0, -2, 2])), "none of 2 classes", ("s1", "s2")),
        (saying(0.1, 0.1, 0.1, predicted=torch.tensor([0.0, 1.0, 1.0])), "no class for each", ("s0", "s1", "s2")),
        (saying(0.1, 0.1, 0.1, predicted=torch.tensor([0, 1])), "no class for each", ("s0", "s1", "s2")),
        (saying(0.1, 0.1), r"of shape \[2\] for 3", ("s0", "s1", "s2")),
        (saying(0.1, 0.1, 0.1, limit=math.nan), "looked at radii up to nan", ("s0", "s1", "s2")),
    ],
)
def test_what_a_certifier_may_not_return_names_the_samples(model, says, ids):
    with pytest.raises(PredictionError, match=says) as error:
        run(model, batch(0.9, 0.2, 0.8))
    assert error.value.ids == ids


@pytest.mark.parametrize("made", [torch.zeros(1), None, Certified([0.1])])
def test_what_is_no_certificate_says_what_to_return(made):
    class Wrong:
        def certify(self, victim, inputs, labels, threat, seeds):
            return made

    with pytest.raises(PredictionError, match=r"(.|\n)*return zoo\.tasks\.Certified"):
        run(Wrong(), batch(0.9))


def test_whole_numbers_are_no_radii():
    class Whole:
        def certify(self, victim, inputs, labels, threat, seeds):
            return Certified(torch.ones(len(inputs), dtype=torch.int64))

    with pytest.raises(PredictionError, match=r"torch\.int64"):
        run(Whole(), batch(0.9))


def test_the_class_of_a_smoothed_classifier_may_be_another_than_the_victims():
    found = run(saying(0.3, 0.2, 0.0, predicted=torch.tensor([0, 0, -1])), batch(0.9, 0.2, 0.6))
    assert found.predicted.tolist() == [0, 0, -1] and found.radius.tolist() == [0.3, 0.2, 0.0]


def test_noise_that_does_not_follow_from_the_seeds_is_told_of():
    class Draws:
        def certify(self, victim, inputs, labels, threat, seeds):
            return Certified(0 * torch.rand(len(inputs)))

    with pytest.warns(UserWarning, match="mine draws random numbers that do not follow from the seeds"):
        run(Draws(), batch(0.9))


def test_certificates_survive_the_shard():
    bound, data = task({"eps": "1/4"}), batch(0.9, 0.2, 0.5)
    found = bound.predict(saying(math.inf, 0.0, 0.0), data)
    columns = bound.encode(found, data)
    read = bound.decode(pa.table([columns[name] for name in bound.schema.names], schema=bound.schema))
    assert read["radius"].tolist() == [math.inf, 0.0, 0.0] and read["predicted"].tolist() == [0, 1, -1]
    assert (read["clean"] == found.clean.numpy()).all() and read["eps"].tolist() == [0.25] * 3
    assert read["target"].tolist() == [0, 0, 0] and read["limit"].tolist() == [math.inf] * 3
    empty = bound.decode(bound.schema.empty_table())
    assert all(len(column) == 0 for column in empty.values())


BENCHMARK = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, ModelSpec

@hookimpl
def zoo_models():
    return [ModelSpec(name="nothing", summary="Certifies nothing.", tasks={"attack": "toy_certified:Nothing"}, modality="image",
                      kind="certify")]

class Nothing:
    def certify(self, victim, inputs, labels, threat, seeds):
        from zoo.tasks import Certified
        return Certified(0 * inputs.flatten(1)[:, 0], limit=threat.eps)

@hookimpl
def zoo_benchmarks():
    return [BenchmarkSpec(name="certified-digits", summary="Digits.", task="attack", modality="image", dataset="data/digits",
                          metrics=("certified-accuracy", "certified-curve:radii=0+0.05+1/10+0.2", "mean-radius"),
                          protocol={"kind": "certify", "eps": "0.1"}, aux={"victim": "intro/mlp"}),
            BenchmarkSpec(name="attacked-digits", summary="Digits.", task="attack", modality="image", dataset="data/digits",
                          metrics=("robust-accuracy",), aux={"victim": "intro/mlp"})]
"""


@pytest.fixture
def toy(lasting):
    lasting("toy-certified", BENCHMARK, id="toycertified")


def test_a_certifier_of_a_plugin_runs_on_benchmarks_that_certify_and_on_data_by_name(toy):
    record = zoo.evaluate("toycertified/nothing", "certified-digits", limit=40)
    accuracy, curve, _ = record.results
    assert accuracy.value == 0 and record.protocol["eps"] == 0.1
    assert curve.detail["radii"] == [0, 0.05, 0.1, 0.2]
    assert curve.detail["certified-accuracy"][0] > 0.9 and curve.detail["certified-accuracy"][1:] == [0, 0, None]
    assert "at some radii the certifier looked at smaller radii alone" in curve.note
    on_data = zoo.evaluate("toycertified/nothing", "digits", aux={"victim": "intro/logistic"}, limit=40)
    assert on_data.primary.metric == "certified-accuracy" and on_data.protocol["kind"] == "certify"
    assert on_data.protocol["eps"] == 8 / 255 and on_data.results[1].value > 0.9


def test_a_certifier_of_the_users_own_runs_without_a_task_being_named(toy):
    class Mine:
        def certify(self, victim, inputs, labels, threat, seeds):
            return Certified(torch.zeros(len(inputs)))

    assert zoo.evaluate(Mine(), "certified-digits", limit=20).model.name == "local/Mine"
    assert zoo.evaluate(Mine(), "digits", aux={"victim": "intro/mlp"}, limit=20).task == "attack"


def test_attack_and_certifier_are_not_taken_for_each_other(toy):
    with pytest.raises(ModelError, match=r"robust/pgd attacks(.|\n)*a benchmark that attacks"):
        zoo.evaluate("robust/pgd", "certified-digits", limit=5)
    with pytest.raises(ModelError, match=r"toycertified/nothing certifies(.|\n)*a benchmark that certifies"):
        zoo.evaluate("toycertified/nothing", "attacked-digits", limit=5)
    for name in ("robust-accuracy", "median-norm", "gradients"):
        with pytest.raises(OptionError, match="here it is certified"):
            zoo.evaluate("toycertified/nothing", "certified-digits", metrics=[name], limit=5)
    with pytest.raises(OptionError, match="here it is attacked"):
        zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, metrics=["mean-radius"], limit=5)


def test_what_shows_benchmarks_of_a_model_tells_the_kinds_apart(toy):
    registry = zoo.registry()
    assert {"toycertified/certified-digits"} <= set(registry.benchmarks_of(registry.model("toycertified/nothing")))
    assert "robust/mnist-linf" not in registry.benchmarks_of(registry.model("toycertified/nothing"))
    assert "toycertified/certified-digits" not in registry.benchmarks_of(registry.model("robust/pgd"))
    assert "robust/mnist-linf" in registry.benchmarks_of(registry.model("robust/pgd"))


@pytest.mark.parametrize("protocol", [{"eps": -1}, {"eps": "inf"}, {"norm": "l1"}, {"save_inputs": True}, {"kind": "prove"}])
def test_settings_that_cannot_be_are_user_errors(toy, protocol):
    with pytest.raises(OptionError, match=next(iter(protocol))):
        zoo.evaluate("toycertified/nothing", "certified-digits", protocol=protocol)


def test_attacked_says_nothing_of_radii():
    class Confused:
        def certify(self, victim, inputs, labels, threat, seeds):
            return Attacked(inputs, [0], [0])

    with pytest.raises(PredictionError, match="returned Attacked"):
        run(Confused(), batch(0.9))
