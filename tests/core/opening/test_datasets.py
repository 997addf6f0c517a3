"""Opening a dataset: what its opener returns is checked against what its spec says."""

import gzip
import hashlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

import zoo
from zoo.data.dataset import ArrayDataset, Dataset
from zoo.errors import DataError, PluginError, UnknownNameError
from zoo.opening.datasets import check, get, open_dataset, status
from zoo.specs import DataFile, DatasetSpec


@pytest.fixture
def opener(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Makes `toys:open_toys` a function that returns the dataset given, or raises the exception given."""

    def install(result: object) -> None:
        def open_toys(files: object, split: str) -> object:
            if isinstance(result, Exception):
                raise result
            return result

        module = ModuleType("toys")
        module.open_toys = open_toys  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "toys", module)

    return install


def spec(**changes: object) -> DatasetSpec:
    fields: dict[str, object] = {
        "name": "box/toys",
        "summary": "Toys.",
        "modality": "text",
        "target": "toys:open_toys",
        "splits": {"train": None, "test": 2},
        "licence": "CC0-1.0",
        "citation": "None.",
    }
    return DatasetSpec.model_validate(fields | changes)


def toys(ids: list[str]) -> ArrayDataset:
    return ArrayDataset(["a toy"] * len(ids), [0] * len(ids), ids, ("toy",))


def test_samples_of_a_split_come_as_declared(opener) -> None:  # type: ignore[no-untyped-def]
    opener(toys(["a", "b"]))
    opened = open_dataset(spec(), "test")
    assert isinstance(opened, Dataset)
    assert opened[1] == ("b", "a toy", 0)


def test_an_unknown_split_is_answered_with_those_there_are(opener) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="no split 'val'") as caught:
        open_dataset(spec(), "val")
    assert "train, test" in caught.value.hint


@pytest.mark.parametrize(
    ("ids", "problem"),
    [(["a"], "has 1 samples, not the 2 declared"), ([], "has no samples"), (["a", "a"], "id 'a' stands for more than one")],
)
def test_samples_that_are_not_as_declared_are_refused(opener, ids: list[str], problem: str) -> None:  # type: ignore[no-untyped-def]
    opener(toys(ids))
    with pytest.raises(DataError, match=problem):
        open_dataset(spec(), "test")


def test_what_an_opener_raises_names_the_dataset(opener) -> None:  # type: ignore[no-untyped-def]
    opener(ValueError("bad magic"))
    with pytest.raises(DataError, match="split 'test' of box/toys: ValueError: bad magic") as caught:
        open_dataset(spec(), "test")
    assert "zoo data check box/toys" in caught.value.hint
    opener(DataError("says it all"))
    with pytest.raises(DataError, match=r"^says it all$"):
        open_dataset(spec(), "test")


def test_a_missing_package_is_named_with_the_line_to_type(opener) -> None:  # type: ignore[no-untyped-def]
    opener(toys(["a", "b"]))
    with pytest.raises(DataError, match="needs no-such-package>=3, which is not installed") as caught:
        open_dataset(spec(requires=("no-such-package>=3",)), "test")
    assert caught.value.hint == "pip install 'no-such-package>=3'"
    with pytest.raises(DataError, match=r"but .* is installed"):
        open_dataset(spec(requires=("numpy>=999",)), "test")
    assert len(open_dataset(spec(requires=("numpy",)), "test").ids) == 2


def test_a_target_that_is_not_there_is_the_plugins_fault() -> None:
    with pytest.raises(PluginError, match="nowhere"):
        open_dataset(spec(target="nowhere:open"), "test")


def test_a_dataset_is_opened_by_its_name(tmp_path: Path) -> None:
    assert len(zoo.dataset("digits").ids) == 360
    assert zoo.dataset("data/digits", "train").ids[0] == "digits-0001"
    table = tmp_path / "mine.csv"
    table.write_text("text,label\nhello,greeting\n")
    assert zoo.dataset(f"csv:{table}").classes == ("greeting",)
    with pytest.raises(UnknownNameError):
        zoo.dataset("digts")


def test_a_dataset_of_too_many_files_is_here_where_its_folder_is(tmp_path: Path) -> None:
    boxed = spec(folders=("toys", "Toys"), contents=("train", "test"), homepage="https://toys.example")
    [absent] = status(boxed, tmp_path)
    assert (absent.name, absent.state, absent.path) == ("train, test", "absent", None)
    with pytest.raises(DataError, match="box/toys is absent: no data folder has toys or Toys with train, test") as caught:
        get(boxed, tmp_path)
    assert caught.value.hint == f"get it from https://toys.example and put train, test into {tmp_path / 'toys'}"
    for name in boxed.contents:
        (tmp_path / "Toys" / name).mkdir(parents=True)
    [present] = get(boxed, tmp_path)
    assert (present.state, present.path) == ("present", tmp_path / "Toys/train")
    assert check(boxed, tmp_path) == [present]


def test_an_archive_is_not_fetched_where_its_folder_is(tmp_path: Path) -> None:
    archive = DataFile(name="toys.zip", sha256=None, urls=("https://toys.example/toys.zip",))
    boxed = spec(folders=("toys",), contents=("train",), files=(archive,))
    assert [row.name for row in status(boxed, tmp_path)] == ["toys.zip"]
    (tmp_path / "toys/train").mkdir(parents=True)
    assert [row.state for row in get(boxed, tmp_path)] == ["present"]


CONTENT = b"wooden bricks " * 500
PACKED = gzip.compress(CONTENT, mtime=0)


@pytest.mark.parametrize(
    ("packed", "here", "state"),
    [
        (True, PACKED, "present"),
        (True, CONTENT, "present"),  # unpacked by the user
        (True, gzip.compress(CONTENT, 1, mtime=0), "present"),  # another container of the same content
        (True, gzip.compress(CONTENT[:100], mtime=0) + gzip.compress(CONTENT[100:], mtime=0), "present"),
        (True, PACKED[:-9], "altered"),
        (True, PACKED[:9], "altered"),
        (True, CONTENT[:-1], "altered"),
        (True, b"", "altered"),
        (False, CONTENT, "present"),
        (False, CONTENT[:-1], "altered"),
    ],
)
def test_a_truncated_file_is_told_without_hashing_whole_ones(packed, here, state, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    sizes = {"size": len(PACKED), "content_size": len(CONTENT)} if packed else {"size": len(CONTENT)}
    boxed = spec(folders=("toys",), files=(DataFile(name="bricks", sha256=sha256, gzip=packed, **sizes),))
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys/bricks").write_bytes(here)
    assert [row.state for row in status(boxed, tmp_path)] == [row.state for row in check(boxed, tmp_path)] == [state]
    if here in (PACKED, CONTENT):
        monkeypatch.setattr("zoo.opening.datasets.verify", None)  # calling it would raise
        assert [row.state for row in status(boxed, tmp_path)] == [state]
