from __future__ import annotations

import pytest

from panneuro.core.errors import DocumentError
from panneuro.documents import Term, read


def species(value, **options):
    return read({"subject": {"species": value}}, **options).subject.species


@pytest.mark.parametrize(
    "written",
    [
        "mouse",
        "Mus musculus",
        "NCBITaxon:10090",
        "mouse <NCBITaxon:10090>",
        {"label": "mouse"},
        {"label": "anything", "id": "NCBITaxon:10090"},
        {"label": "x", "id": "http://purl.obolibrary.org/obo/NCBITaxon_10090"},
        Term(label="MUS MUSCULUS"),
    ],
)
def test_a_species_is_completed_however_it_is_written(written):
    assert species(written) == Term(label="Mus musculus", id="NCBITaxon:10090")


def test_an_unknown_word_is_kept_as_it_is():
    assert species("Mus pahari") == Term(label="Mus pahari")
    tables = {"species": {"Mus pahari": "NCBITaxon:10093"}}
    assert species("mus pahari", vocabularies=tables).id == "NCBITaxon:10093"


def test_an_identifier_of_ones_own_is_never_replaced():
    assert species({"label": "mouse", "id": "LAB:7"}).id == "LAB:7"


def test_a_person_with_an_orcid():
    people = read({"description": {"experimenters": ["Doe, Jane (0000-0002-1825-0097)", "Ann"]}})
    assert people.description.experimenters == (
        Term(label="Doe, Jane", id="ORCID:0000-0002-1825-0097"),
        Term(label="Ann"),
    )


def test_brackets_without_an_identifier_belong_to_the_word():
    assert species("Mus (hybrid strain)").label == "Mus (hybrid strain)"


def test_a_long_text_is_read_in_no_time():
    with pytest.raises(DocumentError, match="at most 500"):
        species("a" + " " * 200_000 + "b")


@pytest.mark.parametrize("bad", ["", "  ", 3.5, [], {"id": "NCBITaxon:10090x"}, {"label": None}])
def test_what_is_no_term_is_refused(bad):
    if bad == 3.5:
        assert species(bad).label == "3.5"
        return
    with pytest.raises(DocumentError, match=r"subject\.species"):
        species(bad)
