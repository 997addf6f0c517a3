"""Who provides what a score depends on: the distribution and version of each entry's plugin, and of what that requires."""

from collections.abc import Iterable, Iterator

from zoo.identity.installed import required
from zoo.opening.models import Model
from zoo.plugins.registry import registry
from zoo.runs.plan import Plan
from zoo.runs.record import Provider
from zoo.tasks.by_name import is_core, plugin_of_task
from zoo.wording import without_secrets


def providers_of(plan: Plan) -> tuple[Provider, ...]:
    """The distributions of a run's model, parts, other models, dataset, benchmark, metrics and technique."""
    entries = [("benchmark", plan.benchmark.name), ("dataset", plan.task.data.name), *_models("model", plan.model)]
    entries += [each for role, other in plan.aux.items() for each in _models(role, other)]
    entries += [("metric", spec.name) for _, _, spec in plan.metrics]
    entries += [("technique", plan.precision.name)] if plan.precision.built is not None else []
    return providers(entries, plan.task.name)


def providers(entries: Iterable[tuple[str, str]], task: str | None = None) -> tuple[Provider, ...]:
    """The distributions whose plugins offer entries, given as what each is to the score, and its full name; and a task.

    What is the user's own has none.
    """
    index = registry().index
    owners = [(f"{role} {without_secrets(name)}", index.plugin_of(name)) for role, name in dict.fromkeys(entries)]
    if task is not None and not is_core(task):
        owners.append((f"task {task}", plugin_of_task(task)))
    found: dict[tuple[str, str], list[str]] = {}
    for what, plugin in owners:
        if plugin is not None:
            found.setdefault((plugin["distribution"], plugin["version"]), []).append(what)
    return tuple(
        Provider(distribution=distribution, version=version, entries=tuple(given), requires=required(distribution))
        for (distribution, version), given in found.items()
    )


def _models(role: str, model: Model) -> Iterator[tuple[str, str]]:
    """A model and those inside it."""
    if not model.own:
        yield role, model.info.name
    for part in model.parts.values():
        yield from _models("part", part)
