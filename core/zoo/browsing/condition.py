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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zoo.errors import OptionError, UnknownNameError, did_you_mean
from zoo.metrics.names import bare_metric

LONGEST = 2000
DEEPEST = 50
"""Brackets and negations within each other."""
EXAMPLE = "accuracy > 0.9 and model ~ lenet"
SHOWN, FLOAT32 = 5e-6, 1e-7
"""What lists leave out of a number, and what float32 does: 0.3 is kept as 0.30000001, and is not greater than 0.3."""
PARTS = {"low": 1, "high": 2, "n": 3}
"""Where a metric's interval and number of samples stand in a score."""
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

Test = Callable[["Figures"], bool | None]
"""Whether a run fits; None where that cannot be said, because it lacks a figure."""
Bounds = dict[str, tuple[float, float]]
"""Figures that must be a number between two others, or a run does not fit. A store looks for these by an index."""


class Token(NamedTuple):
    """A piece of a condition, and whether it is a text between quotes."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Condition:
    """A condition that was read: call it with a run's row. `names` are the figures that it asks for."""

    text: str
    names: tuple[str, ...]
    test: Test
    bounds: Bounds

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Whether a run fits, by its row as a mapping."""
        return self.test(Figures(row)) is True


def read_condition(text: str) -> Condition:
    """Read a condition. Raises OptionError, which says where it goes wrong."""
    if len(text) > LONGEST:
        raise OptionError(f"`where` has {len(text):,} characters, at most {LONGEST:,} are read", f"write it shorter: {EXAMPLE}")
    reader = _Reader(text)
    read = reader.either(0)
    if reader.rest:
        raise reader.wrong(f"{reader.rest[0].text!r} is not understood there")
    return Condition(text, tuple(dict.fromkeys(reader.names)), read.test, read.bounds)


class Figures:
    """The figures of a run's row, by name: a metric before a setting before a field of the same name."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row

    def get(self, name: str) -> Any:
        """The figure, or None where the run has none of that name. A metric goes by its bare name where only one has that."""
        scores = self.row["scores"]
        metric, _, part = name.rpartition(".")
        place = PARTS.get(part) if metric else None
        for wanted, at in ((name, 0), (metric, place)):
            if at is not None:
                known = [wanted] if wanted in scores else [one for one in scores if bare_metric(one) == wanted]
                if len(known) == 1:
                    return scores[known[0]][at]
        settings = self.row["settings"]
        return settings[name] if name in settings else self.row.get(name)


def refuse_unknown(conditions: Sequence[Condition], figures: Collection[str], fields: Collection[str]) -> None:
    """Raise UnknownNameError, with the nearest names, where a condition asks for what is neither a run's figure nor a field."""
    known = {*figures, *fields, *map(bare_metric, figures)}
    for name in (name for condition in conditions for name in condition.names):
        metric, _, part = name.rpartition(".")
        if name not in known and not (part in PARTS and metric in known):
            hint = did_you_mean(name, known, f"there are: {', '.join(sorted(known))}")
            raise UnknownNameError(f"no run has a figure {name!r}", hint)


def joined(all_bounds: Iterable[Bounds]) -> Bounds:
    """The bounds of what must fit all of several conditions."""
    found: Bounds = {}
    for bounds in all_bounds:
        for name, (low, high) in bounds.items():
            before = found.get(name, (-math.inf, math.inf))
            found[name] = (max(low, before[0]), min(high, before[1]))
    return found


class _Part(NamedTuple):
    """A part of a condition that was read."""

    test: Test
    bounds: Bounds


class _Reader:
    """Reads a condition from its first token to its last, by recursive descent of bounded depth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = list(_tokens(text))
        self.names: list[str] = []

    def either(self, depth: int) -> _Part:
        parts = [self.both(depth)]
        while self._take("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else _Part(lambda figures: _any(part.test(figures) for part in parts), {})

    def both(self, depth: int) -> _Part:
        parts = [self.one(depth)]
        while self._take("and"):
            parts.append(self.one(depth))
        if len(parts) == 1:
            return parts[0]
        return _Part(lambda figures: _all(part.test(figures) for part in parts), joined(part.bounds for part in parts))

    def one(self, depth: int) -> _Part:
        if depth > DEEPEST:
            raise OptionError(f"`where` is nested more than {DEEPEST} deep", f"write it flat: {EXAMPLE}")
        if self._take("not"):
            inner = self.one(depth + 1)
            return _Part(lambda figures: None if (found := inner.test(figures)) is None else not found, {})
        if self._take("("):
            inside = self.either(depth + 1)
            if not self._take(")"):
                raise self.wrong("a bracket is not closed")
            return inside
        return self._comparison()

    def _comparison(self) -> _Part:
        name = self._next("a figure, such as accuracy")
        if not name.quoted and (name.text in COMPARISONS or name.text in ("(", ")", "and", "or", "=")):
            raise self.wrong(f"{name.text!r} stands where a figure is expected, such as accuracy")
        sign = self._next(f"a comparison behind {name.text!r}, such as > 0.9")
        if sign.quoted or sign.text not in COMPARISONS:
            raise self.wrong(f"{sign.text!r} stands where a comparison is expected, such as >")
        value = self._next(f"a value behind {name.text} {sign.text}")
        if not value.quoted and (value.text in COMPARISONS or value.text in ("(", ")")):
            raise self.wrong(f"{value.text!r} stands where a value is expected, such as 0.9")
        self.names.append(name.text)
        return _Part(_compared(name.text, sign.text, value), _bounds(name.text, sign.text, value))

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


def _compared(name: str, sign: str, value: Token) -> Test:
    word = "" if value.quoted else value.text.lower()
    same = {"=": True, "==": True, "!=": False}.get(sign)
    compare = COMPARISONS[sign]
    number = None if value.quoted else _number(value.text)

    def test(figures: Figures) -> bool | None:
        found = figures.get(name)
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


def _bounds(name: str, sign: str, value: Token) -> Bounds:
    """Between which numbers a figure must lie, if it is one; a little wider, as what is nearly the same is the same."""
    number = None if value.quoted else _number(value.text)
    if number is None or sign in ("!=", "~"):
        return {}
    near = 2 * SHOWN * abs(number)
    return {name: (-math.inf if sign[0] == "<" else number - near, math.inf if sign[0] == ">" else number + near)}


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


def _all(found: Iterator[bool | None]) -> bool | None:
    """Whether all are true; None where that hangs on what cannot be said."""
    seen = list(found)
    return False if False in seen else None if None in seen else True


def _any(found: Iterator[bool | None]) -> bool | None:
    seen = list(found)
    return True if True in seen else None if None in seen else False
