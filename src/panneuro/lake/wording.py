"""The words people search with, and the words that documents are written in."""

from __future__ import annotations

from dataclasses import replace

from panneuro.core.conditions import AnyOf, Condition, Match, Pattern
from panneuro.core.query import Query
from panneuro.documents import atlas
from panneuro.documents.vocabularies import vocabulary

_VOCABULARIES = {
    "species": "species",
    "modality": "modalities",
    "sex": "sexes",
    "licence": "licences",
    "probe": "probes",
}
"""Fields of the index whose values come from a vocabulary."""


def in_documents_words(query: Query) -> Query:
    """Return a query with each known word as documents have it: ``species=mouse`` finds mice.

    Examples
    --------
    >>> from panneuro.core.query import parse
    >>> str(in_documents_words(parse("species=mouse,zorgon units>10")))
    'species="Mus musculus",zorgon units>10'
    >>> str(in_documents_words(parse('area="primary visual area"')))
    'area=VISp'
    """
    return Query(tuple(map(_translated, query.conditions)))


def _translated(condition: Condition) -> Condition:
    if isinstance(condition, AnyOf):
        translated = (tuple(map(_translated, every)) for every in condition.alternatives)
        return replace(condition, alternatives=tuple(translated))
    if not isinstance(condition, Match) or condition.field not in ("area", *_VOCABULARIES):
        return condition
    values = (_known(condition.field, value) for value in condition.values)
    return replace(condition, values=tuple(values))


def _known(field: str, pattern: Pattern) -> Pattern:
    """Return a whole word as documents and atlas write it; what has a star in it stays."""
    if len(pattern) != 1:
        return pattern
    if field == "area":
        structure = atlas.find(pattern[0])
        return (structure.acronym,) if structure else pattern
    word = vocabulary(_VOCABULARIES[field]).get(pattern[0])
    return (word.label,) if word else pattern


def synonyms(name: str, label: str) -> tuple[str, ...]:
    """Return what else people call something: so that plain words find it too."""
    word = vocabulary(name).get(label)
    return word.synonyms if word else ()
