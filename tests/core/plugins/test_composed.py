"""Names of models that are made of models: read, written, and what in them is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OptionError
from zoo.plugins.composed import assigned, entry_of_name, leading, names_within, read_composed, untagged, written
from zoo.plugins.names import split_tag

ROLES = {"base": "classify", "denoiser": "generate"}
LEAF = st.text(alphabet="ab/:@=-. ,()\\", min_size=1, max_size=8).map(lambda text: f"hf:/{text.strip() or 'x'}")


def test_a_name_has_its_parts_in_brackets_each_with_its_own_tag_and_blanks_do_not_matter():
    for text in (
        "robust/denoised(base=cnn/lenet5@mnist,denoiser=vision/dncnn)",
        "  robust/denoised ( base = cnn/lenet5@mnist ,\n denoiser= vision/dncnn ) ",
        "robust/denoised(cnn/lenet5@mnist, denoiser=vision/dncnn)",
        "robust/denoised(denoiser=vision/dncnn, base=cnn/lenet5@mnist)",
        "robust/denoised(cnn/lenet5@mnist, vision/dncnn)",
    ):
        entry, parts = read_composed(text)
        assert entry == "robust/denoised"
        assert assigned(entry, ROLES, parts) == {"base": "cnn/lenet5@mnist", "denoiser": "vision/dncnn"}


def test_the_tag_of_the_whole_stands_behind_the_brackets():
    assert split_tag("x/head(cnn/lenet5@mnist)@digits") == ("x/head(cnn/lenet5@mnist)", "digits")
    assert split_tag("x/head(cnn/lenet5@mnist)") == ("x/head(cnn/lenet5@mnist)", None)
    assert split_tag("cnn/lenet5@mnist") == ("cnn/lenet5", "mnist")
    assert split_tag("hf:/models (old)/net@main") == ("hf:/models (old)/net", "main")
    assert untagged("x/head(a/b@c)@d") == "x/head(a/b@c)"
    assert entry_of_name("x/head(a/b@c)") == "x/head"


def test_a_part_may_itself_be_made_of_parts():
    _, parts = read_composed("x/smoothed(x/denoised(base=cnn/lenet5@mnist, denoiser=vision/dncnn))")
    assert parts == [(None, "x/denoised(base=cnn/lenet5@mnist, denoiser=vision/dncnn)")]
    names = ["x/smoothed", "x/denoised", "cnn/lenet5", "vision/dncnn"]
    assert list(names_within("x/smoothed(x/denoised(base=cnn/lenet5@mnist, denoiser=vision/dncnn))")) == names


def test_one_part_is_written_without_its_role_and_several_with_theirs():
    assert written("x/w", {"base": "cnn/lenet5@mnist"}) == "x/w(cnn/lenet5@mnist)"
    assert written("x/w", {"base": "a/b", "denoiser": "c/d@e"}) == "x/w(base=a/b, denoiser=c/d@e)"


@given(first=LEAF, second=LEAF)
def test_what_is_written_is_read_back_whatever_the_parts_are_called(first, second):
    for parts in ({"base": first}, {"base": first, "denoiser": second}):
        name = written("x/w", {"base": written("y/v", parts)})
        assert split_tag(name)[1] is None
        _, (whole,) = read_composed(name)
        entry, read = read_composed(whole[1])
        assert entry == "y/v"
        assert assigned(entry, dict.fromkeys(parts, "classify"), read) == parts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x/w(cnn/lenet5", "a bracket is not closed"),
        ("x/w(y/v(cnn/lenet5)", "a bracket is not closed"),
        ("x/w(cnn/lenet5))", "has a bracket too many"),
        ("x/w cnn/lenet5)", "has a bracket too many"),
        ("x/w(a)(b)", "has a bracket too many"),
        ("x/w(a)b", "has a bracket too many"),
        ("(a)", "a name is missing"),
        ("x/w(a,,b)", "a name is missing"),
        ("x/w(a,)", "a name is missing"),
        ("x(" * 40 + "a" + ")" * 40, "more than 16 deep"),
    ],
)
def test_what_cannot_be_read_says_why(text, why):
    with pytest.raises(OptionError, match=why):
        read_composed(text)


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ("a, b, c", "has 2 parts, not 3"),
        ("a, base=b", "is given its base twice"),
        ("base=a, base=b", "is given its base twice"),
        ("base=a, b", "goes without its role behind one that has it"),
        ("a, noise=b", "has no part 'noise'"),
    ],
)
def test_parts_that_fit_no_role_are_refused(inner, why):
    entry, parts = read_composed(f"x/w({inner})")
    with pytest.raises(OptionError, match=why):
        assigned(entry, ROLES, parts)


def test_a_model_without_parts_takes_none():
    with pytest.raises(OptionError, match="cnn/lenet5 is not made of parts"):
        assigned("cnn/lenet5", {}, [(None, "a")])


def test_the_leading_part_does_what_the_whole_does():
    assert leading({"denoiser": "generate", "base": "classify"}, ["classify"]) == "base"
    assert leading({"denoiser": "generate", "base": "classify"}, ["embed"]) == "denoiser"
