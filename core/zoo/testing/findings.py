"""What a check finds: which check, of which entry, how it went, and how to mend it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "failed", "warned", "skipped"]

CHECKS = {
    "loads": "it is found, imported and asked without an error, and its specs are valid",
    "light-import": "its entry module and hooks import nothing heavy, so that a listing does not wait",
    "manifest": "its static manifest, where it has one, is of its code as it is",
    "described": "summaries are one line, licences and citations are said",
    "names": "its bare names are not those of bundled entries",
    "hashes": "weights and files of datasets have hashes, and what is packed has the hash that is declared",
    "references": "datasets, models, metrics, recipes and splits that its specs name are there",
    "targets": "what its specs point to can be imported, and is what it should be",
    "declared-imports": "what it imports is part of deepzoo, or required by its distribution or a spec",
    "public-imports": "what it imports of deepzoo is public: `zoo`, or listed by a package one level below it",
    "builds": "the model can be built, with its weights where they are here",
    "predicts": "the model predicts synthetic samples of its task and modality without raising",
    "outputs": "shapes, types and ranges of what the model returns are those of its task",
    "finite": "the model returns neither NaN nor infinity",
    "stores": "what a plugin's task stores of a prediction is read back, a row a sample, and nothing where there is none",
    "deterministic": "two predictions under one seed are equal, whatever the global generators hold",
    "batch-invariant": "a sample's prediction does not depend on which others are in its batch, nor on their order",
    "eval-clean": "the model is in eval mode, and predicting leaves its parameters, buffers and gradients as they were",
    "offline": "building and predicting ask nothing of the network",
    "no-pickle": "building and predicting unpickle nothing",
    "self-contained": "what building and predicting read is part of the key, or the spec says `reuse=False`",
    "missing-extras": "without what it requires, the model answers with the line that installs it",
    "folds": "the metric's state merges: parts score as the whole, in its range, within its interval",
    "survives": "the process that checks neither dies nor hangs",
}
"""Every check by name: what it makes sure of."""


@dataclass(frozen=True)
class Finding:
    """One check of one entry (empty: of the plugin). `message` says what was seen, `fix` what to do."""

    check: str
    state: State
    entry: str = ""
    message: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Report:
    """All findings on one plugin. `import_ms`: what its entry module and hooks took, beyond deepzoo's own; None: unknown."""

    plugin: str
    distribution: str
    version: str
    findings: tuple[Finding, ...]
    import_ms: float | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing failed; warnings are no failure."""
        return not any(finding.state == "failed" for finding in self.findings)

    def of(self, *states: State) -> list[Finding]:
        """Findings in these states."""
        return [finding for finding in self.findings if finding.state in states]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "passed": self.passed, "findings": [asdict(finding) for finding in self.findings]}

    def text(self) -> str:
        """What is wrong and how to mend it, a finding a line or two."""
        return "\n".join(lines(self.of("failed", "warned")))


def lines(findings: Iterable[Finding]) -> list[str]:
    """Findings as text."""
    found = []
    for finding in findings:
        found.append(f"{finding.state} {finding.check} {finding.entry}: {finding.message}".replace(" :", ":"))
        found += [f"    {finding.fix}"] if finding.fix else []
    return found
