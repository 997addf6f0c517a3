"""Commands that measure why accurate models are fragile, and attack networks themselves."""

from zoo.specs import CommandSpec


def command(name: str, summary: str) -> CommandSpec:
    """A command of `zoo_robust.fragility.commands`, where it is a function of its name."""
    return CommandSpec(name=name, summary=summary, target=f"zoo_robust.fragility.commands:{name.replace('-', '_')}")


COMMANDS = [
    command("fragility", "The smallest adversarial perturbation of a victim beside the noise that does as much."),
    command("intrinsic-dimension", "The intrinsic dimension of what each layer of a network makes of data."),
    command("concentration", "Both on balls of any dimension, where the answer is known."),
    command("stealth-attack", "Plant an answer to a trigger into a network by altering one neuron."),
]
