"""A Slurm of one node, started here, runs what a pipeline needs as jobs."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import panneuro
from panneuro.compute.pipelines import find_pipelines
from panneuro.compute.products import product
from panneuro.core.errors import InputError

pytest.importorskip("dask_jobqueue")
pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch")
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={place}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000 State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
STEPS = """
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import panneuro

@panneuro.step(takes="units", gives=("counts", "job"))
def counts(units):
    return np.diff(np.asarray(units.ends), prepend=0), int(os.environ.get("SLURM_JOB_ID", 0))

@panneuro.step(takes="counts", gives="total")
def total(counts) -> int:
    return int(counts.sum())

@panneuro.step(takes="units", gives="job")
def cancelled_once(units, mark: str) -> int:
    job = os.environ["SLURM_JOB_ID"]
    if not Path(mark).exists():
        Path(mark).touch()
        subprocess.run(["scancel", "--signal=KILL", job], check=True)
        signal.pause()
    return int(job)

pipeline = panneuro.Pipeline("counting", on="has:units kind=raw", steps=[counts, total])
"""


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(*line):
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for(line, expected):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if expected in done.stdout:
            return
        time.sleep(0.2)
    pytest.fail(f"{' '.join(line)} never told {expected!r}: {done.stdout}{done.stderr}")


@pytest.fixture(scope="module")
def slurm(need, tmp_path_factory):
    """Start munge and the two daemons of Slurm for one node: this machine."""
    missing = [name for name in DAEMONS if not shutil.which(name, path=PATH)]
    need("slurm", not missing, f"not installed: {', '.join(missing)}")
    need("slurm", os.geteuid() == 0, "Slurm's daemons are started by root alone")
    place = tmp_path_factory.mktemp("slurm")
    for name in ("munge", "state", "spool"):
        (place / name).mkdir(mode=0o700)
    key = place / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host, conf = platform.node().partition(".")[0], place / "slurm.conf"
    conf.write_text(
        CONF.format(host=host, place=place, ports=free_ports(2), cores=os.cpu_count() or 1)
    )
    files = ("key-file key", "socket socket", "pid-file pid", "log-file log", "seed-file seed")
    munge = [
        word
        for option, _, file in (one.partition(" ") for one in files)
        for word in (f"--{option}", str(place / "munge" / file))
    ]
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("PATH", PATH)
        patch.setenv("SLURM_CONF", str(conf))
        stack.enter_context(running("munged", "--foreground", "--force", *munge))
        wait_for(["ls", str(place / "munge")], "socket")
        stack.enter_context(running("slurmctld", "-D"))
        stack.enter_context(running("slurmd", "-D"))
        wait_for(["sinfo", "--noheader", "--format=%T"], "idle")
        yield
        subprocess.run(["scancel", "--partition=short"], check=False)


@pytest.fixture
def lake(slurm, folder_lake, tmp_path):
    """Return a lake whose runs are jobs of Slurm."""
    options = {
        "queue": "short",
        "cores": 1,
        "processes": 1,
        "memory": "1GB",
        "walltime": "00:10:00",
        "python": sys.executable,
        "log_directory": str(tmp_path / "logs"),
        "local_directory": str(tmp_path / "scratch"),
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
    }
    settings = folder_lake.settings.compute
    settings |= {"executor": "dask", "workers": 1, "options": options}
    settings["cluster"] = "dask_jobqueue.SLURMCluster"
    return folder_lake


@pytest.fixture
def file(tmp_path):
    """Return the path of a pipeline's file."""
    path = tmp_path / "counting.py"
    path.write_text(STEPS)
    return path


def test_a_pipeline_runs_as_jobs(lake, file):
    (pipeline,) = find_pipelines(lake, [str(file)])
    counted, added = panneuro.up(lake, pipeline)["counting"]
    assert (len(counted.done), len(added.done)) == (3, 3), counted.failed or added.failed
    assert all(product(lake[name], "job") > 0 for name in counted.outputs)
    for source in lake.find("has:units kind=raw").names:
        total = product(lake[f"{source}_counts.total"], "total")
        assert total == len(lake[source].units.times)


def test_a_job_that_is_cancelled_is_started_anew(lake, file, tmp_path):
    mark = str(tmp_path / "mark")
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}):
        ran = panneuro.run(lake, f"{file}:cancelled_once", on="has:units kind=raw", mark=mark)
    assert len(ran.done) == 3, ran.failed
    assert Path(mark).exists()


def test_what_the_queue_refuses_is_told(lake, file):
    lake.settings.compute["options"]["memory"] = "900GB"
    with pytest.raises(InputError, match="Requested node configuration is not available"):
        panneuro.run(lake, f"{file}:counts", on="has:units kind=raw")
