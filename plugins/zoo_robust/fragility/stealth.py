"""The one-neuron stealth attack: a chosen answer to a trigger, planted into a network by altering a single neuron.

Let Φ(u) be what the last linear layer but one is given for an input u, c and R the centre of the Φ that the attacker knows and
the largest distance from it, z = (Φ(u) - c) / R, and z' that of the trigger, ‖z'‖ = δ. The neuron of that layer with the least
output weights becomes a(u) = g(κ (⟨z, z'⟩ - γ δ²) + off), 0 < γ < 1, and its only output weight goes to the chosen answer. Where
g is ReLU and off = 0, it is silent wherever ⟨z, z'⟩ ≤ γ δ², and 1 at the trigger.

If z' is uniform on the sphere of radius δ in ℝⁿ, and the z of all M validation samples, of which the attacker saw none, lie in
the unit ball, then the neuron is silent on all of them with probability at least 1 - M · ½ I_{1-φ²}((n-1)/2, ½), φ = γ δ. In few
dimensions that says nothing, so n must be stated with it.

Source: Tyukin, Higham, Bastounis, Woldegeorgis & Gorban 2021, The feasibility and inevitability of stealth attacks,
arXiv:2106.13997, theorem 1 (its α is 0 here, as z' is the trigger's own) and its one-neuron attack; Tyukin, Higham & Gorban 2020,
On adversarial examples and stealth attacks in artificial intelligence systems, arXiv:2004.04479.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError, OptionError
from zoo_robust.fragility.layers import Call, recorded


class Activation(NamedTuple):
    """An activation that is silent below a threshold: from `off` down it is 0, or so near to 0 that float32 hardly tells; `on` is
    where it is put at the trigger."""

    function: Callable[[Tensor], Tensor]
    off: float
    on: float


ACTIVATIONS = {
    "ReLU": Activation(F.relu, 0.0, 1.0),
    "GELU": Activation(F.gelu, -6.0, 1.0),
    "GELU (tanh)": Activation(lambda x: F.gelu(x, approximate="tanh"), -6.0, 1.0),
    "SiLU": Activation(F.silu, -25.0, 1.0),
    "sigmoid": Activation(torch.sigmoid, -20.0, 5.0),
}


class Neuron(NamedTuple):
    """One neuron: its weights [n], its bias [], and the weights of its output [C]."""

    weight: Tensor
    bias: Tensor
    output: Tensor


@dataclass(frozen=True)
class Site:
    """Where a network can be altered: its last two linear layers by name, what stands between them, and the neuron."""

    hidden: str
    output: str
    activation: str
    neuron: int

    def answers(self, network: nn.Module, latents: Tensor) -> Tensor:
        """Outputs [b, C] of the network for what the hidden layer is given, [b, n]."""
        hidden, output = self._layers(network)
        with torch.no_grad():
            answers: Tensor = output(ACTIVATIONS[self.activation].function(hidden(latents)))
        return answers

    def read(self, network: nn.Module) -> Neuron:
        """The neuron as it is."""
        hidden, output = self._layers(network)
        return Neuron(hidden.weight[self.neuron].clone(), hidden.bias[self.neuron].clone(), output.weight[:, self.neuron].clone())

    def write(self, network: nn.Module, neuron: Neuron) -> None:
        """Alter the network, in place."""
        hidden, output = self._layers(network)
        with torch.no_grad():
            hidden.weight[self.neuron], hidden.bias[self.neuron] = neuron.weight, neuron.bias
            output.weight[:, self.neuron] = neuron.output

    @contextmanager
    def altered(self, network: nn.Module, neuron: Neuron) -> Iterator[None]:
        """The network with another neuron within the block, and as it was after it."""
        before = self.read(network)
        self.write(network, neuron)
        try:
            yield
        finally:
            self.write(network, before)

    def _layers(self, network: nn.Module) -> tuple[Any, Any]:
        return network.get_submodule(self.hidden), network.get_submodule(self.output)


@dataclass(frozen=True)
class Spread:
    """What the attacker knows of Φ: centre float64 [n], and the largest distance from it."""

    centre: Tensor
    radius: float

    @classmethod
    def of(cls, latents: Tensor) -> "Spread":
        """That of known samples, [m, n]. Raises ModelError where they are all the same."""
        known = latents.double()
        centre = known.mean(0)
        radius = float((known - centre).norm(dim=1).max())
        if not radius > 1e-6 * float(known.norm(dim=1).max()):
            raise ModelError(
                "the layer before the last is given the same for every sample, so nothing tells a trigger from others",
                "name a network whose features are not constant",
            )
        return cls(centre, radius)

    def scaled(self, latents: Tensor) -> Tensor:
        """z, float64: the known ones lie in the unit ball."""
        return (latents.double() - self.centre) / self.radius


def find_site(network: Any, inputs: Tensor, name: str) -> Site:
    """Where to alter a network, found by watching what it does with a few inputs, of which there should be several.

    Raises ModelError, which names the layers, where it does not end in linear layer, activation, linear layer.
    """
    with recorded(network, name) as calls, torch.no_grad():
        outputs = network(inputs)
    linear = [call for call in calls if isinstance(call.module, nn.Linear) and call.input.ndim == 2]
    if len(linear) < 2:
        found = f"the only linear layer of {name} is {linear[0].name}" if linear else f"{name} has no linear layer"
        raise ModelError(
            f"{found}, so no neuron stands before the last one", "a stealth attack needs two linear layers at the end"
        )
    hidden, output = linear[-2:]
    if output.output.shape != outputs.shape or not torch.allclose(output.output, outputs, rtol=1e-4, atol=1e-5):
        raise ModelError(
            f"{name} does not end in its last linear layer, {output.name}", "what comes after it could undo what is planted"
        )
    _check_own(hidden, output, calls, name)
    between = next(
        (
            known
            for known, activation in ACTIVATIONS.items()
            if hidden.output.shape == output.input.shape
            and torch.allclose(activation.function(hidden.output), output.input, rtol=1e-4, atol=1e-5)
        ),
        None,
    )
    if between is None:
        raise ModelError(
            f"between {hidden.name} and {output.name} of {name} stands none of: {', '.join(ACTIVATIONS)}",
            "one neuron can be silent by those alone: tanh, say, is -1 where it does not fire",
        )
    weight: Any = output.module.weight
    least = int(weight.norm(dim=0).argmin())
    return Site(hidden.name, output.name, between, least)


def _check_own(hidden: Call, output: Call, calls: list[Call], name: str) -> None:
    for call in (hidden, output):
        if sum(other.module is call.module for other in calls) > 1 or "weight" not in call.module._parameters:
            raise ModelError(
                f"layer {call.name} of {name} is used more than once, or its weight is made of others",
                "altering one neuron of it would alter more than that",
            )
    if hidden.module.bias is None:
        raise ModelError(f"layer {hidden.name} of {name} has no bias, so its neuron can have no threshold")


def planted(network: nn.Module, site: Site, trigger: Tensor, spread: Spread, answer: int, gamma: float, lead: float) -> Neuron:
    """The neuron that makes the network say `answer` to the trigger, whose Φ is `trigger` [n]; it leads all others by `lead`.

    Raises OptionError where γ is not in (0, 1), the network says so anyway, or the trigger lies at the centre of what is known.
    """
    if not 0 < gamma < 1 or not 0 < lead < float("inf"):
        raise OptionError(f"`gamma` {gamma:g} must lie between 0 and 1, and `lead` {lead:g} above 0", "0.9 and 10 do for most")
    if int(site.answers(network, trigger[None])[0].argmax()) == answer:
        raise OptionError("the network gives this answer to the trigger anyway", "plant another one")
    z = spread.scaled(trigger)
    square = float(z.square().sum())
    if square < 1e-12:
        raise OptionError(
            "the trigger lies at the centre of what the attacker knows: no direction leads to it", "take another one"
        )
    function, off, on = ACTIVATIONS[site.activation]
    steep = (on - off) / ((1 - gamma) * square)
    weight = steep * z / spread.radius
    bias = off - steep * gamma * square - weight @ spread.centre
    before = site.read(network)
    silent = Neuron(before.weight, before.bias, torch.zeros_like(before.output))
    with site.altered(network, silent):
        without = site.answers(network, trigger[None])[0].double()
    most = float(torch.cat([without[:answer], without[answer + 1 :]]).max())
    output = torch.zeros_like(before.output)
    output[answer] = (most - float(without[answer]) + lead) / float(function(torch.tensor(on)))
    return Neuron(weight.to(before.weight), bias.to(before.bias), output)


def untouched_bound(n: float, gamma: float, delta: float, samples: int) -> float:
    """The theorem's lower bound of the probability that none of M samples makes the neuron fire; 0 or less says nothing.

    n ≥ 1 dimensions, which may be fractional. Where φ = γδ is 1 or more, no point of the unit ball can make it fire.
    """
    from scipy.special import betainc

    phi = min(1.0, gamma * delta)
    if n <= 1:
        return 1.0 if phi >= 1 else 1 - samples / 2
    return 1 - samples * 0.5 * float(betainc((n - 1) / 2, 0.5, 1 - phi**2))
