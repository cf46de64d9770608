from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.documents import atlas

ACRONYMS = sorted(structure.acronym for structure in atlas.allen().by_id.values())


def test_the_tree_is_whole():
    structures = atlas.allen().by_id
    assert len(structures) == 1327
    assert [s.acronym for s in structures.values() if s.parent is None] == ["root"]
    assert all(s.parent in structures for s in structures.values() if s.parent is not None)


@pytest.mark.parametrize(
    ("area", "above"), [("VISp5", "VISp"), ("CA1", "CA"), ("LGd", "GENd"), ("CP", "STRd")]
)
def test_known_parents(area, above):
    assert atlas.ancestors(area)[0] == above


def test_case_decides_only_between_acronyms_that_differ_in_case():
    assert atlas.find("visp") == atlas.find("VISp") == atlas.find("MBA:385")
    assert atlas.find("CM") != atlas.find("cm")


def test_unknown_areas_pass_through():
    assert atlas.expand(["Brodmann 4", "area MT", ""]) == ("Brodmann 4", "area MT", "")
    assert atlas.descendants("Brodmann 4") == ()


@given(st.sampled_from(ACRONYMS))
def test_every_area_is_inside_each_of_its_ancestors(area):
    chain = atlas.ancestors(area)
    assert chain == () or chain[-1] == "root"
    for above in chain[:3]:
        assert area in atlas.descendants(above)
        assert set(atlas.descendants(area)) < set(atlas.descendants(above))


@given(st.lists(st.one_of(st.sampled_from(ACRONYMS), st.text(max_size=5)), max_size=5))
def test_expanding_keeps_every_area_and_repeats_none(areas):
    expanded = atlas.expand(areas)
    assert len(set(expanded)) == len(expanded)
    for area in areas:
        known = atlas.find(area)
        assert (known.acronym if known else area) in expanded
