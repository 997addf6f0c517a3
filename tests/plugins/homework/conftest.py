"""Fixtures of the homework's tests: hw2 opened, and a generated class."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hostile import Answers

from zoo_homework.homework import Homework, open_homework


@pytest.fixture
def hw2() -> Homework:
    return open_homework("hw2")


@pytest.fixture
def answers(hw2: Homework, tmp_path: Path) -> Iterator[Answers]:
    """What a generated class is made from; fails where a submission got through to the grader's network or files."""
    import zoo_sequence

    outside = tmp_path / "outside.txt"
    outside.write_text("untouched")
    outside.chmod(0o666)
    weights = Path(zoo_sequence.__file__).parent / "weights/ngram-bag-sms-spam.safetensors"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        yield Answers(hw2.ids, hw2.classes, hw2.targets, server.getsockname()[1], outside, weights)
        with pytest.raises(TimeoutError):
            server.accept()
    assert outside.read_text() == "untouched"
