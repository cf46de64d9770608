"""A made-up patched cell whose membrane is known: a leaky integrator with spikes of one shape.

It is labelled as generated wherever it goes; nothing in it was recorded from an animal.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pynwb import NWBHDF5IO, NWBFile
from pynwb.file import Subject
from pynwb.icephys import CurrentClampSeries, CurrentClampStimulusSeries

from panneuro.testing.sessions import START

RATE_HZ = 20_000.0
REST_V, THRESHOLD_V, RESET_V = -70e-3, -50e-3, -60e-3
RESISTANCE_OHM, TAU_S = 200e6, 20e-3
AMPLITUDES_A = tuple(1e-12 * pulse for pulse in (-100, -50, 50, 90, 110, 150, 200, 250))
PULSE_S = (0.1, 0.6)

_DURATION_S = 0.8
_NOISE_V = 5e-5


def make_cell(path: Path, *, noisy_sweep: int | None = None, seed: int = 0) -> Path:
    """Write an NWB file with a sweep for each of `AMPLITUDES_A`, in current clamp.

    The least current with spikes is ``(THRESHOLD_V - REST_V) / RESISTANCE_OHM``, 100 pA.

    Parameters
    ----------
    path : Path
        Of the file.
    noisy_sweep : int, optional
        A sweep in which noise is a hundred times as large.
    seed : int
        The same seed gives the same file.

    Returns
    -------
    Path
        Of the file.
    """
    random = np.random.default_rng(seed)
    nwb = NWBFile(
        session_description="a generated cell, not a recording",
        identifier="generated cell",
        session_start_time=START + timedelta(hours=2),
        lab="panneuro",
        institution="nowhere",
        experimenter=["Generator, A"],
        subject=Subject(subject_id="generated", species="Mus musculus", sex="U", age="P90D"),
    )
    electrode = nwb.create_icephys_electrode(
        name="pipette", description="generated", device=nwb.create_device("generated amplifier")
    )
    t = np.arange(0, _DURATION_S, 1 / RATE_HZ)
    on = (t >= PULSE_S[0]) & (t < PULSE_S[1])
    for number, amplitude in enumerate(AMPLITUDES_A):
        size = _NOISE_V * (100 if number == noisy_sweep else 1)
        current = np.where(on, amplitude, 0.0)
        voltage = _potential(current) + size * random.standard_normal(len(t))
        said = {"electrode": electrode, "gain": 1.0, "rate": RATE_HZ}
        said |= {"starting_time": float(number), "sweep_number": np.uint64(number)}
        nwb.add_acquisition(CurrentClampSeries(name=f"v_{number:02d}", data=voltage, **said))
        nwb.add_stimulus(CurrentClampStimulusSeries(name=f"i_{number:02d}", data=current, **said))
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def _potential(current_a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Integrate, and where threshold is reached put a spike of 1.5 ms in and begin from reset."""
    shape = _spike()
    found = np.empty(len(current_a))
    voltage, row = REST_V, 0
    share = 1 / (RATE_HZ * TAU_S)
    while row < len(found):
        voltage += share * (REST_V + RESISTANCE_OHM * current_a[row] - voltage)
        found[row] = voltage
        row += 1
        if voltage >= THRESHOLD_V:
            whole = shape[: len(found) - row]
            found[row : row + len(whole)] = whole
            row, voltage = row + len(whole), RESET_V
    return found


def _spike() -> npt.NDArray[np.float64]:
    points = np.array([0.0, 0.25, 0.5, 0.8, 1.2, 1.5])
    volts = np.array([THRESHOLD_V, 0.0, 30e-3, -10e-3, -55e-3, RESET_V])
    found: npt.NDArray[np.float64] = np.interp(np.arange(30) / 20, points, volts)
    return found
