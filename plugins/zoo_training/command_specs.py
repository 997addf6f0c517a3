"""Commands: lessons that reproduce, and the learning-rate range test."""

from zoo.specs import CommandSpec

COMMANDS = [
    CommandSpec(
        name="lesson",
        summary="What techniques of training cost and do, measured: tables of the course.",
        target="zoo_training.commands:lesson",
    ),
    CommandSpec(
        name="range-test",
        summary="The learning rate that a recipe's losses speak for, by growing rates.",
        target="zoo_training.commands:range_test",
    ),
]
