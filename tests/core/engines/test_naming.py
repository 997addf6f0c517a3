"""Engines by their texts."""

import pytest

from zoo.engines import checked_engine, one_engine
from zoo.errors import OptionError


@pytest.mark.parametrize("text", ["here", "local:1", "local:64", "ray", "ray:auto", "ray:10.0.0.1:6379", "ray://head:10001"])
def test_an_engine_is_known_by_its_text(text):
    assert checked_engine(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("local", "does not say how many"),
        ("local:", "there is no engine"),
        ("local:0", "does not say how many"),
        ("local:-1", "does not say how many"),
        ("local:two", "does not say how many"),
        ("ray:", "there is no engine"),
        ("dask", "there is no engine"),
        ("", "there is no engine"),
        ("here:2", "there is no engine"),
    ],
)
def test_what_is_none_says_so_and_what_to_write(text, told):
    with pytest.raises(OptionError, match=told) as caught:
        checked_engine(text)
    assert "local:" in caught.value.hint


def test_within_a_block_one_engine_serves_all_who_ask_for_it():
    with one_engine("local:2") as outer:
        with one_engine("local:2") as inner:
            assert inner is outer
        with one_engine("local:3") as other:
            assert other is not outer
    with one_engine("local:2") as later:
        assert later is not outer
