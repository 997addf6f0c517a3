"""`zoo plugins new`: a plugin project that works as it is, made from the frame and the files of a kind below `template`."""

import hashlib
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from zoo.errors import OptionError, StoreError, did_you_mean, reason_of
from zoo.plugins.hooks import ID
from zoo.plugins.index import load_index
from zoo.version import __version__

TEMPLATE = Path(__file__).parent / "template"
FRAME = TEMPLATE / "frame"
"""What every project has. `github` is `.github` there."""
KINDS = ("classifier", "detector", "dataset", "metric", "attack", "generator", "command")
"""What a project may begin with: each a folder of the template, whose `kind.toml` says what the frame says of it."""
SUFFIX = ".in"
"""So that no tool takes a template for code of ours."""


def new_project(name: str, folder: Path | None = None, kind: str = KINDS[0]) -> Path:
    """Write the project of a plugin called `name` (its id) into a new folder (default: `./NAME`), which is returned.

    The distribution is `zoo-NAME`, the package `zoo_NAME`; `kind` says what it offers. Raises OptionError where there is no such
    kind, the id cannot be, or the folder is there.
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS, f"there are: {', '.join(KINDS)}")
        raise OptionError(f"there is no plugin project of kind {kind!r}", hint)
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
        _write(draft, plugin, kind)
        draft.rename(target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {reason_of(error)}", "name a folder of yours: `folder=FOLDER`") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def first_use(kind: str, plugin: str) -> str:
    """The command that shows what a new project of a kind does."""
    return _renamed(_told(kind)["use"], plugin)


def _write(folder: Path, plugin: str, kind: str) -> None:
    told = {name.upper(): text.strip() for name, text in _told(kind).items()} | {"RANGE": _compatible(__version__)}
    for root in (FRAME, TEMPLATE / kind):
        for source in sorted(path for path in root.rglob("*") if path.is_file() and path.name != "kind.toml"):
            name = re.sub("^github/", ".github/", source.relative_to(root).as_posix()).removesuffix(SUFFIX)
            path = folder / _renamed(name, plugin)
            path.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix != SUFFIX:
                path.write_bytes(source.read_bytes())
                continue
            text = source.read_text(encoding="utf-8")
            text = re.sub("@([A-Z]+)@", lambda found: told[found[1]], text)
            text = re.sub("@SHA256 (.+?)@", lambda found: _sha256(TEMPLATE / kind / found[1]), text)
            path.write_text(_renamed(text, plugin), encoding="utf-8")


def _told(kind: str) -> dict[str, Any]:
    """What the frame says of a kind: `description`, `about`, `entries` (rows of a table), `use` and `work` (commands)."""
    return tomllib.loads((TEMPLATE / kind / "kind.toml").read_text(encoding="utf-8"))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _renamed(text: str, plugin: str) -> str:
    """The text with the plugin's names in place of the example's; in an identifier `-` is `_`."""
    identifier = plugin.replace("-", "_")
    return re.sub(r"(zoo_|test_)example", rf"\g<1>{identifier}", text).replace("example", plugin)


def _compatible(version: str) -> str:
    """The versions of deepzoo that keep the contract of this one: up to the next major."""
    major, minor = version.split(".")[:2]
    return f">={major}.{minor},<{int(major) + 1}"
