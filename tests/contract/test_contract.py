"""A change of the public surface is a decision: it must be made in `surface.json` too, and the guide describes all of it.

To record a change: ZOO_RECORD_CONTRACT=1 pytest tests/contract. Additions may come with any version. What is removed or
renamed, or becomes required, needs a release in which it warns, and a new major version: see plugins/README.md.
"""

import importlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SNAPSHOT = HERE / "surface.json"
GUIDE = HERE.parents[1] / "plugins" / "README.md"
MARKS = ("<!-- reference: made from the code by tests/contract -->\n", "<!-- end of reference -->\n")
RECORD = os.environ.get("ZOO_RECORD_CONTRACT") == "1"
HINT = "where it is meant: ZOO_RECORD_CONTRACT=1 pytest tests/contract"


@pytest.fixture(scope="module")
def code() -> Any:
    """The module that reads the surface from the code."""
    spec = importlib.util.spec_from_file_location("contract_surface", HERE / "surface.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flat(value: Any, path: str = "") -> set[str]:
    """Every leaf with the path to it."""
    if isinstance(value, dict):
        return {leaf for key, item in value.items() for leaf in flat(item, f"{path}.{key}" if path else key)} or {path}
    if isinstance(value, list):
        return {f"{path}: {item}" for item in value} or {path}
    return {f"{path}: {value}"}


def test_the_public_surface_is_the_one_that_was_decided(code: Any) -> None:
    now = code.surface()
    if RECORD:
        SNAPSHOT.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    decided = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    gone, new = flat(decided) - flat(now), flat(now) - flat(decided)
    assert not gone, f"removed, which breaks plugins: {sorted(gone)}; {HINT}"
    assert not new, f"new: {sorted(new)}; {HINT}"


def test_no_public_name_is_that_of_a_module_beside_it(code: Any) -> None:
    """Which of the two a reader gets would hang on what was imported before."""
    for package, names in code.surface()["modules"].items():
        if hasattr(importlib.import_module(package), "__path__"):
            assert [name for name in names if importlib.util.find_spec(f"{package}.{name}")] == []


def test_the_guide_describes_every_hook_and_field_as_the_code_does(code: Any) -> None:
    before, _, rest = GUIDE.read_text(encoding="utf-8").partition(MARKS[0])
    shown, _, after = rest.partition(MARKS[1])
    if RECORD:
        GUIDE.write_text(f"{before}{MARKS[0]}{code.reference()}{MARKS[1]}{after}", encoding="utf-8")
        return
    assert shown == code.reference(), f"the guide's reference is not the code's; {HINT}"


def test_every_field_is_described(code: Any) -> None:
    bare = [
        f"{name}.{field}" for name, cls in code.SPECS.items() for field, info in cls.model_fields.items() if not info.description
    ]
    assert bare == []


def test_the_guide_names_every_check_state_and_variable(code: Any) -> None:
    from zoo.plugins.discovery import STATES

    text = GUIDE.read_text(encoding="utf-8")
    for name in (
        *code.testing.CHECKS,
        *STATES,
        "ZOO_PLUGINS",
        "ZOO_STRICT_PLUGINS",
        "zoo --no-plugins",
        "zoo_check",
        "zoo_home",
        "zoo_offline",
    ):
        assert f"`{name}" in text, name


def test_a_removal_and_an_addition_are_both_seen() -> None:
    old, new = {"hooks": {"zoo_models": ["a"]}}, {"hooks": {"zoo_models": ["a", "b"], "zoo_more": []}}
    assert flat(new) - flat(old) == {"hooks.zoo_models: b", "hooks.zoo_more"}
    assert flat(old) - flat(new) == set()
