"""Pictures of samples are drawn once: the next report on the same data shows the same ones, and opens none."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.home import zoo_home


@pytest.fixture
def images(tmp_path):
    """A folder of twelve pictures in two classes."""
    root = tmp_path / "images"
    for place in range(12):
        folder = root / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.full((24, 24, 3), 20 * place, np.uint8)
        Image.fromarray(pixels).save(folder / f"{place:02d}.png")
    return root


def nothing_is_opened(*_: object) -> None:
    raise AssertionError("a sample was opened")


@pytest.fixture
def run(images):
    return zoo.evaluate(first_pixel, f"folder:{images}", classes="dataset", key="first", input=zoo.ImageInput(size=(24, 24)))


def first_pixel(batch):
    return batch[:, :2, 0, 0]


def test_the_next_report_is_the_same_and_opens_no_sample(run, read, tmp_path, monkeypatch):
    first = zoo.report(run, tmp_path / "first.html").read_bytes()
    monkeypatch.setattr("zoo.reports.stored.StoredRun.sample", nothing_is_opened)
    assert zoo.report(run, tmp_path / "second.html").read_bytes() == first
    assert all(seen["s"]["p"].startswith("data:image/png") for seen in read(tmp_path / "second.html").data["seen"].values())


def test_a_finished_run_of_what_lies_in_memory_is_shown_without_torch(tmp_path):
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    for code in (
        f"import zoo; zoo.evaluate('intro/mlp', 'digits'); zoo.report('digits', {str(first)!r})",
        f"import sys, zoo; zoo.report('digits', {str(second)!r}); assert 'torch' not in sys.modules",
    ):
        subprocess.run([sys.executable, "-c", code], check=True)
    assert second.read_bytes() == first.read_bytes()


def test_what_was_drawn_by_other_code_is_drawn_again(run, tmp_path, monkeypatch):
    zoo.report(run, tmp_path / "first.html")
    (kept,) = (zoo_home() / "cache" / "pictures").iterdir()
    content = kept.read_bytes()
    for name in ("core_sha256", "versions"):
        kept.write_bytes(content)
        with monkeypatch.context() as patch:
            patch.setattr(f"zoo.reports.drawn.{name}", lambda *_: "another")
            zoo.report(run, tmp_path / "second.html")
        assert json.loads(kept.read_bytes())[0] != json.loads(content)[0]


def test_a_sample_that_cannot_be_drawn_is_tried_once(run, read, tmp_path, monkeypatch):
    tried = []

    def failing(self, sample):
        tried.append(sample.id)
        raise ValueError("no colours")

    monkeypatch.setattr("zoo.reports.kinds.view.View.shared", failing)
    data = read(zoo.report(run, tmp_path / "one.html")).data
    assert len(tried) == len(set(tried)) == 12
    assert all("cannot be drawn: no colours" in seen["o"][0]["f"] for seen in data["seen"].values())


def test_more_pictures_are_drawn_beside_those_that_are_there(run, read, tmp_path):
    zoo.report(run, tmp_path / "few.html", pictures=3)
    data = read(zoo.report(run, tmp_path / "all.html")).data
    assert len(data["seen"]) == 12 and all(seen["s"] for seen in data["seen"].values())


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[1, 2]", b'{"0": 7}'])
def test_what_is_damaged_is_drawn_again(content, run, tmp_path):
    first = zoo.report(run, tmp_path / "first.html").read_bytes()
    (kept,) = (zoo_home() / "cache" / "pictures").iterdir()
    kept.write_bytes(content)
    assert zoo.report(run, tmp_path / "second.html").read_bytes() == first


def test_other_content_has_other_pictures(run, images, read, tmp_path):
    zoo.report(run, tmp_path / "first.html")
    Image.fromarray(np.full((24, 24, 3), 99, np.uint8)).save(images / "a" / "00.png")
    other = zoo.evaluate(first_pixel, f"folder:{images}", classes="dataset", key="first", input=zoo.ImageInput(size=(24, 24)))
    seen = [read(tmp_path / "first.html").data, read(zoo.report(other, tmp_path / "second.html")).data]
    pictures = [{data["ids"][int(place)]: one["s"]["p"] for place, one in data["seen"].items()} for data in seen]
    assert [name for name in pictures[0] if pictures[0][name] != pictures[1][name]] == ["a/00.png"]


def test_no_more_is_kept_than_there_is_room_for(run, tmp_path, monkeypatch):
    zoo.report(run, tmp_path / "few.html", pictures=3)
    (kept,) = (zoo_home() / "cache" / "pictures").iterdir()
    _, before = json.loads(kept.read_bytes())
    monkeypatch.setattr("zoo.reports.drawn.BYTES", room := len(kept.read_bytes()))
    zoo.report(run, tmp_path / "all.html")
    _, after = json.loads(kept.read_bytes())
    assert len(kept.read_bytes()) < room + 100
    assert after and not before.keys() & after.keys()


def test_a_home_that_cannot_be_written_costs_nothing_but_time(run, tmp_path):
    (zoo_home() / "cache" / "pictures").write_bytes(b"in the way")
    assert zoo.report(run, tmp_path / "one.html").is_file()
