"""`zoo plugins new`: a plugin project that works as it is, made from the example in `zoo/template`."""

import hashlib
import re
import shutil
from pathlib import Path

from zoo.errors import OptionError, StoreError, reason_of
from zoo.plugins.hooks import ID
from zoo.plugins.index import load_index
from zoo.version import __version__

TEMPLATE = Path(__file__).parent / "template"
SUFFIX = ".in"
"""So that no tool takes a template for code of ours."""


def new_project(name: str, folder: Path | None = None) -> Path:
    """Write the project of a plugin called `name` (its id) into a new folder (default: `./NAME`), which is returned.

    The distribution is `zoo-NAME`, the package `zoo_NAME`. Raises OptionError where the id cannot be or the folder is there.
    """
    plugin = name.removeprefix("zoo-")
    if not ID.fullmatch(plugin):
        raise OptionError(
            f"{name!r} cannot be the id of a plugin", "take lower-case letters, digits and '-': zoo plugins new my-nets"
        )
    if taken := next((known for known in load_index(strict=False).plugins if known["id"] == plugin), None):
        raise OptionError(f"there is a plugin {plugin!r} already, of {taken['distribution']}", "take another name")
    target = folder or Path(plugin)
    if target.exists():
        raise OptionError(f"{target} is there already", "name another folder: `folder=FOLDER`")
    draft = target.with_name(f".{target.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        _write(draft, plugin)
        draft.rename(target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {reason_of(error)}", "name a folder of yours: `folder=FOLDER`") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _write(folder: Path, plugin: str) -> None:
    weights = hashlib.sha256((TEMPLATE / "zoo_example/weights/centroids-digits.safetensors").read_bytes()).hexdigest()
    values = {"@RANGE@": _compatible(__version__), "@SHA256@": weights}
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
        path = folder / _renamed(str(source.relative_to(TEMPLATE)), plugin).removesuffix(SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != SUFFIX:
            path.write_bytes(source.read_bytes())
            continue
        text = _renamed(source.read_text(encoding="utf-8"), plugin)
        for token, value in values.items():
            text = text.replace(token, value)
        path.write_text(text, encoding="utf-8")


def _renamed(text: str, plugin: str) -> str:
    """The text with the plugin's names in place of the example's; in an identifier `-` is `_`."""
    identifier = plugin.replace("-", "_")
    return re.sub(r"(zoo_|test_)example", rf"\g<1>{identifier}", text).replace("example", plugin)


def _compatible(version: str) -> str:
    """The versions of deepzoo that keep the contract of this one: up to the next major."""
    major, minor = version.split(".")[:2]
    return f">={major}.{minor},<{int(major) + 1}"
