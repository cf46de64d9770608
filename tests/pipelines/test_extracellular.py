"""Raw traces become units: made-up ones against the truth, real ones by refractoriness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panneuro.compute.environments import Environment, build
from panneuro.compute.flow import up
from panneuro.compute.products import product
from panneuro.compute.reproducing import reproduce
from panneuro.core.errors import UnobtainableError
from panneuro.pipelines import extracellular as module
from panneuro.pipelines.extracellular import extracellular, extracellular_of
from panneuro.testing.sessions import make_session

CLOSE_S = 4e-4
DEAD = 13


@pytest.fixture(scope="session")
def environments(tmp_path_factory):
    """Return where the sorter's environment is built, once for all tests."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def sorter(need, environments, monkeypatch):
    """Build the sorter's environment, or skip where its packages cannot be had."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(environments))
    lock = Environment.of("sorting.lock", Path(module.__file__).parent)
    try:
        build(lock)
    except UnobtainableError as error:
        need("registry", False, f"the sorter's packages cannot be had: {error.message}")


def agreement(true_s, found_s):
    """Return spikes found over spikes of either: 1 where both are the same."""
    after = np.clip(np.searchsorted(found_s, true_s), 0, len(found_s) - 1)
    before = np.clip(after - 1, 0, None)
    apart = np.minimum(np.abs(true_s - found_s[after]), np.abs(true_s - found_s[before]))
    matched = int((apart < CLOSE_S).sum())
    return matched / (len(true_s) + len(found_s) - matched)


@pytest.fixture
def generated(add, tmp_path):
    """Return a session of eight units on a probe with a dead channel, and its name."""
    session = make_session(tmp_path / "rig", seconds=10, n_channels=32, n_units=8)
    (file,) = session.probe.glob("*.bin")
    samples = np.memmap(file, np.int16, "r+").reshape(-1, 33)
    samples[:, DEAD] = 0
    samples.flush()
    return session, add(session.probe)


def test_units_are_those_that_were_made(lake, generated, sorter):
    session, _ = generated
    stages = up(lake, extracellular)["extracellular"]
    assert not [(one.error, one.log) for ran in stages for one in ran.failed]
    channels, lfp, units, judged = (lake[name] for ran in stages for name in ran.outputs)

    labels = channels["channels"].df.label
    assert labels[DEAD] == "dead"
    assert (labels.drop(DEAD) == "good").all()
    assert (lfp["lfp"].rate_hz, lfp["lfp"].n_channels) == (1250.0, 31)
    assert len(lfp.electrodes) == 31

    found = list(units.units.trains().values())
    best = [max(agreement(train, one) for one in found) for train in session.trains.values()]
    assert np.median(best) > 0.95
    assert sum(one > 0.8 for one in best) >= 7
    templates = product(units, "templates")
    assert templates.sizes["channel"] == 31
    assert 50e-6 < float(np.abs(templates).max()) < 150e-6
    assert product(units, "amplitudes").size == int(units.units.counts.sum())
    assert product(units, "sorting")["sorter"] == "spykingcircus2"

    metrics = judged["metrics"].df
    assert (metrics.label == "good").sum() >= 7
    assert judged.read_file("figures/units_figure.png").startswith(b"\x89PNG")
    assert not [run for ran in up(lake, extracellular)["extracellular"] for run in ran.runs]
    assert reproduce(lake, units.name, here=True).outcome == "identical"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"sorter": "kilosort4"}, "'kilosort4' is not here, nor does singularity or docker"),
        ({"sorter": "nobody"}, "there is no sorter 'nobody'; known: "),
        ({"parameters": {"colour": 1}}, "spykingcircus2 has no parameter 'colour'"),
    ],
)
def test_what_cannot_sort_is_told(lake, generated, sorter, tmp_path, monkeypatch, how, message):
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text("#!/bin/sh\necho there is no daemon >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    _, _, units, judged = up(lake, extracellular_of(**how))["extracellular"]
    assert message in units.failed[0].error["message"]
    assert not judged.runs


@pytest.mark.slow
def test_a_real_tetrode(lake, add, sorter, sample_data):
    """Four channels without places; the largest unit stands out and is refractory."""
    add(sample_data / "raw" / "locust_tetrode")
    stages = up(lake, extracellular_of("locust*"))["extracellular"]
    assert not [(one.error, one.log) for ran in stages for one in ran.failed]
    (judged,) = (lake[name] for name in stages[3].outputs)
    metrics = judged["metrics"].df
    assert 3 <= len(metrics) <= 12
    largest = metrics.loc[metrics.snr.idxmax()]
    assert largest.snr > 10
    assert largest.isi_violations_ratio < 0.1


def test_many_channels_without_places_are_refused(lake, add, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "raw_ap.npy", rng.integers(-50, 50, (30_000, 16)).astype(np.int16))
    (tmp_path / "raw_ap.yaml").write_text("rate_hz: 30000\nunit: volts\ngain: 1.0e-6\n")
    add(tmp_path / "raw_ap.npy")
    channels, lfp, units, judged = up(lake, extracellular)["extracellular"]
    assert "where the 16 channels" in channels.failed[0].error["message"]
    assert not [ran.runs for ran in (lfp, units, judged) if ran.runs]
