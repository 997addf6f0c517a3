"""What an exam is."""

from pydantic import Field

from zoo.specs import Spec


class ExamSpec(Spec):
    """Questions about a dataset."""

    dataset: str = Field(description="Name of the dataset.")
    minutes: int = Field(default=60, ge=1, description="Time to answer.")
    questions: tuple[str, ...] = Field(min_length=1, description="What is asked.")
