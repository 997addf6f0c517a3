"""A stranger's afternoon: a new project is installed, listed, checked, edited, published and removed, as the guide says."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from zoo.errors import OptionError
from zoo.plugins.catalogue import Catalogue
from zoo.plugins.scaffold import KINDS, new_project
from zoo_cli.plugins import KINDS as OFFERED

GUIDE = Path(__file__).parents[2] / "plugins" / "README.md"


def blocks(language: str) -> list[str]:
    """The guide's code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_each_step_works_as_the_one_before_printed_it(fresh, tmp_path):
    made = fresh.shell("zoo plugins new demo", tmp_path)
    assert made.code == 0, made.err
    shown = dict(re.findall(r"^  (install|see|check) it +(.+?)(?:   .*)?$", made.out, re.MULTILINE))
    assert shown == {
        "install": "zoo plugins install ./demo",
        "see": "zoo list --plugin demo",
        "check": "zoo plugins check demo",
    }
    added = fresh.shell(shown["install"] + " --yes", tmp_path)
    assert added.code == 0, added.err
    assert added.out.splitlines() == [
        "installed plugin 'demo' (zoo-demo 0.1.0): ok, 1 model, 1 metric, 1 benchmark, 1 recipe",
        "see it: zoo list --plugin demo",
    ]
    assert fresh.shell(shown["see"], tmp_path).out.startswith("demo/centroids\t")
    checked = fresh.shell(f"{shown['check']} --no-behaviour", tmp_path)
    assert checked.code == 0 and checked.out.startswith("demo (zoo-demo 0.1.0) passed: ")
    gone = fresh.shell("zoo plugins uninstall demo && zoo list --plugin demo", tmp_path)
    assert gone.code == 2 and gone.out == "removed plugin 'demo' (zoo-demo 0.1.0)\n"
    assert "there is no plugin 'demo'" in gone.err


@pytest.mark.slow
def test_an_edit_an_upgrade_and_a_removal_are_seen_by_the_very_next_command(fresh, tmp_path):
    fresh.shell("zoo plugins new demo && zoo plugins install --yes -e ./demo", tmp_path)
    source = tmp_path / "demo" / "zoo_demo" / "__init__.py"
    assert fresh.shell("zoo list --plugin demo", tmp_path).out.startswith("demo/centroids\t")
    source.write_text(source.read_text().replace('name="centroids"', 'name="nearest"'))
    assert fresh.shell("zoo list --plugin demo", tmp_path).out.startswith("demo/nearest\t")
    project = tmp_path / "demo" / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "0.1.0"', 'version = "0.2.0"'))
    upgraded = fresh.shell("zoo plugins install --yes --upgrade ./demo", tmp_path)
    assert "was 0.1.0, now plugin 'demo' (zoo-demo 0.2.0)" in upgraded.out, upgraded.err
    assert fresh.zoo("plugins", "list", "--json").json[-1]["version"] == "0.2.0"
    fresh.pip("uninstall", "--yes", "zoo-demo")
    assert fresh.zoo("list", "--plugin", "demo").code == 2


@pytest.mark.slow
def test_a_dry_run_installs_nothing_and_a_failure_says_what_to_do(fresh, tmp_path):
    fresh.shell("zoo plugins new demo", tmp_path)
    dry = fresh.shell("zoo plugins install --dry-run ./demo", tmp_path)
    assert dry.code == 0 and "  zoo-demo 0.1.0  from the folder ./demo; not in registry.yaml" in dry.err and dry.out == ""
    failed = fresh.shell("zoo plugins install --yes demo", tmp_path)
    assert failed.code == 2 and "of the folder here: zoo plugins install ./demo" in failed.err
    assert fresh.zoo("list", "--plugin", "demo").code == 2


@pytest.mark.slow
def test_a_plugin_that_the_catalogue_knows_is_installed_by_its_id(fresh, wheels, tmp_path):
    own = tmp_path / "own.yaml"
    entry = {"id": "density", "distribution": f"zoo-good @ {wheels['zoo-good'].as_uri()}", "summary": "Brightness"}
    own.write_text(yaml.safe_dump({"version": 1, "plugins": [entry]}))
    found = fresh.zoo("plugins", "search", "bright", "--json", ZOO_REGISTRY=str(own))
    assert [(plugin["id"], plugin["installed"]) for plugin in found.json] == [("density", None)]
    added = fresh.shell("zoo plugins install --yes density --json", tmp_path, ZOO_REGISTRY=str(own))
    assert '"id": "good"' in added.out, added.err
    assert fresh.zoo("plugins", "search", "nothing", ZOO_REGISTRY=str(own)).out == ""


@pytest.mark.parametrize("name", ["Demo", "1st", "a_b", "a b", "zoo-"])
def test_an_id_that_cannot_be_leaves_nothing_behind(crowded, tmp_path, name):
    done = crowded.zoo("plugins", "new", name, cwd=tmp_path)
    assert done.code == 2 and "cannot be the id of a plugin" in done.err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_no_id_taken_twice(crowded, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "is there already" in crowded.zoo("plugins", "new", "mine", cwd=tmp_path).err
    assert "there is a plugin 'good' already" in crowded.zoo("plugins", "new", "good", cwd=tmp_path).err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_new_project_has_no_trace_of_the_example_and_is_clean(crowded, tmp_path):
    done = crowded.zoo("plugins", "new", "zoo-my-nets", "--to", "here", cwd=tmp_path)
    assert done.code == 0, done.err
    files = [path for path in (tmp_path / "here").rglob("*") if path.suffix in (".py", ".toml", ".md")]
    assert {path.name for path in files} >= {"test_my_nets.py", "pyproject.toml", "README.md"}
    for path in files:
        assert not re.search(r"example|@[A-Z0-9]+@|TODO", path.read_text()), path
    project = tomllib.loads((tmp_path / "here" / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["entry-points"]["zoo"]) == ("zoo-my-nets", {"my-nets": "zoo_my_nets"})
    assert (
        crowded.run(
            "-m", "ruff", "check", "--isolated", "--select", "E,F,I,B,UP", "--line-length", "130", "here", cwd=tmp_path
        ).code
        == 0
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_of_any_kind_is_clean_and_imports_public_things_only(tmp_path, kind):
    made = new_project("my-thing", tmp_path / "here", kind)
    sources = list(made.rglob("*.py"))
    assert {path.name for path in made.rglob("*")} >= {"README.md", "LICENSE", "test.yml", "pyproject.toml", "test_my_thing.py"}
    for path in [*sources, *made.rglob("*.toml"), *made.rglob("*.md"), *made.rglob("*.yml")]:
        assert not re.search(r"example|@[A-Z0-9 ]+@|TODO", path.read_text()), path
    for path in sources:
        found = ast.walk(ast.parse(path.read_text()))
        modules = {node.module for node in found if isinstance(node, ast.ImportFrom) and node.module}
        assert all(name.count(".") < 2 for name in modules if name.startswith("zoo.")), modules
        others = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
        assert others <= {"zoo", "zoo_my_thing", "torch", "pydantic"}, others
    yaml.safe_load((made / ".github" / "workflows" / "test.yml").read_text())
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,I,B,UP", "--line-length", "130", "here"]
    done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_command_line_offers_the_kinds_that_there_are():
    assert OFFERED == KINDS
    with pytest.raises(OptionError, match="no plugin project of kind 'dataste'") as caught:
        new_project("some", kind="dataste")
    assert "did you mean dataset?" in caught.value.hint


@pytest.mark.slow
def test_a_project_of_any_kind_passes_its_own_tests_one_of_which_is_every_check(fresh, tmp_path):
    for kind in KINDS[1:]:  # that of the first is what the guide goes through
        new_project(f"a-{kind}", tmp_path / f"a-{kind}", kind)
    folders = " ".join(f"./a-{kind}" for kind in KINDS[1:])
    added = fresh.shell(f"zoo plugins install --yes --pip=--quiet {folders}", tmp_path)
    assert added.code == 0 and added.out.count(": ok, ") == len(KINDS) - 1, added.err
    done = fresh.shell(f"pytest -q -n 0 -p zoo.testing --import-mode importlib {folders}", tmp_path, OMP_NUM_THREADS="1")
    assert done.code == 0, done.out


@pytest.mark.slow
def test_every_command_of_the_guide_works_in_its_order(fresh, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(blocks("yaml")[0])
    for script in blocks("sh"):
        done = fresh.shell(script, tmp_path, ZOO_REGISTRY=str(own))
        assert done.code == 0, f"{script}\n{done.out}\n{done.err}"
    assert [plugin["id"] for plugin in fresh.zoo("plugins", "search", "brier", "--json", ZOO_REGISTRY=str(own)).json] == ["demo"]
    folder = fresh.zoo("plugins", "check", "./demo", cwd=tmp_path, PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="0")
    assert folder.code == 0, folder.out


def test_the_guide_s_catalogue_is_one():
    (text,) = blocks("yaml")
    assert Catalogue.model_validate(yaml.safe_load(text)).plugins[0].distribution == "zoo-demo"


def test_the_guide_names_only_commands_that_there_are(crowded):
    commands = {
        tuple(shlex.split(line)[1:3]) for block in blocks("sh") for line in block.splitlines() if line.startswith("zoo plugins")
    }
    help_ = crowded.zoo("plugins", "--help").out
    for _, command in commands:
        assert re.search(rf"^  {command} ", help_, re.MULTILINE), command
