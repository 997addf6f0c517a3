"""Stored predictions are used again only where nothing that made them can have changed; else the run says so and computes."""

import http.server
import importlib
import shutil
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import torch

import zoo
from zoo.identity import code
from zoo.identity.sources import core_files
from zoo.opening.composing import named_model
from zoo.opening.weights_choice import Choice
from zoo.plugins.registry import registry

ENTRY = """
from zoo.hookspecs import hookimpl
from zoo.specs import DatasetSpec, ModelSpec


@hookimpl
def zoo_models():
    return [ModelSpec(name="net", summary="A net.", tasks={"classify": "far_nets.net:Net"}, modality="image",
                      classes=tuple("0123456789"), MORE)]
"""
NET = "import torch\nfrom torch import nn\nfrom far_nets import middle\n\nclass Net(nn.Module):\n"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install plugin `far` with a model `far/net` of this body; the files of its package may be edited and are imported anew."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(files):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        forget()

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in ("far", "far_nets", "far_tools")]:
            monkeypatch.delitem(sys.modules, name)
        importlib.invalidate_caches()

    def install(body, more="", **files):
        write(
            {
                "far.py": ENTRY.replace("MORE", more),
                "far_nets/__init__.py": "",
                "far_nets/net.py": NET + textwrap.indent(textwrap.dedent(body), "    "),
                "far_nets/middle.py": "def scale():\n    from far_tools.helper import SCALE\n    return SCALE\n",
                "far_tools/__init__.py": "",
                "far_tools/helper.py": "SCALE = 1.0\n",
                "far-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: far\nVersion: 1.0\n",
                "far-1.0.dist-info/entry_points.txt": "[zoo]\nfar = far\n",
            }
        )
        return write, folder

    yield install
    forget()


def run(**settings):
    return zoo.evaluate("far/net", "digits", limit=20, batch_size=20, **settings)


FORWARD = "def forward(self, x): return x.flatten(1)[:, :10] * {}"


def test_nothing_changed_and_nothing_is_computed(plugin, recwarn):
    plugin(FORWARD.format("middle.scale()"))
    first, again = run(), run()
    assert (first.shards.computed, again.shards.computed) == (1, 0)
    assert first.doubt == again.doubt == "" and not [w for w in recwarn if "used again" in str(w.message)]


def test_an_edit_of_a_helper_two_imports_away_is_another_run(plugin):
    write, _ = plugin(FORWARD.format("middle.scale()"))
    first = run()
    write({"far_tools/helper.py": "SCALE = -1.0\n"})
    again = run()
    assert again.shards.computed == 1 and again.key != first.key
    assert again.primary.value != first.primary.value


def test_an_edit_that_this_process_has_not_imported_is_a_doubt(plugin, monkeypatch):
    _, folder = plugin(FORWARD.format("middle.scale()"))
    run()
    (folder / "far_tools" / "helper.py").write_text("SCALE = -1.0\n")  # the module in memory is still the old one
    with pytest.warns(UserWarning, match="nothing of this run is used again: .*helper.py was edited after"):
        assert run().doubt


def in_doubt(says):
    with pytest.warns(UserWarning, match=f"nothing of this run is used again: {says}"):
        return run()


def test_a_model_that_reads_a_file_is_computed_anew(plugin, tmp_path):
    scale = tmp_path / "scale.txt"
    scale.write_text("1")
    plugin(FORWARD.format(f"float(open({str(scale)!r}).read())"))
    first = in_doubt(f"it opens {scale}")
    scale.write_text("-1")
    again = in_doubt(f"it opens {scale}")
    assert again.shards.computed == 1 and again.doubt
    assert again.primary.value != first.primary.value


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("float(__import__('os').environ.get('FAR_SCALE', 1))", "it reads the environment variable FAR_SCALE"),
        ("(torch.rand(1) * 0 + 1)", "it draws from the global random generators"),  # what shows in a prediction is an error
    ],
)
def test_a_model_that_reads_a_variable_or_draws_is_computed_anew(expression, says, plugin):
    plugin(FORWARD.format(expression))
    in_doubt(says)
    assert in_doubt(says).shards.computed == 1


def test_a_remote_model_is_computed_anew(plugin):
    class Server(http.server.BaseHTTPRequestHandler):
        answer = b"1"

        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.answer)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        plugin(FORWARD.format(f"float(__import__('urllib.request').request.urlopen({url!r}).read())"))
        first = in_doubt(".*it asks the network")
        Server.answer = b"-1"
        again = in_doubt(".*it asks the network")
        server.shutdown()
    assert again.primary.value != first.primary.value


def test_a_model_that_declares_it_is_computed_anew(plugin):
    plugin(FORWARD.format(1), more="reuse=False")
    in_doubt("far/net declares")
    assert in_doubt("far/net declares").shards.computed == 1


READ = "def __init__(self): super().__init__(); self.scale = float(open({!r}).read())\n" + FORWARD.format("self.scale")


@pytest.mark.parametrize("place", ["in the package", "declared"])
def test_a_replaced_network_is_another_run_and_no_doubt(place, plugin, tmp_path, recwarn):
    path = tmp_path / ("site/far_nets/weights/model.onnx" if place == "in the package" else "elsewhere/model.onnx")
    path.parent.mkdir(parents=True)
    path.write_text("1")
    plugin(READ.format(str(path)), more=f"files=({str(path)!r},)" if place == "declared" else "")
    first = run()
    assert run().shards.computed == 0
    path.write_text("-1")
    again = run()
    assert again.shards.computed == 1 and again.primary.value != first.primary.value
    assert not [w for w in recwarn if "used again" in str(w.message)]


def test_a_network_that_a_name_of_a_namespace_gives_is_part_of_the_key(plugin, tmp_path):
    write, folder = plugin("def __init__(self, path): super().__init__()\n" + FORWARD.format(1))
    resolve = """
@hookimpl
def zoo_namespaces():
    return ["faronnx"]


@hookimpl
def zoo_resolve(kind, name):
    if kind == "model":
        return ModelSpec(name=name, summary="A net.", tasks={"classify": "far_nets.net:Net"}, modality="image",
                         classes=tuple("0123456789"), config={"path": name.partition(":")[2]})
"""
    write({"far.py": (folder / "far.py").read_text() + resolve})
    network = tmp_path / "m.onnx"
    keys = []
    for content in ("1", "2"):
        network.write_text(content)
        keys.append(zoo.evaluate(f"faronnx:{network}", "digits", limit=5).key)
    assert keys[0] != keys[1]


def test_an_edit_of_what_opens_the_data_is_another_run(toy, toy_folder, monkeypatch):
    first = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="k")
    monkeypatch.setattr("zoo.runs.plan.code_of", lambda *_, **__: code.Code({"files": "of an edited opener"}, frozenset()))
    assert zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="k").key != first.key


@pytest.mark.parametrize(
    ("edited", "another"), [("imaging/degrade.py", True), ("runs/predicting.py", True), ("metrics/base.py", False)]
)
def test_an_edit_of_the_core_that_prepares_and_predicts_is_another_run(edited, another, monkeypatch, tmp_path):
    first = zoo.evaluate("intro/logistic", "digits", limit=5)
    mended = tmp_path / "mended.py"
    shutil.copy(core_files()[edited], mended)
    with mended.open("a") as file:
        file.write("# mended\n")
    real, mend = core_files, {edited: mended}
    monkeypatch.setattr(
        code, "core_files", lambda *without: {name: mend.get(name, path) for name, path in real(*without).items()}
    )
    assert (zoo.evaluate("intro/logistic", "digits", limit=5).key != first.key) is another


def test_a_module_of_ones_own_is_used_again_only_under_a_key(toy, tmp_path):
    scale = tmp_path / "scale.txt"

    class Reading(torch.nn.Module):
        def forward(self, x):
            return torch.stack([x[:, 0] * float(scale.read_text())] * 3, 1)

    def own(**settings):
        return zoo.evaluate(Reading(), "toy/vectors", classes="dataset", **settings)

    scale.write_text("1")
    with pytest.warns(UserWarning, match="nothing of this run is used again: nobody can know what local/mine reads"):
        first = own(name="mine")
    assert first.doubt and first.model.name == "local/mine"
    assert own().shards.computed == 4
    assert own(key="k").doubt == "" and own(key="k").shards.computed == 0


def test_shards_tell_how_and_where_they_were_made(monkeypatch):
    first = zoo.evaluate("intro/logistic", "digits", batch_size=100, workers=2)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        again = zoo.evaluate("intro/logistic", "digits", batch_size=7, workers=0)
    finally:
        torch.set_num_threads(threads)
    (origin,) = again.origins
    assert again.shards.computed == 0 and origin.shards == 1
    assert (origin.execution.batch_size, origin.execution.workers, origin.execution.threads) == (100, 2, threads)
    assert origin.execution == first.execution and origin.environment == first.environment
    # who computed nothing has no batch, and no threads but those of whoever did
    assert (again.execution.batch_size, again.execution.workers, again.execution.threads) == (None, 0, threads)


def test_weights_are_opened_though_all_shards_are_there(tmp_path, monkeypatch):
    zoo.evaluate("intro/logistic", "digits")
    spec = registry().model("intro/logistic")
    source = Path(named_model(spec, "classify", Choice("digits")).weights_uri.removeprefix("pkg:"))
    assert source.name.endswith(".safetensors")
    monkeypatch.setattr("zoo.opening.weights.find_weights", lambda *_: tmp_path / "gone")
    with pytest.raises(zoo.ZooError, match="cannot read the weights"):
        zoo.evaluate("intro/logistic", "digits")
