"""The victim as an attack sees it: averaged where it is random, followed through its substitute where it has no gradient."""

import warnings

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError
from zoo.imaging.normalise import Normalised
from zoo.remarks import hearing
from zoo.tasks.attack.contract import Attacked, Threat
from zoo.tasks.attack.task import Attack
from zoo.tasks.attack.verify import attack_batch
from zoo.tasks.attack.victim import DRAWS, Victim
from zoo.tasks.base import Batch, DataInfo, ModelInfo
from zoo_robust.attacks.pgd import Pgd

TWO = DataInfo("data/two", "test", "image", ("a", "b"))


class Linear(nn.Module):
    """Two classes: logits (0, w·x - 0.5)."""

    def score(self, images):
        return torch.stack([torch.zeros(len(images)), images.flatten(1).sum(1) - 0.5], dim=1)

    def forward(self, images):
        return self.score(images)


class Noisy(Linear):
    """The same with noise drawn from the seeds that it is given."""

    random = True

    def forward(self, images, seeds):
        noise = [torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return self.score(images * (1 + 0.3 * torch.stack(noise)))


class Rounded(Linear):
    """The same of images rounded to four levels, which leaves no gradient."""

    def forward(self, images):
        return self.score((images * 3).round() / 3)

    def bpda(self, images):
        return self.score(images)


def images(count=3, seed=0):
    return torch.rand((count, 1, 2, 2), generator=torch.Generator().manual_seed(seed))


def gradient(victim, inputs):
    inputs = inputs.clone().requires_grad_()
    logits = victim(inputs)
    (found,) = torch.autograd.grad(logits[:, 1].sum(), inputs)
    return logits.detach(), found


def test_a_random_victim_is_seen_averaged_over_draws():
    logits, found = gradient(Victim(Noisy(), "noisy", 2, None, eot=4000), images(1))
    exact, expected = gradient(Victim(Linear(), "linear", 2, None), images(1))
    assert torch.allclose(logits, exact, atol=0.05) and torch.allclose(found, expected, atol=0.03)
    one, _ = gradient(Victim(Noisy(), "noisy", 2, None, eot=1), images(1))
    assert not torch.allclose(one, exact, atol=1e-3)


def test_its_draws_are_each_input_s_own_whoever_else_is_there_and_whenever_it_is_asked():
    victim, batch = Victim(Noisy(), "noisy", 2, None), images(5)
    assert victim.draws == DRAWS
    together, alone = victim(batch), torch.cat([victim(one[None]) for one in batch.flip(0)]).flip(0)
    assert torch.allclose(together, alone, atol=1e-6)
    assert len(set(together[:, 1].tolist())) == 5


def test_what_is_judged_is_one_draw_from_the_sample_s_own_seed():
    victim, batch = Victim(Noisy(), "noisy", 2, None), images(2)
    judged = victim.verified(batch, ["a", "b"], [7, 8])
    assert torch.equal(judged, Noisy()(batch, [7, 8])) and not torch.equal(judged, victim.verified(batch, ["a", "b"], [8, 7]))


def test_every_draw_is_counted():
    batch = Batch(["a", "b"], torch.full((2, 1, 2, 2), 0.9), [1, 1], [1, 2])
    found = attack_batch(Pgd(steps=3), "pgd", Victim(Noisy(), "noisy", 2, None, eot=5), batch, Threat("linf", 0.01))
    assert found.forwards.tolist() == found.gradients.tolist() == [15, 15]


def test_values_are_those_of_the_call_and_gradients_those_of_the_substitute():
    logits, found = gradient(Victim(Rounded(), "rounded", 2, None), images())
    assert torch.equal(logits, Rounded()(images())) and torch.equal(found, torch.ones_like(found))
    _, none = gradient(Victim(Rounded(), "rounded", 2, None, bpda=False), images())
    assert not none.any()


def test_a_defence_that_only_hides_gradients_is_gone_under_its_substitute():
    class Steep(Rounded):
        def score(self, images):
            return 10 * super().score(images)

    batch = Batch([f"s{i}" for i in range(20)], 0.3 + 0.1 * images(20), [1] * 20, range(20))

    def left(bpda):
        found = attack_batch(Pgd(steps=20), "pgd", Victim(Steep(), "steep", 2, None, bpda=bpda), batch, Threat("linf", 0.4))
        return (found.adversarial[:, 1] > found.adversarial[:, 0]).sum().item(), found.masked.sum().item()

    followed, ignored = left(True), left(False)
    assert followed == (0, 0) and ignored[0] > 10 and ignored[1] == ignored[0]


@pytest.mark.parametrize(
    ("substitute", "says"),
    [
        (lambda x: Rounded()(x.detach()), "gives no gradients"),
        (lambda x: x.sum(1), r"gives \[3, 2, 2\] where logits of shape \[3, 2\]"),
        (lambda x: None, "gives nothing"),
    ],
)
def test_a_substitute_that_is_none_is_a_clear_error(substitute, says):
    model = Rounded()
    model.bpda = substitute
    with pytest.raises(ModelError, match=f"bpda of rounded {says}"):
        gradient(Victim(model, "rounded", 2, None), images())


def test_normalisation_passes_on_what_a_classifier_declares():
    assert Normalised(Noisy(), (0.5,), (1.0,)).random and not Normalised(Linear(), (0.5,), (1.0,)).random
    assert not hasattr(Normalised(Linear(), (0.5,), (1.0,)), "bpda")
    _, found = gradient(Victim(Normalised(Rounded(), (0.5,), (0.5,)), "rounded", 2, None), images())
    assert torch.equal(found, torch.full_like(found, 2.0))
    _, noisy = gradient(Victim(Normalised(Noisy(), (0.5,), (0.5,)), "noisy", 2, None), images())
    assert noisy.any()


def attacked(model, **protocol):
    """What is heard while two images are attacked."""
    task = Attack(ModelInfo("mine", "image", None), TWO, protocol, {"victim": ModelInfo("v", "image", ("a", "b"))})

    def still(victim, inputs, labels, threat, seeds):
        victim(inputs)
        return Attacked(inputs, [1] * len(inputs), [0] * len(inputs))

    with hearing(None) as heard, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task.bind({"victim": model})
        task.predict(still, Batch(["a", "b"], torch.full((2, 1, 2, 2), 0.9), [1, 1], [1, 2]))
    return " ".join(heard)


def test_a_run_says_what_a_victim_declares():
    assert "random: attacks see its logits and gradients averaged over 7 draws" in attacked(Noisy(), eot=7)
    assert "gradients go through the differentiable substitute" in attacked(Rounded())
    assert "is not used: what gradient attacks leave standing says little" in attacked(Rounded(), bpda=False)
    assert attacked(Linear()) == ""


def test_a_substitute_that_a_wrapper_does_not_hand_on_is_told_of():
    assert "a part of v declares a step without useful gradients, and v does not hand on" in attacked(nn.Sequential(Rounded()))
    assert "hand on" not in attacked(Normalised(Rounded(), (0.5,), (1.0,)))


def test_a_victim_that_does_not_say_that_it_is_random_is_found_out_and_the_attack_is_not_blamed():
    class Secret(Linear):
        def forward(self, images):
            return self.score(images * (1 + 0.3 * torch.randn_like(images)))

    heard = attacked(Secret(), eot=6)
    assert "v answers the same question in two ways, so attacks see it averaged over 6 draws" in heard
    assert "mine draws random numbers" not in heard


def test_a_random_classifier_is_scored_from_its_seeds_and_the_same_in_any_batch(tmp_path):
    class Digits(nn.Module):
        random = True

        def __init__(self):
            super().__init__()
            self.network = zoo.load("intro/mlp@digits")

        def forward(self, images, seeds):
            noise = [torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed)) for seed in seeds]
            return self.network(images + 0.2 * torch.stack(noise))

    settings = {"classes": "dataset", "limit": 100, "fresh": True}
    first, second = (zoo.evaluate(Digits(), "digits", batch_size=size, **settings) for size in (100, 7))
    assert first.primary.value == second.primary.value and not first.guard.note
    record = zoo.evaluate("robust/fgsm", "digits", aux={"victim": Digits()}, protocol={"eps": 0.05, "eot": 3}, **settings)
    scores = {result.metric: result.value for result in record.results}
    assert scores["clean-accuracy"] == first.primary.value > scores["robust-accuracy"]
    assert scores["gradients"] == 3 and any("averaged over 3 draws" in said for said in record.remarks)
