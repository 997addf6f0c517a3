"""Installing by real installers: told and asked before, within what deepzoo needs, and undone where it fails."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SPECS = """
from zoo import hookimpl
@hookimpl
def zoo_models():
    return []
"""


def project(folder: Path, *needs: str, entry: str = SPECS, more: str = "") -> Path:
    """The project of a plugin called as the folder, with a build that leaves a mark beside it."""
    package = f"zoo_{folder.name}"
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text(entry)
    (folder / "hatch_build.py").write_text(
        "from pathlib import Path\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
        "class Mark(BuildHookInterface):\n    def initialize(self, version, build_data):\n"
        "        Path(__file__).parent.with_suffix('.was-built').touch()\n"
    )
    (folder / "pyproject.toml").write_text(
        f'{BUILD}[project]\nname = "zoo-{folder.name}"\nversion = "1.0"\ndependencies = {list(needs)}\n'
        f'[project.entry-points.zoo]\n{folder.name} = "{package}"\n[tool.hatch.build.hooks.custom]\n{more}'
    )
    return folder


def packages(environment) -> set[str]:
    return {path.name for path in environment.packages.iterdir()}


def test_a_plugin_that_clashes_with_what_deepzoo_needs_is_refused_and_nothing_changed(fresh, tmp_path):
    project(tmp_path / "pin", "deepzoo", "click<8.1")
    before = packages(fresh)
    done = fresh.shell("zoo plugins install --yes ./pin", tmp_path, PIP_NO_DEPS="0")
    assert done.code == 2 and done.out == ""
    assert "zoo-pin 1.0 requires click<8.1, and deepzoo needs click as it is here" in done.err
    assert packages(fresh) == before and not (tmp_path / "pin.was-built").exists()


def test_without_a_terminal_nothing_is_done_unless_it_is_said(fresh, tmp_path):
    project(tmp_path / "some", "deepzoo")
    before = packages(fresh)
    done = fresh.shell("zoo plugins install -e ./some --pip=--no-deps", tmp_path)
    assert done.code == 2 and "zoo plugins install --yes --pip=--no-deps --editable ./some" in done.err
    assert packages(fresh) == before and not (tmp_path / "some.was-built").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [("\n", 1), ("y\n", 0)])
def test_on_a_terminal_the_plan_is_shown_and_asked_before_any_of_it_runs(fresh, tmp_path, answer, code):
    project(tmp_path / "some", "deepzoo")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [fresh.python, "-m", "zoo_cli", "plugins", "install", "./some"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
        env={**os.environ, "ZOO_HOME": str(fresh.home), "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"},
    )
    os.write(ours, answer.encode())
    out, err = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, err
    assert err.index("zoo-some 1.0  from the folder ./some; not in registry.yaml") < err.index("install this? [y/N]")
    assert "this is code that runs as you do" in err
    assert (tmp_path / "some.was-built").exists() == (code == 0)
    assert out.startswith("installed plugin 'some' (zoo-some 1.0): ok") == (code == 0)


@pytest.mark.slow
def test_a_build_that_fails_leaves_nothing_and_says_why(fresh, tmp_path):
    project(tmp_path / "sound", "deepzoo")
    folder = project(tmp_path / "broken", "deepzoo")
    (folder / "hatch_build.py").write_text("raise RuntimeError('out of order')\n")
    before = packages(fresh)
    done = fresh.shell("zoo plugins install --yes ./sound ./broken", tmp_path)
    assert done.code == 2 and "error: zoo-sound and zoo-broken cannot be installed: " in done.err
    assert "out of order" in done.err
    assert packages(fresh) == before


@pytest.mark.slow
def test_what_is_installed_and_not_well_is_said_by_the_exit_code(fresh, tmp_path):
    project(tmp_path / "ill", "deepzoo", entry="raise RuntimeError('not today')\n")
    done = fresh.shell("zoo plugins install --yes ./ill", tmp_path)
    assert done.code == 1 and "installed plugin 'ill' (zoo-ill 1.0): error" in done.out and "not today" in done.err


@pytest.mark.slow
def test_what_must_run_to_tell_what_it_needs_is_asked_for_before(fresh, tmp_path):
    folder = project(tmp_path / "dyn", "deepzoo")
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace("dependencies = ['deepzoo']", 'dynamic = ["dependencies"]'))
    (folder / "hatch_build.py").write_text(
        (folder / "hatch_build.py").read_text()
        + "from hatchling.metadata.plugin.interface import MetadataHookInterface\n"
        + "class Needs(MetadataHookInterface):\n    def update(self, metadata):\n"
        + "        metadata['dependencies'] = ['click<8.1']\n"
        + "def get_build_hook():\n    return Mark\ndef get_metadata_hook():\n    return Needs\n"
    )
    with open(folder / "pyproject.toml", "a") as file:
        file.write("[tool.hatch.metadata.hooks.custom]\n")
    refused = fresh.shell("zoo plugins install --dry-run ./dyn", tmp_path)
    assert refused.code == 2 and "nobody can answer here" in refused.err
    assert not (tmp_path / "dyn.was-built").exists()
    before = packages(fresh)
    clash = fresh.shell("zoo plugins install --yes ./dyn", tmp_path, PIP_NO_DEPS="0")
    assert clash.code == 2 and "zoo-dyn 1.0 requires click<8.1, and deepzoo needs click as it is here" in clash.err, clash.err
    assert packages(fresh) == before


@pytest.mark.slow
def test_secrets_of_an_address_are_nowhere_in_what_is_said_and_left(fresh, tmp_path):
    address = "http://user:s3cr3t@localhost:9/zoo_some-1.0-py3-none-any.whl?token=s3cr3t"
    done = fresh.shell(f"zoo plugins install --yes '{address}' --pip=--retries=0 --json", tmp_path)
    assert done.code == 2 and "localhost:9/zoo_some-1.0-py3-none-any.whl" in done.out
    assert "s3cr3t" not in done.out + done.err
    for path in fresh.home.rglob("*") if fresh.home.exists() else ():
        assert path.is_dir() or b"s3cr3t" not in path.read_bytes(), path
