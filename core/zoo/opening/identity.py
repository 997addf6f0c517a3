"""What predictions depend on beside the data: hashes of a model's source, its libraries, and the state of a user's own module.

Any doubt means no identity: then a run computes everything anew, which costs time, never a wrong score.
"""

import enum
import functools
import hashlib
import inspect
import json
import os
import re
import sys
import sysconfig
import types
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_OUTSIDE = frozenset({"argv", "environ", "getenv", "globals", "open"})
"""What code that reads something from outside calls it by."""

_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), os.PathLike)


def module_identity(module: Any) -> dict[str, Any] | None:
    """Hash of a model's tensors, attributes, source files and of what its code reads; None where it cannot be told.

    The model is an nn.Module, a function, or an object of any class written in Python.
    The source is that of the files in which its classes, their bases and its functions are defined, and the functions and
    classes that those call in turn. What they read is told, too: globals, class attributes, closures, defaults. What
    installed packages read from around them is not: their major versions stand for it.
    """
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
    """Describes values as JSON, equal in every process, and gathers the classes and functions that they are made of, by id."""

    def __init__(self) -> None:
        self.code: dict[int, Any] = {}
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
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(np.asarray(value))
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

    @staticmethod
    def _array(array: Any) -> Any:
        if array.dtype.hasobject:
            raise _UnknownError("an array of objects")
        return ["array", str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]

    def _callable(self, value: Any) -> Any:
        """Functions, methods, partials, classes and types; None for anything else."""
        if isinstance(value, functools.partial):
            return ["partial", self.of(value.func), self.of(value.args), self.of(value.keywords)]
        if isinstance(value, types.MethodType):
            return ["method", self.of(value.__func__), self.of(value.__self__)]
        if isinstance(value, types.FunctionType):
            text = "" if _is_torch(value) else inspect.getsource(value)
            return [*self._named(value), text, *self._bound(value)]
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, (type, types.ModuleType, type(None))):
            return ["builtin", value.__module__, value.__qualname__]
        if isinstance(value, types.GenericAlias):
            return ["generic", self.of(value.__origin__), self.of(value.__args__)]
        if isinstance(value, type):
            return [self._named(base) for base in value.__mro__]
        return None

    def _bound(self, function: types.FunctionType) -> list[Any]:
        """What a function holds beside its text: closure and defaults."""
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        return [self.of(cells), self.of(function.__defaults__), self.of(function.__kwdefaults__)]

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
        if not _is_torch(value) and not _is_standard(value.__module__):
            self.code[id(value)] = value
        return ["name", name]

    def surroundings(self) -> list[Any]:
        """What the classes and functions found so far, and those that they name in turn, read from around them.

        Their source alone does not tell it (`SCALE = float(input())`).
        """
        described: list[Any] = []
        done = 0
        while done < len(self.code):
            found = list(self.code.values())[done:]
            done += len(found)
            described += [self._read_by(owner) for owner in found if not _is_installed(owner.__module__)]
        return described

    def _read_by(self, owner: Any) -> list[Any]:
        """What the functions of a class, or a function, hold and read; and the attributes of the class."""
        members = vars(owner) if isinstance(owner, type) else {"": owner}
        described = []
        for name, member in members.items():
            functions = [part for part in _functions_of(member) if not _is_installed(part.__globals__["__name__"])]
            described += [[name, self._bound(part), *self._globals_of(part)] for part in functions]
            if not _functions_of(member) and not name.startswith(("__", "_abc_")):
                described.append([name, self.of(member)])
        return described

    def _globals_of(self, function: types.FunctionType) -> list[Any]:
        names = _names(function.__code__)
        if names & _OUTSIDE:
            raise _UnknownError("it reads the environment, a file or names that it makes up")
        return [[name, self.of(value)] for name, value in _values_read(function.__globals__, sorted(names))]

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


def _is_installed(module: str) -> bool:
    """Whether a module comes with Python or with an installed package, whose version is told."""
    return _is_standard(module) or _lies_in(module, "purelib", "platlib")


def _is_standard(module: str) -> bool:
    """Whether it is Python's; a user's own file may have the same name."""
    built_in = getattr(sys.modules.get(module), "__file__", None) is None
    return module.partition(".")[0] in sys.stdlib_module_names and (built_in or _lies_in(module, "stdlib", "platstdlib"))


def _lies_in(module: str, *kinds: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None)
    return bool(file) and any(Path(str(file)).is_relative_to(sysconfig.get_path(kind)) for kind in kinds)


def _functions_of(member: Any) -> list[types.FunctionType]:
    """The functions written in Python that run when an attribute of a class is used, decorators included."""
    parts = [getattr(member, name, None) for name in ("fget", "fset", "func", "__func__", "__wrapped__")]
    inner = [function for part in parts if part is not None for function in _functions_of(part)]
    return [member, *inner] if isinstance(member, types.FunctionType) else inner


def _names(code: types.CodeType) -> frozenset[str]:
    """Names of globals and attributes in a function, and in those inside it."""
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    return frozenset(code.co_names).union(*inner)


def _values_read(namespace: Mapping[str, Any], names: Collection[str], seen: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Values of those names, and, since `settings.SCALE` reads two of them, of the user's own modules among them."""
    for name in names:
        value = namespace.get(name)
        if isinstance(value, types.ModuleType):
            if not _is_installed(value.__name__) and value.__name__ not in seen:
                yield from _values_read(vars(value), names, (*seen, value.__name__))
        elif name in namespace:
            yield name, value
