"""A store that fails: a file system of fsspec, in memory, which as chance has it refuses, cuts short, or lies."""

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from fsspec import AbstractFileSystem

KINDS = ("refused", "late", "cut short", "lied", "read short")


class Faulty(AbstractFileSystem):
    """`faulty://bucket/name`. What all instances share: the objects, the chance of each kind of fault, what happened."""

    protocol = "faulty"
    cachable = False
    objects: ClassVar[dict[str, bytes]] = {}
    lock = threading.Lock()
    draws = random.Random(0)
    chance = 0.0
    kinds: tuple[str, ...] = KINDS
    met: ClassVar[Counter[str]] = Counter()
    lies: ClassVar[Counter[str]] = Counter()

    @classmethod
    def begin(cls, seed: int, chance: float, kinds: tuple[str, ...] = KINDS) -> None:
        cls.objects, cls.met, cls.lies = {}, Counter(), Counter()
        cls.draws, cls.chance, cls.kinds = random.Random(seed), chance, kinds

    @classmethod
    def begin_again(cls, seed: int, chance: float, kinds: tuple[str, ...] = KINDS) -> None:
        """The same, with what the store holds."""
        held = cls.objects
        cls.begin(seed, chance, kinds)
        cls.objects = held

    def _fault(self, *possible: str) -> str:
        with self.lock:
            kind = self.draws.choice(self.kinds) if self.draws.random() < self.chance else ""
            kind = kind if kind in possible else ""
            self.met[kind] += 1
            return kind

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        path = self._strip_protocol(path)
        kind = self._fault("refused", "late", "cut short", "lied")
        if kind == "refused":
            raise OSError(121, "We encountered an internal error. Please try again.")
        if kind == "lied":
            with self.lock:
                self.lies[path] += 1
                if self.lies[path] == 1:  # once
                    return
        if kind == "cut short":
            self.objects[path] = bytes(value[: len(value) // 2])
            raise ConnectionResetError("connection reset by peer")
        self.objects[path] = bytes(value)
        if kind == "late":  # it is there, but nobody is told
            raise TimeoutError("no answer in time")

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        kind = self._fault("refused", "late", "read short")
        if kind in ("refused", "late"):
            raise TimeoutError("no answer in time")
        try:
            found = self.objects[self._strip_protocol(path)]
        except KeyError:
            raise FileNotFoundError(path) from None
        return found[: len(found) // 2] if kind == "read short" else found[start:end]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if self._fault("refused"):
            raise ConnectionError("no route to host")
        path = self._strip_protocol(path)
        if path in self.objects:
            return self._told(path)
        if not any(name.startswith(path + "/") for name in self.objects):
            raise FileNotFoundError(path)
        return {"name": path, "size": 0, "type": "directory"}

    def find(self, path: str, detail: bool = False, **_: Any) -> Any:
        if self._fault("refused"):
            raise ConnectionError("no route to host")
        found = sorted(name for name in self.objects if name.startswith(self._strip_protocol(path) + "/"))
        return {name: self._told(name) for name in found} if detail else found

    def get_file(self, path: str, to: str, **_: Any) -> None:
        Path(to).write_bytes(self.cat_file(path))

    def _told(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": len(self.objects[path]), "type": "file"}

    def rm_file(self, path: str) -> None:
        if self._fault("refused"):
            raise ConnectionError("no route to host")
        self.objects.pop(self._strip_protocol(path), None)
