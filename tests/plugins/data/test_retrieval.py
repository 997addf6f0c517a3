"""omniglot and orl-faces: splits that share nothing, episodes, and archives that are not what they should be."""

import io
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
import zoo_data
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo.specs import DataFile, DatasetSpec
from zoo_data.faces import read_photograph
from zoo_data.omniglot import LARGEST_MEMBER, RUNS, TEST, TRAIN, decode

SPECS = {spec.name: spec for spec in zoo_data.zoo_datasets()}


def drawing(stroke: int = 50, size: tuple[int, int] = (105, 105)) -> bytes:
    image = Image.new("1", size, 1)
    image.putpixel((stroke % size[0], 3), 0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def archives(folder: Path, members: dict[str, dict[str, bytes]]) -> DatasetSpec:
    """The spec of omniglot, or of its runs, over archives of these members."""
    spec = SPECS["omniglot-one-shot" if RUNS in members else "omniglot"]
    (folder / "omniglot").mkdir()
    for name, contents in members.items():
        with zipfile.ZipFile(folder / "omniglot" / name, "w") as archive:
            for member, content in contents.items():
                archive.writestr(member, content)
    files = tuple(DataFile(name=name, sha256=None) for name in members)
    return spec.model_copy(update={"files": files, "splits": dict.fromkeys(spec.splits)})


def background(number: int, *characters: str) -> dict[str, bytes]:
    names = [f"images_background_small{number}/{character}/0001_{shot:02}.png" for character in characters for shot in (1, 2)]
    return {name: drawing(i) for i, name in enumerate(names)}


def test_omniglot_shares_no_alphabet_between_its_splits(real_data: Path) -> None:
    train, test = zoo.dataset("omniglot", "train"), zoo.dataset("omniglot", "test")
    alphabets = [{name.partition("/")[0] for name in data.classes or ()} for data in (train, test)]
    assert alphabets == [
        {"Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"},
        {"Japanese_(katakana)", "Sanskrit", "Tagalog"},
    ]
    assert (len(train.ids), len(train.classes or ()), len(test.ids), len(test.classes or ())) == (2720, 136, 2120, 106)
    drawings = [{bytes(data[i].input.numpy().tobytes()) for i in range(len(data.ids))} for data in (train, test)]
    assert not drawings[0] & drawings[1]


def test_omniglot_has_bright_strokes_on_black(real_data: Path) -> None:
    sample = zoo.dataset("omniglot", "test")[0]
    assert (sample.input.shape, sample.input.dtype) == ((1, 105, 105), torch.uint8)
    assert sample.input.unique().tolist() == [0, 255]
    assert (sample.input == 255).float().mean() < 0.2
    assert sample.id == "images_background_small2/Japanese_(katakana)/character01/0596_01.png"


def test_one_shot_has_twenty_runs_of_twenty_ways(real_data: Path) -> None:
    data = zoo.dataset("omniglot-one-shot")
    places = [data.targets[i] for i in range(800)]
    assert {place.episode for place in places} == {f"run{i:02}" for i in range(1, 21)}
    for episode in ("run01", "run20"):
        shown = [place.label for place in places if place.episode == episode and place.role == "gallery"]
        asked = [place.label for place in places if place.episode == episode and place.role == "query"]
        assert len(shown) == len(asked) == 20
        assert set(shown) == set(asked)
    by_id = dict(zip(data.ids, places, strict=True))
    assert by_id["run01/test/item01.png"].label == by_id["run01/training/class08.png"].label  # as class_labels.txt says
    assert not {p.label for p in places if p.episode == "run01"} & {p.label for p in places if p.episode == "run02"}


def test_shared_alphabets_are_left_out_whichever_they_are(tmp_path: Path) -> None:
    spec = archives(
        tmp_path,
        {
            TRAIN: background(1, "Greek/character01"),
            TEST: background(2, "Greek/character01", "Greek/character02", "Thai/character01"),
        },
    )
    test = open_dataset(spec, "test", tmp_path)
    assert test.classes == ("Thai/character01",)
    assert test.targets == [0, 0]


def test_members_that_are_no_drawings_are_passed_over(tmp_path: Path) -> None:
    odd = {"../evil.png": drawing(), "images_background_small1/x.txt": b"", "images_background_small1/A/character01/1.png": b"no"}
    spec = archives(tmp_path, {TRAIN: background(1, "Greek/character01", "Greek/character02") | odd})
    assert len(open_dataset(spec, "train", tmp_path).ids) == 4


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not a picture", "is no PNG"),
        (drawing(size=(9, 9)), "is 9x9 pixels"),
        (drawing()[:60], "is no PNG"),
        (b"\0" * (LARGEST_MEMBER + 1), "is larger than"),
    ],
    ids=["text", "small", "truncated", "huge"],
)
def test_a_member_that_is_no_drawing_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    name = "images_background_small1/Greek/character01/0001_03.png"
    spec = archives(tmp_path, {TRAIN: background(1, "Greek/character01") | {name: content}})
    with pytest.raises(DataError, match=f"{name}.*{problem}"):
        open_dataset(spec, "train", tmp_path)


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    spec = archives(tmp_path, {TRAIN: background(1, "Greek/character01")})
    path = tmp_path / "omniglot" / TRAIN
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=f"{TRAIN} is a broken archive"):
        open_dataset(spec, "train", tmp_path)


def test_another_archive_is_never_parsed(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "omniglot").mkdir()
    (tmp_path / "omniglot" / RUNS).write_bytes((real_data / "omniglot" / RUNS).read_bytes()[:-1])
    with pytest.raises(DataError, match=r"all_runs\.zip is not all_runs\.zip of"):
        open_dataset(SPECS["omniglot-one-shot"], "test", tmp_path)


def test_a_run_that_does_not_say_a_class_is_named(tmp_path: Path) -> None:
    members = {f"run01/{name}": drawing() for name in ("test/item01.png", "training/class01.png")}
    spec = archives(tmp_path, {RUNS: members | {"run01/class_labels.txt": b"run01/test/item02.png run01/training/class01.png"}})
    with pytest.raises(DataError, match=r"does not say which class run01/test/item01\.png"):
        open_dataset(spec, "test", tmp_path)


def test_a_drawing_has_strokes_of_255() -> None:
    pixels = decode(drawing(7), "x.png")
    assert pixels.sum() == 255
    assert pixels[0, 3, 7] == 255


def test_faces_are_forty_people_ten_times(real_data: Path) -> None:
    faces = zoo.dataset("orl-faces")
    assert (len(faces.ids), len(faces.classes or ())) == (400, 40)
    assert [faces.targets.count(label) for label in range(40)] == [10] * 40
    assert faces[399].id == "s40/10"
    assert (faces[0].input.shape, faces[0].input.dtype) == ((1, 112, 92), torch.uint8)


def test_other_faces_are_not_taken_for_them(tmp_path: Path) -> None:
    for person in range(1, 41):
        folder = tmp_path / f"orl_faces/s{person}"
        folder.mkdir(parents=True)
        for shot in range(1, 11):
            Image.new("L", (92, 112), person).save(folder / f"{shot}.pgm")
    with pytest.raises(DataError, match="are not those that were published"):
        open_dataset(SPECS["orl-faces"], "test", tmp_path)
    (tmp_path / "orl_faces/s7/3.pgm").unlink()
    with pytest.raises(DataError, match=r"s7/3\.pgm cannot be read"):
        open_dataset(SPECS["orl-faces"], "test", tmp_path)


@pytest.mark.parametrize("content", [b"", b"P5\n92 112\n255\nshort", b"P5\n99999999 99999999\n255\n"])
def test_a_photograph_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.pgm").write_bytes(content)
    with pytest.raises(DataError, match=r"1\.pgm"):
        read_photograph(tmp_path / "1.pgm")


def test_absent_faces_say_where_to_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="orl-faces is absent") as caught:
        open_dataset(SPECS["orl-faces"], "test")
    assert "orl_faces" in caught.value.hint
