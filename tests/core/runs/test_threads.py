"""Several threads evaluate at once: each gets what it would get alone, and the process is afterwards as it was."""

import json
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from torch import nn

import zoo
from zoo.errors import RunError

pytestmark = pytest.mark.filterwarnings("ignore:nothing of this run")
BENCH = Path(__file__).parents[2] / "bench" / "eight_threads.py"


@pytest.fixture
def eight():
    """The script that measures it."""
    spec = spec_from_file_location("eight_threads", BENCH)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def own(module, **settings):
    return zoo.evaluate(module, "digits", classes="dataset", **{"limit": 20, "key": "1", "progress": False, **settings})


def test_eight_threads_get_what_each_would_get_alone_and_leave_the_process_as_it_was(eight, tmp_path):
    homes, known = ([tmp_path / f"{what}-{name}" for name in "ab"] for what in ("home", "known"))
    kinds = ("begun by all", "another home", "own reseeding")
    outcome = eight.measured(8, 24, homes, known, kinds)
    assert outcome.kinds == dict.fromkeys(kinds, 8)
    assert (outcome.errors, outcome.wrong, outcome.left) == ([], [], [])


@pytest.mark.slow
def test_all_kinds_of_calls_of_eight_threads_take_no_memory_along(eight, tmp_path):
    homes, known = ([tmp_path / f"{what}-{name}" for name in "ab"] for what in ("home", "known"))
    outcome = eight.measured(8, 216, homes, known)
    assert (outcome.calls, outcome.errors, outcome.wrong, outcome.left) == (216, [], [], [])
    assert len(outcome.kinds) == 9
    assert outcome.rss_mib[-1] < outcome.rss_mib[1] + 50


def test_a_finished_run_is_read_while_another_has_its_lock(zoo_home):
    first = own(linear())
    with FileLock(zoo_home / "runs" / first.key / "lock"):
        assert own(linear(), wait=False).shards.reused == 1
        with pytest.raises(RunError, match="another process is running local/Sequential"):
            own(linear(), fresh=True)


def test_of_several_threads_that_begin_the_same_run_one_computes_it():
    calls = []

    class Slow(nn.Sequential):
        def forward(self, images):
            calls.append(threading.get_ident())
            time.sleep(0.05)
            return super().forward(images)

    torch.manual_seed(0)
    net = Slow(nn.Flatten(), nn.Linear(64, 10))
    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(lambda _: own(net), range(4)))
    assert len({record.key for record in records}) == 1 and len({record.run_id for record in records}) == 4
    assert sorted(record.shards.computed for record in records) == [0, 0, 0, 1]
    assert len(set(calls)) == 1


@pytest.mark.parametrize("wait", [False, 0.05])
def test_another_process_is_waited_for_as_long_as_is_asked(zoo_home, wait):
    key = own(linear()).key
    with FileLock(zoo_home / "runs" / key / "lock"), pytest.raises(RunError, match="another process"):
        own(linear(), fresh=True, wait=wait)


def test_another_process_is_waited_for_until_it_ends(zoo_home):
    key = own(linear()).key
    began = threading.Event()

    def holding():  # as another process would: a thread that the zoo knows nothing of
        with FileLock(zoo_home / "runs" / key / "lock"):
            began.set()
            time.sleep(0.2)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(holding)
        assert began.wait(10)
        assert own(linear(), fresh=True, wait=True).shards.computed == 1


def test_a_thread_that_waits_no_longer_says_so():
    began, end = threading.Event(), threading.Event()

    class Holding(nn.Sequential):
        def forward(self, images):
            return super().forward(images)

    def holding(step):
        if step.stage == "predicting":
            began.set()
            end.wait(10)

    torch.manual_seed(0)
    net = Holding(nn.Flatten(), nn.Linear(64, 10))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(own, net, progress=holding)
        assert began.wait(20)
        with pytest.raises(RunError, match="another thread is running"):
            own(net, wait=0.1)
        end.set()
        assert first.result().shards.computed == 1


def test_a_run_within_a_run_of_the_same_is_refused_and_does_not_hang():
    class Asking(nn.Sequential):
        def forward(self, images):
            own(Asking(nn.Flatten(), nn.Linear(64, 10)), name="Asking")
            return super().forward(images)

        def __deepcopy__(self, memo):
            return self

    with pytest.raises(zoo.ZooError):
        own(Asking(nn.Flatten(), nn.Linear(64, 10)), name="Asking")


def test_what_other_threads_open_is_no_doubt_of_a_run(tmp_path):
    stop = threading.Event()
    (tmp_path / "read.txt").write_text("x")

    def busy():
        while not stop.is_set():
            (tmp_path / "read.txt").read_text()
            time.sleep(0.001)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        record = zoo.evaluate("intro/mlp", "digits", limit=60, fresh=True)
    finally:
        stop.set()
        thread.join()
    assert record.doubt == ""


def test_two_homes_at_once_do_not_mix(tmp_path, zoo_home):
    def run(place):
        home, seed = tmp_path / f"home-{place % 2}", place
        own(linear(seed), home=home, name=f"net-{place}")
        return home

    with ThreadPoolExecutor(4) as pool:
        homes = set(pool.map(run, range(8)))
    for home in homes:
        names = {row.model for row in zoo.results(home=home)}
        assert names == {f"local/net-{place}" for place in range(8) if home.name == f"home-{place % 2}"}
        assert len(list((home / "runs").iterdir())) == 4
    assert not (zoo_home / "runs").exists() and not (zoo_home / "zoo.db").exists()


def test_a_store_may_be_a_file_or_a_url(tmp_path):
    record = own(linear(), store=tmp_path / "team.db")
    assert [row.run_id for row in zoo.results(store=f"sqlite:///{tmp_path / 'team.db'}")] == [record.run_id]
    assert len(zoo.results()) == 0


def test_what_a_run_draws_follows_from_its_seed_and_disturbs_nobody():
    class Dropping(nn.Sequential):
        def forward(self, images):
            return super().forward(nn.functional.dropout(images, training=True))

    torch.manual_seed(0)
    net = Dropping(nn.Flatten(), nn.Linear(64, 10))
    state = torch.get_rng_state()
    first = own(net, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(5)
    assert own(net, seed=1).results == first.results
    assert own(net, seed=2).results[2].value != first.results[2].value


@pytest.mark.slow
def test_the_page_on_embedding_runs(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "embedding.md").read_text(encoding="utf-8")
    first = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    done = subprocess.run([sys.executable, "-c", first], capture_output=True, text=True, check=True, cwd=tmp_path)
    scores = json.loads(done.stdout)
    assert len(scores) == 8 and len(set(scores[::2])) == len(set(scores[1::2])) == 1
    assert (tmp_path / "scores" / "zoo.db").exists()


def test_nothing_of_another_home_is_made_where_one_is_named(tmp_path, zoo_home):
    own(linear(), home=tmp_path / "home", seed=3)
    assert not zoo_home.exists() or not [path for path in zoo_home.rglob("*") if path.is_file()]
