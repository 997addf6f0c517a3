"""From a name to a technique that can be used: its class found, what it needs beyond deepzoo here, its options checked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import OptionError
from zoo.lazy import load_target
from zoo.options import checked_settings, parse_named
from zoo.plugins.blame import in_plugin
from zoo.requirements import check_requirements
from zoo.specs import TechniqueSpec

if TYPE_CHECKING:
    from zoo.plugins.registry import Registry


@dataclass(frozen=True)
class Technique:
    """A technique that somebody has asked for: its spec, and the built one."""

    spec: TechniqueSpec
    built: Any


def open_technique(registry: "Registry", text: str) -> Technique:
    """The technique of `name` or `name:option=value,...`. Raises ZooError where there is none, or what it needs is absent."""
    spec = registry.technique(text)
    _, options, values = parse_named(text, "technique", "training/lamb:option=value", bare=True)
    with in_plugin(spec.name):
        check_requirements(spec, OptionError)
        declared = load_target(spec.target)
        names = [name for name in declared.model_fields if name not in spec.config]
    if len(values) > len(names):
        raise OptionError(f"{text!r} has {len(values)} values", f"options of {spec.name}: {', '.join(names) or 'none'}")
    settings = {**dict(zip(names, values, strict=False)), **options}
    with in_plugin(spec.name):
        return Technique(spec, checked_settings(declared, settings, "option", spec.name, spec.config))
