"""What is alive at once while gradients are computed, counted operation by operation, on any device."""

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

if TYPE_CHECKING:
    from torch import Tensor


class Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within the block, every storage that an operation makes is counted from then on until it is let go.

    So are activations, what is computed of them again, and their gradients; what a kernel needs within itself is not seen.
    """

    def __init__(self, there: "Iterable[Tensor]") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive = {_identity(tensor) for tensor in there}
        """Storages that are there: those that were before are nobody's."""
        self.events: list[tuple[int, int]] = []
        """What came and went, in order: its number, and its bytes, negative where it went."""
        self.numbers: dict[int, int] = {}
        self.watchers: dict[int, Any] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in tree_iter(made):
            if hasattr(each, "untyped_storage"):
                self._take(each)
        return made

    def _take(self, tensor: "Tensor") -> None:
        storage = tensor.untyped_storage()
        identity, size = storage._cdata, storage.nbytes()
        if identity in self.alive:
            return
        number = len(self.watchers)
        self.alive.add(identity)
        self.numbers[identity] = number
        self.events.append((number, size))

        def gone(_: Any) -> None:
            self.events.append((number, -size))
            self.alive.discard(identity)

        self.watchers[number] = weakref.ref(storage, gone)

    def most(self, without: "Iterable[Tensor]" = ()) -> int:
        """Most bytes at once, those of some tensors left out."""
        left_out = {self.numbers.get(_identity(tensor)) for tensor in without}
        now = most = 0
        for number, size in self.events:
            if number not in left_out:
                now += size
                most = max(most, now)
        return most


def _identity(tensor: "Tensor") -> int:
    return int(tensor.untyped_storage()._cdata)
