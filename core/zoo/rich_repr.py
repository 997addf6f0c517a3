"""How records, entries, datasets and comparisons look in a notebook: small HTML tables, everything in them escaped."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

LISTED = 12
"""Items of a list that are named."""
PICTURES = 8
"""Pictures of a dataset that are shown."""
HEIGHT = 56
"""Pixels of one on the page."""


def titled(title: str, *parts: str) -> str:
    """A block with a title, and what stands below it, which is HTML already."""
    return f"<div><b>{html.escape(title)}</b>{''.join(parts)}</div>"


def lines(texts: Iterable[str]) -> str:
    """Texts, a line each."""
    return "".join(f"<div>{html.escape(text)}</div>" for text in texts if text)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; every cell is text."""
    head = "".join(f"<th style='text-align:left'>{html.escape(str(cell))}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def fields(values: Iterable[tuple[str, Any]]) -> str:
    """Labels and values; what is empty is left out."""
    rows = [(label, value) for label, value in values if value not in (None, "", (), [], {})]
    body = "".join(f"<tr><th style='text-align:left'>{html.escape(label)}</th>{_cell(value)}</tr>" for label, value in rows)
    return f"<table><tbody>{body}</tbody></table>"


def entry(title: str, summary: str, said: Mapping[str, Any]) -> str:
    """An entry of the registry: what its spec says beside name and summary, as JSON values."""
    return titled(title, lines([summary]), fields((name.replace("_", " "), _in_a_line(value)) for name, value in said.items()))


def _in_a_line(value: Any) -> Any:
    """A field of an entry in one line: of what holds much its names, and the beginning."""
    if isinstance(value, dict):
        plain = all(not isinstance(item, (dict, list)) for item in value.values())
        return ", ".join(f"{name}: {item}" if plain and item is not None else str(name) for name, item in value.items())
    if isinstance(value, list):
        names = [str(item.get("name", item)) if isinstance(item, dict) else str(item) for item in value]
        return ", ".join(names[:LISTED]) + (f", … ({len(names)} in all)" if len(names) > LISTED else "")
    return value


def pictures(samples: Iterable[Any]) -> str:
    """The inputs of a few samples that are images, `[c, h, w]` uint8 or float in [0, 1]; empty where they are none."""
    return "".join(filter(None, map(_picture, samples)))


def _cell(value: Any) -> str:
    return f"<td style='text-align:left'>{html.escape(str(value))}</td>"


def _picture(sample: Any) -> str:
    with suppress(Exception):  # what cannot be drawn is no reason to show nothing of the rest
        from PIL import Image

        pixels = sample.input
        if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
            return ""
        array = (pixels if str(pixels.dtype).endswith("uint8") else (pixels * 255).round()).byte().permute(1, 2, 0).numpy()
        out = io.BytesIO()
        Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).save(out, "PNG")
        data, title = base64.b64encode(out.getvalue()).decode(), html.escape(f"{sample.id}: {sample.target}", quote=True)
        style = f"height:{HEIGHT}px;image-rendering:pixelated;margin:2px"
        return f'<img src="data:image/png;base64,{data}" title="{title}" alt="{title}" style="{style}">'
    return ""
