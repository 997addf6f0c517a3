"""What is asked to be installed: told apart without running any of it, and refused where it may mean something else."""

from pathlib import Path

import pytest
import yaml

from zoo.errors import CatalogueError, OptionError, PluginError
from zoo.plugins.asked import Asked, read_asked
from zoo.plugins.catalogue import load_catalogue

ENTRY = {"id": "bridge", "distribution": "zoo-bridge", "summary": "A bridge.", "publisher": "Some people"}


def project(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(text)
    return folder


@pytest.fixture
def known(tmp_path, monkeypatch):
    """What sets the entries of a catalogue of the user's own, with `plugins` beside ours."""

    def write(*entries: dict) -> None:
        (tmp_path / "own.yaml").write_text(yaml.safe_dump({"version": 1, "plugins": list(entries)}))
        monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "own.yaml"))

    monkeypatch.chdir(tmp_path)
    write(ENTRY)
    return write


def asked(*names: str, editable: tuple[str, ...] = (), installed: tuple[str, ...] = ()) -> Asked:
    (found,) = read_asked(names, editable, load_catalogue(), installed)
    return found


@pytest.mark.parametrize("name", ["--index-url=https://evil", "-r", "", " ", "demo\n--pre", "demo\x1b[2J", "-e ./demo"])
def test_what_would_be_an_option_of_the_installers_is_refused(known, name):
    with pytest.raises(OptionError, match="is no name of a plugin"):
        asked(name)
    with pytest.raises(OptionError, match="is no name of a plugin"):
        asked(editable=(name,))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("brigde", "bridge"),
        ("bridg", "bridge"),
        ("zoo-brdge", "bridge"),
        ("deepzoo-bridge", "bridge"),
        ("bridge-plugin", "bridge"),
        ("br1dge", "bridge"),
        ("visoin", "vision"),
        ("zoo-vision", "vision"),
        ("zoo_h0mework", "homework"),
        ("genrative", "generative"),
        ("deepzo", "deepzoo"),
        ("deep-zoo", "deepzoo"),
    ],
)
def test_a_name_near_one_that_is_known_never_goes_to_an_index_by_itself(known, name, meant):
    with pytest.raises(PluginError, match=f"'{meant}'") as caught:
        asked(name)
    assert f"zoo plugins install '{name}>=0'" in caught.value.hint


@pytest.mark.parametrize("name", ["humanize", "zoo-wandb", "brigde>=0", "brigde==1.0"])
def test_other_names_and_those_with_versions_are_meant_as_they_are(known, name):
    assert (asked(name).origin, asked(name).publisher) == ("index", "")


def test_what_is_installed_already_is_meant(known):
    assert asked("brigde", installed=("brigde",)).origin == "index"


def test_a_name_that_is_a_folder_here_is_asked_for_as_one(known, tmp_path):
    project(tmp_path / "demo", '[project]\nname = "zoo-demo"\nversion = "1.0"')
    with pytest.raises(PluginError, match="may be the folder here") as caught:
        asked("demo")
    assert "zoo plugins install ./demo" in caught.value.hint
    assert [asked(name).origin for name in ("./demo", "demo/", str(tmp_path / "demo"))] == ["folder"] * 3


def test_an_id_of_the_catalogue_says_who_publishes_it(known):
    assert asked("bridge").__dict__.items() >= {"argument": "zoo-bridge", "origin": "index", "publisher": "Some people"}.items()
    assert asked("zoo-bridge").publisher == asked("Zoo_Bridge").publisher == "Some people"


def test_a_catalogue_s_range_of_deepzoo_is_kept(known):
    known({**ENTRY, "requires": ">=99"})
    with pytest.raises(PluginError, match="needs deepzoo >=99 by the catalogue"):
        asked("bridge")
    known({**ENTRY, "requires": ">=0.1,<99"})
    assert asked("bridge").name == "zoo-bridge"


def test_what_lies_in_the_repository_is_taken_from_there_and_never_from_an_index(known, tmp_path):
    known({**ENTRY, "folder": "examples/bridge"})
    for name in ("bridge", "zoo-bridge", "zoo-bridge>=0", "zoo-bridge[more]"):
        with pytest.raises(PluginError, match="on no index"):
            asked(name)
    folder = project(tmp_path / "examples" / "bridge", '[project]\nname = "zoo-bridge"\nversion = "1.0"')
    found = asked("bridge")
    assert (found.origin, Path(found.argument), found.publisher) == ("folder", folder, "Some people")
    assert asked("./examples/bridge").publisher == asked(editable=("examples/bridge",)).publisher == "Some people"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("distribution", "--index-url=https://evil"),
        ("distribution", "zoo-bridge --pre"),
        ("distribution", "zoo-bridge\n--pre"),
        ("distribution", "./bridge"),
        ("distribution", "zoo-bridge @ https://user:token@host/zoo_bridge-1-py3-none-any.whl"),
        ("distribution", "zoo-bridge @ https://host/zoo_bridge-1-py3-none-any.whl?token=secret"),
        ("folder", "../bridge"),
        ("folder", "a/../../bridge"),
        ("folder", "/etc"),
        ("folder", "~/bridge"),
        ("folder", "c:\\bridge"),
        ("id", "../bridge"),
        ("id", "Bridge"),
        ("id", "-r"),
        ("requires", "deepzoo>=1"),
        ("homepage", "javascript:alert(1)"),
        ("homepage", "https://user:token@host"),
        ("summary", "clean\x1b[2J"),
        ("publisher", "two\nlines"),
    ],
)
def test_an_entry_of_the_catalogue_that_could_do_harm_is_refused_by_its_field(known, field, value):
    known({**ENTRY, field: value})
    with pytest.raises(CatalogueError, match=rf"plugins\.0\.{field}: Value error") as caught:
        load_catalogue()
    assert "\n" not in caught.value.message and "token" not in caught.value.message.partition("Value error")[0]


@pytest.mark.parametrize(
    "name", ["humanize", "bridge", "zoo-x @ https://host/zoo_x-1-py3-none-any.whl", "git+https://host/group/zoo-x"]
)
def test_offline_what_is_elsewhere_is_refused(known, monkeypatch, name):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(PluginError, match="ZOO_OFFLINE forbids the network"):
        asked(name)


def test_offline_what_is_here_is_not(known, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    project(tmp_path / "demo", "[project]\nname = 'demo'")
    (tmp_path / "zoo_x-1.0-py3-none-any.whl").touch()
    found = asked("./zoo_x-1.0-py3-none-any.whl")
    assert (found.origin, found.name, found.version) == ("wheel", "zoo-x", "1.0")
    assert asked("./demo").origin == "folder"


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("zoo-x @ https://u:p@host/zoo_x-1-py3-none-any.whl?sig=secret", "address"),
        ("https://u:p@host/zoo_x-1.tar.gz?sig=secret", "archive"),
        ("git+https://u:p@host/group/zoo-x@main", "vcs"),
        ("zoo-x[more]@git+ssh://u:p@host/group/zoo-x", "vcs"),
    ],
)
def test_an_address_is_shown_without_its_secrets_and_used_with_them(known, name, origin):
    found = asked(name)
    assert found.origin == origin and found.argument == name
    assert "u:p" not in found.place and "secret" not in found.place and "host" in found.place


def test_what_a_folder_needs_is_read_and_not_run(known, tmp_path):
    project(
        tmp_path / "demo",
        """
[project]
name = "zoo-demo"
version = "1.0"
dependencies = ["deepzoo", "a"]
[project.optional-dependencies]
one = ["b", "Zoo_Demo[two]"]
two = ["c"]
three = ["d"]
""",
    )
    (tmp_path / "demo" / "setup.py").write_text("raise SystemExit('it was run')")
    found = asked("./demo[one]")
    assert (found.name, found.version, found.argument) == ("zoo-demo", "1.0", "./demo[one]")
    assert found.needs == ("deepzoo", "a", "b", "c") and not found.runs_to_tell
    assert asked(editable=("./demo",)).needs == ("deepzoo", "a")


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'demo'\ndynamic = ['dependencies']",
        "[tool.x]",
        "[project]\nname = 3",
        "[project]\nname = 'demo'\ndependencies = ['x @ git+https://host/x']",
    ],
)
def test_a_folder_that_does_not_say_what_it_needs_must_run_to_tell(known, tmp_path, text):
    project(tmp_path / "demo", text)
    assert asked("./demo").runs_to_tell


def test_what_is_nowhere_is_a_users_error(known, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, why in {
        "./nowhere": "no folder or file",
        "./empty": "no pyproject.toml",
        "./x.whl": "no folder or file",
        "a b": "no plugin",
    }.items():
        with pytest.raises((PluginError, OptionError), match=why):
            asked(name)


def test_our_own_entries_that_lie_in_the_repository_are_there(monkeypatch):
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    known = load_catalogue().plugins
    assert {entry.id for entry in known} >= {"onnxruntime", "sklearn", "tabular"}
    for entry in known:
        found = asked(entry.id)
        assert (found.origin, found.name) == ("folder", entry.distribution) and found.publisher == "the authors of deepzoo"


@pytest.mark.parametrize("needs", ["[3]", "'deepzoo'", "['not a requirement']"])
def test_requirements_that_cannot_be_read_are_a_users_error(known, tmp_path, needs):
    project(tmp_path / "demo", f'[project]\nname = "demo"\ndependencies = {needs}')
    with pytest.raises(PluginError, match=r"what \./demo requires cannot be read"):
        asked("./demo")


def test_an_address_that_is_none_is_a_users_error(known):
    with pytest.raises(OptionError, match="is no address"):
        asked("https://[bad/zoo_x-1-py3-none-any.whl")
