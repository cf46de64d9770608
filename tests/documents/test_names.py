from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import InputError
from panneuro.documents import asset_name, parse_name
from panneuro.documents.names import slug

SAFE = re.compile(r"^[A-Za-z0-9.+-]+$")
moments = st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.integers(-14 * 4, 14 * 4).map(lambda quarter: timezone(timedelta(minutes=15 * quarter)))


@given(st.text(max_size=200))
def test_a_slug_is_safe_whatever_the_text(text):
    safe = slug(text)
    assert SAFE.match(safe)
    assert not safe.startswith((".", "-"))
    assert len(safe) <= 80
    assert slug(safe) == safe


@given(st.sets(st.text(max_size=8), min_size=2, max_size=20))
def test_different_subjects_never_share_a_slug(texts):
    assert len({slug(text) for text in texts}) == len(texts)


@given(st.text(min_size=1, max_size=30), moments, zones, st.one_of(st.none(), st.text(max_size=9)))
def test_our_names_say_their_parts_again(subject, start, zone, process):
    name = asset_name("ecephys", subject, start.astimezone(zone), process, start)
    parsed = parse_name(name)
    assert "/" not in name
    assert (parsed.modality, parsed.subject) == ("ecephys", slug(subject))
    assert parsed.start == start.replace(microsecond=0, tzinfo=None)
    assert parsed.process == (slug(process) if process else None)
    assert parsed.process_start == (parsed.start if process else None)


def test_names_are_in_utc():
    berlin = datetime(2024, 5, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert asset_name("lfp", "7", berlin) == "lfp_7_2024-04-30_22-30-00"


def test_a_time_needs_a_zone():
    with pytest.raises(InputError, match="no time zone"):
        asset_name("lfp", "7", datetime.fromisoformat("2024-05-01"))
    with pytest.raises(InputError, match="too far"):
        asset_name("lfp", "7", datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))))


@pytest.mark.parametrize(
    ("name", "modality", "subject", "process"),
    [
        ("Ecephys_625463_2022-10-06_10-14-25_sorted-Ks2.5", "Ecephys", "625463", "sorted-Ks2.5"),
        ("625463_2022-10-06_10-14-25", None, "625463", None),
        ("SmartSPIM_597305_2022-09-27_00-07-58", "SmartSPIM", "597305", None),
        (
            "ecephys_699847_2024-04-17_12-12-44_dlc_face_2024-04-25_12-15-20",
            "ecephys",
            "699847",
            "dlc_face",
        ),
        ("438833_2019-03-15_15-31-03_nwb_2025-08-08_16-28-11", None, "438833", "nwb"),
    ],
)
def test_names_of_others_are_read(name, modality, subject, process):
    parsed = parse_name(name)
    assert (parsed.modality, parsed.subject, parsed.process) == (modality, subject, process)
    assert parsed.start is not None


@pytest.mark.parametrize(
    "name",
    ["", "sub-01_ses-02", "2024-05-01_09-30-00", "a_b_2024-13-01_00-00-00", "../x", "x" * 10_000],
)
def test_other_names_stay_as_they_are(name):
    parsed = parse_name(name)
    assert parsed.name == name
    assert parsed.subject is None


@given(st.text(max_size=60))
def test_any_text_can_be_parsed(text):
    assert parse_name(text).name == text
