"""registry.yaml: found from a checkout and from a wheel, layered, and wrong ones named by file and field."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import CatalogueError
from zoo.plugins.catalogue import load_catalogue
from zoo.plugins.index import catalogue_files

ROOT = Path(__file__).parents[3]
CLAIM = {
    "model": "cnn/lenet5@mnist",
    "benchmark": "data/mnist",
    "metric": "accuracy",
    "value": 0.5,
    "tolerance": 0.01,
    "kind": "measured",
    "source": "test",
}


def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any) -> Path:
    """The user's own registry.yaml with this content: text, bytes, or what is dumped as YAML."""
    import yaml

    path = tmp_path / "own.yaml"
    content = content if isinstance(content, (str, bytes)) else yaml.safe_dump(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("ZOO_REGISTRY", str(path))
    return path


def test_the_checkout_has_its_catalogue_at_the_root() -> None:
    assert catalogue_files() == [ROOT / "registry.yaml"]
    assert load_catalogue().version == 1


def test_the_users_own_comes_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = load_catalogue()
    claims = [{**CLAIM, "value": 0.1}, {**CLAIM, "value": 0.2}, {**CLAIM, "metric": "of-my-own"}]
    plugins = [{"id": "mine", "distribution": "zoo-mine", "summary": "Mine."}]
    path = layer(tmp_path, monkeypatch, {"version": 1, "claims": claims, "plugins": plugins})
    both = load_catalogue()
    assert catalogue_files() == [ROOT / "registry.yaml", path]
    assert both.claims[: len(ours.claims)] == ours.claims
    assert len(both.claims) == len(ours.claims) + 3
    assert both.plugins[-1].distribution == "zoo-mine"
    found = both.claim("cnn/lenet5@mnist", "data/mnist", "accuracy")
    assert found is not None
    assert found.value == 0.2
    assert both.claim("cnn/lenet5@mnist", "data/mnist", "nothing") is None


def test_the_path_may_begin_with_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = layer(tmp_path, monkeypatch, {"version": 1})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_REGISTRY", "~/own.yaml")
    assert catalogue_files()[1] == path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("version: 1\nclaims: [", "is not YAML: .*line [23]"),
        (b"version: \xff", "is not YAML"),
        ("version: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("", "version: Field required"),
        ("- 1", "the whole: Input should be a valid dictionary"),
        ({"version": 2}, "version: Input should be 1"),
        ({"version": 1, "models": []}, "models: Extra inputs are not permitted"),
        ({"version": 1, "claims": [CLAIM, {**CLAIM, "model": 3}]}, r"claims\.1\.model: Input should be a valid string"),
        ({"version": 1, "claims": [{**CLAIM, "value": "high"}]}, r"claims\.0\.value: Input should be a valid number"),
        ({"version": 1, "claims": [{**CLAIM, "value": float("nan")}]}, r"claims\.0\.value: Input should be a finite number"),
        ({"version": 1, "claims": [{**CLAIM, "tolerance": -1}]}, r"claims\.0\.tolerance: Input should be greater"),
        (
            {"version": 1, "claims": [{**CLAIM, "kind": "rumoured"}]},
            r"claims\.0\.kind: Input should be 'published'",
        ),
        ({"version": 1, "claims": [{**CLAIM, "colour": "red"}]}, r"claims\.0\.colour: Extra inputs"),
        ({"version": 1, "plugins": [{"id": "x", "summary": "X."}]}, r"plugins\.0\.distribution: Field required"),
    ],
)
def test_a_wrong_file_is_named_by_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, message: str) -> None:
    path = layer(tmp_path, monkeypatch, content)
    with pytest.raises(CatalogueError, match=message) as caught:
        load_catalogue()
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert "ZOO_REGISTRY" in caught.value.hint


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / name))
    with pytest.raises(CatalogueError, match="cannot read") as caught:
        load_catalogue()
    assert str(tmp_path) in caught.value.message
    assert "ZOO_REGISTRY" in caught.value.hint


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked as an installer does."""
    pytest.importorskip("hatchling", reason="needs hatchling to build a wheel")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_holds_everything_that_git_does(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "core", "cli", "plugins"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    # The guide to plugins lies beside the packages, not in one.
    named = {Path(name) for name in listed.stdout.split() if (ROOT / name).exists()} - {Path("plugins/README.md")}
    wanted = {path.relative_to(path.parts[0]) for path in named}
    packed = {path.relative_to(wheel) for path in wheel.rglob("*") if path.is_file()}
    assert wanted - packed == set()
    assert {path.parts[0] for path in packed if "dist-info" not in path.parts[0]} == {path.parts[0] for path in wanted}
    assert (wheel / "zoo" / "registry.yaml").read_bytes() == (ROOT / "registry.yaml").read_bytes()


def test_a_wheel_finds_its_catalogue_plugins_weights_and_data(wheel: Path, tmp_path: Path) -> None:
    code = """
import zoo
from zoo.plugins.catalogue import load_catalogue
from zoo.plugins.index import catalogue_files, load_index
from zoo.opening.datasets import get
print(catalogue_files()[0])
load_catalogue()
print(*sorted({p["state"] for p in load_index().plugins if p["bundled"]}))
print(len(zoo.dataset("sms-spam", "test").ids))
for spec in zoo.registry().models():
    for tag, weights in spec.weights.items():
        if weights.uri.startswith("pkg:zoo_"):
            from zoo.opening.weights import find_weights
            assert find_weights(weights).is_relative_to(WHEEL), weights.uri
"""
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    environment.pop("ZOO_DATA_DIR", None)
    ran = subprocess.run(
        [sys.executable, "-c", code.replace("WHEEL", repr(str(wheel)))],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(wheel / "zoo" / "registry.yaml"), "ok", "1114"]
