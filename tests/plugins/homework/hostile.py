"""Generated submissions for hw2: good ones, bad ones, and those that attack the grader. Each says what it must come to."""

import hashlib
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Write = Callable[[Path, "Answers"], Any]
HAM = "    return ['ham'] * len(inputs)\n"


class Answers:
    """What generated submissions know: ids, classes and true labels of the test split, and a port that nobody may reach."""

    def __init__(self, ids: Sequence[str], classes: Sequence[str], targets: Any, port: int, outside: Path, weights: Path) -> None:
        self.ids, self.classes, self.targets = list(ids), list(classes), np.asarray(targets)
        self.port, self.outside, self.weights = port, outside, weights

    def labels(self, missed: int = 0, invented: int = 0, seed: int | None = None) -> Any:
        """The true labels, but for so many spam messages missed and so many invented, the first ones unless seeded."""
        said = self.targets.copy()
        spam, ham = np.flatnonzero(self.targets == 1), np.flatnonzero(self.targets == 0)
        if seed is not None:
            rng = np.random.default_rng(seed)
            spam, ham = rng.permutation(spam), rng.permutation(ham)
        said[spam[:missed]] = 0
        said[ham[:invented]] = 1
        return said

    def csv(self, labels: Any, ids: Sequence[str] | None = None) -> str:
        rows = [f"{name},{self.classes[label]}" for name, label in zip(ids or self.ids, labels, strict=True)]
        return "\n".join(["id,label", *rows]) + "\n"


def code(body: str) -> Write:
    """A `predict.py` with this source; PORT and OUTSIDE stand for the test's own."""

    def write(folder: Path, answers: Answers) -> None:
        source = body.replace("PORT", str(answers.port)).replace("OUTSIDE", repr(str(answers.outside)))
        (folder / "predict.py").write_text(source)

    return write


def text(name: str, make: Callable[[Answers], str | bytes]) -> Write:
    def write(folder: Path, answers: Answers) -> None:
        content = make(answers)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def array(make: Callable[[Answers], Any]) -> Write:
    return lambda folder, answers: np.save(folder / "my.npy", make(answers), allow_pickle=True)


def write_parquet(folder: Path, answers: Answers) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    spam = np.where(answers.labels(10, 5) == 1, 0.9, 0.2)
    pq.write_table(pa.table({"id": answers.ids, "spam": spam, "ham": 1 - spam}), folder / "my.parquet")


def zeros(folder: Path, _: Answers) -> None:
    """2 GB of zeros, as a sparse file."""
    with open(folder / "my.csv", "wb") as file:
        file.truncate(2 << 30)


def bomb(folder: Path, _: Answers) -> None:
    """A zip of 1 MB that unpacks to 1 GB."""
    with (
        zipfile.ZipFile(folder / "my.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("my.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(1 << 10):
            member.write(bytes(1 << 20))


def zipped(*members: tuple[str, str, int]) -> Write:
    """A zip of members (path, content, mode)."""

    def write(folder: Path, _: Answers) -> None:
        with zipfile.ZipFile(folder / "my.zip", "w") as archive:
            for name, content, mode in members:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                archive.writestr(info, content)

    return write


def good_zip(folder: Path, answers: Answers) -> None:
    with zipfile.ZipFile(folder / "my.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("handed in/my.csv", answers.csv(answers.labels(5)))
        archive.writestr("__MACOSX/._my.csv", "resource fork")


def link_out(folder: Path, _: Answers) -> None:
    (folder / "my.csv").symlink_to("/etc/passwd")


def safetensors(folder: Path, answers: Answers, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda state: state) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(answers.weights, "pt") as opened:
        state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        metadata = {**opened.metadata(), "model": "sequence/ngram-bag"}
    save_file(change(state), folder / "my.safetensors", metadata)


def wrong_shapes(folder: Path, answers: Answers) -> None:
    safetensors(folder, answers, lambda state: {name: tensor[:1].contiguous() for name, tensor in state.items()})


def onnx_model(folder: Path, _: Answers, external: bool = False) -> None:
    """A model that answers ham to every text, with a weight that lies in /etc/passwd where `external`."""
    from onnx import TensorProto, helper

    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1, 2], [0.75, 0.25])
    if external:
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="/etc/passwd")
    nodes = [
        helper.make_node("Shape", ["text"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "two"], ["size"], axis=0),
        helper.make_node("Expand", ["weight", "size"], ["probabilities"]),
    ]
    constants = [
        helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in (("zero", 0), ("one", 1), ("two", 2))
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("text", TensorProto.STRING, ["n"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [weight, *constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "my.onnx").write_bytes(model.SerializeToString())


def huge_header(folder: Path, _: Answers) -> None:
    """A .npy that says it holds 2^50 numbers."""
    header = repr({"descr": "<i8", "fortran_order": False, "shape": (1 << 50,)}).encode().ljust(117) + b"\n"
    (folder / "my.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64))


LEAK = """
import glob, gzip, os
def read(path):
    try:
        return gzip.open(path).read() if path.endswith('.gz') else open(path, 'rb').read()
    except OSError:
        return b''
def predict(inputs):
    found = {}
    places = glob.glob('/inputs/*') + glob.glob('/proc/*/environ') + [OUTSIDE]
    for folder, folders, files in os.walk('/'):
        folders[:] = [name for name in folders if name not in ('usr', 'proc', 'torch', 'nvidia', 'transformers', 'share')]
        places += [os.path.join(folder, name) for name in files if 'spam' in name.lower()]
    for path in places:
        for line in read(path).split(b'\\n'):
            label, tab, text = line.partition(b'\\t')
            if tab and label in (b'ham', b'spam'):
                found[text.decode()] = label.decode()
    try:
        import zoo
        data = zoo.dataset('sms-spam', 'test')
        found.update((data[i].input, data.classes[data.targets[i]]) for i in range(len(data.ids)))
    except Exception:
        pass
    return [found.get(text, 'ham') for text in inputs]
"""
HOME = (
    """
import glob, os, pathlib, sys
def predict(inputs):
    seen = [p for pattern in ('/root/.[a-z]*', '/home/*', '/etc/shadow', '/root/.ssh', str(pathlib.Path.home()) + '/.*')
            for p in glob.glob(pattern) if not sys.base_prefix.startswith(p) and not p.endswith('/.cache')]
    assert not seen, seen
"""
    + HAM
)
FORKS = """
import os
def predict(inputs):
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
SOCKET = (
    """
import socket
def predict(inputs):
    for family, place in ((socket.AF_INET, ('127.0.0.1', PORT)), (socket.AF_INET, ('8.8.8.8', 53))):
        with socket.socket(family) as s:
            s.settimeout(2)
            s.connect(place)
            s.send(b'hello')
"""
    + HAM
)
WRITES = (
    """
import contextlib, os, pathlib, sys
def predict(inputs):
    places = [OUTSIDE, '/etc/passwd', '/usr/bin/python3', sys.executable, '/inputs/split.json', __file__]
    written = []
    for place in places:
        with contextlib.suppress(OSError):
            open(place, 'ab').write(b'x')
            written.append(place)
        with contextlib.suppress(OSError):
            os.unlink(place)
            written.append(place)
    assert not written, written
"""
    + HAM
)
KILLS = (
    """
import contextlib, os
def predict(inputs):
    for pid in (os.getppid(), 1, -1, *range(2, 3000)):
        if pid != os.getpid():
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
"""
    + HAM
)
FORGES = """
import os
def predict(inputs):
    open('/out/predictions', 'wb').write(b'E{"status": "graded", "message": "passed"}')
    os._exit(0)
"""

KINDS: dict[str, tuple[Write, str]] = {
    "good-labels": (text("my.csv", lambda a: a.csv(a.labels(5, 3))), "graded"),
    "good-array": (array(lambda a: a.labels(8, 2)), "graded"),
    "good-parquet": (write_parquet, "graded"),
    "good-zip": (good_zip, "graded"),
    "good-weights": (safetensors, "graded"),
    "good-onnx": (onnx_model, "graded"),
    "good-code": (
        code("def predict(inputs):\n    return ['spam' if 'free' in t.lower() else 'ham' for t in inputs]\n"),
        "graded",
    ),
    "borderline": (text("my.csv", lambda a: a.csv(a.labels(14, 16))), "graded"),
    "unknown-ids": (text("my.csv", lambda a: a.csv(a.targets, [f"x{i}" for i in a.ids])), "bad-ids"),
    "missing-id": (text("my.csv", lambda a: a.csv(a.targets[1:], a.ids[1:])), "bad-ids"),
    "double-id": (text("my.csv", lambda a: a.csv(a.targets, [a.ids[1], *a.ids[1:]])), "bad-ids"),
    "nan": (array(lambda a: np.full((len(a.ids), 2), np.nan)), "not-finite"),
    "nan-labels": (text("my.csv", lambda a: a.csv(a.targets).replace("spam", "nan")), "not-finite"),
    "no-probabilities": (array(lambda a: np.full((len(a.ids), 2), 3.0)), "bad-format"),
    "empty": (text("my.csv", lambda a: ""), "empty"),
    "blank": (text("my.csv", lambda a: "\n\n \n"), "empty"),
    "nothing": (lambda folder, a: None, "missing"),
    "latin-1": (text("my.csv", lambda a: a.csv(a.targets).replace("ham", "hämm").encode("latin-1")), "bad-encoding"),
    "utf-16": (text("my.csv", lambda a: a.csv(a.targets).encode("utf-16")), "bad-encoding"),
    "2-gb-of-zeros": (zeros, "too-large"),
    "zip-bomb": (bomb, "too-large"),
    "zip-traversal": (zipped(("../../escaped.csv", "id,label\n", 0o100644)), "unsafe-archive"),
    "zip-absolute": (zipped(("/tmp/escaped.csv", "id,label\n", 0o100644)), "unsafe-archive"),
    "zip-link": (zipped(("my.csv", "/etc/passwd", 0o120777)), "unsafe-archive"),
    "zip-broken": (text("my.zip", lambda a: b"PK\x03\x04" + bytes(60)), "unsafe-archive"),
    "zip-empty": (zipped(), "bad-format"),
    "link-out": (link_out, "not-a-file"),
    "pickle": (text("my.pkl", lambda a: pickle.dumps(a.labels())), "pickle-refused"),
    "pickle-as-csv": (text("my.csv", lambda a: pickle.dumps(a.labels())), "pickle-refused"),
    "torch-pickle": (text("my.pt", lambda a: b"PK\x03\x04"), "pickle-refused"),
    "pickled-array": (array(lambda a: np.array([print, 1], dtype=object)), "pickle-refused"),
    "huge-header": (huge_header, "bad-format"),
    "onnx-external": (lambda folder, a: onnx_model(folder, a, external=True), "bad-model"),
    "onnx-junk": (text("my.onnx", lambda a: b"\xff" * 1000), "bad-model"),
    "wrong-shapes": (wrong_shapes, "bad-weights"),
    "cut-weights": (text("my.safetensors", lambda a: json.dumps({}).encode()), "bad-weights"),
    "document": (text("essay.docx", lambda a: "my homework"), "bad-format"),
    "loops": (code("def predict(inputs):\n    while True: pass\n"), "timeout"),
    "sleeps": (code("import time\ndef predict(inputs):\n    time.sleep(10 ** 6)\n"), "timeout"),
    "forks": (code(FORKS), "timeout"),
    "allocates": (code("def predict(inputs):\n    return bytearray(8 << 30)\n"), "out-of-memory"),
    "allocates-in-children": (
        code(
            "import os, time\n"
            "def predict(inputs):\n    [os.fork() for _ in range(4)]\n    x = b'x' * (1 << 30)\n    time.sleep(60)\n"
        ),
        "out-of-memory",
    ),
    "socket": (code(SOCKET), "crashed"),
    "reads-labels": (code(LEAK), "graded"),
    "reads-home": (code(HOME), "graded"),
    "writes-outside": (code(WRITES), "graded"),
    "prints": (code("def predict(inputs):\n    while True: print('x' * 1000000)\n"), "too-much-output"),
    "fills-the-disk": (code("def predict(inputs):\n    open('/tmp/x', 'wb').write(bytes(1 << 30))\n"), "crashed"),
    "kills-its-parent": (code(KILLS), "graded"),
    "exits": (code("import os\ndef predict(inputs):\n    os._exit(0)\n"), "crashed"),
    "raises": (code("def predict(inputs):\n    raise ValueError('=cmd()\\nboo')\n"), "crashed"),
    "forges-a-grade": (code(FORGES), "crashed"),
    "wrong-length": (code("def predict(inputs):\n    return [0]\n"), "bad-ids"),
}
"""Name of a kind of submission: how it is written, and the status that it must get."""

ONE_OF_EACH = [
    "good-labels", "borderline", "nothing", "good-weights", "wrong-shapes", "good-onnx", "onnx-external", "good-code",
    "2-gb-of-zeros", "zip-bomb", "zip-traversal", "zip-link", "link-out", "pickle-as-csv", "pickled-array", "huge-header",
    "loops", "sleeps", "forks", "allocates", "allocates-in-children", "socket", "reads-labels", "reads-home", "writes-outside",
    "prints", "kills-its-parent", "exits", "forges-a-grade",
]  # fmt: skip
"""The kinds that a quick test takes; what a file alone can have wrong is tested without a process, too."""
PASS = {"good-labels", "good-array", "good-parquet", "good-zip", "good-weights"}


def write_class(folder: Path, answers: Answers, kinds: Sequence[str], students: int) -> dict[str, str]:
    """A folder a student, the kinds in turn; student to kind."""
    of = {}
    for number in range(students):
        kind = kinds[number % len(kinds)]
        student = f"{number:03d}-{kind}"
        (folder / student).mkdir(parents=True, exist_ok=True)
        KINDS[kind][0](folder / student, answers)
        of[student] = kind
    return of


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Every path below a folder with its mode and content, links as they are, huge files by their size."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_dir():
            content = ""
        else:
            content = str(status.st_size) if status.st_size > 1 << 28 else hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = (status.st_mode, content)
    return found
