"""Whether weights and data are here, told from the index alone."""

import sys

import pytest

from zoo.data.places import dataset_here, weights_here
from zoo.opening.datasets import status
from zoo.plugins.index import load_index
from zoo.specs import DatasetSpec, Weights


@pytest.fixture(params=["with", "without"])
def folders(request, tmp_path, monkeypatch):
    """Data folders as they are, and none."""
    if request.param == "without":
        monkeypatch.delenv("ZOO_DATA_DIR", raising=False)


def test_it_says_of_every_dataset_what_looking_for_its_files_says(folders):
    for entry in load_index().select("dataset"):
        states = {file.state for file in status(DatasetSpec.model_validate(entry["spec"]))}
        here = "yes" if states <= {"present", "altered"} else "no" if states == {"absent"} else "partly"
        assert dataset_here(entry["spec"]) == here, entry["name"]


def dataset(**fields):
    spec = {"name": "bricks", "summary": "Bricks", "modality": "image", "target": "a:b", "splits": {"test": 1}}
    return DatasetSpec.model_validate({**spec, "licence": "CC0-1.0", "citation": "-", **fields}).model_dump(mode="json")


def test_files_in_a_data_folder_and_in_an_archive_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    files = [
        {"name": name, "sha256": None, "member_of": archive} for name, archive in (("a", None), ("b", "b.zip"), ("b.zip", None))
    ]
    spec = dataset(files=files, folders=["bricks"])
    assert dataset_here(spec) == "no"
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks" / "a").touch()
    assert dataset_here(spec) == "partly"
    (tmp_path / "bricks" / "b.zip").touch()
    assert dataset_here(spec) == "yes"


def test_weights_are_here_in_a_package_a_file_a_data_folder_or_not(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))

    def here(uri: str, **fields) -> str:
        weights = Weights(uri=uri, sha256=fields.pop("sha256", "0" * 64), licence="CC0-1.0", source="-", **fields)
        return weights_here(weights.model_dump(mode="json"))

    own = tmp_path / "own.safetensors"
    assert here("pkg:zoo_cnn/weights/lenet5-digits.safetensors") == "yes" and here("pkg:zoo_cnn/none") == "no"
    assert here(f"file:{own}") == "no"
    own.touch()
    assert here(f"file:{own}") == here("https://example.org/own.safetensors?raw=1") == "yes"
    assert here("https://example.org/else.safetensors") == "no"
    assert here("https://example.org/x", file="own.safetensors") == "yes"
    assert here("https://example.org/own.safetensors", sha256=None) == "no"  # any file of that name might be another one
    assert here("hf://a/b@main/c.safetensors") == "?"
    parts = [{"uri": f"file:{own}"}, {"uri": "https://example.org/else"}]
    assert here("https://example.org/", parts=parts) == "partly"


def test_looking_imports_no_package_of_weights(monkeypatch):
    monkeypatch.delitem(sys.modules, "zoo_cnn", raising=False)
    entry = load_index().entry("model", "cnn/lenet5")
    assert {weights_here(weights) for weights in entry["spec"]["weights"].values()} == {"yes"}
    assert "zoo_cnn" not in sys.modules
