"""What a homework is: every field is described, in the code and in the README."""

import re
from pathlib import Path

import pytest

import zoo_homework
from zoo_homework.homework import homework_specs
from zoo_homework.specs import HomeworkLimits, HomeworkSpec

README = (Path(zoo_homework.__file__).parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("spec_class", [HomeworkSpec, HomeworkLimits])
def test_every_field_is_described_and_in_the_readme(spec_class: type) -> None:
    for name, field in spec_class.model_fields.items():  # type: ignore[attr-defined]
        assert field.description, name
        assert name in ("name", "summary", "requires") or re.search(rf"`{name}`", README), name


def test_a_homework_names_its_benchmark_in_full() -> None:
    assert {spec.benchmark for spec in homework_specs()} == {"homework/hw1", "homework/hw2"}
