"""The page: one file of HTML with its styles, its script and its data within, that asks for nothing else.

Its policy (CSP) allows that one script and that one style sheet by their hashes, and pictures that lie in the file; so nothing
that comes from outside could run or fetch anything, even if it were not escaped. Jinja escapes it all.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from zoo.reports.blocks import Figure, Heading, Section, Shaded, Table, visible
from zoo.version import __version__

HERE = Path(__file__).parent
SHORT = 28
"""Characters of a cell that stands in one line."""


@dataclass(frozen=True)
class Page:
    """What the page tells, in order: notes, sections, the gallery of `samples`, and the `last` section."""

    title: str
    heading: str
    lead: str
    names: Sequence[str]
    notes: Sequence[str]
    sections: Sequence[Section]
    samples: dict[str, Any] | None
    last: Section

    def html(self) -> str:
        """The file's text."""
        script, style = _asset("page.js"), _asset("page.css")
        allowed = f"img-src data:; script-src '{_hash(script)}'; style-src '{_hash(style)}'"
        policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
        written: str = _template().render(
            page=self, version=__version__, script=Markup(script), style=Markup(style), policy=policy, data=embedded(self.samples)
        )
        return written


def embedded(data: Any) -> Markup:
    """JSON that may stand within a script element: nothing in it ends that, or begins a comment."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown)
    environment.tests |= {
        "table": lambda block: isinstance(block, Table),
        "figure": lambda block: isinstance(block, Figure),
        "heading": lambda block: isinstance(block, Heading),
        "short": lambda cell: isinstance(cell, str) and len(cell) <= SHORT,
        "shaded": lambda cell: isinstance(cell, Shaded),
    }
    return environment.from_string(_asset("page.html"))


def _shown(value: Any) -> Any:
    """What is written of a value: texts with nothing hidden in them; markup is ours."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)
