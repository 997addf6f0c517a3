"""Declares a kind of entry of its own: an exam, of which every plugin may offer some."""

from zoo import hookimpl
from zoo.specs import SpecKind


@hookimpl
def zoo_spec_kinds():
    return [SpecKind(name="exam", spec="zoo_examiner.exams:ExamSpec", summary="Questions about a dataset.")]
