from __future__ import annotations

import pytest

from panneuro.access.prices import PriceBook
from panneuro.access.savings import Coded, Savings, coded
from panneuro.core.manifest import Manifest, StoredFile

CODED = {"codec": "pcodec", "codec_why": "", "raw_bytes": 8000, "stored_bytes": 2000}
SIGNALS = (
    {"name": "ap", "kind": "timeseries", "shape": [1000, 4], **CODED, "noise_floor_bits": 3.2},
    {"name": "units", "kind": "events", "events": 500, **CODED},
    {"name": "eye", "kind": "frames", "shape": [20, 20], "frames": 10, **CODED},
    {"name": "trials", "kind": "table", "rows": 3, "columns": []},
)


def manifest(signals=SIGNALS) -> Manifest:
    return Manifest(
        name="one",
        version="0" * 12,
        created="",
        parent="",
        format="made-up",
        documents={},
        signals=signals,
        files=(StoredFile("a", 5000, "sha256:0"), StoredFile("b", 3000, "sha256:0", "old/b")),
        sources=({"path": "x", "size": 40_000, "digest": "sha256:0"},),
    )


def test_signals_that_are_coded():
    ap, units, eye = coded(manifest())
    assert (ap.ratio, ap.bits_per_sample, ap.above_floor) == (4, 4, pytest.approx(0.25))
    assert (units.bits_per_sample, eye.bits_per_sample) == (32, 4)
    assert units.above_floor is None
    assert "noise_floor_bits" not in units.to_json()
    assert ap.to_json() == {
        "name": "ap",
        "codec": "pcodec",
        "raw_bytes": 8000,
        "stored_bytes": 2000,
        "ratio": 4.0,
        "bits_per_sample": 4.0,
        "noise_floor_bits": 3.2,
        "above_floor": 0.25,
    }


def test_a_signal_without_noise_is_not_far_from_it():
    silent = Coded("dead", "pcodec", 8000, 20, 4000, 0.0)
    assert silent.above_floor is None
    assert silent.to_json()["noise_floor_bits"] == 0


def test_savings_of_assets_are_sums():
    book = PriceBook.from_table({"standard": 10**7, "currency": "EUR"})
    savings = Savings.of([manifest(), manifest()], book)
    assert (savings.source_bytes, savings.stored_bytes) == (80_000, 16_000)
    assert (savings.ratio, savings.signal_ratio) == (5, 4)
    assert float(savings.per_year) == pytest.approx(64_000 / 1e12 * 1e7 * 12, abs=0.01)
    assert float(savings.per_terabyte_year) == pytest.approx(0.75 * 1e7 * 12)
    said = savings.to_json()
    assert said["currency"] == "EUR"
    assert len(said["coding"]) == 6


def test_an_asset_of_tables_alone():
    savings = Savings.of([manifest(SIGNALS[3:])], PriceBook())
    assert savings.signal_ratio is None
    assert savings.to_json()["coding"] == []
