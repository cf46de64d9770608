"""Workers in this process: one is plain, the other has two threads and a GPU."""

from __future__ import annotations

import pytest

import panneuro
from panneuro.compute import cluster as module
from panneuro.compute.cluster import asked
from panneuro.compute.executors import opened
from panneuro.compute.needs import Need, need_of
from panneuro.compute.planning import Given
from panneuro.compute.products import product
from panneuro.compute.running import Limits, plan
from panneuro.compute.step import find_step
from panneuro.core.errors import InputError, LimitError

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

STEPS = """
import threading
import time

import distributed
import panneuro
from panneuro.compute.step import Resources

RUNNING = []

def seen(pause_s=0.0):
    worker = distributed.get_worker().name
    RUNNING.append(worker)
    time.sleep(pause_s)
    found = {"worker": worker, "beside": RUNNING.count(worker)}
    RUNNING.remove(worker)
    return found

@panneuro.step(takes="units", gives="seen", resources=Resources(gpus=1))
def on_gpu(units) -> dict:
    return seen()

@panneuro.step(takes="units", gives="seen", resources=Resources(cores=2))
def on_two_cores(units) -> dict:
    return seen(0.1)
"""


@pytest.fixture(scope="module")
def scheduler():
    """Return the address of a scheduler with two workers that differ."""
    plain = {"cls": distributed.Worker, "options": {"nthreads": 1, "memory_limit": "1GB"}}
    greater = {"nthreads": 2, "memory_limit": "2GB", "resources": {"GPU": 1}}
    options = {"port": 0, "dashboard_address": "127.0.0.1:0"}
    # They are threads of this process, whose memory is not theirs: above a limit they would wait.
    at_ease = {
        f"distributed.worker.memory.{limit}": False for limit in ("target", "spill", "pause")
    }
    with (
        dask.config.set(at_ease),
        distributed.SpecCluster(
            workers={"plain": plain, "greater": {"cls": distributed.Worker, "options": greater}},
            scheduler={"cls": distributed.Scheduler, "options": options},
            silence_logs=False,
        ) as made,
    ):
        yield made.scheduler_address


@pytest.fixture
def lake(folder_lake, scheduler):
    """Return a lake that runs on these workers."""
    settings = folder_lake.settings.compute
    settings |= {"executor": "dask", "scheduler": scheduler}
    return folder_lake


@pytest.mark.parametrize("step", ["on_gpu", "on_two_cores"])
def test_runs_go_where_what_they_need_is(lake, tmp_path, step):
    file = tmp_path / "needy.py"
    file.write_text(STEPS)
    ran = panneuro.run(lake, f"{file}:{step}", on="has:units")
    assert len(ran.done) == 3, ran.failed
    seen = [product(lake[name], "seen") for name in ran.outputs]
    assert seen == [{"worker": "greater", "beside": 1}] * 3


@pytest.mark.parametrize(
    ("need", "told", "hint"),
    [
        ({"gpus": 2}, "needs 1 cores, 2 GPUs", "--resources GPU=1"),
        ({"cores": 3}, "needs 3 cores", "threads_per_worker"),
        ({"declared_bytes": 3 * 10**9}, "needs 1 cores, 3.00 GB of memory", "memory_limit"),
    ],
)
def test_what_no_worker_has_is_told_and_not_waited_for(scheduler, need, told, hint):
    with distributed.Client(scheduler) as client, pytest.raises(LimitError) as caught:
        asked(client, [Need("sort", "sort.py:sort", **need)])
    assert f"step 'sort' {told}, and no worker has that" in caught.value.message
    assert "the largest of 2 has 2 cores, 1 GPUs, 2.00 GB of memory" in caught.value.message
    assert hint in caught.value.hint


def test_what_past_runs_held_is_asked_but_refuses_nobody(scheduler):
    with distributed.Client(scheduler) as client:
        found = asked(
            client,
            [
                Need("a", "a", memory_bytes=10**9),
                Need("b", "b", declared_bytes=10**9, memory_bytes=10**12),
            ],
        )
    assert found["a"]["resources"] == {"cores": 1, "memory": 10**9}
    assert found["b"]["resources"] == {"cores": 1, "memory": 2 * 10**9}


def test_the_largest_run_so_far_is_asked_for(lake, steps):
    reference = f"{steps}:rates"
    assert need_of(lake, find_step(reference)).memory_bytes == 0
    (one, *_) = panneuro.run(lake, reference, on="has:units", executor="inline").runs
    learnt = need_of(lake, find_step(reference))
    assert learnt.memory_bytes >= one.peak_memory_bytes > 0
    planned = plan(lake, reference, "has:units", Given({"window_s": 0.5}))
    assert planned.projected.memory_bytes == learnt.memory_bytes
    with pytest.raises(LimitError, match="projected memory"):
        Limits(max_memory=learnt.memory_bytes - 1).hold(planned)


def test_nobody_comes(monkeypatch):
    monkeypatch.setattr(module, "_NOBODY_AFTER_S", 0.2)
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address="127.0.0.1:0"
        ) as empty,
        distributed.Client(empty.scheduler_address) as client,
        pytest.raises(InputError, match="has no workers") as caught,
    ):
        asked(client, [Need("sort", "sort.py:sort")])
    assert caught.value.hint == f"dask worker {empty.scheduler_address}"


# What Dask has half made, it cannot close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheduler": "nonsense://nowhere"}, "'nonsense://nowhere' does not answer"),
        ({"options": {"no_such_option": 1}}, "no cluster here can be made: "),
        ({"cluster": "dask_jobqueue.Nothing"}, "no cluster class"),
        ({"cluster": "no_such_package.Cluster"}, "no cluster class .*no_such_package"),
        ({"cluster": "Cluster"}, "no cluster class"),
        ({"cluster": "dask_jobqueue.SLURMCluster"}, "SLURMCluster can be made: .*cores"),
    ],
)
def test_clusters_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message), opened("dask", settings, 1):
        pass
