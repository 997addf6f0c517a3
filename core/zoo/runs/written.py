"""A run's networks that are given by where they are written, with the weights and classes that the request says."""

from dataclasses import replace

from zoo.opening.class_names import given_classes
from zoo.opening.models import Model
from zoo.opening.weights_choice import uri_of
from zoo.opening.written import Written, open_written
from zoo.runs.request import Request


def opened(text: str, request: Request, declared: int | None) -> Written:
    """The network, for as many classes as the caller names, else as the data have `declared`."""
    named = request.classes is not None and request.classes != "dataset"
    return open_written(
        text,
        weights=request.weights_file,
        weights_key=request.weights_key,
        allow_pickle=request.allow_pickle,
        outputs=len(given_classes(request.classes)) if named else declared,
        outputs_meant=request.classes is not None,
    )


def with_file(model: Model, written: Written) -> Model:
    """The model of such a network with what its file of weights, if it has one, says of it."""
    file = written.file
    if file is None:
        return replace(model, notes=(*model.notes, *written.notes))
    named = replace(model.info, classes=file.classes) if model.info.classes is None and file.classes else model.info
    return replace(
        model,
        info=named,
        weights_sha256=file.sha256,
        weights_uri=uri_of(file.path),
        unsafe=("allow-pickle",) if file.allow_pickle else (),
        notes=(*model.notes, *written.notes),
    )
