"""What a notebook and a prompt show of records, entries, datasets and comparisons: in short, and escaped."""

from html.parser import HTMLParser

import pytest
import torch

import zoo
from zoo.browsing import name_run
from zoo.data import ArrayDataset
from zoo.data.dataset import SampleSequence

EVIL = "<script>alert('x')</script>\"&"


class Reader(HTMLParser):
    """The tags of a page and its text; an unclosed one is an error."""

    VOID = ("img",)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two runs, and the home that they are in."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        yield [zoo.evaluate(name, "digits") for name in ("intro/logistic", "intro/mlp")], home


def test_a_record_is_short_at_the_prompt_and_a_table_in_a_notebook(records):
    record = records[0][0]
    assert (
        repr(record) == f"<RunRecord {record.run_id[:8]}: intro/logistic@digits on data/digits: accuracy 0.9639 [0.9392, 0.9788]>"
    )
    assert "nll: " in str(record)
    page = Reader(record._repr_html_())
    assert {"table", "th", "td"} <= page.tags and "0.9639" in page.text and "[0.9392, 0.9788]" in page.text


def test_nothing_of_a_record_is_taken_for_html(records):
    record = records[0][0]
    model = record.model.model_copy(update={"name": EVIL, "notes": (EVIL,)})
    result = record.results[0].model_copy(update={"metric": EVIL, "note": EVIL})
    hostile = record.model_copy(update={"model": model, "benchmark": EVIL, "results": (result,), "remarks": (EVIL,)})
    page = Reader(hostile._repr_html_())
    assert "script" not in page.tags and page.text.count(EVIL) >= 5


def test_past_runs_are_a_table(records, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(records[1]))
    name_run(records[0][0].run_id, "baseline")
    found = zoo.results()
    assert repr(found).splitlines()[0] == "<Results: 2 runs of 2>" and "baseline" in repr(found)
    assert "intro/mlp@digits" in Reader(found._repr_html_()).text


def test_a_comparison_is_a_table(records, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(records[1]))
    found = zoo.compare(*records[0], resamples=100)
    assert repr(found).startswith("<Comparison of 2 runs on data/digits, 360 samples>\n  accuracy: ")
    assert "neither is better" in Reader(found._repr_html_()).text
    hostile = found.model_copy(update={"benchmark": EVIL, "notes": (EVIL,)})
    page = Reader(hostile._repr_html_())
    assert "script" not in page.tags and page.text.count(EVIL) == 2


def test_a_leaderboard_is_a_table(records, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(records[1]))
    found = zoo.leaderboard("digits", resamples=100)
    assert repr(found).startswith("<Leaderboard of data/digits")
    assert "intro/mlp@digits" in Reader(found._repr_html_()).text


def test_every_entry_of_the_registry_shows_itself():
    entries = zoo.registry()
    shown = [*entries.models(), *entries.datasets(), *entries.metrics(), *entries.benchmarks(), *entries.recipes()]
    for entry in [*shown, *entries.suites(), *entries.techniques()]:
        assert repr(entry) == f"<{type(entry).__name__} {entry.name}: {entry.summary}>"
        assert entry.name in Reader(entry._repr_html_()).text


def test_a_dataset_shows_its_first_pictures_or_texts():
    digits = zoo.dataset("digits")
    assert repr(digits) == "<ArrayDataset: 360 samples of 10 classes>"
    assert digits._repr_html_().count("<img ") == 8
    Reader(digits._repr_html_())
    texts = ArrayDataset([EVIL, "b"], [0, 1], ["1", "2"], ["ham", EVIL])
    page = Reader(texts._repr_html_())
    assert "script" not in page.tags and page.text.count(EVIL) == 2


def test_names_of_samples_are_no_html_beside_a_picture():
    page = ArrayDataset(torch.zeros(1, 1, 4, 4), [0], [f'x" onerror="{EVIL}'], ["a"])._repr_html_()
    assert Reader(page).tags & {"img", "script"} == {"img"}


def test_a_corrupt_sample_hides_no_other():
    class Torn(SampleSequence):
        ids = ("a", "b")
        classes = None

        def __getitem__(self, index):
            if index == 0:
                raise OSError("torn")
            return zoo.Sample("b", torch.zeros(3, 4, 4), 0)

    assert Torn()._repr_html_().count("<img ") == 1
    assert repr(Torn()) == "<Torn: 2 samples>"
