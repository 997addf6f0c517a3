"""Observers are told of progress and failure, of runs and of trainings; whatever they do costs themselves, once."""

import json
import random

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import ModelError
from zoo.seeds import draws_kept

WATCHER = """
    import json, os, pathlib
    from zoo.hookspecs import hookimpl

    LOG = pathlib.Path(os.environ["ZOO_HOME"]) / "watched.jsonl"

    def note(*facts):
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with open(LOG, "a") as file:
            file.write(json.dumps(facts) + "\\n")

    @hookimpl
    def zoo_run_started(run): note("run started", run.run_id)
    @hookimpl
    def zoo_run_progress(run, progress): note("run progress", run.run_id, progress.stage, progress.done, progress.total)
    @hookimpl
    def zoo_run_failed(run, error): note("run failed", run.run_id, type(error).__name__)
    @hookimpl
    def zoo_run_finished(record): note("run finished", record.run_id)
    @hookimpl
    def zoo_train_started(training): note("train started", training.key, training.recipe.name, training.trained_on)
    @hookimpl
    def zoo_train_progress(training, progress): note("train progress", training.key, progress.epoch, progress.score)
    @hookimpl
    def zoo_train_failed(training, error): note("train failed", training.key, type(error).__name__)
    @hookimpl
    def zoo_train_finished(record): note("train finished", record.key, record.score)
"""
QUICK = {"epochs": 2, "device": "cpu", "overrides": {"batch_size": 256}}


@pytest.fixture
def told(plugin, zoo_home):
    """What the watcher was told of, in order."""
    plugin("watcher", WATCHER)
    return lambda: [json.loads(line) for line in (zoo_home / "watched.jsonl").read_text().splitlines()]


def run(model, **settings):
    return zoo.evaluate(model, "toy/vectors", classes="dataset", key="toy", **settings)


def test_a_run_tells_how_far_it_is_until_it_is_scored(told, toy):
    mine = []
    record = run(toy.Linear(), progress=mine.append)
    events = told()
    assert [event[0] for event in events if event[0] != "run progress"] == ["run started", "run finished"]
    steps = [event for event in events if event[0] == "run progress"]
    assert {event[1] for event in steps} == {record.run_id}
    done = [event[3] for event in steps if event[2] == "predicting"]
    assert done == sorted(done) and done[-1] == 2000
    assert steps[-1][2:] == ["scoring", 2000, 2000]
    assert [step.done for step in mine if step.stage == "predicting"] == done  # who asked is told as well


@pytest.mark.parametrize("error", [ValueError("out of ink"), KeyboardInterrupt()], ids=repr)
def test_a_run_that_ends_without_a_record_is_told_of(told, toy, error):
    class Breaking(toy.Linear):
        calls = 0

        def forward(self, inputs):
            Breaking.calls += 1
            if Breaking.calls > 2:
                raise error
            return super().forward(inputs)

    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ModelError):
        run(Breaking())
    events = told()
    expected = "KeyboardInterrupt" if isinstance(error, KeyboardInterrupt) else "ModelError"
    assert events[0][0] == "run started"
    assert events[-1] == ["run failed", events[0][1], expected]
    assert not [event for event in events if event[0] == "run finished"]


def test_what_fails_before_it_starts_is_no_run_that_failed(told, toy, zoo_home):
    with pytest.raises(zoo.ZooError):
        run(toy.Linear(), metrics=["no/such-metric"])
    assert not (zoo_home / "watched.jsonl").exists()


def test_a_training_tells_of_its_epochs_and_of_its_end_and_one_that_is_found_done_of_nothing(told):
    record = zoo.train("intro/logistic-digits", **QUICK)
    events = told()
    assert events[0] == ["train started", record.key, "intro/logistic-digits", record.dataset.trained_on]
    assert events[-1] == ["train finished", record.key, record.score]
    scores = [event[3] for event in events if event[0] == "train progress" and event[3] is not None]
    assert scores == [epoch.score for epoch in record.history]
    assert record.doubt == ""  # a watcher opens files, which no key knows
    assert zoo.train("intro/logistic-digits", **QUICK) == record
    assert told() == events


def test_a_training_that_fails_is_told_of(told, monkeypatch):
    monkeypatch.setattr("zoo.training.loop.Loop._step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        zoo.train("intro/logistic-digits", **QUICK)
    started, *_, failed = told()
    assert failed == ["train failed", started[1], "ZeroDivisionError"]


def test_an_observer_that_raises_again_and_again_costs_one_warning(plugin, toy, recwarn):
    plugin(
        "broken",
        """
        from zoo.hookspecs import hookimpl
        @hookimpl
        def zoo_run_progress(progress): raise OSError("no disk")
        @hookimpl
        def zoo_run_finished(record): raise OSError("no disk")
        """,
    )
    record = run(toy.Linear(), batch_size=100)
    told = [str(one.message) for one in recwarn if "no disk" in str(one.message)]
    assert told == ["plugin 'broken' (zoo_broken 1.0): its zoo_run_progress raised OSError: no disk"]
    assert zoo.Store().record(record.run_id) == record


@pytest.mark.slow
def test_what_an_observer_draws_changes_nothing(plugin, toy):
    plain = zoo.train("intro/logistic-digits", **QUICK)
    key = run(toy.Linear()).key
    plugin(
        "drawing",
        """
        import random
        from zoo.hookspecs import hookimpl

        def draw():
            import numpy as np, torch
            random.random(), np.random.rand(3), torch.rand(3), torch.manual_seed(1)

        @hookimpl
        def zoo_run_progress(run, progress): draw()
        @hookimpl
        def zoo_train_progress(training, progress): draw()
        """,
    )
    assert run(toy.Linear(), fresh=True).key == key
    watched = zoo.train("intro/logistic-digits", fresh=True, **QUICK)
    assert (watched.key, watched.weights_sha256) == (plain.key, plain.weights_sha256)


def test_after_a_block_whose_draws_are_kept_the_generators_are_as_they_were():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    with draws_kept():
        random.random(), np.random.rand(3), torch.rand(3)
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before
