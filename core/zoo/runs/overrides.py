"""What a caller may change of a benchmark: the settings of its protocol, and the other models that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ModelError, OptionError
from zoo.opening.models import options_class
from zoo.options import checked_settings
from zoo.plugins.registry import Registry
from zoo.specs import BenchmarkSpec
from zoo.tasks.base import Task
from zoo.tasks.by_name import task_class, task_of


@dataclass(frozen=True)
class Names:
    """Names that `--NAME VALUE` may have for a model on a benchmark, beside those of the command itself."""

    options: tuple[str, ...]
    protocol: tuple[str, ...]
    aux: tuple[str, ...]


def settable(registry: Registry, model: str, benchmark: str | None, task: str | None = None) -> Names:
    """What can be set of a model by name, and of the benchmark that it is run on."""
    spec, _ = registry.tagged_model(model)
    tasks = [task] if task else list(spec.tasks)
    declared = options_class(spec)
    options = tuple(declared.model_fields) if declared is not None else ()
    if benchmark:
        suited = task_of(registry.benchmark(benchmark, tasks=tasks, kind=spec.kind))
    else:
        suited = task_class(tasks[0]).suited(spec.modality, {"kind": spec.kind} if spec.kind else {}, ())
    protocol = tuple(suited.settings.model_fields) if suited.settings else ()
    aux = (*suited.roles, *suited.optional_roles)
    return Names(options, tuple(name for name in protocol if name not in options), aux)


def asked_protocol(task: type[Task], benchmark: BenchmarkSpec, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The benchmark's protocol with what the caller changes of it. Raises OptionError for what cannot be changed."""
    if task.settings is None:
        if asked:
            raise OptionError(f"nothing of the protocol of {benchmark.name} can be set, so not {', '.join(asked)}")
        return dict(benchmark.protocol)
    declared = checked_settings(task.settings, {**benchmark.protocol, **asked}, "setting", f"the protocol of {benchmark.name}")
    return declared.model_dump(mode="json")


def asked_aux(task: type[Task], benchmark: BenchmarkSpec, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Role to name or module of the other models, the caller's before the benchmark's. Raises where one is missing or unknown."""
    roles = dict.fromkeys((*task.roles, *task.optional_roles, *benchmark.aux))
    for role in asked:
        if role not in roles:
            known = f"it has: {', '.join(roles)}" if roles else "it needs none"
            raise OptionError(f"{benchmark.name} has no other model called {role!r}", known)
    found = {**benchmark.aux, **asked}
    for role, needs in task.roles.items():
        if role not in found:
            raise ModelError(
                f"{benchmark.name} needs a {role}: a model that does {needs}",
                f"name one: `aux.{role}=MODEL`; zoo list models --task {needs} shows which there are",
            )
    return found


def altered(task: type[Task], benchmark: BenchmarkSpec, protocol: Mapping[str, Any], aux: Mapping[str, str]) -> tuple[str, ...]:
    """What of the benchmark's own protocol and models the caller changed: the score is then none of that benchmark."""
    declared = asked_protocol(task, benchmark, {})
    settings = [name for name, value in protocol.items() if declared.get(name) != value]
    return (*settings, *(role for role, name in aux.items() if benchmark.aux.get(role) != name))
