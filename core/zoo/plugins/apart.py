"""Foreign code in processes of its own: what it raises, exits, crashes, patches or waits for is its own affair.

Each task is a fork of this process, which so must be a fresh one without threads. It has no terminal, may not outlive its time,
and answers by a pipe that only we read.
"""

import ctypes
import fcntl
import json
import os
import resource
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Tell = Callable[[Any], None]
PR_SET_PDEATHSIG = 1
HIGH = 200
"""The lowest number of the descriptor that an answer is written to: above those that careless code closes."""


@dataclass
class Answer:
    """What a task told, JSON values in order, and how it ended where it did not end well."""

    told: list[Any] = field(default_factory=list)
    end: str = ""


@dataclass
class _Child:
    number: int
    pid: int
    pipe: int
    until: float
    answer: Answer
    text: bytes = b""


def run_apart(tasks: Sequence[Callable[[Tell], None]], seconds: float, width: int, began: Callable[[int], None]) -> list[Answer]:
    """The answers of tasks, at most `width` of which run at a time, each for at most so many seconds.

    `began` is told the number of each as it starts.
    """
    answers: dict[int, Answer] = {}
    waiting = list(enumerate(tasks))
    running: dict[int, _Child] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < width:
                    number, task = waiting.pop(0)
                    began(number)
                    child = running[number] = _start(number, task, seconds)
                    selector.register(child.pipe, selectors.EVENT_READ, child)
                for key, _ in selector.select(0.05):
                    _read(key.data)
                for child in [child for child in running.values() if _is_over(child)]:
                    selector.unregister(child.pipe)
                    answers[child.number] = running.pop(child.number).answer
        finally:
            for child in running.values():
                _end(child)
    return [answers[number] for number in range(len(tasks))]


def _start(number: int, task: Callable[[Tell], None], seconds: float) -> _Child:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read)
        _run(task, write)
    os.close(write)
    os.set_blocking(read, False)
    return _Child(number, pid, read, time.monotonic() + seconds, Answer())


def _run(task: Callable[[Tell], None], pipe: int) -> None:
    """In the fork: run the task and end, whatever happens."""
    code = 1
    try:
        os.setsid()
        _end_with_parent()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        out = fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, HIGH)
        os.closerange(3, HIGH)  # what this process has open is none of the task's
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        pid, dumps, write = os.getpid(), json.dumps, os.write

        def tell(value: Any) -> None:
            if os.getpid() != pid:  # a fork of the task's own
                os._exit(0)
            line = dumps([value]).encode() + b"\n"
            while line:
                line = line[write(out, line) :]

        task(tell)
        tell(None)
        code = 0
    finally:
        os._exit(code)


def _end_with_parent() -> None:
    """Where the system can: whatever ends the process that asks ends this one."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(child: _Child) -> None:
    with suppress(BlockingIOError):
        while part := os.read(child.pipe, 1 << 16):
            child.text += part
    *lines, child.text = child.text.split(b"\n")
    for line in lines:
        try:
            (value,) = json.loads(line)
            child.answer.told.append(value)
        except (ValueError, TypeError):
            child.answer.end = "it wrote into the answer that it was to give"


def _is_over(child: _Child) -> bool:
    """Whether a task has answered, ended or used up its time; its processes are gone then, and what it told is read."""
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    if pid:
        _read(child)
    done = None in child.answer.told
    if not (pid or done or child.answer.end or time.monotonic() > child.until):
        return False
    if not (done or child.answer.end):
        child.answer.end = _how(status) if pid else "it did not answer in time"
    child.answer.told = [value for value in child.answer.told if value is not None]
    _end(child, reaped=bool(pid))
    return True


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it ended the process, with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"it ended the process, by signal {name}"


def _end(child: _Child, *, reaped: bool = False) -> None:
    for kill in (os.killpg, os.kill) if not reaped else (os.killpg,):
        with suppress(ProcessLookupError, PermissionError):
            kill(child.pid, signal.SIGKILL)
    if not reaped:
        os.waitpid(child.pid, 0)
    os.close(child.pipe)
