"""Exports that others can read: nothing of ours, and none of numcodecs' own codecs."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import xarray
import zarr
from hdmf_zarr.nwb import NWBZarrIO
from pynwb import validate

from panneuro.codecs.choice import PORTABLE, every_name
from panneuro.core.errors import CorruptionError, InputError
from panneuro.lake.exporting import export
from panneuro.lake.recoding import EVERYWHERE, Recoding, names
from panneuro.signals.frames import Frames
from panneuro.signals.timeseries import TimeSeries

OURS = tuple(name for name in every_name() if name not in PORTABLE)

ALONE = """
import importlib.metadata, json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("panneuro", "pcodec"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refuse())
entry_points = importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **wanted: (
    () if wanted.get("group", "").startswith("zarr") else entry_points(**wanted)
)
import hashlib
import numpy as np
import zarr
from zarr.registry import get_codec_class

found = {}
def enter(group):
    for name, item in group.members():
        if isinstance(item, zarr.Group):
            enter(item)
        else:
            values = np.asarray(item[...])
            raw = str(values.tolist()).encode() if values.dtype.kind in "OT" else values.tobytes()
            found[item.path] = hashlib.sha256(raw).hexdigest()

enter(zarr.open_group(sys.argv[1], mode="r"))
print(json.dumps(found))
"""


def read_alone(folder):
    """Return the digest of every array, as read where there is neither panneuro nor pcodec."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def nodes(folder):
    return {path: json.loads(path.read_bytes()) for path in folder.rglob("zarr.json")}


def codecs_of(folder):
    found = set()
    for path, node in nodes(folder).items():
        below = node.get("consolidated_metadata", {}).get("metadata", {})
        for one in (node, *below.values()):
            found |= names(one.get("codecs", ()))
        assert path.is_file()
    return found


@pytest.fixture
def several(made_up):
    """Return signals that each get another coding, of one chunk and of several."""
    random = np.random.default_rng(0)
    raw = random.normal(0, 9, (16_000, 130)).cumsum(axis=0).astype("i2")
    series = "ElectricalSeries"
    return (
        TimeSeries("wide", raw, "volts", rate_hz=3e4, gain=1e-6, neurodata_type=series),
        TimeSeries("slow", raw[:, :3].astype("i4"), "volts", rate_hz=3e4),
        TimeSeries("wheel", np.sin(np.arange(5000) / 30), timestamps=np.arange(5000) / 30),
        Frames("movie", np.arange(50) / 9, random.integers(0, 99, (50, 40, 30)).astype("u2")),
        *made_up.signals()[2:],
    )


@pytest.fixture
def name(lake, made_up, several, said):
    source = made_up.use(*several, kept=True)
    return lake.add(
        source, said=said, codecs=("pcodec", "pcodec-auto", "delta-blosc")
    ).manifest.name


def test_a_portable_store_needs_nothing_of_ours(lake, name, tmp_path):
    plain = lake.export(name, "zarr", tmp_path / "plain.zarr")
    written = lake.export(name, "zarr", tmp_path / "portable.zarr", portable=True)
    assert not codecs_of(plain) <= EVERYWHERE
    assert codecs_of(written) <= EVERYWHERE
    assert "numcodecs[pcodec]" in read_alone(plain)
    expected = {
        path.removeprefix("/"): array
        for path, array in zarr.open_group(plain, mode="r").members(max_depth=None)
        if isinstance(array, zarr.Array)
    }
    found = read_alone(written)
    assert found.keys() == expected.keys()
    root = zarr.open_group(written, mode="r")
    for path, array in expected.items():
        before, after = np.asarray(array[...]), np.asarray(root[path][...])
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert before.tobytes() == after.tobytes() or np.array_equal(before, after)


def test_all_else_is_as_it_was(lake, name, tmp_path):
    plain = lake.export(name, "zarr", tmp_path / "plain.zarr")
    written = lake.export(name, "zarr", tmp_path / "portable.zarr", portable=True)
    coding = ("codecs", "consolidated_metadata")
    for path, node in nodes(plain).items():
        other = json.loads((written / path.relative_to(plain)).read_bytes())
        assert {k: v for k, v in node.items() if k not in coding} == {
            k: v for k, v in other.items() if k not in coding
        }
    files = [
        {str(path.relative_to(folder)) for path in folder.rglob("*")} for folder in (plain, written)
    ]
    assert files[0] == files[1]


def test_pynwb_and_xarray_read_it(lake, name, several, tmp_path):
    written = lake.export(name, "zarr", tmp_path, portable=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with NWBZarrIO(str(written), mode="r") as io:
            nwb = io.read()
            assert np.array_equal(nwb.acquisition["wide"].data[:], several[0].data)
            assert nwb.acquisition["wide"].electrodes[0:1].shape[0] == 1
            assert nwb.units["spike_times"][0].tolist() == [0.1, 0.4]
            assert nwb.trials.to_dataframe()["side"].tolist()[0] == "L"
            assert validate(io=io) == []
    labelled = xarray.open_zarr(written, group="acquisition/wide", chunks=None)
    assert np.array_equal(labelled.data, several[0].data)


def test_what_is_portable_already_is_copied(lake, made_up, several, said, tmp_path):
    source = made_up.use(*several, kept=True)
    name = lake.add(source, said=said, codecs=("blosc", "zstd")).manifest.name
    plain = lake.export(name, "zarr", tmp_path / "plain.zarr")
    written = lake.export(name, "zarr", tmp_path / "portable.zarr", portable=True)
    for path in plain.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (written / path.relative_to(plain)).read_bytes()


def test_a_version_that_shares_its_data(lake, name, several, tmp_path):
    lake.describe(name, {"subject": {"sex": "male"}})
    written = lake.export(name, "zarr", tmp_path, portable=True)
    root = zarr.open_group(written, mode="r")
    assert np.array_equal(root["acquisition/wide/data"][:], several[0].data)
    assert codecs_of(written) <= EVERYWHERE


class Watch:
    def __init__(self):
        self.total = self.done = 0

    def start(self, phase, total, unit="bytes"):
        self.total += total

    def advance(self, amount):
        self.done += amount


@pytest.mark.parametrize("portable", [False, True])
def test_progress_is_of_a_known_total(lake, name, tmp_path, portable):
    watch = Watch()
    export(lake[name], "zarr", tmp_path, portable=portable, progress=watch)
    assert watch.done == watch.total > 0


def test_a_damaged_chunk_leaves_nothing_behind(lake, name, tmp_path):
    asset = lake[name]
    file = next(one for one in asset.files if one.path.startswith("acquisition/wide/data/c/"))
    data = bytearray(lake.store.get(asset.manifest.key_of(file)))
    data[1000:1010] = bytes(255 - byte for byte in data[1000:1010])
    lake.store.put(asset.manifest.key_of(file), bytes(data))
    with pytest.raises(CorruptionError):
        lake.export(name, "zarr", tmp_path / "out", portable=True)
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("kind", ["nwb", "original"])
def test_only_zarr_has_codecs(lake, name, tmp_path, kind):
    with pytest.raises(InputError, match="only zarr"):
        lake.export(name, kind, tmp_path, portable=True)


def test_few_chunks_are_in_memory_at_a_time(lake, name):
    from panneuro.lake.adding import workers
    from panneuro.storage.nodes import Hierarchy

    asset = lake[name]
    hierarchy = Hierarchy(asset.head.inline)
    with workers() as executor:
        recoding = Recoding(asset, hierarchy, executor)
        assert "acquisition/wide/data" in recoding.paths
        blocks = []
        keys = [key for key, _ in recoding.objects(blocks.append)]
    assert len(set(keys)) == len(keys)
    assert sum(blocks) == recoding.total_bytes
    assert max(blocks) < recoding.total_bytes / 2
