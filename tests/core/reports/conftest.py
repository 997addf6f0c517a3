"""What tests of reports share."""

import json
import re
from pathlib import Path
from typing import Any

import pytest


class Written:
    """A report's file as a test reads it."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")

    @property
    def data(self) -> Any:
        """What the page's script reads."""
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.text, re.DOTALL)
        assert found is not None
        return json.loads(found[1])

    def tables(self) -> dict[str, list[list[str]]]:
        """Cells of every table, by its caption."""
        from html.parser import HTMLParser

        found: dict[str, list[list[str]]] = {}

        class Reader(HTMLParser):
            where, caption = "", ""

            def handle_starttag(self, tag, attrs):
                if tag in ("caption", "th", "td", "small", "title"):
                    self.where = tag
                if tag == "table":
                    self.caption, self.rows = "", []
                elif tag == "tr":
                    self.rows.append([])
                elif tag in ("th", "td"):
                    self.rows[-1].append("")

            def handle_endtag(self, tag):
                if tag == "table":
                    found[self.caption] = self.rows
                self.where = ""

            def handle_data(self, text):
                if self.where == "caption":
                    self.caption += text
                elif self.where in ("th", "td"):
                    self.rows[-1][-1] += text

        Reader().feed(self.text)
        return found


@pytest.fixture
def read():
    return Written
