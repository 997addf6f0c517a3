"""`diffusers/FOLDER`, `diffusers/OWNER/NAME`: pipelines of one network and a scheduler, which draw images from noise."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from zoo.errors import ModelError, OptionError
from zoo.specs import ModelSpec
from zoo_hub.source import Source, described, find_source, read_json, unchanged
from zoo_hub.wrapping import Wrapped

WEIGHTS = "diffusion_pytorch_model.safetensors"


class DiffusersOptions(BaseModel):
    """How a pipeline draws."""

    model_config = ConfigDict(extra="forbid")
    steps: int | None = Field(
        None,
        ge=1,
        description="Steps of the scheduler; by default the pipeline's, or all that it has.",
    )


class DiffusersGenerator(Wrapped):
    """Draws images from noise, by the pipeline of a folder. Its state dict is that of the network alone."""

    def __init__(self, source: str, part: str, steps: int | None = None, files: str | None = None) -> None:
        """`source` is `Source.text`, `part` the network's name in the pipeline, `files` the hash that `described` must give."""
        super().__init__()
        folder = unchanged(source, files)
        index = read_json(folder / "model_index.json")
        try:
            self.body = _class(index[part][1]).from_config(read_json(folder / part / "config.json"))
            scheduler = _class(index["scheduler"][1]).from_config(read_json(folder / "scheduler" / "scheduler_config.json"))
            self.pipeline = _class(index["_class_name"])(**{part: self.body, "scheduler": scheduler})
        except (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError) as error:
            raise ModelError(
                f"diffusers cannot build the pipeline in {folder}: {' '.join(str(error).split())[:200]}",
                "see that it is whole, and of a kind that this version of diffusers knows",
            ) from error
        self.pipeline.set_progress_bar_config(disable=True)
        self.steps = _steps(self.pipeline, steps)

    def forward(self, conditions: Sequence[Any], seeds: Sequence[int]) -> list[Tensor]:
        """One image [c, h, w] in [0, 1] a seed. Noise is drawn on the CPU, so that it is the same on every device."""
        if any(condition is not None for condition in conditions):
            raise ModelError(
                "this pipeline draws from nothing, and takes no condition", "take a benchmark of unconditional images"
            )
        given = {} if self.steps is None else {"num_inference_steps": self.steps}
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        images = self.pipeline(batch_size=len(seeds), generator=generators, output_type="pt", **given).images
        return list(images.float())


def _steps(pipeline: Any, asked: int | None) -> int | None:
    """How many steps to take; None leaves it to the pipeline, whose own default may be more than its scheduler has."""
    default = signature(pipeline.__call__).parameters.get("num_inference_steps")
    trained = pipeline.scheduler.config.get("num_train_timesteps")
    if trained is None or default is None:
        return asked
    if asked is None:
        return min(default.default, trained) if isinstance(default.default, int) else None
    if asked > trained:
        raise OptionError(f"{asked} steps are more than the {trained} that the scheduler was trained with", f"--steps {trained}")
    return asked


def resolve(name: str, rest: str) -> ModelSpec:
    """The spec of a pipeline. Raises ModelError where it is another kind of pipeline or brings code, WeightsError for pickles."""
    source = find_source(rest)
    index = source.json("model_index.json")
    if not index:
        hint = (
            f"perhaps it is hf/{rest}" if (source.folder / "config.json").is_file() else "save_pretrained of a pipeline writes it"
        )
        raise ModelError(f"{rest} has no model_index.json, so it is no pipeline of diffusers", hint)
    part = _network(source, index)
    return ModelSpec(
        name=name,
        summary=f"{index['_class_name']} of {source.rest}",
        requires=("diffusers>=0.30",),
        tasks={"generate": "zoo_hub.diffusers_models:DiffusersGenerator"},
        modality="image",
        config={"source": source.text, "files": described(source.folder), "part": part},
        options="zoo_hub.diffusers_models:DiffusersOptions",
        weights=source.weights(f"{part}/{WEIGHTS}"),
    )


def _network(source: Source, index: Mapping[str, Any]) -> str:
    """The name of a pipeline's only network."""
    import diffusers

    parts = {name: value for name, value in index.items() if not name.startswith("_") and isinstance(value, list) and any(value)}
    strangers = [name for name, (library, _) in parts.items() if library not in ("diffusers", "transformers")]
    if strangers or not isinstance(index.get("_class_name"), str):
        raise ModelError(
            f"{source.rest} asks for code that comes with it ({', '.join(strangers) or '_class_name'}), which is never run",
            "where you trust it, load it yourself and pass the loaded model to zoo.evaluate",
        )
    if not hasattr(diffusers, index["_class_name"]):
        what = f"{source.rest} is a {index['_class_name']}, which diffusers {diffusers.__version__} has not"
        raise ModelError(what, "take a pipeline that it has")
    networks = sorted(name for name in parts if name != "scheduler")
    if len(networks) != 1 or "scheduler" not in parts:
        raise ModelError(
            f"{source.rest} is a {index['_class_name']} of {', '.join(networks) or 'no network'}",
            "run are pipelines of one network and a scheduler, which draw from noise alone, such as DDPM and DDIM",
        )
    return networks[0]


def _class(name: str) -> Any:
    import diffusers

    return getattr(diffusers, name)
