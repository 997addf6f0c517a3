"""What strangers write (names of files and classes, summaries, errors, warnings) steers no terminal and breaks no JSON."""

import json
import os
import re
import sys
import warnings

import pytest

import zoo as library
from zoo.wording import encodable, harmless_json
from zoo_cli.app import zoo as group
from zoo_cli.errors import guarded

EVIL = "\x1b[2J\x1b[31m\x07\x9b31m\u202e"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
OURS = re.compile(r"\x1b\[(?:[0-9]|[0-9]{2})m")

ENTRIES = """
from zoo import hookimpl
from zoo.specs import CommandSpec, MetricSpec, ModelSpec

EVIL = EVIL_TEXT

@hookimpl
def zoo_models():
    common = dict(modality="image", classes=tuple("0123456789"))
    return [
        ModelSpec(name="net", summary=f"A net {EVIL}.", tasks={"classify": "zoo_evil_code:Net"}, **common),
        ModelSpec(name="chatty", summary="Prints.", tasks={"classify": "zoo_evil_code:Chatty"}, **common),
    ]

@hookimpl
def zoo_commands():
    return [CommandSpec(name="evil", summary=f"Do {EVIL}.", target="zoo_evil_code:evil")]

@hookimpl
def zoo_namespaces():
    return ["eviler"]

@hookimpl
def zoo_resolve(kind, name):
    if name.startswith("eviler/"):
        raise LookupError(f"no {EVIL}\udcff")
"""
CODE = """
import warnings
from zoo import ZooError
from zoo.remarks import remark
from zoo_evil import EVIL

class Net:
    def __init__(self):
        warnings.warn(f"careful {EVIL}\udcff")
        remark(f"remarked {EVIL}\udcff")
        raise LookupError(f"lost {EVIL}\udcff")

class Chatty:
    def __call__(self, images):
        print(f"I see {len(images)} {EVIL}")
        return images.flatten(1)[:, :10]

def evil(user: bool = False):
    raise ZooError(f"told {EVIL}\udcff", f"hinted {EVIL}") if user else KeyError(f"lost {EVIL}\udcff")
"""


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A plugin whose every text would steer a terminal."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "zoo_evil.py").write_text(ENTRIES.replace("EVIL_TEXT", repr(EVIL)).replace("\udcff", "\\udcff"))
    (tmp_path / "zoo_evil_code.py").write_text(CODE.replace("\udcff", "\\udcff"))
    info = tmp_path / "zoo_evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nevil = zoo_evil\n")
    for name in ("zoo_evil", "zoo_evil_code"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def own_images(tmp_path):
    """A folder of images in classes with such names, one of them no UTF-8; and one file that is no image."""
    from PIL import Image

    root = tmp_path / "images"
    for name in (b"red\x1b[31m", b"bad\xff", "right\u202eto".encode()):
        folder = root / os.fsdecode(name)
        folder.mkdir(parents=True)
        for file in (b"a.png", b"e\x1b[2J.png", b"s\xfe.png"):
            Image.new("RGB", (8, 8)).save(folder / os.fsdecode(file))
    (root / "right\u202eto" / "broken\x1b]0;t\x07.png").write_bytes(b"no")
    return root


@pytest.fixture(params=["terminal", "pipe"])
def command(request, capsys, monkeypatch):
    """The command line on a terminal or in a pipe; it has said nothing that steers a terminal."""

    def call(*arguments):
        capsys.readouterr()
        with monkeypatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("always")
            if request.param == "terminal":
                patch.setenv("TERM", "xterm")
                patch.delenv("NO_COLOR", raising=False)
                patch.setenv("ZOO_PROGRESS", "0")
                for stream in ("stdout", "stderr"):
                    patch.setattr(f"sys.{stream}.isatty", lambda: True)
            code = guarded(group, arguments)
        out, err = capsys.readouterr()
        for text in (out, err):
            assert not CONTROL.search(OURS.sub("", text)), repr(text)
            text.encode()
        return code, out, err

    return call


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("list", "models", "--plugin", "evil"), 0),
        (("show", "evil/net"), 0),
        (("run", "evil/net", "--on", "digits", "--limit", "4"), 2),
        (("show", "eviler/x"), 2),
        (("evil",), 2),
        (("evil", "--user"), 2),
        (("run", f"x{EVIL}\udcff", "--on", "digits"), 2),
        (("list", "--plugin", f"x{EVIL}\udcff"), 2),
        ((f"x{EVIL}\udcff",), 2),
        (("plugins", "list"), 0),
    ],
)
def test_no_text_of_a_plugin_or_a_name_reaches_the_terminal_as_it_is(evil, command, arguments, code):
    assert command(*arguments)[0] == code


@pytest.mark.parametrize("arguments", [("list", "models", "--plugin", "evil"), ("show", "evil/net"), ("show", "eviler/x")])
def test_json_stays_json(evil, command, arguments):
    document = json.loads(command(*arguments, "--json")[1])
    json.dumps(document, ensure_ascii=False).encode()


def test_what_a_model_prints_is_no_part_of_the_result(evil, command):
    code, out, err = command("run", "evil/chatty", "--on", "digits", "--limit", "4", "--json")
    assert code == 0 and json.loads(out)["model"] == "evil/chatty"
    assert "I see 4 \\x1b[2J" in err


def test_own_images_of_any_name_are_run_on_recorded_and_shown(own_images, command):
    import torch

    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3))
    record = library.evaluate(net, f"folder:{own_images}", classes="dataset", skip_bad=1)
    assert record.results[0].n == 9 and "broken" in next(iter(record.dataset.skipped))
    for arguments in (("results",), ("results", record.run_id), ("show", f"folder:{own_images}"), ("results", "export")):
        assert command(*arguments)[0] == 0
    shown = json.loads(command("results", record.run_id, "--json")[1])
    assert shown["dataset"]["skipped"] == record.dataset.skipped
    (same,) = library.Store().records()
    assert same == record
    name = next(folder for folder in own_images.iterdir() if folder.name.startswith("bad"))
    code, _, err = command("run", "intro/logistic", "--on", f"folder:{name}")
    assert code == 2 and "is no UTF-8" in err


def test_a_document_of_json_means_the_same_when_it_is_harmless():
    value = {f"a{EVIL}\\": ["\u2028\x7f", 'b"', "é 漢"]}
    document = harmless_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(document) == value and not CONTROL.search(document)
    assert json.loads(harmless_json(json.dumps("\udcff", ensure_ascii=False))) == "\\udcff" == encodable("\udcff")
