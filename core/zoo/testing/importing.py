"""What the entry module of a plugin imports, and how long it takes, seen in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.plugins.candidates import Candidate
from zoo.testing.findings import Finding

HEAVY = (
    *("torch", "torchvision", "torchaudio", "tensorflow", "jax", "keras", "onnx", "onnxruntime", "lightning"),
    *("numpy", "pandas", "polars", "scipy", "sklearn", "skimage", "matplotlib", "PIL", "cv2", "pyarrow", "h5py"),
    *("transformers", "timm", "diffusers", "accelerate", "datasets", "sentence_transformers", "torchmetrics"),
)
"""Modules that take a listing's time; what takes long and is not among them is seen in the milliseconds."""

SECONDS = 60

PROBE = """
import importlib, json, os, sys, time
import zoo.hookspecs, zoo.specs
from zoo.plugins.hooks import declared_kinds, manager, named_specs, spec_classes
from zoo.specs import SpecKind
classes = spec_classes(map(SpecKind.model_validate, json.loads(sys.argv[2])))
before, began = set(sys.modules), time.perf_counter()
module = importlib.import_module(sys.argv[1])
classes |= spec_classes(declared_kinds(manager([("checked", module)]).hook))
asked = manager([("checked", module)], classes).hook
named_specs("checked", asked, classes)
took = time.perf_counter() - began
print(json.dumps([1000 * took, sorted({name.partition(".")[0] for name in set(sys.modules) - before})]), flush=True)
os._exit(0)  # whatever threads were started
"""


def check_import(candidate: Candidate, kinds: Iterable[Mapping[str, Any]]) -> tuple[Finding, float | None]:
    """Whether the entry module and its hooks import nothing heavy, and the milliseconds that both take.

    `kinds` are those that other plugins declare, of which it may offer entries.
    """
    command = [sys.executable, "-c", PROBE, candidate.module, json.dumps(list(kinds))]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return Finding("light-import", "failed", "", f"importing {candidate.module} took more than {SECONDS} s"), None
    said = done.stdout.splitlines()[-1:]
    if done.returncode or not said:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("light-import", "failed", "", f"importing {candidate.module} ended in: {reason}"), None
    milliseconds, modules = json.loads(said[0])
    took = f"{candidate.module} and its hooks took {milliseconds:.0f} ms"
    if heavy := sorted(set(HEAVY) & set(modules)):
        fix = "import it in the function that uses it, or in the module that a spec's target names"
        return Finding("light-import", "failed", "", f"{took} and imported {', '.join(heavy)}", fix), milliseconds
    return Finding("light-import", "ok", "", took), milliseconds
