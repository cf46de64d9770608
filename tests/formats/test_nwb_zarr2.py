"""Zarr v2 stores, with references that hdmf-zarr pickled."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hdmf_zarr.nwb import NWBZarrIO
from hdmf_zarr.nwb_zarrv2 import NWBZarrV2IO
from zarr.core.buffer import cpu
from zarr.storage import MemoryStore

from panneuro.core.errors import FormatError
from panneuro.formats import nwb
from panneuro.formats.nwb_zarr2 import read_zarr2
from panneuro.formats.source import Source
from panneuro.signals.table import Intervals

REAL = "behaviour/foraging/717121_2024-06-15_10-58-01.nwb"
SESSION = "8a55d854"


class ZarrReference(dict):  # type: ignore[type-arg]
    """What hdmf-zarr 0.13 pickled: a dict by another name."""


def ref(path: str, source: str = ".", session: str = SESSION) -> ZarrReference:
    return ZarrReference(source=source, path=path, object_id="x", source_object_id=session)


def group(place: Path, **attributes: Any) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / ".zgroup").write_text('{"zarr_format": 2}')
    (place / ".zattrs").write_text(json.dumps(attributes))
    return place


def objects(place: Path, values: list[Any], codec: Any, **attributes: Any) -> None:
    place.mkdir(parents=True)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    blosc = numcodecs.Blosc()
    (place / "0").write_bytes(blosc.encode(codec.encode(array)))
    metadata = {
        "zarr_format": 2, "shape": [len(values)], "chunks": [max(1, len(values))], "dtype": "|O",
        "compressor": blosc.get_config(), "filters": [codec.get_config()], "fill_value": 0,
        "order": "C",
    }  # fmt: skip
    (place / ".zarray").write_text(json.dumps(metadata))
    (place / ".zattrs").write_text(json.dumps(attributes))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Write a store with each kind of thing that hdmf-zarr 0.13 wrote."""
    root = group(
        tmp_path / "old.nwb", nwb_version="2.6.0", neurodata_type="NWBFile", object_id=SESSION
    )
    text, pickled = numcodecs.VLenUTF8(), numcodecs.Pickle()
    objects(root / "identifier", ["id-1"], text, zarr_dtype="scalar")
    objects(
        root / "groups",
        [ref("/general/shank"), ref("/general/shank")],
        pickled,
        zarr_dtype="object",
    )
    general = group(root / "general")
    group(
        general / "shank",
        neurodata_type="ElectrodeGroup",
        device={"zarr_dtype": "object", "value": ref("/general/probe")},
    )
    group(general / "probe", neurodata_type="Device")
    group(root / "acquisition", zarr_link=[{"name": "again", **ref("/general/probe")}])
    numbers = zarr.create_array(
        root / "acquisition/numbers", shape=(5,), dtype="f8", chunks=(2,), zarr_format=2
    )
    numbers[:] = np.arange(5)
    return root


def test_references_are_read_without_unpickling(store: Path) -> None:
    tree = read_zarr2(store)
    groups = tree.root.arrays["groups"]
    assert groups.strings() == ["/general/shank", "/general/shank"]
    assert groups.is_reference
    assert tree.root.groups["acquisition"].links == {"again": "/general/probe"}
    shank = tree.root.groups["general"].groups["shank"]
    assert shank.attributes["device"] == {"_REFERENCE": {"source": ".", "path": "/general/probe"}}


def test_values_are_read_as_they_were_written(store: Path) -> None:
    tree = read_zarr2(store)
    assert tree.text("/identifier") == "id-1"
    numbers = tree.array(tree.root.groups["acquisition"], "numbers")
    assert numbers is not None
    np.testing.assert_array_equal(numbers.data[1:4], [1, 2, 3])
    assert numbers.attributes["_DTYPE"] == "float64"


def test_compound_rows_with_references(store: Path) -> None:
    rows = np.empty(2, dtype=[("idx_start", "<i4"), ("count", "<i4"), ("timeseries", "O")])
    rows[:] = [(0, 3, ref("/general/probe")), (3, 5, ref("/general/shank"))]
    codec = numcodecs.Pickle()
    place = store / "rows"
    place.mkdir()
    (place / "0").write_bytes(codec.encode(rows))
    dtype = [["idx_start", "<i4"], ["count", "<i4"], ["timeseries", "|O"]]
    (place / ".zarray").write_text(json.dumps({
        "zarr_format": 2, "shape": [2], "chunks": [2], "dtype": dtype, "compressor": None,
        "filters": [codec.get_config()], "fill_value": 0, "order": "C",
    }))  # fmt: skip
    fields = [{"name": n, "dtype": d} for n, d in (("idx_start", "int32"), ("count", "int32"))]
    fields.append({"name": "timeseries", "dtype": "object"})
    (place / ".zattrs").write_text(json.dumps({"zarr_dtype": fields}))
    found = read_zarr2(store).root.arrays["rows"]
    assert found.data[:].tolist() == [(0, 3, "/general/probe"), (3, 5, "/general/shank")]
    assert found.attributes["_REFERENCE_FIELDS"] == ["timeseries"]


def test_nothing_in_a_pickle_is_run(store: Path, tmp_path: Path) -> None:
    target = tmp_path / "touched"

    class Armed:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (target,)

    (store / "groups/0").write_bytes(numcodecs.Blosc().encode(pickle.dumps(Armed())))
    with pytest.raises(FormatError, match="no array of objects"):
        read_zarr2(store)
    assert not target.exists()


@pytest.mark.parametrize("name", ["identifier/0", "groups/0", "groups/.zarray", ".zattrs"])
def test_damage_is_told(store: Path, name: str) -> None:
    (store / name).write_bytes(b"\x00damaged")
    with pytest.raises(FormatError):
        read_zarr2(store)


def test_other_files_are_not_reached(store: Path, tmp_path: Path) -> None:
    group(store / "acquisition", zarr_link=[{"name": "x", **ref("/a", "../secret.nwb", "other")}])
    with pytest.raises(FormatError, match="in another file"):
        read_zarr2(store)
    group(store / "acquisition")
    (store / "stimulus").symlink_to(tmp_path)
    with pytest.raises(FormatError, match="leads out"):
        read_zarr2(store)


def test_a_real_store_stays_the_same(sample_data: Path) -> None:
    path = sample_data / REAL
    found = nwb.read(Source(path))
    assert found.structure is not None
    buffers = {k: cpu.Buffer.from_bytes(v) for k, v in found.structure.nodes.items()}
    assert not found.structure.bulk
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with NWBZarrV2IO(str(path), "r") as one, NWBZarrIO(MemoryStore(buffers), "r") as two:
            theirs, ours = one.read(), two.read()
            assert set(theirs.objects) == set(ours.objects)
            assert theirs.trials.to_dataframe().equals(ours.trials.to_dataframe())
            for name, series in theirs.acquisition.items():
                np.testing.assert_array_equal(series.data[:], ours.acquisition[name].data[:])
            assert theirs.subject.fields.keys() == ours.subject.fields.keys()
            assert theirs.session_start_time == ours.session_start_time
    trials = found["trials"]
    assert isinstance(trials, Intervals)
    assert len(trials) == 571
