from __future__ import annotations

import pytest

from panneuro.documents.vocabularies import NAMES, curie, look_up, vocabulary


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("species", "Mouse", "Mus musculus"),
        ("species", "mus  musculus", "Mus musculus"),
        ("species", "http://purl.obolibrary.org/obo/NCBITaxon_10116", "Rattus norvegicus"),
        ("species", "locust", "Schistocerca americana"),
        ("species", "ferret", "Mustela putorius furo"),
        ("species", "marmoset", "Callithrix jacchus"),
        ("sexes", "F", "female"),
        ("modalities", "pophys", "ophys"),
        ("modalities", "Behaviour", "behavior"),
        ("licences", "CC-BY-4.0", "Creative Commons Attribution 4.0 International"),
        ("probes", "NP1010", "Neuropixels 1.0 NHP"),
    ],
)
def test_words_go_by_label_synonym_and_identifier(name, text, label):
    word = look_up(name, text)
    assert word is not None
    assert word.label == label


@pytest.mark.parametrize("name", NAMES)
def test_no_word_means_two_things(name):
    seen: dict[str, str] = {}
    for word in vocabulary(name):
        for text in (word.label, *word.synonyms, *filter(None, [word.id])):
            assert seen.setdefault(text.casefold(), word.label) == word.label, text


def test_a_lab_adds_words_and_wins():
    tables = {"species": {"Mus pahari": "NCBITaxon:10093", "mouse": ""}}
    assert look_up("species", "mus pahari", tables).id == "NCBITaxon:10093"
    assert look_up("species", "mouse", tables).label == "mouse"
    assert look_up("rigs", "rig 3", {"rigs": {"Rig 3": "LAB:3"}}).id == "LAB:3"


def test_an_unknown_word_or_table_gives_nothing():
    assert look_up("species", "unicorn") is None
    assert list(vocabulary("no such table")) == []


def test_addresses_become_short_identifiers():
    assert curie("https://orcid.org/0000-0002-1825-0097") == "ORCID:0000-0002-1825-0097"
    assert curie("https://example.org/x") == "https://example.org/x"
