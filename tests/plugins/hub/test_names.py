"""Lists of names: all of a library's, kept for its version, without importing it again; and tags beside revisions."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.errors import OptionError, UnknownNameError
from zoo.plugins.registry import registry

LISTING = """
import sys
from zoo.plugins.namespaces import select
from zoo.plugins.index import load_index
index = load_index()
found = list(select(index, "model", {"plugin": "torchvision", "task": "detect"}))
print(len(found), *sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "torchvision", "timm", "zoo_hub"}))
"""


def listing() -> list[str]:
    return subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True).stdout.split()


def test_a_kept_list_is_read_without_importing_library_or_plugin() -> None:
    cold = listing()
    assert "torchvision" in cold and int(cold[0]) >= 5
    # an edit of a plugin at this moment, in a checkout, has the index made anew and takes another attempt
    assert any(listing() == cold[:1] for _ in range(3))


def test_timms_names_are_all_listed_with_their_tasks() -> None:
    import timm

    specs = {spec.name: spec for spec in registry().models(plugin="timm")}
    assert {f"timm/{name}" for name in timm.list_pretrained("resnet*")} <= set(specs)
    assert list(specs["timm/resnet18.a1_in1k"].tasks) == ["classify", "embed"]
    embedders = {spec.name for spec in registry().models(plugin="timm", task="embed")}
    assert len({spec.name for spec in registry().models(plugin="timm", task="classify")}) < len(embedders) <= len(specs)


def test_a_list_of_another_version_is_made_anew_and_so_it_is_on_request(zoo_home: Path) -> None:
    from zoo.plugins.index import load_index
    from zoo.plugins.namespaces import select

    def names(rebuild: bool = False) -> int:
        return len(list(select(load_index(), "model", {"plugin": "torchvision"}, rebuild=rebuild)))

    complete, path = names(), zoo_home / "cache/names/torchvision.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "entries": kept["entries"][:3]}))
    assert (names(), names(rebuild=True), names()) == (3, complete, complete)
    path.write_text(json.dumps({**kept, "entries": [], "key": [*kept["key"][:-1], "0.1"]}))
    assert names() == complete
    path.write_text("{")
    assert names() == complete


def test_repositories_cannot_be_listed() -> None:
    with pytest.raises(OptionError, match="nobody can list the names in hf"):
        registry().models(plugin="hf")


def test_a_tag_is_of_weights_and_a_revision_of_a_repository(image_classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert registry().tagged_model("torchvision/resnet50@imagenet1k_v2")[1] == "imagenet1k_v2"
    assert registry().tagged_model(f"hf/{image_classifier}@pretrained")[1] == "pretrained"
    assert zoo.load(f"hf/{image_classifier}@pretrained") is not None


def test_a_revision_in_the_hubs_cache_is_found_offline(
    image_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a repository as the hub's own client caches it, with two revisions
    import shutil

    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--owner--name"
    shutil.copytree(image_classifier, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/v1").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    # when it is asked for by a revision, and by one that is not there
    spec, tag = registry().tagged_model("hf/owner/name@v1")
    # then
    assert (spec.name, tag) == ("hf/owner/name@v1", None)
    assert spec.weights["pretrained"].uri == f"hf://owner/name@{commit}/model.safetensors"
    with pytest.raises(zoo.errors.WeightsError, match="not in the hub's cache"):
        registry().tagged_model("hf/owner/name@v2")


def test_a_name_that_no_task_takes_says_so() -> None:
    with pytest.raises(UnknownNameError, match="no task here takes torchvision's raft_large"):
        registry().model("torchvision/raft_large")
    with pytest.raises(UnknownNameError, match="has no model 'resnet5'") as caught:
        registry().model("torchvision/resnet5")
    assert "torchvision/resnet50" in caught.value.hint
