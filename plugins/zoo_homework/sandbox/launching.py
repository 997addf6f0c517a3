"""Running a stranger's program: what it sees, how long it may go on, and what comes back (see `jail.py` for its inside)."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from zoo_homework.sandbox.hiding import View
from zoo_homework.sandbox.seccomp import syscall_filter
from zoo_homework.sandbox.watching import Outcome, Watch, kill_family
from zoo_homework.specs import HomeworkLimits

JAIL = Path(__file__).with_name("jail.py")
SUBMISSION, INPUTS, OUTPUT = "/submission", "/inputs", "/out/predictions"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
PROTECTIONS = (
    "its own file system: interpreter and libraries, the submission and the inputs, all read-only; no folders of yours",
    "no network, and no process to see or signal but its own",
    "limits of processor time, wall-clock time, memory, processes, open files and output",
    "no new privileges, no capabilities, no system calls for namespaces, keys or memory that no limit counts",
)


_programs = itertools.count()


@dataclass(frozen=True)
class Call:
    """A call of `zoo_homework.worker.main` on one submission. `hidden` are paths of what is shown that it must not see."""

    kind: str
    submission: Path
    inputs: Path
    limits: HomeworkLimits
    hidden: tuple[str, ...] = ()
    isolate: bool = True


def run(call: Call, scratch: Path) -> Outcome:
    """Run a call to its end or to the limit that it meets first. `scratch` is a folder for what is temporary."""
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
            process.stdin.write(json.dumps(_settings(call, Path(folder), sender)).encode())
            process.stdin.close()
            process.stdin = None
            try:
                return Watch(process, receiver, call.limits).outcome()
            finally:
                os.close(receiver)
                kill_family(process.pid)
                process.kill()


@cache
def why_not_isolated() -> str:
    """Empty where this machine can isolate a program; else why it cannot."""
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has no namespaces"
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "submission"
        trial.mkdir()
        Path(folder).chmod(0o755)
        limits = HomeworkLimits(wall_seconds=20, cpu_seconds=20)
        outcome = run(Call("trial", trial, trial, limits), Path(folder))
    if outcome.code == 0:
        return ""
    return outcome.error or outcome.said.strip()[-200:] or f"the trial ended with {outcome.code}, {outcome.stopped}"


def protections() -> list[str]:
    """What is active here, a line each."""
    if why_not_isolated():
        return [PROTECTIONS[2]]
    return [*PROTECTIONS, *(["another user than the grader's"] if os.geteuid() == 0 else [])]


def _settings(call: Call, folder: Path, sender: int) -> dict[str, object]:
    """What `jail.py` is told."""
    name = "" if call.submission.is_dir() else f"/{call.submission.name}"
    places = [SUBMISSION + name, INPUTS, OUTPUT]
    if not call.isolate:
        places = [str(call.submission), str(call.inputs), str(folder / "predictions")]
    start = f"import sys; sys.path[:0] = {_roots()!r}; from zoo_homework.worker.main import main; main()"
    root = folder / "root"
    root.mkdir()
    return {
        "isolate": call.isolate,
        "root": str(root),
        "binds": [*view(), (str(call.submission), SUBMISSION + name), (str(call.inputs), INPUTS)],
        "masks": call.hidden,
        "uid": _another_user() if call.isolate and os.geteuid() == 0 else None,
        "argv": [sys.executable, "-I", "-c", start, call.kind, *places],
        "env": _environment(),
        "cwd": SUBMISSION if call.isolate else str(folder),
        "limits": call.limits.model_dump(),
        "filter": syscall_filter(),
        "output": places[2],
        "result_fd": sender,
    }


def _another_user() -> int:
    """A user that no other program of now has: processes are counted per user, and one's fork bomb would use up another's."""
    return 2_000_000_000 + os.getpid() % 100_000 * 1000 + next(_programs) % 1000


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
def view() -> View:
    """Folders and files of this machine to show, at their own paths: the system's, the interpreter's, our packages."""
    wanted = [*SYSTEM, sys.base_prefix, sys.prefix, *_packages()]
    there = sorted({path for path in wanted if Path(path).exists() and not Path(path).is_symlink()})
    return tuple((path, path) for path in there if not any(path.startswith(f"{other}/") for other in there))


@cache
def _packages() -> list[str]:
    """Folders of zoo and of every plugin's package, wherever they are installed."""
    from zoo import registry

    modules = {"zoo", *(str(plugin["module"]).partition(".")[0] for plugin in registry().index.plugins)}
    return [path for module in sorted(modules) for path in package_paths(module)]


def _roots() -> list[str]:
    return sorted({str(Path(path).parent) for path in _packages()})


def package_paths(name: str) -> list[str]:
    """Where a package is installed; several places where it is a namespace, none where it is not."""
    found = find_spec(name)
    return [str(Path(path).resolve()) for path in found.submodule_search_locations or ()] if found else []
