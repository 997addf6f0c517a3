"""Files that only stand for a larger one: what Git LFS and git-annex leave where the real file was not fetched."""

_POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"),
    (b"/annex/objects/", "git-annex", "git annex get"),
)
LONGEST_POINTER = 1024
"""Bytes of a pointer; Git LFS itself writes fewer."""


def pointer_problem(content: bytes) -> tuple[str, str] | None:
    """What is wrong with a file of this content, and what to do, where it is a pointer; None for any other file."""
    for start, tool, command in _POINTERS:
        if content.startswith(start) and len(content) <= LONGEST_POINTER:
            return f"it is a pointer of {tool}, not the file itself", f"fetch the file where the pointer came from: {command}"
    return None
