"""Evaluating: plan, compute the missing shards, fold all of them into scores, write the record."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zoo.data.copies import copying
from zoo.data.download import Progress as DownloadProgress
from zoo.devices import pick_device
from zoo.engines import one_engine
from zoo.errors import no_exit
from zoo.home import using
from zoo.locking import locked
from zoo.plugins.blame import in_plugin
from zoo.plugins.catalogue import load_catalogue
from zoo.plugins.registry import Registry, one_look_up
from zoo.remarks import hearing
from zoo.runs.figures import drawer, save_figures, save_score_figures
from zoo.runs.folding import check_scored, fold
from zoo.runs.foreseeing import scoring
from zoo.runs.kept import kept_at
from zoo.runs.key import seen
from zoo.runs.observing import Observers
from zoo.runs.plan import Plan, placed, plan_run
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.record import RunRecord
from zoo.runs.recording import make_record, moment
from zoo.runs.request import How, Request
from zoo.runs.resuming import compute_missing, found_done
from zoo.runs.showing import telling
from zoo.runs.store import Store

if TYPE_CHECKING:
    from zoo.specs import ImageInput


def evaluate(
    model: Any,
    benchmark: Any = None,
    *,
    task: str | None = None,
    device: str = "auto",
    precision: str = "fp32",
    batch_size: int | str = "auto",
    workers: int | None = None,
    compile: bool = False,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: int = 0,
    fresh: bool = False,
    weights: str | os.PathLike[str] | None = None,
    weights_key: str | None = None,
    allow_pickle: bool = False,
    metrics: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    protocol: Mapping[str, Any] | None = None,
    outputs: str | None = None,
    aux: Mapping[str, Any] | None = None,
    classes: Sequence[str] | str | os.PathLike[str] | None = None,
    input: "ImageInput | None" = None,
    key: str | None = None,
    name: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    save_figures: int = 0,
    wait: float | bool | None = None,
    home: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    engine: str = "here",
    shards: str | None = None,
    progress: ProgressCallback | bool | None = None,
) -> RunRecord:
    """Run a model on a benchmark and return the record, which is also in the store.

    `model` is a name (`cnn/lenet5@mnist`), what `zoo.load` returned, any `nn.Module` or callable of your own, or where one is
    written (`./net.py:Net`, `package.module:attr`: a class, a factory or a network). `classes`
    names its outputs in order: names, a file of them (a line each, JSON, or a config.json with `id2label`), or "dataset",
    which says that they are those of the dataset, in order. For a model of your own `input` is its preprocessing, a
    `zoo.ImageInput` (what that leaves open is as the module itself declares, which those of timm do), and `name` it in records.
    Its predictions are used again only under a `key`, which stands for whatever it reads beside its tensors, its attributes and
    the source files of its classes; those are hashed all the same.
    `benchmark` is the name of a benchmark or a dataset, or data of your own: (X, y), a torch Dataset, a Hugging Face dataset, a
    DataFrame (see `zoo.opening.own_data`). `task` says which is meant where the model has several ("embed" of a
    classifier's features).
    `weights` is a file of your own, or its address, for a model by name, which gets as many outputs as the file has;
    `weights_key` says which of several sets of weights in it: "state_dict_ema".
    All outputs compete, and a class that the dataset lacks is a wrong answer; `outputs` "dataset" leaves such outputs out.
    `options` are the model's own; `protocol` replaces settings of the benchmark's, such as an attack's eps; `aux` gives the
    other models that it needs by role, each a name or a module of your own: `aux={"victim": net}`. `classes`, `input`,
    `key` and `name` then describe that module.

    Finished shards of the same run are reused unless `fresh`. `batch_size` "auto" picks one and halves it when memory runs
    out. `limit` takes so many samples by a fixed lottery of their ids, of every class its share where there are labels;
    `skip_bad` allows so many corrupt ones. `metrics` are scored beside the benchmark's own. `precision` fp32, bf16 or fp16
    (autocast) is never lowered unasked. `workers` threads load samples. `compile` computes whole
    batches by torch.compile, which pays for itself on many samples. `save_figures` draws the first so many predictions into
    the run's folder, where the task, or a plugin that knows the model, can draw. `engine` shares the shards out: "local:4" to
    four processes of this machine, "ray" or "ray:ADDRESS" to a cluster whose machines have one disk; a model or data of your own
    must be of a module that can be imported there, a model have a `key`. `shards` is an address below which the predictions are
    kept and found, such as "s3://bucket/prefix" (see `docs/scale.md`), or a folder; default: `ZOO_SHARDS`, else the run's folder
    below `ZOO_HOME`. `progress` is told of every step; without it a
    bar is shown on a terminal and in a notebook, unless it is False or `ZOO_PROGRESS` is 0.

    Threads may evaluate at once. A finished run is only read; of several that begin the same, one computes it, and the others
    then find it: by default threads of this process wait for each other, and for another process nobody. `wait` says for how
    many seconds whoever it is is waited for; True: as long as it takes, False: not at all. `home` and `store` stand for
    `ZOO_HOME` and `ZOO_STORE` in this call alone (a folder; a URL of SQLAlchemy or a SQLite file): see `zoo.home.using`.

    Raises ZooError: what is wrong and what to do next; RunError where another still runs the same. Where no metric has a value
    that is NotScoredError: the predictions are kept, but there is no record.
    """
    asked = locals()  # what Request and How declare
    request, how = Request.of(asked), How.of(asked)
    with using(home, store), one_look_up() as entries, telling(how.progress) as tell, in_plugin():
        return _run(entries, request, how.model_copy(update={"progress": tell}), tell)


def _run(entries: Registry, request: Request, how: How, tell: ProgressCallback | None) -> RunRecord:
    started = time.perf_counter()
    store = Store()
    device = None if how.device == "auto" else pick_device(how.device)  # which takes torch, as what is done already does not
    with hearing(None) as remarks, no_exit("what is run or its data"):
        downloading: DownloadProgress = lambda done, total: how.tell(Progress("downloading", done, total or 0))  # noqa: E731
        with copying(downloading):
            plan = plan_run(entries, request, downloading)
    plan = kept_at(plan, how.shards, store)
    draw = drawer(entries, plan, how.save_figures)
    catalogue = load_catalogue()
    run_id = uuid4().hex[:16]
    observers = Observers(entries, "run", "run")
    how = how.model_copy(update={"progress": observers.watched(tell)})
    with observers.failing(), ExitStack() as held:
        computed = found_done(plan, how) if not how.save_figures and store.has_key(plan.key) else None
        if computed is None:
            plan = held.enter_context(_begun(plan, how))
            with one_engine(how.engine) as engine:
                computed = compute_missing(observers, plan, how, placed(plan, device or pick_device("auto")), run_id, engine)
        results, artifacts, origins = fold(plan, computed.found, scoring(plan, how.tell))
        check_scored(plan, results)
        artifacts += save_figures(plan, draw, how.save_figures)
        artifacts += save_score_figures(plan, results, how.save_figures)
        seconds = time.perf_counter() - started
        with hearing(remarks):
            store.doubt_clock(moment())
        record = make_record(plan, run_id, computed, remarks, results, artifacts, origins, catalogue, seconds, how.engine)
        store.add(record)  # under the lock, so that no cleaning takes it for a run without a record
    observers.tell("finished", record=record)
    return record


@contextmanager
def _begun(plan: Plan, how: How) -> Iterator[Plan]:
    """The plan, under the lock of its folder. One whose model was doubted while others were waited for has a key of its own."""
    what = f"running {plan.model.info.name} on {plan.benchmark.name}"
    hint = "`wait` for it, or run again when it has ended: its shards will be reused"
    with locked(plan.folder, what, hint, how.wait):
        if plan.doubt or not seen(plan.folder):
            yield plan
            return
    plan = plan.settled_again()
    with locked(plan.folder, what, hint, how.wait):
        yield plan
