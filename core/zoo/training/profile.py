"""What training would cost, from a few steps: of a recipe as it is, and with techniques."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo.devices import pick_device
from zoo.errors import OptionError
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import registry
from zoo.remarks import hearing
from zoo.seeds import seeded
from zoo.specs import RecipeSpec
from zoo.training.checking import check_job
from zoo.training.compare import ComparedTraining, TrainingComparison, differences, recipe_facts, techniques_of
from zoo.training.costs import FIRST, Enough
from zoo.training.differentiated import loop_of
from zoo.training.job import TrainingJob, TrainingProgress
from zoo.training.plan import Asked, plan_training
from zoo.training.techniques import with_techniques
from zoo.training.trace import Trace

STEPS = 20


@in_plugin()
def profile_training(
    recipe: str | RecipeSpec,
    *,
    techniques: Sequence[str] = (),
    without: Sequence[str] = (),
    steps: int = STEPS,
    seed: int | None = None,
    dataset: str | None = None,
    model: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    device: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainingComparison:
    """Take a few steps of a recipe, of it with each of the techniques, and with all of them; no weights are written.

    Other arguments are those of `zoo.train`. Of `steps` steps the first three are left out of the median. Raises OptionError for
    a trainer that is no `zoo.training.Loop`, and what `zoo.train` raises before and at its first steps.
    """
    if steps <= FIRST:
        raise OptionError(f"`steps` is {steps}, and the first {FIRST} do not count", f"take at least {FIRST + 1}")
    entries = registry()
    spec = entries.recipe(recipe) if isinstance(recipe, str) else recipe
    named = (("seed", seed), ("dataset", dataset), ("model", model))
    changes = {**(overrides or {}), **{name: value for name, value in named if value is not None}}
    sets: list[tuple[Sequence[str], Sequence[str]]] = [((), ()), *(((one,), ()) for one in techniques)]
    if len(techniques) > 1 or without:
        sets.append((techniques, without))
    rows: list[ComparedTraining] = []
    with seeded(spec.seed, "profile"), TemporaryDirectory() as folder:
        job = replace(
            plan_training(entries, spec, Asked(changes, str(pick_device(device)), data_dir, progress)), folder=Path(folder)
        )
        jobs = [job.changed(recipe=with_techniques(entries, job.recipe, added, removed)) for added, removed in sets]
        for each in jobs:  # what cannot be is refused before anything is profiled
            each.techniques.check(each.device, each.recipe)
        check_job(job, entries.dataset(job.recipe.dataset))
        for each in jobs:
            with hearing(None) as remarks:
                job, row = _profiled(job.changed(recipe=each.recipe), steps)
            differs = differences(recipe_facts(each.recipe), recipe_facts(jobs[0].recipe))
            rows.append(row.model_copy(update={"remarks": tuple(remarks), "differs": tuple(differs)}))
    return TrainingComparison(trainings=tuple(rows))


def _profiled(job: TrainingJob, steps: int) -> tuple[TrainingJob, ComparedTraining]:
    """The job, with its samples prepared, and what its steps took."""
    loop = loop_of(job, "its steps are not known", "profile a recipe of another trainer")
    loop.job = loop.job.changed(started=None, progress=job.progress)
    loop.costs.limit, loop.trace = steps, Trace(steps)
    try:
        for epoch in count(1):
            loop.run_epoch(epoch)
    except Enough:
        found = {"recipe": job.recipe.name, "device": job.device, "cost": loop.costs.summed(), "steps": loop.trace.curve()}
    return loop.job, ComparedTraining(name=techniques_of(job.recipe), **found)
