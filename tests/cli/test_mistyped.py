"""A name mistyped is answered from the index: nothing that computes is imported first."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pyarrow", "sqlalchemy", "scipy", "sklearn", "torchvision", "transformers")
MISTYPED = {
    "run intr/mlpp --on digits": "intro/mlp",
    "run intro/mlp --on digtis": "data/digits",
    "run intro/mlp@mnist --on mnist": "its tags are: digits",
    "run robust/smoothed(cnn/lenet6) --on mnist": "cnn/lenet5",
    "run intro/mlp --on digits --metric acuracy": "core/accuracy",
    "run robust/pgd --on mnist-linf --victim cnn/lenet6": "cnn/lenet5",
    "run robust/pgd --on mnist-linf --aux victim=cnn/lenet6": "cnn/lenet5",
    "run int/*r* --on digits": "no model matches",
    "run intro/mlp-digits --on digits": "is a recipe, not a model",
    "train intro/mlpp": "intro/mlp-digits",
    "train intro/mlp-digits --with bf17": "training/bf16",
    "train intro/mlp-digits --model intro/mpl": "intro/mlp",
    "show intro/mlpp": "intro/mlp",
    "verify intro/mlpp": "intro/mlp",
    "verify intro/mlp --benchmark digtis": "data/digits",
    "compare intro/mlpp intro/logistic --on digits": "intro/mlp",
    "compare lenet6 mlp": "cnn/lenet5",
    "compare intro/mlp intro/logistic --on digtis": "data/digits",
    "leaderboard digtis": "data/digits",
    "predict intro/mlpp picture.png": "intro/mlp",
    "sample generative/gann": "generative/gan",
}
SCRIPT = """
import sys, zoo_cli.app as app
from zoo.plugins.index import load_index
for command in {commands!r}:
    sys.argv = ["zoo", *command.split()]
    try: app.main()
    except SystemExit as end: print("code", end.code, [name for name in {heavy!r} if name in sys.modules])
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Of each command, in one process: what it says, its exit code, and which heavy modules are imported by then."""
    script = SCRIPT.format(commands=list(MISTYPED), heavy=HEAVY)
    # the index is made first, for which plugins are imported in processes of their own
    subprocess.run([sys.executable, "-m", "zoo_cli", "list"], capture_output=True, check=True)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    errors = [text for text in done.stderr.split("error:") if text.strip()]
    return dict(zip(MISTYPED, zip(errors, done.stdout.splitlines(), strict=True), strict=True))


@pytest.mark.parametrize("command", MISTYPED)
def test_a_name_mistyped_is_answered_with_the_nearest_and_imports_nothing_heavy(answers, command):
    told, ended = answers[command]
    assert MISTYPED[command] in told
    assert ended == "code 2 []"


@pytest.mark.parametrize(
    ("kinds", "name"),
    [
        (("model",), "cnn/lenet5@mnist"),
        (("model",), "lenet5"),
        (("model",), "timm/resnet18.a1_in1k"),
        (("model",), "./net.py:Net"),
        (("model",), "package.module:Net"),
        (("model",), "robust/smoothed(cnn/lenet5@mnist)"),
        (("model",), "robust/denoised(cnn/lenet5, denoiser=vision/dncnn@sigma25)"),
        (("model",), "intro/*"),
        (("benchmark", "dataset", "suite"), "digits"),
        (("benchmark", "dataset", "suite"), "course/topic-8"),
        (("benchmark", "dataset", "suite"), "folder:/no/such/folder"),
        (("metric",), "f1:positive=spam"),
        (("technique",), "lamb:trust_clip=true"),
    ],
)
def test_what_has_a_name_or_only_a_plugin_can_tell_passes(kinds, name):
    from zoo_cli.types import check_typed

    check_typed(kinds, name)


def test_a_name_says_the_same_whoever_meets_it():
    import zoo
    from zoo.errors import ZooError
    from zoo.plugins.checking import check_name
    from zoo.plugins.index import load_index

    index = load_index()
    for name in ("intr/mlpp", "intro/mlp-digits", "digits", "robust/smoothed(cnn/lenet6)", "robust/smoothed(a, b)"):
        told = []
        for ask in (zoo.registry().model, lambda name: check_name(index, ("model",), name)):
            with pytest.raises(ZooError) as caught:
                ask(name)
            told.append((type(caught.value), caught.value.message, caught.value.hint))
        assert told[0] == told[1]
