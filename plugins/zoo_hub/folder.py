"""Models of transformers as their authors save them: configuration, preprocessing and weights in one folder."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar

import torch

from zoo.errors import ModelError, WeightsError
from zoo_hub.source import described, unchanged
from zoo_hub.wrapping import Wrapped

_one_by_one = threading.RLock()
"""What `quiet` sets is the process's: of two threads, the later would set back what the other had set."""


class FolderModel(Wrapped):
    """A model of transformers in float32, built from the configuration in a folder. Its state dict is transformers' own."""

    auto: ClassVar[str]
    """The class of transformers that builds it."""
    kind: ClassVar[str]
    """What it is, in messages."""

    def __init__(self, source: str, files: str | None = None, classes: int | None = None) -> None:
        """`source` is `Source.text` of the configuration, `files` the hash that `described` must give.

        `classes` replaces the number of labels that the configuration has.
        """
        super().__init__()
        import transformers

        self.folder = unchanged(source, files)
        self.files = files or described(self.folder)
        try:
            with quiet():
                config = transformers.AutoConfig.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
                if getattr(config, "use_pretrained_backbone", False):
                    config.use_pretrained_backbone = False  # the weights hold the backbone, too
                if classes is not None:
                    config.num_labels = classes
                config.dtype = torch.float32  # whatever they are stored in: a run's precision is the caller's
                self.body: Any = getattr(transformers, self.auto).from_config(config, trust_remote_code=False).float()
        except (ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"transformers cannot build the {self.kind} in {self.folder}: {reason}",
                "see that its config.json is whole, and of a model that this version of transformers knows",
            ) from error

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """By transformers; strictly all the same."""
        self.body = loaded(self.body, state_dict, str(self.folder), strict=strict)
        return torch.nn.modules.module._IncompatibleKeys([], [])

    def begin_from(self, state: Mapping[str, Any]) -> list[str]:
        """Take what fits of the state of a relative, such as the same transformer with another head, into the own parameters.

        Returns the names of those that stay as they were.
        """
        with quiet():
            found, report = type(self.body).from_pretrained(
                None, config=self.body.config, state_dict=dict(state), output_loading_info=True, ignore_mismatched_sizes=True
            )
        fresh = {str(key) for key in report["missing_keys"]} | {str(key[0]) for key in report["mismatched_keys"]}
        taken = found.state_dict()
        with torch.no_grad():
            for key, own in self.body.state_dict().items():
                if key not in fresh:
                    own.copy_(taken[key])
        return sorted(fresh)


def loaded(network: Any, state: Mapping[str, Any], name: str, *, strict: bool = True) -> Any:
    """A network like this one of transformers, in float32, with a state: by transformers, which knows the names of older files
    and parameters that are shared. Raises WeightsError where a parameter is missing, unexpected or of another shape."""
    with quiet():
        found, report = type(network).from_pretrained(
            None, config=network.config, state_dict=dict(state), output_loading_info=True
        )
    wrong = {kind: sorted(map(str, report[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")}
    if strict and any(wrong.values()):
        problem = "; ".join(f"{len(keys)} {kind} ({', '.join(keys[:3])})" for kind, keys in wrong.items() if keys)
        raise WeightsError(f"these weights are not those of {name}: {problem}", "take those of this very configuration")
    return found.float().eval()


@lru_cache(maxsize=4)
def image_processor(folder: str, files: str) -> Any:
    """The preprocessing of a folder. Kept apart from the model, so that that can be hashed and copied."""
    import transformers

    auto: Any = transformers.AutoImageProcessor
    try:
        with quiet():
            return auto.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, KeyError, ImportError, TypeError) as error:
        raise ModelError(
            f"{folder} has no image preprocessing that transformers knows: {' '.join(str(error).split())[:200]}",
            "get its preprocessor_config.json, too",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and reports of transformers, since what is wrong is raised; and without asking the hub.

    A configuration may name another model, such as the backbone of a detector: only the hub's cache is searched for it.
    """
    from huggingface_hub import constants
    from transformers import utils

    logging: Any = utils.logging
    with _one_by_one:
        before, bars, offline = logging.get_verbosity(), logging.is_progress_bar_enabled(), constants.HF_HUB_OFFLINE
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        constants.HF_HUB_OFFLINE = True
        try:
            yield
        finally:
            constants.HF_HUB_OFFLINE = offline
            logging.set_verbosity(before)
            if bars:
                logging.enable_progress_bar()
