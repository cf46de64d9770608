"""Surrogate recordings of any length, with spikes whose times are known.

No long recording of hundreds of channels can be had here, so the noise is imitated: white noise
filtered in time to a spectrum like that of Neuropixels, shared in part between neighbours, and slow
drift. What codecs make of it is indicative; requests, bytes and memory do not depend on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CHANNELS = 384
RATE_HZ = 30_000
GAIN_UV = 4.6875 / 2
"""Of Neuropixels 1.0 at a gain of 500, in microvolts a count."""

BLOCK_S = 10
AREAS = ("VISp", "CA1", "LGd", "LP")
UNITS = 2000
TRIALS = 4000
_META = """\
acqApLfSy=384,384,1
appVersion=20230815
fileCreateTime=2024-05-01T09:30:00
fileName=D:/surrogate_g0_t0.imec0.ap.bin
fileSizeBytes={size}
fileTimeSecs={seconds}
firstSample=0
imAiRangeMax=0.6
imAiRangeMin=-0.6
imDatPrb_pn=PRB_1_4_0480_1
imDatPrb_sn=19011110513
imDatPrb_type=0
imMaxInt=512
imSampRate=30000
nSavedChans={saved}
snsApLfSy={channels},0,1
snsSaveChanSubset=0:{channels}
syncImInputSlot=2
typeThis=imec
~imroTbl=(0,384){imro}
~snsChanMap=({channels},0,1){map}
"""


def noise(seconds: float, seed: int = 7, channels: int = CHANNELS) -> npt.NDArray[np.int16]:
    """Return noise like that of tissue, of about 8 µV, in counts: time × channel."""
    rng = np.random.default_rng(seed)
    rows = round(seconds * RATE_HZ)
    white = rng.standard_normal((rows + 3, channels), dtype=np.float32)
    white[:, 1:] += np.float32(0.6) * white[:, :-1]
    smooth = white[3:] + np.float32(0.9) * white[2:-1]
    smooth += np.float32(0.5) * white[1:-2] + np.float32(0.2) * white[:-3]
    drift = 10 * np.sin(np.arange(rows, dtype=np.float32) / (0.13 * RATE_HZ))
    return np.rint(smooth * np.float32(2.8) + drift[:, None]).astype(np.int16)


def spikes(
    seconds: float, units: int = 100, seed: int = 8, channels: int = CHANNELS
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the sample and the channel of every spike of units that fire at 5 Hz."""
    rng = np.random.default_rng(seed)
    count = round(5 * units * seconds)
    rows = np.sort(rng.integers(60, round(seconds * RATE_HZ) - 60, count))
    places = rng.integers(2, channels - 2, units)
    return rows, places[rng.integers(0, units, count)]


def block(seconds: float = BLOCK_S, channels: int = CHANNELS) -> npt.NDArray[np.int16]:
    """Return noise with the spikes in it."""
    values = noise(seconds, channels=channels)
    phase = np.arange(40) / RATE_HZ
    shape = -40 * np.exp(-(((phase - 0.0004) / 0.00015) ** 2))
    shape += 15 * np.exp(-(((phase - 0.0008) / 0.0003) ** 2))
    wave = np.outer(shape, (0.3, 0.7, 1.0, 0.7, 0.3)).astype(np.int16)
    for row, channel in zip(*spikes(seconds, channels=channels), strict=True):
        values[row : row + 40, channel - 2 : channel + 3] += wave
    return values


def write_spikeglx(folder: Path, seconds: float) -> Path:
    """Write an AP band of SpikeGLX, with a sync channel, by repeating a block with new offsets.

    Returns
    -------
    Path
        The ``.bin``.
    """
    run = folder / "surrogate_g0" / "surrogate_g0_imec0"
    run.mkdir(parents=True, exist_ok=True)
    path = run / "surrogate_g0_t0.imec0.ap.bin"
    one = np.pad(block(), ((0, 0), (0, 1)))
    rows = round(seconds * RATE_HZ)
    with path.open("wb") as sink:
        for number, start in enumerate(range(0, rows, len(one))):
            # Whole channels move on, so that no two blocks are the same.
            turned = np.roll(one[:, :CHANNELS], 7 * number, axis=1)
            part = np.concatenate([turned, one[:, CHANNELS:]], axis=1)[: rows - start]
            part[:, CHANNELS] = (np.arange(len(part)) // (RATE_HZ // 2) % 2) << 6
            part.tofile(sink)
    path.with_suffix(".meta").write_text(_meta(path.stat().st_size, seconds))
    return path


def _meta(size: int, seconds: float) -> str:
    fields: dict[str, Any] = {"size": size, "seconds": seconds, "channels": CHANNELS}
    imro = "".join(f"({channel} 0 1 500 250 1)" for channel in range(CHANNELS))
    names = [f"AP{channel};{channel}:{channel}" for channel in range(CHANNELS)]
    names.append(f"SY0;{CHANNELS}:{CHANNELS}")
    chart = "".join(f"({name})" for name in names)
    return _META.format(saved=CHANNELS + 1, imro=imro, map=chart, **fields)


def write_nwb(path: Path, raw_s: float = 20, spikes_in_all: int = 5_000_000) -> Path:
    """Write a session like the Allen Institute's as NWB in HDF5, compressed as pynwb users do.

    384 channels of raw, 96 of LFP over 10 minutes, 2,000 units with 27 columns, 4,000 trials.
    """
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.file import Subject

    nwb = NWBFile(
        session_description="a surrogate session",
        identifier="surrogate-1",
        session_start_time=datetime(2024, 5, 1, 9, 30, tzinfo=UTC),
        institution="None",
        lab="None",
        subject=Subject(subject_id="m1", species="Mus musculus", sex="F", age="P90D"),
    )
    _add_traces(nwb, raw_s)
    _add_units(nwb, spikes_in_all)
    _add_trials(nwb)
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def _add_traces(nwb: Any, raw_s: float) -> None:
    from pynwb import H5DataIO
    from pynwb.ecephys import LFP, ElectricalSeries

    device = nwb.create_device(name="imec0")
    group = nwb.create_electrode_group(
        name="shank0", description="a shank", location="VISp", device=device
    )
    for channel in range(CHANNELS):
        nwb.add_electrode(location=AREAS[channel // 96], group=group, x=0.0, y=20.0 * channel)
    every, fourth = (
        nwb.create_electrode_table_region(region=list(range(0, CHANNELS, n)), description=f"1/{n}")
        for n in (1, 4)
    )
    part = block(2)
    raw = np.concatenate([np.roll(part, 7 * n, axis=1) for n in range(-(-int(raw_s) // 2))])
    nwb.add_acquisition(
        ElectricalSeries(
            name="ap",
            data=H5DataIO(raw, chunks=(RATE_HZ, 64), compression="gzip"),
            electrodes=every,
            rate=float(RATE_HZ),
            conversion=GAIN_UV * 1e-6,
        )
    )
    lfp = LFP()
    nwb.create_processing_module(name="ecephys", description="processed").add(lfp)
    lfp.create_electrical_series(
        name="lfp",
        data=H5DataIO(noise(25, 9, 96), chunks=(12_500, 32), compression="gzip"),
        electrodes=fourth,
        rate=1250.0,
        conversion=1e-6,
    )


def _add_units(nwb: Any, spikes_in_all: int) -> None:
    from hdmf.common import ElementIdentifiers, VectorData, VectorIndex
    from pynwb import H5DataIO
    from pynwb.misc import Units

    rng = np.random.default_rng(10)
    shares = rng.lognormal(0, 1.2, UNITS)
    counts = np.maximum(50, shares / shares.sum() * spikes_in_all).astype(int)
    trains = [np.sort(rng.integers(0, 7200 * RATE_HZ, count)) / RATE_HZ for count in counts]
    times = H5DataIO(np.concatenate(trains), chunks=(65_536,), compression="gzip")
    spike_times = VectorData(name="spike_times", description="in seconds", data=times)
    ends = VectorIndex(name="spike_times_index", data=np.cumsum(counts), target=spike_times)
    values = {f"metric_{n:02d}": rng.normal(size=UNITS) for n in range(22)}
    values |= {
        "peak_channel": rng.integers(0, CHANNELS, UNITS),
        "cluster": np.arange(UNITS),
        "depth_um": rng.uniform(0, 3840, UNITS),
        "quality": rng.choice(["good", "noise"], UNITS).tolist(),
        "area": rng.choice(AREAS, UNITS).tolist(),
    }
    columns = [VectorData(name=name, description=name, data=data) for name, data in values.items()]
    nwb.units = Units(
        name="units",
        description="sorted units",
        id=ElementIdentifiers(name="id", data=np.arange(UNITS)),
        columns=[ends, spike_times, *columns],
    )


def _add_trials(nwb: Any) -> None:
    rng = np.random.default_rng(11)
    graded = ("contrast", "orientation", "phase")
    for name in (*graded, "stimulus"):
        nwb.add_trial_column(name=name, description=name)
    for number, values in enumerate(rng.choice([0.0, 0.1, 0.5, 1.0], (TRIALS, 3)).tolist()):
        shown = "grating" if number % 3 else "movie"
        nwb.add_trial(
            start_time=1.8 * number,
            stop_time=1.8 * number + 1.0,
            stimulus=shown,
            **dict(zip(graded, values, strict=True)),
        )
