"""What an entry needs: here, or the line that gets it."""

import pytest

from zoo.errors import DataError, ModelError, PluginError
from zoo.metrics import build_metric
from zoo.opening.composing import named_model
from zoo.opening.models import build_model
from zoo.opening.weights_choice import Choice
from zoo.requirements import check_requirements
from zoo.specs import DatasetSpec, MetricSpec, ModelSpec


def model(*requires: str) -> ModelSpec:
    return ModelSpec(name="toy/net", summary="A net.", tasks={"embed": "torch.nn:Identity"}, modality="vector", requires=requires)


def test_what_is_here_in_time_is_enough() -> None:
    check_requirements(model("numpy>=1", "torch"), ModelError)


def test_an_absent_distribution_is_named_with_the_line_to_type() -> None:
    with pytest.raises(DataError, match="toy/net needs no-such-dist>=2, which is not installed") as caught:
        check_requirements(model("no-such-dist>=2"), DataError)
    assert caught.value.hint == "pip install 'no-such-dist>=2'"


def test_an_old_one_is_to_be_upgraded() -> None:
    with pytest.raises(ModelError, match=r"needs numpy>=999, but .* is installed") as caught:
        check_requirements(model("numpy>=999"), ModelError)
    assert caught.value.hint == "pip install -U 'numpy>=999'"


def test_models_say_what_they_lack_before_they_are_built() -> None:
    for ask in (lambda spec: build_model(spec, "embed", {}), lambda spec: named_model(spec, "embed", Choice())):
        with pytest.raises(ModelError, match="pip install"):
            ask(model("no-such-dist"))


def test_datasets_too() -> None:
    from zoo.opening.datasets import open_dataset

    spec = DatasetSpec(
        name="toy", summary="Toys.", modality="text", target="toy:open", splits={"test": 1}, licence="-", citation="-",
        requires=("no-such-dist",),
    )  # fmt: skip
    with pytest.raises(DataError, match="no-such-dist"):
        open_dataset(spec, "test")


def test_a_marker_that_does_not_hold_here_asks_for_nothing() -> None:
    check_requirements(model('no-such-dist>=2; python_version < "3"'), ModelError)
    with pytest.raises(ModelError, match=r"^toy/net needs no-such-dist>=2, which") as caught:
        check_requirements(model('no-such-dist>=2; python_version >= "3"'), ModelError)
    assert caught.value.hint == "pip install 'no-such-dist>=2'"


@pytest.mark.parametrize("text", ["numpy >=> 1", "!!", "", "numpy; python < 3", 'numpy; nonsense == "1"'])
def test_what_is_no_requirement_is_told_of(text: str) -> None:
    with pytest.raises(PluginError, match="which is no requirement") as caught:
        check_requirements(model(text), ModelError)
    assert "PEP 508" in caught.value.hint and "\n" not in caught.value.message


def test_metrics_too() -> None:
    spec = MetricSpec(
        name="toy/m", summary="A metric.", task="classify", target="toy:M", direction="higher", reference="-",
        requires=("no-such-dist",),
    )  # fmt: skip
    with pytest.raises(PluginError, match="toy/m needs no-such-dist"):
        build_metric("toy/m", spec)
