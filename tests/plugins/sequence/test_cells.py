"""The cells from their equations are PyTorch's: outputs, states and gradients, with each other's weights."""

import pytest
import torch
from torch import nn

import zoo
from zoo_sequence.cells import Recurrent
from zoo_sequence.word_vectors import word_vectors

LIBRARY = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
SHAPES = [(5, 7, 1, False), (3, 4, 3, False), (6, 5, 1, True), (4, 6, 2, True)]


def pair(kind, shape, dtype):
    inputs, hidden, layers, bidirectional = shape
    library = LIBRARY[kind](inputs, hidden, layers, bidirectional=bidirectional, batch_first=True).to(dtype)
    own = Recurrent(kind, inputs, hidden, layers, bidirectional).to(dtype)
    own.load_state_dict(library.state_dict(), strict=True)
    return own, library


def read(network, x, state):
    """Outputs and the state at the end, which PyTorch gives as a tensor where it is one."""
    outputs, end = network(x, state)
    return outputs, end if isinstance(end, tuple) else (end,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", LIBRARY)
def test_outputs_states_and_gradients_are_those_of_pytorch(kind, shape, dtype):
    torch.manual_seed(0)
    own, library = pair(kind, shape, dtype)
    x = torch.randn(4, 11, shape[0], dtype=dtype)
    start = tuple(torch.randn(shape[2] * (1 + shape[3]), 4, shape[1], dtype=dtype) for _ in range(1 + (kind == "lstm")))
    weight = torch.randn(4, 11, shape[1] * (1 + shape[3]), dtype=dtype) / 100
    found = []
    for network, state in ((own, start), (library, start if kind == "lstm" else start[0])):
        inputs = x.clone().requires_grad_()
        outputs, end = read(network, inputs, state)
        ((outputs * weight).sum() + sum(part.square().mean() for part in end)).backward()
        found.append([outputs, *end, inputs.grad, *(p.grad for _, p in sorted(network.named_parameters()))])
    tolerance = 1e-6 if dtype == torch.float32 else 1e-13
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=0)


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_state_that_is_not_given_is_zero(kind):
    own, library = pair(kind, (5, 7, 2, True), torch.float64)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(own(x)[0], library(x)[0], atol=1e-13, rtol=0)


@pytest.mark.parametrize("kind", LIBRARY)
def test_pytorch_loads_the_weights_of_a_cell_and_draws_the_same_fresh_ones(kind):
    torch.manual_seed(3)
    own = Recurrent(kind, 5, 7, 2, True)
    torch.manual_seed(3)
    library = LIBRARY[kind](5, 7, 2, bidirectional=True, batch_first=True)
    for name, value in library.state_dict().items():
        assert torch.equal(own.state_dict()[name], value), name
    library.load_state_dict(own.state_dict(), strict=True)


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_sequence_read_in_two_parts_ends_in_the_state_of_the_whole(kind):
    own, _ = pair(kind, (5, 7, 2, False), torch.float64)
    x = torch.randn(3, 9, 5, dtype=torch.float64)
    whole, end = own(x)
    first, state = own(x[:, :4])
    second, last = own(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-13, rtol=0)
    for one, other in zip(last, end, strict=True):
        torch.testing.assert_close(one, other, atol=1e-13, rtol=0)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_the_shipped_classifiers_read_a_text_alike_with_the_cells_from_the_equations(kind):
    model = zoo.load(f"sequence/{kind}@sms-spam")
    own = Recurrent(kind, 32, 32, bidirectional=True)
    own.load_state_dict(model.cell.state_dict(), strict=True)
    text = "You have won a prize! Call 09061701461 now to claim."
    with torch.inference_mode():
        vectors, _ = word_vectors(model.embedding, [text], model.most_words)
        logits = model.output(own(vectors[None])[0].amax(1))
        torch.testing.assert_close(logits, model([text]), atol=1e-5, rtol=0)
