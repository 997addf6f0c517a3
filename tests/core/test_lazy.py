"""Lazy targets: imported when used, and a wrong one is named."""

from typing import Any

import pytest

from zoo.errors import PluginError
from zoo.lazy import load_target


def test_a_target_is_the_attribute_of_its_module() -> None:
    import json.decoder

    assert load_target("json.decoder:JSONDecoder") is json.decoder.JSONDecoder


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("no_such_package.net:Net", "needs the module 'no_such_package'", "not installed whole"),
        ("needy.rest:Net", r"needs the module 'needy\.rest'", "not installed whole"),
        ("needy.net:Net", "needs the module 'need'", "pip install need"),
        ("needy:Net", "module 'needy' has no 'Net'", "target 'needy:Net' is wrong"),
    ],
)
def test_a_wrong_target_says_what_is_missing(site: Any, target: str, message: str, hint: str) -> None:
    site.install("needy", "", files={"needy/net.py": "import need"})
    with pytest.raises(PluginError, match=message) as caught:
        load_target(target)
    assert hint in caught.value.hint
