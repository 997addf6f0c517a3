"""Conditions on runs: `accuracy > 0.9 and not seconds >= 60`. Read by a parser of its own; nothing is ever evaluated as code.

A condition compares figures of a run with values: `=` (or `==`), `!=`, `<`, `<=`, `>`, `>=`, and `~`, which is whether a text
contains another, whatever the case. `and`, `or`, `not` and brackets join them; `not` binds closest, then `and`.

A figure is a metric (`accuracy`, `f1:positive=spam`; `accuracy.low`, `.high` and `.n` are its interval and its samples), a
setting that is not as by default (`steps`, `victim`), or a field of the run's row (`model`, `seconds`, `created`). A value is a
number, a fraction (`8/255`), `yes` or `no`, `none` for what a run has not, or a text, between quotes where it has blanks. A run
that lacks a figure fits neither a comparison with it nor its negation, other than with `none`.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from zoo.errors import OptionError, UnknownNameError, did_you_mean
from zoo.metrics.names import bare_metric
from zoo.runs.asking import PARTS, Asked, Comparison, Interval, Joined

LONGEST = 2000
DEEPEST = 50
"""Brackets and negations within each other."""
EXAMPLE = "accuracy > 0.9 and model ~ lenet"
SHOWN, FLOAT32 = 5e-6, 1e-7
"""What lists leave out of a number, and what float32 does: 0.3 is kept as 0.30000001, and is not greater than 0.3."""
ABSENT = ("none", "null")
TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
_NUMBER = re.compile(
    r"(?P<above>[-+]?(?:\d{1,17}\.?\d{0,17}|\.\d{1,17})(?:[eE][-+]?\d{1,3})?)(?:/(?P<below>\d{1,17}(?:\.\d{1,17})?))?", re.ASCII
)
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<sign><=|>=|==|!=|=|<|>|~|\(|\))
    | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
    | (?P<word>[^\W\d][\w@.-]*:\w+=[^\s()<>=!~'",]+(?:,\w+=[^\s()<>=!~'",]+)*   # a metric's options: f1:positive=spam
        | [^\s()<>=!~'"]+)
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of a condition, and whether it is a text between quotes."""

    text: str
    quoted: bool = False


def read_condition(text: str) -> Asked:
    """Read a condition: what is asked of a run. Raises OptionError, which says where it goes wrong."""
    if len(text) > LONGEST:
        raise OptionError(f"`where` has {len(text):,} characters, at most {LONGEST:,} are read", f"write it shorter: {EXAMPLE}")
    reader = _Reader(text)
    read = reader.either(0)
    if reader.rest:
        raise reader.wrong(f"{reader.rest[0].text!r} is not understood there")
    return read


def refuse_unknown(names: Iterable[str], figures: Collection[str]) -> None:
    """Raise UnknownNameError, with the nearest names, where what is asked for is no figure of a run."""
    known = {*figures, *map(bare_metric, figures)}
    for name in names:
        metric, _, part = name.rpartition(".")
        if name not in known and not (part in PARTS and metric in known):
            hint = did_you_mean(name, known, f"there are: {', '.join(sorted(known))}")
            raise UnknownNameError(f"no run has a figure {name!r}", hint)


class _Reader:
    """Reads a condition from its first token to its last, by recursive descent of bounded depth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = list(_tokens(text))

    def either(self, depth: int) -> Asked:
        parts = [self.both(depth)]
        while self._take("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def both(self, depth: int) -> Asked:
        parts = [self.one(depth)]
        while self._take("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def one(self, depth: int) -> Asked:
        if depth > DEEPEST:
            raise OptionError(f"`where` is nested more than {DEEPEST} deep", f"write it flat: {EXAMPLE}")
        if self._take("not"):
            return Joined("not", (self.one(depth + 1),))
        if self._take("("):
            inside = self.either(depth + 1)
            if not self._take(")"):
                raise self.wrong("a bracket is not closed")
            return inside
        return self._comparison()

    def _comparison(self) -> Comparison:
        name = self._next("a figure, such as accuracy")
        if not name.quoted and (name.text in COMPARISONS or name.text in ("(", ")", "and", "or", "=")):
            raise self.wrong(f"{name.text!r} stands where a figure is expected, such as accuracy")
        sign = self._next(f"a comparison behind {name.text!r}, such as > 0.9")
        if sign.quoted or sign.text not in COMPARISONS:
            raise self.wrong(f"{sign.text!r} stands where a comparison is expected, such as >")
        value = self._next(f"a value behind {name.text} {sign.text}")
        if not value.quoted and (value.text in COMPARISONS or value.text in ("(", ")")):
            raise self.wrong(f"{value.text!r} stands where a value is expected, such as 0.9")
        return Comparison(name.text, _compared(name.text, sign.text, value), _interval(sign.text, value))

    def _next(self, expected: str) -> Token:
        if not self.rest:
            raise self.wrong(f"it ends where {expected} is expected")
        return self.rest.pop(0)

    def _take(self, text: str) -> bool:
        if self.rest and self.rest[0] == Token(text):
            self.rest.pop(0)
            return True
        return False

    def wrong(self, why: str) -> OptionError:
        return OptionError(f"cannot read `where` {self.text!r}: {why}", f"write it as {EXAMPLE}")


def _tokens(text: str) -> Iterator[Token]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise OptionError(
                f"cannot read `where` {text!r}: {text[place:].strip()[0]!r} is not understood there", f"write it as {EXAMPLE}"
            )
        quoted = found["double"] if found["double"] is not None else found["single"]
        yield Token(found["sign"] or found["word"]) if quoted is None else Token(quoted, quoted=True)
        place = found.end()


def _number(value: Any) -> float | None:
    """A number, or a text that is one; a fraction (`8/255`), too."""
    if isinstance(value, (int, float)):
        return float(value)
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if found is None or (found["below"] and not float(found["below"])):
        return None
    return float(found["above"]) / float(found["below"] or 1)


def _compared(name: str, sign: str, value: Token) -> Callable[[Any], bool | None]:
    word = "" if value.quoted else value.text.lower()
    same = {"=": True, "==": True, "!=": False}.get(sign)
    compare = COMPARISONS[sign]
    number = None if value.quoted else _number(value.text)

    def test(found: Any) -> bool | None:
        if word in ABSENT and same is not None:
            return (found in (None, "")) is same
        if found is None:
            return None
        if sign == "~":
            return value.text.casefold() in str(found).casefold()
        if isinstance(found, bool):
            return None if same is None or word not in TRUTHS else (found is TRUTHS[word]) is same
        there = _number(found)
        if number is not None and there is not None:
            if same is not None:
                return _same(there, number, SHOWN) is same
            return sign.endswith("=") if _same(there, number, FLOAT32) else compare(there, number)
        if same is None and not isinstance(found, str):
            raise OptionError(f"`where`: {name} is a number, and {value.text!r} is none", f"write it as {EXAMPLE}")
        if same is None and (there is not None or number is not None) and name != "created":
            return None  # a number and a text have no order
        return compare(str(found), value.text)

    return test


def _interval(sign: str, value: Token) -> Interval | None:
    """Which numbers fit, where that is a matter of being between two: nearly the same is the same, but for whole ones."""
    number = None if value.quoted else _number(value.text)
    tolerance = SHOWN if sign in ("=", "==", "!=") else FLOAT32
    if number is None or sign == "~" or (number.is_integer() and 2 * tolerance * abs(number) >= 1):
        return None
    low, high = sorted((number * (1 - tolerance), number / (1 - tolerance)))
    return {
        "<": Interval(low, math.inf, inside=False),
        "<=": Interval(-math.inf, high),
        ">": Interval(-math.inf, high, inside=False),
        ">=": Interval(low, math.inf),
        "!=": Interval(low, high, inside=False),
    }.get(sign, Interval(low, high))


def _same(a: float, b: float, tolerance: float) -> bool:
    """Whether two numbers are the same, whole ones exactly, others up to a share of themselves."""
    return a == b or (not (a.is_integer() and b.is_integer()) and math.isclose(a, b, rel_tol=tolerance))


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "~": lambda a, b: b in a,
}
