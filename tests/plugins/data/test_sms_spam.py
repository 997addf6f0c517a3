"""sms-spam: the split leaks nothing, hangs on the data alone, and can be made again."""

import gzip
import random
from collections import Counter
from importlib.resources import files

import pytest

import zoo_data
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo_data.sms_spam import parse_messages, parse_split
from zoo_data.sms_spam_split import THRESHOLD, group_messages, make_split, normalise, similar_pairs

SPEC = next(spec for spec in zoo_data.zoo_datasets() if spec.name == "sms-spam")


@pytest.fixture(scope="module")
def content() -> str:
    return gzip.decompress((files("zoo_data") / "SMSSpamCollection.gz").read_bytes()).decode()


@pytest.fixture(scope="module")
def split() -> str:
    return (files("zoo_data") / "sms_spam_split.tsv").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def linked(content: str) -> list[tuple[int, int]]:
    """All pairs of messages whose similarity reaches the threshold, by position."""
    _, texts = parse_messages(content)
    return [(first, second) for first, second, _ in similar_pairs([normalise(text) for text in texts], THRESHOLD)]


def leaked_spam(labels: list[int], test: set[int], linked: list[tuple[int, int]]) -> float:
    """Share of spam test messages with a near-identical message in train."""
    leaked = {a if a in test else b for a, b in linked if (a in test) != (b in test)}
    spam = [position for position in test if labels[position] == 1]
    return sum(position in leaked for position in spam) / len(spam)


def test_the_script_makes_the_committed_split_again(content: str, split: str) -> None:
    assert make_split(content) == split


def test_no_message_has_a_near_copy_on_the_other_side(content: str, split: str, linked: list[tuple[int, int]]) -> None:
    labels, texts = parse_messages(content)
    sides = [side for _, side in parse_split(split, len(texts))]
    assert not [pair for pair in linked if sides[pair[0]] != sides[pair[1]]]
    test = {position for position, side in enumerate(sides) if side == "test"}
    assert leaked_spam(labels, test, linked) == 0
    assert not {normalise(texts[p]) for p in test} & {normalise(text) for p, text in enumerate(texts) if p not in test}


def test_a_random_split_would_leak_much_of_its_spam(content: str, linked: list[tuple[int, int]]) -> None:
    labels, _ = parse_messages(content)
    random_test = set(random.Random(0).sample(range(len(labels)), 1114))
    assert leaked_spam(labels, random_test, linked) > 0.3


def test_no_group_swallows_the_set_and_groups_stay_on_one_side(content: str, split: str) -> None:
    labels, texts = parse_messages(content)
    rows = parse_split(split, len(texts))
    sizes = Counter(group for group, _ in rows)
    assert max(sizes.values()) <= 0.01 * len(texts)
    assert len(sizes) > 0.8 * len(texts)
    assert len(set(rows)) == len(sizes)
    assert sum(len({labels[p] for p, row in enumerate(rows) if row[0] == group}) > 1 for group, n in sizes.items() if n > 1) <= 2


def test_both_sides_have_the_same_share_of_spam() -> None:
    for side in ("train", "test"):
        opened = open_dataset(SPEC, side)
        assert sum(opened.targets) / len(opened.targets) == pytest.approx(747 / 5574, abs=0.001)


def test_messages_come_as_they_were_sent() -> None:
    train = open_dataset(SPEC, "train")
    assert train[0].id == "sms-0000"
    assert train[0].input.startswith("Go until jurong point, crazy..")
    test = open_dataset(SPEC, "test")
    assert any(sample_text.startswith('"') for sample_text in [*train.inputs, *test.inputs])  # type: ignore[attr-defined]
    assert len(train.groups) == len(train.ids)  # type: ignore[attr-defined]
    assert not set(train.groups) & set(test.groups)  # type: ignore[attr-defined]
    assert len({*train.ids, *test.ids}) == 5574


def test_templates_are_grouped_and_short_answers_do_not_chain() -> None:
    messages = [
        "WINNER!! Call 09061701461 to claim your £900 prize, code KL341. Valid 12 hours",
        "winner! call 09064012103 to claim your £1000 prize, code XX99. valid 24 hours only",
        "ok",
        "Ok...",
        "ok lar",
        "Yes, see you at home",
        "See http://www.prize.example/x?id=5 now",
        "see www.other.com now!",
    ]
    assert group_messages(messages) == [0, 0, 2, 2, 4, 5, 6, 6]


def test_a_line_that_is_no_message_is_named() -> None:
    assert parse_messages('ham\t"a\tb\n') == ([0], ['"a\tb'])
    with pytest.raises(DataError, match="line 2 of SMSSpamCollection"):
        parse_messages("ham\thello\neggs\thello\n")
    with pytest.raises(DataError, match="line 1"):
        parse_messages("ham hello\n")
    with pytest.raises(DataError, match="line 2 of sms_spam_split"):
        parse_split("sms-0000\t0\ttrain\nsms-0002\t0\ttrain\n", 2)
    with pytest.raises(DataError, match="1 lines for 2 messages"):
        parse_split("sms-0000\t0\ttrain\n", 2)
