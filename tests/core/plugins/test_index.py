"""The index: warm without importing a plugin, never out of date, rebuilt on any doubt."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import AmbiguousNameError, UnknownNameError
from zoo.plugins.entries import Index
from zoo.plugins.index import load_index, search_path

HEAVY = (
    *("torch", "numpy", "pandas", "transformers", "pydantic", "pluggy", "yaml"),
    *("zoo.specs", "zoo.hookspecs", "zoo.plugins.discovery", "zoo.plugins.inquiry"),
)
PROBE = """
import json, sys
from zoo.plugins.index import load_index
index = load_index()
bundled = [p["module"] for p in index.plugins]
print(json.dumps({
    "entries": index.entries,
    "plugins": index.plugins,
    "models": [e["name"] for e in index.entries if e["kind"] == "model"],
    "states": {p["distribution"]: p["state"] for p in index.plugins if not p["bundled"]},
    "imported": sorted({*bundled, *sys.argv[1].split()} & set(sys.modules)),
}))
"""


class Machine:
    """A search path and a ZOO_HOME, on which every load is a new process."""

    def __init__(self, site: Any, home: Path, cwd: Path) -> None:
        self.site, self.home, self.cwd = site, home, cwd

    def start(self, **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.site.folder), "ZOO_HOME": str(self.home), **variables}
        command = [sys.executable, "-c", PROBE, " ".join(HEAVY)]
        return subprocess.Popen(command, env=environment, cwd=self.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def load(self, **variables: str) -> dict[str, Any]:
        """What the next process reads; `cold` says that it asked the plugins."""
        return self.end(self.start(**variables))

    def settle(self) -> dict[str, Any]:
        """The first warm load; an edit of deepzoo itself at this moment, in a checkout, takes another attempt."""
        return next(read for _ in range(5) if not (read := self.load())["cold"])

    def end(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        read: dict[str, Any] = json.loads(out)
        return {**read, "cold": "zoo.plugins.inquiry" in read["imported"]}

    def files(self) -> list[Path]:
        return sorted(path for path in (self.home / "cache" / "index").iterdir())


@pytest.fixture
def machine(site: Any, zoo_home: Path, tmp_path: Path) -> Machine:
    """With one good plugin, installed a while ago."""
    site.install_models("mine", "net")
    site.age()
    return Machine(site, zoo_home, tmp_path)


def test_a_warm_index_imports_no_plugin_and_nothing_heavy(machine: Machine) -> None:
    cold, warm = machine.load(), machine.settle()
    assert cold["cold"]
    assert warm["imported"] == []
    assert "mine/net" in warm["models"]
    assert (warm["entries"], warm["plugins"]) == (cold["entries"], cold["plugins"])


def test_whatever_is_changed_is_seen_by_the_very_next_load(machine: Machine) -> None:
    def models() -> list[str]:
        return [name for name in machine.load()["models"] if name.startswith(("mine/", "late/"))]

    assert models() == ["mine/net"]
    machine.site.install_models("late", "one")
    assert models() == ["late/one", "mine/net"]
    machine.site.uninstall("late")
    assert models() == ["mine/net"]
    source = machine.site.folder / "mine" / "__init__.py"
    source.write_text(source.read_text().replace("'net'", "'edited'"))
    assert models() == ["mine/edited"]
    machine.home.mkdir(exist_ok=True)
    (machine.home / "plugins.json").write_text('{"disabled": ["mine"]}')
    assert models() == []
    (machine.home / "plugins.json").unlink()
    assert models() == ["mine/edited"]


def test_a_broken_plugin_is_seen_to_be_mended(machine: Machine) -> None:
    source = machine.site.folder / "mine" / "__init__.py"
    good = source.read_text()
    source.write_text("raise RuntimeError")
    machine.site.age()
    assert machine.settle()["states"] == {"mine": "error"}
    source.write_text(good)
    assert machine.load()["states"] == {"mine": "ok"}


def test_an_edit_below_the_package_is_seen(machine: Machine) -> None:
    machine.site.write("mine/deep/names.py", "x = 1")
    machine.site.age()
    machine.settle()
    machine.site.write("mine/deep/names.py", "x = 12")
    assert machine.load()["cold"]


def test_another_registry_yaml_or_an_edit_of_it_is_seen(machine: Machine, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("version: 1\n")
    os.utime(own, (1, 1))
    machine.settle()
    assert machine.load(ZOO_REGISTRY=str(own))["cold"]
    own.write_text("version: 1\nclaims: []\n")
    assert machine.load(ZOO_REGISTRY=str(own))["cold"]


def test_what_changes_while_it_is_read_is_read_again(machine: Machine) -> None:
    source = machine.site.folder / "mine" / "__init__.py"
    source.write_text(source.read_text() + "import pathlib\npathlib.Path(__file__).with_name('more.py').write_text('')\n")
    machine.site.write("mine/more.py", "x = 1")
    machine.site.age()
    machine.load()
    assert machine.load()["cold"]


def test_a_damaged_index_is_rebuilt(machine: Machine) -> None:
    before = machine.settle()
    (path,) = machine.files()
    whole = path.read_bytes()
    other_version = json.loads(whole)
    other_version["key"][0] = "0.0.0"
    damaged = {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "noise": bytes(range(256)),
        "another value": b"null",
        "another format": whole.replace(b'"format": ', b'"format": 9', 1),
        "another version": json.dumps(other_version).encode(),
        "a key short": whole.replace(b'"entries"', b'"entrees"'),
    }
    for damage, content in damaged.items():
        path.write_bytes(content)
        after = machine.load()
        assert after["cold"], damage
        assert after["entries"] == before["entries"]
    assert machine.settle()["entries"] == before["entries"]
    assert len(machine.files()) == 1


@pytest.mark.parametrize("where", ["zoo-home", "zoo-home/cache/index"])
def test_where_nothing_can_be_written_every_load_still_works(machine: Machine, tmp_path: Path, where: str) -> None:
    (tmp_path / where).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / where).write_text("a file in the way")
    assert "mine/net" in machine.load()["models"]
    assert (tmp_path / where).read_text() == "a file in the way"


def test_processes_that_build_at_once_agree(machine: Machine) -> None:
    processes = [machine.start() for _ in range(3)]
    read = [machine.end(process) for process in processes]
    assert read[0]["entries"] == read[1]["entries"] == read[2]["entries"]
    machine.settle()
    assert len(machine.files()) == 1


def test_a_process_that_imported_a_plugin_before_does_not_pass_it_on(machine: Machine) -> None:
    code = """
import mine, pathlib
from zoo.plugins.index import load_index
source = pathlib.Path(mine.__file__)
source.write_text(source.read_text().replace("'net'", "'edited'"))
load_index()
"""
    environment = {**os.environ, "PYTHONPATH": str(machine.site.folder), "ZOO_HOME": str(machine.home)}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=machine.cwd, check=True)
    assert "mine/edited" in machine.load()["models"]


def test_plugins_of_the_working_directory_are_not_found(machine: Machine, tmp_path: Path) -> None:
    here = type(machine.site)(tmp_path / "here")
    here.install_models("local", "net")
    machine.cwd = here.folder
    assert "local" not in machine.load()["states"]


def test_a_deleted_working_directory_is_no_hindrance(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.rmdir({str(gone)!r}); from zoo.plugins.index import load_index; load_index()"
    subprocess.run([sys.executable, "-c", code], cwd=gone, check=True)


def test_only_strings_of_the_search_path_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", Path("/a"), "/b"])
    assert search_path() == ["/b"]
    monkeypatch.setattr(sys, "path", [os.getcwd(), "/b", os.getcwd()])
    assert search_path() == ["/b", os.getcwd()]


def index_of(*names: str, kind: str = "model") -> Index:
    """An index with entries of these names; plugins `cnn` and `intro` are bundled, `hf` is a namespace of `hub`."""
    ids = {name.partition("/")[0] for name in names} | {"hub"}
    plugins = [
        {
            "id": name,
            "distribution": "deepzoo" if name in ("cnn", "intro") else f"zoo-{name}",
            "version": "1.0",
            "bundled": name in ("cnn", "intro"),
            "state": "ok",
            "reason": "",
            "hint": "",
            "namespaces": ["hf"] if name == "hub" else [],
        }
        for name in sorted(ids)
    ]
    entries = [
        {"kind": kind, "name": n, "plugin": n.partition("/")[0], "tasks": [], "modality": None, "spec": {"name": n}}
        for n in names
    ]
    return Index(entries, plugins)


def test_a_bundled_entry_that_wins_says_so() -> None:
    index = index_of("cnn/net", "mine/net", "yours/net")
    with pytest.warns(UserWarning, match="model 'net' is taken as cnn/net; there is also mine/net, yours/net"):
        assert index.find("model", "net") == "cnn/net"


@pytest.mark.filterwarnings("error")
def test_a_name_without_a_double_says_nothing() -> None:
    index = index_of("cnn/net", "mine/net", "mine/other")
    assert index.find("model", "mine/net") == "mine/net"
    assert index.find("model", "cnn/net") == "cnn/net"
    assert index.find("model", "other") == "mine/other"
    assert index_of("cnn/net", "mine/net", kind="metric").find("metric", "net") == "cnn/net"


def test_names_of_one_kind_are_unknown_to_the_others() -> None:
    with pytest.raises(UnknownNameError, match="there is no dataset named 'cnn/net'"):
        index_of("cnn/net").find("dataset", "cnn/net")


def test_a_name_in_a_reserved_namespace_keeps_its_case() -> None:
    index = index_of("cnn/net")
    assert index.find("model", "hf/Org/Repo") == "hf/Org/Repo"
    assert index.dynamic_plugin("hf:Org")["id"] == "hub"  # type: ignore[index]
    assert index.dynamic_plugin("hf") is None
    assert index.dynamic_plugin("/hf") is None


def test_a_name_of_a_plugin_that_is_not_well_says_why() -> None:
    index = index_of("cnn/net", "mine/net")
    index.entries.pop()
    index.plugins[-1].update(state="missing-deps", reason="needs the module 'wings'", hint="pip install wings")
    with pytest.raises(UnknownNameError) as caught:
        index.find("model", "mine/net")
    assert "there is no model named 'mine/net': plugin 'mine' (zoo-mine 1.0) is not used (missing-deps)" in caught.value.message
    assert "needs the module 'wings'" in caught.value.message
    assert caught.value.hint == "pip install wings"
    assert caught.value.candidates == ("cnn/net",)


def test_ambiguity_is_not_blamed_on_a_plugin() -> None:
    with pytest.raises(AmbiguousNameError) as caught:
        index_of("mine/net", "yours/net").entry("model", "net")
    assert caught.value.candidates == ("mine/net", "yours/net")


def test_references_hold_full_names_and_mean_the_plugins_own_first(site: Any) -> None:
    site.install(
        "mine",
        """
from zoo.hookspecs import hookimpl
from zoo.specs import *

WEIGHTS = Weights(uri="file:x", sha256="0" * 64, licence="MIT", source="test", recipe="train")
COMMON = dict(summary="S.", modality="image")

@hookimpl
def zoo_models():
    return [ModelSpec(name="net", tasks={"classify": "nets:Net"}, weights={"digits": WEIGHTS}, **COMMON)]

@hookimpl
def zoo_datasets():
    return [DatasetSpec(name="digits", target="a:b", splits={"test": 1}, licence="MIT", citation="", **COMMON)]

@hookimpl
def zoo_benchmarks():
    names = {"own": "digits", "theirs": "data/digits", "bare": "mnist", "nowhere": "nothing", "made": "folder:x"}
    return [BenchmarkSpec(name=n, task="classify", dataset=d, metrics=("accuracy",), **COMMON) for n, d in names.items()]

@hookimpl
def zoo_recipes():
    return [RecipeSpec(name="train", summary="S.", model="net", dataset="digits")]
""",
    )
    entries = {(entry["kind"], entry["name"]): entry for entry in load_index().entries}
    names = ("own", "theirs", "bare", "nowhere", "made")
    datasets = [entries["benchmark", f"mine/{name}"]["spec"]["dataset"] for name in names]
    assert datasets == ["mine/digits", "data/digits", "data/mnist", "nothing", "folder:x"]
    recipe = entries["recipe", "mine/train"]
    assert (recipe["spec"]["model"], recipe["spec"]["dataset"], recipe["modality"]) == ("mine/net", "mine/digits", "image")
    assert entries["model", "mine/net"]["spec"]["weights"]["digits"]["recipe"] == "mine/train"


BUILT = """
import json, os, pathlib
from mine import middle
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    names = json.loads((pathlib.Path(__file__).parent / "specs.json").read_text()) + middle.names()
    return [ModelSpec(name=name, summary="A net.", tasks={"classify": "nets:Net"}, modality="vector") for name in names]
"""


@pytest.fixture
def built(site: Any, zoo_home: Path, tmp_path: Path) -> Machine:
    """With a plugin that makes its specs of a JSON file, of a helper two imports away, of a file elsewhere and of a variable."""
    (tmp_path / "elsewhere.txt").write_text("far")
    middle = f"""
import os
def names():
    import mine_tools
    return [mine_tools.NAME, open({str(tmp_path / "elsewhere.txt")!r}).read(), os.environ.get("MINE", "unset")]
"""
    helper = {"mine/specs.json": '["one"]', "mine/middle.py": middle, "mine_tools.py": "NAME = 'two'"}
    site.install("mine", BUILT, files=helper)
    old = tmp_path / "elsewhere.txt"
    os.utime(old, (1e9, 1e9))
    site.age()
    return Machine(site, zoo_home, tmp_path)


def own(machine: Machine, **variables: str) -> set[str]:
    return {name.partition("/")[2] for name in machine.load(**variables)["models"] if name.startswith("mine/")}


@pytest.mark.parametrize(
    ("place", "text", "names"),
    [
        ("site/mine/specs.json", '["new"]', {"new", "two", "far", "unset"}),
        ("site/mine_tools.py", "NAME = 'new'", {"one", "new", "far", "unset"}),
        ("elsewhere.txt", "new", {"one", "two", "new", "unset"}),
    ],
)
def test_every_file_that_a_plugin_makes_its_specs_of_is_seen(
    built: Machine, place: str, text: str, names: set[str], tmp_path: Path
) -> None:
    assert own(built) == {"one", "two", "far", "unset"}
    built.settle()
    before = (tmp_path / place).stat()
    (tmp_path / place).write_text(text)
    os.utime(tmp_path / place, ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same size and time
    if place.endswith(".py"):  # Python itself would run what it has compiled of a file of that size and time
        os.utime(tmp_path / place)
    assert own(built) == names


def test_a_variable_that_a_plugin_reads_is_seen(built: Machine) -> None:
    own(built)
    built.settle()
    assert "set" in own(built, MINE="set")


def test_a_plugin_that_asks_another_process_is_asked_every_time(site: Any, zoo_home: Path, tmp_path: Path) -> None:
    site.install_models("mine", "net")
    site.write(
        "mine/__init__.py", "import subprocess\nsubprocess.run(['true'])\n" + (site.folder / "mine/__init__.py").read_text()
    )
    site.age()
    machine = Machine(site, zoo_home, tmp_path)
    assert [machine.load()["cold"] for _ in range(3)] == [True] * 3
