"""`zoo run`, `zoo results`, `zoo train` and `zoo data`, on real digits."""

import json
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

SUMMARY = ["run_id", "status", "model", "benchmark", "results", "passed", "shards", "seconds", "samples_per_second", "record"]


def test_a_passed_run_exits_0_and_prints_one_object(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/easy", "--json")
    assert (done.code, done.err) == (0, "")
    assert list(done.json) == SUMMARY
    assert done.json["passed"] is True
    assert done.json["shards"] == {"total": 3, "computed": 3, "reused": 0}
    first = done.json["results"][0]
    assert list(first) == ["metric", "value", "ci_low", "ci_high", "n"]
    assert first["n"] == 1437 and 0.8 < first["ci_low"] < first["value"] < first["ci_high"] < 1


def test_a_missed_pass_mark_exits_1_with_the_result(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/hard", "--json")
    assert done.code == 1
    assert done.json["passed"] is False


def test_a_pass_mark_on_what_is_better_lower_passes_below_it(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/sure")
    assert done.code == 0 and re.search(r"PASSED nll \d\.\d+, needed <= 9\n", done.out)
    done = zoo("run", "toy/centroid", "--on", "toy/surer", "--json")
    assert done.code == 1 and done.json["passed"] is False
    done = zoo("run", "toy/centroid", "--on", "toy/odd")
    assert done.code == 2 and "toy/odd is passed with nll > 1, but of nll the lower value is the better one" in done.err
    assert "should read nll < 1" in done.err


def test_a_run_reads_well_in_a_pipe(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/hard")
    lines = done.out.splitlines()
    assert lines[0] == "toy/centroid@digits on toy/hard  1,437 samples of data/digits, split train"
    assert lines[2].split() == ["metric", "value", "95", "%", "interval", "n"]
    assert lines[3].split()[0] == "accuracy" and lines[3].split()[-1] == "1,437"
    assert any(line.startswith("  FAILED accuracy") for line in lines)
    assert "\x1b" not in done.out and done.err == ""


def test_the_same_run_again_computes_nothing(zoo, toy):
    first = zoo("run", "toy/centroid", "--on", "toy/easy", "--json").json
    again = zoo("run", "toy/centroid", "--on", "toy/easy", "--json").json
    assert again["shards"] == {"total": 3, "computed": 0, "reused": 3}
    assert again["results"] == first["results"] and again["run_id"] != first["run_id"]


def test_a_score_without_an_interval_says_why(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/easy", "--limit", "1", "--metric", "nll")
    assert "no interval of nll: one sample has no variance" in done.out
    assert "no interval of accuracy" not in done.out and "no interval of confusion" not in done.out


def test_a_limited_run_says_so_and_has_no_verdict(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/hard", "--limit", "50", "--metric", "nll")
    assert done.code == 0
    assert "limited to 50 samples, taken stratified by class" in done.out and "nll" in done.out


def test_an_engine_that_there_is_none_of_is_a_user_error(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/easy", "--engine", "local")
    assert done.code == 2 and "--engine 'local' does not say how many processes" in done.err and "local:2" in done.err


def test_a_model_without_a_benchmark_runs_on_what_its_weights_are_for(zoo, toy):
    assert zoo("run", "toy/centroid", "--json").json["benchmark"] == "data/digits"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("toy/centroyd", "--on", "digits"), "did you mean toy/centroid"),
        (("toy/centroid", "--on", "digit"), "did you mean data/digits"),
        (("toy/centroid", "--on", "digits", "--batch-size", "many"), "batch size 'many'"),
        (("toy/centroid", "--on", "digits", "--option", "eps"), "--option NAME=VALUE"),
        (("toy/centroid", "--on", "digits", "--option", "eps=1"), "takes no options"),
        (("toy/centroid", "--on", "digits", "--limit", "0"), "--limit: '0' is not a whole number of at least 1"),
        (("toy/centroid", "--on", "digits", "--limit", "x"), "--limit: 'x' is not a whole number of at least 1"),
        (("toy/centroid", "--on", "toy/stalling"), "toy/stalling is a model, not a benchmark"),
        (("intro/mlp-digits",), "intro/mlp-digits is a recipe, not a model"),
        (("intro/mlp-digits",), "zoo train intro/mlp-digits, or run its model: zoo run intro/mlp --on data/digits"),
        (("accuracy",), "core/accuracy is a metric, not a model"),
        (("digits",), "zoo run MODEL --on data/digits"),
        (("cnn/resnet18", "--on", "digits"), "name them in order by classes"),
        (("toy/centroid", "--on", "digits", "--device", "tpu"), "there is no device 'tpu'"),
        (("toy/centroid", "--on", "digits", "--metric", "acuracy"), "did you mean core/accuracy"),
        (("toy/centroid", "--on", "digits", "--metric", "miou"), "this run is classify, as toy/centroid is"),
        (("toy/centroid", "--on", "digits", "--metric", "miou"), "metrics of classify: accuracy, "),
        (("toy/centroid", "--on", "digits", "--weights", "absent.safetensors"), "absent.safetensors"),
        (("toy/centroid", "--on", "digits", "--device", "abacus"), "abacus"),
        (("toy/centroid", "--on", "digits", "--data-dir", "no/where"), "--data-dir no/where: there is no such folder"),
        (("toy/raising", "--on", "digits"), "no batch for me"),
    ],
)
def test_a_wrong_argument_is_a_user_error(zoo, toy, arguments, says):
    done = zoo("run", *arguments, "--json")
    assert (done.code, list(done.json)) == (2, ["error"])
    assert says in done.json["error"]["message"] + done.json["error"]["hint"]


def test_an_interrupted_run_says_how_to_go_on_and_does(zoo, toy, zoo_home):
    # given a run that is interrupted after its first shard, of 512 samples, however long that takes
    stalling = [sys.executable, "-X", "stalls_after=512", "-m", "zoo_cli"]
    command = [*stalling, "run", "toy/stalling", "--on", "toy/easy", "--batch-size", "64"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a shell that runs the tests in the background has them ignore SIGINT, and a child would, too
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, **pipes, preexec_fn=heeding) as process:
        while not list(zoo_home.glob("runs/*/shards/*.parquet")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    # then
    assert (process.returncode, out) == (130, "")
    assert err == "error: interrupted\n hint: finished shards are kept: the same command goes on from there\n"
    # when it is run again
    shards = zoo("run", "toy/stalling", "--on", "toy/easy", "--batch-size", "64", "--json").json["shards"]
    assert shards == {"total": 3, "computed": 2, "reused": 1}


def test_results_list_runs_newest_first_and_show_one_in_full(zoo, toy):
    first = zoo("run", "toy/centroid", "--on", "toy/easy", "--json").json
    second = zoo("run", "toy/centroid", "--on", "toy/hard", "--json").json
    lines = [line.split("\t") for line in zoo("results").out.splitlines()]
    assert [line[0] for line in lines] == [second["run_id"], first["run_id"]]
    assert [line[6] for line in lines] == ["no", "yes"]
    assert [r["run_id"] for r in zoo("results", "--benchmark", "easy", "--json").json] == [first["run_id"]]
    assert len(zoo("results", "--model", "centroid", "--limit", "1", "--json").json) == 1
    assert zoo("results", first["run_id"][:8], "--json").json == first["record"]
    full = zoo("results", first["run_id"]).out
    assert "PASSED accuracy" in full and first["record"]["dataset"]["fingerprint"] in full


def test_two_weights_files_of_ones_own_are_told_apart(zoo, tmp_path):
    # given
    shown = []
    for epochs in ("1", "2"):
        weights = str(tmp_path / "same-name.safetensors")
        sha256 = zoo("train", "intro/logistic-digits", "--epochs", epochs, "--output", weights, "--json").json["weights_sha256"]
        # when
        done = zoo("run", "intro/logistic", "--on", "digits", "--weights", weights)
        # then
        shown.append(f"intro/logistic ({sha256[:8]})")
        assert done.out.startswith(f"{shown[-1]} on data/digits")
    assert [line.split("\t")[2] for line in zoo("results").out.splitlines()] == shown[::-1]
    # and weights that are declared go by their tag
    assert zoo("run", "intro/logistic", "--on", "digits").out.startswith("intro/logistic@digits on")


def test_no_results_yet_is_no_error_but_an_unknown_run_is(zoo):
    assert zoo("results").code == 0 and zoo("results").out == ""
    assert zoo("results", "--json").json == []
    assert zoo("results", "--model", "intro/mlp").err == "no runs match\n"
    assert zoo("results", "abc").code == 2
    assert zoo("results", "abc", "--limit", "3").code == 2


def test_a_filter_by_a_name_of_nothing_is_an_error_unless_a_run_has_it(zoo, toy):
    for arguments in (("--model", "centroyd"), ("--model", "toy/centroyd@digits"), ("--benchmark", "esy")):
        done = zoo("results", *arguments)
        assert (done.code, done.out) == (2, "")
        assert "did you mean toy/" in done.err
    import torch

    import zoo as package

    package.evaluate(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), "digits", classes="dataset", limit=5)
    assert len(zoo("results", "--model", "local/Sequential", "--json").json) == 1
    assert zoo("results", "--model", "local/Sequential", "--benchmark", "mnist").err == "no runs match\n"


def test_verify_tells_a_name_of_nothing_from_a_model_without_a_claim(zoo, toy):
    assert "there is no model named 'intro/nope'" in zoo("verify", "intro/nope").err
    assert (
        "registry.yaml claims no score of toy/centroid on data/digits" in zoo("verify", "centroid", "--benchmark", "digits").err
    )


def test_training_ends_with_weights_that_run(zoo, tmp_path):
    # when
    weights = tmp_path / "own.safetensors"
    done = zoo("train", "intro/logistic-digits", "--epochs", "2", "--output", str(weights), "--json")
    # then
    assert (done.code, done.err) == (0, "")
    assert done.json["overrides"] == {"epochs": 2}
    text = zoo("train", "intro/logistic-digits", "--epochs", "2", "--output", str(weights)).out
    command = next(line for line in text.splitlines() if "zoo run" in line).partition("zoo run ")[2]
    assert zoo("run", *command.split(), "--json").json["results"][0]["value"] > 0.5


def test_an_unknown_recipe_answers_with_the_nearest(zoo):
    done = zoo("train", "intro/logistic-digit", "--json")
    assert (done.code, done.json["error"]["type"]) == (2, "UnknownNameError")
    assert "intro/logistic-digits" in done.json["error"]["hint"]


def test_data_that_is_bundled_is_here(zoo):
    states = {dataset["name"]: dataset["state"] for dataset in zoo("data", "list", "--json").json}
    assert states["data/sms-spam"] == states["data/digits"] == "here"
    paths = zoo("data", "path", "sms-spam").out.splitlines()
    assert paths and all(Path(path).is_file() for path in paths)
    assert zoo("data", "check", "sms-spam").code == 0
    assert zoo("data", "get", "sms-spam", "--json").json[0]["state"] == "here"


def test_a_benchmark_where_a_dataset_is_wanted_is_answered_with_its_dataset(zoo):
    for command in ("path", "get", "check"):
        done = zoo("data", command, "hw1")
        assert (done.code, done.out) == (2, "")
        assert "homework/hw1 is a benchmark, not a dataset\n hint: its dataset is homework/galaxy10" in done.err


def test_checking_all_data_lists_what_is_here(zoo, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    done = zoo("data", "check")
    assert {line.split("\t")[2] for line in done.out.splitlines()} == {"present"}
    assert re.fullmatch(r"\d+ datasets? checked; the other \d+ have no files here\n", done.err)


def test_data_that_is_absent_exits_1_when_checked_and_2_when_it_cannot_be_had(zoo, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    done = zoo("data", "check", "mnist")
    assert done.code == 1 and "zoo data get data/mnist" in done.err
    assert zoo("data", "check").code == 0
    assert zoo("data", "path", "mnist").code == 2
    error = zoo("data", "get", "mnist", "--json")
    assert error.code == 2 and "ZOO_OFFLINE" in error.json["error"]["message"]


def test_altered_data_is_found_out(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"not labels")
    done = zoo("data", "check", "--json")
    assert done.code == 1 and "t10k-labels-idx1-ubyte.gz is altered" in done.err
    assert json.loads(done.out)


def test_a_run_on_real_mnist_data_finds_it_in_the_given_folder(zoo, real_data, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_DIR")
    (mnist,) = [d for d in zoo("data", "list", "--data-dir", str(real_data), "--json").json if d["name"] == "data/mnist"]
    assert mnist["state"] == "here"


def test_a_model_without_a_benchmark_runs_on_the_only_one_that_fits_or_lists_them(zoo):
    done = zoo("run", "vision/dncnn@sigma25")
    assert done.code == 2 and "fits several benchmarks" in done.err
    assert "vision/set12-sigma25" in done.err and "vision/bsd68-sigma25" in done.err
    assert zoo("run", "intro/logistic", "--json").json["benchmark"] == "data/digits"


def test_a_tag_is_no_benchmark_of_another_task(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = zoo("run", "generative/vae")  # whose weights are tagged `mnist`, a dataset of labelled digits
    assert "mnist is a benchmark of task classify" not in done.err
    assert zoo("run", "vision/sobel").err.count("data/bsds500") == 1


def test_what_is_restricted_or_sampled_is_said_with_the_results(zoo, tmp_path):
    from PIL import Image

    import zoo as package

    digits = package.dataset("digits")
    for label in ("3", "5"):
        (tmp_path / "some" / label).mkdir(parents=True)
    for place, target in enumerate(digits.targets):
        if str(target) in ("3", "5"):
            picture = Image.fromarray(
                (digits[place].input[0] * (255 if digits[place].input.is_floating_point() else 1)).byte().numpy()
            )
            picture.save(tmp_path / "some" / str(target) / f"{place}.png")
    name = f"folder:{tmp_path / 'some'}"
    free = zoo("run", "intro/mlp@digits", "--on", name).out
    assert "competing 8 outputs of intro/mlp@digits for classes that" in free and "outputs" not in free.splitlines()[1]
    only = zoo("run", "intro/mlp@digits", "--on", name, "--outputs", "dataset", "--limit", "10").out
    assert "outputs=dataset" in only and "left out 8 outputs" in only and "taken stratified by class" in only
    assert "outputs=dataset, limit=10" in zoo("results").out


def test_results_need_not_write(zoo, zoo_home):
    assert zoo("results").code == 0 and not (zoo_home / "zoo.db").exists()


def test_sys_exit_in_a_model_is_no_success(zoo, tmp_path, monkeypatch):
    import zoo as package

    monkeypatch.setattr("torch.nn.Linear.forward", lambda self, inputs: sys.exit(0))
    done = zoo("run", "intro/logistic", "--on", "digits")
    assert done.code == 2 and "intro/logistic@digits raised SystemExit on" in done.err
    assert package.Store().records() == []
