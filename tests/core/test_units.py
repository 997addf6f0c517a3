"""Amounts as people write them."""

import pytest

from zoo.errors import OptionError
from zoo.units import age_of, bytes_of, size_of, time_in_words


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (999_940, "999.9 kB"),
        (2_500_000_000, "2.5 GB"),
        (None, "?"),
    ],
)
def test_bytes_go_in_decimal_units(count, text):
    assert size_of(count) == text


@pytest.mark.parametrize(("text", "count"), [("5GB", 5 * 10**9), ("1.5 mb", 1_500_000), ("512B", 512), ("0kB", 0)])
def test_sizes_are_read(text, count):
    assert bytes_of(text, "size") == count


@pytest.mark.parametrize(("text", "seconds"), [("30d", 30 * 86400), ("12h", 43200), ("5min", 300), ("1.5w", 907200)])
def test_ages_are_read(text, seconds):
    assert age_of(text, "age").total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "GB", "-1GB", "1e9B", "5 apples", "١GB"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(OptionError):
        bytes_of(text, "size")
    with pytest.raises(OptionError):
        age_of(text, "age")


def test_times_go_in_their_largest_unit():
    assert [time_in_words(seconds) for seconds in (-1, 59, 60, 7200, 90000)] == ["0 s", "59 s", "1 min", "2 h", "1 d"]
