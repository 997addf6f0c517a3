"""RNN, LSTM and GRU from their equations, a step at a time. Parameters are called as in `nn.RNN`, `nn.LSTM` and `nn.GRU`.

So each loads the other's weights. Notation: x input [b, inputs], h state [b, hidden], σ the logistic function, ⊙ elementwise;
a = W_i x + b_i and c = W_h h + b_h are what input and state contribute, cut into one part a gate.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a cell carries from step to step: (h,), of the LSTM (h, c), each [b, hidden]."""


def rnn_step(a: Tensor, c: Tensor, state: State) -> State:
    """h' = tanh(a + c). Source: Elman 1990, Finding structure in time, doi:10.1207/s15516709cog1402_1."""
    return ((a + c).tanh(),)


def lstm_step(a: Tensor, c: Tensor, state: State) -> State:
    """Gates i, f, o = σ(aₖ + cₖ), candidate g = tanh(a_g + c_g); memory m' = f ⊙ m + i ⊙ g, state h' = o ⊙ tanh(m').

    Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; f is of Gers, Schmidhuber & Cummins 2000.
    """
    i, f, g, o = (a + c).chunk(4, dim=1)
    memory = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * memory.tanh(), memory


def gru_step(a: Tensor, c: Tensor, state: State) -> State:
    """Gates r, z = σ(aₖ + cₖ), candidate n = tanh(a_n + r ⊙ c_n); h' = (1 - z) ⊙ n + z ⊙ h.

    Source: Cho et al. 2014, arXiv:1406.1078, where r gates h before W_h; after it, as here, in cuDNN's and PyTorch's form.
    """
    (a_r, a_z, a_n), (c_r, c_z, c_n) = a.chunk(3, dim=1), c.chunk(3, dim=1)
    z = (a_z + c_z).sigmoid()
    n = (a_n + (a_r + c_r).sigmoid() * c_n).tanh()
    return ((1 - z) * n + z * state[0],)


Kind = Literal["rnn", "lstm", "gru"]
STEPS: dict[Kind, tuple[Callable[[Tensor, Tensor, State], State], int, int]] = {
    "rnn": (rnn_step, 1, 1),
    "lstm": (lstm_step, 4, 2),
    "gru": (gru_step, 3, 1),
}
"""Kind to the step, how many parts its weights have, and how many tensors its state."""


class Recurrent(nn.Module):
    """Layers of one cell, each reading the states of the one below, forwards or in both directions; the batch comes first."""

    def __init__(self, kind: Kind, inputs: int, hidden: int, layers: int = 1, bidirectional: bool = False) -> None:
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.step, parts, self.parts_of_state = STEPS[kind]
        self.directions = ("", "_reverse") if bidirectional else ("",)
        bound = 1 / math.sqrt(hidden)
        for layer in range(layers):
            below = inputs if layer == 0 else hidden * len(self.directions)
            for direction in self.directions:
                wide = parts * hidden
                sizes = {"weight_ih": (wide, below), "weight_hh": (wide, hidden), "bias_ih": (wide,), "bias_hh": (wide,)}
                for name, size in sizes.items():
                    values = torch.empty(size).uniform_(-bound, bound)
                    self.register_parameter(f"{name}_l{layer}{direction}", nn.Parameter(values))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """States of the last layer [b, t, directions · hidden] of inputs [b, t, inputs], and the state at the end.

        A state's tensors are [layers · directions, b, hidden], as PyTorch's; None is zero.
        """
        rows = self.layers * len(self.directions)
        if state is None:
            state = tuple(x.new_zeros(rows, len(x), self.hidden) for _ in range(self.parts_of_state))
        ends: list[State] = []
        for layer in range(self.layers):
            read = []
            for direction in self.directions:
                row = len(ends)
                outputs, end = self._read(x, tuple(part[row] for part in state), f"_l{layer}{direction}", bool(direction))
                read.append(outputs)
                ends.append(end)
            x = torch.cat(read, dim=2)
        return x, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))

    def _read(self, x: Tensor, state: State, suffix: str, backwards: bool) -> tuple[Tensor, State]:
        """One layer in one direction: h at every step [b, t, hidden], and the state after the last that is read."""
        wi, wh, bi, bh = (getattr(self, name + suffix) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        contributed = x @ wi.T + bi  # of all inputs at once: only the state has to wait for the step before
        outputs = []
        for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
            state = self.step(contributed[:, t], state[0] @ wh.T + bh, state)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if backwards else outputs, dim=1), state
