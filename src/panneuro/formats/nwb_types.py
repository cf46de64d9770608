"""Which NWB type extends which: the core's, and those that a file brings its schema for."""

from __future__ import annotations

import json
import math
from typing import Any

from panneuro.formats.nwb_tree import SPECIFICATIONS, Group, Tree

_CORE = {
    "TimeSeries": (
        "ElectricalSeries",
        "SpatialSeries",
        "PatchClampSeries",
        "RoiResponseSeries",
        "AbstractFeatureSeries",
        "OptogeneticSeries",
        "DecompositionSeries",
        "IndexSeries",
        "ImageSeries",
        "AnnotationSeries",
        "IntervalSeries",
    ),
    "ElectricalSeries": ("SpikeEventSeries",),
    "PatchClampSeries": (
        "CurrentClampSeries",
        "CurrentClampStimulusSeries",
        "VoltageClampSeries",
        "VoltageClampStimulusSeries",
    ),
    "CurrentClampSeries": ("IZeroClampSeries",),
    "ImageSeries": ("ImageMaskSeries", "OpticalSeries", "OnePhotonSeries", "TwoPhotonSeries"),
    "DynamicTable": (
        "TimeIntervals",
        "Units",
        "ElectrodesTable",
        "PlaneSegmentation",
        "SweepTable",
        "AlignedDynamicTable",
        "EventsTable",
    ),
    "AlignedDynamicTable": ("IntracellularRecordingsTable",),
}

_MAX_SPECIFICATION = 16 << 20


class Lineage:
    """Answers whether a group is of a type or of one that extends it.

    Parameters
    ----------
    tree : Tree
        Its cached specifications tell of the types of extensions.
    """

    def __init__(self, tree: Tree) -> None:
        self.parents = {child: parent for parent, kids in _CORE.items() for child in kids}
        specifications = tree.root.groups.get(SPECIFICATIONS)
        if specifications is not None:
            for group in specifications.walk():
                self._learn(group, tree)

    def _learn(self, group: Group, tree: Tree) -> None:
        for array in group.arrays.values():
            if not array.is_text or array.name == "namespace" or math.prod(array.shape) != 1:
                continue
            text = str(array.scalar())
            try:
                found = json.loads(text) if len(text) <= _MAX_SPECIFICATION else None
            except (ValueError, RecursionError):
                tree.notes.append(f"the schema at {array.path} is not valid JSON; not used")
                continue
            self._types(found)

    def _types(self, node: Any) -> None:
        if isinstance(node, dict):
            child = node.get("neurodata_type_def") or node.get("data_type_def")
            parent = node.get("neurodata_type_inc") or node.get("data_type_inc")
            if isinstance(child, str) and isinstance(parent, str):
                self.parents.setdefault(child, parent)
            for value in node.values():
                self._types(value)
        elif isinstance(node, list):
            for value in node:
                self._types(value)

    def is_a(self, group: Group, kind: str) -> bool:
        """Say whether a group's type is `kind`, or extends it at any remove."""
        name, met = group.neurodata_type, set[str]()
        while name and name not in met:
            if name == kind:
                return True
            met.add(name)
            name = self.parents.get(name, "")
        return False
