"""Signs that a victim cannot be attacked like another: each is raised for a victim that has it, and for no other."""

import warnings

import pytest
import torch
from torch import nn

import zoo
from zoo.tasks.attack.contract import Victim
from zoo.tasks.attack.flags import look_over


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 3)

    def forward(self, images):
        return self.linear(images.flatten(1))


class Dropping(Plain):
    def forward(self, images):
        return nn.functional.dropout(super().forward(images), 0.2, training=True)


class Jittered(Plain):
    """Logits that differ by noise too small for another class."""

    def forward(self, images):
        logits = super().forward(images)
        return logits * (1 + 0.01 * torch.randn_like(logits))


class Softmax(Plain):
    def forward(self, images):
        return super().forward(images).softmax(1)


class Purified(Plain):
    """Takes a step of its own on the image before it answers, as test-time defences do."""

    def forward(self, images):
        with torch.enable_grad():
            own = images.detach().requires_grad_()
            (slope,) = torch.autograd.grad(super().forward(own).logsumexp(1).sum(), own)
        return super().forward(images - 0.01 * slope)


class Descending(Plain):
    """The same by an optimiser of torch's."""

    def forward(self, images):
        with torch.enable_grad():
            own = images.detach().clone().requires_grad_()
            optimizer = torch.optim.SGD([own], lr=0.01)
            super().forward(own).logsumexp(1).sum().backward()
            optimizer.step()
        return super().forward(own.detach())


def flags(model, outputs=3, columns=None):
    torch.manual_seed(0)
    victim = Victim(model(), "victim", outputs, columns)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for _ in range(2):
            look_over(victim, torch.rand(10, 1, 4, 4))
    return [str(warning.message) for warning in heard]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Dropping, "answers the same input otherwise each time"),
        (Jittered, "answers the same input otherwise each time"),
        (Purified, "takes gradients of its own in its forward pass"),
        (Descending, "takes gradients of its own in its forward pass"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_sign_is_told_once_a_victim(model, says):
    (told,) = flags(model)
    assert told.startswith("victim ") and says in told


def test_a_plain_victim_has_none():
    assert flags(Plain) == []


def test_flags_are_in_the_record_and_cost_the_attack_nothing():
    class Purified(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = zoo.load("intro/mlp@digits")

        def forward(self, images):
            with torch.enable_grad():
                own = images.detach().requires_grad_()
                torch.autograd.grad(self.net(own).sum(), own)
            return self.net(images)

    with pytest.warns(UserWarning, match="takes gradients of its own"):
        record = zoo.evaluate("robust/fgsm", "digits", aux={"victim": Purified().eval()}, classes="dataset", limit=30)
    assert sum("takes gradients of its own" in fact for fact in record.remarks) == 1
    counts = {result.metric: result.value for result in record.results}
    assert counts["forwards"] == counts["gradients"] == 1
