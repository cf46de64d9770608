from __future__ import annotations

from panneuro.lake.entries import entry_of


def test_what_can_be_searched(lake, made_up, said):
    more = {
        **said,
        "subject": {**said["subject"], "sex": "male", "date_of_birth": "2026-01-01"},
        "acquisition": {**said["acquisition"], "areas": ["VISp"]},
        "description": {**said["description"], "keywords": ["spontaneous"]},
    }
    manifest = lake.add(made_up.use(), said=more).manifest
    fields = entry_of(manifest).fields
    assert fields["subject"] == "m1"
    assert fields["age_days"] == 60
    assert fields["channels"] == 3
    assert fields["units"] == 2
    assert fields["trials"] == 2
    assert round(fields["duration_s"]) == 100
    assert {"ap", "units", "timeseries", "ElectricalSeries"} <= set(fields["has"])
    assert fields["size_bytes"] == manifest.stored_bytes
    assert lake.find("area=VISp tag=spontaneous sex=male age_days<90").names == [manifest.name]
    assert "wheel" in entry_of(manifest).text
