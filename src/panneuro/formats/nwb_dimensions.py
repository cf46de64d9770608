"""Names for the axes of an NWB file's arrays, such that xarray opens every group."""

from __future__ import annotations

from panneuro.formats.nwb_tree import Array, Group

_SAMPLED = ("data", "timestamps", "control")


def name_dimensions(group: Group) -> dict[str, tuple[str, ...]]:
    """Name the axes of every array of a group.

    Rows of tables are ``"row"``, samples ``"time"`` and ``"channel"``; every other axis is named
    after its array. A name never stands for two lengths in one group, and never equals an array's,
    which would make xarray read that array whole to index by it.

    Parameters
    ----------
    group : Group
        Of an NWB tree.

    Returns
    -------
    dict of str to tuple of str
        By the array's name.
    """
    names = _table(group) if "colnames" in group.attributes else _series(group)
    return {array.name: names.get(array.name) or _own(array) for array in group.arrays.values()}


def _own(array: Array) -> tuple[str, ...]:
    return tuple(f"{array.name}_{axis}" for axis in range(len(array.shape)))


def _table(group: Group) -> dict[str, tuple[str, ...]]:
    ids = group.arrays.get("id")
    n_rows = ids.shape[0] if ids is not None and ids.shape else None
    return {
        array.name: ("row", *_own(array)[1:])
        for array in group.arrays.values()
        if array.shape and array.shape[0] == n_rows and f"{array.name}_index" not in group.arrays
    }


def _series(group: Group) -> dict[str, tuple[str, ...]]:
    data = group.arrays.get("data") or group.arrays.get("timestamps")
    if data is None or not data.shape:
        return {}
    n_times = data.shape[0]
    n_channels = data.shape[1] if len(data.shape) == 2 else None
    names: dict[str, tuple[str, ...]] = {}
    for array in group.arrays.values():
        if array.name in _SAMPLED and array.shape and array.shape[0] == n_times:
            second = ("channel",) if len(array.shape) == 2 and array is data else ()
            names[array.name] = ("time", *second, *_own(array)[1 + len(second) :])
        elif array.name not in _SAMPLED and array.shape == (n_channels,):
            names[array.name] = ("channel",)
    return names
