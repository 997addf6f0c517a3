"""The record of a run: immutable, complete, and enough to compare, reproduce and publish the score."""

from typing import Any, Literal

from pydantic import Field

from zoo.rich_repr import lines, table, titled
from zoo.specs import Frozen
from zoo.wording import counted, interval, number, pairs, scored


class Result(Frozen):
    """One metric's score. `interval` names the method of the 95 % interval, or says why there is none."""

    metric: str
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int
    interval: str = ""
    direction: Literal["higher", "lower", "none"] = "none"
    unit: str = ""
    detail: Any = None
    note: str = Field(default="", description="What a reader must know beside the value, such as a reason to doubt it.")


class ModelInfoRecord(Frozen):
    """The model that ran: its name with tag, its weights, its source code, its preprocessing."""

    name: str
    weights_sha256: str | None
    weights_uri: str | None
    source_sha256: str | None
    preprocessing: dict[str, Any] | None
    options: dict[str, Any] = Field(default_factory=dict)
    classes: str = Field(default="", description="How the model's classes were mapped to the dataset's.")
    left_out: int = Field(
        default=0, description="Outputs for classes that the dataset lacks: the scores are among the others alone."
    )
    competing: int = Field(
        default=0, description="Outputs for classes that the dataset lacks, which compete: a wrong answer each."
    )
    unsafe: tuple[str, ...] = Field(default=(), description="Safety checks that the user switched off.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="What the user's own weights change of the network that the name stands for."
    )
    notes: tuple[str, ...] = Field(
        default=(), description="What a reader of the score must know of model, weights, classes and pixels."
    )
    distribution: str = Field(default="", description="Of whose plugin it is, with its version: `zoo-good 1.0`.")
    parts: dict[str, "ModelInfoRecord"] = Field(
        default_factory=dict, description="Models inside it, by what names them: a role, or an option such as `attacks.0`."
    )

    @property
    def label(self) -> str:
        """The name, and where a file of the user's own stands for a tag, how its SHA-256 begins and what network it makes.

        `intro/mlp (2cc2d2b6)`, `cnn/resnet20 (depth=56; 9e1b0c44)`.
        """
        ours = (self.weights_uri or "pkg:").startswith(("pkg:", "hf:"))
        own = self.weights_sha256 is not None and not ours and "@" not in self.name
        network = ", ".join(f"{key}={value}" for key, value in self.config.items())
        marks = [*filter(None, [network]), *([(self.weights_sha256 or "")[:8]] if own else [])]
        return f"{self.name} ({'; '.join(marks)})" if marks else self.name


class DataRecord(Frozen):
    """The samples that were run on."""

    name: str
    split: str
    fingerprint: str
    samples: int
    limit: int | None = None
    sampled: str = Field(default="", description="How the samples of a limited run were taken: `stratified by class`.")
    skipped: dict[str, str] = Field(default_factory=dict, description="Id of each corrupt sample to what was wrong.")


class Shards(Frozen):
    """How many shards the run has, and how many of them this invocation computed or found."""

    total: int
    computed: int
    reused: int


class Execution(Frozen):
    """How it is run. None of it but seed and precision may change a score beyond rounding."""

    device: str
    precision: str
    batch_size: int | None = Field(description="Largest batch that ran; None where nothing was computed.")
    workers: int = Field(description="Threads that load samples, at most: where none were asked for, as many as are needed.")
    threads: int
    seed: int
    engine: str = Field(default="here", description="What mapped the shards: this process, or `local:2`, `ray`.")
    processes: int = Field(default=1, description="Of the engine; batch size, workers and threads are of each.")
    fused: int = Field(default=0, description="Batch normalisations that were folded into the convolutions before them.")
    compiled: bool = Field(default=False, description="Whether whole batches were computed by torch.compile.")


class Environment(Frozen):
    """Where it was run."""

    deepzoo: str
    python: str
    platform: str
    packages: dict[str, str]
    git_commit: str | None = None
    git_dirty: bool | None = None


class Provider(Frozen):
    """A distribution whose plugins offer something that the scores depend on."""

    distribution: str
    version: str
    entries: tuple[str, ...] = Field(description="What of it, each with what it is here: `model good/net`, `metric good/brier`.")
    requires: dict[str, str] = Field(description="Versions of what it requires, as installed; `absent` where it is not.")

    @property
    def label(self) -> str:
        """`zoo-good 1.0`."""
        return f"{self.distribution} {self.version}"

    @property
    def words(self) -> str:
        """`zoo-good 1.0: model good/net; with numpy 2.4.6`; of deepzoo's own requirements the environment tells."""
        requires = {} if self.distribution == "deepzoo" else {n: v for n, v in self.requires.items() if n != "deepzoo"}
        versions = ", ".join(f"{name} {version}" for name, version in requires.items())
        return f"{self.label}: {', '.join(self.entries)}" + (f"; with {versions}" if versions else "")


class Origin(Frozen):
    """How and where some of a run's shards were computed: by this invocation, or by an earlier one on whatever machine."""

    shards: int = Field(default=1, description="How many of them.")
    execution: Execution
    environment: Environment


class Complexity(Frozen):
    """What the model takes of one sample, counted: the same on every machine."""

    parameters: int | None = Field(
        description="Numbers that it has learnt, those of its parts included; None of what does not say what it holds."
    )
    flops: int | None = Field(
        description="Floating-point operations of matrix products and convolutions; a multiplication and an addition count two."
    )
    sample: str = Field(default="", description="Id of the sample of which operations were counted: longer ones take more.")
    note: str = Field(default="", description="Why a figure is not known.")


class Cost(Frozen):
    """What it took; machine-dependent. Memory is that of the largest process."""

    seconds: float
    samples_per_second: float | None
    peak_memory_mib: float | None


class Check(Frozen):
    """The score beside a pass mark, or beside a claim."""

    kind: Literal["pass_mark", "published", "measured"]
    metric: str
    expected: str
    passed: bool
    sure: bool | None = Field(
        default=None, description="Of a pass mark: whether the score's whole interval lies on one side of it; None: no interval."
    )


class Artifact(Frozen):
    """A file that belongs to the run."""

    path: str = Field(description="Relative to the run's folder.")
    sha256: str


class Guard(Frozen):
    """Whether a sample's prediction is its own: a few of the first batch were asked for again, each alone.

    `difference` is the largest, as a share of the range of predictions; `tolerance` is what rounding may leave.
    """

    samples: tuple[str, ...]
    difference: float
    tolerance: float
    note: str = Field(default="", description="Which predictions are not their own, and why; of a user's own module only.")


class RunStart(Frozen):
    """What is known when a run begins: given to observers."""

    run_id: str
    key: str
    model: str
    benchmark: str
    samples: int
    shards: Shards


class RunRecord(Frozen):
    """One evaluation, finished. Many records may share one key, and so one set of shards."""

    schema_version: Literal[1] = 1
    run_id: str
    key: str
    status: Literal["done"] = "done"
    created: str = Field(description="UTC, ISO 8601.")
    task: str
    benchmark: str
    protocol: dict[str, Any]
    altered: tuple[str, ...] = Field(
        default=(), description="Settings and other models that the caller replaced in the benchmark."
    )
    model: ModelInfoRecord
    aux: dict[str, ModelInfoRecord] = Field(default_factory=dict, description="Other models that the protocol needs, by role.")
    dataset: DataRecord
    results: tuple[Result, ...]
    checks: tuple[Check, ...]
    shards: Shards
    execution: Execution
    environment: Environment
    providers: tuple[Provider, ...] = Field(
        default=(), description="Distributions of the plugins of model, metrics, dataset, benchmark and all else it depends on."
    )
    origins: tuple[Origin, ...] = Field(
        default=(),
        description="How and where the shards were computed; `execution` and `environment` are those of this invocation.",
    )
    doubt: str = Field(
        default="", description="Why its predictions are not used again: what the model reads or draws that no key knows."
    )
    remarks: tuple[str, ...] = Field(
        default=(), description="What a reader of the scores must know of how data were found, read and predicted."
    )
    cost: Cost
    complexity: Complexity | None = Field(
        default=None, description="None where no prediction was computed by a deepzoo that counts what its model takes."
    )
    artifacts: tuple[Artifact, ...]
    shards_at: str = Field(
        default="",
        description="Address below which the run's folder with its shards lies, without secrets; empty: below ZOO_HOME.",
    )
    guard: Guard | None = Field(default=None, description="None where no prediction was asked for again.")

    @property
    def primary(self) -> Result:
        """The score of the benchmark's first metric."""
        return self.results[0]

    @property
    def passed(self) -> bool | None:
        """Whether the pass mark was met; None where the benchmark has none."""
        return next((check.passed for check in self.checks if check.kind == "pass_mark"), None)

    def __repr__(self) -> str:
        score = self.primary
        told = f"{score.metric} {scored(score.value, score.ci_low, score.ci_high)}"
        return f"<RunRecord {self.run_id[:8]}: {self.model.label} on {self.benchmark}: {told}>"

    def __str__(self) -> str:
        rows = [f"  {one.metric}: {scored(one.value, one.ci_low, one.ci_high)} (n = {one.n:,})" for one in self._told]
        return "\n".join([f"{self.model.label} on {self.benchmark}, run {self.run_id}", *rows])

    def _repr_html_(self) -> str:
        rows = [
            (one.metric + (f" ({one.unit})" if one.unit else ""), number(*bounds), interval(*bounds), f"{one.n:,}", one.note)
            for one, bounds in ((one, (one.value, one.ci_low, one.ci_high)) for one in self._told)
        ]
        data, shards = self.dataset, self.shards
        limit = f", limited to {data.limit:,}" if data.limit is not None else ""
        facts = [
            f"{counted(data.samples, 'sample')} of {data.name}, split {data.split}{limit}",
            pairs({name: value for name, value in self.protocol.items() if name not in ("version", "aux") and value is not None}),
            pairs({role: other.label for role, other in self.aux.items()}),
            *("passed" if check.passed else f"not {check.expected}" for check in self.checks if check.kind == "pass_mark"),
            *self.model.notes,
            *self.remarks,
            f"run {self.run_id}, {self.cost.seconds:.1f} s, {counted(shards.total, 'shard')}, {self.execution.device}",
        ]
        header = ("metric", "value", "95 % interval", "n", "")
        return titled(f"{self.model.label} on {self.benchmark}", table(header, rows), lines(facts))

    @property
    def _told(self) -> list[Result]:
        """The scores that are a number, or would be."""
        return [result for result in self.results if result.value is not None or result.detail is None]

    def summary(self) -> dict[str, Any]:
        """The object that `zoo run --json` prints."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "model": self.model.name,
            "benchmark": self.benchmark,
            "results": [result.model_dump(include={"metric", "value", "ci_low", "ci_high", "n"}) for result in self.results],
            "passed": self.passed,
            "shards": self.shards.model_dump(),
            "seconds": self.cost.seconds,
            "samples_per_second": self.cost.samples_per_second,
            "record": self.model_dump(mode="json"),
        }
