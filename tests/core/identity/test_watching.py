"""What code opens, asks and draws beyond what a key knows is a doubt; what libraries and the core do is none."""

import os
import random
import socket
import subprocess
import tempfile
import threading
import uuid
from io import BytesIO

import numpy as np
import pytest
import torch

from zoo.identity.watching import Watch, unwatched


@pytest.fixture
def scale(tmp_path):
    (tmp_path / "scale.txt").write_text("2")
    return tmp_path / "scale.txt"


def doubt(act, **settings):
    watch = Watch(**settings)
    with watch:
        act()
    return watch.doubt()


def connect():
    with socket.socket() as made:
        made.connect_ex(("127.0.0.1", 9))


def in_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


DOUBTS = {
    "a file": (lambda path: path.read_text(), "it opens"),
    "a file by numpy": (lambda path: np.fromfile(path, np.uint8), "it opens"),
    "a file in a thread": (lambda path: in_thread(path.read_text), "it opens"),
    "a variable": (lambda _: os.environ.get("SCALE"), "it reads the environment variable SCALE"),
    "a variable by getenv": (lambda _: os.getenv("SCALE"), "it reads the environment variable SCALE"),
    "whether there is a variable": (lambda _: "SCALE" in os.environ, "it reads the environment variable SCALE"),
    "a socket": (lambda _: connect(), "it asks the network"),
    "a process": (lambda _: subprocess.run(["true"], check=True), "it asks another process"),
    "a shell": (lambda _: os.system("true"), "it asks another process"),
    "random numbers": (lambda _: random.random(), "it draws from the global random generators"),
    "random numbers of numpy": (lambda _: np.random.rand(), "it draws from the global random generators"),
    "random numbers of torch": (lambda _: torch.rand(1), "it draws from the global random generators"),
    "a generator without a seed": (lambda _: np.random.default_rng(), "it draws the system's random bytes"),
    "random bytes": (lambda _: uuid.uuid4(), "it draws the system's random bytes"),
}


@pytest.mark.parametrize("what", DOUBTS)
def test_what_is_opened_asked_and_drawn_is_a_doubt(what, scale):
    act, says = DOUBTS[what]
    assert says in doubt(lambda: act(scale))


def saved():
    torch.save({"a": torch.ones(1)}, made := BytesIO())
    return BytesIO(made.getvalue())


GOOD = {
    "arithmetic": lambda: torch.nn.functional.relu(torch.ones(2)),
    "a generator with a seed": lambda: torch.rand(1, generator=torch.Generator().manual_seed(1)),
    "numbers by a seed of numpy": lambda: np.random.default_rng(0).random(),
    "what the system says of itself": lambda: open("/proc/self/status").close(),
    "a temporary file of its own": lambda: tempfile.TemporaryFile().close(),
    "importing a library": lambda: __import__("torchvision.ops.boxes"),
    "variables that a library reads": lambda: torch.load(saved(), weights_only=True),
}


@pytest.mark.parametrize("what", GOOD)
def test_what_depends_on_nothing_else_is_no_doubt(what):
    assert doubt(GOOD[what]) == ""


def test_a_file_that_the_key_knows_is_no_doubt(scale):
    assert doubt(scale.read_text, known=frozenset([str(scale)])) == ""
    assert doubt(scale.read_text, known=frozenset([f"{scale.parent}{os.sep}"])) == ""


def test_a_file_that_it_has_written_itself_is_no_doubt(scale):
    def append():
        with scale.open("a") as file:
            file.write("4")
        scale.read_text()

    assert doubt(lambda: (scale.write_text("3"), scale.read_text())) == ""
    assert doubt(append)


def test_samples_are_read_unwatched(scale):
    with unwatched():
        assert doubt(scale.read_text) == ""


def test_a_line_shown_in_a_warning_is_no_doubt():
    import linecache

    linecache.clearcache()
    assert doubt(lambda: linecache.getline(__file__, 1)) == ""


def test_what_another_thread_opens_is_no_doubt_of_this_one(scale):
    watch = Watch()
    inside, go_on = threading.Event(), threading.Event()

    def busy():
        inside.wait(10)
        scale.read_text()
        os.environ.get("SCALE")
        go_on.set()

    thread = threading.Thread(target=busy)
    thread.start()  # by nobody that is watched
    with watch:
        inside.set()
        assert go_on.wait(10)
    thread.join()
    assert watch.doubt() == ""


def test_a_thread_that_watched_code_began_is_heard_later_too(scale):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        first, second = Watch(), Watch()
        with first:
            pool.submit(int).result()
        with second:
            pool.submit(scale.read_text).result()
    assert first.doubt() == "" and "it opens" in second.doubt()


def test_a_draw_between_two_blocks_is_no_doubt():
    watch = Watch()
    with watch:
        pass
    random.random()
    with watch:
        pass
    assert watch.doubt() == ""
