"""Ray: a cluster of two nodes on this machine, one of which is killed while a run goes on."""

import os
import sys
from pathlib import Path

import pytest

import zoo

pytest.importorskip("ray")
NETS = """
import os, time
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)))

    def forward(self, inputs):
        time.sleep(float(os.environ.get("RAY_NET_DELAY", 0)))
        return inputs @ self.weight.T
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A module of the user's own, on the search path."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "ray_nets.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path / "nets")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import ray_nets

    return ray_nets


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes of one core each; the second is `cluster.second`."""
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_NET_DELAY", "0.2")  # which nodes hand on to their workers
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    made.second = made.add_node(**small)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
def test_a_node_that_is_killed_costs_its_shard_which_another_takes(nets, cluster, monkeypatch, shard_names):
    import torch

    inputs = torch.randn(4096, 4, generator=torch.Generator().manual_seed(1))
    labels = inputs[:, :3].argmax(1).tolist()
    killed, told = [], []

    def kill(step):
        told.append(step)
        if step.stage == "predicting" and 1024 <= step.done < 4096 and not killed:
            killed.append(step.done)
            cluster.remove_node(cluster.second, allow_graceful=False)  # by SIGKILL

    settings = {"classes": "dataset", "key": "ray", "batch_size": 128}
    record = zoo.evaluate(nets.Net(), (inputs, labels), engine=f"ray:{cluster.address}", progress=kill, **settings)
    assert killed and told[-1].done == 4096
    assert record.shards.computed == 8 and record.execution.processes == 2
    assert shard_names() == [f"{number:05}.parquet" for number in range(8)]
    monkeypatch.setenv("RAY_NET_DELAY", "0")
    monkeypatch.setenv("ZOO_HOME", os.environ["ZOO_HOME"] + "-alone")
    alone = zoo.evaluate(nets.Net(), (inputs, labels), **settings)
    assert alone.shards.computed == 8 and alone.key == record.key and alone.results == record.results


@pytest.fixture
def shard_names(zoo_home: Path):
    return lambda: sorted(path.name for path in zoo_home.rglob("*.parquet"))
