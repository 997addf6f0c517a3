"""The guards of the conformance kit see the network and pickles, and let everything else be."""

import pickle
import socket
import urllib.request
from contextlib import suppress
from fractions import Fraction

import pytest

from zoo.testing.guards import Guard, NetworkClosedError


def test_the_network_is_refused_and_noted_even_where_the_refusal_is_swallowed():
    with Guard.watching() as guard:
        with pytest.raises(NetworkClosedError, match=r"example\.org was asked for"):
            socket.create_connection(("example.org", 80))
        with suppress(OSError):
            urllib.request.urlopen("http://example.com/")
        with suppress(OSError):
            socket.socket().connect(("192.0.2.1", 80))
    assert guard.network == ["example.org", "example.com", "192.0.2.1"]


def test_this_machine_may_be_asked():
    with socket.create_server(("127.0.0.1", 0)) as server, Guard.watching() as guard:
        socket.create_connection(server.getsockname()).close()
    assert guard.network == []


def test_unpickling_is_noted():
    data = pickle.dumps(Fraction(1, 2))
    with Guard.watching() as guard:
        pickle.loads(data)
    assert guard.unpickled == ["fractions.Fraction"]


def test_nothing_is_watched_outside():
    data = pickle.dumps(Fraction(1, 2))
    with Guard.watching() as guard:
        pass
    pickle.loads(data)
    assert guard.unpickled == []
