"""Thresholds of unit quality that the field uses, by name and with their source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from panneuro.analysis.kinds import check_kind
from panneuro.core.errors import InputError

type Limits = Mapping[str, tuple[float | None, float | None]]
"""For each metric the least and the greatest value that passes."""


@dataclass(frozen=True)
class Preset:
    """Thresholds that somebody uses.

    Parameters
    ----------
    limits : mapping
        For each metric the least and the greatest value that passes; None where there is none.
    source : str
        Where they are from.
    strict : tuple of str
        The metrics of which the limit itself does not pass.
    """

    limits: Limits
    source: str
    strict: tuple[str, ...] = ()


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "allen": Preset(
            {
                "isi_violations_ratio": (None, 0.5),
                "amplitude_cutoff": (None, 0.1),
                "presence_ratio": (0.95, None),
            },
            "AllenSDK, allensdk.brain_observatory.ecephys.UNIT_FILTER_DEFAULTS: how Visual Coding "
            "– Neuropixels is filtered unless asked otherwise (Siegle, Jia, et al., Nature 592:86, "
            "2021)",
        ),
        "aind": Preset(
            {
                "isi_violations_ratio": (None, 0.5),
                "amplitude_cutoff": (None, 0.1),
                "presence_ratio": (0.8, None),
            },
            "Default query of curation in aind-ephys-pipeline, Allen Institute for Neural Dynamics",
            strict=("isi_violations_ratio", "amplitude_cutoff", "presence_ratio"),
        ),
        "ibl": Preset(
            {
                "sliding_rp_violation": (None, 0.1),
                "noise_cutoff": (None, 5.0),
                "amplitude_median": (50e-6, None),
            },
            "International Brain Laboratory, Spike sorting pipeline (doi:10.6084/m9.figshare."
            "19705522), its three criteria as compute_labels of brainbox.metrics.single_units "
            "has them; amplitudes are in volts",
            strict=("noise_cutoff", "amplitude_median"),
        ),
        "llobet": Preset(
            {"rp_contamination": (None, 0.2)},
            "Lussac, the last remove_bad_units of its example pipelines (Llobet, Wyngaard & "
            "Barbour, bioRxiv 2022.02.08.479192); there with censored_s=0.4e-3 and refractory_s of "
            "0.9e-3 (cerebellum) or 1.9e-3 (synthetic)",
        ),
    }
)
"""Thresholds by name, each with its source."""


def passes(
    table: pd.DataFrame,
    limits: Literal["allen", "aind", "ibl", "llobet"] | Preset | Limits,
    *,
    need: tuple[str, ...] | None = None,
) -> pd.Series:
    """Tell which units pass thresholds.

    Parameters
    ----------
    table : DataFrame
        One row a unit, one column a metric.
    limits : str, Preset or mapping
        Name of one of :data:`PRESETS`, or for each metric the least and the greatest value, which
        then pass themselves.
    need : tuple of str, optional
        The metrics of `limits` to look at, where the table does not have all; left out, all.

    Returns
    -------
    Series of bool
        A metric that is NaN does not pass.

    Raises
    ------
    InputError
        If the preset is not known or the table lacks a metric that it needs.

    Examples
    --------
    >>> table = pd.DataFrame({"rp_contamination": [0.05, 0.2, 0.5, np.nan]})
    >>> passes(table, "llobet").tolist()
    [True, True, False, False]
    """
    if isinstance(limits, str) and limits not in PRESETS:
        raise InputError(f"there is no preset {limits!r}", hint=f"presets: {', '.join(PRESETS)}")
    preset = PRESETS[limits] if isinstance(limits, str) else limits
    if not isinstance(preset, Preset):
        preset = Preset(preset, "given")
    known = preset.limits
    check_kind(table, pd.DataFrame, "judging units", "passes(quality_table(units), 'allen')")
    check_kind(known, Mapping, "judging units", "limits={'presence_ratio': (0.9, None)}")
    wanted = tuple(known) if need is None else need
    check_kind(wanted, Collection, "judging units", "need=('presence_ratio',)")
    shared = set(table.columns) & set(known)
    missing = [name for name in wanted if not isinstance(name, str) or name not in shared]
    if missing:
        raise InputError(
            f"the metric {missing[0]!r} is not in the table and the preset",
            hint="name in need= the metrics to look at",
        )
    found = pd.Series(True, table.index)
    for name in wanted:
        least, greatest = known[name]
        low, high = -np.inf if least is None else least, np.inf if greatest is None else greatest
        found &= table[name].between(low, high, "neither" if name in preset.strict else "both")
    return found
