"""Options in the names of the user's own data: `folder:holdout=0.2:PATH`, `masks:ignore=255,...:IMAGES:MASKS`."""

import re
from typing import TypeVar

from pydantic import BaseModel

from zoo.errors import OptionError
from zoo.options import checked_settings

T = TypeVar("T", bound=BaseModel)
_WRITTEN = re.compile(r"(?P<options>[a-z_]+=[^:/\\]*):(?P<path>.+)", re.DOTALL)


def split_options(declared: type[T], rest: str, namespace: str) -> tuple[T, str]:
    """The options at the beginning of what stands behind `NAMESPACE:`, by their defaults where there are none; and the path.

    Raises OptionError for one that is not declared or does not fit.
    """
    written = _WRITTEN.fullmatch(rest)
    values: dict[str, str] = {}
    for part in written["options"].split(",") if written else ():
        name, equals, value = part.partition("=")
        if not equals or name in values:
            raise OptionError(
                f"cannot read {part!r} among the options of {namespace}:", f"write {namespace}:option=value,...:PATH"
            )
        values[name] = value
    checked = checked_settings(declared, values, "option", f"{namespace}:")
    assert isinstance(checked, declared)
    return checked, written["path"] if written else rest


def options_of(declared: type[T], name: str) -> T:
    """The options in the full name of a dataset, as `split_options` reads them."""
    namespace, _, rest = name.partition(":")
    return split_options(declared, rest, namespace)[0]
