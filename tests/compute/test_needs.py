from __future__ import annotations

import pytest

import panneuro
from panneuro.compute.executors import workers_of
from panneuro.compute.needs import Need, at_once, cores_here, gpus_here
from panneuro.compute.step import Resources
from panneuro.core.errors import LimitError


def test_greedy_steps_run_on_fewer_workers(monkeypatch):
    monkeypatch.setattr("panneuro.compute.needs.cores_here", lambda: 8)
    monkeypatch.setattr("panneuro.compute.needs._memory_here", lambda: 16 * 10**9)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert at_once([]) == 8
    assert at_once([Need("a", "a", cores=3)]) == 2
    assert at_once([Need("a", "a"), Need("b", "b", memory_bytes=5 * 10**9)]) == 3
    assert at_once([Need("a", "a", gpus=2)]) == 1
    assert workers_of({}, None, [Need("a", "a", cores=4)]) == 2
    assert workers_of({"workers": 5}, None, [Need("a", "a", cores=4)]) == 5
    assert workers_of({}, 6, [Need("a", "a", cores=4)]) == 6


@pytest.mark.parametrize(("told", "count"), [("", 0), ("-1", 0), ("0", 1), ("GPU-1f, GPU-2a", 2)])
def test_gpus_are_those_that_may_be_used(monkeypatch, told, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
    assert gpus_here() == count
    assert cores_here() >= 1


def test_no_step_runs_without_the_memory_that_it_declares(folder_lake, monkeypatch):
    monkeypatch.setattr("panneuro.compute.needs._memory_here", lambda: 16 * 10**9)

    @panneuro.step(takes="units", gives="n", resources=Resources(memory_bytes=17 * 10**9))
    def holds(units) -> int:
        return 1

    with pytest.raises(LimitError, match="'holds' declares 17,000,000,000 bytes of memory, and 16"):
        panneuro.run(folder_lake, holds, on="has:units")
    assert not folder_lake.runs.find()


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_no_step_runs_without_its_gpu(folder_lake, monkeypatch, executor):
    @panneuro.step(takes="units", gives="n", resources=Resources(gpus=1))
    def learns(units) -> int:
        return 1

    monkeypatch.setattr(type(learns), "is_found", True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(LimitError, match="step 'learns' needs 1 GPUs, and 0 are here"):
        panneuro.run(folder_lake, learns, on="has:units", executor=executor)
    assert not folder_lake.runs.find()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    if executor == "inline":
        assert len(panneuro.run(folder_lake, learns, on="has:units").done) == 3
