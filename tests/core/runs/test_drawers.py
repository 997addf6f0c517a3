"""Drawers: plugins that draw what a loaded model sees, where its task draws nothing."""

import pytest

import zoo
from zoo.errors import OptionError

DRAWS = """
    from zoo.hookspecs import hookimpl

    @hookimpl
    def zoo_drawer(model):
        from PIL import Image
        if type(model).__name__ != "Linear":
            return None
        return lambda given: Image.new("RGB", (given.shape[-1], int(given.max() <= 1)))
"""


def figures(record):
    return [artifact.path for artifact in record.artifacts if artifact.path.startswith("figures/")]


def run(toy, count, **settings):
    model = toy.Linear(features=192)
    return zoo.evaluate(model, "toy/photos", classes="dataset", key="toy", save_figures=count, **settings)


def test_a_plugin_that_knows_the_model_draws_its_prepared_inputs(toy, plugin, zoo_home):
    from PIL import Image

    plugin("draws", DRAWS)
    record = run(toy, 2)
    assert len(figures(record)) == 2
    assert Image.open(zoo_home / "runs" / record.key / figures(record)[0]).size == (8, 1)


def test_figures_of_a_finished_run_compute_no_prediction(toy, plugin):
    plugin("draws", DRAWS)
    run(toy, 0)
    calls = toy.calls
    record = run(toy, 2)
    assert record.shards.computed == 0
    assert toy.calls == calls
    assert len(figures(record)) == 2


def test_a_model_that_no_plugin_knows_is_refused_before_it_runs(toy, plugin):
    plugin("draws", DRAWS.replace("Linear", "Another"))
    with pytest.raises(OptionError, match="no plugin draws what local/Linear sees"):
        run(toy, 1)
    assert toy.calls == 0


def test_a_drawer_that_raises_costs_a_warning_and_the_next_is_asked(toy, plugin):
    plugin("draws", DRAWS)
    plugin("broken", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_drawer(model): raise ValueError('no ink')\n")
    with pytest.warns(UserWarning, match="plugin 'broken' .*: its zoo_drawer raised ValueError: no ink"):
        assert len(figures(run(toy, 1))) == 1


def test_a_run_without_figures_asks_nobody(toy, plugin):
    plugin("broken", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_drawer(model): raise ValueError('no ink')\n")
    assert figures(run(toy, 0)) == []


def test_a_plugin_that_only_draws_watches_no_runs(toy, plugin):
    plugin("draws", DRAWS)
    (found,) = (entry for entry in zoo.registry().index.plugins if entry["id"] == "draws")
    assert (found["observes"], found["draws"]) == ([], True)
