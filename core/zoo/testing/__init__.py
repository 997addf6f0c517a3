"""The conformance kit: whether a plugin keeps the contract, for authors and for CI.

`zoo plugins check ID` runs it, `check_plugin` from Python, and in pytest, which loads this package as a plugin, the fixture
`zoo_check`:

    def test_the_plugin_passes_every_check(zoo_check):
        zoo_check("demo")
"""

from zoo.testing.checking import check_plugin
from zoo.testing.findings import CHECKS, Finding, Report

__all__ = ["CHECKS", "Finding", "Report", "check_plugin"]

pytest_plugins = ("zoo.testing.fixtures",)
