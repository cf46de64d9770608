from __future__ import annotations

import numpy as np
import pytest

from panneuro.analysis.channels import check_channels
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 30_000.0


def probe(n_channels=12, seconds=3, **bad):
    """Return noise of 10 µV over a shared rhythm, with what is said done to some channels."""
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    samples = rng.normal(0, 10, (len(t), n_channels)) + 40 * np.sin(2 * np.pi * 8 * t)[:, None]
    samples[:, bad.get("dead", [])] = 7
    samples[:, bad.get("noisy", [])] *= 8
    for channel in bad.get("saturated", []):
        samples[len(t) // 4 : len(t) // 2, channel] = 500
    names = tuple(f"AP{number}" for number in range(n_channels))
    counts = np.clip(np.round(samples), -512, 511).astype(np.int16)
    return TimeSeries("ap", counts, "volts", rate_hz=RATE_HZ, gain=1e-6, channels=names)


def test_bad_channels_are_found():
    found = check_channels(probe(dead=[2], noisy=[5, 6], saturated=[9]))
    labels = found.label.to_dict()
    assert labels.pop("AP2") == "dead"
    assert {labels.pop("AP5"), labels.pop("AP6")} == {"noisy"}
    assert labels.pop("AP9") == "saturated"
    assert set(labels.values()) == {"good"}


def test_what_is_measured_has_the_unit_of_the_signal():
    found = check_channels(probe(dead=[0]))
    good = found[found.label == "good"]
    # The band from 300 to 6,000 Hz has 38 % of the power of white noise.
    assert good.noise.to_numpy() == pytest.approx([6.2e-6] * 11, rel=0.1)
    assert found.level["AP0"] == pytest.approx(7e-6)
    assert (good.similarity > 0.8).all()
    assert found.similarity["AP0"] == 0


def test_thresholds_decide():
    signal = probe(noisy=[5])
    assert check_channels(signal, noisy_above=10).label["AP5"] == "good"


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(InputError, match="show nothing"):
        check_channels(probe(dead=list(range(12))))
    with pytest.raises(InputError, match="fewer than"):
        check_channels(probe(seconds=0.001))
