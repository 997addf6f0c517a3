"""One process of the engine `local:N`: it is told jobs and tasks, and tells what comes of them."""

import os
import pickle
import threading
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue

from zoo.engines.base import Ready, Task, Work
from zoo.engines.dealing import Failed, Warned
from zoo.lazy import load_target
from zoo.processes import Teller, known_warning, pipes, written


def main() -> None:
    """Work on whatever comes, until the process that started this one ends it, or ends."""
    told, says = pipes()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(told, inbox), daemon=True).start()
    tell = Teller(says)
    warnings.showwarning = lambda message, category, *_, **__: tell(Warned(str(message), known_warning(category)))
    work: Work | None = None
    while True:
        said = inbox.get()
        try:
            kind, *content = pickle.loads(said)  # of the process that started this one
            if kind == "job":
                work = None  # what the last one held goes before the next is loaded
                target, job, place = content
                work = load_target(target)(job, place)
                tell(Ready(place))
            elif work is not None:
                for event in work(_waiting(content[0], inbox)):
                    tell(event)
        except BaseException as error:  # whoever started this one decides what follows
            work = None
            tell(Failed(*written(error)))


def _waiting(first: Task, inbox: "SimpleQueue[bytes]") -> Iterator[Task]:
    """A task and those behind it that are there when they are asked for: while one has tasks, nothing else comes."""
    yield first
    while True:
        try:
            said = inbox.get_nowait()
        except Empty:
            return
        yield pickle.loads(said)[1]


def _listen(told: Connection, inbox: "SimpleQueue[bytes]") -> None:
    """Take what is said as it is: what of it cannot be read is an error of who works, and not of who listens."""
    try:
        while True:
            inbox.put(told.recv_bytes())
    except (EOFError, OSError):
        os._exit(1)
