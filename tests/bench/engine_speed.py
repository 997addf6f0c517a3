"""Two processes against one, each on one thread: medians of alternating runs of a real network on real images. A script.

    ZOO_DATA_DIR=… python tests/bench/engine_speed.py --rounds 5

It prints, of `local:1` and `local:N`: seconds of the whole command, samples a second once workers are ready, CPU seconds of all
processes, and the machine's load. What CPU seconds say holds on a busy machine, too: N processes on N free cores can be at most
N * CPU(1) / CPU(N) times as fast.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

RUN = """
import sys, zoo
record = zoo.evaluate(sys.argv[1], sys.argv[2], engine=sys.argv[3], fresh=True, progress=False)
print(record.cost.samples_per_second, [(one.metric, one.value) for one in record.results if one.detail is None])
"""


def timed(model: str, benchmark: str, engine: str, environment: dict[str, str]) -> tuple[float, float, float, str]:
    """Seconds of the command, its CPU seconds, samples a second, and the scores."""
    began = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", RUN, model, benchmark, engine]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    rate, _, scores = process.stdout.read().partition(" ")
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, "the run failed"
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, float(rate), scores


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="cnn/resnet14@fashion-mnist")
    parser.add_argument("--on", default="data/fashion-mnist")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    engines = ("local:1", f"local:{asked.processes}")
    found: dict[str, list[tuple[float, float, float, str]]] = {engine: [] for engine in engines}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "ZOO_HOME": home, "OMP_NUM_THREADS": "1"}
        timed(asked.model, asked.on, "here", environment)  # what is made once: index, caches of files
        for number in range(asked.rounds):
            for engine in engines:
                found[engine].append(timed(asked.model, asked.on, engine, environment))
                seconds, cpu, rate, _ = found[engine][-1]
                load = os.getloadavg()[0]
                print(f"{number} {engine}: {seconds:.1f} s, CPU {cpu:.1f} s, {rate:.0f} samples/s, load {load:.1f}", flush=True)
    one, several = ([statistics.median(run[place] for run in found[engine]) for place in range(3)] for engine in engines)
    print(f"scores equal to the last digit: {len({run[3] for runs in found.values() for run in runs}) == 1}")
    print(f"whole command: {one[0]:.1f} s and {several[0]:.1f} s, {one[0] / several[0]:.2f} times")
    print(f"once ready: {one[2]:.0f} and {several[2]:.0f} samples/s, {several[2] / one[2]:.2f} times")
    print(f"CPU: {one[1]:.1f} s and {several[1]:.1f} s; on free cores at most {asked.processes * one[1] / several[1]:.2f} times")


if __name__ == "__main__":
    main()
