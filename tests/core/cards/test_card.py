"""Cards: what is written reads back with huggingface_hub, and what comes from outside is text wherever it stands."""

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import zoo
from zoo.cards.markdown import escaped, place_of
from zoo.errors import OptionError, UnknownNameError
from zoo.runs import RunRecord

NASTY = 'a|b <script>alert(1)</script> [x](javascript:y) **b** `c` # "q": {z}\n---\n- 1. www.evil.org https://evil.org'


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        return zoo.evaluate("intro/mlp@digits", "digits", device="cpu")


def changed(record, **fields):
    """A record with some of its parts changed, as JSON has them: `model__name`."""
    values = record.model_dump(mode="json")
    for path, value in fields.items():
        *parents, last = path.split("__")
        place = values
        for parent in parents:
            place = place[parent]
        place[last] = value
    return RunRecord.model_validate(values)


def test_header_and_scores_read_back_as_they_were(record):
    read = ModelCard(zoo.card(record, datasets={"digits": "acme/digits"}).readme).data
    assert read.model_name == record.model.name
    found = {result.metric_name: result for result in read.eval_results}
    for result in record.results:
        if result.value is None:
            assert result.metric not in found
            continue
        assert found[result.metric].metric_value == result.value
        assert found[result.metric].metric_args["n"] == result.n
        assert found[result.metric].metric_args.get("ci_low") == result.ci_low
        assert found[result.metric].dataset_type == "acme/digits"
        assert found[result.metric].dataset_split == "test"
    assert read.license == "apache-2.0" and read.datasets == ["acme/digits"]


def test_eval_results_read_back_and_hold_the_primary_score(record, tmp_path):
    made = zoo.card(record, datasets={"data/digits": "acme/digits:ten"})
    made.save(tmp_path)
    (path,) = (tmp_path / ".eval_results").iterdir()
    (entry,) = parse_eval_result_entries(yaml.safe_load(path.read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value, entry.date) == (
        "acme/digits",
        "ten",
        record.primary.value,
        record.created,
    )
    assert "accuracy [" in entry.notes and "n = 360" in entry.notes


def test_a_dataset_without_an_id_gets_no_file_and_the_card_says_so(record):
    made = zoo.card(record)
    assert made.eval_results == {}
    assert "the id of data/digits on the hub" in made.unwritten[0]
    assert escaped(made.unwritten[0]) in made.readme


@pytest.mark.parametrize("id_", ["no spaces please", "a/b/c", "../x", ""])
def test_what_is_no_id_is_refused(record, id_):
    with pytest.raises(OptionError, match="is no id of a dataset"):
        zoo.card(record, datasets={"digits": id_})


def test_a_dataset_that_no_run_is_of_is_refused(record):
    with pytest.raises(OptionError, match="no run is of it"):
        zoo.card(record, datasets={"mnist": "ylecun/mnist"})


def test_a_card_is_of_one_model(record):
    other = changed(record, run_id="other", model__name="intro/logistic@digits")
    with pytest.raises(OptionError, match="a card is of one model"):
        zoo.card(record, other)
    with pytest.raises(OptionError, match="at least one run"):
        zoo.card()
    with pytest.raises(UnknownNameError):
        zoo.card("no-such-run")


@pytest.mark.slow
def test_of_a_model_by_name_the_newest_run_of_each_protocol_is_taken():
    zoo.evaluate("intro/logistic@digits", "digits", device="cpu")
    newest = zoo.evaluate("intro/logistic@digits", "digits", device="cpu", metrics=["f1:average=macro"])
    some = zoo.evaluate("intro/logistic@digits", "digits", device="cpu", limit=50)
    made = zoo.card("intro/logistic")
    assert set(made.runs) == {newest.run_id, some.run_id}
    assert "50 of all, taken stratified by class" in made.readme


def test_what_is_there_is_not_overwritten_unasked(record, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    made = zoo.card(record, datasets={"digits": "acme/digits"})
    with pytest.raises(OptionError, match=r"README\.md is there already"):
        made.save(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine" and not (tmp_path / ".eval_results").exists()
    made.save(tmp_path, overwrite=True)
    assert (tmp_path / "README.md").read_text() == made.readme
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OptionError, match="is a file"):
        made.save(file)


def test_whatever_comes_from_outside_is_text_in_header_and_card(record):
    hostile = changed(
        record,
        model__name=f"local/{NASTY}",
        benchmark=NASTY,
        dataset__name=NASTY,
        model__notes=[NASTY],
        remarks=[NASTY],
        model__options={"a|b": NASTY},
    )
    made = zoo.card(hostile)
    read = ModelCard(made.readme)
    assert read.data.model_name == hostile.model.label
    assert {result.dataset_name for result in read.data.eval_results} == {NASTY}
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(read.text)
    inline = [child for token in tokens if token.type == "inline" for child in token.children]
    assert not [token for token in [*tokens, *inline] if token.type in ("html_block", "html_inline", "link_open", "fence", "hr")]
    assert next(token.content for token in tokens if token.type == "inline").count("\n") == 0
    rows = [token for token in tokens if token.type == "tr_open"]
    cells = [token for token in tokens if token.type in ("td_open", "th_open")]
    assert len(cells) == 7 * len(rows)
    assert sum(token.type == "heading_open" and token.tag == "h1" for token in tokens) == 1


@given(st.text(max_size=60))
@example(NASTY)
@example("1. one")
@example("+ plus")
@example("--- |")
@example("=====")
def test_escaped_text_is_read_as_itself(text):
    tokens = MarkdownIt("commonmark").parse(f"- **l:** {escaped(text)}")
    (inline,) = [token for token in tokens if token.type == "inline"]
    plain = "".join(child.content for child in inline.children if child.type in ("text", "text_special"))
    assert plain.split() == ["l:", *"".join(" " if ord(c) < 32 or c in "\x7f\u0085\u2028\u2029" else c for c in text).split()]
    assert {child.type for child in inline.children} <= {"text", "text_special", "strong_open", "strong_close"}


def test_folders_of_this_machine_are_nobody_elses_affair(record):
    assert place_of("file:///home/me/secret%20plans/net.pt") == "the file net.pt"
    made = zoo.card(changed(record, model__weights_uri="file:///home/me/secret/net.pt"))
    assert "secret" not in made.readme


def test_what_is_not_known_is_said(record):
    mine = changed(record, model__name="local/Net", model__weights_sha256=None, model__weights_uri=None, complexity=None)
    text = zoo.card(mine).readme
    for unknown in ("the licence of the weights", "on what the weights were trained", "the hash of the weights"):
        assert f"- {unknown}" in text
    assert "- **parameters:** unknown" in text
