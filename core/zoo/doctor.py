"""What a bug report needs to know: interpreter, versions, paths, the index, plugins, and how much is kept where."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from zoo.home import cache_dir, data_dirs, zoo_home
from zoo.plugins.index import index_file, load_index
from zoo.plugins.switches import disabled_ids
from zoo.wording import without_secrets

VARIABLES = ("ZOO_HOME", "ZOO_DATA_DIR", "ZOO_PLUGINS", "ZOO_STRICT_PLUGINS", "ZOO_REGISTRY", "ZOO_OFFLINE", "ZOO_SHARDS")


def diagnosis() -> dict[str, Any]:
    """Facts by topic, as JSON values; no secret among them, and sizes in bytes."""
    from zoo.runs.environment import environment

    here = environment()
    return {
        "deepzoo": {"version": here.deepzoo, "at": str(Path(__file__).parent), "git": here.git_commit},
        "python": {"version": here.python, "executable": sys.executable, "platform": here.platform},
        "packages": here.packages,
        "device": _device(),
        "environment": {name: without_secrets(os.environ[name]) for name in VARIABLES if name in os.environ},
        "paths": _paths(),
        "index": _index(),
        "sizes": {name: _size(folder) for name, folder in _folders().items()},
    }


def _paths() -> dict[str, Any]:
    from zoo.runs.database import store_url, without_password

    return {
        "home": str(zoo_home()),
        "store": without_password(store_url()),
        "data": [f"{folder}{'' if folder.is_dir() else ' (absent)'}" for folder in data_dirs()],
    }


def _index() -> dict[str, Any]:
    was_kept = index_file().exists()
    began = time.perf_counter()
    index = load_index(strict=False)
    milliseconds = 1000 * (time.perf_counter() - began)
    return {
        "file": str(index_file()),
        "kept": was_kept,
        "milliseconds": round(milliseconds, 1),
        "entries": len(index.entries),
        "disabled": sorted(disabled_ids()),
        "plugins": index.plugins,
    }


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}, {torch.version.cuda}"
    return "mps" if torch.backends.mps.is_available() else f"cpu: {os.cpu_count()} cores, {torch.get_num_threads()} threads"


def _folders() -> dict[str, Path]:
    return {**{f"cache/{name}": cache_dir(name) for name in ("data", "weights", "index")}, "home, all": zoo_home()}


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, links not followed; those that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118  a Path a file is four times as slow
            except OSError:
                continue
    return total
