"""Figures in words, the same on a terminal, in a notebook and in a file: scores with as many digits as they deserve."""

import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["harmless", "harmless_json", "without_secrets"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal or turn the direction of what is read; line feed and tab are none of them."""
_ADDRESS = re.compile(r"\b(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,40})://(?P<rest>[^\s'\"<>`]+)")
_RELATIVE = re.compile(r"/[^\s'\"<>`?]{0,1000}\?[^\s'\"<>`)]+")
_SETTING = re.compile(r"(?P<lead>[?&;#])(?P<name>[^=&;#?]*)=(?P<value>[^&;#]*)")
_OPEN = re.compile(
    "branch|charset|confirm|dl|download|driver|egg|export|ext|extension|file|filename|format|hash|id|lang|md5|mode|name|page|path|q|"
    "query|raw|ref|resource|rev|revision|sha1|sha256|sha512|sslmode|subdirectory|tag|timeout|type|uri|v|version",
    re.IGNORECASE,
)
"""Settings in an address that are shown with their values; that of any other may be a secret."""


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A score with as many digits as its interval deserves, and four decimals at least where it is below 10."""
    if value is None or not math.isfinite(value):
        return "-" if value is None else str(value)
    return f"{value:,.{_decimals(value, low, high)}f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """`[0.9897, 0.9933]` with the digits of the value, or empty where there is none."""
    if value is None or low is None or high is None:
        return ""
    decimals = _decimals(value, low, high)
    return f"[{low:,.{decimals}f}, {high:,.{decimals}f}]"


def scored(value: float | None, low: float | None, high: float | None) -> str:
    """`0.9917 [0.9897, 0.9933]`."""
    return f"{number(value, low, high)} {interval(value, low, high)}".rstrip()


def pairs(values: Mapping[str, Any]) -> str:
    """`norm=linf, eps=0.3`: settings with numbers as they were meant, not as float32 holds them."""
    return ", ".join(f"{key}={f'{value:.6g}' if isinstance(value, float) else value}" for key, value in values.items())


def in_a_line(value: Any, most: int = 120) -> str:
    """A value in at most so many characters: a text, a number, the first ones of an array."""
    shape = tuple(getattr(value, "shape", ()))
    if shape:
        first = ", ".join(in_a_line(one) for one in value.reshape(-1)[:8].tolist())
        text = f"[{first}{', …' if math.prod(shape) > 8 else ''}]" + (f" of shape {list(shape)}" if len(shape) > 1 else "")
    else:
        text = (
            f"{value:.6g}"
            if isinstance(value, float) or type(value).__name__.startswith("float")
            else " ".join(str(value).split())
        )
    return text if len(text) <= most else f"{text[: most - 1]}…"


def counted(count: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def harmless(text: str) -> str:
    """The text with every character escaped that would steer the terminal, such as those of a name that somebody else chose."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def harmless_json(document: str) -> str:
    """A JSON document that means the same, with every such character as `\\uXXXX`; but what is no character at all, a surrogate
    alone, as the text `\\udcff`, since no UTF-8 holds it.
    """

    def escaped(found: re.Match[str]) -> str:
        written = f"\\u{ord(found[0]):04x}"
        return f"\\{written}" if "\ud800" <= found[0] <= "\udfff" else written

    return _CONTROL.sub(escaped, document)


def encodable(text: str) -> str:
    """The text with every surrogate that stands alone, as in a file name that is no UTF-8, written as `\\udcff`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def without_secrets(text: str) -> str:
    """The text with `***` for what may be a secret in its addresses: who logs in and by what, and the values of settings.

    Of a database the user stays. Fit for messages, logs and records; what an address leads to is asked by the one that was given.
    """
    text = _ADDRESS.sub(_shown_address, text) if "://" in text else text
    return _RELATIVE.sub(lambda found: _SETTING.sub(_shown_setting, found[0]), text) if "?" in text else text


def _shown_address(found: re.Match[str]) -> str:
    scheme, rest = found["scheme"], found["rest"]
    web = scheme.lower().rpartition("+")[2] in ("http", "https", "ssh", "git", "ftp", "ftps", "sftp", "s3", "gs")
    if web:
        login, at, rest = re.fullmatch(r"(?:([^/?#]*)(@))?(.*)", rest).groups("")  # type: ignore[union-attr]
        login = login if login in ("", "git") else "***"
    elif scheme.lower() == "hf":
        login = at = ""  # hf://repo@revision/file
    else:  # a password may hold anything but an @: SQLAlchemy reads up to it
        login, at, rest = re.fullmatch(r"(?:([^@/?#]*:[^@]*|[^/?#@]*)(@))?(.*)", rest).groups("")  # type: ignore[union-attr]
        login = f"{login.partition(':')[0]}:***" if ":" in login else login
    return f"{scheme}://{login}{at}{_SETTING.sub(_shown_setting, rest)}"


def _shown_setting(found: re.Match[str]) -> str:
    shown = found["value"] if _OPEN.fullmatch(found["name"]) or not found["value"] else "***"
    return f"{found['lead']}{found['name']}={shown}"


def _decimals(value: float, low: float | None, high: float | None) -> int:
    before = len(str(int(abs(value))))
    enough = max(1, 5 - before)
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    return min(9, max(enough, 1 - math.floor(math.log10(half)))) if half > 1e-6 * abs(value) else enough
