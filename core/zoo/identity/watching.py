"""Watching what code opens, asks and draws while it runs: whatever no key knows is a doubt, in words.

By Python's audit hooks, which see files, sockets, processes and databases of this process; by the look-ups of `os.environ` and
the system's random bytes that are not a library's; and by the state of the global generators. What a C library opens by
itself is not seen: `zoo.identity.sources` takes the files of such formats for part of the code instead.
"""

import _thread as _thread_module
import os
import random
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import source_from_cache
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakSet

from zoo.home import cache_dir
from zoo.turns import drew, states

_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/zoneinfo/")
_PLACES = frozenset(("HOME", "USERPROFILE", "PATH", "TMPDIR", "TEMP", "TMP"))
"""Variables that only say where something is: what is opened there is seen."""
_COMPILED = ("PYARROW_",)
"""How variables begin that compiled code of libraries asks for, as in `pa.array`: nobody sees that it is not its caller."""
_CORE = str(Path(__file__).parents[1]) + os.sep
_ASKED = {
    "socket.connect": "the network",
    "socket.getaddrinfo": "the network",
    "socket.sendto": "the network",
    "subprocess.Popen": "another process",
    "os.system": "another process",
    "os.posix_spawn": "another process",
    "os.exec": "another process",
    "sqlite3.connect": "a database",
    "builtins.input": "the user",
}
_active: list["Watch"] = []
"""All that are in their blocks now, on whichever thread."""
_hooked = False
_thread = threading.local()
_started: "WeakSet[threading.Thread]" = WeakSet()
"""Threads that watched code has begun, be it in an earlier block: each watch of the moment hears of them."""
_strays = False
"""Whether watched code has begun a thread that nobody can tell from others: from then on each watch hears of all threads."""


class Watch:
    """Gathers doubts in `with watch:` blocks: of the block's own thread and of those that watched code has begun, unless they are
    `unwatched`. What other threads of a process do, such as another run, is no concern of it.
    """

    def __init__(self, known: Iterable[str] = (), *, draws: bool = True) -> None:
        """`known` are real paths of files, and of folders (with a separator at the end), that a key covers.

        `draws`: whether a draw from the global generators is a doubt.
        """
        self.known = set(known)
        self.draws = draws
        self.doubts: dict[str, None] = {}
        self.opened: dict[str, str] = {}
        """Files that are not known: real path to the path that was asked for."""
        self.asked: dict[str, None] = {}
        """Names of environment variables."""
        self._folders = tuple(path for path in self.known if path.endswith(os.sep))
        self._written: set[str] = set()
        self._before: dict[str, Any] = {}

    def __enter__(self) -> "Watch":
        _install()
        _active.append(self)
        _own().append(self)
        if self.draws:
            self._before = states()
        return self

    def __exit__(self, *_: object) -> None:
        self._compare()
        self._before = {}
        _own().remove(self)
        _active.remove(self)

    def _compare(self) -> None:
        """Doubt what the block has drawn so far."""
        if self._before and drew(self._before, states()):
            self.drawn()

    def drawn(self) -> None:
        """Code was seen to draw from the global generators."""
        self.doubts["it draws from the global random generators"] = None

    def doubt(self) -> str:
        """All doubts so far in one line; empty where there is none."""
        self._compare()
        opened = [f"it opens {named}" for where, named in self.opened.items() if where not in self.known]
        asked = [f"it reads the environment variable {_few(self.asked)}"] if self.asked else []
        return _few([*opened, *self.doubts, *asked], "; ")

    def file(self, path: Any, flags: int) -> None:
        """Code opens a file."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        where = os.path.realpath(os.fsdecode(path))
        if flags & (os.O_TRUNC | os.O_EXCL):
            self._written.add(where)
        if flags & os.O_ACCMODE == os.O_WRONLY or where in self._written or where in self.known or path in sys.path:
            return
        named = str(Path(os.fsdecode(path)).absolute())
        if where.startswith((*_SYSTEM, *_folders(), *self._folders)) or named.startswith(self._folders or ("\0",)):
            return
        if where.endswith(".pyc"):
            where = _source(where)
            if where in self.known or where.startswith(_folders()):
                return
        if _is_installed(where) or _shows_source() or _is_compiling():
            return
        self.opened[where] = named


@contextmanager
def unwatched() -> Iterator[None]:
    """What this thread does in the block is no concern of a watch: it reads samples, whose content has a fingerprint."""
    before, _thread.off = getattr(_thread, "off", False), True
    try:
        yield
    finally:
        _thread.off = before


def _few(texts: Iterable[str], between: str = ", ") -> str:
    first = list(texts)
    return between.join([*first[:3], *(["and more"] if len(first) > 3 else [])])


def _own() -> "list[Watch]":
    """The watches in whose blocks this thread is."""
    if not hasattr(_thread, "watches"):
        _thread.watches = []
    found: list[Watch] = _thread.watches
    return found


def _watching() -> "list[Watch]":
    if not _active or getattr(_thread, "off", False):
        return []
    return list(_own() or (_active if _strays or threading.current_thread() in _started else ()))


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" and event not in _ASKED:
        return
    for watch in _watching():
        with unwatched():
            if event == "open":
                _note_file(watch, arguments[0], arguments[2])
            elif not (_is_own(event, arguments) or _is_compiling()):
                watch.doubts[f"it asks {_ASKED[event]} ({event})"] = None


def _followed(start: Callable[..., Any]) -> Callable[..., Any]:
    """What begins a thread, which belongs to watched code where that calls it."""

    def started(thread: Any, *arguments: Any, **named: Any) -> Any:
        global _strays
        if _watching():
            if isinstance(thread, threading.Thread):
                _started.add(thread)
            else:
                _strays = True
        return start(thread, *arguments, **named)

    return started


def _is_own(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the core looks up what it knows of files."""
    return event == "sqlite3.connect" and str(arguments[0]).startswith(str(cache_dir("hashes")))


def _note_file(watch: Watch, path: Any, flags: int) -> None:
    try:
        watch.file(path, flags)
    except OSError:  # such as a relative path where the working directory is gone
        watch.doubts[f"it opens {path}"] = None


def _install() -> None:
    """Once a process: an audit hook cannot be undone, and what is wrapped costs nothing where nobody watches."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    sys.addaudithook(_hook)
    environ: Any = type(os.environ)
    environ.__getitem__ = _told(environ.__getitem__, lambda watch, arguments: _note_variable(watch, arguments[1]))
    threads: Any = threading.Thread
    threads.start = _followed(threads.start)
    _thread_module.start_new_thread = _followed(_thread_module.start_new_thread)
    os.urandom = _told(os.urandom, lambda watch, _: _note_bytes(watch))
    generators: Any = random
    generators._urandom = _told(generators._urandom, lambda watch, _: _note_bytes(watch))


def _told(function: Callable[..., Any], note: Callable[[Watch, tuple[Any, ...]], None]) -> Callable[..., Any]:
    """The function, which tells a watch that it is called by other code than a library's or the core's."""

    def told(*arguments: Any) -> Any:
        if (watches := _watching()) and not _is_known_code(_caller()):
            for watch in watches:
                note(watch, arguments)
        return function(*arguments)

    return told


def _note_variable(watch: Watch, name: Any) -> None:
    if (name := os.fsdecode(name)) not in _PLACES and not name.startswith(_COMPILED):
        watch.asked[name] = None


def _note_bytes(watch: Watch) -> None:
    watch.doubts["it draws the system's random bytes"] = None


def _caller() -> str:
    """The file of the nearest code outside the standard library."""
    frame: FrameType | None = sys._getframe(2)
    standard = ("<", *_standard())
    while frame is not None and (file := frame.f_code.co_filename).startswith(standard) and not _is_installed(file):
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def _is_known_code(file: str) -> bool:
    return not file or file.startswith(_CORE) or _is_installed(file)


def _is_installed(file: str) -> bool:
    """Whether a file is part of an installed library, or says what is installed."""
    inside = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}", f".dist-info{os.sep}", f".egg-info{os.sep}")
    return any(part in file for part in inside)


def _shows_source() -> bool:
    """Whether Python itself reads a source file, to show a line of it in a warning or a traceback."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(8):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith(("linecache.py", "traceback.py")):
            return True
        frame = frame.f_back
    return False


def _is_compiling() -> bool:
    """Whether torch's compiler asks for itself: what it builds, in a cache of its own, follows from code that a key knows."""
    frame: FrameType | None = sys._getframe(1)
    inner = f"{os.sep}torch{os.sep}_inductor{os.sep}"
    while frame is not None and ((file := frame.f_code.co_filename).startswith(("<", *_standard())) or _is_known_code(file)):
        if inner in file:
            return True
        frame = frame.f_back
    return False


@cache
def _standard() -> tuple[str, ...]:
    return tuple({os.path.realpath(sysconfig.get_path(kind)) + os.sep for kind in ("stdlib", "platstdlib")})


def _folders() -> tuple[str, ...]:
    """Folders whose files are no doubt: Python's own, the core, the index, and what is made of weights that a key knows."""
    return (*_standard(), _CORE, *(str(cache_dir(name)) + os.sep for name in ("index", "unpacked")))


def _source(path: str) -> str:
    try:
        return os.path.realpath(source_from_cache(path))
    except ValueError:
        return path
