"""What may be asked of a run is declared once, and both ways of asking know all of it."""

import inspect

import zoo
from zoo.runs.request import How, Request
from zoo_cli.run import run


def test_the_function_takes_what_is_declared_with_the_same_defaults() -> None:
    declared = {**Request.model_fields, **How.model_fields}
    taken = inspect.signature(zoo.evaluate).parameters
    assert set(taken) == set(declared)
    for name, parameter in taken.items():
        if parameter.default is not inspect.Parameter.empty and declared[name].default not in ((), parameter.default):
            assert declared[name].is_required() and parameter.default is None, name


def test_the_command_line_has_an_option_for_all_that_is_described() -> None:
    described = {name for asked in (Request, How) for name, field in asked.model_fields.items() if field.description}
    assert described <= {parameter.name for parameter in run.params}
    assert {"device", "limit", "weights", "classes", "outputs", "precision"} <= described
