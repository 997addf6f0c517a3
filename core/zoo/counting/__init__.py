"""Counting: what a computation takes that no clock need tell: operations, and bytes of tensors."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Living", "Operations", "bytes_held", "counted_operations", "inner_tensors", "parameter_count", "storage_bytes"]

if TYPE_CHECKING:
    from zoo.counting.living import Living
    from zoo.counting.operations import Operations, counted_operations
    from zoo.counting.tensors import bytes_held, inner_tensors, parameter_count, storage_bytes
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.counting.living": ["Living"],
            "zoo.counting.operations": ["Operations", "counted_operations"],
            "zoo.counting.tensors": ["bytes_held", "inner_tensors", "parameter_count", "storage_bytes"],
        },
    )
