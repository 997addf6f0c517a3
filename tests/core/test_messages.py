"""No text of the core, nor of a plugin, names a flag: it names the parameter, and the command line says the flag.

A whole command to type (`zoo list models --task embed`, `pip install --upgrade …`) may stand in a message.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo

ROOT = Path(zoo.__file__).parents[2]
COMMAND_LINES = {"commands.py"}
"""Modules of plugins that are commands: they are the command line."""
FILES = sorted(
    file
    for folder in (ROOT / "core" / "zoo", ROOT / "plugins")
    for file in folder.rglob("*.py")
    if file.name not in COMMAND_LINES
)
WHOLE = re.compile(r"\b(?:zoo|pip|hf|git) [^;,()\n]*")
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
ALONE = re.compile(r"--[a-z-]+(?:=\S+)?")
"""An argument of a program that is started, which is a text of its own."""


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text, with braces in the place of what f-strings fill in."""
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


def flags(source: str) -> list[str]:
    found = [text for text in texts(ast.parse(source)) if not ALONE.fullmatch(text)]
    return [flag for text in found for flag in FLAG.findall(WHOLE.sub("", text))]


def test_no_text_names_a_flag() -> None:
    assert len(FILES) > 150
    assert {str(file.relative_to(ROOT)): named for file in FILES if (named := flags(file.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("raise E('pass --weights FILE')", ["--weights"]),
        ("f'--limit must be at least 1, not {n}'", ["--limit"]),
        ("f'{n} samples; or leave them out with --skip-bad {n}'", ["--skip-bad"]),
        ("'zoo list models; or pass --weights FILE'", ["--weights"]),
        ("f'zoo list models --task {task}'", []),
        ("['pip', '--upgrade', f'--to={x}']", []),
        ("x = '--upgrade'", []),
        ("'`limit` must be at least 1 -- or none'", []),
    ],
)
def test_what_names_a_flag_is_found(source: str, named: list[str]) -> None:
    assert flags(source) == named
