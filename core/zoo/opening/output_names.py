"""What the outputs of a model are called: as the caller says, else as its file of weights does, else as its spec."""

from typing import TYPE_CHECKING

from zoo.errors import OptionError
from zoo.opening.class_names import given_classes
from zoo.opening.weights_choice import Choice
from zoo.opening.weights_own import OwnFile
from zoo.specs import ModelSpec, Weights
from zoo.tasks.by_name import declared_task

if TYPE_CHECKING:
    from zoo.opening.models import Model


def output_names(
    spec: ModelSpec,
    task: str,
    weights: Weights | None,
    choice: Choice,
    own: OwnFile | None,
    trained: tuple[str, ...] | None,
    outputs: int | None,
    part: "Model | None" = None,
) -> tuple[tuple[str, ...] | str | None, tuple[str, ...] | None, tuple[str, ...]]:
    """Names of the outputs, other ids of the same, and what is to be said: from the caller, the file, the spec, or the part."""
    declared = (weights.classes if weights else None) or spec.classes
    if part is not None and declared is None:
        if choice.classes is None:
            return part.info.classes, part.info.class_ids, ()
        declared = part.info.classes if isinstance(part.info.classes, tuple) else None
    if outputs is None and own is None and declared:
        outputs = len(declared)
    if choice.classes is not None:
        if not declared_task(task).classes:
            raise OptionError(f"classes are the names of outputs, which {spec.name} has none of where it does {task}")
        given = given_classes(choice.classes)
        if outputs is not None and given != "dataset" and len(given) != outputs:
            raise OptionError(
                f"{spec.name} has {outputs} outputs here, but classes names {len(given)}",
                "name all of them, in order; weights of your own with so many outputs are given by weights",
            )
        shown = (
            "the dataset's, in order" if isinstance(given, str) else f"{', '.join(given[:10])}{', …' if len(given) > 10 else ''}"
        )
        return given, None, (f"the outputs were named by the caller: {shown}",)
    found = trained or (own.classes if own else None)
    if found and outputs in (None, len(found)):
        return found, None, ()
    if own is None or (own.outputs is None and outputs in (None, len(declared or ()))):
        note = f"the outputs of the weights file were taken for those that {spec.name} declares, in order"
        return declared, weights.class_ids if weights else None, (note,) if own and declared and task == "classify" else ()
    return None, None, ()
