"""Names of signals."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.formats.nwb_signals import name_uniquely

PART = st.sampled_from(["acquisition", "processing", "a", "b", "a_b", "LFP", "ElectricalSeries"])
PATHS = st.lists(
    st.lists(PART, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts)),
    unique=True,
    max_size=12,
)


@settings(deadline=None)
@given(PATHS)
def test_names_are_unique(paths: list[str]) -> None:
    names = name_uniquely(paths)
    assert len(set(names)) == len(names) == len(paths)


def test_names_tell_collisions_apart() -> None:
    paths = [
        "/processing/ophys/Fluorescence/RoiResponseSeries",
        "/processing/ophys/DfOverF/RoiResponseSeries",
        "/processing/ecephys/LFP/ElectricalSeries",
        "/acquisition/ElectricalSeries",
    ]
    assert name_uniquely(paths) == [
        "Fluorescence_RoiResponseSeries", "DfOverF_RoiResponseSeries", "lfp", "ElectricalSeries",
    ]  # fmt: skip
