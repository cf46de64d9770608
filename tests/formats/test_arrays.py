from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats import described
from panneuro.formats.arrays import read as read_arrays
from panneuro.formats.flat import Flat
from panneuro.formats.readers import choose, read
from panneuro.formats.source import Source

from .spoiling import refused_or_read, spoil

VALUES = np.arange(40, dtype=np.int16).reshape(10, 4)


def describe(place: Path, **values: object) -> None:
    place.write_text(yaml.safe_dump({"rate_hz": 1000, **values}))


def test_raw_binary_with_a_description(tmp_path: Path) -> None:
    (tmp_path / "lfp.bin").write_bytes(b"head" + VALUES.astype(">i2").tobytes())
    describe(
        tmp_path / "lfp.yaml",
        dtype=">i2",
        n_channels=4,
        header_bytes=4,
        unit="volts",
        gain=[1e-6, 2e-6, 3e-6, 4e-6],
        offset=1e-3,
        channels=["a", "b", "c", "d"],
        start_s=2,
        name="field",
        electrodes=True,
        session_start="2024-05-01T09:30:00+02:00",
    )
    found = read(tmp_path)
    field = found["field"]
    np.testing.assert_array_equal(field.data[:], VALUES)
    np.testing.assert_allclose(
        field.read(scaled=True), VALUES * np.array([1, 2, 3, 4]) * 1e-6 + 1e-3
    )
    assert (field.rate_hz, field.start_s, field.unit) == (1000, 2, "volts")
    assert field.neurodata_type == "ElectricalSeries"
    assert found["electrodes"].df.channel_name.tolist() == ["a", "b", "c", "d"]
    assert found.documents["acquisition"]["session_start"] == "2024-05-01T09:30:00+02:00"
    assert {f.name: f.kept for f in found.files} == {"lfp.bin": False, "lfp.yaml": True}


def test_the_words_of_others_are_understood(tmp_path: Path) -> None:
    (tmp_path / "x.raw").write_bytes(VALUES.tobytes())
    said = {"sample_rate": 15000.0, "shape": [-1, 4], "dtype": "int16"}
    (tmp_path / "info.json").write_text(json.dumps(said))
    found = read(tmp_path)
    np.testing.assert_array_equal(found["x"].data[:], VALUES)
    assert found["x"].rate_hz == 15000
    assert any("nothing tells its unit" in note for note in found.notes)


def test_one_file_is_read_with_the_description_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x.raw").write_bytes(VALUES.tobytes())
    describe(tmp_path / "info.yaml", dtype="int16", n_channels=4)
    found = read(tmp_path / "x.raw")
    assert [f.name for f in found.files] == ["x.raw", "info.yaml"]


def test_npy_stays_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "ca1.npy", VALUES[:, 0])
    describe(tmp_path / "ca1.yaml", unit="volts")
    found = read(tmp_path)["ca1"]
    assert isinstance(found.data, Flat)
    np.testing.assert_array_equal(found.read(0.002, 0.005), VALUES[2:5, 0])


def test_npz_describes_itself(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", lfp=VALUES, speed=VALUES[:, 0], fs=500.0)
    found = read(tmp_path / "two.npz")
    assert [s.name for s in found.signals] == ["lfp", "speed"]
    assert found["speed"].rate_hz == 500


def test_a_missing_description_is_shown_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "ca1.npy", VALUES)
    assert choose(Source(tmp_path))[0] == "arrays"
    with pytest.raises(FormatError, match="nothing tells its rate") as error:
        read(tmp_path)
    shown = error.value.hint.partition("\n\n")[2]
    assert {"rate_hz", "unit", "gain", "dtype", "n_channels"} <= set(yaml.safe_load(shown))


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"rate_hz": 0}, "rate_hz"),
        ({"rate_hz": float("nan")}, "rate_hz"),
        ({"rate_hz": True}, "rate_hz"),
        ({"rate_hz": 10**400}, "rate_hz"),
        ({"gain": [1, 1, 1, 10**400]}, "gain"),
        ({"dtype": "object"}, "dtype"),
        ({"dtype": "nonsense"}, "dtype"),
        ({"dtype": None}, "dtype"),
        ({"n_channels": 0}, "n_channels"),
        ({"n_channels": -4}, "n_channels"),
        ({"n_channels": "four"}, "n_channels"),
        ({"gain": [1, 2]}, "gain"),
        ({"gain": float("inf")}, "gain"),
        ({"channels": ["a"]}, "channels"),
        ({"header_bytes": -1}, "header_bytes"),
        ({"unit": 5}, "unit"),
        ({"n_channels": 3}, "n_channels"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, said: dict[str, object], key: str) -> None:
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    describe(tmp_path / "x.yaml", **({"dtype": "int16", "n_channels": 4} | said))
    with pytest.raises(FormatError) as error:
        read(tmp_path)
    assert key in str(error.value)


@pytest.mark.parametrize(
    "text", ["{", "[1, 2]", "a: b: c", "!!python/object:os.system {}", "a: &a 3\nrate_hz: *a"]
)
def test_a_description_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(FormatError, match=r"x\.yaml"):
        read(tmp_path)


@pytest.mark.parametrize("key", ["rate_hz", "channels", "session_start"])
def test_a_description_that_grows_without_end_is_refused(tmp_path: Path, key: str) -> None:
    grown = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    grown += [f"{b}: &{b} [{', '.join(['*' + a] * 10)}]" for a, b in pairwise("abcdefghijkl")]
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    (tmp_path / "x.yaml").write_text("\n".join([*grown, f"{key}: *l"]))
    with pytest.raises(FormatError, match="aliases"):
        read(tmp_path)


def test_what_is_wrong_is_told_shortly(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    describe(tmp_path / "x.yaml", dtype="int16", n_channels=4, rate_hz=["much"] * 9999)
    with pytest.raises(FormatError) as error:
        read(tmp_path)
    assert len(error.value.message) < 1000


def test_a_huge_description_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    (tmp_path / "x.yaml").write_bytes(b" " * (2 << 20))
    with pytest.raises(FormatError, match="too many"):
        read(tmp_path)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    describe(tmp_path / "x.yaml")
    with pytest.raises(FormatError, match="not the array"):
        read(tmp_path)


def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(200_000), fs=1.0)
    monkeypatch.setattr("panneuro.formats.npz.MAX_INFLATED_BYTES", 1 << 20)
    with pytest.raises(LimitError, match="unpacks to"):
        read(tmp_path / "x.npz")


def test_an_archive_that_lies_about_its_size_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=VALUES, fs=1.0)
    content = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError):
        read(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("a.npy", b"no array")
    with pytest.raises(FormatError):
        read(tmp_path / "y.npz")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(["npy", "npz"]), st.data())
def test_damage_is_an_error_or_harmless(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    place = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(place, VALUES)
    else:
        np.savez(place, x=VALUES)
    describe(tmp_path / "x.yaml")
    spoil(place, data)
    refused_or_read(read_arrays, Source(place))


def test_the_example_describes(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    (tmp_path / "x.yaml").write_text(described.example().partition("\n\n")[2])
    assert read(tmp_path)["raw"].rate_hz == 30000


def test_real_tetrode(sample_data: Path) -> None:
    folder = sample_data / "raw" / "locust_tetrode"
    found = read(folder)["locust_trial_01"]
    expected = np.fromfile(folder / "locust_trial_01.raw", "<i2").reshape(-1, 4)
    np.testing.assert_array_equal(found.data[:], expected)
    assert found.data.shape == (431548, 4)
    assert found.rate_hz == 15000
