"""What installing would do: told by pip and uv, and kept within what deepzoo needs."""

from importlib import metadata

import pytest

from zoo.errors import PluginError
from zoo.plugins.asked import Asked
from zoo.plugins.needed import closure
from zoo.plugins.planning import _at_commit, check_needs, failed, reason_in

PIP = """Processing ./pin
INFO: pip is looking at multiple versions of zoo-pin to determine which version is compatible with other requirements.

The conflict is caused by:
    zoo-pin 1.0 depends on click<8.1
    The user requested (constraint) click==8.5.1

To fix this you could try to:
1. loosen the range of package versions you've specified
ERROR: Cannot install zoo-pin==1.0 because these package versions have conflicting dependencies.
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/
"""
UV = """Using Python 3.11.7 environment at: /environment
error: No solution found when resolving dependencies
  cause: Because zoo-pin==1.0 depends on click<8.1 and click==8.5.1, we can conclude that zoo-pin==1.0 cannot be used.
         And because only zoo-pin==1.0 is available and you require zoo-pin, we can conclude that your requirements are
         unsatisfiable.
"""


def test_what_deepzoo_needs_is_held_at_the_versions_that_are_here():
    held = closure()
    assert held["deepzoo"] == metadata.version("deepzoo")
    assert held["click"] == metadata.version("click")
    assert held["markupsafe"] == metadata.version("markupsafe")  # which jinja2 needs
    assert held["torch"] == metadata.version("torch")
    assert "pip" not in held


@pytest.mark.parametrize("said", [PIP, UV])
def test_a_clash_says_which_requirement_and_with_what(said):
    error = failed("./pin", said, {"click": "8.5.1"})
    assert "zoo-pin" in error.message and "click<8.1" in error.message and "8.5.1" in error.message
    assert "deepzoo needs" in error.message and "nothing was installed" in error.message
    assert "\n" not in error.message and "environment of its own" in error.hint


def test_of_another_failure_the_installer_s_own_reason_is_told():
    said = "Looking in indexes\nERROR: Could not find a version\nERROR: No matching distribution found for zoo-none\n"
    assert reason_in(said, {}) == "Could not find a version"
    assert reason_in("it broke\n", {}) == "it broke" and reason_in("", {}) == "it says nothing"


def test_a_folder_that_clashes_is_refused_before_anything_runs():
    pin = Asked("./pin", "folder", name="zoo-pin", version="1.0", needs=("click<8.1", "torch<1; python_version < '3'"))
    with pytest.raises(
        PluginError, match=r"zoo-pin 1.0 requires click<8.1, and deepzoo needs click as it is here, 8.5"
    ) as caught:
        check_needs([pin], {"click": "8.5", "torch": "2.10.0+cpu"})
    assert "nothing was installed" in caught.value.message
    check_needs(
        [Asked("./ok", "folder", needs=("click>=8", "torch==2.10.0", "other<1"))], {"click": "8.5", "torch": "2.10.0+cpu"}
    )


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("git+https://host/a/b", "git+https://host/a/b@cafe"),
        ("git+https://u:p@host/a/b@main#subdirectory=x", "git+https://u:p@host/a/b@cafe#subdirectory=x"),
        ("zoo-b[x] @ git+ssh://git@host/a/b@v1", "zoo-b[x] @ git+ssh://git@host/a/b@cafe"),
        ("git+https://host/other", "git+https://host/other"),
    ],
)
def test_a_repository_is_installed_at_the_commit_that_was_planned(argument, expected):
    assert _at_commit(Asked(argument, "vcs"), {"/a/b": "cafe"}) == expected
