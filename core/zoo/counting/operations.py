"""Floating-point operations of whatever torch computes in a block: of matrix products and convolutions, counted by their shapes.

A multiplication and an addition count two. PyTorch's counter knows most kernels; formulas of others, and a list of those that
nobody counts, are here, so that a count is whole or says why there is none.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import backends, ops
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]

KNOWN = ("aten", "c10d", "c10d_functional", "_c10d_functional", "_dtensor", "fsdp", "prim", "prims", "profiler")
"""Namespaces of operations that are known: those that multiply matrices have formulas, but for `UNKNOWN`."""
HARMLESS = ("torchvision.nms", "torchvision.roi_align", "torchvision.ps_roi_align", "torchvision.roi_pool")
"""Of other namespaces those that multiply no matrices."""
UNKNOWN = frozenset(
    f"aten.{name}"
    for name in (
        *("_cdist_forward", "_euclidean_dist", "_trilinear", "_fft_c2c", "_fft_c2r", "_fft_r2c", "linalg_matrix_exp"),
        *("_linalg_eigh", "_linalg_solve_ex", "_linalg_svd", "linalg_cholesky_ex", "linalg_inv_ex", "linalg_qr"),
        *("_int_mm", "_weight_int8pack_mm", "_weight_int4pack_mm", "_weight_int4pack_mm_for_cpu"),
        *("_native_multi_head_attention", "_transformer_encoder_layer_fwd", "_triton_multi_head_attention"),
        *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_fused_attention_overrideable"),
        *("_sparse_addmm", "_sparse_mm", "_sparse_semi_structured_linear", "_sparse_semi_structured_mm", "mkldnn_linear"),
    )
)


class Operations:
    """What was counted: whole when its block has ended."""

    def __init__(self) -> None:
        self.total = 0
        self.seen = 0
        self.unknown: dict[str, None] = {}

    @property
    def flops(self) -> int | None:
        """How many; None where that cannot be told: `why`."""
        return None if self.why else self.total

    @property
    def why(self) -> str:
        """Why there is no figure; empty where there is one."""
        if self.unknown:
            return f"nobody counts the operations of {', '.join(self.unknown)}"
        return "" if self.total else "no matrix product or convolution of torch was seen, and what others compute is not counted"


@contextmanager
def counted_operations() -> "Iterator[Operations]":
    """Count what the block computes, backward passes included; whoever counts must not be in the middle of another's count.

    Fused attention and encoder layers are taken apart meanwhile: values may differ by rounding, and it takes longer.
    """
    found, seen = Operations(), Seen()
    counter: Any = FlopCounterMode(display=False, custom_mapping=_formulas())
    counter.mod_tracker = Whole()  # torch's own, which tells modules apart, cannot bear a loss that takes gradients
    fast = backends.mha.get_fastpath_enabled()
    backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), seen, counter:
            yield found
    finally:
        backends.mha.set_fastpath_enabled(fast)
        found.total = int(counter.get_total_flops())
        found.unknown = {name: None for name in seen.names if name in UNKNOWN or _foreign(name)}


class Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Names of the operations that are executed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: dict[str, None] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names[str(getattr(func, "_overloadpacket", func))] = None
        return func(*args, **(kwargs or {}))


class Whole:
    """Stands for torch's tracker of modules: all operations are the whole network's."""

    parents = ("Global",)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _foreign(name: str) -> bool:
    return name.partition(".")[0] not in KNOWN and name not in HARMLESS


def _formulas() -> dict[Any, Callable[..., int]]:
    """Operations of kernels that torch's own counter leaves out: it is given shapes in the place of tensors."""
    found: dict[str, Callable[..., int]] = {"mv": _vector, "addmv": _added_vector, "dot": _dot, "vdot": _dot}
    found |= {"mkldnn_rnn_layer": _layer, "mkldnn_rnn_layer_backward": _twice(_layer)}
    found |= {"_cudnn_rnn": _layers, "_cudnn_rnn_backward": _twice(_layers), "miopen_rnn": _layers}
    return {getattr(ops.aten, name): formula for name, formula in found.items() if hasattr(ops.aten, name)}


def _vector(matrix: Shape, vector: Shape, *_: Any, **__: Any) -> int:
    return 2 * matrix[0] * matrix[1]


def _added_vector(start: Shape, matrix: Shape, vector: Shape, *_: Any, **__: Any) -> int:
    return 2 * matrix[0] * matrix[1]


def _dot(first: Shape, second: Shape, *_: Any, **__: Any) -> int:
    return 2 * first[0]


def _layer(inputs: Shape, of_input: Shape, of_state: Shape, *_: Any, **__: Any) -> int:
    """A recurrent layer in one direction: every step multiplies its input and its state by a matrix each."""
    return 2 * math.prod(inputs[:-1]) * (of_input[0] * of_input[1] + of_state[0] * of_state[1])


def _layers(inputs: Shape, weights: Any, *_: Any, **__: Any) -> int:
    """All recurrent layers, in all directions: so does each of their matrices."""
    return 2 * math.prod(inputs[:-1]) * sum(int(math.prod(weight)) for weight in weights if len(weight) == 2)


def _twice(formula: Callable[..., int]) -> Callable[..., int]:
    """A backward pass: the gradients of inputs and of weights take as many operations each."""
    return lambda *shapes, **others: 2 * formula(*shapes, **others)
