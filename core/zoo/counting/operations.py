"""Floating-point operations of whatever torch computes in a block: of matrix products and convolutions, counted by their shapes.

A multiplication and an addition count two. PyTorch's counter knows most kernels; formulas of others, and a list of those that
nobody counts, are here, so that a count is whole or says why there is none.
"""

import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from torch import _C, backends, ops
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.turns import turn

Shape = tuple[int, ...]

COMPOSITE = _C.DispatchKey.CompositeImplicitAutograd

KNOWN = ("aten", "c10d", "c10d_functional", "_c10d_functional", "_dtensor", "fsdp", "prim", "prims", "profiler")
"""Namespaces of operations that are known: those that multiply matrices have formulas, but for `UNKNOWN`."""
HARMLESS = ("torchvision.nms", "torchvision.roi_align", "torchvision.ps_roi_align", "torchvision.roi_pool")
"""Of other namespaces those that multiply no matrices."""
UNKNOWN = frozenset(
    f"aten.{name}"
    for name in (
        *("_cdist_forward", "_euclidean_dist", "_trilinear"),
        *("_int_mm", "_weight_int8pack_mm", "_weight_int4pack_mm", "_weight_int4pack_mm_for_cpu"),
        *("_native_multi_head_attention", "_transformer_encoder_layer_fwd", "_triton_multi_head_attention"),
        *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_fused_attention_overrideable"),
        *("_sparse_addmm", "_sparse_mm", "_sparse_semi_structured_linear", "_sparse_semi_structured_mm", "mkldnn_linear"),
    )
)


METADATA = frozenset(
    f"aten.{name}"
    for name in (
        *("is_contiguous", "is_non_overlapping_and_dense", "is_strides_like_format", "sym_is_contiguous", "dim", "numel", "size"),
        *("storage_offset", "stride", "sym_numel", "sym_size", "sym_storage_offset", "sym_stride"),
    )
)
"""What is asked about nested tensors, and computes nothing."""


class Operations:
    """What was counted: whole when its block has ended."""

    def __init__(self) -> None:
        self.total = 0
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
    """Count what the block computes, backward passes included.

    Fused attention and encoder layers are taken apart meanwhile: values may differ by rounding, and it takes longer.
    """
    found = Operations()
    with turn():  # what takes them apart are flags of the process
        fast = backends.mha.get_fastpath_enabled()
        backends.mha.set_fastpath_enabled(False)
        try:
            with sdpa_kernel(SDPBackend.MATH), _Counting(found):
                yield found
        finally:
            backends.mha.set_fastpath_enabled(fast)


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what formulas say of every operation that is executed; one that is made of others is taken apart.

    Torch's own FlopCounterMode does the same, but imports its whole compiler first, which takes seconds.
    """

    supports_higher_order_operators = True

    def __init__(self, found: Operations) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = found
        self.formulas = _formulas()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        kind = getattr(func, "_overloadpacket", func)
        name = str(kind)
        if name in METADATA:
            return NotImplemented
        if kind not in self.formulas and is_composite(func):
            with self:
                return func._op_dk(COMPOSITE, *args, **kwargs)
        made = func(*args, **kwargs)
        if kind in self.formulas:
            self.found.total += int(self.formulas[kind](*args, **kwargs, out_val=made))
        elif name in UNKNOWN or _foreign(name):
            self.found.unknown[name] = None
        return made


def is_composite(func: Any) -> bool:
    """Whether an operation is made of others, and `func._op_dk(COMPOSITE, ...)` computes it by these, as it does with gradients.

    `func.decompose` does, too, but by decompositions in Python of some, which import a computer algebra system.
    """
    return hasattr(func, "_op_dk") and bool(_C._dispatch_has_kernel_for_dispatch_key(func.name(), COMPOSITE))


def _foreign(name: str) -> bool:
    return name.partition(".")[0] not in KNOWN and name not in HARMLESS


def _of_torch() -> Any:
    """Torch's formulas. With them comes Triton, whose kernels no network here has, and that takes 0.1 s: it is kept away."""
    if "torch.utils.flop_counter" in sys.modules or "triton" in sys.modules:
        return import_module("torch.utils.flop_counter")
    log = logging.getLogger("torch.utils.flop_counter")
    with turn():
        log.disabled, sys.modules["triton"] = True, None  # type: ignore[assignment]
        try:
            return import_module("torch.utils.flop_counter")
        finally:
            log.disabled = False
            sys.modules.pop("triton", None)


def _formulas() -> dict[Any, Callable[..., int]]:
    """Those of torch, and of kernels that it leaves out: each is given what the operation is given, and what it makes."""
    own: dict[str, Callable[..., int]] = {"mv": _vector, "addmv": _added_vector, "dot": _dot, "vdot": _dot}
    own |= {"mkldnn_rnn_layer": _layer, "mkldnn_rnn_layer_backward": _twice(_layer)}
    own |= {"_cudnn_rnn": _layers, "_cudnn_rnn_backward": _twice(_layers), "miopen_rnn": _layers}
    of_torch = _of_torch()
    there = {name: formula for name, formula in own.items() if hasattr(ops.aten, name)}
    return {
        **of_torch.flop_registry,
        **{getattr(ops.aten, name): of_torch.shape_wrapper(formula) for name, formula in there.items()},
    }


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
