"""How a network is computed: compiled into fewer and larger kernels."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from torch import nn

from zoo.errors import OptionError
from zoo.specs import Frozen
from zoo.training import Expected, Network

SIZES = 64
"""How many times a network may be compiled, once for each size of what it is given; beyond, it is computed as written."""


class Compile(Frozen):
    """The network's calls by `torch.compile`: what follows one another is computed in one kernel. Results agree to rounding.

    What a trainer calls of a network beside its forward is computed as written. The first steps are slow: they compile.
    Source: Ansel et al. 2024, PyTorch 2: faster machine learning through dynamic Python bytecode transformation and graph
    compilation, ASPLOS, doi:10.1145/3620665.3640366.
    """

    dynamic: bool = Field(
        default=False, description="Compile once for all sizes, as of texts of many lengths, and not once for each size."
    )
    backend: Literal["inductor", "cudagraphs", "aot_eager", "eager"] = Field(
        default="inductor", description="What makes kernels; the last two make none, and show what is compiled and what is not."
    )

    def check(self, device: str, /) -> None:
        if self.backend == "inductor":
            _check_compiler(device)

    def apply(self, model: nn.Module, /) -> None:
        # Never torch's own choice by what it has seen: a training that goes on after a kill has seen other sizes first.
        model.compile(backend=self.backend, dynamic=self.dynamic, recompile_limit=SIZES)

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        return {"activations": Expected(bytes=None, formula="no formula: the compiler chooses what is kept")}


def _check_compiler(device: str) -> None:
    """Raises OptionError where what inductor makes cannot be built: by a C++ compiler on a CPU, by Triton on a GPU."""
    if device.startswith("cuda"):
        from torch.utils._triton import has_triton

        if not has_triton():
            raise OptionError("torch.compile needs Triton on a GPU, which is not here", "pip install triton; or leave it out")
        return
    from torch._inductor import cpp_builder

    try:
        cpp_builder.get_cpp_compiler()
    except Exception as error:
        raise OptionError("torch.compile needs a C++ compiler on a CPU: there is none", "install g++; or leave it out") from error
