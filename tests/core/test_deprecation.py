"""What is deprecated works still, and says so where people see it."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from zoo.deprecation import ZooDeprecationWarning, warn_deprecated
from zoo.lazy import exports


def old_function() -> int:
    warn_deprecated("old_function()", "new_function()", since="0.2")
    return 1


def test_the_caller_is_told_what_to_use_instead() -> None:
    with pytest.warns(
        ZooDeprecationWarning, match=r"old_function\(\) is deprecated since deepzoo 0.2 .*; use new_function\(\)"
    ) as told:
        assert old_function() == 1
    assert told[0].filename == __file__


def test_it_is_shown_by_default_from_within_an_imported_module(tmp_path: Path) -> None:
    source = "from zoo.deprecation import warn_deprecated\ndef f(): warn_deprecated('f', 'g', since='0.2')\nf()\n"
    (tmp_path / "plugin.py").write_text(source)
    done = subprocess.run([sys.executable, "-c", "import plugin"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "f is deprecated since deepzoo 0.2" in done.stderr


def test_a_renamed_name_of_a_package_works_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("package_of_ours")
    monkeypatch.setitem(sys.modules, "package_of_ours", package)
    package.__getattr__, _ = exports("package_of_ours", {"fractions": ["Fraction"]}, {"Ratio": ("Fraction", "0.2")})  # type: ignore[method-assign]
    with pytest.warns(ZooDeprecationWarning, match=r"package_of_ours.Ratio is deprecated .*; use package_of_ours.Fraction"):
        from package_of_ours import Ratio  # type: ignore[import-not-found]
    from fractions import Fraction

    assert Ratio is Fraction
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018
