"""Observers: plugins that are told when a run starts and ends."""

import json

import pytest

import zoo

WATCHER = """
    import json, os, pathlib
    from zoo.hookspecs import hookimpl

    LOG = pathlib.Path(os.environ["ZOO_HOME"]) / "watched.jsonl"

    def note(**facts):
        with open(LOG, "a") as file:
            file.write(json.dumps(facts) + "\\n")

    @hookimpl
    def zoo_run_started(run):
        note(hook="started", run_id=run.run_id, computed=run.shards.computed, samples=run.samples)

    @hookimpl
    def zoo_run_finished(record):
        import zoo
        note(hook="finished", run_id=record.run_id, stored=zoo.Store().record(record.run_id) == record)
"""


def test_observers_are_told_of_start_and_end(toy, plugin, zoo_home):
    plugin("watcher", WATCHER)
    record = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")
    again = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")
    told = [json.loads(line) for line in (zoo_home / "watched.jsonl").read_text().splitlines()]
    assert told == [
        {"hook": "started", "run_id": record.run_id, "computed": 4, "samples": 2000},
        {"hook": "finished", "run_id": record.run_id, "stored": True},
        {"hook": "finished", "run_id": again.run_id, "stored": True},
    ]


def test_an_observer_that_raises_costs_a_warning(toy, plugin):
    plugin("broken", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_run_finished(record): raise ValueError('no disk')\n")
    with pytest.warns(UserWarning, match="plugin 'broken': zoo_run_finished raised ValueError: no disk"):
        record = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset")
    assert zoo.Store().record(record.run_id) == record


def test_an_observer_that_asks_for_nothing_is_called(toy, plugin):
    plugin("bare", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_run_started(): raise ValueError('called')\n")
    with pytest.warns(UserWarning, match="called"):
        zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset")
