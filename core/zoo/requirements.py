"""What an entry needs beyond deepzoo's own dependencies: here, in the version that it needs, or how to get it."""

from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from zoo.errors import PluginError, ZooError
from zoo.specs import Spec


def requirements_of(spec: Spec) -> list[Requirement]:
    """What `spec.requires` asks for on this machine: lines whose markers do not hold here are left out.

    Raises PluginError for a line that is no requirement.
    """
    found = []
    for text in spec.requires:
        try:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                found.append(requirement)
        except (InvalidRequirement, ValueError) as error:
            why = str(error).partition("\n")[0]
            hint = f"correct `requires` of {spec.name}: 'timm>=1', or 'timm>=1; python_version < \"3.13\"' (PEP 508)"
            raise PluginError(f"{spec.name} requires {text!r}, which is no requirement: {why}", hint) from error
    return found


def check_requirements(spec: Spec, error: type[ZooError]) -> None:
    """Raise `error`, with the line to type, where a distribution of `spec.requires` is absent or of another version."""
    for requirement in requirements_of(spec):
        wanted = _written(requirement)
        try:
            held = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            raise error(f"{spec.name} needs {wanted}, which is not installed", f"pip install '{wanted}'") from None
        if not requirement.specifier.contains(held, prereleases=True):
            raise error(f"{spec.name} needs {wanted}, but {held} is installed", f"pip install -U '{wanted}'")


def _written(requirement: Requirement) -> str:
    """The requirement without its marker, which holds here."""
    bare = Requirement(str(requirement))
    bare.marker = None
    return str(bare)
