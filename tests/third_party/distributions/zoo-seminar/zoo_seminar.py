"""Offers what other plugins declare the kinds of: a homework, and an exam."""

from zoo import hookimpl
from zoo.specs import BenchmarkSpec
from zoo_homework.specs import HomeworkSpec


@hookimpl
def zoo_benchmarks():
    return [
        BenchmarkSpec(
            name="reading",
            summary="Digits are read.",
            task="classify",
            modality="image",
            dataset="data/digits",
            metrics=("accuracy",),
            pass_mark="accuracy > 0.95",
        )
    ]


@hookimpl
def zoo_homeworks():
    return [HomeworkSpec(name="reading", summary="Read digits.", benchmark="reading")]


@hookimpl(optionalhook=True)
def zoo_exams():
    from zoo_examiner.exams import ExamSpec

    questions = ("How many classes are there?",)
    return [ExamSpec(name="midterm", summary="Half of it.", requires=("zoo-examiner",), dataset="digits", questions=questions)]
