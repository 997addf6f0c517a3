"""Where and how a run happened: versions, platform, device, threads, and the git state of the working directory."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from typing import Any

from zoo.runs.record import Environment, Execution
from zoo.version import __version__

PACKAGES = ("torch", "torchvision", "timm", "transformers", "diffusers", "numpy", "scikit-learn", "torchmetrics", "pyarrow")


def environment() -> Environment:
    """The environment of this process."""
    commit = _git("rev-parse", "HEAD")
    return Environment(
        deepzoo=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: version for name in PACKAGES if (version := _version(name))},
        git_commit=commit,
        git_dirty=None if commit is None else bool(_git("status", "--porcelain", "--untracked-files=no")),
    )


def execution(plan: Any, device: Any, **how: Any) -> Execution:
    """How this process runs what was planned; `how` are fields of `Execution` that nobody else knows."""
    import torch

    return Execution(
        device=str(device),
        precision=plan.precision.name,
        threads=torch.get_num_threads(),
        seed=plan.request.seed,
        **how,
    )


def peak_memory_mib() -> float | None:
    """Largest resident memory of this process so far, in MiB; None where the platform does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


@cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """What git prints in the working directory; None outside a repository or without git."""
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=5, env=quiet, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
