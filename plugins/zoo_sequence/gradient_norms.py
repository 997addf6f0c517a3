"""How far back a recurrent network can learn: the gradient of its loss with respect to the input t steps before.

Back-propagation through time multiplies by one Jacobian a step, so the norm falls or grows about exponentially with t.
Source: Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is difficult,
doi:10.1109/72.279181; Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, arXiv:1211.5063.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.errors import DataError, OptionError
from zoo.lazy import load_target
from zoo_sequence.char_rnn import CharRNN

MODELS = ("sequence/char-rnn", "sequence/char-gru", "sequence/char-lstm")
DATASET = "data/tiny-shakespeare"
Norms = dict[str, np.ndarray[Any, np.dtype[np.float64]]]


def measured(names: Sequence[str], back: int, count: int, *, trained: bool = True, seed: int = 0, gain: float = 1.0) -> Norms:
    """Network, and whether it is trained, to the mean norms float64 [back + 1], entry t for the input t steps back.

    The mean is over `count` places of the test split of tiny Shakespeare. Every network is measured with fresh parameters,
    as `untrained` makes them, and, if `trained`, with its shipped weights. Raises OptionError where one is none that this can
    be asked of, or its gradients overflow.
    """
    texts = places(back, count)
    found: Norms = {}
    for name in names:
        short = zoo.registry().tagged_model(name)[0].name.rpartition("/")[2]
        found[f"{short}, untrained"] = gradient_norms(untrained(name, seed, gain), texts).mean(0)
        if trained:
            found[f"{short}, trained"] = gradient_norms(checked(zoo.load(name, task="generate"), name), texts).mean(0)
    for name, norms in found.items():
        if not np.isfinite(norms).all():
            raise OptionError(f"the gradient of {name} is beyond all numbers within {back} steps", "take a smaller gain")
    return found


def gradient_norms(model: CharRNN, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """‖∂L/∂x_{T-t}‖₂ float64 [texts, T], t = 0 ... T - 1, of texts of T + 1 characters each.

    L is -log p of the last character in nats, x_{T-t} the vector of the character t places before the one that foresees it.
    """
    model = model.double().eval()
    codes = torch.tensor([model.encode(text) for text in texts])
    x = model.tokens(codes[:, :-1]).detach().requires_grad_()
    states, _ = model.cell(x)
    loss = F.cross_entropy(model.output(states[:, -1]), codes[:, -1], reduction="sum")  # a text's gradient is its own
    (gradient,) = torch.autograd.grad(loss, x)
    norms: np.ndarray[Any, np.dtype[np.float64]] = gradient.norm(dim=2).flip(1).numpy()
    return norms


def untrained(name: str, seed: int, gain: float = 1.0) -> CharRNN:
    """A network of this name with fresh parameters, which the seed determines; those that read the state are times `gain`."""
    spec, _ = zoo.registry().tagged_model(name)
    if "generate" not in spec.tasks:
        raise OptionError(f"{spec.name} is no language model", f"name some of: {', '.join(MODELS)}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = checked(load_target(spec.tasks["generate"])(**spec.config), name)
    with torch.no_grad():
        for parameter in (value for key, value in model.cell.named_parameters() if key.startswith("weight_hh")):
            parameter.mul_(gain)
    return model


def checked(model: Any, name: str) -> CharRNN:
    """The model, if it is a recurrent network of characters. Raises OptionError."""
    if not isinstance(model, CharRNN):
        raise OptionError(f"{name} is no recurrent network of characters", f"name some of: {', '.join(MODELS)}")
    return model


def places(back: int, count: int) -> list[str]:
    """`count` pieces of back + 2 characters, evenly spread over the test split. Raises DataError where there are not so many."""
    spans = [sample.input for sample in zoo.dataset(DATASET)]
    texts = [(span.context + span.text)[-(back + 2) :] for span in spans if len(span.context + span.text) >= back + 2]
    if len(texts) < count:
        raise DataError(
            f"{DATASET} has {len(texts)} places with {back + 2} characters, not {count}", "ask for fewer places, or fewer steps"
        )
    return texts[:: len(texts) // count][:count]
