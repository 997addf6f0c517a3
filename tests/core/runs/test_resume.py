"""Resuming: a run that died or was damaged computes what is missing, and ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import zoo
from zoo.errors import ModelError, PredictionError, RunError

VICTIM = """
import zoo, zoo_toy
zoo_toy.nn.Linear.forward = zoo_toy.counted(zoo_toy.nn.Linear.forward)
print("ready", flush=True)
zoo.evaluate(zoo_toy.Linear(), "toy/many", classes="dataset", key="toy", batch_size=256)
"""


def run(toy, name="toy/vectors", **options):
    return zoo.evaluate(toy.Linear(), name, classes="dataset", key="toy", **options)


def start(environment, delay):
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM], env={**environment, "TOY_DELAY": str(delay)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def wait_for_shards(shard_files, count, process):
    deadline = time.monotonic() + 60
    while len(shard_files()) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def test_a_run_killed_at_half_computes_only_what_is_missing(toy, toy_environment, shard_files, zoo_home, monkeypatch):
    process = start(toy_environment, delay=0.05)
    wait_for_shards(shard_files, 8, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    kept = {path.name: path.read_bytes() for path in shard_files()}

    resumed = run(toy, "toy/many", batch_size=256)
    assert resumed.shards.total == 16
    assert resumed.shards.reused == len(kept) >= 8
    assert resumed.shards.computed == 16 - len(kept) > 0
    assert toy.calls == 2 * resumed.shards.computed + 4  # 512 samples a shard, 256 a batch, and 4 asked for again

    third = run(toy, "toy/many")
    assert third.shards.computed == 0 and third.cost.samples_per_second is None
    assert toy.calls == 2 * resumed.shards.computed + 4
    assert {path.name: path.read_bytes() for path in shard_files() if path.name in kept} == kept
    assert not list(zoo_home.rglob("*.tmp"))

    monkeypatch.setenv("ZOO_HOME", str(zoo_home.with_name("another-home")))
    uninterrupted = run(toy, "toy/many")
    assert uninterrupted.shards.computed == 16
    assert uninterrupted.key == resumed.key
    assert uninterrupted.results == resumed.results == third.results


KILLED_AT_RANDOM = """
import os, random, signal, sys, time
import zoo, zoo_toy
import zoo.runs.evaluate, sqlalchemy.dialects.sqlite, pyarrow.parquet  # imported before the forks, so that they start at once

zoo_toy.nn.Linear.forward = zoo_toy.counted(zoo_toy.nn.Linear.forward)
random.seed(int(sys.argv[1]))
kills = 0
while True:
    child = os.fork()
    if child == 0:
        record = zoo.evaluate(zoo_toy.Linear(), "toy/many", classes="dataset", key="toy", batch_size=256)
        os._exit(0)
    deadline = time.monotonic() + random.uniform(0.02, 0.5)
    status = 0
    while time.monotonic() < deadline and not status:
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            sys.exit(f"{kills} kills" if status == 0 else "failed")
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    kills += 1
    if kills == 15:
        sys.exit(f"{kills} kills")
"""


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_kills_at_any_moment_leave_only_whole_shards(seed, toy, toy_environment, shard_files, zoo_home, monkeypatch):
    environment = {**toy_environment, "TOY_DELAY": "0.01"}
    done = subprocess.run([sys.executable, "-c", KILLED_AT_RANDOM, str(seed)], env=environment, capture_output=True, text=True)
    assert done.stderr.strip().endswith("kills") and not done.stderr.startswith("0 "), done.stderr
    survived = {path.name: path.read_bytes() for path in shard_files()}
    record = run(toy, "toy/many", batch_size=256)
    assert record.shards.reused == len(survived)

    monkeypatch.setenv("ZOO_HOME", str(zoo_home.with_name("another-home")))
    assert run(toy, "toy/many", batch_size=256).results == record.results


def test_a_third_run_does_not_even_load_the_model(monkeypatch):
    first = zoo.evaluate("intro/logistic", "digits")
    monkeypatch.setattr("zoo.opening.models.build_model", lambda *_: pytest.fail("the model was built"))
    again = zoo.evaluate("intro/logistic", "digits")
    assert (again.shards.computed, again.shards.reused) == (0, 1)
    assert again.results == first.results
    assert again.run_id != first.run_id


def damage(path, how):
    content = path.read_bytes()
    table = pq.read_table(path)
    notes = dict(table.schema.metadata)
    if how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "one bit flipped":
        middle = len(content) // 3
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif how == "of another run":
        pq.write_table(table.replace_schema_metadata({**notes, b"zoo.key": b"0" * 32}), path)
    elif how == "another shard's":
        path.write_bytes(path.with_name("00002.parquet").read_bytes())
    elif how == "other ids":
        ids = pa.array([f"w{i}" for i in range(table.num_rows)])
        pq.write_table(table.set_column(0, "id", ids).replace_schema_metadata(notes), path)
    elif how == "too few rows":
        pq.write_table(table.slice(1).replace_schema_metadata(notes), path)
    elif how == "no logits":
        pq.write_table(table.drop_columns(["logits"]), path)
    elif how == "logits of another type":
        logits = table["logits"].cast(pa.list_(pa.float64()))
        pq.write_table(table.set_column(1, "logits", logits).replace_schema_metadata(notes), path)
    elif how == "no Parquet":
        path.write_text("hello")
    elif how == "a leftover":
        path.rename(path.with_name(f".{path.name}.abc.tmp"))


@pytest.mark.parametrize(
    "how",
    ["empty", "truncated", "one bit flipped", "of another run", "another shard's", "other ids", "too few rows", "no logits",
     "logits of another type", "no Parquet", "a leftover"],
)  # fmt: skip
def test_a_damaged_shard_alone_is_computed_again(how, toy, shard_files, zoo_home):
    first = run(toy)
    damage(shard_files()[1], how)
    second = run(toy)
    assert (second.shards.computed, second.shards.reused) == (1, 3)
    assert second.results == first.results
    assert second.artifacts == first.artifacts
    assert not list(zoo_home.rglob("*.tmp"))


def test_no_flipped_bit_is_ever_read_as_a_prediction(toy, shard_files):
    from zoo.runs.shards import Shard, read_shard

    record = run(toy, limit=50)
    (path,) = shard_files()
    content = path.read_bytes()
    shard, ids = Shard(0, range(50), path), pq.read_table(path)["id"].to_pylist()
    schema = pa.schema([("logits", pa.list_(pa.float32())), ("target", pa.int32())])
    whole = read_shard(shard, record.key, ids, schema).table
    for position in range(0, len(content), 3):
        path.write_bytes(content[:position] + bytes([content[position] ^ (1 << position % 8)]) + content[position + 1 :])
        read = read_shard(shard, record.key, ids, schema)
        assert read is None or read.table.equals(whole)


def test_fresh_computes_everything_again(toy):
    first = run(toy)
    second = run(toy, fresh=True)
    assert (second.shards.computed, second.shards.reused) == (4, 0)
    assert second.key == first.key


def test_of_two_processes_on_one_run_one_is_refused_and_the_other_ends(toy, toy_environment, shard_files):
    run(toy)  # what it takes to begin is all there
    there = len(shard_files())
    process = start(toy_environment, delay=0.1)
    wait_for_shards(shard_files, there + 1, process)
    with pytest.raises(RunError, match="another process is running local/Linear on toy/many") as caught:
        run(toy, "toy/many")
    assert "run again" in caught.value.hint
    assert process.wait(60) == 0
    record = run(toy, "toy/many")
    assert record.shards.reused == 16
    assert len(zoo.Store().records()) == 3


def test_a_dead_process_holds_no_lock(toy, toy_environment, shard_files):
    process = start(toy_environment, delay=0.1)
    wait_for_shards(shard_files, 1, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert run(toy, "toy/many").shards.reused >= 1


class Failing:
    """What a model that goes wrong does on the batch that holds one given vector; a key stands for its `reply`."""

    reply = None

    def __init__(self, toy, index=1100):
        self.model = toy.Linear()
        self.bad = zoo.dataset("toy/vectors").inputs[index]

    def __call__(self, inputs):
        logits = self.model(inputs)
        found = (inputs == self.bad).all(1)
        return self.reply(logits, found) if found.any() else logits


def _with(value):
    return lambda logits, found: logits.masked_fill(found[:, None], value)


def _raise(logits, found):
    raise IndexError("out of my depth\nand more")


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (_with(float("nan")), PredictionError, "NaN or infinite logits for 1 samples: v1100"),
        (_with(float("inf")), PredictionError, "NaN or infinite logits for 1 samples: v1100"),
        (lambda logits, found: logits[:, :2], PredictionError, r"shape \[100, 2\] for 100 samples\nexpected \[100, 3\]"),
        (lambda logits, found: logits[:-1], PredictionError, "begins with sample v1024"),
        (lambda logits, found: logits.long(), PredictionError, "torch.int64 for v1024, v1025"),
        (lambda logits, found: {"logits": logits}, PredictionError, "dict for v1024, v1025"),
        (_raise, ModelError, "IndexError on 100 samples, v1024 to v1123: out of my depth\n"),
    ],
    ids=["NaN", "inf", "wrong shape", "too few", "wrong dtype", "not a tensor", "raises"],
)
def test_a_model_that_goes_wrong_is_told_by_sample_and_costs_no_finished_shard(reply, error, says, toy, shard_files, monkeypatch):
    options = {"classes": "dataset", "batch_size": 100, "key": "failing"}
    monkeypatch.setattr(Failing, "reply", staticmethod(reply))
    with pytest.raises(error, match=says):
        zoo.evaluate(Failing(toy), "toy/vectors", **options)
    assert len(shard_files()) == 2
    assert zoo.Store().records() == []

    monkeypatch.setattr(Failing, "reply", staticmethod(lambda logits, found: logits))
    mended = zoo.evaluate(Failing(toy), "toy/vectors", **options)
    assert (mended.shards.computed, mended.shards.reused) == (2, 2)


def test_a_record_is_not_lost_where_somebody_interrupts_an_observer(toy, plugin, ctrl_c):
    plugin(
        "slow",
        textwrap.dedent("""
        import signal
        from zoo.hookspecs import hookimpl

        @hookimpl
        def zoo_run_finished(record):
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C does
    """),
    )
    with pytest.raises(KeyboardInterrupt):
        run(toy)
    assert len(zoo.Store().records()) == 1
