from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import CorruptionError
from panneuro.lake.entries import entry_of
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
FIELDS = (
    "label",
    "id",
    "modalities",
    "areas",
    "probes",
    "evaluations",
    "extensions",
    "session_start",
    "date_of_birth",
    "species",
    "experimenters",
    "keywords",
)


def test_a_film_lasts_as_long_as_its_frames(lake, made_up, said):
    frames = np.zeros((50, 4, 5), "u1")
    film = Frames("film", np.arange(50) / 25, frames, shape=(4, 5), rate_hz=25.0)
    uneven = Frames("uneven", np.arange(50) / 25, frames, shape=(4, 5))
    cases = {"even": ((film,), 2.0), "stamped": ((uneven,), None), "both": ((uneven, film), 2.0)}
    for name, (signals, lasts) in cases.items():
        manifest = lake.add(made_up.use(*signals), said=said, name=name).manifest
        assert entry_of(manifest).fields.get("duration_s") == lasts


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


def test_an_age_that_is_said_is_found_in_days(lake, made_up, said):
    young = {**said, "subject": {**said["subject"], "age": "P12W"}}
    name = lake.add(made_up.use(), said=young).manifest.name
    assert lake.find("age=84").names == [name]
    lake.describe(name, {"subject": {"age": "adult"}})
    assert lake.find("age>0").names == []


def test_sorted_spikes_last_as_long_as_their_trials(lake, made_up, said):
    unit = Events.from_trains("units", {0: np.array([0.1, 9.0])})
    bounds = {"start_time": [2.0, np.nan, 5.0], "stop_time": [3.0, 4.0, 9.5]}
    trials = Intervals.from_frame("trials", pd.DataFrame(bounds))
    lake.add(made_up.use(unit, trials), said=said, name="sorted")
    none = Intervals.from_frame("trials", pd.DataFrame({"start_time": [], "stop_time": []}))
    lake.add(made_up.use(unit, none), said=said, name="untried")
    lake.add(made_up.use(*made_up.signals()[:1], trials), said=said, name="sampled")
    assert lake.find("duration=7.5").names == ["sorted"]
    assert lake.find("duration=3").names == ["sampled"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["description", "subject", "acquisition", "instrument", "quality"]),
        st.dictionaries(
            st.sampled_from(FIELDS),
            JSON
            | st.lists(
                st.fixed_dictionaries(
                    {"label": JSON, "areas": JSON, "history": JSON, "model": JSON}
                ),
                max_size=2,
            ),
        ),
    )
)
def test_hostile_documents_are_refused_or_indexed(lake, made_up, said, documents):
    if not len(lake):
        lake.add(made_up.use(), said=said, name="a")
    manifest = replace(lake["a"].manifest, documents=documents)
    with suppress(CorruptionError):
        assert entry_of(manifest).name == "a"
