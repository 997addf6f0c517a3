"""How far back gradients reach: the measure is the gradient, and the command prints and draws it."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from zoo.errors import OptionError
from zoo_sequence.char_rnn import CharRNN
from zoo_sequence.commands import gradient_norms as command
from zoo_sequence.gradient_norms import gradient_norms, measured, untrained

TEXTS = ["abcdabcda", "ddddddddd", "abababcba"]


@pytest.fixture(params=["rnn", "gru", "lstm"])
def model(request):
    torch.manual_seed(0)
    return CharRNN(request.param, hidden=6, layers=2, width=4, alphabet="abcd").double()


def test_the_norms_are_those_of_central_differences(model):
    found = gradient_norms(model, TEXTS)
    assert found.shape == (3, 8)
    codes = torch.tensor([model.encode(text) for text in TEXTS])
    x = model.tokens(codes[:, :-1]).detach()

    def losses(inputs):
        with torch.no_grad():
            return -model.output(model.cell(inputs)[0][:, -1]).log_softmax(-1).gather(1, codes[:, -1:])[:, 0]

    for back in range(8):
        gradient = torch.zeros(3, 4, dtype=torch.float64)
        for part in range(4):
            step = torch.zeros_like(x)
            step[:, 7 - back, part] = 1e-6
            gradient[:, part] = (losses(x + step) - losses(x - step)) / 2e-6
        np.testing.assert_allclose(found[:, back], gradient.norm(dim=1), atol=1e-8)


def test_a_network_without_memory_has_no_gradient_from_before(model):
    with torch.no_grad():
        for name, parameter in model.cell.named_parameters():
            if name.startswith("weight_hh"):
                parameter.zero_()
    found = gradient_norms(model, TEXTS)
    assert (found[:, 0] > 0).all()
    if isinstance(model.cell, torch.nn.RNN):
        assert (found[:, 1:] == 0).all()  # a gated cell also remembers by its gates


def test_it_falls_by_the_same_factor_a_step_in_a_linear_network():
    """With small states tanh is linear: after W = 0.5 I, each step back halves the gradient."""
    model = CharRNN("rnn", hidden=4, layers=1, width=4, alphabet="abcd").double()
    with torch.no_grad():
        for parameter in model.cell.parameters():
            parameter.zero_()
        model.cell.weight_ih_l0.copy_(1e-4 * torch.eye(4))
        model.cell.weight_hh_l0.copy_(0.5 * torch.eye(4))
    norms = gradient_norms(model, ["abcdabcd"])[0]
    np.testing.assert_allclose(norms[1:] / norms[:-1], 0.5, rtol=1e-3)


def test_fresh_parameters_hang_on_the_seed_alone():
    torch.manual_seed(5)
    first = untrained("sequence/char-gru", 1).state_dict()
    torch.manual_seed(6)
    again, other = untrained("char-gru", 1).state_dict(), untrained("char-gru", 2).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["tokens.weight"], other["tokens.weight"])


def test_models_that_are_no_recurrent_network_of_characters_are_refused():
    for name in ("sequence/gru", "generative/char-gpt"):
        with pytest.raises(OptionError, match=f"{name} is no"):
            untrained(name, 0)


def test_gradients_vanish_in_fresh_networks_of_every_kind(real_data):
    found = measured(["char-rnn", "char-gru", "char-lstm"], 40, 8, trained=False)
    assert list(found) == [f"char-{kind}, untrained" for kind in ("rnn", "gru", "lstm")]
    for norms in found.values():
        assert norms[40] < 1e-3 * norms[0]


def test_gradients_explode_where_the_recurrent_weights_are_large(real_data):
    found = {gain: measured(["char-rnn"], 40, 8, trained=False, gain=gain)["char-rnn, untrained"] for gain in (1.0, 4.0)}
    assert found[4.0][40] > 10 * found[4.0][0]
    assert found[1.0][40] < 1e-3 * found[1.0][0]


@pytest.mark.parametrize("gain", [float("nan"), float("inf"), 1e300])
def test_gradients_beyond_all_numbers_are_refused(real_data, gain):
    with pytest.raises(OptionError, match="beyond all numbers within 20 steps"):
        measured(["char-rnn"], 20, 2, trained=False, gain=gain)


def test_the_command_prints_a_table_and_saves_a_picture(real_data, tmp_path):
    picture = tmp_path / "norms.svg"
    options = ["char-rnn", "--untrained", "--back", "12", "--places", "4", "--output", str(picture)]
    ran = CliRunner().invoke(command, options)
    assert ran.exit_code == 0, ran.output
    assert [line.split()[0] for line in ran.output.splitlines()[1:-1]] == ["0", "1", "2", "5", "10"]
    assert "norms.svg" in ran.output
    assert "char-rnn, untrained" in "".join(ElementTree.fromstring(picture.read_text()).itertext())

    told = json.loads(CliRunner().invoke(command, [*options, "--json"]).output)
    assert len(told["norms"]["char-rnn, untrained"]) == 13
