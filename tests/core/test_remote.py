"""Calls of a service on the loopback that fails, limits, hangs and refuses."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import zoo
from zoo.errors import ModelError, OptionError, PluginError
from zoo.remote import Service, ServiceError, passes, retry_after, status_of

PLUGIN = """
import json
from urllib.request import Request, urlopen
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec

@hookimpl
def zoo_models():
    return [ModelSpec(name="api", summary="A service.", tasks={{"classify": "zoo_far:Api"}}, modality="image", inputs="numpy",
                      remote=True, classes=tuple("0123456789"))]

class Api:
    def __init__(self):
        from zoo.remote import Service

        self.service = Service("the digits service", attempts=3, first=0.01)

    def __call__(self, images):
        body = json.dumps(images.reshape(len(images), -1).tolist()).encode()
        import numpy as np

        def ask():
            with urlopen(Request("{url}", body), timeout=60) as answer:
                return json.load(answer)

        return np.array(self.service(ask), dtype=np.float32)
"""


@pytest.fixture
def server():
    """A server whose answers stand in `plan`: status, headers, and seconds or an event to wait for; then each is 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"[]")
            with made.lock:
                made.times.append(time.monotonic())
                status, headers, seconds = made.plan.pop(0) if made.plan else (200, {}, 0)
            seconds.wait(60) if isinstance(seconds, threading.Event) else time.sleep(seconds)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            # What it answers with: each row's first ten numbers, so that a prediction is its sample's own.
            self.wfile.write(json.dumps([row[:10] for row in body]).encode() if status == 200 else b"")

        def log_message(self, *_):
            pass

    class Made(ThreadingHTTPServer):
        daemon_threads = True

    made = Made(("127.0.0.1", 0), Handler)
    made.plan, made.times, made.lock = [], [], threading.Lock()
    made.url = f"http://127.0.0.1:{made.server_address[1]}/"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def asking(server, timeout=5):
    def ask():
        with urlopen(Request(server.url, b"[[1, 2]]"), timeout=timeout) as answer:
            return json.load(answer)

    return ask


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(server, status):
    server.plan = [(status, {}, 0)] * 2
    assert Service("it", first=0.01)(asking(server)) == [[1, 2]]
    assert len(server.times) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_a_refusal_is_final(server, status):
    server.plan = [(status, {}, 0)] * 2
    with pytest.raises(ServiceError, match=f"it refused: {status}"):
        Service("it", first=0.01)(asking(server))
    assert len(server.times) == 1


def test_after_all_attempts_it_says_what_came_last(server):
    server.plan = [(503, {}, 0)] * 9
    with pytest.raises(ServiceError, match="it gave no answer in 4 attempts; at last 503"):
        Service("it", attempts=4, first=0.01)(asking(server))
    assert len(server.times) == 4


def test_it_waits_as_long_as_the_service_asks(server):
    server.plan = [(429, {"Retry-After": "1"}, 0)]
    Service("it", first=0.01)(asking(server))
    assert server.times[1] - server.times[0] >= 1


def test_it_does_not_wait_longer_than_is_allowed(server):
    server.plan = [(429, {"Retry-After": "3600"}, 0)]
    with pytest.raises(ServiceError, match=r"asks to be asked again in 3600 s, which is longer than 60 s"):
        Service("it")(asking(server))
    assert len(server.times) == 1


def test_waits_grow_twofold_up_to_the_longest():
    from types import SimpleNamespace

    service = Service("it", first=0.5, longest=4)
    waits = [service._wait(SimpleNamespace(attempt_number=n, outcome=None)) for n in (1, 2, 3, 4, 5, 5000)]
    assert waits == [0.5, 1, 2, 4, 4, 4]


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(server):
    server.plan = [(200, {}, 0.5)]
    assert Service("it", first=0.01)(asking(server, timeout=0.1)) == [[1, 2]]
    assert len(server.times) == 2


def test_a_service_that_is_not_there_is_said_to_give_no_answer(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(ServiceError, match="gave no answer in 2 attempts; at last URLError"):
        Service("it", attempts=2, first=0.01)(asking(server))


def test_all_threads_together_ask_no_more_than_so_often(server):
    service = Service("it", per_second=20)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: service(asking(server)), range(9)))
    times = sorted(server.times)
    assert times[-1] - times[0] >= 8 / 20 - 0.1


def test_dates_and_seconds_of_retry_after_are_read():
    def error(value):
        return HTTPError("http://it", 429, "busy", {"Retry-After": value}, None)

    when = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after(error("2.5")) == 2.5 and 25 < retry_after(error(when)) <= 30
    assert retry_after(error("soon")) is None and retry_after(ValueError()) is None


def test_errors_of_other_clients_are_understood():
    requests = pytest.importorskip("requests")
    response = requests.Response()
    response.status_code, response.headers["Retry-After"] = 503, "7"
    busy = requests.HTTPError("busy", response=response)
    assert status_of(busy) == 503 and passes(busy) and retry_after(busy) == 7
    assert passes(requests.ConnectionError()) and passes(requests.Timeout())
    assert not passes(requests.exceptions.InvalidURL("x")) and not passes(FileNotFoundError()) and not passes(KeyError("logits"))


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first": -1}, {"first": 9, "longest": 1}, {"per_second": 0}])
def test_numbers_that_cannot_be_are_refused(wrong):
    with pytest.raises(OptionError, match="cannot be"):
        Service("it", **wrong)


def test_what_it_needs_and_lacks_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyrate_limiter", None)
    with pytest.raises(PluginError, match="needs pyrate_limiter") as caught:
        Service("it")
    assert "deepzoo[remote]" in caught.value.hint


@pytest.fixture
def far(tmp_path, monkeypatch, server):
    """A plugin with a remote model."""
    info = tmp_path / "site" / "zoo_far-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "zoo_far.py").write_text(PLUGIN.format(url=server.url))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo_far\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nfar = zoo_far\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(__import__("sys").modules, "zoo_far", raising=False)


def scored():
    return zoo.evaluate("far/api", "digits", limit=100, batch_size=50, progress=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:nothing of this run")
def test_a_remote_model_is_scored_and_nothing_of_it_is_used_again(far, server):
    server.plan = [(503, {}, 0), (200, {}, 0), (429, {"Retry-After": "0"}, 0)]
    first = scored()
    assert "is a service" in first.doubt and first.execution.device == "cpu" and first.results[0].n == 100
    before = len(server.times)
    second = scored()
    assert second.shards.reused == 0 and second.key != first.key and len(server.times) > before
    assert second.results[0].value == first.results[0].value
    assert "computes elsewhere" in first.complexity.note


@pytest.mark.filterwarnings("ignore:nothing of this run")
def test_a_refusal_of_a_remote_model_names_the_samples(far, server):
    server.plan = [(403, {}, 0)]
    with pytest.raises(ModelError, match=r"far/api raised ServiceError on 50 samples, .* to .*: the digits service refused: 403"):
        scored()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:nothing of this run")
def test_others_run_while_a_service_is_waited_for(far, server):
    server.plan = [(200, {}, go_on := threading.Event())]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(scored)
        while not server.times:
            time.sleep(0.01)
        zoo.evaluate("intro/mlp", "digits", limit=20, fresh=True, progress=False)
        assert not slow.done()
        go_on.set()
        assert slow.result().results[0].n == 100
