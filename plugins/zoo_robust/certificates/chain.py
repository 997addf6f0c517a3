"""A victim read as a chain of layers, whatever its forward is written like: traced, and held against the victim itself."""

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.modules.utils import _pair

from zoo.errors import ModelError
from zoo.imaging import Normalise, Normalised
from zoo.tasks import Victim
from zoo_robust.certificates.layers import Affine, Layer, Relu, Reshape, convolution, dense, padding, pooling, scale

KNOWN = "Linear, Conv2d, AvgPool2d, BatchNorm, ReLU, Flatten, Dropout, Normalise"


class Chain:
    """The layers of a victim, in order, for samples of one shape."""

    def __init__(self, layers: list[Layer], shape: tuple[int, ...], device: torch.device) -> None:
        self.layers = layers
        values = torch.zeros((1, *shape), dtype=torch.float64, device=device)
        for layer in layers:
            layer.inside = tuple(values.shape[1:])
            values = step(layer, values)
            layer.outside = tuple(values.shape[1:])

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs float64 [b, outputs of the network]."""
        values = inputs.double()
        for layer in self.layers:
            values = step(layer, values)
        return values


def step(layer: Layer, values: Tensor) -> Tensor:
    """What a layer makes of values [b, *inside]."""
    if isinstance(layer, Affine):
        return layer(values)
    return values.clamp_min(0) if isinstance(layer, Relu) else values.reshape(len(values), *(layer.outside or (-1,)))


def read_chain(victim: Victim, images: Tensor) -> Chain:
    """The layers of a victim. Raises ModelError naming the first that bounds do not go through, or where it is no chain."""
    model = victim.model
    if not isinstance(model, nn.Module):
        raise ModelError(f"{victim.name} is {type(model).__name__} and no nn.Module, so its layers cannot be read", _other())
    try:
        with torch.no_grad():
            if type(model) is Normalised:  # which can also hand seeds on to a random network
                model = nn.Sequential(model.normalise, model.network)
            graph = _Tracer().trace(model)
            layers = _layers(graph, dict(model.named_modules()), victim.name, images)
    except ModelError:
        raise
    except Exception as error:  # a forward that looks at its values or lengths cannot be traced, in many ways
        unknown = next((f"{name} ({type(part).__name__})" for name, part in model.named_modules() if _foreign(part)), None)
        what = f"; it has {unknown}" if unknown else ""
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"the layers of {victim.name} cannot be read as a chain{what}: {reason}", _other()) from error
    chain = Chain(layers, tuple(images.shape[1:]), images.device)
    _check_same(chain, victim, images)
    return chain


def _other() -> str:
    return f"bounds go through chains of {KNOWN}; write it as an nn.Sequential of these, or certify it by smoothing"


def _check_same(chain: Chain, victim: Victim, images: Tensor) -> None:
    """What was read must answer as the victim does: a hook, or a forward that takes another way, would be missed else."""
    few = images[:8]
    with torch.no_grad():
        told, read = victim.model(few).double(), chain(few)
    if told.shape != read.shape or not torch.allclose(told, read, rtol=1e-3, atol=1e-3 * float(read.abs().max())):
        raise ModelError(
            f"{victim.name} answers otherwise than the layers that were read of it, so nothing is certified", _other()
        )


class _Tracer(fx.Tracer):
    """Stops at the layers of torch and at our normalisation; goes into all else."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) is Normalise or super().is_leaf_module(m, module_qualified_name)


def _layers(graph: fx.Graph, modules: dict[str, nn.Module], name: str, images: Tensor) -> list[Layer]:
    layers: list[Layer] = []
    values = torch.zeros((1, *images.shape[1:]), dtype=torch.float64, device=images.device)
    last: fx.Node | None = None
    for node in graph.nodes:
        if node.op == "placeholder" and last is None:
            last = node
        elif node.op == "output":
            if node.args[0] is not last:
                raise _refused(name, "what it returns is not what its last layer gives")
        elif _of_shape(node):
            continue
        else:
            what = _named(node, modules)
            if node.op == "get_attr":
                raise _refused(name, f"bounds do not go through {what}, which computes with a tensor of its own")
            if [arg for arg in node.all_input_nodes if not _of_shape(arg)] != [last]:
                raise _refused(name, f"{what} joins several branches, or takes what an earlier layer gave")
            made = _layer_of_module(modules[str(node.target)], values) if node.op == "call_module" else _called(node, values)
            if made is None:
                raise _refused(name, f"bounds do not go through {what}")
            for layer in made:
                values = step(layer, values)
                layers.append(layer)
            last = node
    return layers


def _refused(name: str, why: str) -> ModelError:
    return ModelError(f"{name} cannot be certified by bounds: {why}", _other())


def _named(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """A step as it is known to whoever wrote it: `features.2 (MaxPool2d)`, or `max_pool2d`, called in `forward`."""
    if node.op in ("call_module", "get_attr"):
        path = str(node.target) if node.op == "call_module" else str(node.target).rpartition(".")[0]
        return f"{path} ({type(modules[path]).__name__})" if path else type(modules[path]).__name__
    called = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", str(node.target))
    inside = list(node.meta.get("nn_module_stack", {}))
    return f"{called}, called in {inside[-1]}.forward" if inside else f"{called}, called in its forward"


def _of_shape(node: fx.Node) -> bool:
    """Whether a node gives sizes, not values."""
    if node.op == "call_method" and node.target == "size":
        return True
    if node.op == "call_function" and node.target is getattr and node.args[1] == "shape":
        return True
    inputs = node.all_input_nodes
    return node.op == "call_function" and node.target is operator.getitem and bool(inputs) and all(map(_of_shape, inputs))


def _foreign(part: nn.Module) -> bool:
    torchs = type(part).__module__.startswith("torch.nn") and not isinstance(part, nn.Sequential)
    return torchs and not isinstance(part, (nn.Linear, nn.Conv2d, *_BY_TYPE, *_NOTHING))


_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
"""What does nothing in `eval` mode."""


def _layer_of_module(part: nn.Module, values: Tensor) -> list[Layer] | None:
    """The layers that a module is for values [1, *inside]; None where it is unknown, exact subclasses included."""
    if type(part) in _NOTHING:
        return [] if not part.training else None
    read = _BY_TYPE.get(type(part))
    return read(part, values) if read is not None else None


def _linear(part: Any, values: Tensor) -> list[Layer] | None:
    return [dense(part.weight, part.bias)] if values.ndim == 2 else None


def _conv(part: Any, values: Tensor) -> list[Layer] | None:
    sides = part.padding
    if isinstance(sides, str):
        full = [(d * (k - 1)) for d, k in zip(part.dilation, part.kernel_size, strict=True)] if sides == "same" else [0, 0]
        if any(width % 2 for width in full):
            return None
        sides = (full[0] // 2, full[1] // 2)
    if part.padding_mode != "zeros":
        return None
    return [convolution(part.weight, part.bias, part.stride, sides, part.dilation, part.groups)]


def _batch_norm(part: Any, values: Tensor) -> list[Layer] | None:
    if part.training or part.running_var is None:
        return None
    ones = torch.ones_like(part.running_var)
    weight, bias = (ones, 0 * ones) if part.weight is None else (part.weight, part.bias)
    factor = weight.double() / (part.running_var.double() + part.eps).sqrt()
    moved = factor * part.running_mean.double()
    shape = (-1, *(1,) * (values.ndim - 2))
    bulk = moved.abs() + bias.double().abs()
    return [scale(factor.view(shape), (bias.double() - moved).view(shape), bulk.view(shape))]


def _normalise(part: Any, values: Tensor) -> list[Layer]:
    return [scale(1 / part.std.double(), -part.mean.double() / part.std.double())]


def _flatten(part: Any, values: Tensor) -> list[Layer] | None:
    return [Reshape()] if part.start_dim == 1 and part.end_dim in (-1, values.ndim - 1) else None


def _mean_pool(part: Any, values: Tensor) -> list[Layer] | None:
    plain = part.count_include_pad and not part.ceil_mode and part.divisor_override is None
    return _pooled(values, part.kernel_size, part.stride, part.padding) if plain else None


def _pooled(values: Tensor, size: Any, stride: Any = None, sides: Any = 0) -> list[Layer] | None:
    if values.ndim != 4:
        return None
    return [pooling(values.shape[1], _pair(size), _pair(size if stride is None else stride), _pair(sides), values)]


def _adaptive(part: Any, values: Tensor) -> list[Layer] | None:
    wanted = [side if want is None else want for want, side in zip(_pair(part.output_size), values.shape[2:], strict=True)]
    if any(side % want for want, side in zip(wanted, values.shape[2:], strict=True)):
        return None
    return _pooled(values, (values.shape[2] // wanted[0], values.shape[3] // wanted[1]))


_BY_TYPE: dict[type[nn.Module], Callable[[Any, Tensor], list[Layer] | None]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.AvgPool2d: _mean_pool,
    nn.AdaptiveAvgPool2d: _adaptive,
    nn.ReLU: lambda part, values: [Relu()],
    nn.Flatten: _flatten,
    Normalise: _normalise,
}

_SHAPING = ("flatten", "view", "reshape")
_RELU = ("relu", "relu_")


def _called(node: fx.Node, values: Tensor) -> list[Layer] | None:
    """The layers that a function or a method of a tensor is; None where it is unknown."""
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    rest = node.args[1:]
    if name in _RELU:
        return [Relu()]
    if name in _SHAPING:
        return [Reshape()] if _flat(name, rest, node.kwargs) else None
    if name == "dropout":
        return [] if node.kwargs.get("training", rest[1] if len(rest) > 1 else True) is False else None
    if node.target is F.avg_pool2d and set(node.kwargs) <= {"kernel_size", "stride", "padding"} and len(rest) <= 3:
        given = dict(zip(("kernel_size", "stride", "padding"), rest, strict=False)) | dict(node.kwargs)
        return _pooled(values, given["kernel_size"], given.get("stride"), given.get("padding", 0))
    if node.target is F.pad and values.ndim == 4:
        given = dict(zip(("pad", "mode", "value"), rest, strict=False)) | dict(node.kwargs)
        sides: Any = given["pad"]
        zeros = given.get("mode", "constant") == "constant" and not given.get("value")
        plain = zeros and len(sides) == 4 and sides[0] == sides[1] and sides[2] == sides[3] and min(sides) >= 0
        return [padding(values.shape[1], (sides[2], sides[0]), values)] if plain else None
    return _arithmetic(node, values)


def _flat(name: str, rest: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Whether a call makes a flat vector of each sample: flatten(1), view(b, -1)."""
    if name == "flatten":
        given = dict(zip(("start_dim", "end_dim"), rest, strict=False)) | dict(named)
        return bool(given.get("start_dim", 0) == 1 and given.get("end_dim", -1) == -1)
    sizes = rest[0] if len(rest) == 1 and isinstance(rest[0], (tuple, list)) else rest
    return len(sizes) == 2 and sizes[1] == -1 and isinstance(sizes[0], fx.Node)


def _arithmetic(node: fx.Node, values: Tensor) -> list[Layer] | None:
    """A constant that is added, subtracted, multiplied or divided by."""
    if node.op != "call_function" or len(node.args) != 2 or node.kwargs:
        return None
    left, right = node.args
    constant = right if isinstance(left, fx.Node) else left
    if not isinstance(constant, (int, float)) or not math.isfinite(constant):
        return None
    first = isinstance(left, fx.Node)
    factors = {
        operator.add: (1.0, constant),
        operator.sub: (1.0, -constant) if first else (-1.0, constant),
        operator.mul: (constant, 0.0),
        operator.truediv: (1 / constant, 0.0) if first and constant else None,
    }
    found = factors.get(node.target)  # type: ignore[arg-type]
    if found is None:
        return None
    factor, shift = (torch.full((1,) * (values.ndim - 1), value, dtype=torch.float64, device=values.device) for value in found)
    return [scale(factor, shift)]
