"""`zoo plugins`: what is installed and how it is, install and remove, switch on and off, write one of your own, check it."""

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import OptionError
from zoo.plugins.entries import plugin_problem, plugin_title
from zoo.plugins.index import load_index
from zoo.units import size_of
from zoo_cli.completing import plugin_ids
from zoo_cli.groups import Command, LazyGroup
from zoo_cli.render import counted, note, print_fields, print_json, print_list, say, say_wrapped, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.plugins.installing import Changes
    from zoo.plugins.planning import Plan

KINDS = ("classifier", "detector", "dataset", "metric", "attack", "generator", "command")
"""Those of `zoo.plugins.scaffold`, which is not imported for a `--help`."""
COLOURS = {"ok": "green", "disabled": "yellow"}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(
    cls=LazyGroup,
    lazy={"check": ("zoo_cli.plugin_check:check", "Whether a plugin keeps the contract: for authors and for CI.")},
    examples=("zoo plugins list", "zoo plugins new demo", "zoo plugins install ./demo", "zoo plugins check demo"),
)
def plugins() -> None:
    """Plugins: what is installed, install and remove, switch on and off, write one, check it.

    ZOO_PLUGINS=a,b lets in those alone beside the bundled ones, zoo --no-plugins none; with ZOO_STRICT_PLUGINS=1 a plugin that
    is not well fails every command but these.
    """


@plugins.command("list", cls=Command, examples=("zoo plugins list", "zoo plugins list --json"))
@as_json
def list_plugins(as_json: bool) -> None:
    """List all plugins: their state, what they offer, and what is wrong with those that are not used."""
    found = load_index(strict=False).plugins
    if as_json:
        print_json(found)
        return
    header = ("PLUGIN", "DISTRIBUTION", "VERSION", "STATE", "ENTRIES", "WHY NOT, AND WHAT TO DO")
    print_list(header, [_row(plugin) for plugin in found])


@plugins.command("search", cls=Command, examples=("zoo plugins search detector", "zoo plugins search --json"))
@click.argument("word", default="")
@as_json
def search(word: str, as_json: bool) -> None:
    """Search the plugins that registry.yaml knows for WORD; without one, list them all."""
    from zoo.plugins.installing import search as find

    here = {plugin["id"]: plugin["version"] for plugin in load_index(strict=False).plugins}
    found = find(word)
    if as_json:
        print_json([plugin.model_dump() | {"installed": here.get(plugin.id)} for plugin in found])
        return
    header = ("PLUGIN", "DISTRIBUTION", "INSTALLED", "NEEDS DEEPZOO", "SUMMARY")
    print_list(header, [[p.id, p.distribution, here.get(p.id, "-"), p.requires or "any", p.summary] for p in found])
    if not found:
        note(f"no plugin in registry.yaml mentions {word!r}" if word else "registry.yaml knows no plugin; ZOO_REGISTRY adds more")
        note("any distribution can be installed by its name: zoo plugins install NAME")


@plugins.command(
    "install",
    cls=Command,
    examples=("zoo plugins install ./demo", "zoo plugins install --yes --upgrade zoo-demo", "zoo plugins install -e ./demo"),
)
@click.argument("names", metavar="NAME|PIP-SPEC...", nargs=-1)
@click.option("-U", "--upgrade", is_flag=True, help="Take the newest version.")
@click.option("-e", "--editable", multiple=True, metavar="FOLDER", help="Install a folder whose edits count at once.")
@click.option("--dry-run", is_flag=True, help="Only say what would be installed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask: what scripts say, where nobody can answer.")
@click.option(
    "--pip", "more", multiple=True, metavar="OPTION", help="One more option of pip's: --pip=--no-deps. May be repeated."
)
@as_json
def install(
    names: tuple[str, ...],
    upgrade: bool,
    editable: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    more: tuple[str, ...],
    as_json: bool,
) -> int:
    """Install plugins into this environment, by an id that zoo plugins search shows or by anything that pip takes.

    A plugin is code that runs as you do. What would be installed is shown first, and asked; what deepzoo needs itself stays as it
    is, and a plugin that clashes with that is refused.

    Exit codes: 0 installed and ok; 1 not agreed to, or installed and not ok; 2 your error, or nothing could be installed.
    """
    from zoo.plugins.installing import install as add

    if (names or editable) and not (yes or dry_run or sys.stdin.isatty()):
        raise _nobody_answers(names, editable, upgrade, more)
    agreed = _asking(yes, dry_run, names, editable)
    changes = add(names, editable=editable, upgrade=upgrade, dry_run=dry_run, more=more, agreed=agreed)
    _report(changes, as_json)
    return 0 if dry_run or (changes.done and all(plugin["state"] in ("ok", "disabled") for plugin in changes.now)) else 1


@plugins.command("uninstall", cls=Command, examples=("zoo plugins uninstall demo",))
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=plugin_ids)
@as_json
def uninstall(names: tuple[str, ...], as_json: bool) -> None:
    """Uninstall plugins, by id or distribution."""
    from zoo.plugins.installing import uninstall as remove

    _report(remove(names), as_json)


@plugins.command("enable", cls=Command, examples=("zoo plugins enable demo", "zoo plugins enable demo@zoo-demo"))
@click.argument("names", metavar="ID...", nargs=-1, required=True, shell_complete=plugin_ids)
def enable(names: tuple[str, ...]) -> None:
    """Use plugins again that were disabled. ID@DISTRIBUTION names one of two that have the same id."""
    from zoo.plugins.switches import enable as switch_on

    _say_switched(names, switch_on(load_index(strict=False).plugins, names), "enabled")


@plugins.command("disable", cls=Command, examples=("zoo plugins disable demo", "zoo plugins disable demo@zoo-demo"))
@click.argument("names", metavar="ID...", nargs=-1, required=True, shell_complete=plugin_ids)
def disable(names: tuple[str, ...]) -> None:
    """Use plugins no more, without uninstalling them: none of their code is imported. Bundled ones can be, too."""
    from zoo.plugins.switches import disable as switch_off

    _say_switched(names, switch_off(load_index(strict=False).plugins, names), "disabled")


@plugins.command(
    "new",
    cls=Command,
    examples=("zoo plugins new demo", "zoo plugins new spots --kind detector", "zoo plugins new my-nets --to ~/nets"),
)
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="What it offers to begin with.")
@click.option("--to", "folder", type=click.Path(), help="Folder to make. Default: ./NAME")
def new(name: str, kind: str, folder: str | None) -> None:
    """Write the project of a new plugin of a kind, with tests, a README, a licence and a file for CI. All of it works."""
    from pathlib import Path

    from zoo.plugins.scaffold import first_use, new_project

    made = new_project(name, Path(folder) if folder else None, kind)
    plugin = name.removeprefix("zoo-")
    where = str(made) if made.is_absolute() else f"./{made}"
    say(f"{styled(str(made), bold=True)}  plugin {plugin!r}, distribution zoo-{plugin}")
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        say(f"  {path.relative_to(made)}")
    say()
    print_fields(
        [
            ("install it", f"zoo plugins install {where}   (-e {where}: edits count at once)"),
            ("see it", f"zoo list --plugin {plugin}"),
            ("try it", first_use(kind, plugin)),
            ("check it", f"zoo plugins check {plugin}"),
            ("test it", f"cd {made} && pytest"),
        ]
    )


@plugins.command("manifest", cls=Command, examples=("zoo plugins manifest ./demo", "zoo plugins manifest --check ./demo"))
@click.argument("names", metavar="ID|FOLDER...", nargs=-1, required=True, shell_complete=plugin_ids)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a manifest is absent or no longer true.")
def manifest(names: tuple[str, ...], check: bool) -> int:
    """Write what plugins offer into a file beside their code, so that listing them runs none of it.

    Before a release, for what the wheel packs. After any change of the code the file counts for nothing until it is written anew.
    """
    from zoo.plugins.manifesting import make_manifest

    made = [make_manifest(name, check=check) for name in names]
    for path, same in made:
        say(f"{path} {'is true' if same else 'is not true' if check else 'written'}")
    return int(check and not all(same for _, same in made))


@plugins.command("doctor", cls=Command, examples=("zoo plugins doctor", "zoo plugins doctor --json"))
@as_json
def doctor(as_json: bool) -> None:
    """Say what a bug report needs: interpreter, versions, paths, the index, plugins and their states, sizes."""
    from zoo.doctor import diagnosis

    found = diagnosis()
    if as_json:
        print_json(found)
        return
    for topic, facts in found.items():
        say(styled(topic, bold=True))
        print_fields(_shown(topic, facts))


def _row(plugin: dict[str, Any]) -> list[str]:
    state = plugin["state"]
    why = "" if state == "ok" else f"{plugin['reason']}; {plugin['hint']}"
    coloured = styled(state, fg=COLOURS.get(state, "red"))
    return [styled(plugin["id"], bold=True), plugin["distribution"], plugin["version"], coloured, _offers(plugin), why]


def _offers(plugin: dict[str, Any]) -> str:
    """`3 models, 1 metric, names in timm`."""
    parts = [counted(count, kind) for kind, count in plugin["entries"].items()]
    parts += [f"{name}:…" for name in plugin["namespaces"]]
    parts += ["watches runs"] if plugin["observes"] else []
    return ", ".join(parts) or "-"


def _asking(yes: bool, dry_run: bool, names: "Sequence[str]", editable: "Sequence[str]") -> "Callable[[Plan], bool]":
    """What shows a plan and asks whether to go on; of two plans that are the same the second is not asked for again."""
    agreed: list[Any] = []

    def ask(plan: "Plan") -> bool:
        if not plan.steps or plan.steps in agreed:
            return True
        _show(plan)
        agreed.append(plan.steps)
        if yes or (dry_run and plan.whole):
            return True
        if not sys.stdin.isatty():
            raise _nobody_answers(names, editable, False, ())
        return click.confirm("install this?" if plan.whole else "run its build, to see what else it needs?", err=True)

    return ask


def _nobody_answers(names: "Sequence[str]", editable: "Sequence[str]", upgrade: bool, more: "Sequence[str]") -> OptionError:
    options = ["--upgrade"] * upgrade + [f"--pip={option}" for option in more]
    options += [part for folder in editable for part in ("--editable", folder)]
    return OptionError(
        "a plugin is code that runs as you do, so installing asks first, and nobody can answer here",
        f"if you trust it: {shlex.join(['zoo', 'plugins', 'install', '--yes', *options, *names])}",
    )


def _show(plan: "Plan") -> None:
    for step in plan.steps:
        version = f"{step.was} -> {step.version}" if step.was and step.was != step.version else step.version
        publisher = {None: "comes along", "": "not in registry.yaml"}.get(step.publisher, f"published by {step.publisher}")
        editable = ", edits count at once" if step.editable else ""
        note(f"  {styled(step.name, sys.stderr, bold=True)} {version}  from {step.place}{editable}; {publisher}")
    when = "when it is built, and whenever zoo runs" if plan.whole else "when it is built, which alone tells what else it needs"
    note(f"{styled('this is code that runs as you do', sys.stderr, fg='yellow')}: {when}")


def _report(changes: "Changes", as_json: bool) -> None:
    if as_json:
        pairs = [{"before": before, "after": after} for before, after in changes.changed]
        came = {"added": changes.added, "removed": changes.removed, "changed": pairs}
        print_json({**came, "planned": [asdict(step) for step in changes.plan.steps], "done": changes.done})
        return
    if not changes.done:
        note("nothing was installed")
        return
    for plugin in changes.added:
        _say_added(dict(plugin), "installed")
    for before, after in changes.changed:
        same = before["version"] == after["version"]
        _say_added(dict(after), "changed" if same else f"was {before['version']}, now")
    for plugin in changes.removed:
        say_wrapped(f"removed {plugin_title(plugin)}")
    if not (changes.added or changes.changed or changes.removed):
        note("no plugin came, went or changed")


def _say_added(plugin: dict[str, Any], what: str) -> None:
    say_wrapped(f"{what} {styled(plugin_title(plugin), bold=True)}: {plugin['state']}, {_offers(plugin)}")
    if problem := plugin_problem(plugin):
        note(f"{styled('warning:', sys.stderr, fg='yellow')} {problem}; {plugin['hint']}")
    elif plugin["state"] == "disabled":
        note(f"it is {plugin['reason']}; {plugin['hint']}")
    else:
        say(f"see it: zoo list --plugin {plugin['id']}")


def _say_switched(names: tuple[str, ...], switched: list[str], what: str) -> None:
    for name in names:
        say(f"{name} is {what}" if name in switched else f"{name} was {what} already")


def _shown(topic: str, facts: Any) -> list[tuple[str, str]]:
    if not isinstance(facts, dict):
        return [("", str(facts))]
    if topic == "sizes":
        return [(name, size_of(size)) for name, size in facts.items()]
    lines = {name: value for name, value in facts.items() if name != "plugins"}
    shown = [(name, "\n".join(value) if isinstance(value, list) else str(value)) for name, value in lines.items()]
    return shown + [(f"plugin {p['id']}", "  ".join(part for part in _row(p)[1:] if part)) for p in facts.get("plugins", ())]
