"""Models that are no module of torch: NumPy arrays for what asks for them, and how estimators and sessions are called."""

from collections.abc import Callable
from typing import Any

from zoo.errors import ModelError

NUMPY = "numpy"


class NumpyModel:
    """A model that takes and gives NumPy arrays on the CPU, as one that takes and gives tensors.

    Tensors become arrays of the same layout and type, in lists and dicts too, and arrays that it answers with become tensors on
    the device of what it was given; a float64 array stays float64. Texts and seeds go through as they are. All else that it has,
    such as `write` or `certify`, is the model's own, with the same exchange.
    """

    def __init__(self, model: Any, call: Callable[..., Any] | None = None) -> None:
        """`call` is what is called in place of a model that cannot be."""
        self.wrapped, self._call = model, call or model

    def __call__(self, inputs: Any, *others: Any) -> Any:
        return _exchanged(self._call)(inputs, *others)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "wrapped":
            raise AttributeError(name)
        found = getattr(self.wrapped, name)
        return _exchanged(found) if callable(found) and name not in ("eval", "state_dict", "load_state_dict") else found


def called(model: Any) -> str:
    """The class of a model, of one behind an exchange of arrays its own."""
    return type(model.wrapped if isinstance(model, NumpyModel) else model).__name__


def is_foreign(module: Any) -> bool:
    """Whether something that cannot be called is an estimator of scikit-learn's convention, or a session of ONNX Runtime's."""
    return not isinstance(module, type) and (_is_estimator(module) or _is_session(module))


def as_model(module: Any) -> Any:
    """The user's own object as something that is called with tensors.

    An estimator is given rows, a sample each, and answers with the probabilities of its `classes_`, or their decision values; a
    session its one input. Whatever else can be called and says `inputs = "numpy"` is given arrays; all others are as they are.
    """
    if not callable(module) and is_foreign(module):
        return NumpyModel(module, _session(module) if _is_session(module) else _estimator(module))
    return NumpyModel(module) if takes_numpy(module) else module


def takes_numpy(module: Any) -> bool:
    """Whether the user's own object is given NumPy arrays, and so runs on the CPU."""
    return getattr(module, "inputs", None) == NUMPY or (not callable(module) and is_foreign(module))


def classes_of(module: Any) -> tuple[str, ...] | None:
    """Class names of an estimator that was fitted to names; one that was fitted to numbers does not say what these are."""
    found = list(getattr(module, "classes_", ())) if _is_estimator(module) else []
    return tuple(map(str, found)) if found and all(isinstance(name, str) for name in found) else None


def _is_estimator(module: Any) -> bool:
    return any(callable(getattr(module, name, None)) for name in ("predict_proba", "decision_function"))


def _is_session(module: Any) -> bool:
    return all(callable(getattr(module, name, None)) for name in ("run", "get_inputs", "get_outputs"))


def _estimator(module: Any) -> Callable[[Any], Any]:
    import numpy as np

    def predict(inputs: Any) -> Any:
        rows = inputs.reshape(len(inputs), -1) if hasattr(inputs, "reshape") else inputs
        if callable(getattr(module, "predict_proba", None)):
            return module.predict_proba(rows)
        values = np.asarray(module.decision_function(rows))
        return np.stack([np.zeros_like(values), values], axis=1) if values.ndim == 1 else values  # one value: of the second class

    return predict


def _session(module: Any) -> Callable[[Any], Any]:
    taken = module.get_inputs()
    if len(taken) != 1:
        named = ", ".join(one.name for one in taken)
        raise ModelError(f"the session takes {len(taken)} inputs: {named}", "give a function that calls it with all of them")
    return lambda inputs: module.run(None, {taken[0].name: inputs})[0]


def _exchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        devices: list[Any] = []
        given = [_arrays(value, devices) for value in arguments]
        answer = function(*given, **{name: _arrays(value, devices) for name, value in named.items()})
        return _tensors(answer, devices[0] if devices else "cpu")

    return called


def _arrays(value: Any, devices: list[Any]) -> Any:
    if hasattr(value, "detach"):
        devices.append(value.device)
        return value.detach().cpu().contiguous().numpy()
    if isinstance(value, dict):
        return {name: _arrays(item, devices) for name, item in value.items()}
    return [_arrays(item, devices) for item in value] if isinstance(value, list) else value


def _tensors(value: Any, device: Any) -> Any:
    import numpy as np
    import torch

    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return torch.from_numpy(np.array(value, order="C")).to(device)  # a copy: what a library answers with may be its own
    if hasattr(value, "__array__") and not isinstance(value, (torch.Tensor, np.generic)):  # such as arrays of JAX
        return _tensors(np.asarray(value), device)
    if isinstance(value, dict):
        return {name: _tensors(item, device) for name, item in value.items()}
    return [_tensors(item, device) for item in value] if isinstance(value, list) else value
