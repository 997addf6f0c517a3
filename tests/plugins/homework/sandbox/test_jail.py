"""The jail where the grader is an ordinary user, so that a user namespace has to do; what a program finds inside it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zoo_homework.sandbox.launching import JAIL
from zoo_homework.sandbox.seccomp import syscall_filter

SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = 65534
PROGRAM = """
import ctypes, errno, json, mmap, os, platform, socket, time
def tried(f, *arguments):
    try:
        f(*arguments)
        return "done"
    except OSError as error:
        return type(error).__name__
seen = {
    "root": sorted(os.listdir("/")),
    "masked": os.listdir("/usr/share"),
    "shown in /tmp": os.listdir("/tmp"),
    "write": tried(open, "/usr/x", "w"),
    "write at the root": tried(os.mkdir, "/x"),
    "network": tried(socket.socket().connect, ("127.0.0.1", 22)),
    "others": tried(os.kill, -1, 0),
    "memory of process 1": tried(open, "/proc/1/mem"),
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")][0],
}
tried(os.kill, 1, 9)
libc = ctypes.CDLL(None, use_errno=True)
def called(name, *arguments):
    return errno.errorcode[ctypes.get_errno()] if getattr(libc, name)(*arguments) < 0 else "done"
seen["user namespace"] = called("unshare", 0x10000000)
seen["key of the session"] = called("syscall", {"x86_64": 250}.get(platform.machine(), 219), 0, -3, 0)
seen["memory without a name"] = tried(os.memfd_create, "x")
seen["shared memory"] = tried(mmap.mmap, -1, 4096)
seen["private memory"] = tried(lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
children = 0
try:
    while children < 100:
        if not os.fork():
            time.sleep(60)
            os._exit(0)
        children += 1
except BlockingIOError:
    pass
seen["children"] = children
open("/out/predictions", "w").write(json.dumps(seen))
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="becomes another user, which only root can")
def test_a_user_namespace_holds_a_program_as_well() -> None:
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip(f"needs a Python that everybody may run, {SYSTEM_PYTHON}")
    folder = Path("/tmp") / f"zoo-jail-{os.getpid()}"
    (folder / "root").mkdir(parents=True)
    try:
        shutil.copy(JAIL, folder / "jail.py")
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        head, _, content = run_as_nobody(folder).partition(b"\n")
    finally:
        shutil.rmtree(folder)
    if "error" in (told := json.loads(head)):
        pytest.skip(f"an ordinary user cannot isolate here: {told['error']}")
    seen = json.loads(content)
    assert (told["code"], told["bytes"]) == (0, len(content))
    assert 0 < seen.pop("children") < 20
    assert {"etc", "home", "root", "work", "var"} & set(seen.pop("root")) == set()
    assert seen == {
        "masked": [],
        "shown in /tmp": [folder.name],
        "write": "OSError",
        "write at the root": "OSError",
        "network": "OSError",
        "others": "ProcessLookupError",
        "memory of process 1": "PermissionError",
        "capabilities": "0" * 16,
        "user namespace": "EPERM",
        "key of the session": "EPERM",
        "memory without a name": "PermissionError",
        "shared memory": "PermissionError",
        "private memory": "done",
    }


def run_as_nobody(folder: Path) -> bytes:
    """What the jail sends back."""
    receiver, sender = os.pipe()
    shown = ("/usr", "/lib", "/lib64", "/bin", str(folder / "jail.py"))
    limits = {"cpu_seconds": 5, "memory_bytes": 1 << 30, "output_bytes": 1 << 20, "processes": 20}
    settings = {
        "isolate": True,
        "root": str(folder / "root"),
        "binds": [[path, path] for path in shown if not Path(path).is_symlink() and Path(path).exists()],
        "masks": ["/usr/share"],
        "uid": None,
        "argv": [SYSTEM_PYTHON, "-I", "-c", PROGRAM],
        "env": {"PATH": "/usr/bin"},
        "cwd": "/tmp",
        "limits": limits,
        "filter": syscall_filter(),
        "output": "/out/predictions",
        "result_fd": sender,
    }
    command = [SYSTEM_PYTHON, "-I", "-S", str(folder / "jail.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, pass_fds=(sender,), user=NOBODY, group=NOBODY, extra_groups=[]
    ) as process:
        os.close(sender)
        process.communicate(json.dumps(settings).encode(), timeout=60)
    with open(receiver, "rb") as pipe:
        return pipe.read()
