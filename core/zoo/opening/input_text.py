"""Preprocessing as it is written in one line: `size=224,crop_pct=.875,mean=.485,.456,.406,std=.229,.224,.225`."""

from typing import Any

from pydantic import ValidationError

from zoo.errors import OptionError, did_you_mean
from zoo.specs import ImageInput

EXAMPLE = "size=224,crop_pct=.875,mean=.485,.456,.406,std=.229,.224,.225"
_SEVERAL = ("size", "mean", "std")


def read_input(text: str) -> ImageInput:
    """The preprocessing that a text says: what stands between commas without a name goes on with the value before.

    `size=224` is 224 by 224, `size=224,256` or `size=224x256` height and width; a `crop_pct` below 1 crops the centre unless
    `crop_mode` says otherwise. Raises OptionError.
    """
    values: dict[str, list[str]] = {}
    last = ""
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            if not last:
                raise OptionError(f"`input` {text!r} begins without a name", f"write it as {EXAMPLE}")
            values[last].append(part)
            continue
        last = name.strip()
        if last not in ImageInput.model_fields:
            known = f"it takes {', '.join(ImageInput.model_fields)}"
            raise OptionError(f"`input` has no {last!r}", did_you_mean(last, ImageInput.model_fields, known))
        if last in values:
            raise OptionError(f"`input` says {last} twice", "say it once")
        values[last] = [one for one in value.replace("x", ",").split(",") if one] if last == "size" else [value.strip()]
    given: dict[str, Any] = {name: found if name in _SEVERAL else ",".join(found) for name, found in values.items()}
    if len(given.get("size", ())) == 1:
        given["size"] *= 2
    if "crop_pct" in given:
        given.setdefault("crop_mode", "center")
    if not given:
        raise OptionError("`input` is empty", f"write it as {EXAMPLE}")
    if "channels" in given and given["channels"].isdecimal():
        given["channels"] = int(given["channels"])
    try:
        return ImageInput.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where, said = ".".join(map(str, first["loc"])), str(first["msg"]).removeprefix("Value error, ")
        raise OptionError(f"`input`{f', {where}' if where else ''}: {said}", f"write it as {EXAMPLE}") from error
