"""Stores at addresses: one in memory, one that fails, and a server that speaks S3."""

import contextlib
import io
import logging

import fsspec
import pytest
from tests.core.storage.faulty import Faulty

from zoo.storage import address


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """All tests of this folder run tiny models."""


@pytest.fixture
def hasty(monkeypatch):
    """No pauses between attempts."""
    monkeypatch.setattr(address, "FIRST", 0.0)


@pytest.fixture
def faulty(hasty):
    """The store that fails, at `faulty://`, empty and faultless as yet."""
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    Faulty.begin(0, 0.0)
    return Faulty


@pytest.fixture
def memory():
    """An address in this process's memory, with nothing below it."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield "memory://bucket/predictions"
    files.store.clear()


@pytest.fixture(scope="session")
def s3_server():
    """A server on this machine that speaks S3, as one for all tests."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    with contextlib.redirect_stdout(io.StringIO()):
        running.start()
    yield "http://{}:{}".format(*running.get_host_and_port())
    running.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The address of a bucket of that server, as a user's environment has it."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    with contextlib.suppress(FileExistsError):
        files.mkdir("bucket")
    yield "s3://bucket"
    files.rm("bucket", recursive=True)
