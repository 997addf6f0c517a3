"""The example plugins that the catalogue knows: from their folder to a score and a green check, as a user would type it."""

import re
from pathlib import Path

import pytest

from zoo.plugins.catalogue import load_catalogue

EXAMPLES = Path(__file__).parents[2] / "examples"
SCORES = {
    "onnxruntime/digits-mlp --on digits": ("onnxruntime/digits-mlp", 0.975),
    "sklearn/logistic-images sklearn/forest-images --on digits": ("sklearn/forest-images", 0.9667),
    "tabular/perceptron --on tabular/wine": ("tabular/perceptron@wine on tabular/wine", 0.9428),
}
"""What is run, how its line begins, and what it scores."""


def whole() -> list[Path]:
    """The examples that are whole projects, as `zoo plugins new` writes them."""
    return sorted(path for path in EXAMPLES.iterdir() if (path / "tests").is_dir())


@pytest.mark.parametrize("project", whole(), ids=lambda path: path.name)
def test_an_example_is_a_whole_project_that_the_catalogue_knows(project):
    for name in ("README.md", "LICENSE", "pyproject.toml", ".github/workflows/test.yml"):
        assert (project / name).is_file(), name
    assert "actions/workflows/test.yml/badge.svg" in (project / "README.md").read_text()
    (entry,) = [known for known in load_catalogue().plugins if known.folder == str(project)]
    assert entry.distribution == project.name


def test_there_are_three():
    assert [path.name for path in whole()] == ["zoo-onnx", "zoo-sklearn", "zoo-tabular"]


@pytest.mark.slow
def test_they_go_from_their_folder_to_a_score_and_a_green_check(fresh, tmp_path):
    pytest.importorskip("onnxruntime")
    offline = {"ZOO_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    added = fresh.shell(f"zoo plugins install --yes --pip=--quiet {EXAMPLES / 'zoo-onnx'} sklearn tabular", tmp_path, **offline)
    assert added.code == 0 and added.out.count(": ok, ") == 3, added.err
    assert added.err.count("published by the authors of deepzoo") == 3
    for command, (model, score) in SCORES.items():
        done = fresh.shell(f"zoo run {command}", tmp_path, **offline)
        found = re.search(rf"^{model}\b.*?(0\.\d{{4}})", done.out, re.MULTILINE | re.DOTALL)
        assert done.code == 0 and found and float(found[1]) == pytest.approx(score, abs=0.02), done.out + done.err
    checked = fresh.shell("zoo plugins check onnxruntime sklearn tabular", tmp_path, **offline)
    assert checked.code == 0 and len(re.findall(r"^\w+ \(zoo-\w+ 0\.1\.0\) passed: ", checked.out, re.MULTILINE)) == 3, (
        checked.out
    )
