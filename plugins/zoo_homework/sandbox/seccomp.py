"""System calls that a stranger's program may not make, as a seccomp filter.

Refused is what would get around the other limits: new namespaces, in which a program would have all capabilities; memory that
belongs to no process's private share; the grader's keys; and ways into the kernel that no prediction needs.
Sources: seccomp(2), Linux's include/uapi/linux/{seccomp,filter,audit}.h and its tables of system calls.
"""

import errno
import platform
from collections.abc import Iterator
from typing import NamedTuple

LOAD, AND, RETURN, EQUAL, AT_LEAST, ANY_BIT = 0x20, 0x54, 0x06, 0x15, 0x35, 0x45
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""
SHARED_ANONYMOUS = 0x21
"""MAP_SHARED | MAP_ANONYMOUS."""
X32 = 0x40000000
"""Numbers from here on are those of x86-64's second table, in which all calls stand again."""

NAMES = (
    "unshare", "setns", "mount", "memfd_create", "shmget", "keyctl", "add_key", "request_key", "bpf", "userfaultfd",
    "perf_event_open", "ptrace",
)  # fmt: skip
EVERYWHERE = (425, 428, 429, 430, 432, 442, 447)
"""io_uring_setup, open_tree, move_mount, fsopen, fsmount, mount_setattr, memfd_secret: one number on all machines."""
CLONE3 = 435


class Machine(NamedTuple):
    """How a kind of processor calls the kernel: its audit number, and the numbers of `NAMES`, of clone and of mmap."""

    audit: int
    refused: tuple[int, ...]
    clone: int
    mmap: int


_GENERIC = ((97, 268, 40, 279, 194, 219, 217, 218, 280, 282, 241, 117), 220, 222)
MACHINES = {
    "x86_64": Machine(0xC000003E, (272, 308, 165, 319, 29, 250, 248, 249, 321, 323, 298, 101), 56, 9),
    "aarch64": Machine(0xC00000B7, *_GENERIC),
    "riscv64": Machine(0xC00000F3, *_GENERIC),
}


def syscall_filter() -> list[tuple[int, int, int, int]]:
    """The filter for this machine, for `jail.py` to install; empty where its system calls are not known here.

    Its instructions are (code, jump if true, jump if false, k); jumps count the instructions that are passed over.
    """
    machine = MACHINES.get(platform.machine())
    return list(_filter(machine)) if machine else []


def _filter(machine: Machine) -> Iterator[tuple[int, int, int, int]]:
    yield from ((LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, machine.audit), (RETURN, 0, 0, KILL_PROCESS))
    yield (LOAD, 0, 0, NUMBER)
    yield from ((AT_LEAST, 0, 1, X32), (RETURN, 0, 0, ERRNO | errno.ENOSYS))
    for number in (*machine.refused, *EVERYWHERE):
        yield from ((EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | errno.EPERM))
    # Its flags lie in memory, which a filter cannot see; whoever calls it falls back to clone.
    yield from ((EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, ERRNO | errno.ENOSYS))
    yield from ((EQUAL, 0, 4, machine.clone), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEW_NAMESPACES))
    yield from ((RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW))
    yield from ((EQUAL, 0, 4, machine.mmap), (LOAD, 0, 0, FIRST_ARGUMENT + 3 * 8), (AND, 0, 0, SHARED_ANONYMOUS))
    yield from ((EQUAL, 0, 1, SHARED_ANONYMOUS), (RETURN, 0, 0, ERRNO | errno.EPERM))
    yield (RETURN, 0, 0, ALLOW)
