"""One grammar for whatever has a name and options."""

import pytest
from pydantic import BaseModel, Field

from zoo.errors import OptionError
from zoo.options import build_named, parse_named, split_named


class Pgd(BaseModel):
    steps: int = Field(default=20, ge=1)
    restarts: int = 1


class Affine(BaseModel):
    degrees: float
    share: float


KNOWN = {"pgd": Pgd, "affine": Affine}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pgd", Pgd()),
        ("pgd:steps=5", Pgd(steps=5)),
        ("pgd:steps=5,restarts=2", Pgd(steps=5, restarts=2)),
        ("pgd:5", Pgd(steps=5)),
        ("pgd:5,restarts=2", Pgd(steps=5, restarts=2)),
        ("affine:10:0.1", Affine(degrees=10, share=0.1)),
        ("affine:10,share=0.1", Affine(degrees=10, share=0.1)),
    ],
)
def test_options_have_names_and_the_first_may_go_without(text, expected):
    assert build_named(text, KNOWN, "attack") == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fgsm", "no attack 'fgsm'"),
        ("pgd:step=5", "no option 'step'"),
        ("pgd:steps=0", "greater than or equal to 1"),
        ("pgd:1:2:3", "has 3 values"),
        ("pgd:steps=1,2", "cannot read attack"),
        ("pgd:steps=1,steps=2", "cannot read attack"),
        ("pgd:", "cannot read attack"),
        (":steps=1", "no name"),
        ("affine:10", "share"),
    ],
)
def test_what_cannot_be_read_says_why(text, says):
    with pytest.raises(OptionError, match=says):
        build_named(text, KNOWN, "attack")


def test_a_comma_within_a_value_is_escaped():
    assert parse_named("f1:positive=shark\\, white", "metric", "f1") == ("f1", {"positive": "shark, white"}, ())


def test_bare_values_are_refused_unless_they_are_allowed():
    with pytest.raises(OptionError, match="cannot read metric 'accuracy:5'"):
        parse_named("accuracy:5", "metric", "f1:average=macro")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("pgd", ["pgd"]),
        ("pgd:steps=40,restarts=2+square:queries=1000", ["pgd:steps=40,restarts=2", "square:queries=1000"]),
        ("robust/pgd:steps=50,other/mifgsm", ["robust/pgd:steps=50", "other/mifgsm"]),
        ("a,b:x=1,y=2,c+d", ["a", "b:x=1,y=2", "c", "d"]),
        ("a:x=1, b , c:y=2", ["a:x=1", "b", "c:y=2"]),
        ("a:step_size=1e+3+b", ["a:step_size=1e+3", "b"]),
        ("a:names=x\\,y,b", ["a:names=x\\,y", "b"]),
        ("a:inner=b\\+c+d", ["a:inner=b+c", "d"]),
        ("a:5,b", ["a:5", "b"]),
        ("a:x=1+b:y=-2e-3", ["a:x=1", "b:y=-2e-3"]),
    ],
)
def test_several_stand_between_commas_or_pluses(text, parts):
    assert list(split_named(text)) == parts
    for part in parts:
        parse_named(part, "attack", "pgd", bare=True)
