"""Models that are no torch module: estimators, sessions, functions over arrays, and plugins whose weights are files."""

import hashlib

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.opening.foreign import NumpyModel
from zoo.specs import ModelSpec

pytestmark = [pytest.mark.filterwarnings("ignore:nothing of this run"), pytest.mark.filterwarnings("ignore:.*cannot be copied")]

PLUGIN = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec, Weights

CLASSES = tuple("0123456789")

@hookimpl
def zoo_models():
    weights = {{"digits": Weights(uri={uri!r}, sha256={sha256!r}, licence="CC0-1.0", source="test", classes=CLASSES)}}
    return [
        ModelSpec(name="lines", summary="A linear model in NumPy.", tasks={{"classify": "zoo_arrays:Lines"}}, modality="image",
                  inputs="numpy", weights_as="file", weights=weights),
        ModelSpec(name="session", summary="A session.", tasks={{"classify": "zoo_arrays:session"}}, modality="image",
                  inputs="numpy", weights_as="file", weights=weights, classes=CLASSES),
    ]

class Lines:
    def __init__(self, weights):
        import numpy as np

        self.arrays = dict(np.load(weights))

    def __call__(self, images):
        import numpy as np

        assert type(images) is np.ndarray and images.dtype == np.float32 and images.flags["C_CONTIGUOUS"]
        return images.reshape(len(images), -1) @ self.arrays["slopes"] + self.arrays["offsets"]

def session(weights):
    import onnxruntime

    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {{"x": images}})[0]
"""


@pytest.fixture(scope="module")
def fitted():
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    pixels, labels = load_digits(return_X_y=True)
    return LogisticRegression(max_iter=100).fit(pixels / 16, labels)


@pytest.fixture
def npz(fitted, tmp_path):
    np.savez(tmp_path / "lines.npz", slopes=fitted.coef_.T.astype(np.float32), offsets=fitted.intercept_.astype(np.float32))
    return tmp_path / "lines.npz"


def network(fitted, scale=1.0):
    """The same linear model as ONNX."""
    helper = pytest.importorskip("onnx.helper")
    from onnx import TensorProto, numpy_helper

    tensors = {"w": scale * fitted.coef_.T, "b": scale * fitted.intercept_}
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Gemm", ["f", "w", "b"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "lines",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 10])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def session(fitted, scale=1.0):
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(network(fitted, scale), providers=["CPUExecutionProvider"])


@pytest.fixture
def arrays(plugin, npz):
    """A plugin whose weights are a file that its target reads."""
    plugin("arrays", PLUGIN.format(uri=f"file:{npz}", sha256=hashlib.sha256(npz.read_bytes()).hexdigest()))


def run(model, **settings):
    return zoo.evaluate(model, "digits", **{"limit": 150, "progress": False, **settings})


def own(model, **settings):
    return run(model, classes="dataset", **settings)


def accuracy(record):
    return record.results[0].value


def test_an_estimator_scores_as_its_own_library_says(fitted, predictions):
    from sklearn.datasets import load_digits

    record = own(fitted, limit=None)
    ids, probabilities = predictions(record)
    data = zoo.dataset("digits", split="test")
    pixels = np.stack([np.asarray(data[i].input).reshape(-1) for i in range(len(data.ids))])
    assert np.allclose(probabilities, fitted.predict_proba(pixels.astype(np.float32)), atol=1e-6)
    assert accuracy(record) == pytest.approx(float((fitted.predict(pixels) == np.array(data.targets)).mean()))
    assert load_digits and len(ids) == len(data.ids)


@pytest.mark.slow
def test_an_estimator_fitted_to_names_brings_them(fitted):
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    pixels, labels = load_digits(return_X_y=True)
    named = LogisticRegression(max_iter=50).fit(pixels / 16, labels.astype(str))
    assert accuracy(run(named)) > 0.9


@pytest.mark.slow
def test_an_estimator_without_probabilities_answers_by_its_decisions():
    from sklearn.datasets import load_digits
    from sklearn.svm import LinearSVC

    pixels, labels = load_digits(return_X_y=True)
    assert accuracy(own(LinearSVC().fit(pixels / 16, labels))) > 0.9


def test_a_session_that_cannot_be_copied_is_reused_under_its_key_alone(fitted):
    made = session(fitted)
    assert own(made).doubt and own(made).shards.reused == 0
    first = own(made, key="1")
    assert first.doubt == "" and first.shards.computed == 1 and accuracy(first) > 0.9
    assert any("cannot be copied" in said for said in first.remarks)
    assert any("`key` alone stands for" in note for note in first.model.notes)
    assert own(made, key="1").shards.reused == 1
    assert own(made, key="2").shards.reused == 0


@pytest.mark.slow
def test_another_network_under_the_same_key_is_not_taken_for_the_first(fitted):
    first, second = own(session(fitted), key="1"), own(session(fitted, scale=-1.0), key="1")
    assert second.shards.reused == 0 and accuracy(second) < 0.1 < accuracy(first)


@pytest.mark.slow
def test_a_function_that_says_so_gets_arrays(fitted):
    made = session(fitted)

    def ask(images):
        assert type(images) is np.ndarray
        return made.run(None, {"x": images})[0]

    ask.inputs = "numpy"
    record = own(ask, key="1")
    assert accuracy(record) == accuracy(own(made)) and record.execution.device == "cpu"
    assert own(ask, key="1").shards.reused == 1


def test_an_open_connection_in_a_model_is_no_obstacle(fitted):
    import socket

    class Client:
        inputs = "numpy"

        def __init__(self):
            self.socket = socket.socket()

        def __call__(self, images):
            return fitted.predict_proba(images.reshape(len(images), -1))

    client = Client()
    try:
        assert accuracy(own(client, key="1")) > 0.9
        assert own(client, key="1").shards.reused == 1
    finally:
        client.socket.close()


def test_arrays_of_jax_are_answers_too(fitted):
    jax = pytest.importorskip("jax")

    def ask(images):
        return jax.numpy.asarray(images.reshape(len(images), -1)) @ fitted.coef_.T + fitted.intercept_

    ask.inputs = "numpy"
    assert accuracy(own(ask)) > 0.9


def test_whatever_has_an_array_is_an_answer():
    class Like:
        def __init__(self, values):
            self.values = values

        def __array__(self, *_, **__):
            return self.values

    answer = NumpyModel(lambda inputs: [Like(inputs * 2), {"a": inputs}])(torch.ones(2, 3, dtype=torch.float64))
    assert answer[0].dtype == torch.float64 and torch.equal(answer[0], torch.full((2, 3), 2.0, dtype=torch.float64))
    assert torch.equal(answer[1]["a"], torch.ones(2, 3, dtype=torch.float64))


def test_a_plugin_reads_its_file_of_weights_itself(arrays, fitted, npz):
    record = run("arrays/lines")
    assert accuracy(record) == accuracy(own(fitted)) and record.execution.device == "cpu"
    assert record.model.weights_sha256 == hashlib.sha256(npz.read_bytes()).hexdigest()
    assert record.model.name == "arrays/lines@digits" and record.doubt == ""
    assert run("arrays/lines").shards.reused == 1
    assert "computes outside of torch" in record.complexity.note


def test_it_stays_on_the_cpu_whatever_is_asked_for(arrays, monkeypatch):
    monkeypatch.setattr("zoo.runs.evaluate.pick_device", lambda name: torch.device("meta"))
    record = run("arrays/lines", device="cuda")
    assert record.execution.device == "cpu" and accuracy(record) > 0.9


def test_a_file_that_was_altered_is_not_opened(arrays, npz):
    npz.write_bytes(npz.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"is not lines\.npz, as declared"):
        run("arrays/lines")


@pytest.mark.slow
def test_a_file_of_ones_own_is_another_run(arrays, fitted, tmp_path):
    first = run("arrays/lines")
    np.savez(tmp_path / "own.npz", slopes=-fitted.coef_.T.astype(np.float32), offsets=-fitted.intercept_.astype(np.float32))
    record = run("arrays/lines", weights=tmp_path / "own.npz", classes=list("0123456789"))
    assert record.model.name == "arrays/lines" and record.key != first.key and accuracy(record) < 0.1
    (tmp_path / "net.onnx").write_bytes(network(fitted))
    assert accuracy(run("arrays/session", weights=tmp_path / "net.onnx")) == accuracy(first)


@pytest.mark.parametrize("name", ["lines.joblib", "lines.pkl", "lines.bin", "lines.npz"])
def test_a_pickle_is_refused_whatever_it_is_called(arrays, tmp_path, name):
    import pickle

    if name == "lines.npz":
        torch.save({"a": torch.ones(1)}, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps({"a": 1}, protocol=4))
    with pytest.raises(WeightsError, match="which can run any code"):
        run("arrays/lines", weights=tmp_path / name)


def test_another_precision_than_its_own_is_refused(arrays):
    with pytest.raises(OptionError, match="computes outside of torch"):
        run("arrays/lines", precision="bf16")


def test_a_model_without_its_file_says_so(plugin, npz):
    source = PLUGIN.format(uri=f"file:{npz}", sha256="0" * 64).replace(", weights=weights", "")
    plugin("arrays", source)
    with pytest.raises(WeightsError, match="reads its weights from a file"):
        run("arrays/session")


@pytest.mark.slow
def test_loaded_by_name_it_is_called_with_tensors(arrays):
    loaded = zoo.load("arrays/lines")
    assert loaded(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert accuracy(run(loaded)) == accuracy(run("arrays/lines"))


def test_files_are_single():
    fields = {"name": "net", "summary": "A net.", "tasks": {"classify": "a:b"}, "modality": "image", "weights_as": "file"}
    weights = {"uri": "file:a", "sha256": None, "licence": "MIT", "source": "test", "parts": [{"uri": "file:a"}]}
    with pytest.raises(ValueError, match="in one"):
        ModelSpec(**fields, weights={"x": weights})


def test_a_session_of_several_inputs_needs_a_function(fitted):
    class Two:
        def run(self, names, feeds):
            raise AssertionError

        def get_inputs(self):
            return [type("Node", (), {"name": name}) for name in ("ids", "mask")]

        def get_outputs(self):
            return []

    with pytest.raises(ModelError, match="takes 2 inputs: ids, mask"):
        own(Two())
