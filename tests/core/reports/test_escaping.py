"""Nothing that comes from outside can end an element, run, fetch, hide, or turn the text around it."""

import html
import re

import pytest
import torch

import zoo
from zoo.reports.blocks import visible
from zoo.reports.page import embedded

WORST = (
    "</script><script>alert(1)</script> \"quoted\" 'single' <img src=x onerror=alert(2)> & &lt; "
    "\u202egnp.\u2066\x00\x1b[31m\u2028 é 漢 א"
)


@pytest.fixture
def page(read, tmp_path):
    """A report of a run whose classes, ids, texts, name and remarks are the worst there can be."""
    classes = [f"{WORST} {label}" for label in range(3)]
    texts = [f"{WORST} number {i}" for i in range(9)]
    data = zoo.ArrayDataset(texts, [i % 3 for i in range(9)], [f"{WORST} id {i}" for i in range(9)], classes)
    record = zoo.evaluate(lambda texts: torch.eye(3)[[len(text) % 3 for text in texts]], data, task="classify", classes="dataset")
    model = record.model.model_copy(update={"name": f"local/{WORST}", "notes": (WORST,)})
    return read(zoo.report(record.model_copy(update={"model": model, "remarks": (WORST,)}), tmp_path / "worst.html"))


def test_no_script_or_element_comes_from_outside(page):
    scripts = re.findall(r"<script\b[^>]*>", page.text)
    assert scripts == ['<script type="application/json" id="data">', "<script>"]
    assert not re.search(r"<img\b", page.text)
    assert html.escape("<img src=x onerror=alert(2)>") in page.text


def test_what_the_script_reads_is_what_was_there_made_visible(page):
    assert page.data["ids"][4] == f"{visible(WORST)} id 4"
    assert page.data["labels"] == [f"{visible(WORST)} {label}" for label in range(3)]
    block = re.search(r'id="data">(.*?)</script>', page.text, re.DOTALL)[1]
    assert not re.search(r"[<>&\u2028\u2029]", block)


def test_nothing_invisible_or_turning_is_left(page):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]", page.text)
    assert "\\u202egnp.\\u2066\\u0000\\u001b[31m\\u2028 é 漢 א" in page.text


def test_only_our_own_script_and_style_may_run(page):
    import base64
    import hashlib

    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page.text)[1])
    assert policy.startswith("default-src 'none'; img-src data:;")
    for kind in ("script", "style"):
        text = re.findall(rf"<{kind}>(.*?)</{kind}>", page.text, re.DOTALL)[-1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert all(found.startswith(("#", "data:")) for found in re.findall(r'\b(?:src|href)="([^"]*)"', page.text))
    markup = re.sub(r">[^<]*<", "><", page.text[: page.text.index('<script type="application/json"')])
    assert not re.search(r"\son\w+=|\sstyle=", markup)


def test_letters_of_all_scripts_and_what_joins_them_stay():
    for text in ("naïve façade", "漢字かな", "العربية", "नमस्ते", "👩\u200d🔬", "می\u200cخواهم", "two\nlines\tand a tab"):
        assert visible(text) == text


@pytest.mark.parametrize(
    "sign", ["\x07", "\x85", "\u00ad", "\u061c", "\u200f", "\u202d", "\u2068", "\ufeff", "\U000e0041", "\ud800"]
)
def test_what_hides_is_written_out(sign):
    assert visible(f"a{sign}b") == f"a\\u{ord(sign):04x}b"
    visible(f"a{sign}b").encode()


def test_json_holds_no_sign_that_html_reads():
    assert embedded({"a": "</script>&<!--\u2028"}) == '{"a":"\\u003c/script\\u003e\\u0026\\u003c!--\\u2028"}'
