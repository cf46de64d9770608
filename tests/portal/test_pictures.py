"""Previews show something that is there, and nothing is framed where there is nothing to see."""

from __future__ import annotations

import re

import httpx
import numpy as np
import pandas as pd
import pytest

import panneuro
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.pictures import _envelope, span_of

SAID = {
    "description": {
        "title": "a session",
        "modalities": ["behavior"],
        "lab": "Doe lab",
        "institution": "University of Somewhere",
        "licence": "CC0-1.0",
    },
    "subject": {"id": "m9", "species": "mouse"},
    "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
}


@pytest.fixture(scope="module")
def visitor(tmp_path_factory, running):
    """Return a client of a lake of an asset with a table alone, and one with two far trials."""
    folder = tmp_path_factory.mktemp("tables")
    lake = panneuro.open(folder / "lake", create=True)
    frames = {
        "depths": pd.DataFrame({"channel": range(9), "depth": range(9)}),
        "trials": pd.DataFrame({"start_time": [0.0, 1000.0], "stop_time": [2.0, 1002.0]}),
    }
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        lake.add(folder / f"{name}.csv", said=SAID, name=f"behavior_m9_{name}")
    with running(make_app(lake, Hosting())) as address, httpx.Client(base_url=address) as client:
        yield client


def test_what_has_nothing_in_a_moment_is_drawn_whole(visitor):
    drawn = visitor.get("/assets/behavior_m9_trials/preview").text
    assert len(re.findall(r"M[\d.]+ 9\.0h", drawn)) == 2
    assert "trials, 0.000 to 1002.000 seconds" in drawn


def test_a_sorted_session_lasts_as_long_as_its_spikes_and_its_trials(truth, tmp_path):
    lake = panneuro.open(tmp_path / "lake", create=True)
    asset = lake[lake.add(truth.sorted, said=SAID).manifest.name]
    trials = next(said for said in asset.manifest.signals if said["name"] == "trials")
    bounds = asset.trials.df["start_time"].min(), asset.trials.df["stop_time"].max()
    assert span_of(asset, trials) == bounds
    first, last = span_of(asset, trials, whole=True)
    times = np.concatenate([*asset.units.trains().values()])
    assert first == min(bounds[0], times.min()) < bounds[0]
    assert last >= max(bounds[1], times.max())


def test_tables_have_no_frame_without_a_picture(visitor):
    page = visitor.get("/assets", headers={"accept": "text/html"}).text
    assert "behavior_m9_trials@" in page
    assert "behavior_m9_depths@" not in page
    assert page.count("tables only") == 1
    beside = visitor.get(
        "/compare?asset=behavior_m9_depths&asset=behavior_m9_trials",
        headers={"accept": "text/html"},
    ).text
    assert beside.count("tables only") == beside.count("a moment of") == 1
    assert "no signals to draw" in visitor.get("/assets/behavior_m9_depths/preview").text


def test_rare_samples_are_joined_and_gaps_are_left():
    levels = np.full(100, np.nan)
    levels[[0, 5, 10, 60, 65]] = 1.0
    paths = [_envelope(levels, levels, 2.0, apart).count("M") for apart in (1.0, 8.0, 50.0)]
    assert paths == [5, 2, 1]
