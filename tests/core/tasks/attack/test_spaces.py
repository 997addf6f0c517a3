"""How far two inputs are apart, and what an attack may return of texts."""

import functools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OptionError, PredictionError
from zoo.tasks.attack.contract import Attacked, Threat
from zoo.tasks.attack.spaces import Texts, check_length, edit_distance
from zoo.tasks.attack.verify import attack_batch
from zoo.tasks.attack.victim import Victim
from zoo.tasks.base import Batch


def by_definition(first, second):
    """Levenshtein's distance as it is defined, without a table."""

    @functools.cache
    def distance(i, j):
        if not i or not j:
            return i or j
        replaced = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(first), len(second))


@given(st.text("abc ", max_size=9), st.text("abc ", max_size=9))
def test_edit_distance_is_levenshteins(first, second):
    assert edit_distance(first, second) == by_definition(first, second) == edit_distance(second, first)


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("same", "same", 0), ("ab", "ba", 2), ("☃ a", "a", 2), ("abcabc", "abc", 3)],
)
def test_known_distances(first, second, count):
    assert edit_distance(first, second) == count


@pytest.mark.parametrize(
    ("clean", "made", "count"),
    [
        ("you won a prize", "u won a gift", 2),
        ("ok", "ok now then", 2),
        ("a b c", "a c", 1),
        ("a b", "a  b", 1),
        ("a b", "a b ", 1),
        ("", "a", 1),
        ("a b", "a b", 0),
    ],
)
def test_words_are_counted_with_the_blanks_before_them(clean, made, count):
    assert Texts().norms([clean], [made], "words").tolist() == [count]


@pytest.mark.parametrize(
    ("value", "norm", "shape", "most"),
    [(1.01, "linf", (1, 28, 28), "1 "), (28.1, "l2", (1, 28, 28), "28 "), (8, "linf", (), "8/255")],
)
def test_a_length_beyond_the_whole_range_is_refused(value, norm, shape, most):
    with pytest.raises(OptionError, match=f"(?s)`protocol.eps` {value:g} is more than any two inputs.*{most}"):
        check_length("protocol.eps", value, norm, Threat(norm, value), shape)


@pytest.mark.parametrize(("value", "norm", "shape"), [(1, "linf", ()), (28, "l2", (1, 28, 28)), (8, "l2", (1, 28, 28))])
def test_the_whole_range_is_allowed(value, norm, shape):
    check_length("protocol.eps", value, norm, Threat(norm, value), shape)
    check_length("protocol.eps", 1e9, norm, Threat(norm, 1e9, float("-inf"), float("inf")), shape)


def spam(texts):
    """Spam wherever there is a capital letter."""
    loud = torch.tensor([float(any(c.isupper() for c in text)) for text in texts])
    return torch.stack([1 - loud, loud], dim=1) * 4


def attacked(made, norm="edits", eps=2):
    """What comes of an attack that answers so for the texts that the victim gets right."""
    batch = Batch(["a", "b", "c"], ["WIN now", "quiet", "no Caps"], [1, 1, 1], [1, 2, 3])

    def attack(victim, inputs, labels, threat, seeds):
        assert inputs == ["WIN now", "no Caps"]
        return Attacked(made, [0, 0], [0, 0])

    return attack_batch(attack, "mine", Victim(spam, "spam", 2, None), batch, Threat(norm, eps), space=Texts())


def test_texts_are_judged_by_the_core():
    found = attacked(["WIN now", "no caps"])
    assert found.norm.tolist() == [0, 0, 1] and found.inputs == ["WIN now", "quiet", "no caps"]
    assert (found.adversarial[:, 1] > found.adversarial[:, 0]).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (["win now", "no Caps"], "left its ball: edits of up to 3 where eps is 2"),
        (["WIN now"], "no text for each"),
        ([b"WIN now", "no Caps"], "no text for each"),
        ("WIN now", "no text for each"),
        (["WIN now", "no \ud83d"], "halves of characters"),
    ],
)
def test_what_an_attack_of_texts_may_not_return(made, says):
    with pytest.raises(PredictionError, match=says) as error:
        attacked(made)
    assert set(error.value.ids) <= {"a", "c"} and error.value.ids
