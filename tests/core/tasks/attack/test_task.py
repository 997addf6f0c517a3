"""The attack task: what the core checks of every sample, whom it lets be attacked, and how a run is set up and recorded."""

import math
import warnings

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError, PredictionError
from zoo.tasks.attack.contract import Attacked, Threat, Victim, exact_ratio
from zoo.tasks.attack.task import Attack
from zoo.tasks.attack.verify import TOLERANCE, attack_batch, margins, perturbation_norms
from zoo.tasks.base import Batch, DataInfo, ModelInfo

DIGITS = DataInfo("data/digits", "test", "image", tuple("0123456789"))


@pytest.fixture
def victim():
    """Logits (s, -s) for s = mean pixel - 0.5: right about class 0 where an image is bright."""

    class Bright(nn.Module):
        def forward(self, images):
            s = images.flatten(1).mean(1) - 0.5
            return torch.stack([s, -s], dim=1)

    return Victim(Bright(), "bright", 2, None)


def batch(*levels, labels=None):
    images = torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()
    labels = labels or [0] * len(levels)
    return Batch([f"s{i}" for i in range(len(levels))], images, labels, list(range(len(levels))))


def returning(change, **attributes):
    """An attack that answers with a change of its inputs."""

    class Made:
        def __call__(self, victim, inputs, labels, threat, seeds):
            made = change(inputs.clone())
            return made if isinstance(made, Attacked) else Attacked(made, [1] * len(inputs), [0] * len(inputs))

    for name, value in attributes.items():
        setattr(Made, name, value)
    return Made()


def run(victim, attack, data, eps=0.1, norm="linf"):
    return attack_batch(attack, "mine", victim, data, Threat(norm, eps))


def test_what_is_no_attacked_says_what_to_return(victim):
    def plain(victim, inputs, labels, threat, seeds):
        return inputs

    with pytest.raises(PredictionError, match=r"returned Tensor for s0(.|\n)*return zoo\.tasks\.Attacked"):
        run(victim, plain, batch(0.9))
    for counts in (None, [-1], [0.5], [1, 1]):
        with pytest.raises(PredictionError, match=r"no count of evaluations(.|\n)*a whole number"):
            run(victim, returning(lambda x, counts=counts: Attacked(x, counts, [0])), batch(0.9))


def test_an_attack_cannot_cost_less_than_was_seen(victim):
    def asks(counted):
        def attack(victim, inputs, labels, threat, seeds):
            victim(inputs), victim(inputs[:1])
            return Attacked(inputs, counted, [0] * len(inputs))

        return attack

    assert run(victim, asks([2, 1]), batch(0.9, 0.8)).forwards.tolist() == [2, 1]
    with pytest.raises(PredictionError, match="counts 2 evaluations of the victim and made 3"):
        run(victim, asks([1, 1]), batch(0.9, 0.8))


def test_noise_that_does_not_follow_from_the_seeds_is_told_of(victim):
    with pytest.warns(UserWarning, match="mine draws random numbers that do not follow from the seeds"):
        run(victim, returning(lambda x: x - 0.01 * torch.rand_like(x)), batch(0.9))
    generator = torch.Generator()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(victim, returning(lambda x: x - 0.01 * torch.rand(x.shape, generator=generator)), batch(0.9))


def test_only_samples_that_the_victim_gets_right_are_attacked(victim):
    seen = []

    def spy(inputs):
        seen.append(len(inputs))
        return inputs - 0.05

    found = run(victim, returning(spy), batch(0.9, 0.2, 0.52))
    assert seen == [2]
    assert found.norm.tolist() == pytest.approx([0.05, 0.0, 0.05], abs=1e-7)
    assert (found.clean[:, 0] > 0).tolist() == [True, False, True]
    assert (found.adversarial[:, 0] > 0).tolist() == [True, False, False]
    assert torch.equal(found.adversarial[1], found.clean[1])
    assert found.forwards.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x: x - 0.11, "left its ball"),
        (lambda x: x * math.nan, "NaN"),
        (lambda x: x + math.inf, "NaN or infinite"),
        (lambda x: x + 0.09, r"outside \[0, 1\]"),
        (lambda x: x[:, :, :1], "pixels of shape"),
        (lambda x: x.to(torch.uint8), "uint8"),
        (lambda x: None, "NoneType"),
        (lambda x: Attacked(x, [1], [1, 1]), "no count"),
        (lambda x: Attacked(x, [1, -1], [1, 1]), "no count"),
    ],
)
def test_what_an_attack_may_not_return_names_the_samples(victim, change, says):
    with pytest.raises(PredictionError, match=says) as error:
        run(victim, returning(change), batch(0.95, 0.3, 0.99))
    assert set(error.value.ids) <= {"s0", "s2"} and error.value.ids


def test_a_violation_names_only_the_samples_concerned(victim):
    def change(inputs):
        inputs[1] -= 0.2
        return inputs

    with pytest.raises(PredictionError) as error:
        run(victim, returning(change), batch(0.9, 0.9, 0.9))
    assert error.value.ids == ("s1",)


def test_the_bound_is_held_to_a_relative_tolerance_in_float64(victim):
    eps = 0.1
    within, outside = eps * (1 + 0.5 * TOLERANCE), eps * (1 + 4 * TOLERANCE)
    run(victim, returning(lambda x: x.double() - within), batch(0.9), eps)
    with pytest.raises(PredictionError):
        run(victim, returning(lambda x: x.double() - outside), batch(0.9), eps)
    with pytest.raises(PredictionError):
        run(victim, returning(lambda x: x - 0.06), batch(0.9), eps, "l2")  # four pixels: 0.12


def test_an_unbounded_attack_may_leave_the_ball_and_is_scored_at_eps(victim):
    task = Attack(
        ModelInfo("mine", "image", None), DIGITS_OF_TWO, {"eps": "0.1"}, {"victim": ModelInfo("v", "image", ("a", "b"))}
    )
    task.bind({"victim": victim.model})
    threats = []

    class Far:
        bounded = False

        def __call__(self, victim, inputs, labels, threat, seeds):
            threats.append(threat)
            return Attacked(inputs - torch.tensor([0.45, 0.05]).view(2, 1, 1, 1), [1, 1], [1, 1])

    data = batch(0.9, 0.52)
    columns = decoded(task, task.predict(Far(), data), data)
    assert threats == [Threat("linf", None)]
    assert columns["within"].tolist() == [False, True]


DIGITS_OF_TWO = DataInfo("data/two", "test", "image", ("a", "b"))


def decoded(task, predictions, data):
    import pyarrow as pa

    columns = task.encode(predictions, data)
    return task.decode(pa.table([columns[name] for name in task.schema.names], schema=task.schema))


@pytest.mark.parametrize("save", [False, True])
def test_predictions_survive_the_shard(victim, save):
    protocol = {"eps": 0.1, "save_inputs": save}
    task = Attack(ModelInfo("m", "image", None), DIGITS_OF_TWO, protocol, {"victim": ModelInfo("v", None, "dataset")})
    task.bind({"victim": victim.model})
    data = batch(0.9, 0.3, 0.55)
    found = task.predict(returning(lambda x: x - 0.1), data)
    columns = decoded(task, found, data)
    assert (columns["clean"] == found.clean.numpy()).all() and (columns["adversarial"] == found.adversarial.numpy()).all()
    assert (columns["norm"] == found.norm.numpy()).all() and columns["norm"].dtype == "float64"
    assert columns["target"].tolist() == [0, 0, 0] and columns["forwards"].tolist() == [1, 0, 1]
    assert ("input" in columns) is save
    if save:
        assert columns["input"][0].tolist() == found.inputs[0].flatten().tolist()
    empty = task.decode(task.schema.empty_table())
    assert all(len(column) == 0 for column in empty.values()) and empty["clean"].shape == (0, 2)


def test_the_victims_classes_are_matched_by_name(victim):
    task = Attack(ModelInfo("m", "image", None), DIGITS_OF_TWO, {}, {"victim": ModelInfo("v", "image", ("b", "x", "a"))})

    class Three(nn.Module):
        def forward(self, images):
            return torch.tensor([1.0, 9.0, 2.0]).expand(len(images), 3)

    task.bind({"victim": Three()})
    assert task.victim(torch.zeros(1, 1, 2, 2)).tolist() == [[2.0, 1.0, 9.0]]  # the third competes
    alone = Attack(task.model, task.data, {"outputs": "dataset"}, dict(task.aux))
    alone.bind({"victim": Three()})
    assert alone.victim(torch.zeros(1, 1, 2, 2)).tolist() == [[2.0, 1.0]]


def test_margins_and_norms():
    logits, labels = torch.tensor([[3.0, 1.0, 2.5], [1.0, 1.0, 0.0]]), torch.tensor([0, 1])
    assert margins(logits, labels).tolist() == [0.5, 0.0]
    clean, made = torch.zeros(1, 1, 1, 2), torch.tensor([0.3, -0.4]).view(1, 1, 1, 2)
    assert perturbation_norms(clean, made, "l2").tolist() == pytest.approx([0.5])
    assert perturbation_norms(clean, made, "linf").tolist() == pytest.approx([0.4])


def test_the_parameters_of_the_victim_need_no_gradients():
    model = nn.Linear(2, 2)
    Victim(model, "m", 2, None)
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("returns", [lambda x: torch.zeros(len(x), 2), lambda x: torch.from_numpy(x.numpy()).flatten(1)])
def test_a_victim_without_gradients_is_a_clear_error(returns):
    with pytest.raises(ModelError, match="gives no gradients"):
        Victim(returns, "numpy", 2, None)(torch.zeros(1, 1, 1, 2).requires_grad_())


@pytest.mark.parametrize(("text", "value"), [("8/255", 8 / 255), ("0.3", 0.3), (" 1 / 3 ", 1 / 3), (0.5, 0.5), ("1e-3", 1e-3)])
def test_eps_may_be_a_fraction(text, value):
    assert exact_ratio(text) == value


@pytest.mark.parametrize("text", ["8/0", "eight", "", "1/2/3", "nan"])
def test_what_is_no_fraction_is_refused(text):
    with pytest.raises(ValueError, match="fraction such as 8/255"):
        exact_ratio(text)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"protocol": {"eps": -1}}, "eps"),
        ({"protocol": {"eps": "inf"}}, "eps"),
        ({"protocol": {"norm": "l1"}}, "norm"),
        ({"protocol": {"epss": 1}}, "did you mean eps"),
        ({"options": {"stepz": 1}}, "did you mean steps"),
        ({"options": {"steps": 0}}, "steps"),
        ({"aux": {"judge": "intro/mlp"}}, "no other model called 'judge'"),
    ],
)
def test_settings_that_cannot_be_are_user_errors(settings, says):
    with pytest.raises(OptionError, match=says):
        zoo.evaluate("robust/pgd", "digits", **{"aux": {"victim": "intro/mlp"}, **settings})


@pytest.mark.parametrize(
    ("on", "victim", "says"),
    [
        ("digits", None, "needs a victim"),
        ("digits", "robust/pgd", "does not classify"),
        ("digits", "sequence/gru", "takes text, but data/digits is image"),
        ("sms-spam", "sequence/gru", "takes image, but data/sms-spam is text"),
        ("digits", "cnn/resnet18", "does not say which class"),
        ("digits", nn.Linear(64, 10), "does not say which class"),
        ("digits", "intro/mlp-numpy", "gives no gradients"),
    ],
)
def test_a_victim_that_is_missing_or_of_the_wrong_kind_is_a_clear_error(on, victim, says):
    with pytest.raises(ModelError, match=says):
        zoo.evaluate("robust/pgd", on, aux={"victim": victim} if victim is not None else None)


def test_any_labelled_image_dataset_can_be_attacked_under_a_default_threat():
    record = zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, limit=60)
    assert (record.task, record.benchmark, record.primary.metric) == ("attack", "data/digits", "robust-accuracy")
    assert (record.protocol["norm"], record.protocol["eps"]) == ("linf", 8 / 255)
    assert record.aux["victim"].name == "intro/mlp@digits" and record.aux["victim"].weights_sha256


def test_eps_0_gives_clean_accuracy():
    record = zoo.evaluate("robust/pgd", "digits", aux={"victim": "intro/mlp"}, protocol={"eps": 0}, options={"steps": 2})
    scores = {result.metric: result.value for result in record.results}
    assert scores["robust-accuracy"] == scores["clean-accuracy"] == zoo.evaluate("intro/mlp", "digits").primary.value


def test_threat_and_victim_are_part_of_the_key_and_recorded():
    def attacked(**settings):
        return zoo.evaluate("robust/fgsm", "digits", limit=20, **{"aux": {"victim": "intro/mlp"}, **settings})

    plain, fraction = attacked(), attacked(protocol={"eps": "8/255"})
    assert plain.key == fraction.key and plain.shards.computed == 1 and fraction.shards.computed == 0
    others = [attacked(protocol={"eps": 0.1}), attacked(protocol={"norm": "l2"}), attacked(aux={"victim": "intro/logistic"})]
    others.append(attacked(protocol={"save_inputs": True}))
    assert len({plain.key, *(record.key for record in others)}) == 5
    assert others[0].altered == ("eps", "victim") and others[0].protocol["eps"] == 0.1


def test_a_victim_of_the_users_own_is_copied_and_left_alone():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, images):
            return self.linear(images.permute(0, 1, 2, 3).contiguous().view(len(images), -1))

    net = Net().train()
    record = zoo.evaluate("robust/fgsm", "digits", aux={"victim": net}, classes="dataset", limit=20)
    assert record.protocol["aux"] == {"victim": "local/Net"}
    assert net.training and all(parameter.requires_grad for parameter in net.parameters())


BENCHMARK = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec

@hookimpl
def zoo_benchmarks():
    return [BenchmarkSpec(name="attacked-digits", summary="Digits.", task="attack", modality="image", dataset="data/digits",
                          metrics=("robust-accuracy",), protocol={"eps": "0.1"}, aux={"victim": "intro/mlp"})]
"""


@pytest.fixture
def benchmark_of_digits(lasting):
    """A benchmark with a victim of its own, which an attack of the user's own can be run on."""
    lasting("toy-attacked", BENCHMARK, id="toyattacked")
    return "attacked-digits"


def test_an_attack_of_the_users_own_runs_on_a_benchmark(benchmark_of_digits):
    class Grey:
        def __call__(self, victim, inputs, labels, threat, seeds):
            return Attacked(inputs + (0.5 - inputs).clamp(-threat.eps, threat.eps), [0] * len(inputs), [0] * len(inputs))

    record = zoo.evaluate(Grey(), benchmark_of_digits)
    assert record.protocol["aux"] == {"victim": "intro/mlp@digits"} and 0.5 < record.primary.value < 0.98


def test_a_violation_fails_the_shard_and_nothing_is_stored(benchmark_of_digits, zoo_home):
    class Cheat:
        def __call__(self, victim, inputs, labels, threat, seeds):
            return Attacked(1 - inputs, [1] * len(inputs), [0] * len(inputs))

    with pytest.raises(PredictionError, match="left its ball"):
        zoo.evaluate(Cheat(), benchmark_of_digits)
    assert not list(zoo_home.rglob("*.parquet"))


def test_figures_show_the_stored_inputs(zoo_home):
    settings = {"aux": {"victim": "intro/mlp"}, "limit": 5, "save_figures": 2}
    record = zoo.evaluate("robust/fgsm", "digits", protocol={"save_inputs": "true"}, **settings)
    from PIL import Image

    figures = sorted((zoo_home / "runs" / record.key).rglob("*.png"))
    assert len(figures) == 2 and Image.open(figures[0]).size == (24, 8)
    with pytest.warns(UserWarning, match="save_inputs"):
        zoo.evaluate("robust/fgsm", "digits", **settings)


def test_an_attack_that_was_loaded_runs_as_itself():
    attack = zoo.load("robust/pgd", task="attack")
    settings = {"aux": {"victim": "intro/mlp"}, "protocol": {"eps": 0.1}, "limit": 20}
    loaded, named = zoo.evaluate(attack, "digits", task="attack", **settings), zoo.evaluate("robust/pgd", "digits", **settings)
    assert loaded.key == named.key and loaded.model.name == "robust/pgd"


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        ({"eps": 8}, r"(?s)`protocol.eps` 8 is more than any two inputs in \[0, 1\].*was `protocol.eps=8/255` meant"),
        ({"eps": 8.1, "norm": "l2"}, r"8.1 is more than any two inputs .*: 8 \(l2\)"),
        ({"eps": 1.01}, "is more than"),
        ({"eps": float("nan")}, "eps of the protocol"),
        ({"eps": float("inf")}, "eps of the protocol"),
        ({"eot": 0}, "eot of the protocol"),
    ],
)
def test_an_eps_beyond_all_pictures_is_refused(protocol, says, zoo_home):
    with pytest.raises(OptionError, match=says):
        zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, protocol=protocol)
    assert not list(zoo_home.rglob("*.parquet"))


@pytest.mark.parametrize(("step", "says"), [(2, "step_size` 2 is more than"), (float("inf"), "step_size"), (-1, "step_size")])
def test_a_step_beyond_all_pictures_is_refused_too(step, says):
    with pytest.raises(OptionError, match=says):
        zoo.evaluate("robust/pgd", "digits", aux={"victim": "intro/mlp"}, options={"step_size": step})


def test_the_whole_range_is_allowed():
    for protocol in ({"eps": 1}, {"eps": 8, "norm": "l2"}):
        zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, protocol=protocol, limit=10)


def test_a_victim_of_probabilities_is_told_of_beside_the_score():
    class Sure(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = zoo.load("intro/mlp@digits")

        def forward(self, images):
            return self.network(images).softmax(1)

    record = zoo.evaluate("robust/pgd", "digits", aux={"victim": Sure()}, classes="dataset", limit=30)
    assert "returns probabilities, not logits" in record.primary.note
