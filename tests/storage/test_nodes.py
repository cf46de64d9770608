from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.storage.nodes import Hierarchy


def array(shape, **fields):
    return json.dumps({"node_type": "array", "shape": shape, **fields}).encode()


def group(**attributes):
    return json.dumps({"node_type": "group", "attributes": attributes}).encode()


NODES = {
    "zarr.json": group(object_id="by chance"),
    "acquisition/ap/zarr.json": group(object_id="by chance"),
    "acquisition/ap/data/zarr.json": array([100, 4]),
    "acquisition/ap/timestamps/zarr.json": array([100]),
    "acquisition/ap/electrodes/zarr.json": array([4]),
    "units/zarr.json": group(colnames=["spike_times", "depth"]),
    "units/id/zarr.json": array([3]),
    "units/depth/zarr.json": array([3]),
    "units/waveform_mean/zarr.json": array([3, 40, 2]),
    "units/spike_times/zarr.json": array([90]),
    "units/spike_times_index/zarr.json": array([3]),
    "units/id/c/0": b"ids",
    "scalar/zarr.json": array([]),
    "named/zarr.json": array([5], dimension_names=["theirs"]),
}


def test_arrays_of_a_group_share_dimensions_only_where_they_agree():
    tree = Hierarchy(NODES)
    tree.name_dimensions()
    named = {path: node.get("dimension_names") for path, node in tree.arrays()}
    assert named["acquisition/ap/data"] == ["time", "channel"]
    assert named["acquisition/ap/timestamps"] == ["time"]
    assert named["acquisition/ap/electrodes"] == ["channel"]
    assert named["units/id"] == named["units/depth"] == named["units/spike_times_index"] == ["row"]
    assert named["units/spike_times"] == ["spike_times"]
    assert named["units/waveform_mean"][0] == "row"
    assert len(set(named["units/waveform_mean"])) == 3
    assert named["named"] == ["theirs"]
    assert not named["scalar"]


def test_ids_follow_from_names_and_not_from_chance():
    first, second, other = (Hierarchy(NODES) for _ in range(3))
    first.name_objects("a")
    second.name_objects("a")
    other.name_objects("b")
    ids = [tree.attributes("acquisition/ap")["object_id"] for tree in (first, second, other)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0] != first.attributes("")["object_id"]
    assert "object_id" not in first.attributes("units")
    assert first.attributes("not there") == {}


def test_the_root_holds_all_metadata_and_small_chunks_are_inline():
    tree = Hierarchy({**NODES, "_lake/pyramid/x/zarr.json": array([1])})
    files = tree.files()
    root = json.loads(files["zarr.json"])["consolidated_metadata"]["metadata"]
    assert "acquisition/ap/data" in root
    assert not any(path.startswith("_lake") for path in root)
    assert files["units/id/c/0"] == b"ids"
    assert "units/id/c/0" in tree.inline(3)
    assert "units/id/c/0" not in tree.inline(2)
    assert "consolidated_metadata" not in json.loads(tree.inline(3)["zarr.json"])


@given(st.binary(max_size=20))
def test_nodes_that_are_no_nodes_are_refused(data):
    with pytest.raises(FormatError, match=r"'a/zarr\.json'"):
        Hierarchy({"a/zarr.json": b"[" + data})


def test_nodes_that_are_too_deep_are_refused():
    with pytest.raises(FormatError):
        Hierarchy({"zarr.json": b"[" * 100_000})
