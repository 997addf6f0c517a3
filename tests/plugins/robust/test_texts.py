"""Attacks of texts: within their bound, worse for the victim than chance, and whoever else is in the batch."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

import zoo
from zoo.errors import ModelError, OptionError
from zoo.tasks import Threat, Victim, edit_distance
from zoo_robust.attacks.char_edits import CharEdits
from zoo_robust.attacks.random_edits import RandomEdits
from zoo_robust.attacks.word_swaps import SAME, WordSwaps, swapped

TEXTS = ["you won a free prize", "FREE entry, call now", "meet you at home", "a", "free free free"]


def counting(texts):
    """Spam by how often it says free, or now: logits (0.9, count)."""
    count = torch.tensor([float(sum(word.strip(",.").lower() in ("free", "now") for word in text.split())) for text in texts])
    return torch.stack([torch.full_like(count, 0.9), count], dim=1)


@pytest.fixture
def victim():
    return Victim(counting, "counting", 2, None)


LABELS = counting(TEXTS).argmax(1)


def made(attack, victim, eps, norm="edits", texts=TEXTS, labels=LABELS, seeds=range(5)):
    return attack(victim, texts, labels, Threat(norm, eps), list(seeds))


@pytest.mark.parametrize("attack", [CharEdits(), RandomEdits(draws=3)])
@pytest.mark.parametrize("eps", [0, 1, 2, 4])
def test_no_more_characters_change_than_are_allowed(victim, attack, eps):
    found = made(attack, victim, eps)
    assert all(edit_distance(before, after) <= eps for before, after in zip(TEXTS, found.inputs, strict=True))


def test_the_words_that_the_victim_leans_on_are_misspelt(victim):
    """One edit of the one word that counts, two of two words, three of three."""
    fell = {eps: (counting(made(CharEdits(), victim, eps).inputs).argmax(1) != LABELS).tolist() for eps in (1, 2, 3)}
    assert fell == {
        1: [True, False, False, False, False],
        2: [True, True, False, False, False],
        3: [True, True, False, False, True],
    }


def test_one_swap_of_words_that_are_the_same(victim):
    found = made(WordSwaps(), victim, 1, "words")
    assert found.inputs[0] in ("you won a gratis prize", "you won a complimentary prize")
    assert found.inputs[2] == TEXTS[2]
    assert counting(made(WordSwaps(), victim, 3, "words").inputs).argmax(1).tolist() == [0, 0, 0, 0, 0]


def test_swaps_keep_case_punctuation_and_blanks():
    assert "GRATIS  entry, (Call)  now!" in swapped("FREE  entry, (Call)  now!", "FREE  entry, (Call)  now!")
    assert "FREE  entry, (Ring)  now!" in swapped("FREE  entry, (Call)  now!", "FREE  entry, (Call)  now!")
    for text in swapped("Please call your friend", "Please call your friend"):
        assert len(text.split()) == 4 and edit_distance(text.split(), ["Please", "call", "your", "friend"]) == 1


def test_no_word_is_swapped_twice():
    once = next(swapped("call me", "call me"))
    assert not list(swapped(once, "call me"))


def test_declared_swaps_are_single_words_in_lower_case():
    for group in SAME:
        assert len(group) == len(set(group)) > 1 and all(len(word.split()) == 1 and word == word.lower() for word in group)


@pytest.mark.parametrize("attack", [CharEdits(tries=5), RandomEdits(draws=2)])
def test_an_attack_of_a_text_hangs_on_its_seed_alone(victim, attack):
    together = made(attack, victim, 3).inputs
    alone = [made(attack, victim, 3, texts=[t], labels=LABELS[i : i + 1], seeds=[i]).inputs[0] for i, t in enumerate(TEXTS)]
    assert list(together) == alone
    assert list(made(RandomEdits(), victim, 3).inputs) != list(made(RandomEdits(), victim, 3, seeds=range(5, 10)).inputs)


@pytest.mark.parametrize("attack", [CharEdits(), RandomEdits(draws=2), WordSwaps()])
def test_every_text_that_is_asked_is_counted(attack):
    asked = []

    class Spy(Victim):
        def __call__(self, inputs):
            asked.append(len(inputs))
            return super().__call__(inputs)

    found = made(attack, Spy(counting, "counting", 2, None), 2, "words" if isinstance(attack, WordSwaps) else "edits")
    assert int(found.forwards.sum()) == sum(asked) and not found.gradients.any()


def test_other_bounds_than_theirs_are_refused(victim):
    with pytest.raises(OptionError, match="robust/char-edits is bounded by a number of edits, not words"):
        made(CharEdits(), victim, 1, "words")
    with pytest.raises(OptionError, match="robust/word-swaps is bounded by a number of words, not edits"):
        made(WordSwaps(), victim, 1)


@pytest.fixture
def messages(tmp_path):
    path = tmp_path / "messages.csv"
    lines = [f'{"spam" if i % 2 else "ham"},"{"win a free prize now " if i % 2 else "see you at home "}{i}"' for i in range(20)]
    path.write_text("\n".join(["label,text", *lines]))
    return f"csv:{path}"


def attacked(messages, attack="robust/char-edits", **settings):
    return zoo.evaluate(attack, messages, aux={"victim": "sequence/ngram-bag@sms-spam"}, **settings)


def test_any_labelled_texts_can_be_attacked_and_what_was_made_is_stored_on_request(messages, zoo_home):
    record = attacked(messages, protocol={"eps": 4, "save_inputs": True})
    assert (record.protocol["norm"], record.protocol["eps"], record.primary.n) == ("edits", 4, 20)
    (path,) = (zoo_home / "runs" / record.key).rglob("*.parquet")
    stored, clean = pq.read_table(path).to_pylist(), zoo.dataset(messages)
    assert any(row["norm"] > 0 for row in stored)
    assert all(edit_distance(clean[i].input, row["input"]) == row["norm"] <= 4 for i, row in enumerate(stored))
    same = attacked(messages, protocol={"eps": 4, "save_inputs": True}, batch_size=3)
    assert same.shards.computed == 0 and same.primary.value == record.primary.value


@pytest.mark.parametrize(
    ("attack", "protocol", "error", "says"),
    [
        ("robust/pgd", {}, ModelError, "robust/pgd takes image, but csv:.* is text"),
        ("robust/char-edits", {"norm": "linf"}, OptionError, "norm of the protocol"),
        ("robust/char-edits", {"eps": "8/255"}, OptionError, "eps of the protocol"),
        ("robust/char-edits", {"eps": 1.5}, OptionError, "eps of the protocol"),
        ("robust/char-edits", {"eps": -1}, OptionError, "eps of the protocol"),
        ("robust/worst-of", {}, ModelError, "robust/worst-of takes image, but csv:.* is text"),
    ],
)
def test_what_does_not_fit_texts_is_a_clear_error(messages, attack, protocol, error, says):
    with pytest.raises(error, match=says):
        attacked(messages, attack, protocol=protocol)


def test_pictures_have_no_edits():
    with pytest.raises(OptionError, match="norm of the protocol"):
        zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, protocol={"norm": "edits"})


def test_chosen_edits_harm_the_lstm_far_more_than_random_ones(real_data: Path) -> None:
    chosen, drawn = (
        zoo.evaluate(f"robust/{name}", "sms-spam-edits", limit=80, protocol={"eps": 2}).primary.value
        for name in ("char-edits", "random-edits")
    )
    assert chosen < drawn - 0.1
