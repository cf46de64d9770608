"""How signals are coded, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from panneuro.access.savings import Coded
from panneuro.cli.texts import in_bytes, table

LARGE_BYTES = 100_000
"""Signals of fewer bytes have no line in the table; ``--json`` has all."""

MOST = 12
"""So many signals of an asset have a line in the table, the largest of them."""

_COLUMNS = (
    "signal",
    "codec",
    "raw",
    "stored",
    "ratio",
    "bits a sample",
    "noise floor (estimated)",
    "above it",
    "asset",
)


def coding_table(results: Iterable[Mapping[str, Any]]) -> str:
    """Return a table of the large signals of assets, empty if there are none.

    Parameters
    ----------
    results : iterable of mapping
        ``name`` of the asset and ``coding``, what `Coded.to_json` says of each signal.
    """
    found = {one["name"]: _large(one["coding"]) for one in results if "coding" in one}
    several = sum(map(bool, found.values())) > 1
    rows = [
        [*_row(said), name if several else None]
        for name, coded in found.items()
        for said in _largest(coded)
    ]
    left = sum(len(coded) for coded in found.values()) - len(rows)
    more = f"\n… and {left} more: panneuro show NAME --signals" if left else ""
    return table(_COLUMNS, rows, _COLUMNS[2:-1]) + more if rows else ""


def _large(coded: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [said for said in coded if said["raw_bytes"] >= LARGE_BYTES]


def _largest(coded: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the largest signals in the order in which they came."""
    places = sorted(range(len(coded)), key=lambda at: -coded[at]["raw_bytes"])[:MOST]
    return [coded[at] for at in sorted(places)]


def _row(said: Mapping[str, Any]) -> list[Any]:
    floor, above = said.get("noise_floor_bits"), said.get("above_floor")
    return [
        said["name"],
        said["codec"],
        in_bytes(said["raw_bytes"]),
        in_bytes(said["stored_bytes"]),
        f"{said['ratio']:.2f}",
        f"{said['bits_per_sample']:.2f}",
        None if floor is None else f"{floor:.2f}",
        None if above is None else f"{100 * above:.0f} %",
    ]


def coding_in_words(coded: Coded) -> str:
    """Return how a signal is coded, on a line.

    Examples
    --------
    >>> coding_in_words(Coded("ap", "pcodec", 8000, 2000, 4000, 3.75))
    'pcodec, ratio 4.00, 4.00 bits a sample (noise floor estimated at 3.75)'
    """
    floor = coded.noise_floor_bits
    told = "" if floor is None else f" (noise floor estimated at {floor:.2f})"
    return (
        f"{coded.codec}, ratio {coded.ratio:.2f}, {coded.bits_per_sample:.2f} bits a sample{told}"
    )
