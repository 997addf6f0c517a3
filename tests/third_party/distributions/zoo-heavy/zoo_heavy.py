"""Imports torch at the top, which every listing would wait for."""

import torch

from zoo import hookimpl
from zoo.specs import ModelSpec

CUDA = torch.cuda.is_available()


@hookimpl
def zoo_models():
    return [ModelSpec(name="same", summary="What it is given", tasks={"embed": "torch.nn:Flatten"}, modality="image")]
