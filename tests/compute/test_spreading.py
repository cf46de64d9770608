from __future__ import annotations

import pytest

import panneuro
from panneuro.compute.products import product

distributed = pytest.importorskip("distributed")

STEPS = """
import os
import signal
import threading
from functools import partial
from pathlib import Path

import numpy as np
import panneuro
from panneuro.compute.step import Resources

def power(lfp, second):
    return (lfp.read(second, second + 1).astype(float) ** 2).mean(axis=0), os.getpid()

@panneuro.step(takes="lfp", gives=("power", "where"), resources=Resources(cores=2))
def each_second(lfp, context, how: str = "function", where: str = ""):
    first = threading.Lock()
    how = {
        "function": partial(power, lfp),
        "closure": lambda second: power(lfp, second),
        "unpicklable": lambda second: (first.locked(), power(lfp, second))[1],
    }[how]
    values, at = zip(*context.map(how, range(10)))
    return np.stack(values), {"own": os.getpid(), "others": sorted(set(at))}

@panneuro.step(takes="lfp", gives="told", resources=Resources(cores=2))
def locks(lfp, context) -> list:
    return [type(lock).__name__ for lock in context.map(lambda _: threading.Lock(), range(3))]

@panneuro.step(takes="lfp", gives="n", resources=Resources(cores=2))
def fails(lfp, context) -> int:
    return sum(context.map(lambda n: 1 // n, [1, 0]))

def die_once(mark, n):
    if n and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n

@panneuro.step(takes="lfp", gives="n", resources=Resources(cores=2))
def dies_once(lfp, context, mark: str) -> int:
    return sum(context.map(partial(die_once, mark), range(3)))
"""


@pytest.fixture
def file(tmp_path):
    """Return the path of a file of steps that spread their work."""
    path = tmp_path / "spreading_steps.py"
    path.write_text(STEPS)
    return path


@pytest.fixture(scope="module")
def scheduler():
    """Return the address of a scheduler with one worker of two threads: enough to wait for ever."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0"
    ) as made:
        yield made.scheduler_address


def values(lake, ran):
    assert not ran.failed, ran.failed[0].error
    assert len(ran.done) == 3
    return [product(lake[name], "power").values.tolist() for name in sorted(ran.outputs)]


@pytest.mark.parametrize("how", ["function", "closure", "unpicklable"])
def test_wherever_it_is_done_it_comes_to_the_same(lake, folder_lake, scheduler, file, how):
    step = f"{file}:each_second"
    expected = values(lake, panneuro.run(lake, step, on="has:lfp kind=raw", how=how))
    apart = how != "unpicklable"
    folder_lake.settings.compute["scheduler"] = scheduler
    for executor in ("processes", "dask"):
        given = {"executor": executor, "workers": 1, "where": executor, "how": how}
        ran = panneuro.run(folder_lake, step, on="has:lfp kind=raw", **given)
        assert values(folder_lake, ran) == expected
        where = product(folder_lake[next(iter(ran.outputs))], "where")
        assert (where["others"] != [where["own"]]) == (apart and executor == "processes")


def test_what_is_spread_is_accounted_for(lake, folder_lake, file):
    step, given = f"{file}:each_second", {"on": "subject=m0 has:lfp kind=raw"}
    (here,) = panneuro.run(lake, step, **given).done
    (there,) = panneuro.run(folder_lake, step, executor="processes", workers=1, **given).done
    assert there.bytes_read >= here.bytes_read > 0
    assert there.core_seconds > 0


@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_what_goes_wrong_elsewhere_goes_wrong_here(folder_lake, scheduler, file, executor):
    folder_lake.settings.compute["scheduler"] = scheduler
    given = {"on": "subject=m0 has:lfp kind=raw", "executor": executor, "workers": 1}
    (failed,) = panneuro.run(folder_lake, f"{file}:fails", **given).failed
    assert failed.error["message"] == "ZeroDivisionError: integer division or modulo by zero"
    (done,) = panneuro.run(folder_lake, f"{file}:locks", **given).done
    assert product(folder_lake[next(iter(done.outputs))], "told") == ["lock"] * 3


@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_a_helper_that_dies_is_replaced(folder_lake, scheduler, file, tmp_path, executor):
    folder_lake.settings.compute["scheduler"] = scheduler
    given = {"executor": executor, "workers": 1, "mark": str(tmp_path / "mark")}
    (done,) = panneuro.run(folder_lake, f"{file}:dies_once", on="subject=m0", **given).done
    assert product(folder_lake[next(iter(done.outputs))], "n") == 3
