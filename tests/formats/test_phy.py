"""Sorted units out of phy folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats import phy
from panneuro.formats.source import Source
from panneuro.signals.events import Events
from panneuro.signals.table import Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write two templates on four channels; unit 7 has the second, sparse one."""
    place = tmp_path / "sorted"
    place.mkdir()
    arrays: dict[str, Any] = {
        "spike_times": np.array([[30], [90], [60], [15]], dtype=np.uint64),
        "spike_clusters": np.array([7, 3, 7, 3], dtype=np.int32),
        "spike_templates": np.array([1, 0, 1, 0], dtype=np.uint32),
        "amplitudes": np.array([2.0, 1.0, 4.0, 3.0]),
        "channel_positions": np.array([[0.0, 0], [0, 20], [0, 40], [0, 60]]),
        "channel_map": np.array([[5, 6, 7, 8]]),
        "templates": np.zeros((2, 3, 2)),
        "templates_ind": np.array([[0, 1], [3, -1]]),
        "whitening_mat_inv": np.eye(4) * 10,
    }
    arrays["templates"][0, :, 1] = [0, -1, 0]
    arrays["templates"][1, :, 0] = [1, -5, 1]
    arrays["templates"][1, :, 1] = [9, -9, 9]
    for name, values in arrays.items():
        np.save(place / f"{name}.npy", values)
    (place / "params.py").write_text(
        "dat_path = '../../../etc/passwd'\nsample_rate = 30000.\ndtype = 'int16'\n"
        "print(open('secret').read())\nother = __import__('os').getcwd()\n"
    )
    (place / "cluster_group.tsv").write_text("cluster_id\tgroup\n3\tgood\n7\tnoise\n99\tmua\n")
    (place / "cluster_ContamPct.tsv").write_text("cluster_id\tContamPct\n3\t1.5\n")
    return place


def units(folder: Path) -> Events:
    found = phy.read(Source(folder))["units"]
    assert isinstance(found, Events)
    assert found.table is not None
    return found


def test_spikes_are_in_seconds_by_unit(folder: Path) -> None:
    found = units(folder)
    assert found.ids.tolist() == [3, 7]
    np.testing.assert_array_equal(found[3], [15 / 30000, 90 / 30000])
    np.testing.assert_array_equal(found[7], [30 / 30000, 60 / 30000])


def test_labels_are_joined_by_cluster(folder: Path) -> None:
    table = units(folder).table
    assert table is not None
    assert table["group"].tolist() == ["good", "noise"]
    assert table["ContamPct"][0] == 1.5
    assert np.isnan(table["ContamPct"][1])
    assert table["amplitude_mean"].tolist() == [2.0, 3.0]


def test_templates_are_unwhitened_and_placed(folder: Path) -> None:
    table = units(folder).table
    assert table is not None
    assert table["peak_channel"].tolist() == [1, 3]
    assert table["y_um"].tolist() == [20.0, 60.0]
    assert table["template"][1] == [10.0, -50.0, 10.0]


def test_the_probe_is_a_table(folder: Path) -> None:
    electrodes = phy.read(Source(folder))["electrodes"]
    assert isinstance(electrodes, Table)
    assert electrodes["channel"].tolist() == [5, 6, 7, 8]


def test_parameters_are_never_run(folder: Path) -> None:
    found = phy.read_parameters(folder / "params.py")
    assert found == {"dat_path": "../../../etc/passwd", "sample_rate": 30000.0, "dtype": "int16"}
    recording = phy.read(Source(folder))
    told = recording.documents["processing"]["runs"][0]["parameters"]
    assert told == {"sample_rate": 30000.0, "dtype": "int16"}
    assert all(file.path.parent == folder for file in recording.files)


def test_it_is_recognised(folder: Path, tmp_path: Path) -> None:
    assert phy.sniff(Source(folder)).score > 0.9
    (folder / "params.py").unlink()
    assert 0 < phy.sniff(Source(folder)).score < 0.9
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("x")
    assert phy.sniff(Source(tmp_path / "other")).score == 0


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("params.py", b"sample_rate = 'fast'", "sample_rate"),
        ("params.py", b"sample_rate = = 3", "not Python"),
        ("params.py", b"(" * 5000, "not Python"),
        ("spike_times.npy", b"\x93NUMPY", "spike_times"),
        ("spike_clusters.npy", None, "values for 4 spikes"),
        ("spike_clusters.npy", "pickled", "Python objects"),
        ("cluster_group.tsv", b"", "not a table"),
    ],
)
def test_damage_is_told(folder: Path, name: str, content: Any, told: str) -> None:
    if content is None:
        np.save(folder / name, np.arange(3))
    elif content == "pickled":
        np.save(folder / name, np.array([{}], dtype=object), allow_pickle=True)
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(FormatError, match=told):
        phy.read(Source(folder))


def test_a_real_folder(sample_data: Path) -> None:
    folder = sample_data / "spikes/phy/phy_example_0"
    found = units(folder)
    samples = np.load(folder / "spike_times.npy").ravel()
    clusters = np.load(folder / "spike_clusters.npy").ravel()
    assert sum(found.counts) == len(samples) == 788
    for unit in found:
        np.testing.assert_array_equal(found[unit], np.sort(samples[clusters == unit]) / 32000.0)
    assert found.table is not None
    assert {"KSLabel", "Amplitude", "ContamPct", "peak_channel"} <= set(found.table.columns)
