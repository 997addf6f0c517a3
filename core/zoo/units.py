"""Amounts as people write them: bytes in decimal units (`9.9 MB`), ages (`30d`), times left (`3 min`)."""

import re
from datetime import timedelta

from zoo.errors import OptionError

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
AGES = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def size_of(count: int | None) -> str:
    """Bytes in decimal units: `9.9 MB`, `512 B`; `?` where it is not known how many."""
    if count is None:
        return "?"
    for unit, factor in reversed(UNITS.items()):
        if count >= 0.99995 * factor > 1:  # 999,960 bytes are not 1000.0 kB
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def bytes_of(text: str, what: str) -> int:
    """The bytes of `5GB` or `1.5 MB`. Raises OptionError, which calls it `what`."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?B)\s*", text, re.IGNORECASE | re.ASCII)
    if found is None:
        raise OptionError(f"`{what}` {text!r} is no size", f"write a number and one of {', '.join(UNITS)}: 5GB")
    factor = {unit.lower(): factor for unit, factor in UNITS.items()}[found[2].lower()]
    return int(float(found[1]) * factor)


def age_of(text: str, what: str) -> timedelta:
    """The time of `30d` or `12h`. Raises OptionError, which calls it `what`."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d|w)\s*", text, re.ASCII)
    try:
        if found is not None:
            return timedelta(**{AGES[found[2]]: float(found[1])})
    except OverflowError:
        pass
    raise OptionError(f"`{what}` {text!r} is no length of time", f"write a number and one of {', '.join(AGES)}: 30d")


def time_in_words(seconds: float) -> str:
    """A length of time in its largest unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
