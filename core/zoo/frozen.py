"""Mappings and lists that never change: what a spec holds, so that it can be hashed, and shared by threads.

They are as good as dicts and lists wherever these are read: equal to them, written to JSON and pickled like them.
"""

from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["FrozenDict", "FrozenList", "frozen", "thawed"]


def _refused(self: Any, *_: Any, **__: Any) -> NoReturn:
    raise TypeError("what a spec holds never changes: change a copy, dict(...) or list(...), and spec.model_copy(update=...)")


class FrozenDict(dict[str, Any]):
    """A dict that never changes. `dict(one)` and `one | {...}` give plain ones."""

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refused

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> "FrozenDict":
        return self

    def __deepcopy__(self, _: Any) -> "FrozenDict":
        return self

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A list that never changes. `list(one)` and `one + [...]` give plain ones."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = append = extend = insert = _refused
    pop = remove = clear = sort = reverse = _refused

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __copy__(self) -> "FrozenList":
        return self

    def __deepcopy__(self, _: Any) -> "FrozenList":
        return self

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return FrozenList, (list(self),)


def frozen(value: Any) -> Any:
    """The value with all dicts, lists and sets in it frozen, at any depth."""
    if isinstance(value, dict):
        return value if isinstance(value, FrozenDict) else FrozenDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return value if isinstance(value, FrozenList) else FrozenList(map(frozen, value))
    if type(value) is tuple:
        return tuple(map(frozen, value))
    return frozenset(value) if isinstance(value, set) else value


def thawed(value: Any) -> Any:
    """The value with plain dicts and lists in place of frozen ones, at any depth: whoever gets it may change it."""
    if isinstance(value, dict):
        return {key: thawed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [thawed(item) for item in value]
    return tuple(map(thawed, value)) if type(value) is tuple else value
