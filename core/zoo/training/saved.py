"""What a forward pass saves for the backward pass, and by which module: what formulas of activations are made of."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class Saves:
    """Storages that are saved, by their identity: bytes, and names of the modules that save them; and modules' inputs."""

    saved: dict[int, tuple[int, set[str]]] = field(default_factory=dict)
    inputs: dict[str, dict[int, int]] = field(default_factory=dict)

    def held(self, blocks: Collection[str] = ()) -> int:
        """Bytes that are held for the backward pass, where modules of these names keep nothing but their inputs."""

        def within(name: str) -> bool:
            return any(name == block or name.startswith(f"{block}.") for block in blocks)

        kept = {key: size for key, (size, names) in self.saved.items() if not all(map(within, names))}
        for block in blocks:
            kept.update(self.inputs.get(block, {}))
        return sum(kept.values())


@contextmanager
def watching(module: "nn.Module", there: "Iterable[Tensor]") -> Iterator[Saves]:
    """Within the block, what autograd saves is written down by module; storages of `there` are left out."""
    from torch.autograd.graph import saved_tensors_hooks

    saves, inside, kept = Saves(), [""], list[Any]()
    left_out = {_key(tensor) for tensor in there}

    def enter(name: str, arguments: Any, named: Any) -> None:
        inside.append(name)
        tensors = [each for each in (*arguments, *named.values()) if hasattr(each, "untyped_storage")]
        kept.extend(tensors)  # so that no other storage takes the place of one, and its identity
        known = {_key(each): each.untyped_storage().nbytes() for each in tensors if _key(each) not in left_out}
        saves.inputs.setdefault(name, {}).update(known)

    def save(tensor: "Tensor") -> "Tensor":
        if _key(tensor) not in left_out:
            kept.append(tensor.untyped_storage())
            saves.saved.setdefault(_key(tensor), (tensor.untyped_storage().nbytes(), set()))[1].add(inside[-1])
        return tensor

    hooks = []
    for name, each in module.named_modules():
        if name:
            hooks.append(each.register_forward_pre_hook(lambda _, a, k, name=name: enter(name, a, k), with_kwargs=True))
            hooks.append(each.register_forward_hook(lambda *_: inside.pop() and None, always_call=True))
    try:
        with saved_tensors_hooks(save, lambda tensor: tensor):
            yield saves
    finally:
        for hook in hooks:
            hook.remove()


def _key(tensor: "Tensor") -> int:
    return int(tensor.untyped_storage()._cdata)
