"""Cells of many sessions, joined as if they had been recorded at once.

Source: Meyers (2013) Front. Neuroinform. 7:8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.decoding import Floats, check_features
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.labels import Integers, encode
from panneuro.analysis.streams import Seed, root, stream
from panneuro.core.errors import InputError


def pseudo_population(
    sessions: Sequence[tuple[npt.ArrayLike | xr.DataArray, npt.ArrayLike]],
    *,
    n_trials: int | None = None,
    seed: Seed = 0,
) -> xr.DataArray:
    """Join cells of different sessions, trial by trial of the same label.

    Of each session, as many trials of each label are drawn without replacement: the first that was
    drawn of one session stands beside the first of every other. Each trial is used once, so that
    folds of the joined trials are folds of each session's. How cells vary together is lost, but for
    those of one session.

    Parameters
    ----------
    sessions : sequence of (features, labels)
        Features of shape (n_trials, n_units[, n_bins]) with the label of each trial; the same
        labels and bins in all sessions.
    n_trials : int, optional
        Trials of each label; by default those of the rarest label of any session.
    seed : int, SeedSequence or Generator
        Each session has a stream of its own.

    Returns
    -------
    DataArray, dims (trial, unit[, time])
        With the coordinates ``label`` (trial,), and ``session`` (unit,), the number of each unit's.

    Raises
    ------
    InputError
        If there is no session, they differ in labels or bins, a label has fewer trials, or features
        are not finite.

    Examples
    --------
    >>> one = ([[1.0], [2.0], [1.0]], ["a", "b", "a"])
    >>> two = ([[7.0, 5.0], [8.0, 6.0]], ["b", "a"])
    >>> found = pseudo_population([one, two])
    >>> found.label.values, found.session.values
    (array(['a', 'b'], dtype='<U1'), array([0, 1, 1]))
    >>> found.values
    array([[1., 8., 6.],
           [2., 7., 5.]])
    """
    check_kind(sessions, Sequence, "joining cells", "sessions=[(features, labels), …]")
    if not sessions:
        raise InputError("cells of no session were to be joined")
    if not all(isinstance(one, Sequence) and len(one) == 2 for one in sessions):
        raise InputError(
            "cells are joined of sessions of which one has not two parts",
            hint="sessions=[(features, labels), …]",
        )
    checked = [_checked(features, labels) for features, labels in sessions]
    classes, bins = checked[0][1], checked[0][0].shape[2:]
    for number, (points, named, _) in enumerate(checked):
        if named.tolist() != classes.tolist() or points.shape[2:] != bins:
            raise InputError(
                f"session {number} has labels {named.tolist()} and bins of shape "
                f"{points.shape[2:]}, the first {classes.tolist()} and {bins}",
                hint="leave out labels that were not shown in every session",
            )
    rarest = min(int(np.bincount(codes).min()) for _, _, codes in checked)
    wanted = rarest if n_trials is None else n_trials
    check_number("trials of each label", wanted)
    if not wanted <= rarest:
        raise InputError(f"{wanted} trials of each label were to be drawn, and one has {rarest}")
    parent = root(seed)
    joined = [
        points[_drawn(codes, len(classes), wanted, stream(parent, number))]
        for number, (points, _, codes) in enumerate(checked)
    ]
    session = np.repeat(np.arange(len(joined)), [points.shape[1] for points in joined])
    coordinates: dict[str, Any] = {
        "label": ("trial", np.repeat(classes, wanted)),
        "session": ("unit", session),
    }
    first = sessions[0][0]
    if bins and isinstance(first, xr.DataArray) and first.dims[2] in first.coords:
        coordinates["time"] = ("time", first[first.dims[2]].to_numpy(), first[first.dims[2]].attrs)
    dims = ("trial", "unit", "time")[: 2 + len(bins)]
    return xr.DataArray(np.concatenate(joined, axis=1), coordinates, dims, "response")


def _checked(
    features: npt.ArrayLike | xr.DataArray, labels: npt.ArrayLike
) -> tuple[Floats, npt.NDArray[Any], Integers]:
    classes, codes = encode(labels)
    return check_features(features, len(codes), bins=True), classes, codes


def _drawn(
    codes: Integers, n_classes: int, n_trials: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return trials of each label in turn, in an order of their own."""
    drawn = [
        random.permutation(np.flatnonzero(codes == one))[:n_trials] for one in range(n_classes)
    ]
    return np.concatenate(drawn)
