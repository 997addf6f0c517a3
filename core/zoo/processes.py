"""Processes of our own: started afresh, told by their standard input, heard by their standard output.

Not forked: PyTorch's threads and CUDA do not bear that. When the input ends, so does the process: whoever started it is gone, be
it by a SIGKILL. What code prints in one goes to the standard error.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from zoo.errors import ZooError
from zoo.tolerance import tolerate_damage

C = TypeVar("C", bound="Child")

BEGIN = "import sys; sys.path[:] = {path!r}; from {module} import main; main()"


@dataclass(frozen=True)
class Child:
    """A process, as the one sees it that started it."""

    process: "subprocess.Popen[bytes]"
    told: Connection
    heard: Connection

    @classmethod
    def started(cls: type[C], module: str, environment: Mapping[str, str], **more: Any) -> C:
        """A new interpreter that runs `main` of a module, with this one's `sys.path`."""
        process = subprocess.Popen(
            [sys.executable, "-c", BEGIN.format(path=sys.path, module=module)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
        )
        assert process.stdin is not None and process.stdout is not None
        told = Connection(os.dup(process.stdin.fileno()), readable=False)
        heard = Connection(os.dup(process.stdout.fileno()), writable=False)
        process.stdin.close()
        process.stdout.close()
        return cls(process=process, told=told, heard=heard, **more)

    def tell(self, message: bytes) -> None:
        """Send it something; one that has died is found when it is listened to."""
        with suppress(BrokenPipeError):
            self.told.send_bytes(message)

    def hear(self) -> Any:
        """What it says next. Raises EOFError or OSError where it has ended."""
        return pickle.loads(self.heard.recv_bytes())  # of a process of our own

    def how_it_ended(self) -> str:
        """`was killed by SIGKILL`, `ended with exit code 1`."""
        code = self.process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def end(self) -> None:
        """End it, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self.told.close()
        self.heard.close()


class Teller:
    """Sends messages to the process that started this one, from any of its threads."""

    def __init__(self, says: Connection) -> None:
        self.says = says
        self.lock = threading.Lock()

    def __call__(self, message: Any) -> None:
        with self.lock:
            self.says.send_bytes(pickle.dumps(message))


def pipes() -> tuple[Connection, Connection]:
    """The two pipes to the process that started this one, out of reach of whatever reads and prints.

    From here on an interrupt is that process's affair, which ends this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tolerate_damage()
    told, says = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return Connection(told, writable=False), Connection(says, readable=False)


def known_warning(category: type[Warning]) -> type[Warning]:
    """A class of warnings that any process has."""
    return category if category.__module__ == "builtins" else UserWarning


def written(error: BaseException) -> tuple[bytes | None, str]:
    """An error pickled, if it can be, and its traceback."""
    import traceback

    text = "".join(traceback.format_exception(error))
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        return None, text
    return pickled, text


def raised(where: str, pickled: bytes | None, text: str) -> BaseException:
    """The error that was raised elsewhere; its traceback is that error's cause, as a bug's is to be seen."""
    error: BaseException = RuntimeError(text.strip().splitlines()[-1])
    if pickled is not None:
        error = pickle.loads(pickled)
    if not isinstance(error, ZooError):
        error.__cause__ = RuntimeError(f"in {where}:\n{text}")
    return error
