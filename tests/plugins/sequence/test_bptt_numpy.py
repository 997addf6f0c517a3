"""Back-propagation through time by hand: equal to autograd, whole and truncated, and to differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812

from zoo_sequence.bptt_numpy import RNN, cross_entropy


def task(steps, n, inputs, hidden, outputs, seed=0):
    """A network with inputs, labels and a state to start from."""
    rng = np.random.default_rng(seed)
    x, start = rng.normal(size=(steps, n, inputs)), rng.normal(size=(n, hidden))
    return RNN(inputs, hidden, outputs, seed), x, rng.integers(0, outputs, (steps, n)), start


def by_hand(rnn, x, labels, start, k=None):
    """Loss, and every gradient by name."""
    loss, d_y = cross_entropy(rnn.forward(x, start), labels)
    d_x, d_start = rnn.backward(d_y, k)
    return loss, {**rnn.gradients, "x": d_x, "start": d_start}


def by_autograd(rnn, x, labels, start, k=None):
    """The same by PyTorch's own network, its state detached every k steps."""
    names = {"weight_ih": "weight_ih_l0", "weight_hh": "weight_hh_l0", "bias_ih": "bias_ih_l0", "bias_hh": "bias_hh_l0"}
    cell, output = (
        nn.RNN(x.shape[2], start.shape[1]).double(),
        nn.Linear(start.shape[1], len(rnn.parameters["bias_out"])).double(),
    )
    cell.load_state_dict({theirs: torch.from_numpy(rnn.parameters[own]) for own, theirs in names.items()})
    output.load_state_dict({name: torch.from_numpy(rnn.parameters[f"{name}_out"]) for name in ("weight", "bias")})
    inputs, first = torch.from_numpy(x).requires_grad_(), torch.from_numpy(start)[None].requires_grad_()
    state, read = first, []
    for begin in range(0, len(x), k or len(x)):
        outputs, state = cell(inputs[begin : begin + (k or len(x))], state if begin == 0 else state.detach())
        read.append(output(outputs))
    loss = F.cross_entropy(torch.cat(read).flatten(0, 1), torch.from_numpy(labels).flatten())
    loss.backward()
    found = {own: getattr(cell, theirs).grad for own, theirs in names.items()}
    found |= {"weight_out": output.weight.grad, "bias_out": output.bias.grad, "x": inputs.grad, "start": first.grad[0]}
    return loss.item(), {name: gradient.numpy() for name, gradient in found.items()}


def assert_equal(one, other, tolerance=1e-10):
    assert one[0] == pytest.approx(other[0], abs=tolerance)
    assert one[1].keys() == other[1].keys()
    for name in one[1]:
        np.testing.assert_allclose(one[1][name], other[1][name], rtol=0, atol=tolerance, err_msg=name)


@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 5), st.integers(1, 8), st.integers(2, 6), st.integers(0, 99))
@settings(max_examples=40)
def test_loss_and_every_gradient_agree_with_autograd(steps, n, inputs, hidden, outputs, seed):
    given_task = task(steps, n, inputs, hidden, outputs, seed)
    assert_equal(by_hand(*given_task), by_autograd(*given_task))


@pytest.mark.parametrize("k", [1, 2, 3, 5, 11, 12])
def test_truncated_gradients_are_those_of_a_state_detached_every_k_steps(k):
    given_task = task(12, 3, 4, 6, 5)
    assert_equal(by_hand(*given_task, k), by_autograd(*given_task, k))


def test_with_k_of_the_length_or_more_nothing_is_truncated_and_with_less_something_is():
    given_task = task(12, 3, 4, 6, 5)
    whole = by_hand(*given_task)
    for k in (12, 13, 1000):
        assert_equal(by_hand(*given_task, k), whole, 0)
    for k in (1, 4, 11):
        assert np.abs(by_hand(*given_task, k)[1]["weight_hh"] - whole[1]["weight_hh"]).max() > 1e-6


def test_gradients_agree_with_central_differences():
    rnn, x, labels, start = task(6, 2, 3, 4, 3)
    _, gradients = by_hand(rnn, x, labels, start)
    for name, value in rnn.parameters.items():
        for index in np.ndindex(value.shape):
            kept, losses = value[index], []
            for moved in (kept + 1e-5, kept - 1e-5):
                value[index] = moved
                losses.append(cross_entropy(rnn.forward(x, start), labels)[0])
            value[index] = kept
            assert gradients[name][index] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-8), (name, index)


def test_parameters_of_other_names_or_shapes_are_refused():
    rnn = RNN(3, 4, 2)
    rnn.load(RNN(3, 4, 2, seed=1).parameters)
    with pytest.raises(ValueError, match=r"weight_ih has shape \(4, 5\), not \(4, 3\)"):
        rnn.load(RNN(5, 4, 2).parameters)
    with pytest.raises(ValueError, match="expected weight_ih"):
        rnn.load({"weight": np.zeros(3)})


def test_huge_outputs_have_a_finite_loss():
    loss, gradient = cross_entropy(np.array([[[1e4, 0.0]], [[0.0, 1e4]]]), np.array([[0], [0]]))
    assert loss == pytest.approx(5e3)
    assert np.isfinite(gradient).all()
