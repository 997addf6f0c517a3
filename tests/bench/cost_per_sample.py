"""What a sample costs beside its forward pass: a linear layer over `csv:` vectors, computed and asked for again.

    python tests/bench/cost_per_sample.py --samples 20000 200000 2000000

Each size runs in a process of its own: CPU seconds of `zoo.evaluate` beyond those of a run on 200 rows, when all is imported, and
by how much the process' largest resident size grew. The figures depend on the machine; their growth does not.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COLUMNS = 4
FEW = 200


def write(path: Path, samples: int) -> None:
    """Rows of normal numbers with a label that hangs on the first of them."""
    import numpy as np

    drawn = np.random.default_rng(0).normal(size=(samples, COLUMNS + 1))
    with open(path, "w", encoding="ascii") as file:
        file.write("a,b,c,d,label\n")
        for *row, noise in drawn.tolist():
            file.write(",".join(f"{value:.6f}" for value in row) + (",yes\n" if row[0] + noise / 2 > 0 else ",no\n"))


def measured(folder: Path, samples: int) -> dict[str, Any]:
    """Microseconds of CPU a sample of a run and of the same asked for again, and bytes a sample of memory."""
    import torch

    import zoo

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = torch.nn.Linear(COLUMNS, 2)

    def used(size: int, **how: Any) -> tuple[float, float]:
        before = resource.getrusage(resource.RUSAGE_SELF)
        zoo.evaluate(net, f"csv:{folder / f'{size}.csv'}", classes="dataset", key="linear", progress=False, **how)
        now = resource.getrusage(resource.RUSAGE_SELF)
        return now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime, now.ru_maxrss * 1024

    used(FEW)
    few, memory = used(FEW, fresh=True)
    few_again, _ = used(FEW)
    first, _ = used(samples)
    again, most = used(samples)
    return {
        "samples": samples,
        "bytes of the file a sample": round((folder / f"{samples}.csv").stat().st_size / samples, 1),
        "run, us a sample": round((first - few) / samples * 1e6, 2),
        "again, us a sample": round((again - few_again) / samples * 1e6, 2),
        "memory, bytes a sample": round((most - memory) / samples),
        "largest size, MB": round(most / 1e6),
        "200 rows, s": [round(few, 3), round(few_again, 3)],
    }


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[20_000, 200_000, 2_000_000])
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command line does
    if given.of:
        os.environ["ZOO_HOME"] = str(given.of / "home")
        print(json.dumps(measured(given.of, given.samples[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        for samples in (FEW, *given.samples):
            write(Path(folder, f"{samples}.csv"), samples)
        for samples in given.samples:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            subprocess.run([sys.executable, __file__, "--of", folder, "--samples", str(samples)], check=True, env=environment)


if __name__ == "__main__":
    main()
