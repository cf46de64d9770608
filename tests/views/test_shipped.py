"""The views that come with panneuro, on assets whose truth is known."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.views.conftest import put

import panneuro
from panneuro.analysis.quality_presets import PRESETS
from panneuro.views.viewed import known


def test_units_by_area(lake):
    put(lake, "a", (30, 10))
    table = panneuro.view(lake, "unit-yield").df
    assert table[["area", "label", "units", "spikes"]].to_dict("records") == [
        {"area": "CA1", "label": "good", "units": 1, "spikes": 30},
        {"area": "CA3", "label": "good", "units": 1, "spikes": 10},
    ]
    assert table["median_rate_hz"].tolist() == pytest.approx([30 / 29, 10 / 29])


def test_quality_of_units(lake):
    put(lake, "a", (600, 600))
    [row] = panneuro.view(lake, "data-quality").df.to_dict("records")
    assert row["units"] == 2
    assert row["passing"] == 2
    assert row["median_presence_ratio"] == 1.0
    assert row["median_isi_violations_ratio"] == 0.0


@pytest.mark.parametrize("preset", PRESETS)
def test_quality_by_every_preset(lake, preset):
    put(lake, "a", (600, 600))
    [row] = panneuro.view(lake, "data-quality", preset=preset).df.to_dict("records")
    assert 0 <= row["passing"] <= row["units"]


def test_progress_of_training(lake):
    put(lake, "a")
    [row] = panneuro.view(lake, "training-progress").df.to_dict("records")
    assert (row["subject"], row["trials"], row["correct"]) == ("m1", 2, 0.5)
    assert row["minutes"] == 2.0
    assert pd.isna(row["rewarded"])


def test_sessions_and_what_they_cost(lake):
    manifest = put(lake, "a", kind="raw")
    [row] = panneuro.view(lake, "session-overview").df.to_dict("records")
    assert (row["subject"], row["project"], row["units"]) == ("m1", "retina", 2)
    [cost] = panneuro.view(lake, "storage-and-cost", per_tb_month=1e6).df.to_dict("records")
    assert cost["stored_bytes"] == manifest.stored_bytes
    assert cost["per_month"] == pytest.approx(manifest.stored_bytes / 1e6, abs=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "data-quality",
        "pipeline-health",
        "session-overview",
        "storage-and-cost",
        "training-progress",
        "unit-yield",
    ],
)
def test_every_one_is_drawn(lake, name, tmp_path):
    assert name in known(lake)
    put(lake, "a", (600, 600), kind="raw")
    put(lake, "b", (60, 700), kind="raw")
    panneuro.view(lake, "unit-yield")
    viewed = panneuro.view(panneuro.open(lake.store.url), name)
    viewed.figure().savefig(tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").stat().st_size > 2000


def test_real_sessions(sample_data, tmp_path):
    lake = panneuro.open(tmp_path / "lake", create=True)
    said = {
        "description": {"title": "a session", "lab": "L", "licence": "CC-BY-4.0"},
        "subject": {"species": "mouse"},
    }
    lake.add(sample_data / "behaviour/foraging/697062_2023-11-14_11-12-44.nwb", said=said)
    [row] = panneuro.view(lake, "training-progress").df.to_dict("records")
    assert row["trials"] == 342
    assert row["rewarded"] == pytest.approx(15 / 342)
