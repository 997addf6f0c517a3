"""Running a stranger's program: what it sees, how long it may go on, and what comes back (see `jail.py` for its inside)."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from zoo.specs import HomeworkLimits
from zoo_homework.statuses import Status, SubmissionError

JAIL = Path(__file__).with_name("jail.py")
SUBMISSION, INPUTS, OUTPUT = "/submission", "/inputs", "/out/predictions"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
TICK = 0.1
"""Seconds between two looks at what a program uses."""
PATIENCE = 5
"""Wall-clock limits after which a program is stopped even if it only waited for a processor. Up to there waiting is free: on
a busy machine a good submission must not fail because of its neighbours."""
LOUDEST = 16 << 20
"""Bytes that a program may print before it is stopped; the last KEPT of them are kept."""
KEPT = 4096
PROTECTIONS = (
    "its own file system: interpreter and libraries, the submission and the inputs, all read-only; no folders of yours",
    "no network, and no process to see or signal but its own",
    "limits of processor time, wall-clock time, memory, processes, open files and output",
    "no new privileges, no capabilities",
)


@dataclass(frozen=True)
class Task:
    """A call of `zoo_homework.worker` on one submission. `masks` are packages that it must not see."""

    kind: str
    submission: Path
    inputs: Path
    limits: HomeworkLimits
    masks: tuple[str, ...] = ()
    isolate: bool = True


@dataclass
class Outcome:
    """How a program ended: `stopped` is why we ended it, `code` its exit code (negative: a signal), `output` its one file."""

    code: int | None = None
    output: bytes | None = None
    stopped: Status | None = None
    said: str = ""
    error: str = ""


def run(task: Task, scratch: Path) -> Outcome:
    """Run a task to its end or to the limit that it meets first. `scratch` is a folder for what is temporary."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="jail-") as folder:
        receiver, sender = os.pipe()
        command = [sys.executable, "-I", "-S", str(JAIL)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(sender,),
            env={},
            start_new_session=True,
        ) as process:
            os.close(sender)
            assert process.stdin is not None
            process.stdin.write(json.dumps(_settings(task, Path(folder), sender)).encode())
            process.stdin.close()
            process.stdin = None
            try:
                return _Watch(process, receiver, task.limits).outcome()
            finally:
                os.close(receiver)
                for pid in _family(process.pid):
                    _kill(pid)
                process.kill()


@cache
def isolation() -> str:
    """Empty where this machine can isolate a program; else why it cannot."""
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has no namespaces"
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "submission"
        trial.mkdir()
        Path(folder).chmod(0o755)
        limits = HomeworkLimits(wall_seconds=20, cpu_seconds=20)
        outcome = run(Task("trial", trial, trial, limits), Path(folder))
    if outcome.code == 0:
        return ""
    return outcome.error or outcome.said.strip()[-200:] or f"the trial ended with {outcome.code}, {outcome.stopped}"


def protections() -> list[str]:
    """What is active here, a line each."""
    if isolation():
        return [PROTECTIONS[2]]
    return [*PROTECTIONS, *(["another user than the grader's"] if os.geteuid() == 0 else [])]


def shows(path: Path) -> bool:
    """Whether a jailed program would see a path of this machine."""
    return any(path.resolve().is_relative_to(shown) for shown, _ in _view())


def _settings(task: Task, folder: Path, sender: int) -> dict[str, object]:
    """What `jail.py` is told."""
    name = "" if task.submission.is_dir() else f"/{task.submission.name}"
    places = [SUBMISSION + name, INPUTS, OUTPUT]
    if not task.isolate:
        places = [str(task.submission), str(task.inputs), str(folder / "predictions")]
    start = f"import sys; sys.path[:0] = {_roots()!r}; from zoo_homework.worker import main; main()"
    root = folder / "root"
    root.mkdir()
    return {
        "isolate": task.isolate,
        "root": str(root),
        "binds": [*_view(), (str(task.submission), SUBMISSION + name), (str(task.inputs), INPUTS)],
        "masks": [path for package in task.masks for path in _package(package)],
        "uid": 2_000_000_000 + os.getpid() % 100_000 * 1000 + sender if task.isolate and os.geteuid() == 0 else None,
        "argv": [sys.executable, "-I", "-c", start, task.kind, *places],
        "env": _environment(),
        "cwd": SUBMISSION if task.isolate else str(folder),
        "limits": task.limits.model_dump(),
        "output": places[2],
        "result_fd": sender,
    }


def _environment() -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "ZOO_HOME": "/tmp/zoo",
        "ZOO_OFFLINE": "1",
    } | threads


@cache
def _view() -> list[tuple[str, str]]:
    """Folders and files of this machine to show, at their own paths: the system's, the interpreter's, our packages."""
    wanted = [*SYSTEM, sys.base_prefix, sys.prefix, *_packages()]
    there = sorted({path for path in wanted if Path(path).exists() and not Path(path).is_symlink()})
    return [(path, path) for path in there if not any(path.startswith(f"{other}/") for other in there)]


@cache
def _packages() -> list[str]:
    """Folders of zoo and of every plugin's package, wherever they are installed."""
    from zoo.lookup import registry

    modules = {"zoo", *(str(plugin["module"]).partition(".")[0] for plugin in registry().index.plugins)}
    return [path for module in sorted(modules) for path in _package(module)]


def _roots() -> list[str]:
    return sorted({str(Path(path).parent) for path in _packages()})


def _package(name: str) -> list[str]:
    found = find_spec(name)
    return [str(Path(path).resolve()) for path in found.submodule_search_locations or ()] if found else []


@dataclass
class _Watch:
    """Reads what a program prints and sends, and ends it at the first limit."""

    process: "subprocess.Popen[bytes]"
    receiver: int
    limits: HomeworkLimits
    sent: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    printed: int = 0

    def outcome(self) -> Outcome:
        stopped = self._read()
        said = self.said[-KEPT:].decode("utf-8", "replace")
        if stopped is not None:
            return Outcome(stopped=stopped, said=said)
        head, _, output = bytes(self.sent).partition(b"\n")
        try:
            told = json.loads(head)
        except ValueError:
            return Outcome(said=said)
        if "error" in told:
            return Outcome(error=str(told["error"]), said=said)
        return Outcome(told["code"], output if told["bytes"] == len(output) else None, said=said)

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
        cpu, waited, memory = _usage(_family(self.process.pid))
        limits = self.limits
        if memory > limits.memory_bytes:
            return Status.OUT_OF_MEMORY
        late = seconds - waited > limits.wall_seconds or seconds > PATIENCE * limits.wall_seconds
        return Status.TIMEOUT if late or cpu > limits.cpu_seconds else None


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        with suppress(OSError):
            for thread in Path(f"/proc/{found[-1]}/task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
    return found


def _usage(pids: Sequence[int]) -> tuple[float, float, int]:
    """What processes use: seconds of processor time, with the children that they have seen end; seconds that they waited for a
    processor; bytes of memory of their own."""
    ticks = waited = pages = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(value) for value in fields[11:15])
            _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
            pages += int(resident) - int(shared)
            waited += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
        except (OSError, ValueError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK"), waited / 1e9, pages * os.sysconf("SC_PAGE_SIZE")


def _kill(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def output_of(outcome: Outcome, seconds: HomeworkLimits) -> bytes:
    """What the worker wrote. Raises SubmissionError where it wrote nothing, or was stopped."""
    why = {
        Status.TIMEOUT: f"it took more than {seconds.cpu_seconds:g} s of processor time, or {seconds.wall_seconds:g} s in all",
        Status.OUT_OF_MEMORY: f"it took more than {seconds.memory_bytes / 2**30:.1f} GiB of memory",
        Status.TOO_MUCH_OUTPUT: "it printed or returned more than it may",
    }
    if outcome.error:
        raise SubmissionError(Status.NOT_ISOLATED, f"it could not be isolated, so it was not run: {outcome.error}")
    if outcome.stopped is not None:
        raise SubmissionError(outcome.stopped, why[outcome.stopped])
    if outcome.code in (-24, -9):  # SIGXCPU, and SIGKILL from the same limit
        raise SubmissionError(Status.TIMEOUT, why[Status.TIMEOUT])
    if outcome.code != 0 or outcome.output is None:
        last = next((line for line in reversed(outcome.said.splitlines()) if line.strip()), "")
        ended = "it was ended from outside" if outcome.code is None else f"it ended with code {outcome.code}"
        raise SubmissionError(Status.CRASHED, f"{ended} and left no predictions" + (f": {last}" if last else ""))
    return outcome.output
