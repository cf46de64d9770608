from __future__ import annotations

import pytest


@pytest.mark.parametrize("required", ["", "other", "other,parts"])
def test_what_is_missing_is_skipped(need, monkeypatch, required):
    monkeypatch.setenv("PANNEURO_TEST_REQUIRE", required)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        need("part", False, "not installed")


@pytest.mark.parametrize("required", ["all", "part", "other,part"])
def test_what_is_required_and_missing_fails(need, monkeypatch, required):
    monkeypatch.setenv("PANNEURO_TEST_REQUIRE", required)
    with pytest.raises(pytest.fail.Exception, match="part is required"):
        need("part", False, "not installed")


def test_what_is_there_is_used(need, monkeypatch):
    monkeypatch.setenv("PANNEURO_TEST_REQUIRE", "all")
    need("part", "/usr/bin/part", "not installed")
