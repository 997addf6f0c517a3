"""Truncated back-propagation through time: the state crosses the borders of chunks, the gradient does not."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.errors import DataError, OptionError
from zoo.training.plan import Asked, plan_training
from zoo_sequence.bptt_numpy import RNN, cross_entropy
from zoo_sequence.bptt_trainer import TruncatedLoop

CELLS = ("rnn", "gru", "lstm")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """One that takes a second: words in random order, 18,000 characters, three passages."""
    words = random.Random(0).choices(["to", "be", "or", "not", "that", "is", "the", "question"], k=4200)
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(" ".join(words), encoding="utf-8")
    whole = zoo.registry().recipe("sequence/char-rnn-tiny-shakespeare")
    where = {"benchmark": "", "dataset": f"text:{path}", "split": "test", "validation": 0.3}
    small = {"config": {"hidden": 12, "width": 8}, "epochs": 2, "batch_size": 4, "options": {"steps": 8, "length": 24, "k": 6}}
    return whole.model_copy(update=where | small)


@pytest.fixture(scope="module")
def loop(recipe):
    """Parts of the config and options to a loop of the recipe with these, on data that is opened once."""
    job = plan_training(zoo.registry(), recipe, Asked({}, "cpu"))

    def made(cell="rnn", layers=2, **options):
        config = {**recipe.config, "cell": cell, "layers": layers}
        return TruncatedLoop(replace(job, recipe=with_options(recipe, options).model_copy(update={"config": config})))

    return made


def with_options(recipe, options):
    return recipe.model_copy(update={"options": recipe.options | options})


def chunks(loop, count):
    """The losses of the next chunks of the same pieces, and the gradient of each, at parameters that stay."""
    generator = torch.Generator().manual_seed(0)
    if not hasattr(loop, "place"):
        loop.draw(generator)
    found = []
    for _ in range(count):
        loss = loop.batch_loss(torch.zeros(4), torch.zeros(4), generator)
        loop.model.zero_grad()
        loss.backward()
        found.append((loss.item(), {name: p.grad.clone() for name, p in loop.model.named_parameters()}))
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_the_chunks_of_a_piece_have_the_loss_of_the_whole_so_the_state_is_carried(loop, cell):
    running = loop(cell)
    losses = [loss for loss, _ in chunks(running, 4)]
    whole, _ = running.model.logits(running.pieces[:, :-1])
    expected = F.cross_entropy(whole.transpose(1, 2), running.pieces[:, 1:], reduction="none").view(4, 4, 6).mean((0, 2))
    assert losses == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize("k", [24, 25, 1000])
@pytest.mark.parametrize("cell", CELLS)
def test_with_k_of_the_length_or_more_it_is_full_back_propagation_through_time(loop, cell, k):
    running = loop(cell, k=k)
    ((loss, gradients),) = chunks(running, 1)
    running.model.zero_grad()
    whole = F.cross_entropy(running.model.logits(running.pieces[:, :-1])[0].flatten(0, 1), running.pieces[:, 1:].flatten())
    whole.backward()
    assert loss == pytest.approx(whole.item(), abs=1e-7)
    for name, parameter in running.model.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, atol=1e-7, rtol=0)


def test_a_chunks_gradient_is_that_by_hand_from_the_state_before_it(loop):
    running = loop(layers=1)
    (_, _), (_, gradients), (_, _) = chunks(running, 3)
    model = running.model.double()
    with torch.no_grad():
        x = model.tokens(running.pieces[:, :-1]).transpose(0, 1).numpy()
        rnn = RNN(8, 12, 65)
        rnn.load(
            {
                **{name: getattr(model.cell, f"{name}_l0").numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
                **{f"{name}_out": getattr(model.output, name).numpy() for name in ("weight", "bias")},
            }
        )
    rnn.forward(x[:6])
    start = rnn.h[-1]
    labels = running.pieces[:, 1:].T.numpy()[6:12]
    rnn.backward(cross_entropy(rnn.forward(x[6:12], start), labels)[1])
    np.testing.assert_allclose(gradients["cell.weight_hh_l0"], rnn.gradients["weight_hh"], atol=1e-6)
    np.testing.assert_allclose(gradients["output.weight"], rnn.gradients["weight_out"], atol=1e-6)


def test_after_its_last_chunk_new_pieces_begin_without_a_state(loop):
    running = loop()
    chunks(running, 4)
    before = running.pieces
    ((loss, _),) = chunks(running, 1)
    assert not torch.equal(before, running.pieces)
    begun, _ = running.model.logits(running.pieces[:, :6])
    assert loss == pytest.approx(F.cross_entropy(begun.flatten(0, 1), running.pieces[:, 1:7].flatten()).item(), abs=1e-6)


def test_pieces_are_of_the_training_text_and_begin_with_the_token_of_beginning(loop):
    running = loop()
    model = running.model
    pieces = running.draw_pieces(50, model.begin, torch.Generator().manual_seed(1))
    assert pieces.shape == (50, 25) and set(pieces[:, 0].tolist()) == {model.begin}
    texts = ["".join(model.alphabet[code] for code in passage) for passage in running.passages]
    for piece in pieces[:, 1:].tolist():
        assert any("".join(model.alphabet[code] for code in piece) in text for text in texts)


def test_a_length_that_k_does_not_divide_ends_in_a_shorter_chunk(loop):
    running = loop(k=10)
    chunks(running, 3)
    assert running.place >= running.length
    assert len(chunks(running, 1)) == 1


def test_a_killed_training_goes_on_to_the_same_weights(recipe, tmp_path, monkeypatch):
    small = with_options(recipe, {"steps": 5})  # so that an epoch ends within a piece
    whole = zoo.train(small, device="cpu")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "other"))

    def kill(step):
        if step.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zoo.train(small, device="cpu", progress=kill)
    resumed = zoo.train(small, device="cpu")
    assert resumed.resumed_from == 1
    assert Path(resumed.weights).read_bytes() == Path(whole.weights).read_bytes()


def test_it_learns_which_words_there_are(recipe):
    changes = {"config": {"cell": "gru", "hidden": 32, "layers": 1}, "epochs": 1, "batch_size": 16}
    record = zoo.train(with_options(recipe, {"steps": 200, "k": 12}).model_copy(update=changes), device="cpu")
    assert record.score < 2.8  # its characters by themselves need 3.3 bits, its words one by one 0.7


@pytest.mark.parametrize("options", [{"k": 0}, {"k": 2.5}, {"length": -1}, {"steps": "many"}, {"steps": True}], ids=str)
def test_options_that_make_no_sense_are_refused(loop, options):
    with pytest.raises(OptionError, match=f"options.{next(iter(options))} is {next(iter(options.values()))!r}"):
        loop(**options)


def test_pieces_longer_than_every_passage_are_refused(loop):
    with pytest.raises(DataError, match="has 100000 characters; the longest has") as caught:
        loop(length=100_000)
    assert "options.length of at most" in str(caught.value.hint)
