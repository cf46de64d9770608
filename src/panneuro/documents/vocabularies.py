"""Open word lists: known labels, their identifiers and what else people call them.

Tables ship inside the package as tab-separated text (``label``, ``id``, ``synonyms``). A word that
no table knows is kept as it is. A lab adds words by handing over a table of its own, in the same
shape as a mapping: ``{"species": {"Mus pahari": "NCBITaxon:10093"}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

TABLES = Path(__file__).parent / "tables"
NAMES = ("licences", "modalities", "probes", "sexes", "species")
"""The vocabularies that ship inside the package."""

Tables = Mapping[str, Mapping[str, str]]
"""A lab's own words: vocabulary name -> label -> identifier (which may be empty)."""

_OBO_URL = re.compile(r"https?://purl\.obolibrary\.org/obo/([A-Za-z]+)_([0-9A-Za-z]+)$")
_ORCID_URL = re.compile(r"https?://orcid\.org/([0-9X-]{19})$")
_ROR_URL = re.compile(r"https?://ror\.org/([0-9a-z]{9})$")


@dataclass(frozen=True, slots=True)
class Word:
    """One entry of a vocabulary."""

    label: str
    id: str | None = None
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """A word list that finds an entry by label, synonym or identifier, whatever the case."""

    name: str
    words: tuple[Word, ...]
    _index: dict[str, Word] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for word in self.words:
            for key in (word.label, word.id or word.label, *word.synonyms):
                self._index.setdefault(_key(key), word)

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self.get(text) is not None

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)

    def get(self, text: str) -> Word | None:
        """Return the entry that goes by this label, synonym or identifier, or None.

        Examples
        --------
        >>> vocabulary("species").get("mouse")
        Word(label='Mus musculus', id='NCBITaxon:10090', synonyms=('mouse', 'house mouse', 'mice'))
        """
        return self._index.get(_key(curie(text)))


def _key(text: str) -> str:
    return " ".join(text.replace("_", " ").split()).casefold()


def curie(text: str) -> str:
    """Return the short form of an identifier written as a web address; other text as it is.

    Examples
    --------
    >>> curie("http://purl.obolibrary.org/obo/NCBITaxon_10090")
    'NCBITaxon:10090'
    >>> curie("https://ror.org/00jmfr291")
    'ROR:00jmfr291'
    """
    if found := _OBO_URL.match(text):
        return f"{found[1]}:{found[2]}"
    if found := _ORCID_URL.match(text):
        return f"ORCID:{found[1]}"
    if found := _ROR_URL.match(text):
        return f"ROR:{found[1]}"
    return text


@cache
def vocabulary(name: str) -> Vocabulary:
    """Return a vocabulary of the package; an unknown name gives an empty one.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    """
    if name not in NAMES:
        return Vocabulary(name, ())
    lines = (TABLES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return Vocabulary(name, tuple(_word(line) for line in lines if line and line[0] != "#"))


def _word(line: str) -> Word:
    label, id_, synonyms = [*line.split("\t"), "", ""][:3]
    return Word(label, id_ or None, tuple(s for s in synonyms.split("|") if s))


def look_up(name: str, text: str, tables: Tables | None = None) -> Word | None:
    """Find a word in a lab's own table, then in the package's.

    Parameters
    ----------
    name : str
        The vocabulary.
    text : str
        A label, synonym, short identifier or web address of an identifier.
    tables : Mapping, optional
        The lab's words, which win.
    """
    own = (tables or {}).get(name, {})
    wanted = _key(curie(text))
    for label, id_ in own.items():
        if wanted in (_key(label), _key(id_ or label)):
            return Word(label, id_ or None)
    return vocabulary(name).get(text)


def tables_of(context: Any) -> Tables | None:
    """Return the lab's words carried by a validation context."""
    return context.get("vocabularies") if isinstance(context, Mapping) else None
