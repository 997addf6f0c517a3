"""Odd and hostile plugins by kind, each a package that is written straight into an environment, and what becomes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "from zoo.hookspecs import hookimpl\nfrom zoo.specs import *\n"
GOOD = (
    HEAD + "@hookimpl\ndef zoo_models():\n"
    "    return [ModelSpec(name='net', summary='A net.', tasks={'classify': 'nets:Net'}, modality='vector')]\n"
)


@dataclass(frozen=True)
class Odd:
    """One plugin: what its entry module holds, and the state and a part of the reason that it must get."""

    source: str | bytes
    state: str = "ok"
    reason: str = ""
    id: str = ""
    module: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)
    metadata: str = ""
    listed: bool = True
    """Whether there is so much left of it that it can be named."""


def returning(value: str, hook: str = "zoo_models", arguments: str = "") -> str:
    return f"{HEAD}@hookimpl\ndef {hook}({arguments}):\n    return {value}\n"


def in_hook(statement: str) -> str:
    return f"{HEAD}@hookimpl\ndef zoo_models():\n    {statement}\n    return []\n"


def spec(**changes: str) -> str:
    fields = {"name": "'net'", "summary": "'A net.'", "tasks": "{'classify': 'nets:Net'}", "modality": "'vector'", **changes}
    return f"[ModelSpec({', '.join(f'{name}={value}' for name, value in fields.items())})]"


ENDING = {
    "exit-0": ("import sys; sys.exit(0)", "SystemExit"),
    "exit-3": ("import sys; sys.exit('enough')", "enough"),
    "hard-exit-0": ("import os; os._exit(0)", "exit code 0"),
    "hard-exit-3": ("import os; os._exit(3)", "exit code 3"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "abort": ("import os; os.abort()", "SIGABRT"),
    "kill-itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "terminate-itself": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"),
    "kill-its-group": ("import os, signal; os.killpg(0, signal.SIGKILL)", "SIGKILL"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "base-exception": ("raise BaseException('out of the way')", "out of the way"),
    "generator-exit": ("raise GeneratorExit", "GeneratorExit"),
    "no-memory": ("raise MemoryError", "MemoryError"),
    "recursion": ("f = lambda: f(); f()", "RecursionError"),
    "hang": ("import time; time.sleep(3600)", "did not answer in time"),
    "spin": ("exec('while True: pass')", "did not answer in time"),
    "network-wait": ("import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); s.accept()", "in time"),
    "exec": ("import os; os.execvp('true', ['true'])", "exit code 0"),
    "closes-all": ("import os; os.closerange(0, 65536)", "ended the process"),
    "unsayable": ("exec('class E(Exception):\\n def __str__(self): raise RuntimeError\\nraise E')", "cannot be shown"),
    "escaping": ("raise RuntimeError('\\x1b[31mred\\x07\\u202e')", "RuntimeError"),
    "surrogate": ("raise RuntimeError('half \\udcff')", "half"),
    "long-story": ("raise RuntimeError('word ' * 100_000)", "word word"),
    "many-lines": ("raise RuntimeError('one\\ntwo\\nthree')", "one two three"),
}
SPOILING = {
    "prints": "print('{\"spoilt\": 1}')",
    "writes-1": "import os; os.write(1, b'spoilt\\n')",
    "writes-2": "import os; os.write(2, b'spoilt\\n')",
    "closes-1": "import os; os.close(1)",
    "closes-2": "import os; os.close(2)",
    "forks": "import os; os.fork()",
    "asks": "import contextlib; exec('with contextlib.suppress(EOFError): input()')",
    "warns": "import warnings; warnings.warn('spoilt')",
    "logs": "import logging; logging.basicConfig(level=0); logging.error('spoilt')",
    "thread": "import threading, time; threading.Thread(target=time.sleep, args=(3600,)).start()",
    "failing-thread": "import threading; threading.Thread(target=lambda: 1 / 0).start()",
    "at-exit": "import atexit, time; atexit.register(time.sleep, 3600)",
    "child": "import subprocess; subprocess.Popen(['sleep', '60'])",
    "changes-folder": "import os; os.chdir('/')",
    "changes-home": "import os; os.environ['ZOO_HOME'] = '/nowhere'",
    "clears-path": "import sys; sys.path.clear()",
    "stdout-none": "import sys; sys.stdout = sys.stderr = None",
    "signals": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "alarm": "import signal; signal.signal(signal.SIGALRM, lambda *_: 1 / 0); signal.alarm(1)",
    "umask": "import os; os.umask(0o777)",
    "locale": "import locale; locale.setlocale(locale.LC_ALL, 'C')",
    "trace": "import sys; sys.settrace(lambda *_: None)",
    "patches-json": "import json; json.loads = json.dumps = lambda *a, **k: 'spoilt'",
    "patches-open": "import builtins; builtins.print = builtins.input = None",
    "patches-pluggy": "import zoo.plugins.names as n; n.BUNDLED = 'spoilt'; n.find_name = None",
    "patches-metrics": "import zoo.passmark as p; p.parse_pass_mark = None",
    "excepthook": "import sys; sys.excepthook = sys.unraisablehook = None",
}
OTHERS = {
    "good": Odd(GOOD),
    "empty": Odd(""),
    "syntax": Odd("def zoo_models(:\n", "error", "SyntaxError"),
    "null-bytes": Odd("x = 1\0", "error", "null bytes"),
    "no-text": Odd(b"\xff\xfe\x00", "error", "SyntaxError"),
    "absent-module": Odd("", "error", "cannot be imported", module="nowhere_at_all"),
    "no-module": Odd("", "invalid", "which is no module", module="odd_no_module:plugin"),
    "lacking": Odd("import module_that_is_nowhere", "missing-deps", "module_that_is_nowhere"),
    "newer": Odd("from zoo.specs import SurveySpec", "invalid", "needs a newer deepzoo"),
    "incompatible": Odd(GOOD, "incompatible", "needs deepzoo >=99", metadata="Requires-Dist: deepzoo>=99\n"),
    "odd-requires": Odd(GOOD, metadata="Requires-Dist: not a requirement!\nRequires-Dist: deepzoo; nonsense == '1'\n"),
    "odd-version": Odd(GOOD, metadata="Version: one\n"),
    "bad-id": Odd("", "invalid", "is not of the form", id="Bad_Id"),
    "letter": Odd("", "invalid", "drive", id="c"),
    "address": Odd("", "invalid", "addresses", id="https"),
    "ours": Odd("", "conflict", "reserved by deepzoo", id="cnn"),
    "our-namespace": Odd("", "conflict", "belongs to plugin 'hub'", id="timm"),
    "takes-namespace": Odd(returning("['hf']", "zoo_namespaces"), "conflict", "belongs to plugin 'hub'"),
    "odd-namespace": Odd(returning("['A b']", "zoo_namespaces"), "invalid", "is not of the form"),
    "no-return": Odd(f"{HEAD}@hookimpl\ndef zoo_models():\n    {spec()}\n", "invalid", "is its `return` missing?"),
    "no-namespaces": Odd(f"{HEAD}@hookimpl\ndef zoo_namespaces():\n    pass\n", "invalid", "is its `return` missing?"),
    "generator": Odd(f"{HEAD}@hookimpl\ndef zoo_models():\n    yield 1\n", "invalid", "must return a list, not generator"),
    "endless": Odd(f"{HEAD}@hookimpl\ndef zoo_models():\n    return iter(int, 1)\n", "invalid", "must return a list"),
    "strings": Odd(returning("['net']"), "invalid", "must return ModelSpec, not str"),
    "a-dict": Odd(returning("{'net': 1}"), "invalid", "must return a list, not dict"),
    "raising-hook": Odd(in_hook("raise LookupError('no models today')"), "error", "no models today"),
    "misspelt-hook": Odd(returning("[]", "zoo_modles"), "invalid", "did you mean 'zoo_models'?"),
    "misspelt-argument": Odd(returning("None", "zoo_resolve", "kind, nmae"), "invalid", "it takes kind, name"),
    "unknown-field": Odd(returning(spec(wings="2")), "invalid", "unknown here"),
    "odd-name": Odd(returning(spec(name="'My \\x1b[31mNet'")), "invalid", "is not of lower-case letters"),
    "other-s-name": Odd(returning(spec(name="'cnn/lenet5'")), "invalid", "is not of lower-case letters"),
    "odd-task": Odd(returning(spec(tasks="{'fly': 'a:B'}")), "invalid", "names the task 'fly'"),
    "twice": Odd(returning(f"{spec()} * 2"), "invalid", "two models are named 'net'"),
    "no-json": Odd(returning(spec(config="{'f': object()}")), "invalid", "holds what is not JSON"),
    "unchecked": Odd(returning("[ModelSpec.model_construct(name='net')]"), "invalid", "Field required"),
    "escaping-summary": Odd(returning(spec(summary="'\\x1b[31mred\\x07 \\u202e'"))),
    "surrogate-summary": Odd(returning(spec(summary="'half \\udcff'")), "invalid"),
    "thousand": Odd(
        returning("[ModelSpec(name=f'n{i}', summary='S.', tasks={'classify': 'a:B'}, modality='vector') for i in range(1000)]")
    ),
    "core-kind": Odd(
        returning("[SpecKind(name='model', spec='zoo.specs:Spec', summary='S.')]", "zoo_spec_kinds"), "invalid", "the core's own"
    ),
    "no-kind": Odd(
        returning("[SpecKind(name='essay', spec='nowhere_at_all:Spec', summary='S.')]", "zoo_spec_kinds"),
        "error",
        "nowhere_at_all",
    ),
    "hanging-kind": Odd(
        returning("[SpecKind(name='poem', spec='odd_hanging_kind.late:Spec', summary='S.')]", "zoo_spec_kinds"),
        "error",
        "in time",
        files={"odd_hanging_kind/late.py": "import time; time.sleep(3600)"},
    ),
    "our-command": Odd(returning("[CommandSpec(name='list', summary='S.', target='nowhere:main')]", "zoo_commands")),
    "damaged": Odd(
        GOOD, "invalid", "cannot be read", files={"odd_damaged-1.0.dist-info/entry_points.txt": "[zoo]\nno equals sign\n"}
    ),
    "no-text-damaged": Odd(
        GOOD,
        "invalid",
        "cannot be read",
        files={"odd_no_text_damaged-1.0.dist-info/entry_points.txt": b"[zoo]\nodd = odd\n\xff\n"},
    ),
    "damaged-other": Odd(
        "",
        listed=False,
        files={"odd_damaged_other-1.0.dist-info/entry_points.txt": b"[console_scripts]\nno equals sign\n\xff\n"},
    ),
    "no-metadata": Odd("", listed=False, files={"odd_no_metadata-1.0.dist-info/METADATA": ""}),
    "noise-metadata": Odd("", listed=False, files={"odd_noise_metadata-1.0.dist-info/METADATA": b"\xff\x00\xff"}),
    "kills-the-asker": Odd("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", "error", "ended the process that asked"),
    "writes-into-answer": Odd(
        'import os\nfor d in range(3, 1024):\n    try: os.write(d, b\'[{"state": "spoilt\\n\')\n    except OSError: pass\n',
        "error",
        "wrote into the answer",
    ),
    "patches-torch": Odd(
        "import sys, types\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': raise ImportError('spoilt')\nsys.meta_path.insert(0, Finder())\n" + GOOD
    ),
}
KINDS = {
    **{f"import-{name}": Odd(source, "error", reason) for name, (source, reason) in ENDING.items()},
    **{f"hook-{name}": Odd(in_hook(source), "error", reason) for name, (source, reason) in ENDING.items()},
    **{name: Odd(f"{source}\n{GOOD}") for name, source in SPOILING.items()},
    **OTHERS,
}
"""By name: more than the 87 kinds that were once tried."""


def write(kind: str, site: Path) -> None:
    """Write the plugin and its metadata into a folder like `site-packages`."""
    odd, package = KINDS[kind], f"odd_{kind.replace('-', '_')}"
    for path, content in _files(kind, odd, package):
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def _files(kind: str, odd: Odd, package: str) -> Iterator[tuple[str, str | bytes]]:
    info = f"{package}-1.0.dist-info"
    version = "" if "Version:" in odd.metadata else "Version: 1.0\n"
    yield f"{package}/__init__.py", odd.source
    yield f"{info}/METADATA", f"Metadata-Version: 2.1\nName: odd-{kind}\n{version}{odd.metadata}"
    yield f"{info}/entry_points.txt", f"[zoo]\n{odd.id or f'odd-{kind}'} = {odd.module or package}\n"
    yield f"{info}/RECORD", f"{package}/__init__.py,,\n"
    yield from odd.files.items()
