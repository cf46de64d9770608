"""The nodes of a Zarr v3 hierarchy as keys and bytes: what ``zarr.json`` says of each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from panneuro.core.errors import FormatError

Node = dict[str, Any]
"""What a ``zarr.json`` holds."""

_META = "zarr.json"
_OBJECTS = uuid.UUID("6f1c1c0e-52b1-5b5e-8a43-9a5f5d2f7c11")


class Hierarchy:
    """Groups, arrays and the chunks of small arrays, in memory.

    Parameters
    ----------
    nodes : mapping of str to bytes
        Zarr keys and values.
    """

    def __init__(self, nodes: Mapping[str, bytes]) -> None:
        self.nodes: dict[str, Node] = {}
        self.chunks: dict[str, bytes] = {}
        for key, value in nodes.items():
            if key == _META or key.endswith("/" + _META):
                self.nodes[key.removesuffix(_META).rstrip("/")] = _parse(key, value)
            else:
                self.chunks[key] = value
        self.nodes.get("", {}).pop("consolidated_metadata", None)

    def arrays(self) -> Iterator[tuple[str, Node]]:
        """Yield the path and metadata of every array."""
        for path, node in self.nodes.items():
            if node.get("node_type") == "array":
                yield path, node

    def attributes(self, path: str) -> dict[str, Any]:
        """Return the attributes of a node; none if it is not there."""
        found = self.nodes.get(path, {}).get("attributes", {})
        return found if isinstance(found, dict) else {}

    def without_chunks(self, paths: Iterable[str]) -> None:
        """Forget the chunks of some arrays: stand-ins for data that are written otherwise."""
        stand_ins = tuple(f"{path}/c/" for path in paths)
        self.chunks = {k: data for k, data in self.chunks.items() if not k.startswith(stand_ins)}

    def name_dimensions(self) -> None:
        """Name the dimensions of every array, as xarray wants them: shared ones within a group."""
        for path, node in self.arrays():
            if not node.get("dimension_names") and node["shape"]:
                node["dimension_names"] = self._dimensions(path, len(node["shape"]))

    def _dimensions(self, path: str, n_dims: int) -> list[str]:
        group, _, name = path.rpartition("/")
        if 0 in self.nodes[path]["shape"]:
            return [f"{name}_{axis}" for axis in range(n_dims)]
        ragged = f"{path}_index" in self.nodes
        if "colnames" in self.attributes(group) and not ragged:
            first = "row"
        elif name in ("data", "timestamps") and not ragged:
            first = "time"
        elif name in ("electrodes", "channel_conversion"):
            first = "channel"
        else:
            first = name
        second = "channel" if name == "data" and n_dims == 2 else f"{name}_1"
        return [first, second, *(f"{name}_{axis}" for axis in range(2, n_dims))][:n_dims]

    def name_objects(self, seed: str) -> None:
        """Give every NWB object an id that follows from `seed` and its path, not from chance."""
        for path, node in self.nodes.items():
            attributes = node.get("attributes", {})
            if "object_id" in attributes:
                attributes["object_id"] = str(uuid.uuid5(_OBJECTS, f"{seed}/{path}"))

    def files(self) -> dict[str, bytes]:
        """Return every key and its bytes, the root with consolidated metadata."""
        written = {_key(path): _text(node) for path, node in self.nodes.items() if path}
        below = {
            path: node
            for path, node in sorted(self.nodes.items())
            if path and not path.startswith("_lake/")
        }
        consolidated = {"kind": "inline", "must_understand": False, "metadata": below}
        root = {**self.nodes[""], "consolidated_metadata": consolidated}
        return {**written, _META: _text(root), **self.chunks}

    def inline(self, largest: int) -> dict[str, bytes]:
        """Return every node, and every chunk of at most `largest` bytes, as a reader needs them."""
        nodes = {_key(path): _text(node) for path, node in self.nodes.items()}
        return nodes | {key: data for key, data in self.chunks.items() if len(data) <= largest}


def _key(path: str) -> str:
    return f"{path}/{_META}" if path else _META


def _text(node: Node) -> bytes:
    """Return a node as JSON; NWB has NaN in attributes, which Zarr writes as JavaScript does."""
    return json.dumps(node, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _parse(key: str, value: bytes) -> Node:
    try:
        node = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the Zarr node {key!r} is not JSON: {error}") from error
    if not isinstance(node, dict):
        raise FormatError(f"the Zarr node {key!r} is not a JSON object")
    return node
