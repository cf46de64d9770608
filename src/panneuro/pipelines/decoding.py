"""Decoding of the stimulus by area: how much the units of each tell of what was shown, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from panneuro.analysis.corrections import adjust
from panneuro.analysis.decoding import Decoding, decode
from panneuro.analysis.decoding_by_area import compare_areas
from panneuro.analysis.decoding_over_time import decode_over_time
from panneuro.analysis.folds import make_folds
from panneuro.analysis.psth import count_windows, psth_tensor
from panneuro.compute.pipelines import Pipeline
from panneuro.compute.step import step
from panneuro.core.errors import InputError
from panneuro.pipelines.columns import areas_of_units, shown
from panneuro.pipelines.drawing import sheet
from panneuro.signals.events import Events
from panneuro.signals.plot_style import COLOURS, finish, reference
from panneuro.signals.table import Intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@step(
    takes=("units", "trials"),
    gives=("areas", "draws", "over_time", "figure"),
    tolerance=1e-6,
)
def decode_areas(
    units: Events,
    trials: Intervals,
    seed: int,
    condition: str = "",
    area: str = "",
    start_s: float = 0.0,
    stop_s: float = 0.5,
    before_s: float = 0.25,
    bin_s: PositiveFloat = 0.05,
    n_folds: PositiveInt = 5,
    n_permutations: PositiveInt = 200,
    n_draws: PositiveInt = 20,
    min_units: PositiveInt = 2,
) -> tuple[pd.DataFrame, pd.DataFrame, xr.Dataset, Any]:
    """Decode what was shown from the units of each area.

    Parameters
    ----------
    units : Events
        Spike trains; their table says the areas.
    trials : Intervals
        What was shown when.
    seed : int
        Of folds, permutations and draws.
    condition : str
        Column of the trials that says what was shown; what was shown in fewer trials than there
        are folds is left out.
    area : str
        Column of the units' table.
    start_s, stop_s : float
        The window in which spikes are counted, in seconds from each trial's start.
    before_s, bin_s : float
        From how long before a trial, and in how long bins, decoding is followed over time.
    n_folds, n_permutations, n_draws : int
        Of cross-validation, of the null distribution, of equally many units from each area.
    min_units : int
        Areas with fewer units are left out.

    Returns
    -------
    areas : DataFrame
        By ``area``: ``n_units``, ``n_trials``, ``accuracy`` of all its units, ``chance``, the mean
        under permuted labels, ``p`` and ``p_holm``, corrected for all areas; ``matched``, the mean
        accuracy with as many units from each area, and ``matched_units``.
    draws : DataFrame
        The ``accuracy`` of each draw of ``n_units`` units, by ``area`` and ``draw``.
    over_time : Dataset
        ``accuracy`` (area, time) and the ``chance`` of permuted labels.
    figure : Figure
        Both.
    """
    rows = _enough(shown(trials, condition), n_folds)
    labels, starts = rows["condition"].to_numpy(), rows["start_time"].to_numpy(np.float64)
    folds = make_folds(labels, n_folds, seed=seed)
    members = _members(areas_of_units(units, area), min_units)
    counts = count_windows(units, starts + start_s, starts + stop_s).to_numpy()
    tensor = psth_tensor(units, starts, (-before_s, stop_s), bin_s)

    found = {
        name: decode(counts[:, own], labels, folds, n_permutations=n_permutations, seed=seed)
        for name, own in members.items()
    }
    together = np.concatenate(list(members.values()))
    names = np.repeat(list(members), [len(own) for own in members.values()])
    # Fewer than the smallest area has, so that draws differ there too.
    matched = max(1, round(0.8 * min(map(len, members.values()))))
    compared = compare_areas(
        counts[:, together], labels, names, folds, n_units=matched, n_draws=n_draws, seed=seed
    )
    draws = compared.accuracy.to_series().reset_index().assign(n_units=matched)
    areas = _told(found, members, draws)
    course = [decode_over_time(tensor[:, own], labels, folds) for own in members.values()]
    over_time = xr.concat(course, pd.Index(list(members), name="area"))[["accuracy"]]
    over_time = over_time.assign(chance=float(areas["chance"].mean()))
    return areas, draws, over_time, _drawn(areas, draws, over_time)


def _members(areas: npt.NDArray[np.str_], min_units: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return the units of each area that has enough, the areas with most units first."""
    names, counts = np.unique(areas, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = [str(names[one]) for one in order if counts[one] >= min_units]
    if not kept:
        raise InputError(
            f"no area has {min_units} units: {len(areas)} units lie in {len(names)} areas",
            hint="min_units=1",
        )
    return {name: np.flatnonzero(areas == name) for name in kept}


def _told(
    found: dict[str, Decoding], members: dict[str, npt.NDArray[np.int64]], draws: pd.DataFrame
) -> pd.DataFrame:
    p = [one.p for one in found.values()]
    return pd.DataFrame(
        {
            "area": list(found),
            "n_units": [len(own) for own in members.values()],
            "n_trials": [len(one.labels) for one in found.values()],
            "accuracy": [one.accuracy for one in found.values()],
            "chance": [float(one.null.mean()) for one in found.values()],
            "p": p,
            "p_holm": adjust(p, "holm"),
            "matched": draws.groupby("area")["accuracy"].mean()[list(found)].to_numpy(),
            "matched_units": draws["n_units"].iloc[0],
        }
    )


def _enough(rows: pd.DataFrame, n_folds: int) -> pd.DataFrame:
    often = rows["condition"].value_counts()
    kept = rows[rows["condition"].isin(often.index[often >= n_folds])]
    if kept["condition"].nunique() < 2:
        raise InputError(
            f"of {len(often)} things shown, {kept['condition'].nunique()} were shown in "
            f"{n_folds} trials or more; decoding needs two",
            hint="fewer n_folds, or another condition",
        )
    return kept


def _drawn(areas: pd.DataFrame, draws: pd.DataFrame, over_time: xr.Dataset) -> Figure:
    with sheet(2, panel_in=(3.0, 2.4)) as (figure, (left, right)):
        _draw_areas(left, areas, draws)
        for number, name in enumerate(areas["area"]):
            colour = COLOURS[number % len(COLOURS)]
            right.plot(over_time.time, over_time.accuracy.sel(area=name), color=colour)
        reference(right, float(over_time.chance), "chance")
        right.margins(x=0)
        right.set_ylim(0, 1)
        finish(right, over_time.time.values, "time from onset (s)", "accuracy", zero=True)
    return figure


def _draw_areas(ax: Axes, areas: pd.DataFrame, draws: pd.DataFrame) -> None:
    """Draw a dot for every draw of units, their mean, and a star where an area is above chance."""
    for number, row in enumerate(areas.to_dict("records")):
        colour = COLOURS[number % len(COLOURS)]
        own = draws.loc[draws["area"] == row["area"], "accuracy"].to_numpy()
        ax.plot(_beside(number, len(own)), own, "o", color=colour, ms=2.5, alpha=0.5, mew=0)
        ax.plot([number - 0.3, number + 0.3], [row["matched"]] * 2, color=colour, lw=2)
        if row["p_holm"] < 0.05:
            ax.text(number, 1.02, "*", ha="center", color=colour)
    reference(ax, float(areas["chance"].mean()), "chance")
    ax.set_xticks(range(len(areas)), list(areas["area"]), rotation=30 if len(areas) > 4 else 0)
    ax.set_ylim(0, 1.1)
    label = f"accuracy ({areas['matched_units'].iloc[0]} units each)"
    finish(ax, np.empty(0), "", label)


def _beside(place: float, n: int) -> npt.NDArray[np.float64]:
    return place + np.linspace(-0.2, 0.2, n)


decoding_by_area = Pipeline("decoding", on="has:units has:trials", steps=[decode_areas])
