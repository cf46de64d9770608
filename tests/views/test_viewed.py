"""The table of a view, as people get it."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.views.conftest import put

import panneuro
from panneuro.core.errors import InputError, NotFoundError
from panneuro.views.viewed import known


def test_a_table_is_written_and_drawn(lake, noted, tmp_path):
    put(lake, "a")
    viewed = panneuro.view(lake, str(noted.path))
    assert repr(viewed) == "<Viewed spikes: 2 rows of 1 assets>"
    assert "<table" in viewed._repr_html_()
    written = pd.read_parquet(viewed.to_parquet(tmp_path / "spikes.parquet"))
    assert written["spikes"].tolist() == viewed.df["spikes"].tolist()
    assert len(viewed.figure().axes[0].patches) == 2


def test_rows_of_what_may_not_be_seen_are_left_out(lake, noted):
    put(lake, "a")
    put(lake, "b")
    put(lake, "bad")
    whole = panneuro.view(lake, str(noted.path))
    seen = panneuro.view(lake, str(noted.path), visible=lambda names: {"b"} & set(names))
    assert set(whole.df["asset"]) == {"a", "b"}
    assert set(seen.df["asset"]) == {"b"}
    assert set(seen.at(1).df["asset"]) == {"b"}
    assert seen.failed.empty
    assert not whole.failed.empty


def test_runs_are_for_who_sees_everything(lake, noted):
    put(lake, "a")
    panneuro.view(lake, str(noted.path))
    opened = panneuro.open(lake.store.url)
    assert len(panneuro.view(opened, "pipeline-health")) == 1
    assert panneuro.view(opened, "pipeline-health", visible=set).df.empty


def test_a_view_that_cannot_be_drawn_says_so(lake, noted):
    put(lake, "bad")
    with pytest.raises(InputError, match="no rows"):
        panneuro.view(lake, str(noted.path)).figure()
    noted.change("@spikes.figure", "")
    with pytest.raises(InputError, match="does not say how"):
        panneuro.view(lake, str(noted.path)).figure()


def test_an_edition_that_never_was(lake, noted):
    put(lake, "a")
    with pytest.raises(NotFoundError, match="no edition 7"):
        panneuro.view(lake, str(noted.path)).at(7)


def test_a_lake_names_views_of_its_own(tmp_path, noted):
    place = tmp_path / "lake"
    panneuro.open(place, create=True)
    with (place / "lake.toml").open("a") as settings:
        settings.write(f'\n[views]\nspikes = "{noted.path}:spikes"\n')
    lake = panneuro.open(place)
    assert known(lake)["spikes"] == f"{noted.path}:spikes"
    assert "unit-yield" in known(lake)
