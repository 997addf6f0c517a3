"""Fixtures for the tests of a plugin: state in a folder of the test's own, no network, and every check of the kit."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.testing.checking import check_plugin
from zoo.testing.findings import Report
from zoo.testing.guards import Guard


@pytest.fixture
def zoo_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `ZOO_HOME` of the test's own; a store or catalogue that the user has set is left out."""
    home = tmp_path / "zoo-home"
    monkeypatch.setenv("ZOO_HOME", str(home))
    for name in ("ZOO_STORE", "ZOO_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def zoo_offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    """No network in this test: whoever asks for it is refused, and the test fails, whatever becomes of the refusal."""
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with Guard.watching() as guard:
        yield guard
    if guard.network:
        pytest.fail(f"the network was asked for: {', '.join(guard.network)}", pytrace=False)


@pytest.fixture
def zoo_check() -> Callable[..., Report]:
    """Run every check on an installed plugin, by id, or on a project's folder; fails with what is wrong and how to mend it."""

    def check(plugin: str | Path, **settings: bool) -> Report:
        report = check_plugin(plugin, **settings)
        if not report.passed:
            pytest.fail(report.text(), pytrace=False)
        return report

    return check
