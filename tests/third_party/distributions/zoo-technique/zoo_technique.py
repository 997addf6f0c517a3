"""A stranger's techniques: an optimizer of signs, a schedule that rests at the end, and gradients of several processes."""

from zoo import hookimpl
from zoo.specs import TechniqueSpec


@hookimpl
def zoo_techniques():
    return [
        TechniqueSpec(name="signsgd", kind="optimizer", summary="Signs of gradients.", target="zoo_technique_sign:SignSgd"),
        TechniqueSpec(name="rest", kind="schedule", summary="Stops early.", target="zoo_technique_sign:Rest"),
        TechniqueSpec(name="collected", kind="parallel", summary="Everyone adds up.", target="zoo_technique_sign:Collected"),
    ]
