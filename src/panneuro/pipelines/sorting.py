"""Spike sorting by SpikeInterface, in an environment of its own: nothing of panneuro is here."""

from __future__ import annotations

import random
import subprocess
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np


class SorterError(Exception):
    """A sorter is not known, or not here."""


def sort(
    recording: dict[str, Any],
    positions_um: Any,
    good: Any,
    sorter: str,
    band_hz: list[float],
    reference: bool,
    parameters: dict[str, Any],
    seed: int,
    folder: Path,
) -> dict[str, Any]:
    """Filter, reference and sort a recording, and measure what each unit looks like.

    Parameters
    ----------
    recording : dict
        ``data``, samples as recorded (time, channel), mapped from a file; ``rate_hz``; ``gain``
        and ``offset`` to microvolts.
    positions_um : array of float, shape (n_channels, 2)
        Where each channel is.
    good : array of int
        The channels to use.
    sorter : str
        As SpikeInterface calls it.
    band_hz : list of float
        Low and high edge of the filter.
    reference : bool
        Whether the median of all channels is taken from each.
    parameters : dict
        Of the sorter, besides its own defaults.
    seed : int
        Of random numbers.
    folder : Path
        To work in.

    Returns
    -------
    dict
        ``times`` (samples), ``ends`` and ``ids``; ``amplitudes`` of all spikes; ``templates``
        (unit, time, channel) in microvolts, of the channels ``good``; ``before``, the samples
        before a spike; ``noise`` of each of these channels; ``places`` (unit, 2) in micrometres;
        ``version`` of SpikeInterface.
    """
    import spikeinterface.core as si
    import spikeinterface.sorters as sorters

    # Many threads add what they hold in the order in which they are ready: sums come out otherwise.
    si.set_global_job_kwargs(n_jobs=1, chunk_duration="1s", progress_bar=False)
    clean = _cleaned(recording, positions_um, good, band_hz, reference)
    chosen = _parameters(sorter, parameters, seed)
    with seeded(seed):
        sorting = sorters.run_sorter(
            sorter, clean, folder=str(folder / "sorter"), verbose=False, **_where(sorter), **chosen
        )
        found = _measured(clean, sorting, seed)
    return {**found, "version": version("spikeinterface")}


def seeded(seed: int) -> AbstractContextManager[Any]:
    """Give a seed to all that draws without one, until the end of a ``with``.

    SpikeInterface 0.105 hands its seed not to every draw: `spykingcircus2` takes the thresholds of
    its matched filter from stretches chosen anew each time, `tridesclous2` the peaks it clusters.

    Parameters
    ----------
    seed : int
        Of NumPy's generators that name none, and of Python's and NumPy's global ones.

    Examples
    --------
    >>> def drawn():
    ...     with seeded(0):
    ...         return np.random.default_rng().integers(100), np.random.default_rng(1).integers(100)
    >>> drawn() == drawn()
    True
    """
    generator = np.random.default_rng
    ours = seed

    def default_rng(seed: Any = None) -> np.random.Generator:
        return generator(ours if seed is None else seed)

    random.seed(ours)
    np.random.seed(ours)  # noqa: NPY002
    return patch.object(np.random, "default_rng", default_rng)


def _cleaned(recording: Any, positions_um: Any, good: Any, band_hz: Any, reference: bool) -> Any:
    import probeinterface
    import spikeinterface.core as si
    import spikeinterface.preprocessing as preprocessing

    data = recording["data"]
    raw = si.BinaryRecordingExtractor(
        [data.filename],
        sampling_frequency=recording["rate_hz"],
        dtype=data.dtype.str,
        num_channels=data.shape[1],
        file_offset=data.offset,
        gain_to_uV=recording["gain"],
        offset_to_uV=recording["offset"],
    )
    probe = probeinterface.Probe(ndim=2, si_units="um")
    probe.set_contacts(positions=np.asarray(positions_um), shape_params={"radius": 5.0})
    probe.set_device_channel_indices(np.arange(data.shape[1]))
    raw.set_probe(probe)
    used = raw.select_channels(raw.channel_ids[np.asarray(good)])
    clean = preprocessing.bandpass_filter(used, *band_hz, dtype="float32")
    return preprocessing.common_reference(clean) if reference else clean


def _parameters(sorter: str, parameters: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return what a sorter is told: it need not filter again, and draws by our seed."""
    import spikeinterface.sorters as sorters

    if sorter not in sorters.available_sorters():
        known = ", ".join(sorters.available_sorters())
        raise SorterError(f"there is no sorter {sorter!r}; known: {known}")
    known = sorters.get_default_sorter_params(sorter)
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise SorterError(f"{sorter} has no parameter {unknown[0]!r}; it has: {', '.join(known)}")
    ours = {"apply_preprocessing": False, "seed": seed}
    return {name: one for name, one in ours.items() if name in known} | parameters


def _where(sorter: str) -> dict[str, Any]:
    """Return in which container a sorter runs that is not installed here."""
    import spikeinterface.sorters as sorters

    if sorter in sorters.installed_sorters():
        return {}
    for program, option in (("singularity", "singularity_image"), ("docker", "docker_image")):
        if _answers(program, "version"):
            return {option: True}
    raise SorterError(
        f"the sorter {sorter!r} is not here, nor does singularity or docker answer, to run its "
        f"container; here: {', '.join(sorters.installed_sorters())}"
    )


def _answers(*command: str) -> bool:
    """Return whether a program is there, and what it needs to run."""
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _measured(clean: Any, sorting: Any, seed: int) -> dict[str, Any]:
    import spikeinterface.core as si
    import spikeinterface.curation as curation

    sorting = curation.remove_excess_spikes(sorting, clean).remove_empty_units()
    trains = [sorting.get_unit_spike_train(unit, segment_index=0) for unit in sorting.unit_ids]
    found = {
        "times": np.concatenate(trains) if trains else np.empty(0, np.int64),
        "ends": np.cumsum([len(train) for train in trains], dtype=np.int64),
        "ids": np.arange(len(trains)),
        "noise": si.get_noise_levels(clean, return_in_uV=True, random_slices_kwargs={"seed": seed}),
    }
    if not trains:
        empty = np.empty((0, 0, clean.get_num_channels()))
        return {**found, "amplitudes": np.empty(0), "templates": empty, "before": 0,
                "places": np.empty((0, 2))}  # fmt: skip
    analyzer = si.create_sorting_analyzer(sorting, clean, sparse=False, return_in_uV=True)
    analyzer.compute("random_spikes", seed=seed)
    analyzer.compute({"templates": {"ms_before": 1.0, "ms_after": 2.0}})
    analyzer.compute({"unit_locations": {"method": "center_of_mass"}})
    analyzer.compute("spike_amplitudes")
    by_unit = analyzer.get_extension("spike_amplitudes").get_data(outputs="by_unit")[0]
    templates = analyzer.get_extension("templates")
    return {
        **found,
        "amplitudes": np.concatenate([by_unit[unit] for unit in sorting.unit_ids]),
        "templates": templates.get_data(operator="average"),
        "before": int(templates.nbefore),
        "places": analyzer.get_extension("unit_locations").get_data()[:, :2],
    }
