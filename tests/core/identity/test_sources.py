"""Sources are found at any distance, without importing, and installed libraries count by their versions."""

import sys

import pytest

from zoo.identity.code import code_of, named_files
from zoo.identity.sources import core_files, reached

IMPORTS = {
    "plain": "import far_helper",
    "from": "from far_helper import f",
    "in a function": "def f():\n    import far_helper",
    "in a try": "try:\n    import far_helper as h\nexcept ImportError:\n    h = None",
    "by name": "import importlib\nimportlib.import_module('far_helper')",
    "as a lazy target": "TARGET = 'far_helper:f'",
    "under type checking": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from far_helper import (\n        f,\n    )",
}


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write files into a folder of the search path."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize("how", IMPORTS)
def test_a_helper_two_imports_away_is_found_however_it_is_imported(how, put):
    put(far_net="import far_middle", far_middle=IMPORTS[how], far_helper="def f(): pass")
    before = code_of(["far_net:Net"]).sha256
    assert set(reached(["far_net"]).files) == {"far_net.py", "far_middle.py", "far_helper.py"}
    assert not {"far_net", "far_helper"} & set(sys.modules)
    put(far_helper="def f(): return 1")
    assert code_of(["far_net:Net"]).sha256 != before


def test_of_a_package_all_files_count(put):
    folder = put(far_pack__init="", far_pack__sub__net="from .. import other")
    (folder / "far_pack" / "init.py").rename(folder / "far_pack" / "__init__.py")
    (folder / "far_pack" / "models.json").write_text("{}")
    (folder / "far_pack" / "__pycache__").mkdir()
    (folder / "far_pack" / "__pycache__" / "x.pyc").write_bytes(b"")
    found = reached(["far_pack.sub.net"]).files
    assert set(found) == {"far_pack/__init__.py", "far_pack/sub/net.py", "far_pack/models.json"}


def test_relative_imports_in_a_namespace_package_are_followed(put):
    put(far_space__nets__net="from ..tools import helper", far_space__tools__helper="", far_space__tools__other="")
    assert set(reached(["far_space.nets.net"]).files) == {"far_space/nets/net.py", "far_space/tools/helper.py"}


def test_a_network_beside_a_module_that_stands_alone_is_part_of_it(put):
    folder = put(far_alone="")
    (folder / "weights").mkdir()
    (folder / "weights" / "model.onnx").write_bytes(b"1")
    before = code_of(["far_alone:Net"]).sha256
    (folder / "weights" / "model.onnx").write_bytes(b"2")
    assert code_of(["far_alone:Net"]).sha256 != before


def test_the_place_of_sources_is_no_part_of_them(put, tmp_path, monkeypatch):
    put(far_net="x = 1")
    first = code_of(["far_net:Net"]).sha256
    (tmp_path / "far_net.py").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far_net.py").write_text("x = 1")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert code_of(["far_net:Net"]).sha256 == first


def test_libraries_count_by_exact_versions_and_so_do_those_that_they_require(put):
    put(far_net="import torchvision.models\nfrom sklearn import svm")
    code = code_of(["far_net:Net"], requires=["transformers>=4", "jax>=0.4"])
    from importlib import metadata

    versions = code.identity["libraries"]
    for name in ("torch", "torchvision", "scikit-learn", "transformers", "tokenizers", "numpy"):
        assert versions[name] == metadata.version(name)
    assert versions["jax"] == "absent"
    assert not any("torchvision" in file for file in code.files)


def test_another_version_of_what_is_required_is_seen(put, tmp_path):
    def installed(version):
        info = tmp_path / f"far_lib-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: far-lib\nVersion: {version}\n")
        return info

    put(far_net="")
    first = installed("0.4.1")
    before = code_of(["far_net:Net"], requires=["far-lib"]).identity
    (first / "METADATA").unlink()
    first.rmdir()
    installed("0.4.2")
    after = code_of(["far_net:Net"], requires=["far-lib"]).identity
    assert (before["libraries"]["far-lib"], after["libraries"]["far-lib"]) == ("0.4.1", "0.4.2")


def test_a_module_that_hides_one_of_python_is_a_source(put):
    put(far_net="import antigravity", antigravity="x = 1")
    assert "antigravity.py" in reached(["far_net"]).files


def test_files_that_settings_name_are_found_wherever_the_text_stands(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text("{}")
    found = named_files(f"onnx:{tmp_path}/m.onnx", {"source": [str(tmp_path / "folder")]}, "nothing", 3, None)
    assert sorted(path.name for path in found.values()) == ["config.json", "m.onnx"]


def test_the_core_that_prepares_and_predicts_counts_and_its_metrics_do_not():
    from zoo.identity.code import PREDICTING

    names = set(core_files(*PREDICTING))
    assert {"imaging/degrade.py", "runs/predicting.py", "opening/weights.py", "data/dataset.py", "seeds.py"} <= names
    assert not [name for name in names if name.startswith(("metrics/", "testing/"))]
