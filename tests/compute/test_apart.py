from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from panneuro.compute import inside
from panneuro.compute.apart import ApartError, call
from panneuro.compute.finding import load_file
from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

PYTHON = Path(sys.executable)
strangers = load_file(Path(__file__).parent / "strangers.py")

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
    | st.floats(allow_nan=False) | arrays(np.dtype("int16"), array_shapes(max_dims=3, max_side=4))
    | arrays(np.dtype("float64"), array_shapes(min_dims=0, max_side=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def equal(one, other):
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and one == other


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=plain)
def test_what_is_packed_is_unpacked(tmp_path, value):
    assert equal(value, inside.unpacked(inside.packed(value, tmp_path, "x"), tmp_path))


def test_signals_arrive_as_plain_things(tmp_path):
    data = np.arange(20, dtype=np.int16).reshape(10, 2)
    lfp = TimeSeries("lfp", data, "volts", rate_hz=5.0, gain=1e-6, channels=("a", "b"))
    found = call(PYTHON, strangers.describe, tmp_path, recording=lfp)
    assert found["sum"].tolist() == [90, 100]
    assert (found["rate_hz"], found["channels"]) == (5.0, ["a", "b"])
    table = Table.from_frame("quality", pd.DataFrame({"area": ["CA1", None], "snr": [1.5, 2.5]}))
    units = Events.from_trains("units", {4: [0.1, 0.5], 7: [0.2]}, table)
    back = call(PYTHON, strangers.echo, tmp_path, units=units, n=np.int32(3), where=tmp_path)
    assert back["units"]["times"].tolist() == [0.1, 0.5, 0.2]
    assert back["units"]["ends"].tolist() == [2, 3]
    assert back["units"]["table"]["area"].tolist() == ["CA1", ""]
    assert (back["n"], back["where"]) == (3, tmp_path)


class Lazy:
    """An array of 400 MB that is made as it is read."""

    shape, dtype, ndim = (25_000_000, 8), np.dtype("int16"), 2
    largest = 0

    def __getitem__(self, rows):
        count = len(range(*rows.indices(self.shape[0])))
        Lazy.largest = max(Lazy.largest, count * 16)
        return np.ones((count, 8), np.int16)


@pytest.mark.slow
def test_what_is_larger_than_memory_is_never_held_whole(tmp_path):
    series = TimeSeries("ap", Lazy(), "volts", rate_hz=30e3)
    found = call(PYTHON, strangers.peak, tmp_path, recording=series)
    assert found["total"] == 200_000_000
    assert Lazy.largest <= 64 << 20


def test_what_is_said_and_left_over_there_is_heard_and_kept(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        path = call(PYTHON, strangers.write, tmp_path)
    assert path.read_text() == "by another"
    assert path.is_relative_to(tmp_path)
    assert "wrote a file" in caplog.text


def test_failures_are_told(tmp_path, caplog):
    with pytest.raises(ApartError, match=r"'fail'.*ValueError: not over here"):
        call(PYTHON, strangers.fail, tmp_path)
    assert "raise ValueError" in caplog.text
    with pytest.raises(ApartError, match="killed by SIGKILL"):
        call(PYTHON, strangers.die, tmp_path)
    with pytest.raises(ApartError, match="object cannot be passed"):
        call(PYTHON, strangers.give_an_object, tmp_path)


def test_what_cannot_travel_is_refused(tmp_path):
    with pytest.raises(InputError, match="object cannot be passed"):
        call(PYTHON, strangers.echo, tmp_path, thing=object())
    with pytest.raises(InputError, match="def it at the top"):
        call(PYTHON, lambda: 1, tmp_path)


def test_nothing_outlives_the_one_who_called(tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from panneuro.compute.apart import call\n"
        "from panneuro.compute.finding import load_file\n"
        f"strangers = load_file(Path({str(Path(__file__).parent / 'strangers.py')!r}))\n"
        "call(Path(sys.executable), strangers.outlive, Path(sys.argv[1]),"
        " pidfile=Path(sys.argv[1], 'pids'))\n"
    )
    driver = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    pids = tmp_path / "pids"
    try:
        wait_for(pids.exists)
    finally:
        driver.kill()
        driver.wait()
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: is_gone(pid))


def wait_for(true, seconds=300.0):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
