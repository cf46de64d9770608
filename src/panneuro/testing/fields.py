"""A made-up field potential whose rhythms are known: theta in one area, gamma in the other.

It is labelled as generated wherever it goes; nothing in it was recorded from an animal.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pynwb import NWBHDF5IO, NWBFile
from pynwb.ecephys import ElectricalSeries
from pynwb.file import Subject

from panneuro.testing.sessions import START

RATE_HZ = 1250.0
THETA_HZ, GAMMA_HZ = 8.0, 50.0
FIELD_AREAS = ("CA1", "VISp5")

_MICROVOLTS_PER_COUNT = 0.5


def make_field(path: Path, *, seconds: float = 60.0, n_channels: int = 8, seed: int = 0) -> Path:
    """Write an NWB file with an LFP, its electrodes and trials.

    Half of the channels lie in CA1, where theta of 100 µV goes on throughout; the others in the
    visual cortex, where gamma of 40 µV is on while a grating is shown and not while a grey screen
    is. All have noise that falls with frequency.

    Parameters
    ----------
    path : Path
        Of the file.
    seconds : float
        Duration.
    n_channels : int
        Even.
    seed : int
        The same seed gives the same file.

    Returns
    -------
    Path
        Of the file.
    """
    random = np.random.default_rng(seed)
    starts_s = np.arange(1.0, seconds - 1.0, 1.0)
    trials = pd.DataFrame(
        {
            "start_time": starts_s,
            "stop_time": starts_s + 0.5,
            "stimulus": random.choice(["grating", "grey"], len(starts_s)),
        }
    )
    nwb = NWBFile(
        session_description="a generated field potential, not a recording",
        identifier="generated field",
        session_start_time=START + timedelta(hours=1),
        lab="panneuro",
        institution="nowhere",
        experimenter=["Generator, A"],
        subject=Subject(subject_id="generated", species="Mus musculus", sex="U", age="P90D"),
    )
    device = nwb.create_device("generated probe")
    for area in FIELD_AREAS:
        group = nwb.create_electrode_group(area, "generated", area, device)
        for _ in range(n_channels // 2):
            nwb.add_electrode(group=group, location=area)
    nwb.add_acquisition(
        ElectricalSeries(
            name="lfp",
            data=_counts(seconds, n_channels, trials, random),
            electrodes=nwb.create_electrode_table_region(list(range(n_channels)), "all"),
            rate=RATE_HZ,
            conversion=_MICROVOLTS_PER_COUNT * 1e-6,
        )
    )
    nwb.add_trial_column("stimulus", "what was shown")
    for row in trials.to_dict("records"):
        nwb.add_trial(**{str(name): value for name, value in row.items()})
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def _counts(
    seconds: float, n_channels: int, trials: pd.DataFrame, random: np.random.Generator
) -> npt.NDArray[np.int16]:
    n = int(seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    gratings = trials[trials.stimulus == "grating"]
    shown = (t[:, None] >= gratings.start_time.to_numpy()) & (
        t[:, None] < gratings.stop_time.to_numpy()
    )
    theta = 100.0 * np.cos(2 * np.pi * THETA_HZ * t)
    gamma = 40.0 * shown.any(axis=1) * np.cos(2 * np.pi * GAMMA_HZ * t)
    white = random.standard_normal((n, n_channels))
    falling = np.cumsum(white - white.mean(0), axis=0)
    microvolts = 10.0 * white + falling - np.linspace(falling[0], falling[-1], n)
    microvolts[:, : n_channels // 2] += theta[:, None]
    microvolts[:, n_channels // 2 :] += gamma[:, None]
    return np.round(microvolts / _MICROVOLTS_PER_COUNT).astype(np.int16)
