"""Settings that a pydantic class declares, such as a model's options or a protocol's: validated, with one manner of error."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from zoo.errors import OptionError


def checked_settings(declared: type[BaseModel], values: Mapping[str, Any], kind: str, owner: str) -> BaseModel:
    """The settings, completed by their defaults. `kind` ("option") and `owner` (a name) are for the error.

    Raises OptionError for a name that is not declared, with the nearest one, and for a value that does not fit.
    """
    known = ", ".join(declared.model_fields) or "none"
    for name in values:
        if name not in declared.model_fields:
            near = get_close_matches(name, declared.model_fields)
            did_you_mean = f"did you mean {' or '.join(near)}? " if near else ""
            raise OptionError(f"{owner} has no {kind} {name!r}", f"{did_you_mean}its {kind}s are: {known}")
    try:
        return declared.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where, message = ".".join(map(str, first["loc"])), str(first["msg"]).removeprefix("Value error, ")
        raise OptionError(f"{kind} {where} of {owner}: {message}, not {first['input']!r}", f"its {kind}s are: {known}") from error
