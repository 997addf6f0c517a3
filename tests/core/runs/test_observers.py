"""Observers: plugins that are told when a run starts and ends."""

import json

import pytest

import zoo
from zoo.errors import ModelError, PluginError

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
    with pytest.warns(UserWarning, match=r"plugin 'broken' \(zoo_broken 1.0\): its zoo_run_finished raised ValueError"):
        record = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset")
    assert zoo.Store().record(record.run_id) == record


def test_an_observer_that_asks_for_nothing_is_called(toy, plugin):
    plugin("bare", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_run_started(): raise ValueError('called')\n")
    with pytest.warns(UserWarning, match="called"):
        zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset")


def test_an_observer_that_ends_the_process_costs_a_warning(toy, plugin):
    plugin("leaving", "import sys\nfrom zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_run_finished(record): sys.exit(0)\n")
    with pytest.warns(UserWarning, match="plugin 'leaving' .*: its zoo_run_finished raised SystemExit: 0"):
        record = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset")
    assert zoo.Store().record(record.run_id) == record


class Stop(BaseException):
    """What is no Exception."""


@pytest.mark.parametrize("leave", [SystemExit(0), SystemExit("done"), Stop("enough")], ids=repr)
def test_a_model_that_ends_the_process_is_an_error_that_names_it(toy, leave):
    class Leaving(toy.Linear):
        def forward(self, inputs):
            raise leave

    with pytest.raises(ModelError, match=f"local/Leaving raised {type(leave).__name__} on .* samples"):
        zoo.evaluate(Leaving(), "toy/vectors", classes="dataset")
    assert zoo.Store().records() == []


def test_an_interrupt_stays_an_interrupt(toy):
    class Interrupted(toy.Linear):
        def forward(self, inputs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zoo.evaluate(Interrupted(), "toy/vectors", classes="dataset")


def test_what_ends_the_process_while_it_is_built_or_scores_is_named(toy, plugin):
    plugin(
        "leaving",
        """
        import sys
        from zoo.hookspecs import hookimpl
        from zoo.metrics import Metric
        from zoo.specs import MetricSpec, ModelSpec

        def build():
            sys.exit(0)

        class Leave(Metric):
            def update(self, rows):
                return {} if not len(rows) else sys.exit(0)
            def compute(self, state, classes):
                from zoo.metrics import Score
                return Score(None, 0, interval="none: nothing")

        @hookimpl
        def zoo_models():
            return [ModelSpec(name="model", summary="S.", modality="vector", tasks={"classify": "zoo_leaving:build"},
                              classes=("ant", "bee", "cat"))]

        @hookimpl
        def zoo_metrics():
            return [MetricSpec(name="leave", summary="S.", task="classify", target="zoo_leaving:Leave", direction="none",
                               range=(None, None), reference="none")]
        """,
    )
    with pytest.raises(PluginError, match=r"plugin 'leaving' \(zoo_leaving 1.0\): leaving/model raised SystemExit: 0"):
        zoo.evaluate("leaving/model", "toy/vectors")
    with pytest.raises(PluginError, match="metric leaving/leave raised SystemExit: 0"):
        zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", metrics=["leaving/leave"])
