"""Watching what code does to the world: the network it asks for is refused and noted, what it unpickles is noted.

By Python's audit hooks, which see every socket and every unpickler of this process, and cannot be undone: so the hook is
added once, and told when to watch.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

LOCAL = ("localhost", "127.0.0.1", "::1", "")


class NetworkClosedError(OSError):
    """The network is closed while a plugin is checked."""


class Guard:
    """What was asked of the network, as hosts, and which classes were unpickled, while it watched."""

    watched: ClassVar["Guard | None"] = None
    added: ClassVar[bool] = False

    def __init__(self) -> None:
        self.network: list[str] = []
        self.unpickled: list[str] = []

    @classmethod
    @contextmanager
    def watching(cls) -> "Iterator[Guard]":
        """Watch this process, all its threads, until the block ends."""
        if not cls.added:
            sys.addaudithook(_hook)
            cls.added = True
        before, cls.watched = cls.watched, cls()
        try:
            yield cls.watched
        finally:
            cls.watched = before


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    guard = Guard.watched
    if guard is None:
        return
    if event == "pickle.find_class":
        guard.unpickled.append(".".join(map(str, arguments)))
        return
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and address else ""  # a local socket's address is a path
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host or "")
    if host not in LOCAL:
        guard.network.append(host)
        raise NetworkClosedError(f"the network is closed while a plugin is checked, and {host} was asked for")
