"""Transfer: an attack is made on one model and scored on another, which must have the same classes and take the same images."""

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError
from zoo.specs import ImageInput
from zoo.tasks.attack.contract import Attacked
from zoo.tasks.attack.task import Attack
from zoo.tasks.base import Batch, DataInfo, ModelInfo

TWO = DataInfo("data/two", "test", "image", ("a", "b"))
GREY = ImageInput(channels=1, size=(8, 8))


def task(victim, surrogate, protocol=None, input=None, other=None):
    infos = {"victim": ModelInfo("v", "image", victim, input), "surrogate": ModelInfo("s", "image", surrogate, other)}
    return Attack(ModelInfo("mine", "image", None), TWO, protocol or {}, infos)


@pytest.mark.parametrize(
    ("victim", "surrogate", "says"),
    [
        (("a", "b"), ("a", "c"), "s has no output for 1 of the 2 classes of data/two: b"),
        (("a", "b", "x"), ("a", "b"), "surrogate s has other classes than the victim v: it has no output for x"),
        (("a", "b"), ("b", "x", "a"), "only it has outputs for x"),
        ("dataset", ("a", "b", "x"), "only it has outputs for x"),
        (("a", "b"), None, "s does not say which class"),
    ],
)
def test_other_classes_are_refused_by_name(victim, surrogate, says):
    with pytest.raises(ModelError, match=says):
        task(victim, surrogate)


@pytest.mark.parametrize(
    ("victim", "surrogate", "protocol"),
    [
        (("a", "b"), ("b", "a"), None),
        (("a", "b", "x"), ("x", "b", "a"), None),
        ("dataset", ("b", "a"), None),
        (("a", "b", "x"), ("a", "b", "y"), {"outputs": "dataset"}),
    ],
)
def test_the_same_classes_in_any_order_fit(victim, surrogate, protocol):
    task(victim, surrogate, protocol)


@pytest.mark.parametrize("other", [ImageInput(channels=3, size=(8, 8)), ImageInput(channels=1, size=(9, 8))])
def test_images_of_another_shape_are_refused(other):
    with pytest.raises(ModelError, match=r"surrogate s takes images of .*, the victim v is attacked at 1x8x8"):
        task(("a", "b"), ("a", "b"), input=GREY, other=other)
    late = task(("a", "b"), ("a", "b"), input=None, other=other)  # the victim takes images as they are
    late.bind(dict.fromkeys(("victim", "surrogate"), nn.Sequential(nn.Flatten(), nn.Linear(64, 2))))
    with pytest.raises(ModelError, match="is attacked at 1x8x8"):
        late.predict(None, Batch(["i"], torch.zeros(1, 1, 8, 8), [0], [0]))


def test_the_attack_sees_the_surrogate_alone_and_the_victim_judges():
    class Never(nn.Module):
        def forward(self, images):
            return torch.tensor([[0.0, 1.0]]).expand(len(images), 2)

    class Inverted(nn.Module):
        """Outputs b, a, and wrong about everything: what the victim gets right is attacked all the same."""

        def forward(self, images):
            return torch.tensor([[-1.0, 5.0]]).expand(len(images), 2)

    bound = task(("a", "b"), ("b", "a"))
    bound.bind({"victim": Never(), "surrogate": Inverted()})
    seen = []

    def attack(victim, inputs, labels, threat, seeds):
        seen.append((victim.transfer, victim.name, victim(inputs).tolist(), labels.tolist()))
        return Attacked(inputs, [1] * len(inputs), [0] * len(inputs))

    found = bound.predict(attack, Batch(["i", "j"], torch.zeros(2, 1, 8, 8), [1, 0], [0, 1]))
    assert seen == [(True, "s", [[5.0, -1.0]], [1])]
    assert found.adversarial.tolist() == [[0.0, 1.0], [0.0, 1.0]]


def attacked(attack="robust/pgd", **settings):
    aux = {"victim": "intro/logistic", **settings.pop("aux", {})}
    return zoo.evaluate(attack, "digits", aux=aux, protocol={"eps": 0.1}, limit=100, **settings)


def robust(record):
    return record.primary.value


def test_a_transferred_attack_lies_between_noise_and_the_attack_itself():
    noise, direct = robust(attacked("robust/uniform-noise")), robust(attacked())
    for attack in ("robust/pgd", "robust/apgd-ce", "robust/worst-of"):
        assert direct < robust(attacked(attack, aux={"surrogate": "intro/mlp"})) < noise


def test_attacks_go_on_to_the_end_though_the_surrogate_falls_at_once():
    """What barely fools the surrogate fools hardly anybody else."""
    record = attacked(aux={"surrogate": "intro/mlp"}, options={"steps": 10})
    gradients = {result.metric: result.value for result in record.results}["gradients"]
    assert gradients == 10


def test_victim_and_surrogate_are_in_key_and_record():
    plain, other, same = attacked(), attacked(aux={"surrogate": "intro/mlp"}), attacked(aux={"surrogate": "intro/mlp"})
    assert plain.key != other.key == same.key and same.shards.computed == 0
    assert other.protocol["aux"] == {"victim": "intro/logistic@digits", "surrogate": "intro/mlp@digits"}
    assert other.aux["surrogate"].weights_sha256 and "surrogate" in other.altered


def test_other_roles_are_still_unknown():
    with pytest.raises(OptionError, match=r"no other model called 'surogate'(.|\n)*victim, surrogate"):
        attacked(aux={"surogate": "intro/mlp"})
