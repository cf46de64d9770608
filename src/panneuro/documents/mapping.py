"""Where each of our fields stands in the field's other standards, as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from panneuro.documents.vocabularies import TABLES

STANDARDS = ("NWB", "BIDS", "AIND", "DANDI", "openMINDS")


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What one of our fields is called elsewhere.

    Parameters
    ----------
    path : str
        Our field, as in ``subject.species``.
    names : Mapping
        Standard -> its name for it; standards without a place for it are left out.
    """

    path: str
    names: Mapping[str, str]

    @property
    def words(self) -> set[str]:
        """What it is called elsewhere, without the document that it is in there.

        Examples
        --------
        >>> sorted(next(c for c in mapping() if c.path == "subject.id").words)
        ['identifier', 'lookupLabel', 'participant_id', 'subject_id']
        """
        called = [one for names in self.names.values() for one in names.split("; ")]
        return {re.split("[. ]", one)[-1] for one in called}


@cache
def mapping() -> tuple[Counterpart, ...]:
    """Return the counterparts of every field, in the order of the documents.

    Examples
    --------
    >>> next(c for c in mapping() if c.path == "subject.species").names["AIND"]
    'subject.subject_details.species'
    """
    lines = (TABLES / "mapping.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(_counterpart(line) for line in lines if line and not line.startswith("#"))


def _counterpart(line: str) -> Counterpart:
    path, *names = line.split("\t")
    named = {s: name for s, name in zip(STANDARDS, names, strict=False) if name}
    return Counterpart(path, MappingProxyType(named))
