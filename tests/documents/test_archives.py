from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.documents import read
from panneuro.documents.archives import archive_findings, orcid_is_valid


def found(values, profile):
    return {f.code: str(f.severity) for f in archive_findings(read(values), profile)}


@pytest.mark.parametrize(
    "orcid", ["0000-0002-1825-0097", "0000-0001-5109-3700", "0000-0002-1694-233X"]
)
def test_published_orcids_are_valid(orcid):
    assert orcid_is_valid(f"ORCID:{orcid}")


@given(st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(position, shift):
    digits = list("0000000218250097")
    digits[position] = str((int(digits[position]) + shift) % 10)
    text = "-".join("".join(digits[i : i + 4]) for i in range(0, 16, 4))
    assert not orcid_is_valid(f"ORCID:{text}")


@pytest.mark.parametrize(
    ("values", "profile", "code", "severity"),
    [
        ({"description": {"licence": "CC-BY-NC-4.0"}}, "dandi", "licence-not-open", "error"),
        ({"description": {"licence": "CC-BY-NC-4.0"}}, "publish", "licence-not-open", "should"),
        ({"subject": {"species": "Mus nobody"}}, "dandi", "species-without-id", "error"),
        ({"subject": {"id": "a_b"}}, "aind", "aind-subject", "error"),
        ({"subject": {"id": "a-b"}}, "bids", "bids-label", "should"),
        (
            {"description": {"experimenters": ["J <0000-0002-1825-0098>"]}},
            "lake",
            "orcid-digits",
            "should",
        ),
    ],
)
def test_each_archive_has_its_own_wishes(values, profile, code, severity):
    assert found(values, profile)[code] == severity


def test_the_lake_has_none_of_them():
    values = {"description": {"licence": "CC-BY-NC-4.0"}, "subject": {"id": "a_b", "species": "x"}}
    assert found(values, "lake") == {}
