"""What memory is to be expected of a training, by formulas that its techniques give: the same quantities as are measured."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from zoo.specs import Optimizer, TechniqueKind
from zoo.training.cost import Expected
from zoo.training.techniques import Techniques

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.training.saved import Saves

KINDS = ("parameters", "gradients", "optimizer", "activations")
"""What memory holds, as `TrainingCost` counts it."""
CHANGES: dict[TechniqueKind, tuple[str, ...]] = {
    "optimizer": ("optimizer",),
    "precision": ("parameters", "gradients", "optimizer"),
    "memory": KINDS,
    "parallel": KINDS,
    "compiler": ("activations",),
}
"""What a technique of a kind may change: of one that gives no formula, nothing is expected there."""


@dataclass(frozen=True)
class Network:
    """What formulas are of: the network that a recipe trains, as it is without techniques of memory, and a batch of it."""

    module: "nn.Module"
    optimizer: Optimizer
    parameters: "Sequence[nn.Parameter]"
    """Those that the optimizer changes."""
    batch: int
    """Samples of a step."""
    processes: int = 1
    saves: "Sequence[tuple[int, Saves]]" = ()
    """What small batches save, by their sizes; empty where that cannot be told."""

    def held(self, blocks: Collection[str] = ()) -> int | None:
        """Bytes held for the backward pass of a batch, where modules of these names keep nothing but their inputs.

        Found from small batches, as what each further sample adds. None where a batch cannot be cut, or where its samples do
        not add the same each.
        """
        sizes = [(count, saves.held(blocks)) for count, saves in self.saves]
        if self.batch in dict(sizes):
            return dict(sizes)[self.batch]
        if len(sizes) < 3:
            return None
        (few, least), (some, middle), (more, most) = sizes
        if (most - middle) * (some - few) != (middle - least) * (more - some):
            return None
        return least + (self.batch - few) * (most - least) // (more - few)


class Expecting(Protocol):
    """What a technique of any kind may have beside the methods of its kind."""

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        """What it changes of the memory that is expected, `before` by the techniques ahead of it. Keys are those of `KINDS`."""


def expected(techniques: Techniques, network: Network) -> dict[str, Expected]:
    """What is expected of each kind of memory, in one process."""
    found = _plain(network)
    for one in sorted(techniques.each, key=lambda one: one.spec.kind == "parallel"):  # which divides what the others leave
        formula = getattr(one.built, "expected", None)
        if formula is not None:
            found.update(formula(network, dict(found)))
        else:
            silent = Expected(bytes=None, formula=f"{one.spec.name} gives no formula")
            found.update(dict.fromkeys(CHANGES.get(one.spec.kind, ()), silent))
    return found


def _plain(network: Network) -> dict[str, Expected]:
    held = network.held()
    activations = "no formula: samples of a batch do not each add the same"
    if held is not None:
        once = replace(network, batch=0).held() or 0
        activations = f"{(held - once) // network.batch:,} bytes a sample × {network.batch:,}" + (
            f" + {once:,} bytes" if once else ""
        )
    parameters = list(network.module.parameters())
    buffers = sum(buffer.untyped_storage().nbytes() for buffer in network.module.buffers())
    more = f" + {buffers:,} bytes of buffers" if buffers else ""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return {
        "parameters": Expected(bytes=bytes_of(parameters) + buffers, formula=product_of(parameters) + more),
        "gradients": Expected(bytes=bytes_of(trained), formula=product_of(trained)),
        "optimizer": Expected(bytes=None, formula="no formula"),
        "activations": Expected(bytes=held, formula=activations),
    }


def bytes_of(tensors: "Sequence[Tensor]") -> int:
    """Of all numbers of some tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def product_of(tensors: "Sequence[Tensor]") -> str:
    """`4 bytes × 650 parameters`."""
    counts: dict[int, int] = {}
    for tensor in tensors:
        counts[tensor.element_size()] = counts.get(tensor.element_size(), 0) + tensor.numel()
    return " + ".join(f"{size} bytes × {count:,} parameters" for size, count in sorted(counts.items())) or "none"
