"""What predictions depend on beside the data: hashes of a model's source, its libraries, and the state of a user's own module.

Any doubt means no identity: then a run computes everything anew, which costs time, never a wrong score.
"""

import enum
import functools
import hashlib
import inspect
import json
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), os.PathLike)


def module_identity(module: Any) -> dict[str, Any] | None:
    """Hash of an nn.Module's tensors, attributes and source files; None where some of it cannot be told.

    The source is that of the files in which its classes, their bases and its functions are defined. What those import from
    elsewhere is not seen: a `key` of the user's own says it better.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        return None
    found = _Description()
    try:
        state = json.dumps([found.of(module), found.surroundings()])
        source = found.source_sha256()
    except Exception:
        return None
    return {"state": hashlib.sha256(state.encode()).hexdigest(), "source": source, "libraries": found.libraries()}


def package_sha256(target: str) -> str:
    """SHA-256 over the `.py` files of the package that a target lives in. Not imported."""
    module = target.partition(":")[0]
    top = util.find_spec(module.partition(".")[0])
    folders = [Path(folder) for folder in top.submodule_search_locations or ()] if top else []
    files = sorted((str(path.relative_to(folder)), path) for folder in folders for path in folder.rglob("*.py"))
    if not files and top and top.origin:
        files = [(Path(top.origin).name, Path(top.origin))]
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def library_versions(requires: Sequence[str]) -> dict[str, str]:
    """Major versions of torch and of what a model requires: another major version may predict otherwise."""
    names = ["torch", *(Requirement(text).name for text in requires)]
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name).partition(".")[0]
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


class _UnknownError(Exception):
    """A value whose influence on predictions cannot be told."""


class _Description:
    """Describes values as JSON, equal in every process, and gathers the classes and functions that they are made of."""

    def __init__(self) -> None:
        self.code: dict[str, Any] = {}
        self._open: list[Any] = []

    def of(self, value: Any) -> Any:
        """The value as nested lists of text. Raises _UnknownError."""
        for depth, outer in enumerate(self._open):
            if outer is value:
                return ["outer", depth]
        self._open.append(value)
        try:
            return self._plain(value) or self._callable(value) or self._object(value)
        finally:
            self._open.pop()

    def _plain(self, value: Any) -> Any:
        """Numbers, text, arrays and containers; None for anything else."""
        import numpy as np
        import torch

        if isinstance(value, enum.Enum):
            return ["enum", type(value).__qualname__, value.name]
        if isinstance(value, _SCALARS):
            return [type(value).__name__, repr(value)]
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            return ["tensor", str(value.dtype), list(value.shape), hashlib.sha256(flat.data).hexdigest()]
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(np.asarray(value))
        if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return ["torch", str(value)]
        if isinstance(value, Mapping):
            return ["map", type(value).__qualname__, [[self.of(key), self.of(item)] for key, item in value.items()]]
        if isinstance(value, (list, tuple)):
            return ["list", type(value).__qualname__, [self.of(item) for item in value]]
        if isinstance(value, (set, frozenset)):
            return ["set", sorted(json.dumps(self.of(item)) for item in value)]
        return None

    @staticmethod
    def _array(array: Any) -> Any:
        if array.dtype.hasobject:
            raise _UnknownError("an array of objects")
        return ["array", str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]

    def _callable(self, value: Any) -> Any:
        """Functions, methods, partials and classes; None for anything else."""
        if isinstance(value, functools.partial):
            return ["partial", self.of(value.func), self.of(value.args), self.of(value.keywords)]
        if isinstance(value, types.MethodType):
            return ["method", self.of(value.__func__), self.of(value.__self__)]
        if isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            text = "" if _is_torch(value) else inspect.getsource(value)
            return [*self._named(value), text, self.of(cells), self.of(value.__defaults__), self.of(value.__kwdefaults__)]
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, (type, types.ModuleType, type(None))):
            return ["builtin", value.__module__, value.__qualname__]
        if isinstance(value, type):
            return self._named(value)
        return None

    def _object(self, value: Any) -> Any:
        """Modules, and objects of classes written in Python."""
        import torch

        if type(value).__flags__ & (1 << 9) == 0 or not hasattr(value, "__dict__"):
            raise _UnknownError(f"{type(value).__qualname__} is not written in Python")
        if any("__slots__" in vars(base) and vars(base)["__slots__"] for base in type(value).__mro__):
            raise _UnknownError(f"{type(value).__qualname__} has slots")
        for base in type(value).__mro__:
            self._named(base)
        if not isinstance(value, torch.nn.Module):
            return ["object", self._named(type(value)), self.of(dict(vars(value)))]
        known = {*vars(torch.nn.Module()), "zoo_info", "zoo_identity"}
        own = {key: item for key, item in vars(value).items() if key not in known}
        hooks = [list(getattr(value, name).values()) for name in _HOOKS]
        held = [dict(value._parameters), dict(value._buffers), dict(value._modules)]
        return ["module", self._named(type(value)), value.extra_repr(), self.of(own), self.of(hooks), self.of(held)]

    def _named(self, value: Any) -> list[str]:
        """The name of a class or function; its code is part of the source unless Python or torch define it."""
        name = f"{value.__module__}.{value.__qualname__}"
        if not _is_torch(value) and value.__module__ != "builtins":
            self.code[name] = value
        return ["name", name]

    def surroundings(self) -> Any:
        """Values that the user's classes and functions read from around them: globals, attributes of modules, of classes.

        Source alone does not tell them (`G = float(sys.argv[1])`). Those of installed code follow from its version.
        """
        described: list[Any] = []
        done: set[str] = set()
        while pending := sorted(set(self.code) - done):
            for name in pending:
                done.add(name)
                if not _is_installed(self.code[name]):
                    described += [[name, *found] for found in _read_values(self.code[name], self.of)]
        return described

    def source_sha256(self) -> str:
        """SHA-256 of the files that define the classes and functions, or of their own text where there is no file."""
        texts = set()
        for value in self.code.values():
            file = getattr(sys.modules.get(value.__module__), "__file__", None)
            texts.add(Path(file).read_bytes() if file and file.endswith(".py") else inspect.getsource(value).encode())
        digests = sorted(hashlib.sha256(text).digest() for text in texts)
        return hashlib.sha256(b"".join(digests)).hexdigest()

    def libraries(self) -> dict[str, str]:
        """Major versions of torch and of the packages that define the classes and functions."""
        tops = {value.__module__.partition(".")[0] for value in self.code.values()}
        versions = {top: getattr(sys.modules.get(top), "__version__", None) for top in sorted(tops)}
        major = {top: str(version).partition(".")[0] for top, version in versions.items() if version}
        return {**library_versions(()), **major}


def _is_torch(value: Any) -> bool:
    return str(value.__module__).partition(".")[0] == "torch"


def _is_installed(value: Any) -> bool:
    """Whether a class or function comes with Python or with an installed package, whose version is part of the identity."""
    file = getattr(sys.modules.get(value.__module__), "__file__", None)
    library = sysconfig.get_paths()
    return bool(file) and any(Path(str(file)).is_relative_to(library[kind]) for kind in ("stdlib", "purelib", "platlib"))


def _read_values(owner: Any, describe: Callable[[Any], Any]) -> Iterator[list[Any]]:
    """What the functions of a class, or a function, may read: (name, description) of each value. Raises _UnknownError."""
    own = vars(owner) if isinstance(owner, type) else {"": owner}
    functions = []
    for name, value in own.items():
        parts = [value.fget, value.fset] if isinstance(value, property) else [getattr(value, "__func__", value)]
        found = [inspect.unwrap(part) for part in parts if isinstance(part, types.FunctionType)]
        functions += found
        if not found and not name.startswith(("__", "_abc_")):
            yield [name, describe(value)]
    for function in functions:
        names = sorted(_names(function.__code__))
        if {"environ", "getenv", "argv"} & set(names):
            raise _UnknownError("it reads the environment")
        for name in names:
            value = function.__globals__.get(name)
            if isinstance(value, types.ModuleType):
                local = {} if _is_torch(_Standing(value)) or _is_installed(_Standing(value)) else vars(value)
                yield from (
                    [f"{name}.{n}", describe(local[n])]
                    for n in names
                    if n in local and not isinstance(local[n], types.ModuleType)
                )
            elif name in function.__globals__:
                yield [name, describe(value)]


class _Standing:
    """A module in the place of something that it defines."""

    def __init__(self, module: types.ModuleType) -> None:
        self.__module__ = module.__name__


def _names(code: types.CodeType) -> set[str]:
    """Names of globals and attributes in a function, and in those inside it."""
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    return set(code.co_names).union(*inner)
