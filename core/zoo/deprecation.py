"""What is on its way out works for one more minor version, and says so to whoever still uses it."""

import warnings

__all__ = ["ZooDeprecationWarning", "warn_deprecated"]


class ZooDeprecationWarning(FutureWarning):
    """Something public will be removed. Shown by default wherever it is raised, unlike a DeprecationWarning."""


def warn_deprecated(what: str, instead: str, *, since: str, stacklevel: int = 2) -> None:
    """Say once a place that `what` is deprecated since a version of deepzoo, and what to use `instead`.

    `stacklevel` as of `warnings.warn`: 2 blames the caller of the function that calls this.
    """
    text = f"{what} is deprecated since deepzoo {since} and will be removed; use {instead}"
    warnings.warn(text, ZooDeprecationWarning, stacklevel=stacklevel + 1)
