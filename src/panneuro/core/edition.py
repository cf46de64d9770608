"""Edition: a view's table as of one moment, as its record in the store tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from panneuro.core.digests import digest_bytes, sealed, unsealed
from panneuro.core.errors import CorruptionError
from panneuro.core.store import check_key

FOLDER = "views"
SCHEMA = "panneuro/view/1.0"

ASSETS, ROWS = "assets", "rows"
"""The two tables of a part."""

_MARK = 16
"""So many digits of a digest name a part."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was computed of some assets at once.

    Parameters
    ----------
    key : str
        Folder of its two tables in the lake, named by what they hold.
    assets, rows : int
        How many it tells of, and how many rows it holds.
    """

    key: str
    assets: int
    rows: int

    def key_of(self, table: str) -> str:
        """Return where one of its tables lies in the lake."""
        return f"{self.key}/{table}.parquet"

    def holds(self, assets: bytes, rows: bytes) -> bool:
        """Say whether two tables are those that it is named by."""
        return self.key.endswith(f"/{part_mark(assets, rows)}")


def part_mark(assets: bytes, rows: bytes) -> str:
    """Return what names a part: it follows from its two tables."""
    return digest_bytes(assets + rows).partition(":")[2][:_MARK]


@dataclass(frozen=True, slots=True)
class Edition:
    """A view's table as of one moment.

    Parameters
    ----------
    number : int
        Counted from 1.
    definition : mapping
        What the rows follow from besides the assets: code, environment, parameters, query.
    parts : tuple of Part
        The later one is right.
    at : str
        When it was made, ISO 8601 in UTC.
    run : str
        Key of the Run that made it.
    changes : mapping of str to int
        How many assets were ``made``, ``failed`` and ``gone`` since the edition before.
    """

    number: int
    definition: Mapping[str, Any]
    parts: tuple[Part, ...] = ()
    at: str = ""
    run: str = ""
    changes: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the JSON text, which holds its own digest."""
        return sealed({"schema": SCHEMA, **asdict(self)})

    @classmethod
    def decode(cls, data: bytes) -> Edition:
        """Read an edition.

        Raises
        ------
        CorruptionError
            If it is none, or not what its digest says; the first ones have no digest.
        """
        try:
            said = json.loads(data)
            said = unsealed(data) if "digest" in said else said
            if said.pop("schema").rpartition(".")[0] != SCHEMA.rpartition(".")[0]:
                raise ValueError("its schema is not known")
            parts = tuple(Part(**part) for part in said.pop("parts"))
            for part in parts:
                check_key(part.key)
            if any(not isinstance(one, int) for part in parts for one in (part.assets, part.rows)):
                raise TypeError("its parts have no sizes")
            return cls(**said, parts=parts)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptionError(
                f"the edition of a view cannot be read: {error!r}",
                hint="panneuro check --repair   forgets it: what it had is computed again",
            ) from error
