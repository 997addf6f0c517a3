"""Whether a plugin lives by the public face: `zoo`, and the modules and packages one level below it that list `__all__`."""

import ast
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import zoo
from zoo.testing.findings import Finding


def public_modules() -> list[str]:
    """`zoo`, and what lies one level below it and says by `__all__` what is for others."""
    below = [f"zoo.{module.name}" for module in pkgutil.iter_modules(zoo.__path__)]
    return [name for name in ("zoo", *below) if hasattr(importlib.import_module(name), "__all__")]


def check_faces(files: Iterable[str]) -> Finding:
    """Whether these files of a plugin import of deepzoo only what is public."""
    private = [f"{what} in {Path(file).name}" for file in files for what in _private(Path(file))]
    if not private:
        return Finding("public-imports", "ok")
    fix = f"import from zoo or one of {', '.join(name for name in public_modules() if name != 'zoo')}, by a name in its __all__"
    return Finding("public-imports", "failed", "", f"not for others, and may change any day: {', '.join(private[:5])}", fix)


def _private(file: Path) -> Iterator[str]:
    """What a file imports of deepzoo, wherever in it, that is not public: `zoo.runs.shards.read_shard`."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError):
        return
    public = set(public_modules())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name) and alias.name not in public)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and _is_ours(node.module):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                listed = node.module in public and alias.name in importlib.import_module(node.module).__all__
                if not listed and name not in public:
                    yield name


def _is_ours(module: str) -> bool:
    return module == "zoo" or module.startswith("zoo.")
