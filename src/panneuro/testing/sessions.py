"""A made-up session whose truth is known: to try panneuro on, and to test analyses against.

It is labelled as generated wherever it goes; nothing in it was recorded from an animal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pynwb import NWBHDF5IO, NWBFile
from pynwb.file import Subject

RATE_HZ = 30_000
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AREAS = ("VISp2/3", "VISp4", "VISp5", "CA1")

_MICROVOLTS_PER_COUNT = 2.34375
_META = """acqApLfSy={n},0,1
fileCreateTime=2026-03-02T09:30:00
fileName=generated_g0_t0.imec0.ap.bin
fileSizeBytes={size}
firstSample=0
imAiRangeMax=0.6
imDatPrb_pn=NP1000
imDatPrb_sn=0
imDatPrb_port=1
imDatPrb_slot=1
imSampRate={rate}
nSavedChans={saved}
snsApLfSy={n},0,1
snsSaveChanSubset=0:{last},{n}
typeThis=imec
appVersion=generated
userNotes=generated, not recorded
~imroTbl=(0,{n}){imro}
~snsChanMap=({n},0,1){channels}(SY0;{n}:{n})
"""


@dataclass(frozen=True)
class Session:
    """What was made up, and where it was written.

    Parameters
    ----------
    probe : Path
        Folder of a SpikeGLX recording.
    sorted : Path
        NWB file with units, trials and electrodes' areas.
    behaviour : Path
        CSV of trials.
    trains : dict of int to ndarray
        Spike times of each unit in seconds.
    peaks : dict of int to int
        Channel on which each unit is largest.
    trials : DataFrame
        ``start_time``, ``stop_time``, ``orientation`` and ``correct``.
    samples : ndarray of int16, shape (n_times, n_channels)
        The raw samples, as written.
    """

    probe: Path
    sorted: Path
    behaviour: Path
    trains: dict[int, npt.NDArray[np.float64]]
    peaks: dict[int, int]
    trials: pd.DataFrame
    samples: npt.NDArray[np.int16]


def make_session(
    folder: Path, *, seconds: float = 20.0, n_channels: int = 96, n_units: int = 24, seed: int = 0
) -> Session:
    """Write a generated session of three files and return its truth.

    Parameters
    ----------
    folder : Path
        Where to write; made where it is missing.
    seconds : float
        Duration.
    n_channels : int
        Channels of the probe, at most 384.
    n_units : int
        Units, each with a waveform of its own on neighbouring channels.
    seed : int
        The same seed gives the same session.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    trials = _trials(seconds, random)
    trains = {unit: _train(unit, n_units, seconds, trials, random) for unit in range(n_units)}
    peaks = {unit: int(unit * n_channels / n_units) for unit in trains}
    samples = _samples(seconds, n_channels, trains, peaks, random)
    trials.to_csv(folder / "trials.csv", index=False)
    return Session(
        _write_probe(folder / "generated_g0", samples),
        _write_sorted(folder / "sorted.nwb", trains, peaks, trials),
        folder / "trials.csv",
        trains,
        peaks,
        trials,
        samples,
    )


def _trials(seconds: float, random: np.random.Generator) -> pd.DataFrame:
    starts = np.arange(0.5, seconds - 1, 1.0)
    return pd.DataFrame(
        {
            "start_time": starts,
            "stop_time": starts + 0.5,
            "orientation": random.choice([0.0, 45.0, 90.0, 135.0], len(starts)),
            "correct": random.random(len(starts)) < 0.7,
        }
    )


def _train(
    unit: int, n_units: int, seconds: float, trials: pd.DataFrame, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw a Poisson train that is driven during trials of the unit's orientation."""
    base = random.poisson(5.0 * seconds)
    preferred = (0.0, 45.0, 90.0, 135.0)[unit * 4 // n_units]
    times = [random.uniform(0, seconds - 0.01, base)]
    driven = trials[trials.orientation == preferred]
    times.extend(
        random.uniform(start, stop, 10)
        for start, stop in zip(driven.start_time, driven.stop_time, strict=True)
    )
    drawn = np.sort(np.concatenate(times))
    kept = drawn[np.diff(drawn, prepend=-1.0) > 0.002]
    rounded: npt.NDArray[np.float64] = np.round(kept * RATE_HZ) / RATE_HZ
    return rounded


def _samples(
    seconds: float,
    n_channels: int,
    trains: dict[int, npt.NDArray[np.float64]],
    peaks: dict[int, int],
    random: np.random.Generator,
) -> npt.NDArray[np.int16]:
    """Draw noise that is shared over time and by neighbours, and add every spike's waveform."""
    n_times = int(seconds * RATE_HZ)
    noise = random.standard_normal((n_times, n_channels), dtype=np.float32)
    noise[:, 1:] += 0.5 * noise[:, :-1]
    noise[1:] += 0.7 * noise[:-1]
    voltage = noise * 6.0
    t = np.arange(-15, 30)
    shape = -np.exp(-(t**2) / 18.0) + 0.35 * np.exp(-((t - 11.0) ** 2) / 60.0)
    for unit, train in trains.items():
        near = np.arange(max(0, peaks[unit] - 4), min(n_channels, peaks[unit] + 5))
        fall = 90.0 * np.exp(-np.abs(near - peaks[unit]) / 2.0)
        waveform = (shape[:, None] * fall).astype(np.float32)
        for row in np.round(train * RATE_HZ).astype(int):
            if 15 <= row < n_times - 30:
                voltage[row - 15 : row + 30, near[0] : near[-1] + 1] += waveform
    counts = np.clip(np.round(voltage / _MICROVOLTS_PER_COUNT), -512, 511)
    return counts.astype(np.int16)


def _write_probe(folder: Path, samples: npt.NDArray[np.int16]) -> Path:
    folder.mkdir(exist_ok=True)
    n = samples.shape[1]
    stem = folder / "generated_g0_t0.imec0.ap"
    with_sync = np.pad(samples, ((0, 0), (0, 1)))
    with_sync.tofile(f"{stem}.bin")
    meta = _META.format(
        n=n,
        saved=n + 1,
        last=n - 1,
        size=with_sync.nbytes,
        rate=RATE_HZ,
        imro="".join(f"({channel} 0 0 500 250 1)" for channel in range(n)),
        channels="".join(f"(AP{channel};{channel}:{channel})" for channel in range(n)),
    )
    Path(f"{stem}.meta").write_text(meta)
    return folder


def _write_sorted(
    path: Path,
    trains: dict[int, npt.NDArray[np.float64]],
    peaks: dict[int, int],
    trials: pd.DataFrame,
) -> Path:
    nwb = NWBFile(
        session_description="a generated session with known spikes, not a recording",
        identifier="generated",
        session_start_time=START,
        lab="panneuro",
        institution="nowhere",
        experimenter=["Generator, A"],
        subject=Subject(subject_id="generated", species="Mus musculus", sex="U", age="P90D"),
    )
    nwb.add_unit_column("area", "where the unit is said to be")
    nwb.add_unit_column("peak_channel", "channel on which it is largest")
    for unit, train in trains.items():
        area = AREAS[unit * len(AREAS) // len(trains)]
        nwb.add_unit(id=unit, spike_times=train, area=area, peak_channel=peaks[unit])
    for name, about in (("orientation", "of the grating, degrees"), ("correct", "of the choice")):
        nwb.add_trial_column(name, about)
    for row in trials.to_dict("records"):
        nwb.add_trial(**{str(key): _plain(value) for key, value in row.items()})
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
