"""What a view holds: parts that never change, and editions that say which of them count.

A part tells of some assets: the rows that a view made of each, or that it failed, or that the asset
is gone. Where parts contradict each other, the later one is right. An edition is a list of parts,
put create-only under the next number, so every edition ever made stays readable, and of two who
refresh at once one is told. Bringing a table up to date writes what changed: small parts at the end
are merged as they grow, so that there are never many.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pandas as pd

from panneuro.core.edition import ASSETS, FOLDER, ROWS, Edition, Part, part_mark
from panneuro.core.store import Store
from panneuro.storage import tables

ASSET, VERSION = "asset", "version"
"""The first columns of every view."""

MADE, FAILED, GONE = "made", "failed", "gone"
_TOLD = (ASSET, VERSION, "status", "error")
_AT_ONCE = 16


@dataclass(frozen=True)
class Made:
    """What a view made of some assets.

    Parameters
    ----------
    told : DataFrame
        One row an asset: ``asset``, ``version``, ``status`` and ``error``.
    rows : DataFrame
        ``asset``, ``version`` and the view's own columns.
    """

    told: pd.DataFrame
    rows: pd.DataFrame

    @classmethod
    def of(
        cls, told: Iterable[tuple[str, str, str, str]], rows: Iterable[pd.DataFrame] = ()
    ) -> Made:
        """Return what is told of each asset, and the rows of all of them."""
        return cls(pd.DataFrame(list(told), columns=list(_TOLD)), stacked(rows))

    @classmethod
    def joined(cls, several: Iterable[Made]) -> Made:
        """Return several as one; of an asset told of twice the later is right."""
        several = list(several)
        told = stacked((one.told for one in several), _TOLD)
        source = pd.Series(
            [number for number, one in enumerate(several) for _ in range(len(one.told))], dtype=int
        )
        right = ~told[ASSET].duplicated(keep="last")
        owner = dict(zip(told[ASSET][right].tolist(), source[right].tolist(), strict=True))
        rows = [
            one.rows[one.rows[ASSET].map(owner) == number]
            for number, one in enumerate(several)
            if len(one.rows)
        ]
        return cls(told[right].reset_index(drop=True), stacked(rows))


def stacked(
    frames: Iterable[pd.DataFrame], columns: tuple[str, ...] = (ASSET, VERSION)
) -> pd.DataFrame:
    """Return the rows of several tables, with the columns of all."""
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    # What is empty throughout has no type to give.
    typed = [frame.dropna(axis="columns", how="all") for frame in filled]
    names = dict.fromkeys(name for frame in filled for name in frame.columns)
    return pd.concat(typed, ignore_index=True).reindex(columns=list(names))


class Editions:
    """The editions of one view in a lake.

    Parameters
    ----------
    store : Store
        The lake's.
    name : str
        Of the view's folder.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._folder = f"{FOLDER}/{name}"

    def newest(self) -> Edition | None:
        """Return the edition that counts now, None where there is none yet."""
        keys = self._keys()
        return Edition.decode(self._store.get(keys[-1])) if keys else None

    def all(self) -> list[Edition]:
        """Return every edition, oldest first."""
        with ThreadPoolExecutor(_AT_ONCE, "panneuro-views") as threads:
            return [Edition.decode(data) for data in threads.map(self._store.get, self._keys())]

    def _keys(self) -> list[str]:
        return sorted(found.key for found in self._store.list(f"{self._folder}/editions"))

    def told(self, edition: Edition) -> pd.DataFrame:
        """Return what an edition tells of each asset; those that are gone are left out."""
        told = stacked((self._read(part, ASSETS) for part in edition.parts), _TOLD)
        right = ~told[ASSET].duplicated(keep="last") & (told["status"] != GONE)
        return told[right].reset_index(drop=True)

    def rows(self, edition: Edition) -> pd.DataFrame:
        """Return the table of an edition, sorted by asset."""
        rows = Made.joined(self._part(part) for part in edition.parts).rows
        return rows.sort_values(ASSET, kind="stable", ignore_index=True)

    def put(self, edition: Edition, made: Made) -> Edition:
        """Add what was made to an edition and put it under its number.

        Parameters
        ----------
        edition : Edition
            With the number that it is to have and the parts of the one before.
        made : Made
            What changed since.

        Raises
        ------
        ObjectExistsError
            If another edition of that number is there.
        """
        parts = list(edition.parts)
        while parts and parts[-1].assets <= 2 * len(made.told):
            made = Made.joined((self._part(parts.pop()), made))
        if not parts:
            made = Made(made.told[made.told["status"] != GONE], made.rows)
        edition = replace(edition, parts=(*parts, self._keep(made)))
        key = f"{self._folder}/editions/{edition.number:09d}.json"
        self._store.put(key, edition.encode(), create=True)
        return edition

    def _keep(self, made: Made) -> Part:
        assets, rows = tables.encode(made.told), tables.encode(made.rows)
        key = f"{self._folder}/parts/{part_mark(assets, rows)}"
        part = Part(key, len(made.told), len(made.rows))
        self._store.put(part.key_of(ASSETS), assets)
        self._store.put(part.key_of(ROWS), rows)
        return part

    def _part(self, part: Part) -> Made:
        return Made(self._read(part, ASSETS), self._read(part, ROWS))

    def _read(self, part: Part, table: str) -> pd.DataFrame:
        if not part.rows and table == ROWS:
            return _NO_ROWS
        frame: pd.DataFrame = tables.decode(self._store.get(part.key_of(table))).to_pandas()
        return frame


_NO_ROWS = pd.DataFrame(columns=[ASSET, VERSION])
