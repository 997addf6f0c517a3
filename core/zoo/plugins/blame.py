"""Whose code failed: in a block that runs code of plugins by others, whatever it raises becomes an error that names the plugin.

What a bundled plugin raises stays what it is: a bug of ours, with its traceback.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

from zoo.errors import DataError, ModelError, PluginError, RunError, ZooError, is_pressed, reason_of, text_of
from zoo.plugins.entries import Index, plugin_title
from zoo.plugins.index import load_index
from zoo.plugins.names import namespace_of

LAID = (PluginError, ModelError, DataError, RunError)
"""Errors that say of an entry what its plugin did wrong; all others are about what the user asked for."""
HINT = "tell its author; ZOO_DEBUG=1 shows where"
OURS = {"zoo", "zoo_cli"}
LONGEST = 300
"""Characters of what an error says that are told."""


@contextmanager
def in_plugin(name: str = "", what: str = "") -> Iterator[None]:
    """In the block runs code of the entry `name` (or of the plugin of that id), or of whatever plugin the traceback shows.

    It may raise, but neither end the process nor pass for a bug of ours or for Ctrl-C: what it raises is a PluginError; a
    ZooError says besides whose it is. `what` was done there, where that is not clear from the name: `the trainer of x/net`.
    """
    try:
        yield
    except BaseException as error:
        told = blamed(error, name, what)
        if told is None or told is error:
            raise
        raise told from error


def blamed(error: BaseException, name: str = "", what: str = "") -> ZooError | None:
    """The error that names the plugin by others whose code raised this one; None where it is nobody's, or the user's own.

    That is the plugin whose code was the last to run, else the plugin of the entry `name`.
    """
    if isinstance(error, ZooError) and (error.plugin or not isinstance(error, LAID)):
        return None
    if isinstance(error, KeyboardInterrupt) and is_pressed(error):
        return None
    others = _others()
    own = [(module, plugin) for plugin in others.plugins for module in _modules_of(plugin, others)] if others.plugins else []
    ran = next(filter(None, (_of_module(own, module) for module in _modules_run(error))), None)
    owner = _of_entry(others, name)
    # By GeneratorExit also a generator ends that is no more wanted, and then nobody's code ran.
    plugin = ran or (None if isinstance(error, GeneratorExit) else owner)
    if plugin is None:
        return None
    doing = what or name
    whose = doing if doing and plugin is owner else f"its code, within {doing}," if doing else "its code"
    told = error if isinstance(error, ZooError) else PluginError(f"{whose} {raised(error)}", HINT)
    return _laid(told, plugin)


def _laid(error: ZooError, plugin: dict[str, Any]) -> ZooError:
    """The same error, whose message now says whose it is."""
    title = plugin_title(plugin)
    error.plugin = plugin["id"]
    error.message = error.message if title in error.message else f"{title}: {error.message}"
    error.args = (f"{error.message}\n{error.hint}" if error.hint else error.message,)
    return error


def raised(error: BaseException) -> str:
    """`raised ValueError: no such thing`, in one line."""
    kind, said = type(error).__name__, reason_of(error) if isinstance(error, ZooError) else " ".join(text_of(error).split())
    said = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    instead = "" if isinstance(error, Exception) else " instead of an answer"
    return f"raised {kind}{f': {said}' if said else ''}{instead}"


def _others() -> Index:
    """The plugins by others that are in use, and their entries."""
    from zoo.identity.watching import unwatched

    try:
        with unwatched():
            index = load_index(strict=False)
    except Exception:  # which whoever asks for the index is told
        return Index([], [])
    plugins = [plugin for plugin in index.plugins if plugin["state"] == "ok" and not plugin["bundled"]]
    ids = {plugin["id"] for plugin in plugins}
    return Index([entry for entry in index.entries if entry["plugin"] in ids], plugins)


def _modules_run(error: BaseException) -> Iterator[str]:
    """Names of the modules whose code ran, the last one first: those of the error's cause before its own."""
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and not any(found is one for one in chain):  # a stranger's error may be its own cause
        chain.append(found)
        found = found.__cause__
    for one in reversed(chain):
        frames = [frame for frame, _ in walk_tb(one.__traceback__)]
        yield from (str(frame.f_globals.get("__name__", "")) for frame in reversed(frames))


def _modules_of(plugin: dict[str, Any], others: Index) -> set[str]:
    """The package of a plugin's entry module, and the modules of all its targets, unless another distribution brings them."""
    from packaging.utils import canonicalize_name

    from zoo.identity.installed import distributions_of

    entry = plugin["module"]
    package = entry.rpartition(".")[0] or entry
    specs = [one["spec"] for one in others.entries if one["plugin"] == plugin["id"]]
    named = [spec.get(key) for spec in specs for key in ("target", "options", "trainer")]
    named += [target for spec in specs if isinstance(spec.get("tasks"), dict) for target in spec["tasks"].values()]
    named += [
        spec.get(key) for spec in (*plugin["tasks"], *plugin["modalities"]) for key in ("target", "form", "reader", "picture")
    ]
    modules = {text.partition(":")[0] for text in named if isinstance(text, str) and ":" in text}
    theirs = {canonicalize_name(plugin["distribution"])}
    known = {module: set(distributions_of(module.partition(".")[0])) for module in modules}
    return {package, *(m for m in modules if m.partition(".")[0] not in OURS and known[m] <= theirs)}


def _of_module(own: Sequence[tuple[str, dict[str, Any]]], module: str) -> dict[str, Any] | None:
    """The plugin whose a module is, by the longest of the names that it lies in."""
    lies = [(len(name), plugin) for name, plugin in own if module == name or module.startswith(f"{name}.")]
    return max(lies, key=lambda one: one[0])[1] if lies else None


def _of_entry(others: Index, name: str) -> dict[str, Any] | None:
    """The plugin that offers an entry, or reserves the namespace of its name; or that is called so itself."""
    owner = namespace_of(name) or name
    return next((plugin for plugin in others.plugins if owner in (plugin["id"], *plugin["namespaces"])), None)
