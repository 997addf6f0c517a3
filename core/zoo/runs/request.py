"""What a caller may ask of a run: each thing declared once, with its default, its bounds, and what it does.

`zoo.evaluate` takes these as keywords, and `zoo run` makes its options of them.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from zoo.engines.naming import checked_engine
from zoo.errors import OptionError
from zoo.runs.progress import Progress
from zoo.storage.address import is_address

if TYPE_CHECKING:
    from zoo.opening.weights_choice import Choice

A = TypeVar("A", bound="Asked")


class Asked(BaseModel):
    """Some of what is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def of(cls: type[A], keywords: Mapping[str, Any]) -> A:
        """Those of the keywords that are declared here. Raises OptionError where one does not fit."""
        try:
            return cls.model_validate({name: keywords[name] for name in cls.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            name, context = str(first["loc"][0]), first.get("ctx", {})
            if first["type"] == "literal_error":
                raise OptionError(f"`{name}` {first['input']!r} is unknown", f"choose {context['expected']}") from error
            if first["type"] == "greater_than_equal":
                raise OptionError(f"`{name}` must be at least {context['ge']}, not {first['input']}") from error
            raise OptionError(f"`{name}`: {first['msg']}, not {first['input']!r}") from error


class Request(Asked):
    """What determines the predictions, and which metrics score them."""

    model: Any
    benchmark: Any
    task: str | None = Field(
        default=None, description="Which of the model's tasks, where it has several: timm/NAME has classify and embed."
    )
    precision: str = Field(
        default="fp32", description="fp32, bf16 or fp16, or a technique that quantises the network, such as int8-dynamic."
    )
    limit: int | None = Field(default=None, ge=1, description="Only N samples, the same every time, of every class its share.")
    outputs: Literal["all", "dataset"] | None = Field(
        default=None,
        description="all: a class that the dataset lacks is a wrong answer (default); dataset: only its own classes compete.",
    )
    seed: int = Field(default=0, description="Of whatever is random in model or task.")
    weights: Path | str | None = Field(default=None, description="Weights file of your own, or its address: s3://bucket/net.pth.")
    weights_key: str | None = Field(
        default=None, description="Which of several sets of weights in the file, such as state_dict_ema."
    )
    allow_pickle: bool = Field(default=False, description="Load a pickled weights file, which can run any code.")
    data_dir: Path | None = Field(default=None, description="Folder of datasets, looked in before ZOO_DATA_DIR.")
    classes: Any = Field(
        default=None, description="Names of the outputs, in order: a,b,c, a file of them, or dataset for its own."
    )
    input: Any = Field(
        default=None,
        description="Pixels that a network of your own wants: size=224,crop_pct=.875,mean=.485,.456,.406,std=.229,.224,.225.",
    )
    key: str | None = Field(
        default=None,
        description="Of a network of your own: stands for what it reads beside code and weights, so that its predictions are "
        "used again.",
    )
    name: str | None = None
    options: Mapping[str, Any] | None = None
    protocol: Mapping[str, Any] | None = None
    aux: Mapping[str, Any] | None = None
    metrics: tuple[str, ...] = ()

    @field_validator("metrics", mode="before")
    @classmethod
    def _none_is_none(cls, metrics: Any) -> Any:
        return tuple(metrics or ())

    @field_validator("input", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        from zoo.opening.input_text import read_input

        return read_input(given)

    @field_validator("weights", "data_dir", mode="before")
    @classmethod
    def _empty_is_none(cls, path: Any) -> Any:
        return path or None

    @field_validator("weights")
    @classmethod
    def _path_or_address(cls, weights: Path | str | None) -> Path | str | None:
        return Path(weights) if isinstance(weights, str) and not is_address(weights) else weights

    @property
    def weights_file(self) -> Path | None:
        """The weights file; of one at an address a copy on this machine. Raises WeightsError where there is none."""
        from zoo.opening.weights_choice import own_file

        return own_file(self.weights)

    def fetched(self) -> "Request":
        """The same with that file, which is then asked for but once."""
        return self if self.weights is None else self.model_copy(update={"weights": self.weights_file})

    def choice(self, tag: str | None) -> "Choice":
        """The weights that are asked for, of a model by name and with this tag."""
        from zoo.opening.weights_choice import Choice

        return Choice(
            tag,
            file=self.weights_file,
            allow_pickle=self.allow_pickle,
            data_dir=self.data_dir,
            key=self.weights_key,
            classes=self.classes,
        )


class How(Asked):
    """How to run; none of it changes the predictions beyond rounding."""

    device: str = Field(default="auto", description="cpu, cuda, cuda:1, mps, or auto.")
    batch_size: int | str = Field(default="auto", description="auto halves when memory runs out.")
    workers: int | None = Field(default=None, ge=0, description="Threads that load samples. Default: what suits the dataset.")
    compile: bool = Field(default=False, description="Compile the network for whole batches, which takes a while at first.")
    skip_bad: int = Field(default=0, ge=0, description="Allow N corrupt samples. Default: none.")
    fresh: bool = Field(default=False, description="Compute everything anew, reuse no shard.")
    save_figures: int = Field(default=0, ge=0, description="Draw the first N predictions.")
    wait: float | None = Field(
        default=None, ge=0, description="Seconds to wait where another process runs the same; inf: as long as it takes."
    )
    home: Any = None
    store: Any = None
    engine: str = Field(
        default="here", description="here, local:N for N processes, ray or ray:ADDRESS for a cluster: the shards are shared out."
    )
    shards: str | None = Field(
        default=None,
        description="Keep the predictions below this address, such as s3://bucket/prefix. Default: ZOO_SHARDS, else ZOO_HOME.",
    )
    progress: Callable[[Progress], None] | bool | None = None

    @field_validator("wait", mode="before")
    @classmethod
    def _as_seconds(cls, wait: Any) -> Any:
        return (math.inf if wait else 0.0) if isinstance(wait, bool) else wait

    @field_validator("batch_size", mode="before")
    @classmethod
    def _number_or_auto(cls, batch_size: Any) -> Any:
        if batch_size != "auto" and (not str(batch_size).isdecimal() or int(batch_size) < 1):
            hint = "leave it out, and it is found"
            raise OptionError(f"batch size {batch_size!r} is not a number of at least 1, nor auto", hint)
        return batch_size if batch_size == "auto" else int(batch_size)

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, engine: str) -> str:
        return checked_engine(engine)

    @property
    def fixed_batch(self) -> int | None:
        """The batch size, or None for `auto`."""
        return self.batch_size if isinstance(self.batch_size, int) else None

    def tell(self, step: Progress) -> None:
        """Report progress, if anybody wants to know."""
        if callable(self.progress):
            self.progress(step)
