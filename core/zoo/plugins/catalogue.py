"""`registry.yaml`: claims to reproduce and plugins to install. Data, layered with the user's own (`ZOO_REGISTRY`)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, Field, ValidationError

from zoo.errors import CatalogueError
from zoo.plugins.hooks import ID
from zoo.plugins.index import catalogue_files
from zoo.specs import Frozen
from zoo.wording import harmless, without_secrets


def _plain(text: str) -> str:
    if harmless(text) != text or "\n" in text or "\t" in text:
        raise ValueError("it is one line, without control characters")
    if without_secrets(text) != text:
        raise ValueError("an address here holds no password, token or other secret: the installer's own settings do")
    return text


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError("an id has lower-case letters, digits and '-', and begins with a letter")
    return text


def _requirement(text: str) -> str:
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise ValueError("it reads zoo-demo, zoo-demo>=1 or zoo-demo @ https://…: no option, and no path") from error
    return text


def _versions(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise ValueError("versions of deepzoo read >=0.1,<1") from error
    return text


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text or text.startswith("~"):
        raise ValueError("it is the path of a folder below this file, with '/' and without '..'")
    return text


def _page(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError("it begins with https://")
    return text


Line = Annotated[str, AfterValidator(_plain)]


class Claim(Frozen):
    """A score that somebody published or that we measured before."""

    model: str = Field(description="Full name with weights tag: `cnn/lenet5@mnist`.")
    benchmark: str
    aux: dict[str, str] = Field(
        default_factory=dict,
        description="Other models, by role, where they are not the benchmark's own: `victim: robust/small-convnet@mnist-pgd`.",
    )
    metric: str
    value: float = Field(allow_inf_nan=False)
    tolerance: float = Field(ge=0, allow_inf_nan=False, description="Largest absolute difference that counts as reproduced.")
    kind: Literal["published", "measured"]
    source: str
    note: str = ""
    data: str | int | None = Field(
        default=None, description="The samples that it is of: their dataset's fingerprint, or else how many they are."
    )
    seconds: float | None = Field(
        default=None, ge=0, description="About how long it takes on one quiet core; None: not measured."
    )

    @property
    def where(self) -> str:
        """Its benchmark, and what it replaces there: `robust/mnist-linf, victim robust/small-convnet@mnist-pgd`."""
        return ", ".join([self.benchmark, *(f"{role} {name}" for role, name in self.aux.items())])

    def is_of(self, fingerprint: str, samples: int) -> bool:
        """Whether these are the samples that the claim is of."""
        return self.data is None or self.data == (samples if isinstance(self.data, int) else fingerprint)


class KnownPlugin(Frozen):
    """A plugin that `zoo plugins search` and `install` know by id."""

    id: Annotated[Line, AfterValidator(_id)]
    distribution: Annotated[Line, AfterValidator(_requirement)] = Field(description="PEP 508: `zoo-demo`, `zoo-demo @ URL`.")
    summary: Line
    homepage: Annotated[Line, AfterValidator(_page)] = ""
    requires: Annotated[Line, AfterValidator(_versions)] = Field(default="", description="Versions of deepzoo: `>=0.1,<1`.")
    publisher: Line = Field(default="", description="Who publishes it.")
    folder: Annotated[Line, AfterValidator(_inside)] = Field(
        default="",
        description="Where it lies, of one that no index has: `examples/zoo-onnx`, below the entry's file. Whole once read.",
    )

    @property
    def project(self) -> str:
        """The distribution's name, in the form in which indexes compare names."""
        return canonicalize_name(Requirement(self.distribution).name)


class Catalogue(Frozen):
    """The merged catalogue."""

    version: Literal[1]
    claims: tuple[Claim, ...] = ()
    plugins: tuple[KnownPlugin, ...] = ()

    def plugin(self, name: str) -> KnownPlugin | None:
        """What is known by an id or a distribution's name; the user's own comes before ours, and an id before a name."""
        own = self.plugins[::-1]
        named = (known for known in own if known.project == canonicalize_name(name))
        return next((known for known in own if known.id == name), None) or next(named, None)

    def claim(
        self,
        model: str,
        benchmark: str,
        metric: str,
        aux: Mapping[str, str] | None = None,
        written: Callable[[str], str] = str,
    ) -> Claim | None:
        """The claim on a score, with these models in place of the benchmark's; the user's own comes before ours.

        `written` says of a claim's metric how records hold it.
        """
        wanted = (model, benchmark, dict(aux or {}))
        same = (claim for claim in reversed(self.claims) if (claim.model, claim.benchmark, claim.aux) == wanted)
        return next((claim for claim in same if written(claim.metric) == metric), None)


def load_catalogue() -> Catalogue:
    """Ours, then the user's own on top. Raises CatalogueError naming file and field."""
    layers = [_read(path) for path in catalogue_files()]
    return Catalogue(
        version=1,
        claims=tuple(claim for layer in layers for claim in layer.claims),
        plugins=tuple(plugin for layer in layers for plugin in layer.plugins),
    )


@lru_cache(maxsize=4)
def _loaded(text: str) -> Any:
    """What the YAML says, parsed once a process: it takes longer than a small run."""
    import yaml

    # libyaml's parser takes a tenth of the time, and PyYAML has it wherever there is a wheel of it.
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}


def _read(path: Path) -> Catalogue:
    import yaml

    correct = "correct it, or set ZOO_REGISTRY to another file"
    try:
        read = Catalogue.model_validate(_loaded(path.read_text(encoding="utf-8")))
        return read.model_copy(update={"plugins": tuple(_placed(known, path.absolute().parent) for known in read.plugins)})
    except OSError as error:
        raise CatalogueError(f"cannot read {path}: {error.strerror}", "reinstall deepzoo, or correct ZOO_REGISTRY") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path} is not YAML: {' '.join(str(error).split())}", correct) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise CatalogueError(f"{path}: {where}: {first['msg']}", correct) from error


def _placed(known: KnownPlugin, beside: Path) -> KnownPlugin:
    return known.model_copy(update={"folder": str(beside / known.folder)}) if known.folder else known
