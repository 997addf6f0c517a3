"""One grammar, name:option=value,..., whatever it names."""

import pytest
from pydantic import BaseModel, ConfigDict

from zoo.errors import OptionError
from zoo.settings import named_settings, parse_named


class Blur(BaseModel):
    model_config = ConfigDict(extra="forbid")
    radius: float
    passes: int = 1


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("blur", "blur", {}),
        ("blur:3", "blur", {"": "3"}),
        ("blur:radius=3,passes=2", "blur", {"radius": "3", "passes": "2"}),
        ("blur:3,passes=2", "blur", {"": "3", "passes": "2"}),
        ("blur: radius = 3", "blur", {"radius": "3"}),
        ("attack:victim=cnn/lenet5@mnist", "attack", {"victim": "cnn/lenet5@mnist"}),
    ],
)
def test_name_and_options_are_read_as_text(text: str, name: str, options: dict[str, str]) -> None:
    assert parse_named(text) == (name, options)


@pytest.mark.parametrize(
    "text", ["blur:", ":3", "blur:radius=", "blur:=3", "blur:radius=3,4", "blur:radius=1,radius=2", "blur:3,,"]
)
def test_what_cannot_be_read_shows_the_grammar(text: str) -> None:
    with pytest.raises(OptionError, match="name:option=value,option=value"):
        parse_named(text)


def test_a_value_without_a_name_is_that_of_the_first_option() -> None:
    assert named_settings(Blur, {"": "3", "passes": "2"}, "blur") == Blur(radius=3.0, passes=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"": "3", "radius": "4"}, "radius twice"),
        ({"radios": "3"}, "did you mean radius"),
        ({"radius": "wide"}, "option radius of blur"),
        ({}, "option radius of blur: Field required"),
    ],
)
def test_options_are_checked_by_their_class(options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        named_settings(Blur, options, "blur")
