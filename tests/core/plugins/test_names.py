"""Names: full, bare, tagged, dynamic; ambiguous and unknown ones answer with candidates."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from zoo.plugins.names import find_name, namespace_of, split_tag

BARE = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
IDS = st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True)
FULL = st.builds("{}/{}".format, IDS, BARE)
TEXT = st.text(alphabet="ab1/:@.- Z", max_size=10)

KNOWN = ["cnn/lenet5", "cnn/resnet18", "intro/mlp", "intro/mlp-numpy", "mine/lenet5", "mine/mlp2", "yours/mlp2"]
BUNDLED = ["cnn/lenet5", "cnn/resnet18", "intro/mlp", "intro/mlp-numpy"]


def test_a_full_name_is_itself_whatever_else_there_is() -> None:
    assert find_name("model", "mine/lenet5", KNOWN, BUNDLED) == "mine/lenet5"


def test_a_bare_name_works_where_it_is_unique() -> None:
    assert find_name("model", "resnet18", KNOWN) == "cnn/resnet18"


def test_a_bundled_entry_wins_over_a_foreign_one_of_the_same_bare_name() -> None:
    assert find_name("model", "lenet5", KNOWN, BUNDLED) == "cnn/lenet5"


def test_an_ambiguous_name_lists_every_candidate() -> None:
    with pytest.raises(AmbiguousNameError) as caught:
        find_name("model", "mlp2", KNOWN, BUNDLED)
    assert caught.value.candidates == ("mine/mlp2", "yours/mlp2")
    assert caught.value.hint == "name one of: mine/mlp2, yours/mlp2"
    both_bundled = ["a/net", "b/net", "c/net"]
    with pytest.raises(AmbiguousNameError) as caught:
        find_name("model", "net", both_bundled, both_bundled[:2])
    assert caught.value.candidates == ("a/net", "b/net", "c/net")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lenet", "cnn/lenet5"),
        ("cnn/lenet", "cnn/lenet5"),
        ("vision/resnet18", "cnn/resnet18"),
        ("RESNET18", "cnn/resnet18"),
        ("CNN/ResNet18", "cnn/resnet18"),
        ("mlp_numpy", "intro/mlp-numpy"),
    ],
)
def test_an_unknown_name_answers_with_the_nearest_ones(typed: str, meant: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_name("model", typed, KNOWN, BUNDLED)
    assert meant in caught.value.candidates
    assert meant in caught.value.hint
    assert repr(typed) in caught.value.message


def test_near_names_of_several_plugins_are_all_offered() -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_name("model", "lenet55", KNOWN, BUNDLED)
    assert {"cnn/lenet5", "mine/lenet5"} <= set(caught.value.candidates)


def test_where_nothing_is_near_the_error_says_how_to_see_all() -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_name("benchmark", "zzzzzz", KNOWN)
    assert caught.value.candidates == ()
    assert caught.value.hint == "zoo list benchmarks shows them all"
    with pytest.raises(UnknownNameError) as caught:
        find_name("homework", "zzzzzz", KNOWN)
    assert caught.value.hint == "zoo list homeworks shows them all"


@given(name=TEXT | FULL | BARE, known=st.lists(FULL, unique=True, max_size=8), data=st.data())
def test_a_name_means_one_known_entry_or_raises_with_known_candidates(name: str, known: list[str], data: st.DataObject) -> None:
    bundled = [full for full in known if data.draw(st.booleans())]
    same = [full for full in known if full.split("/", 1)[1] == name]
    try:
        found = find_name("model", name, known, bundled)
    except AmbiguousNameError as error:
        assert list(error.candidates) == sorted(same)
        assert len(same) > 1
    except UnknownNameError as error:
        assert name not in known
        assert not same
        assert set(error.candidates) <= set(known)
        assert len(error.candidates) <= 3
    else:
        assert found in known
        assert found == name or found in same
        assert found == name or found in bundled or not set(same) & set(bundled)


@given(known=st.lists(FULL, unique=True, min_size=1, max_size=8), data=st.data())
def test_another_case_finds_nothing_but_offers_the_entry(known: list[str], data: st.DataObject) -> None:
    meant = data.draw(st.sampled_from(known))
    with pytest.raises(UnknownNameError) as caught:
        find_name("model", meant.upper(), known)
    assert meant in caught.value.candidates


@given(TEXT)
def test_the_namespace_stands_before_the_first_slash_or_colon(name: str) -> None:
    namespace = namespace_of(name)
    assert "/" not in namespace
    assert ":" not in namespace
    if namespace:
        assert name.startswith((f"{namespace}/", f"{namespace}:"))
    else:
        assert name.startswith(("/", ":")) or not {"/", ":"} & set(name)


def test_namespaces_of_dynamic_names() -> None:
    names = ["folder:/a/b", "hf/Org/Repo", "coco:a:b", "csv:C:/x.csv", "digits", ""]
    assert [namespace_of(name) for name in names] == ["folder", "hf", "coco", "csv", "", ""]


@given(TEXT)
@example("@")
@example("a@")
@example("@b")
def test_a_tag_stands_behind_the_first_at_and_is_never_empty(name: str) -> None:
    try:
        base, tag = split_tag(name)
    except OptionError as error:
        assert name.startswith("@") or name.find("@") == len(name) - 1
        assert "MODEL@TAG" in error.hint
    else:
        assert "@" not in base
        assert name == (base if tag is None else f"{base}@{tag}")
        assert tag != ""


def test_names_that_begin_with_or_contain_what_was_typed_are_offered() -> None:
    known = ["metric/conv4-prototypical", "metric/conv4-triplet", "cnn/alexnet"]
    for typed in ("conv4", "prototyp"):
        with pytest.raises(UnknownNameError) as caught:
            find_name("model", typed, known)
        assert "metric/conv4-prototypical" in caught.value.candidates
        assert "cnn/alexnet" not in caught.value.candidates
