"""`diffusers/FOLDER`, `diffusers/OWNER/NAME`: pipelines that draw images, from nothing, from classes or from prompts."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from zoo.errors import ModelError, OptionError, WeightsError
from zoo.specs import ModelSpec
from zoo_hub.folder import loaded, quiet
from zoo_hub.pipelines import RUN, build_pipeline, networks_of
from zoo_hub.source import described, find_source, unchanged
from zoo_hub.wrapping import Wrapped

CLASSES = ("num_class_embeds", "num_embeds_ada_norm")
"""What the number of classes of a network of diffusers is called in its configuration."""


class DiffusersOptions(BaseModel):
    """How a pipeline draws."""

    model_config = ConfigDict(extra="forbid")
    steps: int | None = Field(
        default=None,
        ge=1,
        description="Steps of the scheduler; by default the pipeline's, or all that it has.",
    )
    prompt: str | None = Field(
        default=None, description="What is asked of a pipeline for text, where the dataset has no prompts."
    )
    guidance: float | None = Field(
        default=None, ge=0, description="Scale of classifier-free guidance; by default the pipeline's."
    )


class DiffusersGenerator(Wrapped):
    """Draws images by the pipeline of a folder.

    Its state dict is that of the network; of several networks their names in the pipeline stand before their keys.
    """

    def __init__(
        self,
        source: str,
        networks: Sequence[str],
        steps: int | None = None,
        prompt: str | None = None,
        guidance: float | None = None,
        files: str | None = None,
    ) -> None:
        """`source` is `Source.text`, `networks` their names in the pipeline, `files` the hash that `described` must give."""
        super().__init__()
        folder = unchanged(source, files)
        self.pipeline = build_pipeline(folder)
        self.pipeline.set_progress_bar_config(disable=True)
        self.name, self.prompt = str(folder), prompt
        self.body = nn.ModuleDict({name: getattr(self.pipeline, name) for name in networks})
        self.takes = signature(self.pipeline.__call__).parameters
        for option, value, parameter in (("prompt", prompt, "prompt"), ("guidance", guidance, "guidance_scale")):
            if value is not None and parameter not in self.takes:
                raise OptionError(f"{type(self.pipeline).__name__} takes no {option}", "leave it out")
        asked = {"num_inference_steps": _steps(self.pipeline, steps), "guidance_scale": guidance}
        self.given = {name: value for name, value in asked.items() if value is not None}

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self._body().state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Each network by its own library, which knows the names of older files; strictly all the same."""
        from transformers import PreTrainedModel

        several = len(self.body) > 1
        of: dict[str, dict[str, Any]] = {name: {} for name in self.body}
        for key, tensor in state_dict.items():
            name, _, rest = key.partition(".") if several else (next(iter(of)), "", key)
            if name not in of:
                raise WeightsError(f"these weights are not those of {self.name}: {key} is of none of {', '.join(of)}")
            of[name][rest] = tensor
        for name, state in of.items():
            network: Any = self.body[name]
            if isinstance(network, PreTrainedModel):
                self.body[name] = loaded(network, state, f"{self.name}/{name}", strict=strict)
                self.pipeline.register_modules(**{name: self.body[name]})
            else:
                network._fix_state_dict_keys_on_load(state)  # older files call the parameters of attention otherwise
                network.load_state_dict(state, strict=strict, assign=assign)
        return nn.modules.module._IncompatibleKeys([], [])

    def forward(self, conditions: Sequence[Any], seeds: Sequence[int]) -> list[Tensor]:
        """One image [c, h, w] in [0, 1] a seed; a condition is None, a prompt or the number of a class.

        Noise is drawn on the CPU, so that it is the same on every device. Raises ModelError where an image does not follow from
        its seed, or the pipeline takes no such condition.
        """
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        asked = {**self.given, **self._asked(conditions, generators)}
        before = torch.get_rng_state()
        try:
            with quiet():
                images = self.pipeline(generator=generators, output_type="np", **asked).images
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise ModelError(
                f"{type(self.pipeline).__name__} cannot draw images so: {' '.join(str(error).split())[:200]}",
                RUN,
            ) from error
        if not torch.equal(before, torch.get_rng_state()):
            raise ModelError(
                f"{type(self.pipeline).__name__} draws noise that does not follow from the seeds of the samples",
                f"take another scheduler than {type(self.pipeline.scheduler).__name__}, one without noise at its steps",
            )
        return list(torch.as_tensor(images).permute(0, 3, 1, 2).float())

    def _body(self) -> Any:
        """The only network, or all of them by name."""
        return next(iter(self.body.values())) if len(self.body) == 1 else self.body

    def _asked(self, conditions: Sequence[Any], generators: Sequence[torch.Generator]) -> dict[str, Any]:
        """What the pipeline draws from. Where it takes classes and none are given, each is drawn by its sample's seed."""
        kinds = {type(condition) for condition in conditions if condition is not None}
        if "prompt" in self.takes and kinds <= {str}:
            return {"prompt": [(self.prompt or "") if condition is None else condition for condition in conditions]}
        classes = self._classes() if "class_labels" in self.takes else None
        if classes is not None and kinds <= {int}:
            drawn = [int(torch.randint(classes, (), generator=generator)) for generator in generators]
            labels = [label if given is None else given for label, given in zip(drawn, conditions, strict=True)]
            return {"class_labels": labels, **self._size(len(labels))}
        if not kinds:
            return self._size(len(conditions))
        raise ModelError(
            f"{type(self.pipeline).__name__} takes no condition of type {' or '.join(sorted(kind.__name__ for kind in kinds))}",
            "take a benchmark of unconditional images",
        )

    def _size(self, number: int) -> dict[str, int]:
        return {"batch_size": number} if "batch_size" in self.takes else {}

    def _classes(self) -> int | None:
        """How many classes the pipeline's networks tell apart, if any."""
        found = (network.config.get(name) for network in self.body.values() for name in CLASSES if hasattr(network, "config"))
        return next((number for number in found if isinstance(number, int)), None)


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
    source = find_source(rest, "diffusers")
    index = source.json("model_index.json")
    if not index:
        hint = (
            f"perhaps it is hf/{rest}" if (source.folder / "config.json").is_file() else "save_pretrained of a pipeline writes it"
        )
        raise ModelError(f"{rest} has no model_index.json, so it is no pipeline of diffusers", hint)
    files = networks_of(source, index)
    return ModelSpec(
        name=name,
        summary=f"{index['_class_name']} of {source.rest}",
        requires=("diffusers>=0.33",),
        tasks={"generate": "zoo_hub.diffusers_models:DiffusersGenerator"},
        modality="image",
        config={"source": source.text, "files": described(source.folder), "networks": list(files)},
        options="zoo_hub.diffusers_models:DiffusersOptions",
        weights=source.weights(*(f"{network}/{file}" for network, file in files.items())),
    )
