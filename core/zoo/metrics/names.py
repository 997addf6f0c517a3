"""How a metric is written, everywhere: `name` or `name:option=value,option=value` (`f1:positive=spam`).

A comma within a value is written `\\,` (`f1:positive=shark\\, white`).
"""

import re

from zoo.errors import OptionError

_HINT = "write it as name or name:option=value,option=value, for example f1:average=macro"


def bare_metric(text: str) -> str:
    """The name without options: `f1` of `f1:positive=spam`."""
    return text.partition(":")[0]


def parse_metric(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of a metric as written. Values stay text; the metric's own fields give them types."""
    name, colon, rest = text.partition(":")
    options: dict[str, str] = {}
    for part in re.split(r"(?<!\\),", rest) if colon else ():
        key, equals, value = part.replace("\\,", ",").partition("=")
        if not (equals and key.isidentifier() and value) or key in options:
            raise OptionError(f"cannot read metric {text!r}", _HINT)
        options[key] = value
    if not name:
        raise OptionError(f"cannot read metric {text!r}: it has no name", _HINT)
    return name, options
