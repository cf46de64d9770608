from __future__ import annotations

import pytest

import panneuro
from panneuro.core.errors import NotFoundError, QueryError


@pytest.fixture
def two(lake, made_up, said):
    lake.add(made_up.use(), said=said, name="one")
    later = {**said, "acquisition": {"session_start": "2026-05-02T09:30:00+02:00"}}
    lake.add(made_up.use(*made_up.signals()[:1]), said=later, name="two")
    return lake


def test_what_a_lake_holds(two):
    assert (len(two), list(two)) == (2, ["one", "two"])
    assert "one" in two
    assert "nothing" not in two
    assert 7 not in two
    assert repr(two).endswith(": 2 assets>")


def test_searches(two):
    assert two.find("units>1").names == ["one"]
    assert two.find(["session", "date>2026-04"]).names == ["two"]
    assert two.find(species="mouse", modality="ecephys").names == ["one", "two"]
    assert two.find("nothing of the kind").names == []
    found = two.find("species=mouse")
    assert len(found) == 2
    assert [entry.name for entry in found.page(1).entries] == ["two"]
    assert [entry.name for entry in found] == ["one", "two"]
    assert dict(found.facets("subject")) == {"subject": [("m1", 2)]}
    assert found.df["name"].tolist() == ["one", "two"]
    assert found.df["channels"].tolist() == [3, 3]
    with pytest.raises(QueryError):
        two.find("nonsense=3")


def test_names_that_are_nearly_right(two):
    with pytest.raises(NotFoundError, match="did you mean 'two'"):
        two["two-"]
    with pytest.raises(NotFoundError, match="panneuro find"):
        two["zzzzzz"]


def test_an_index_that_is_lost_is_made_again(tmp_path, made_up, said):
    lake = panneuro.open(tmp_path / "lake", create=True)
    name = lake.add(made_up.use(), said=said).manifest.name
    lake.catalog.close()
    for file in (tmp_path / "lake" / "catalog").iterdir():
        file.unlink()
    assert list(panneuro.open(tmp_path / "lake")) == [name]


def test_an_asset_that_is_not_in_the_index_is_told(lake, made_up, said):
    name = lake.add(made_up.use(), said=said).manifest.name
    lake.catalog.remove([name])
    with pytest.raises(NotFoundError):
        lake[name]
    assert lake.reindex() == 1
    assert lake[name].name == name


def test_an_area_is_found_by_any_of_its_names(lake, made_up, said):
    more = {**said, "acquisition": {**said["acquisition"], "areas": ["VISp5"]}}
    name = lake.add(made_up.use(), said=more).manifest.name
    for words in ("visp", "primary visual area", "MBA:385", "VIS*", "CA1,Primary visual area"):
        assert lake.find(area=words).names == [name], words
    assert lake.find(area="Field CA1").names == []
