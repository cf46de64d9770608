"""Sweeps of a patched cell, whatever file they came from: each response with what was given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.analysis.current_pulses import pulses
from panneuro.core.errors import InputError
from panneuro.lake.asset import Asset
from panneuro.signals.timeseries import TimeSeries

Clamp = Literal["current", "voltage"]

_RESPONSES: dict[str, Clamp] = {
    "CurrentClampSeries": "current",
    "IZeroClampSeries": "current",
    "VoltageClampSeries": "voltage",
}
_STIMULI = ("CurrentClampStimulusSeries", "VoltageClampStimulusSeries")


@dataclass(frozen=True)
class Sweep:
    """One sweep of one electrode.

    Parameters
    ----------
    number : int
        As the rig counts.
    clamp : {"current", "voltage"}
        What was held.
    response : TimeSeries
        What was recorded, in volts or amperes.
    stimulus : TimeSeries, optional
        What was given.
    """

    number: int
    clamp: Clamp
    response: TimeSeries
    stimulus: TimeSeries | None

    @property
    def name(self) -> str:
        """Of the response."""
        return self.response.name

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        if self.response.rate_hz is None:
            raise InputError(f"{self.name!r} has no constant rate")
        return self.response.rate_hz

    def values(self) -> npt.NDArray[np.float64]:
        """Read the response."""
        return _read(self.response)

    def pulses(self) -> pd.DataFrame:
        """Find the pulses that were given, see `panneuro.analysis.current_pulses.pulses`."""
        if self.stimulus is None or self.stimulus.rate_hz is None:
            return pulses(np.zeros(10), 1.0)
        return pulses(_read(self.stimulus), self.stimulus.rate_hz)

    def holding(self) -> float:
        """Return what was given at first; NaN where it is not known."""
        if self.stimulus is None:
            return float("nan")
        return float(np.median(_read(self.stimulus)[:20]))


def _read(signal: TimeSeries) -> npt.NDArray[np.float64]:
    values = np.asarray(signal.read(scaled=True), dtype=np.float64)
    return values.reshape(len(values), -1)[:, 0]


def sweeps_of(asset: Asset) -> Iterator[Sweep]:
    """Yield the sweeps of an asset in the order of their numbers.

    Of one number, the first response goes with the first stimulus, and so on.

    Raises
    ------
    InputError
        If it has none.
    """
    responses: dict[int, list[TimeSeries]] = defaultdict(list)
    stimuli: dict[int, list[TimeSeries]] = defaultdict(list)
    for kept, kinds in ((responses, tuple(_RESPONSES)), (stimuli, _STIMULI)):
        found = [said["name"] for said in asset.manifest.signals if _kind(said) in kinds]
        for position, name in enumerate(found):
            signal = asset[name]
            if isinstance(signal, TimeSeries):
                kept[int(signal.attributes.get("sweep_number", position))].append(signal)
    if not responses:
        raise InputError(
            f"{asset.name!r} has no sweeps of a patched cell",
            hint="--on modality=icephys",
        )
    for number in sorted(responses):
        for position, response in enumerate(responses[number]):
            given = stimuli[number][position] if position < len(stimuli[number]) else None
            yield Sweep(number, _RESPONSES[response.neurodata_type], response, given)


def _kind(said: object) -> str:
    return str(said.get("neurodata_type", "")) if isinstance(said, dict) else ""
