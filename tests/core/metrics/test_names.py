"""How metrics are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OptionError
from zoo.metrics import bare_metric, parse_metric

values = st.text(min_size=1).filter(lambda value: "\\" not in value)
options = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), values, max_size=4)


@given(st.from_regex(r"[a-z][a-z/-]{0,9}", fullmatch=True), options)
def test_what_is_written_is_read_back(name: str, wanted: dict[str, str]) -> None:
    written = ",".join(f"{key}={value}".replace(",", "\\,") for key, value in wanted.items())
    text = f"{name}:{written}" if wanted else name
    assert parse_metric(text) == (name, wanted)
    assert bare_metric(text) == name


@given(st.text())
def test_any_text_is_read_or_refused_with_a_hint(text: str) -> None:
    try:
        name, _ = parse_metric(text)
    except OptionError as error:
        assert error.hint
    else:
        assert name


@pytest.mark.parametrize("text", ["", ":k=5", "ece:", "ece:bins", "ece:bins=", "ece:=5", "ece:bins=1,bins=2", "f1:a b=c"])
def test_malformed_metric_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="cannot read metric"):
        parse_metric(text)


def test_class_name_may_hold_equals_colon_and_escaped_comma() -> None:
    assert parse_metric(r"f1:positive=shark\, white: a=b")[1] == {"positive": "shark, white: a=b"}
