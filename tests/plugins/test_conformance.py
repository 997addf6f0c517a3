"""Every bundled plugin passes the checks that its authors would put to a foreign one."""

import pytest

from zoo.plugins.index import load_index
from zoo.testing import check_plugin

IDS = [plugin["id"] for plugin in load_index().plugins if plugin["bundled"]]


@pytest.mark.parametrize("plugin", ["intro", *(pytest.param(name, marks=pytest.mark.slow) for name in IDS if name != "intro")])
@pytest.mark.timeout(1800)
def test_a_bundled_plugin_passes_every_check(plugin: str) -> None:
    report = check_plugin(plugin)
    assert report.passed, report.text()
    assert report.of("ok")
