"""The process that holds a stranger's program: namespaces, limits, another user; then that program.

Run as a file by `launching.py`, with its settings as JSON on stdin; standard library only. Where isolation is asked for:
new mount, PID, network, IPC and UTS namespaces (and a user namespace unless root), a root folder that holds only what is
bound into it read-only, nothing where `masks` lie, another user where we are root, no capabilities, no new privileges, and
system calls refused by a filter (`seccomp.py`).
Process 1 of the namespace waits for the program, sends its end and its one output file back over a pipe, and takes
every other process with it when it ends. Sources: namespaces(7), user_namespaces(7), pivot_root(2).
"""

# ruff: noqa: PTH103, PTH110, PTH112, PTH114, PTH115, PTH120, PTH211

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import stat
import struct
import sys
from contextlib import suppress
from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 1, 4, 22, 38, 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
DEVICES = ("null", "zero", "urandom", "random")
SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64")
OUT, TMP = "/out", "/tmp"

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    settings = json.load(sys.stdin)
    result = settings["result_fd"]
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if settings["isolate"]:
            enter_namespaces()
        supervisor = os.fork()
        if supervisor:
            os.close(result)
            os.waitpid(supervisor, 0)
            return
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if settings["isolate"]:
            build_root(settings)
        program = os.fork()
        if not program:
            start_program(settings)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    except Exception as error:
        os.write(result, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        os._exit(1)
    supervise(program, result, settings)


def enter_namespaces() -> None:
    """Leave ours; without root by a user namespace, in which we are the same user with all capabilities."""
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    uid, gid = os.geteuid(), os.getegid()
    if uid:
        call(libc.unshare, flags | CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    else:
        call(libc.unshare, flags)


def build_root(settings: dict[str, Any]) -> None:
    """A root of memory with what is bound, a new /proc, a few devices, and two small writable folders; then move there."""
    root, size = settings["root"], settings["limits"]["output_bytes"]
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for link in SYSTEM_LINKS:
        if os.path.islink(f"/{link}"):
            os.symlink(os.readlink(f"/{link}"), f"{root}/{link}")
    for folder in (OUT, TMP):  # before what is bound, for an interpreter may lie in /tmp
        os.makedirs(root + folder)
        mount("tmpfs", root + folder, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size},nr_inodes=10k,mode=1777")
    for source, target in settings["binds"]:
        bind(source, root + target)
    for name in DEVICES:
        bind(f"/dev/{name}", f"{root}/dev/{name}", device=True)
    for hidden in settings["masks"]:
        if os.path.isdir(root + hidden):
            mount("tmpfs", root + hidden, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,mode=555")
        elif os.path.exists(root + hidden):
            mount("/dev/null", root + hidden, None, MS_BIND)
    os.makedirs(root + "/proc")
    mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.chdir(root)
    call(libc.syscall, PIVOT_ROOT[platform.machine()], b".", b".")
    call(libc.umount2, b".", MNT_DETACH)
    mount(None, "/", None, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    os.chdir("/")


def bind(source: str, target: str, device: bool = False) -> None:
    """Show `source` at `target`, read-only and without set-user-id."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "a").close()
    mount(source, target, None, MS_BIND | MS_REC)
    for place in (target, *mounts_below(target)):
        # A user namespace may not take away what the mount had; how it keeps access times stays as it is.
        kept = os.statvfs(place).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept | (0 if device else MS_NODEV))


def mounts_below(folder: str) -> "list[str]":
    """Where something is mounted within a folder: each keeps flags of its own."""
    with open("/proc/self/mountinfo", "rb") as file:
        points = [os.fsdecode(line.split()[4].decode("unicode_escape").encode("latin-1")) for line in file]
    return [point for point in points if point.startswith(folder + "/")]


def start_program(settings: dict[str, Any]) -> None:
    """Take on the limits and the user, and become the program. Never returns."""
    limits = settings["limits"]
    os.setsid()
    os.close(settings["result_fd"])
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.nice(10)
    cpu, memory = int(limits["cpu_seconds"]) + 1, limits["memory_bytes"]
    for what, most in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, limits["output_bytes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(what, (most, most))
    if settings["uid"] is not None:
        os.setgroups([])
        os.setresgid(settings["uid"], settings["uid"], settings["uid"])
        os.setresuid(settings["uid"], settings["uid"], settings["uid"])
    if settings["isolate"]:  # counted per user: without a user or a namespace of its own it would count the grader's, too
        resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"], limits["processes"]))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # which changing the user has cleared
    os.chdir(settings["cwd"])
    try:
        if settings["isolate"]:
            refuse_syscalls(settings["filter"])
        os.execve(settings["argv"][0], settings["argv"], settings["env"])
    except OSError as error:
        print(f"cannot start {settings['argv'][0]}: {error}", file=sys.stderr)
        os._exit(126)


def refuse_syscalls(instructions: "list[list[int]]") -> None:
    """Install a seccomp filter for this process and all that it becomes; it needs no-new-privileges."""
    if not instructions:
        raise OSError(errno.ENOSYS, f"the system calls of {platform.machine()} are not known")
    packed = b"".join(struct.pack("=HBBI", *one) for one in instructions)
    code = ctypes.create_string_buffer(packed, len(packed))
    call(libc.prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, struct.pack("@HP", len(instructions), ctypes.addressof(code)), 0, 0)


def supervise(program: int, result: int, settings: dict[str, Any]) -> None:
    """Wait for the program, reap what it leaves, send back how it ended and its file, and end everything."""
    ended = None
    while ended is None:
        pid, status = os.wait()
        if pid == program:
            ended = status
    code = os.waitstatus_to_exitcode(ended)
    if not settings["isolate"]:
        kill_group(program)
    content = read_output(settings["output"], settings["limits"]["output_bytes"])
    with open(result, "wb") as pipe:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = {"code": code, "cpu": used.ru_utime + used.ru_stime, "bytes": None if content is None else len(content)}
        pipe.write(json.dumps(told).encode() + b"\n")
        pipe.write(content or b"")
    os._exit(0)


def kill_group(program: int) -> None:
    with suppress(OSError):
        os.killpg(program, signal.SIGKILL)


def read_output(path: str, most: int) -> "bytes | None":
    """A plain file of at most `most` bytes; None where there is no such file."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(opened, "rb") as file:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return None
        return file.read(most)


def mount(source: "str | None", target: str, kind: "str | None", flags: int, options: "str | None" = None) -> None:
    parts = [None if part is None else os.fsencode(part) for part in (source, target, kind)]
    call(libc.mount, *parts, ctypes.c_ulong(flags), None if options is None else options.encode())


def call(function: "ctypes._NamedFuncPointer", *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        shown = [argument for argument in arguments if isinstance(argument, bytes)]
        raise OSError(number, f"{getattr(function, '__name__', 'call')} {shown}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
