"""Recording: the record of a finished run, from its plan, what was computed, and the scores."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from zoo.opening.models import Model
from zoo.plugins.catalogue import Catalogue
from zoo.remarks import Heard
from zoo.runs.environment import environment, peak_memory_mib
from zoo.runs.folding import check_results
from zoo.runs.plan import Plan
from zoo.runs.providers import providers_of
from zoo.runs.record import Artifact, Cost, DataRecord, Execution, ModelInfoRecord, Origin, Result, RunRecord
from zoo.runs.resuming import Computed
from zoo.tasks.classes import Outputs
from zoo.wording import without_secrets


def make_record(
    plan: Plan,
    run_id: str,
    computed: Computed,
    remarks: Heard,
    results: Sequence[Result],
    artifacts: Sequence[tuple[str, str]],
    origins: Sequence[Origin],
    catalogue: Catalogue,
    seconds: float,
    engine: str = "here",
) -> RunRecord:
    """The record. Pass mark and claims are checked on a whole split under the benchmark's own protocol only."""
    whole = not plan.sampled and not computed.skipped
    return RunRecord(
        run_id=run_id,
        key=plan.key,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        task=plan.task.name,
        benchmark=without_secrets(plan.benchmark.name),
        protocol=_protocol(plan),
        altered=plan.altered,
        model=_model_record(plan.model, plan),
        aux={role: _model_record(other, plan) for role, other in plan.aux.items()},
        dataset=_data_record(plan, computed),
        results=tuple(results),
        checks=tuple(check_results(plan, results, catalogue)) if whole else (),
        shards=computed.shards,
        execution=computed.execution or _none(origins, engine),
        environment=environment(),
        providers=providers_of(plan),
        origins=tuple(origins),
        doubt=computed.doubt,
        remarks=tuple({**remarks, **computed.remarks}),
        cost=_cost(computed, seconds),
        complexity=computed.complexity,
        guard=computed.guard,
        artifacts=tuple(Artifact(path=path, sha256=sha256) for path, sha256 in artifacts),
        shards_at=without_secrets(plan.shards_at),
    )


def _none(origins: Sequence[Origin], engine: str) -> Execution:
    """Of an invocation that computed nothing: how most of what it reused was computed, without a batch of its own."""
    return origins[0].execution.model_copy(update={"batch_size": None, "workers": 0, "engine": engine, "processes": 1})


def _protocol(plan: Plan) -> dict[str, Any]:
    aux = {role: other.info.name for role, other in plan.aux.items()}
    return {"version": plan.task.version, **plan.task.protocol, **({"aux": aux} if aux else {})}


def _model_record(model: Model, plan: Plan) -> ModelInfoRecord:
    info, classes = model.info, plan.task.data.classes or ()
    # Of an attack it is the victim whose outputs are scored.
    scored = getattr(plan.task, "outputs", None) if model is plan.aux.get("victim", plan.model) else None
    others = scored if isinstance(scored, Outputs) else Outputs(len(classes), len(classes))
    said = {
        "classes": "declared to be the dataset's, in order" if info.classes == "dataset" else "mapped by name" if classes else "",
        "left_out": others.count - others.width,
        "competing": max(0, others.width - len(classes)) if classes else 0,
    }
    return _told(model).model_copy(update=said)


def _told(model: Model) -> ModelInfoRecord:
    """What is known of a model, and of its parts, whatever it runs on."""
    return ModelInfoRecord(
        name=model.info.name,
        weights_sha256=model.weights_sha256,
        weights_uri=model.weights_uri,
        source_sha256=model.source_sha256,
        preprocessing=model.info.input.model_dump(mode="json") if model.info.input else None,
        options=dict(model.info.options),
        unsafe=model.unsafe,
        config=dict(model.config),
        notes=model.notes,
        distribution=model.distribution,
        parts={label: _told(part) for label, part in model.parts.items()},
    )


def _data_record(plan: Plan, computed: Computed) -> DataRecord:
    return DataRecord(
        name=without_secrets(plan.task.data.name),
        split=plan.benchmark.split,
        fingerprint=plan.dataset.fingerprint,
        samples=plan.samples - len(computed.skipped),
        limit=plan.samples if plan.sampled else None,
        sampled=plan.sampled,
        skipped=computed.skipped,
    )


def _cost(computed: Computed, seconds: float) -> Cost:
    rate = round(computed.samples / computed.seconds, 1) if computed.samples and computed.seconds else None
    peak = max(filter(None, (computed.peak_memory_mib, peak_memory_mib())), default=None)
    return Cost(seconds=round(seconds, 3), samples_per_second=rate, peak_memory_mib=peak)
