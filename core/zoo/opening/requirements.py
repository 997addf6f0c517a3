"""What an entry needs beyond deepzoo's own dependencies: here, in the version that it needs, or how to get it."""

from importlib import metadata

from packaging.requirements import Requirement

from zoo.errors import ZooError
from zoo.specs import Spec


def check_requirements(spec: Spec, error: type[ZooError]) -> None:
    """Raise `error`, with the line to type, where a distribution of `spec.requires` is absent or of another version."""
    for text in spec.requires:
        requirement = Requirement(text)
        try:
            held = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            raise error(f"{spec.name} needs {text}, which is not installed", f"pip install '{text}'") from None
        if not requirement.specifier.contains(held, prereleases=True):
            raise error(f"{spec.name} needs {text}, but {held} is installed", f"pip install -U '{text}'")
