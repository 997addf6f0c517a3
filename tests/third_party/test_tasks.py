"""A task and a modality by a plugin, `transcribe` of `audio`: from a run to a comparison, as the six core tasks.

Most is done in this process, on a copy of the distribution; what an installed one does at the command line comes last.
"""

import importlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import DataError, ModelError, OptionError, PredictionError
from zoo.runs.rows import row_of
from zoo.tasks import task_class

DISTRIBUTION = Path(__file__).parent / "distributions" / "zoo-audio"
BENCHMARK = "audio/dtmf"
METRICS = ["audio/cer", "audio/wer", "audio/exact-match"]


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    """The folder of its package, importable as long as these tests take, with a ZOO_HOME that they share."""
    base = tmp_path_factory.mktemp("in-process")
    site = base / "site"
    shutil.copytree(DISTRIBUTION / "zoo_audio", site / "zoo_audio")
    info = site / "zoo_audio-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-audio\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\naudio = zoo_audio\n")
    (info / "RECORD").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("ZOO_HOME", str(base / "home"))
        patch.delenv("ZOO_DATA_DIR", raising=False)
        yield site / "zoo_audio"
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_audio"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def transcripts(record):
    """Id to text and reference of every stored prediction."""
    from zoo.runs.stored import stored_shards

    rows = [row for table in stored_shards(record) for row in table.to_pylist()]
    return {row["id"]: (row["text"], row["reference"]) for row in rows}


def edits(reference, text):
    """The distance of Levenshtein, by its recursion."""
    row = list(range(len(text) + 1))
    for i, a in enumerate(reference, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(text, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def test_scores_carry_intervals_and_are_those_of_what_is_stored(audio):
    record = zoo.evaluate("audio/fft-peak", BENCHMARK)
    assert [(result.metric, result.n) for result in record.results] == [(name, 240) for name in METRICS]
    for result in record.results:
        assert result.ci_low < result.value < result.ci_high, result
    pairs = transcripts(record).values()
    assert len(pairs) == 240 and {reference for _, reference in pairs} != {text for text, _ in pairs}
    characters = sum(edits(one, text) for text, one in pairs) / sum(len(one) for _, one in pairs)
    words = sum(edits(one.split(), text.split()) for text, one in pairs) / sum(len(one.split()) for _, one in pairs)
    exact = np.mean([text == one for text, one in pairs])
    assert [result.value for result in record.results] == pytest.approx([characters, words, exact])
    assert record.task == "transcribe" and record.guard.difference == 0 and not record.doubt
    assert record.model.distribution == "zoo-audio 1.0"


def test_two_runs_are_compared_in_pairs(audio):
    first, second = zoo.evaluate("audio/goertzel", BENCHMARK), zoo.evaluate("audio/fft-peak", BENCHMARK)
    found = zoo.compare(first, second, metrics=METRICS)
    by_metric = {one.metric: one for one in found.differences}
    cer = by_metric["audio/cer"]
    assert cer.difference == pytest.approx(first.results[0].value - second.results[0].value)
    assert cer.ci_low < cer.difference < cer.ci_high < 0 and cer.p < 0.05
    assert cer.test == "paired permutation of recordings" and len(cer.first_better) > len(cer.second_better)
    said = [transcripts(run) for run in (first, second)]
    worse = {id_ for id_, (text, one) in said[1].items() if edits(one, text) > edits(one, said[0][id_][0])}
    assert set(cer.first_better) == worse
    assert by_metric["audio/exact-match"].test.startswith("exact McNemar") or "recordings" in by_metric["audio/exact-match"].test


def test_a_run_is_limited_resumed_and_found_done(audio, monkeypatch):
    whole = zoo.evaluate("audio/goertzel", BENCHMARK, seed=1)
    limited = zoo.evaluate("audio/goertzel", BENCHMARK, seed=1, limit=50)
    some = transcripts(limited)
    assert len(some) == 50 and some.items() <= transcripts(whole).items()
    again = zoo.evaluate("audio/goertzel", BENCHMARK, seed=1)
    assert (again.key, again.shards.computed, again.shards.reused) == (whole.key, 0, whole.shards.computed)
    lost = next((Path(zoo.home.zoo_home()) / "runs" / whole.key / "shards").glob("*.parquet"))
    before = transcripts(whole)
    lost.unlink()
    resumed = zoo.evaluate("audio/goertzel", BENCHMARK, seed=1)
    assert (resumed.shards.computed, transcripts(resumed)) == (1, before)
    assert [one.value for one in resumed.results] == [one.value for one in whole.results]


def test_the_task_s_version_and_its_protocol_are_part_of_the_key(audio, monkeypatch):
    from zoo_audio.transcribe import Transcribe

    before = zoo.evaluate("audio/goertzel", BENCHMARK, limit=5)
    assert zoo.evaluate("audio/goertzel", BENCHMARK, limit=5, protocol={"fold_case": True}).key != before.key
    monkeypatch.setattr(Transcribe, "version", 2)
    raised = zoo.evaluate("audio/goertzel", BENCHMARK, limit=5)
    assert raised.key != before.key and raised.protocol["version"] == 2
    with pytest.raises(OptionError, match="fold_cas"):
        zoo.evaluate("audio/goertzel", BENCHMARK, limit=5, protocol={"fold_cas": True})


def test_an_object_of_the_user_s_own_is_run(audio):
    import zoo_audio.decoders

    record = zoo.evaluate(zoo_audio.decoders.Goertzel(), BENCHMARK, limit=40, key="mine")
    named = zoo.evaluate("audio/goertzel", BENCHMARK, limit=40)
    assert record.model.name == "local/Goertzel" and transcripts(record) == transcripts(named)
    assert zoo.evaluate(lambda waves: ["1" for _ in waves], BENCHMARK, limit=10).results[2].value == 0.0


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda waves: [7 for _ in waves], "returned int for .*test-"),
        (lambda waves: "12", "returned str for"),
        (lambda waves: ["1"], "returned 1 texts for .* recordings"),
        (lambda waves: None, "returned NoneType"),
    ],
)
def test_what_is_no_transcript_is_refused_by_sample(audio, answer, says):
    with pytest.raises(PredictionError, match=says) as caught:
        zoo.evaluate(answer, BENCHMARK, limit=10)
    assert caught.value.ids and all(id_.startswith("test-") for id_ in caught.value.ids)


def test_a_transcript_that_depends_on_its_batch_is_caught(audio):
    record = zoo.evaluate(lambda waves: [str(len(waves)) for _ in waves], BENCHMARK, limit=20, batch_size=5)
    assert "not its own" in record.guard.note


def test_a_model_of_another_task_or_modality_does_not_run(audio):
    with pytest.raises(ModelError, match="audio/dtmf is a benchmark of task transcribe; cnn/lenet5 has: classify, embed"):
        zoo.evaluate("cnn/lenet5@digits", BENCHMARK)
    with pytest.raises(ModelError, match="is a benchmark of task classify; audio/goertzel has: transcribe"):
        zoo.evaluate("audio/goertzel", "digits")


def test_recordings_of_one_s_own_are_run_and_transcribed(audio, tmp_path):
    from zoo_audio.waves import dialled, write

    folder = tmp_path / "data" / "calls"
    folder.mkdir(parents=True)
    numbers = {f"{i}.wav": f"0{i}1 {i}{i}" for i in range(10, 14)}
    for name, number in numbers.items():
        write(folder / name, dialled(number, noise=0.02, seed=1))
    (folder / "test.tsv").write_text("".join(f"{name}\t{number}\n" for name, number in numbers.items()))
    record = zoo.evaluate("audio/goertzel", "audio/calls", data_dir=tmp_path / "data")
    assert record.results[0].metric == "audio/cer" and record.results[0].value == 0.0 and record.dataset.samples == 4
    assert record.results[0].interval == "Wilson over 4 recordings"
    with pytest.raises(DataError, match="audio/calls is absent"):
        zoo.evaluate("audio/goertzel", "audio/calls")

    (folder / "broken.wav").write_bytes(b"RIFF")
    answers = zoo.predict("audio/goertzel", folder)
    assert {Path(row["id"]).name: row["text"] for row in answers} == numbers
    assert answers.columns.names == ["id", "seconds", "text"]
    assert [Path(name).name for name in answers.unreadable] == ["broken.wav"]
    own = zoo.predict(lambda waves: [f"{len(wave)}" for wave in waves], folder / "10.wav", task="transcribe")
    assert [row["text"] for row in own] == [str(len(dialled(numbers["10.wav"], noise=0.02, seed=1)))]


def test_data_in_memory_say_their_modality_and_tasks(audio):
    from zoo_audio.dialled import Recordings
    from zoo_audio.waves import dialled

    data = Recordings(["a", "b"], [dialled("12", noise=0.01, seed=0), dialled("7 7", noise=0.01, seed=0)], ["12", "7 7"])
    data.modality, data.tasks = "audio", ("transcribe",)
    record = zoo.evaluate("audio/goertzel", data)
    assert (record.task, record.dataset.name, record.results[0].value) == ("transcribe", "local/Recordings", 0.0)
    data.tasks = ("transcrib",)
    with pytest.raises(ModelError, match="no task 'transcrib': did you mean 'transcribe'"):
        zoo.evaluate(lambda waves: ["" for _ in waves], data)


def test_a_recipe_of_the_task_needs_a_trainer_of_its_own(audio):
    from zoo.specs import RecipeSpec

    fields = {"model": "audio/goertzel", "task": "transcribe", "dataset": "audio/dtmf", "metric": "audio/cer", "epochs": 1}
    with pytest.raises(ModelError, match="the core's trainer knows no loss"):
        zoo.train(RecipeSpec(name="mine/keys", summary="S.", **fields))


def test_a_model_without_weights_fits_its_task_s_benchmarks(audio):
    registry = zoo.registry()
    assert registry.benchmarks_of(registry.model("audio/goertzel")) == [BENCHMARK]
    table = zoo.sweep(["audio/*"], [BENCHMARK], limit=20)
    assert {record.model.name for record in table.records} == {"audio/goertzel", "audio/fft-peak"}


def test_a_core_task_takes_a_plugin_s_modality(audio):
    import torch
    from zoo_audio.dialled import Recordings
    from zoo_audio.waves import dialled

    def loudness(waves):
        spectra = [wave.new_tensor(np.abs(np.fft.rfft(wave.numpy(), 8000))) for wave in waves]
        return torch.stack([torch.stack([one[697] + one[1209], one[770] + one[1336]]) for one in spectra])

    waves = [dialled("15"[i % 2] * (1 + i // 2 % 3), noise=0.05, seed=i) for i in range(24)]
    data = Recordings([f"key-{i}" for i in range(24)], waves, [i % 2 for i in range(24)])
    data.modality, data.tasks, data.classes = "audio", ("classify", "embed"), ("1", "5")
    record = zoo.evaluate(loudness, data, classes=["1", "5"])
    assert (record.task, record.primary.metric, record.primary.value) == ("classify", "accuracy", 1.0)
    assert zoo.evaluate(loudness, data, task="embed").primary.value == 1.0
    data.modality = "adio"
    with pytest.raises(ModelError, match="no modality 'adio': did you mean 'audio'"):
        zoo.evaluate(loudness, data)


def test_a_recording_that_is_none_is_named(audio):
    import torch
    from zoo_audio.dialled import Recordings

    waves = [torch.zeros(800), torch.full((800,), 2.0), torch.zeros(3, 800)]
    data = Recordings(["good", "loud", "stereo"], waves, ["", "", ""])
    data.modality, data.tasks = "audio", ("transcribe",)
    with pytest.raises(DataError, match=r"2 samples of local/Recordings cannot be read; .*a recording is a float tensor"):
        zoo.evaluate("audio/goertzel", data)
    record = zoo.evaluate("audio/goertzel", data, skip_bad=2, metrics=["audio/exact-match"])
    assert set(record.dataset.skipped) == {"loud", "stereo"} and "[-1, 1]" in record.dataset.skipped["loud"]


def test_runs_are_listed_ranked_reported_and_described(audio, tmp_path):
    runs = [zoo.evaluate(name, BENCHMARK, limit=60) for name in ("audio/goertzel", "audio/fft-peak")]
    row = row_of(runs[0], zoo.registry())
    assert (row.task, row.metric, row.limit) == ("transcribe", "audio/cer", 60)
    assert {run.run_id for run in runs} <= {one.run_id for one in zoo.results(task="transcribe")}
    page = zoo.report(runs, tmp_path / "report.html", pictures=4).read_text()
    assert "data:image/webp;base64" in page or "data:image/png;base64" in page
    assert "reference: " in page and "text: " in page and "cannot be" not in page
    text = zoo.card(runs[0]).readme
    assert "audio/cer" in text and "none: inputs as they are" in text and "transcribe, version 1" in text


def test_the_task_s_code_is_part_of_the_key(audio):
    """At any distance: `transcribe.py` imports `waves.py`."""
    from zoo.runs.key import runner_of
    from zoo.tasks import DataInfo, ModelInfo

    task = task_class("transcribe")(ModelInfo("m", "audio", None), DataInfo("d", "test", "audio", None), {})
    code = runner_of(task)
    assert {Path(file).name for file in code.files} >= {"transcribe.py", "waves.py", "decoders.py"}
    before, path = code.identity, audio / "waves.py"
    source = path.read_text()
    try:
        path.write_text(source + "\nMORE = 1\n")
        assert runner_of(task).identity != before
    finally:
        path.write_text(source)
    classify = task_class("classify")(ModelInfo("m", "image", ("a", "b")), DataInfo("d", "test", "image", ("a", "b")), {})
    assert runner_of(classify) is None  # the core's own code is in every key


def test_a_run_whose_plugin_is_gone_is_listed_and_cannot_be_compared(audio, monkeypatch, tmp_path):
    runs = [zoo.evaluate(name, BENCHMARK, limit=30) for name in ("audio/goertzel", "audio/fft-peak")]
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(audio.parent)])
    importlib.invalidate_caches()
    assert {run.run_id for run in runs} <= {row.run_id for row in zoo.results(task="transcribe")}
    with pytest.raises(zoo.ZooError, match=r"audio|transcribe"):
        zoo.compare(*runs)


def test_metrics_are_exact_on_hand_made_cases(audio):
    from zoo_audio.errors import CharacterErrorRate, WordErrorRate

    from zoo.tasks import Rows

    def rows(*pairs):
        columns = {name: np.array([pair[i] for pair in pairs], dtype=object) for i, name in enumerate(("reference", "text"))}
        return Rows([str(i) for i in range(len(pairs))], columns, ())

    cases = [("kitten", "sitting"), ("", "ab"), ("a b c", "a c"), ("same", "same")]
    cer, wer = CharacterErrorRate(), WordErrorRate()
    assert cer.update(rows(*cases))["edits"].tolist() == [3, 2, 2, 0]
    assert cer.compute(cer.update(rows(*cases)), ()).value == pytest.approx(7 / 15)
    assert wer.compute(wer.update(rows(*cases)), ()).value == pytest.approx((1 + 1 + 1 + 0) / 5)
    worse = cer.compute(cer.update(rows(("a", "bcd"))), ())
    assert worse.value == 3 and worse.ci_low is None and worse.interval.startswith("none: ")
    assert cer.compute(cer.update(rows(("", "x"))), ()).interval == "none: the references are empty"
    empty = cer.compute(cer.update(rows()), ())
    assert empty.value is None and empty.n == 0


def test_the_interval_of_an_error_rate_covers_it(audio):
    from zoo_audio.errors import CharacterErrorRate

    metric, covered, rng = CharacterErrorRate(), 0, np.random.default_rng(0)
    for _ in range(400):
        length = rng.integers(3, 12, 100)
        rate = rng.beta(0.5, 4.5, 100)  # recordings differ: some are lost, most are fine
        score = metric.compute({"edits": rng.binomial(length, rate).astype(float), "length": length.astype(float)}, ())
        covered += score.ci_low is not None and score.ci_low <= 0.1 <= score.ci_high
    assert covered / 400 >= 0.9


@pytest.mark.slow
def test_profiling_takes_the_task_s_examples(audio):
    (found,) = zoo.profile("audio/goertzel", repetitions=3).profiles
    assert found.task == "transcribe" and "examples of task transcribe" in found.protocol.samples


def test_the_task_is_a_class_like_the_core_s(audio):
    assert task_class("transcribe").__name__ == "Transcribe"
    assert [spec.name for spec in zoo.registry().tasks()][-1] == "transcribe"
    models = zoo.registry().models(task="transcribe", modality="audio")
    assert {spec.name for spec in models} == {"audio/fft-peak", "audio/goertzel"}


@pytest.fixture(scope="module")
def installed(pristine, tmp_path_factory):
    """An environment with the distribution really installed."""
    import subprocess

    base = tmp_path_factory.mktemp("audio")
    shutil.copytree(DISTRIBUTION, base / "zoo-audio")
    subprocess.run([sys.executable, Path(__file__).parent / "build.py", base, base / "zoo-audio"], check=True, timeout=120)
    made = pristine.copy(base / "environment", base / "home")
    made.install(next(base.glob("*.whl")))
    made.age()
    return made


@pytest.mark.slow
def test_installed_it_runs_and_compares_at_the_command_line(installed):
    done = installed.zoo("run", "audio/goertzel", "audio/fft-peak", "--on", BENCHMARK, "--limit", "60", "--json")
    assert done.code == 0, done.err
    runs = done.json["runs"]
    assert all(run["results"][0]["ci_low"] is not None for run in runs), json.dumps(runs)[:2000]
    compared = installed.zoo("compare", *(run["run_id"] for run in runs), "--json")
    assert compared.code == 0 and compared.json["differences"][0]["metric"] == "audio/cer", compared.err
    listed = installed.zoo("list", "models", "--task", "transcribe")
    assert [line.split("\t")[0] for line in listed.out.splitlines()] == ["audio/fft-peak", "audio/goertzel"]
    wrong = installed.zoo("list", "--modality", "audi")
    assert wrong.code == 2 and "did you mean audio?" in wrong.err


@pytest.mark.slow
def test_installed_it_passes_the_conformance_kit(installed):
    done = installed.zoo("plugins", "check", "audio", "--json")
    assert done.code == 0, done.out
    findings = done.json[0]["findings"]
    states = {(one["check"], one["entry"]): one["state"] for one in findings}
    assert set(states.values()) == {"ok"}, [one for one in findings if one["state"] != "ok"]
    for check in ("predicts", "outputs", "stores", "deterministic", "batch-invariant", "self-contained"):
        assert states[check, "audio/goertzel"] == "ok"
    for metric in METRICS:
        assert states["folds", metric] == "ok"
