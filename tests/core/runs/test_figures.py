"""Pictures of predictions, whatever the task: saved into the run's folder, recorded with their hash."""

import hashlib

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import OptionError
from zoo.tasks.classify import Classify


@pytest.fixture
def drawing(monkeypatch):
    """Let task classify draw: a picture as wide as its true class, plus one."""
    monkeypatch.setattr(Classify, "draw", lambda self, sample, columns: Image.new("RGB", (int(columns["target"][0]) + 1, 2)))


def run(toy, count, **settings):
    torch.manual_seed(0)
    return zoo.evaluate(toy.Linear(features=192), "toy/photos", classes="dataset", key="toy", save_figures=count, **settings)


def figures(record, home):
    """Path of each figure in the record to its size; the hashes hold."""
    sizes = {}
    for artifact in record.artifacts:
        if artifact.path.startswith("figures/"):
            path = home / "runs" / record.key / artifact.path
            assert hashlib.sha256(path.read_bytes()).hexdigest() == artifact.sha256
            sizes[artifact.path] = Image.open(path).size
    return sizes


def test_the_first_predictions_are_drawn_and_recorded(toy, drawing, zoo_home):
    assert figures(run(toy, 3), zoo_home) == {
        "figures/00000-photo-00.png": (1, 2),
        "figures/00001-photo-01.png": (2, 2),
        "figures/00002-photo-02.png": (3, 2),
    }


def test_figures_of_a_finished_run_need_no_model(toy, drawing, zoo_home):
    run(toy, 0)
    record = run(toy, 2)
    assert record.shards.computed == 0
    assert len(figures(record, zoo_home)) == 2


def test_a_skipped_sample_is_passed_over(toy, drawing, zoo_home, monkeypatch):
    monkeypatch.setenv("TOY_CORRUPT", "photo-00.png")
    assert list(figures(run(toy, 1, skip_bad=1), zoo_home)) == ["figures/00001-photo-01.png"]


def test_no_more_figures_than_samples(toy, drawing, zoo_home):
    assert len(figures(run(toy, 100, limit=4), zoo_home)) == 4


def test_a_figure_that_fails_costs_a_warning_not_the_run(toy, monkeypatch, zoo_home):
    def broken(self, sample, columns):
        raise RuntimeError("out of ink")

    monkeypatch.setattr(Classify, "draw", broken)
    with pytest.warns(UserWarning, match="no figure of photo-00.png: drawing it raised RuntimeError: out of ink"):
        record = run(toy, 1)
    assert figures(record, zoo_home) == {}
    assert zoo.Store().record(record.run_id) == record


def test_a_task_that_cannot_draw_says_so_before_the_model_runs(toy, zoo_home):
    with pytest.raises(OptionError, match="task classify cannot be drawn"):
        run(toy, 1)
    assert toy.calls == 0


def test_fewer_than_no_figures_are_refused(toy):
    with pytest.raises(OptionError, match="at least 0"):
        run(toy, -1)
