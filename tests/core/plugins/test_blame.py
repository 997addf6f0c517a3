"""What a plugin by others does wrong at run time is said of it, by plugin, distribution and version, and never of deepzoo."""

import importlib
import signal
import sys

import pytest

import zoo
from zoo.errors import ModelError, OptionError, PluginError, ZooError, is_pressed
from zoo.plugins.blame import blamed, in_plugin
from zoo_cli.app import zoo as group
from zoo_cli.errors import guarded

TITLE = "plugin 'wild' (zoo-wild 2.5): "

ENTRIES = """
import sys
from zoo import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec, ImageInput, MetricSpec, ModelSpec, RecipeSpec, SpecKind, TechniqueSpec

COMMON = dict(modality="image", input=ImageInput(channels=1, size=(8, 8)), classes=tuple("0123456789"), summary="A model.")

def model(name, attribute="Sound", module="wild_code.nets", **more):
    return ModelSpec(name=name, tasks={"classify": f"{module}:{attribute}"}, **COMMON, **more)

@hookimpl
def zoo_models():
    return [
        model("sound"), model("init", "Init"), model("exiting", "Exiting"), model("interrupting", "Interrupting"),
        model("leaving", "Leaving"), model("base", "Base"), model("raising", "Raising"), model("nan", "Nan"),
        model("nowhere", "Nowhere"), model("unwritten", module="wild_code.unwritten"), model("absent", module="wild_code.absent"),
        model("late", module="wild_code.late"), model("needs", module="wild_code.needs"),
        model("mute", "Mute"), model("done", "Done"), model("strange", "Strange"), model("tight", "Tight"),
        model("unoptioned", options="wild_code.nets:NoOptions"), model("choosy", options="wild_code.nets:Choosy"),
        model("lost-options", options="wild_code.nets:Lost"), model("quitting-options", options="wild_code.late:Options"),
        model("garbage", requires=("numpy >=> 1",)), model("elsewhere", requires=('no-such-thing; python_version < "3"',)),
        model("here", requires=('no-such-thing; python_version > "3"',)),
    ]

@hookimpl
def zoo_metrics():
    names = ["update", "compute", "merge", "state", "init", "exiting", "interrupting", "nan", "beyond", "text"]
    names += ["no-metric", "lost"]
    target = lambda name: f"wild_code.metrics:{name.title().replace('-', '')}"
    return [
        MetricSpec(name=name, summary="A metric.", task="classify", target=target(name), direction="higher", reference="none")
        for name in names
    ]

@hookimpl
def zoo_datasets():
    names = ["opening", "exiting", "interrupting", "odd", "sample", "sample-exit", "sample-press", "length", "ids", "fingerprint"]
    common = dict(modality="image", tasks=("classify",), classes=("a", "b"), splits={"test": 4}, licence="CC0-1.0")
    target = lambda name: f"wild_code.data:{name.title().replace('-', '')}"
    return [DatasetSpec(name=name, target=target(name), citation="none", summary="Data.", **common) for name in names]

@hookimpl
def zoo_recipes():
    trainers = ["raising", "exiting", "interrupting", "nothing", "nowhere"]
    return [
        RecipeSpec(name=name, summary="A recipe.", model="intro/logistic", dataset="data/digits", epochs=1,
                   trainer=f"wild_code.trainers:{name}") for name in trainers
    ]

@hookimpl
def zoo_techniques():
    target = lambda name: f"wild_code.trainers:{name}"
    return [TechniqueSpec(name=name.lower(), summary="An optimizer.", kind="optimizer", target=target(name), paper="none")
            for name in ("Unbuilt", "Unclassy")]

@hookimpl
def zoo_spec_kinds():
    return [SpecKind(name="pond", spec="wild_ponds:PondSpec", summary="Ponds.")]

@hookimpl
def zoo_ponds():
    import wild_ponds
    return [wild_ponds.PondSpec(name="deep", summary="A pond.")]

@hookimpl
def zoo_namespaces():
    return ["wilder"]

@hookimpl
def zoo_names(namespace):
    if getattr(sys, "wild_speaks_for", None):
        return "numpy", [model(sys.wild_speaks_for)]
    raise SystemExit(3)

@hookimpl
def zoo_resolve(kind, name):
    if name.startswith("wilder/"):
        if "odd" in name:
            return model("cnn/lenet5")
        raise {"exit": SystemExit, "press": KeyboardInterrupt}.get(name[7:], LookupError)(name)

@hookimpl
def zoo_drawer(model):
    raise SystemExit("no pictures")
"""

PONDS = """
import sys
from pydantic import model_validator
from zoo.specs import Spec

class PondSpec(Spec):
    @model_validator(mode="after")
    def _dry(self):
        if getattr(sys, "wild_is_dry", False):
            raise LookupError("no water")
        return self
"""

NETS = """
import torch
from pydantic import BaseModel, model_validator

class Sound(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :10]

class Init(Sound):
    def __init__(self):
        raise LookupError("no layers")

class Exiting(Sound):
    def __init__(self):
        raise SystemExit(0)

class Interrupting(Sound):
    def forward(self, x):
        raise KeyboardInterrupt

class Leaving(Sound):
    def forward(self, x):
        raise SystemExit

class Base(Sound):
    def forward(self, x):
        raise BaseException("basic")

class Raising(Sound):
    def forward(self, x):
        raise RuntimeError("no batch for me")

class Nan(Sound):
    def forward(self, x):
        return super().forward(x) * float("nan")

class Tight(Sound):
    def __init__(self, size):
        pass

class Mute(Sound):
    def __init__(self):
        raise type("Silent", (Exception,), {"__str__": lambda self: 1 / 0})

class Done(Sound):
    def __init__(self):
        raise GeneratorExit

Strange = 7

class NoOptions:
    pass

class Choosy(BaseModel):
    @model_validator(mode="after")
    def _never(self):
        raise KeyError("never")
"""

METRICS = """
import numpy as np
from zoo.metrics import Metric, Score

class Sound(Metric):
    def update(self, rows):
        return {"n": np.array(len(rows))}
    def compute(self, state, classes):
        return Score(0.5, int(state["n"]))

class Update(Sound):
    def update(self, rows):
        raise LookupError("no rows")

class Compute(Sound):
    def compute(self, state, classes):
        raise LookupError("no state")

class Merge(Sound):
    def merge(self, first, second):
        raise LookupError("no union")

class State(Sound):
    def update(self, rows):
        return 5 if len(rows) else super().update(rows)
    def merge(self, first, second):
        return first["n"] + second["n"]

class Init(Sound):
    def model_post_init(self, context):
        raise LookupError("no options")

class Exiting(Sound):
    def update(self, rows):
        raise SystemExit(0)

class Interrupting(Sound):
    def compute(self, state, classes):
        raise KeyboardInterrupt

class Nan(Sound):
    def compute(self, state, classes):
        return Score(float("nan"), 1)

class Beyond(Sound):
    def compute(self, state, classes):
        return Score(1.5, 1)

class Text(Sound):
    def compute(self, state, classes):
        return Score("half", 1)

class NoMetric:
    pass
"""

DATA = """
class Sound:
    def __init__(self, files, split):
        self.ids, self.targets, self.classes, self.fingerprint = list("wxyz"), [0, 1, 0, 1], ("a", "b"), "f" * 64
    def __len__(self):
        return 4
    def __iter__(self):
        return map(self.__getitem__, range(4))
    def __getitem__(self, place):
        import torch
        from zoo.data import Sample
        return Sample(self.ids[place], torch.zeros(1, 8, 8), self.targets[place])

class Opening(Sound):
    def __init__(self, files, split):
        raise LookupError("no files")

class Exiting(Sound):
    def __init__(self, files, split):
        raise SystemExit(0)

class Interrupting(Sound):
    def __init__(self, files, split):
        raise KeyboardInterrupt

def Odd(files, split):
    return 7

class Sample(Sound):
    def __getitem__(self, place):
        raise LookupError("no sample")

class SampleExit(Sound):
    def __getitem__(self, place):
        raise SystemExit(0)

class SamplePress(Sound):
    def __getitem__(self, place):
        raise KeyboardInterrupt

class Length(Sound):
    def __init__(self, files, split):
        super().__init__(files, split)
        self.targets = None

class Ids(Sound):
    def __init__(self, files, split):
        super().__init__(files, split)
        del self.ids
    @property
    def ids(self):
        raise LookupError("no ids")
    @ids.setter
    def ids(self, value):
        pass
    @ids.deleter
    def ids(self):
        pass

class Fingerprint(Sound):
    def __init__(self, files, split):
        super().__init__(files, split)
        del self.fingerprint
"""

TRAINERS = """
def raising(job):
    raise LookupError("no data")

def exiting(job):
    raise SystemExit(0)

def interrupting(job):
    raise KeyboardInterrupt

def nothing(job):
    return None

class Unclassy:
    pass

from pydantic import BaseModel

class Unbuilt(BaseModel):
    def build(self, parameters, optimizer):
        raise LookupError("no steps")
"""


@pytest.fixture(scope="module")
def wild_site(tmp_path_factory):
    """A folder with a plugin whose every entry fails at run time, laid out as pip would."""
    site = tmp_path_factory.mktemp("wild")
    (site / "wild_entries.py").write_text(ENTRIES)
    (site / "wild_ponds.py").write_text(PONDS)
    code = site / "wild_code"
    code.mkdir()
    for name, source in {
        "__init__": "", "nets": NETS, "metrics": METRICS, "data": DATA, "trainers": TRAINERS,
        "unwritten": "def (", "late": "raise SystemExit(0)", "needs": "import module_that_is_nowhere",
    }.items():  # fmt: skip
        (code / f"{name}.py").write_text(source)
    info = site / "zoo_wild-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-wild\nVersion: 2.5\nRequires-Dist: numpy>=1\n")
    (info / "entry_points.txt").write_text("[zoo]\nwild = wild_entries\n")
    return site


@pytest.fixture(scope="module")
def wild_home(tmp_path_factory):
    return tmp_path_factory.mktemp("wild-home")


@pytest.fixture(autouse=True)
def wild(wild_site, wild_home, monkeypatch):
    """The plugin, installed for one test; the index is made once for all."""
    monkeypatch.setenv("ZOO_HOME", str(wild_home))
    monkeypatch.syspath_prepend(str(wild_site))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in [name for name in sys.modules if name.startswith("wild_")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()


@pytest.fixture
def command(capsys):
    """The command line, in this process: exit code, and what it says."""

    def call(*arguments):
        capsys.readouterr()
        code = guarded(group, arguments)
        return code, capsys.readouterr()

    return call


def told(call):
    """The one error that a call raises, which names the plugin."""
    with pytest.raises(ZooError) as caught:
        call()
    assert caught.value.message.startswith(TITLE), caught.value.message
    assert caught.value.plugin == "wild"
    return caught.value.message.removeprefix(TITLE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("init", "wild/init raised LookupError: no layers"),
        ("exiting", "wild/exiting raised SystemExit: 0 instead of an answer"),
        ("interrupting", "wild/interrupting raised KeyboardInterrupt instead of an answer"),
        ("leaving", "wild/leaving raised SystemExit on 4 samples"),
        ("base", "wild/base raised BaseException on 4 samples"),
        ("raising", "wild/raising raised RuntimeError on 4 samples"),
        ("nan", "wild/nan returned"),
        ("nowhere", "module 'wild_code.nets' has no 'Nowhere'"),
        ("unwritten", "wild/unwritten raised SyntaxError"),
        ("absent", "'wild_code.absent:Sound' needs the module 'wild_code.absent'"),
        ("late", "wild/late raised SystemExit: 0"),
        ("needs", "'wild_code.needs:Sound' needs the module 'module_that_is_nowhere'"),
        ("mute", "wild/mute raised Silent"),
        ("done", "wild/done raised GeneratorExit instead of an answer"),
        ("strange", "wild/strange cannot be built: 'int' object is not callable"),
        ("tight", "wild/tight cannot be built"),
        ("unoptioned", "the options class of wild/unoptioned, is no pydantic BaseModel"),
        ("choosy", "the options class of wild/choosy raised KeyError: 'never'"),
        ("lost-options", "module 'wild_code.nets' has no 'Lost'"),
        ("quitting-options", "the options class of wild/quitting-options raised SystemExit"),
        ("garbage", "wild/garbage requires 'numpy >=> 1', which is no requirement"),
        ("here", "wild/here needs no-such-thing, which is not installed"),
    ],
)
def test_a_model_that_fails_is_its_plugin_s(name, said):
    assert said in told(lambda: zoo.evaluate(f"wild/{name}", "digits", limit=4))


def test_a_requirement_whose_marker_does_not_hold_here_asks_for_nothing():
    assert zoo.evaluate("wild/elsewhere", "digits", limit=4).results


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("update", "metric wild/update raised LookupError: no rows"),
        ("compute", "metric wild/compute raised LookupError: no state"),
        ("state", "metric wild/state raised TypeError"),
        ("init", "metric wild/init raised LookupError: no options"),
        ("exiting", "metric wild/exiting raised SystemExit: 0 instead of an answer"),
        ("interrupting", "metric wild/interrupting raised KeyboardInterrupt"),
        ("nan", "metric wild/nan (wild/nan) gave nan"),
        ("beyond", "metric wild/beyond (wild/beyond) gave 1.5, outside of its range"),
        ("text", "metric wild/text raised"),
        ("no-metric", "'wild_code.metrics:NoMetric' is no metric"),
        ("lost", "module 'wild_code.metrics' has no 'Lost'"),
    ],
)
def test_a_metric_that_fails_is_its_plugin_s(name, said):
    assert said in told(lambda: zoo.evaluate("wild/sound", "digits", limit=4, metrics=[f"wild/{name}"]))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("opening", "cannot open split 'test' of wild/opening: LookupError: no files"),
        ("exiting", "wild/exiting raised SystemExit: 0"),
        ("interrupting", "wild/interrupting raised KeyboardInterrupt"),
        ("odd", "wild/odd opened as int"),
        ("sample", "4 samples of wild/sample cannot be read; the first is w: LookupError: no sample"),
        ("sample-exit", "4 samples of wild/sample-exit cannot be read"),
        ("sample-press", "its code raised KeyboardInterrupt instead of an answer"),
        ("length", "wild/length raised TypeError"),
        ("ids", "wild/ids raised"),
        ("fingerprint", "wild/fingerprint opened as Fingerprint, which has no fingerprint"),
    ],
)
def test_a_dataset_that_fails_is_its_plugin_s(name, said):
    classes = zoo.ImageInput(channels=1, size=(8, 8))
    import torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    assert said in told(lambda: zoo.evaluate(net, f"wild/{name}", classes=["a", "b"], input=classes))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raising", "the trainer of wild/raising raised LookupError: no data"),
        ("exiting", "the trainer of wild/exiting raised SystemExit"),
        ("interrupting", "the trainer of wild/interrupting raised KeyboardInterrupt"),
        ("nothing", "the trainer of wild/nothing returned NoneType"),
        ("nowhere", "module 'wild_code.trainers' has no 'nowhere'"),
    ],
)
def test_a_trainer_that_fails_is_its_plugin_s(name, said):
    assert said in told(lambda: zoo.train(f"wild/{name}"))


@pytest.mark.parametrize(
    ("name", "said"), [("compute", "raised LookupError: no state"), ("beyond", "gave 1.5, outside of its range")]
)
def test_a_metric_that_fails_in_training_is_its_plugin_s(name, said):
    told_ = told(lambda: zoo.train("intro/logistic-digits", epochs=1, overrides={"metric": f"wild/{name}"}))
    assert f"metric wild/{name}" in told_ and said in told_


@pytest.mark.parametrize("name", ["unbuilt", "unclassy"])
def test_a_technique_that_fails_is_its_plugin_s(name):
    assert "raised" in told(lambda: zoo.train("intro/logistic-digits", epochs=1, techniques=[f"wild/{name}"]))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wilder/any", "its zoo_resolve of 'wilder/any' raised LookupError: wilder/any"),
        ("wilder/exit", "its zoo_resolve of 'wilder/exit' raised SystemExit"),
        ("wilder/press", "its zoo_resolve of 'wilder/press' raised KeyboardInterrupt"),
        ("wilder/odd", "answered 'wilder/odd' with a model named"),
    ],
)
def test_an_answer_that_fails_is_its_plugin_s(name, said):
    with pytest.raises(ZooError, match=r"plugin 'wild' \(zoo-wild 2.5\)") as caught:
        zoo.evaluate(name, "digits")
    assert said in caught.value.message


def test_names_that_are_another_s_are_no_answer(monkeypatch, zoo_home):
    monkeypatch.setenv("ZOO_HOME", str(zoo_home))  # a list of names is kept
    monkeypatch.setattr(sys, "wild_speaks_for", "cnn/lenet5", raising=False)
    assert "its zoo_names of 'wilder' answered with 'cnn/lenet5'" in told(lambda: zoo.registry().models(plugin="wilder"))
    monkeypatch.setattr(sys, "wild_speaks_for", "wilder/net")
    assert [spec.name for spec in zoo.registry().models(plugin="wilder")] == ["wilder/net"]


def test_a_kind_whose_class_fails_is_its_plugin_s(monkeypatch):
    entries = zoo.registry()
    assert [spec.name for spec in entries.entries("pond")] == ["wild/deep"]
    monkeypatch.setattr(sys, "wild_is_dry", True, raising=False)
    assert "the class of its kind 'pond' raised LookupError: no water" in told(lambda: entries.entry("pond", "deep"))
    assert "the class of its kind 'pond' raised" in told(lambda: entries.entries("pond"))


def test_the_command_line_ends_in_2_with_two_lines_that_name_it(command):
    for arguments in (
        ("run", "wild/exiting", "--on", "digits", "--limit", "4"),
        ("run", "wild/interrupting", "--on", "digits", "--limit", "4"),
        ("run", "wild/sound", "--on", "digits", "--limit", "4", "--metric", "wild/update"),
        ("show", "wild/unoptioned"),
        ("run", "wild/unoptioned", "--on", "digits", "--size", "3"),
        ("list", "models", "--plugin", "wilder"),
    ):
        code, (_, err) = command(*arguments)
        assert code == 2 and len(err.splitlines()) <= 3, (arguments, err)
        assert TITLE in err and "zoo -p no:wild ... leaves the plugin out" in err and "deepzoo" not in err, err


def test_one_that_cannot_draw_costs_a_warning(recwarn):
    with pytest.raises(OptionError, match="no plugin draws what wild/sound sees"):
        zoo.evaluate("wild/sound", "digits", limit=4, save_figures=1)
    assert any("plugin 'wild' (zoo-wild 2.5): its zoo_drawer raised SystemExit: no pictures" in str(w.message) for w in recwarn)


def test_what_is_nobody_s_or_the_user_s_own_stays_what_it_is():
    with pytest.raises(LookupError), in_plugin("cnn/lenet5"):
        raise LookupError("a bug of ours")
    with pytest.raises(OptionError, match="no such option"), in_plugin("wild/sound"):
        raise OptionError("no such option")
    with pytest.raises(ModelError) as caught, in_plugin("wild/sound"), in_plugin("cnn/lenet5"):
        raise ModelError("too small")
    assert caught.value.message == f"{TITLE}too small"


def test_ctrl_c_stays_ctrl_c(ctrl_c):
    with pytest.raises(KeyboardInterrupt) as caught, in_plugin("wild/sound"):
        signal.raise_signal(signal.SIGINT)
    assert is_pressed(caught.value)
    with pytest.raises(PluginError), in_plugin("wild/sound"):
        raise KeyboardInterrupt
    with pytest.raises(PluginError), in_plugin("wild/sound"):
        circle = KeyboardInterrupt("its own cause")
        circle.__cause__ = circle
        raise circle
    try:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # as code does that tidies up and goes on raising
    except KeyboardInterrupt as error:
        assert blamed(error, "wild/sound") is None
