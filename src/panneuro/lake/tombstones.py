"""Tombstones: what stands where the data of a version were let go of, to be made again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from panneuro.core.digests import canonical_json
from panneuro.core.errors import CorruptionError, ExpiredError, ObjectNotFoundError
from panneuro.core.manifest import Manifest
from panneuro.core.run import RunIndex
from panneuro.core.store import Store

KEY = "_lake/expired.json"
"""Where it lies in a version; `panneuro.core.manifest.KEY` stays beside it."""

EXPIRE, RECOMPUTE = "panneuro.expire", "panneuro.recompute"
"""Under which both are found among the runs."""

Absence = tuple[datetime, datetime | None]
"""From when until when the data of a version were not there; None for until now."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Why the data of a version are not there.

    Parameters
    ----------
    of : str
        ``NAME@VERSION``.
    at, by : str
        When, and who let go of them.
    rule : str
        By which rule.
    run, proof : str
        Keys of the run that made the version, and of the one that made the same again.
    n_bytes : int
        What it took up.
    """

    of: str
    at: str
    by: str
    rule: str
    run: str
    proof: str
    n_bytes: int

    def encode(self) -> bytes:
        """Return the JSON text."""
        return canonical_json(asdict(self))

    @property
    def error(self) -> ExpiredError:
        """What who reads the data is told."""
        return ExpiredError(
            f"the data of {self.of} expired on {self.at[:10]}: {self.rule}",
            hint=f"panneuro reproduce {self.of} --restore   makes them again, byte for byte",
        )


def folder_of(key: str) -> str:
    """Return the folder of the version that an object lies in.

    Examples
    --------
    >>> folder_of("assets/m1/0a1b2c3d4e5f/acquisition/ap/c/0")
    'assets/m1/0a1b2c3d4e5f'
    """
    return "/".join(key.split("/")[:3])


def tombstones(store: Store, manifest: Manifest) -> list[Tombstone]:
    """Return the tombstones of a version and of those whose objects it shares.

    Raises
    ------
    CorruptionError
        If one cannot be read.
    """
    folders = [manifest.prefix, *(folder_of(file.key) for file in manifest.files if file.key)]
    found = (tombstone(store, folder) for folder in dict.fromkeys(folders))
    return [one for one in found if one]


def tombstone(store: Store, folder: str) -> Tombstone | None:
    """Return the tombstone in the folder of a version, or None where its data are there.

    Raises
    ------
    CorruptionError
        If it cannot be read.
    """
    try:
        return Tombstone(**json.loads(store.get(f"{folder}/{KEY}")))
    except ObjectNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptionError(
            f"the tombstone in {folder!r} cannot be read: {error!r}", hint="panneuro check"
        ) from error


def absences(runs: RunIndex) -> Mapping[tuple[str, str], Sequence[Absence]]:
    """Return when the data of versions were not there, by name and version.

    Parameters
    ----------
    runs : RunIndex
        Where it is on record.
    """
    found = (run for step in (EXPIRE, RECOMPUTE) for run in runs.find(step=step, status="done"))
    away: dict[tuple[str, str], list[Absence]] = defaultdict(list)
    for run in sorted(found, key=lambda run: run.ended):
        moment = datetime.fromisoformat(run.ended)
        for pair in (pair for slot in run.inputs.values() for pair in slot.items()):
            is_away = bool(away[pair]) and away[pair][-1][1] is None
            if run.step == EXPIRE and not is_away:
                away[pair].append((moment, None))
            elif run.step == RECOMPUTE and is_away:
                away[pair][-1] = (away[pair][-1][0], moment)
    return away
