"""A plugin's project, as its pyproject.toml declares it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import OptionError


@dataclass(frozen=True)
class Project:
    """What a folder's pyproject.toml says of the plugin in it."""

    plugin: str
    module: str
    distribution: str
    version: str


def read_project(folder: Path) -> Project:
    """The project in a folder. Raises OptionError where there is none, or it declares no plugin."""
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        ((plugin, module), *_) = project["entry-points"]["zoo"].items()
        return Project(plugin, module, str(project["name"]), str(project.get("version", "?")))
    except OSError as error:
        raise OptionError(f"{folder} is no project: it has no pyproject.toml", "zoo plugins new NAME makes one") from error
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise OptionError(f"{file} declares no entry point of group zoo", "see plugins/README.md") from error
