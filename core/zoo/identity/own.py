"""A module of the user's own in a key: its tensors, its attributes, and the source files of its classes.

What it reads from outside of these nobody can know in full, so its predictions are used again only under a key that the user
gives, which stands for the rest.
"""

import enum
import functools
import hashlib
import json
import os
import pickle
import re
import sys
import types
import weakref
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from zoo.identity.code import Code, code_of_modules

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_OURS = ("zoo_info", "zoo_loaded")
_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), os.PathLike)


class UntoldError(Exception):
    """A part of a module whose influence on predictions cannot be told: `str()` says which."""


def own_code(module: Any, untold: list[str] | None = None) -> tuple[dict[str, Any], Code]:
    """Hash of what a module holds, and the code of its classes.

    It is an nn.Module, a function, or any other object. What of it cannot be told, such as a session of another library or an
    open connection, is named in `untold`, and is then part of the hash by its class alone. Without it that raises UntoldError.
    """
    found = _Description(untold)
    state = {"state": _hashed(found.of(module)), "without a file": _hashed(found.loose())}
    return state, code_of_modules(sorted({value.__module__ for value in found.code.values()}))


def same(first: Any, second: Any) -> bool:
    """Whether two modules hold the same, and are of the same classes. What cannot be told is not the same."""
    try:
        return _hashed(_Description().of(first)) == _hashed(_Description().of(second))
    except UntoldError:
        return False


def _hashed(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


class _Description:
    """Describes values as JSON, equal in every process, and gathers the classes and functions that they are made of, by id."""

    def __init__(self, untold: list[str] | None = None) -> None:
        self._untold = untold
        self.code: dict[int, Any] = {}
        self._open: list[Any] = []

    def of(self, value: Any) -> Any:
        """The value as nested lists of text. Raises UntoldError."""
        for depth, outer in enumerate(self._open):
            if outer is value:
                return ["outer", depth]
        self._open.append(value)
        try:
            return self._plain(value) or self._callable(value) or self._object(value)
        finally:
            self._open.pop()

    def loose(self) -> list[Any]:
        """The functions of code that no file holds, as typed into an interpreter, by their byte code."""
        owners = [value for value in self.code.values() if not getattr(sys.modules.get(value.__module__), "__file__", None)]
        members = [member for owner in owners for member in (vars(owner).values() if isinstance(owner, type) else (owner,))]
        return sorted(_text(member.__code__) for member in members if isinstance(member, types.FunctionType))

    def _plain(self, value: Any) -> Any:
        """Numbers, text, arrays and what contains them; None for anything else."""
        import numpy as np
        import torch

        if isinstance(value, enum.Enum):
            return ["enum", type(value).__qualname__, value.name]
        if isinstance(value, _SCALARS):
            return [type(value).__name__, repr(value)]
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            return ["tensor", str(value.dtype), list(value.shape), hashlib.sha256(flat.data).hexdigest()]
        if isinstance(value, (np.ndarray, np.generic)) and not np.asarray(value).dtype.hasobject:
            array = np.asarray(value)
            return ["array", str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]
        if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return ["torch", str(value)]
        if isinstance(value, Mapping):
            return ["map", type(value).__qualname__, [[self.of(key), self.of(item)] for key, item in value.items()]]
        if isinstance(value, (list, tuple)):
            return ["list", type(value).__qualname__, [self.of(item) for item in value]]
        if isinstance(value, re.Pattern):
            return ["pattern", repr(value.pattern), value.flags]
        if isinstance(value, weakref.ReferenceType):
            return ["weak", self.of(value())]
        if isinstance(value, (set, frozenset)):
            return ["set", sorted(json.dumps(self.of(item)) for item in value)]
        return None

    def _callable(self, value: Any) -> Any:
        """Functions, methods, partials, classes and types; None for anything else."""
        if isinstance(value, functools.partial):
            return ["partial", self.of(value.func), self.of(value.args), self.of(value.keywords)]
        if isinstance(value, types.MethodType):
            return ["method", self.of(value.__func__), self.of(value.__self__)]
        if isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            held = (cells, value.__defaults__, value.__kwdefaults__)
            return [*self._named(value), _text(value.__code__), *map(self.of, held)]
        if isinstance(value, types.BuiltinFunctionType):
            bound = not isinstance(value.__self__, (type, types.ModuleType, type(None)))
            return ["builtin", value.__module__, value.__qualname__, self.of(value.__self__) if bound else None]
        if isinstance(value, types.GenericAlias):
            return ["generic", self.of(value.__origin__), self.of(value.__args__)]
        if isinstance(value, type):
            return [self._named(base) for base in value.__mro__]
        return None

    def _object(self, value: Any) -> Any:
        """Modules, objects of classes written in Python, and others by what they are saved as."""
        import torch

        names = [self._named(base) for base in type(value).__mro__]
        if isinstance(value, torch.nn.Module):
            known = {*vars(torch.nn.Module()), *_OURS}
            own = {key: item for key, item in vars(value).items() if key not in known}
            hooks = [list(getattr(value, name).values()) for name in _HOOKS]
            held = [dict(value._parameters), dict(value._buffers), dict(value._modules)]
            return ["module", names, value.extra_repr(), self.of(own), self.of(hooks), self.of(held)]
        if isinstance(value, BaseModel):  # such as an attack, which is its own options
            own = {key: item for key, item in vars(value).items() if key not in _OURS}
            return ["settings", names, self.of(own), self.of(value.__pydantic_private__ or {})]
        slots = any(vars(base).get("__slots__") for base in type(value).__mro__)
        if type(value).__flags__ & (1 << 9) and hasattr(value, "__dict__") and not slots:
            own = {key: item for key, item in vars(value).items() if key not in _OURS}
            return ["object", names, self.of(own)]
        try:
            return ["saved", names, hashlib.sha256(pickle.dumps(value, protocol=4)).hexdigest()]
        except Exception as error:
            what = f"an object of {type(value).__module__}.{type(value).__qualname__}"
            if self._untold is None:
                raise UntoldError(what) from error
            self._untold += [] if what in self._untold else [what]
            return ["untold", names]

    def _named(self, value: Any) -> list[str]:
        """The name of a class or function, whose code is then part of the key."""
        if value.__module__ not in (None, "builtins"):
            self.code[id(value)] = value
        return ["name", f"{value.__module__}.{value.__qualname__}"]


def _text(code: types.CodeType) -> str:
    """Byte code with what it names, without the place that it was compiled at."""
    constants = [_text(part) if isinstance(part, types.CodeType) else repr(part) for part in code.co_consts]
    return hashlib.sha256(repr((code.co_code, constants, code.co_names, code.co_freevars)).encode()).hexdigest()
