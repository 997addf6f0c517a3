"""Networks of other libraries in our terms: images in [0, 1] at their door, their own state dict inside."""

from collections.abc import Mapping
from typing import Any

from torch import nn


class Wrapped(nn.Module):
    """What holds a library's network as `body`. Its state dict is the library's own."""

    body: Any

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return self.body.load_state_dict(state_dict, strict=strict, assign=assign)
