"""What an entry needs: here, or the line that gets it."""

import pytest

from zoo.errors import DataError, ModelError
from zoo.opening.composing import named_model
from zoo.opening.models import build_model
from zoo.opening.weights_choice import Choice
from zoo.requirements import check_requirements
from zoo.specs import DatasetSpec, ModelSpec


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
