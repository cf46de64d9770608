from __future__ import annotations

import pytest

from panneuro.compute.executors import InlineExecutor, kind_of, workers_of
from panneuro.compute.running import run
from panneuro.core.errors import InputError


def outputs(lake):
    """Return the digest of every file of every derived asset."""
    return {
        entry.name: {file.path: file.digest for file in lake[entry.name].files}
        for entry in lake.find("kind=derived")
    }


def test_errors_stay_in_the_future():
    future = InlineExecutor().submit(int, "x")
    assert isinstance(future.exception(), ValueError)


def test_what_lake_toml_says():
    assert kind_of({}) == "inline"
    assert kind_of({"executor": "dask"}) == "dask"
    assert kind_of({"executor": "dask"}, "processes") == "processes"
    assert workers_of({"workers": 3}) == 3
    assert workers_of({"workers": 3}, 2) == 2
    assert workers_of({}) >= 1


@pytest.mark.parametrize("said", [{"executor": "slurm"}, {"exekutor": "dask"}])
def test_what_lake_toml_says_wrongly(said):
    with pytest.raises(InputError):
        kind_of(said)


@pytest.mark.parametrize("count", [0, -1, True, "many"])
def test_impossible_numbers_of_workers(count):
    with pytest.raises(InputError):
        workers_of({"workers": count})


def test_processes_make_what_is_made_inline(folder_lake, lake, steps):
    run(lake, f"{steps}:rates", on="has:units")
    ran = run(folder_lake, f"{steps}:rates", on="has:units", executor="processes", workers=1)
    assert (len(ran.done), len(ran.failed)) == (3, 0)
    assert {run.host for run in ran.runs}
    assert outputs(folder_lake) == outputs(lake)
    assert not run(folder_lake, f"{steps}:rates", on="has:units").runs


def test_a_worker_that_dies_loses_nothing(folder_lake, steps, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    given = {"executor": "processes", "workers": 2, "folder": str(marks)}
    ran = run(folder_lake, f"{steps}:dies_once", on="has:units", **given)
    assert (len(ran.done), len(ran.failed)) == (3, 0)


def test_a_run_that_kills_its_workers_is_told_from_its_neighbours(folder_lake, steps):
    ran = run(folder_lake, f"{steps}:kills", executor="processes", workers=2)
    assert len(ran.done) == 2
    (failed,) = ran.failed
    assert "the worker died 3 times" in failed.error["message"]
    assert failed.input_names == ("ecephys_m1_2026-03-02_09-30-00",)
    assert failed in folder_lake.runs.find(status="failed")


def test_dask_makes_what_is_made_inline(folder_lake, lake, steps):
    run(lake, f"{steps}:rates", on="has:units")
    ran = run(folder_lake, f"{steps}:rates", on="has:units", executor="dask", workers=1)
    assert (len(ran.done), len(ran.failed)) == (3, 0)
    assert outputs(folder_lake) == outputs(lake)
