"""Topic 6: techniques of training as named things: optimizers, schedules, precisions, and what saves memory."""

from zoo import hookimpl
from zoo.specs import CommandSpec, TechniqueSpec
from zoo_training import command_specs, optimizer_specs, schedule_specs, technique_specs


@hookimpl
def zoo_techniques() -> list[TechniqueSpec]:
    return [*optimizer_specs.TECHNIQUES, *schedule_specs.TECHNIQUES, *technique_specs.TECHNIQUES]


@hookimpl
def zoo_commands() -> list[CommandSpec]:
    return command_specs.COMMANDS
