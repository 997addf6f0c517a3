"""Watching a stranger's program: what it prints and sends, what it uses, the limit that it meets first, and how it ended."""

import json
import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zoo_homework.specs import HomeworkLimits
from zoo_homework.statuses import Status, SubmissionError

TICK = 0.1
"""Seconds between two looks at what a program uses."""
PATIENCE = 5
"""Wall-clock limits after which a program is stopped even if it only waited for a processor. Up to there waiting is free: on
a busy machine a good submission must not fail because of its neighbours."""
LOUDEST = 16 << 20
"""Bytes that a program may print before it is stopped; the last KEPT of them are kept."""
KEPT = 4096
OWN_MEMORY = ("RssAnon", "RssShmem", "VmSwap", "VmPTE")
"""Lines of /proc/PID/status: what a process holds that nobody else would, page tables as well."""


@dataclass
class Outcome:
    """How a program ended: `stopped` is why we ended it, `code` its exit code (negative: a signal), `output` its one file.

    `again` says that it may end otherwise another time: it met a limit for want of a processor, or something else ended it.
    """

    code: int | None = None
    output: bytes | None = None
    stopped: Status | None = None
    said: str = ""
    error: str = ""
    again: bool = False


@dataclass
class Watch:
    """Reads what a program prints and sends, and ends it at the first limit."""

    process: "subprocess.Popen[bytes]"
    receiver: int
    limits: HomeworkLimits
    sent: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    printed: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    """Ticks of processor time of every process that there was, by its number and start."""
    impatient: bool = False
    """Whether it was stopped though it mostly waited for a processor."""

    def outcome(self) -> Outcome:
        stopped = self._read()
        said = self.said[-KEPT:].decode("utf-8", "replace")
        if stopped is not None:
            return Outcome(stopped=stopped, said=said, again=self.impatient)
        head, _, output = bytes(self.sent).partition(b"\n")
        try:
            told = json.loads(head)
        except ValueError:
            return Outcome(said=said, again=True)
        if "error" in told:
            return Outcome(error=str(told["error"]), said=said)
        if told["code"] == -signal.SIGKILL and told["cpu"] >= self.limits.cpu_seconds:  # the kernel was faster than we
            return Outcome(stopped=Status.TIMEOUT, said=said)
        whole = told["bytes"] == len(output)
        return Outcome(told["code"], output if whole else None, said=said, again=told["code"] == -signal.SIGKILL)

    def _read(self) -> Status | None:
        """Until both pipes are closed; the limit that was met, if one was."""
        assert self.process.stdout is not None
        most, began = self.limits.output_bytes + 4096, time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self.receiver, selectors.EVENT_READ)
            selector.register(self.process.stdout, selectors.EVENT_READ)
            looked = began
            while selector.get_map():
                for key, _ in selector.select(TICK):
                    chunk = os.read(key.fd, 1 << 16)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fd == self.receiver:
                        self.sent += chunk
                    else:
                        self.printed += len(chunk)
                        self.said = (self.said + chunk)[-KEPT:]
                if self.printed > LOUDEST or len(self.sent) > most:
                    return Status.TOO_MUCH_OUTPUT
                now = time.monotonic()
                if now - looked >= TICK:
                    looked = now
                    if (met := self._met(now - began)) is not None:
                        return met
        return None

    def _met(self, seconds: float) -> Status | None:
        """The limit that is met. Waiting is that of the process that waited longest: many at once wait no longer than one."""
        reaped = memory = 0
        waited = 0.0
        for pid in _family(self.process.pid):
            with suppress(OSError, ValueError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self.seen[f"{pid} {fields[19]}"] = int(fields[11]) + int(fields[12])
                reaped += sum(int(value) for value in fields[11:15])
                memory += _memory(pid)
                waited = max(waited, int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9)
        limits, tick = self.limits, os.sysconf("SC_CLK_TCK")
        if memory > limits.memory_bytes:
            return Status.OUT_OF_MEMORY
        if max(reaped, sum(self.seen.values())) > limits.cpu_seconds * tick:
            return Status.TIMEOUT
        if seconds - waited > limits.wall_seconds:
            return Status.TIMEOUT
        self.impatient = seconds > PATIENCE * limits.wall_seconds
        return Status.TIMEOUT if self.impatient else None


def kill_family(pid: int) -> None:
    """End a process and all that descend from it."""
    for one in _family(pid):
        with suppress(OSError):
            os.kill(one, signal.SIGKILL)


def output_of(outcome: Outcome, limits: HomeworkLimits) -> bytes:
    """What the worker wrote. Raises SubmissionError where it wrote nothing, or was stopped."""
    why = {
        Status.TIMEOUT: f"it took more than {limits.cpu_seconds:g} s of processor time, or {limits.wall_seconds:g} s in all",
        Status.OUT_OF_MEMORY: f"it took more than {limits.memory_bytes / 2**30:.1f} GiB of memory",
        Status.TOO_MUCH_OUTPUT: "it printed or returned more than it may",
    }
    if outcome.error:
        raise SubmissionError(Status.NOT_ISOLATED, f"it could not be isolated, so it was not run: {outcome.error}", again=True)
    if outcome.stopped is not None:
        raise SubmissionError(outcome.stopped, why[outcome.stopped], again=outcome.again)
    if outcome.code == -signal.SIGXCPU:
        raise SubmissionError(Status.TIMEOUT, why[Status.TIMEOUT])
    if outcome.code != 0 or outcome.output is None:
        last = next((line for line in reversed(outcome.said.splitlines()) if line.strip()), "")
        ended = "it was ended from outside" if outcome.again else f"it ended with code {outcome.code}"
        raise SubmissionError(
            Status.CRASHED, f"{ended} and left no predictions" + (f": {last}" if last else ""), again=outcome.again
        )
    return outcome.output


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        with suppress(OSError):
            for thread in Path(f"/proc/{found[-1]}/task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
    return found


def _memory(pid: int) -> int:
    """Bytes of a process's own."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(line[1]) << 10 for line in lines if line and line[0].rstrip(":") in OWN_MEMORY)
