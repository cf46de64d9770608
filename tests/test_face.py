from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

import panneuro

HEAVY = (
    "zarr",
    "dask",
    "pandas",
    "matplotlib",
    "numpy",
    "pyarrow",
    "pydantic",
    "xarray",
    "neo",
    "pynwb",
    "h5py",
    "obstore",
    "sqlite3",
)


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def test_the_names_are_sorted_few_and_there():
    assert panneuro.__all__ == sorted(panneuro.__all__)
    assert len(panneuro.__all__) <= 40
    assert dir(panneuro) == panneuro.__all__
    for name in panneuro.__all__:
        assert getattr(panneuro, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = panneuro.nonsense


@pytest.mark.parametrize("name", panneuro.__all__)
def test_every_name_is_documented(name):
    assert inspect.getdoc(getattr(panneuro, name))


@pytest.mark.parametrize("name", ["open", "TimeSeries", "Events", "Intervals"])
def test_what_people_meet_first_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(panneuro, name))


def test_importing_loads_nothing_heavy():
    loaded = run("import panneuro, sys; print(*sys.modules)")
    assert not set(HEAVY) & {name.partition(".")[0] for name in loaded}


def test_finding_loads_neither_arrays_nor_tables(tmp_path):
    panneuro.open(tmp_path / "lake", create=True)
    place = str(tmp_path / "lake")
    code = f"import panneuro, sys; panneuro.open({place!r}).find('x').names; print(*sys.modules)"
    light = set(HEAVY) - {"sqlite3", "obstore"}
    assert not light & {name.partition(".")[0] for name in run(code)}


def test_what_a_lake_gives_draws_itself_without_the_analyses(tmp_path, said):
    np.save(tmp_path / "lfp.npy", np.zeros((100, 2)))
    (tmp_path / "description.yaml").write_text("rate_hz: 50\nunit: volts\n")
    (tmp_path / "trials.csv").write_text("start_time,stop_time\n0.5,1.0\n1.0,1.5\n")
    lake = panneuro.open(tmp_path / "lake", create=True)
    for source in ("lfp.npy", "trials.csv"):
        lake.add(tmp_path / source, name=source[:3], said=said)
    code = f"""
import sys
import panneuro
lake = panneuro.open({str(tmp_path / "lake")!r})
lfp = lake["lfp"]["lfp"].to_xarray(0.5, 1.0)
trials = lake["tri"]["trials"].df
assert callable(lfp.neuro.plot) and callable(trials.neuro.plot)
print(lfp.sizes["time"], len(trials), "panneuro.analysis" in sys.modules)
"""
    assert run(code) == ["25", "2", "False"]
